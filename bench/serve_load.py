"""What `bimae serve` bears: many clients at the same time, for a while. Simulated seeds.

    python bench/serve_load.py [--clients 200] [--seconds 60] [--model DIR]

Starts the server as a process of its own and asks it from this one: each client sends a request
over a connection that stays open, waits for the answer and sends the next. Without --model a tiny
classifier with fresh weights is made, which costs as much as a trained one. Latency is what a
client sees, most of it spent waiting behind the other clients. Memory is the server's resident set,
looked at every half second; the first `WARM` seconds count for nothing. Client and server share the
processors.
"""

import argparse
import asyncio
import io
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from bimae.data.simulate import simulate_samples, wavelengths
from bimae.model import ClassifierConfig, SeedClassifier
from bimae.model.config import preset

WARM = 5.0
BODIES = 19


@dataclass
class Seen:
    """What the clients saw."""

    latencies: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    begun: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--bands", type=int, default=300)
    parser.add_argument("--read", type=int, default=10, help="bands that the model reads")
    parser.add_argument("--serve", nargs=argparse.REMAINDER, default=[], help="its options")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as folder:
        model = options.model or make_model(Path(folder) / "tiny", options.bands, options.read)
        bodies = make_bodies(options.bands)
        words = [sys.executable, "-m", "bimae", "serve", str(model), "--port=0", *options.serve]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            try:
                port = port_of(server)
                report(*measure(port, server.pid, bodies, options), options)
            finally:
                server.send_signal(signal.SIGTERM)


def make_model(folder: Path, bands: int, read: int) -> Path:
    names = tuple(f"class {number:02d}" for number in range(19))
    sizes = preset("mae_vit_tiny_patch24", bands=bands)
    picked = tuple(i * bands // read for i in range(read))
    config = ClassifierConfig(sizes, names, "bimodal", picked, wavelengths_nm=wavelengths(bands))
    generator = torch.Generator().manual_seed(0)
    return SeedClassifier(config, generator=generator).save_pretrained(folder)


def make_bodies(bands: int) -> list[bytes]:
    """Requests: one simulated seed of each species, spectra and RGB in one file, packed."""
    found = []
    for sample in simulate_samples(per_class=1, bands=bands):
        file = io.BytesIO()
        rgb = np.rint(sample.rgb * 255).astype(np.uint8)
        np.savez_compressed(file, hs=sample.hs, rgb=rgb, wavelengths=wavelengths(bands))
        body = file.getvalue()
        head = (
            "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-npz\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        found.append(head.encode() + body)
    return found[:BODIES]


def port_of(server: "subprocess.Popen[str]") -> int:
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.search(r"serving  http://[^/]*:(\d+)/", line):
            return int(found[1])
    raise SystemExit("the server did not start")


def measure(
    port: int, pid: int, bodies: list[bytes], options: argparse.Namespace
) -> tuple[Seen, list[tuple[float, float]]]:
    seen, memory = Seen(), []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.5):
            memory.append((time.monotonic() - seen.begun, resident(pid)))

    seen.begun = time.monotonic()
    watching = threading.Thread(target=look)
    watching.start()
    asyncio.run(ask_all(port, bodies, options, seen))
    done.set()
    watching.join()
    return seen, memory


async def ask_all(port: int, bodies: list[bytes], options: argparse.Namespace, seen: Seen) -> None:
    until = seen.begun + WARM + options.seconds
    await asyncio.gather(*(ask(port, bodies, i, until, seen) for i in range(options.clients)))


async def ask(port: int, bodies: list[bytes], number: int, until: float, seen: Seen) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (began := time.monotonic()) < until:
        try:
            writer.write(bodies[number % len(bodies)])
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1]) if length else 0)
            status = head.split(b" ", 2)[1].decode()
            if status != "200" or "probabilities" not in json.loads(body):
                seen.errors[status] = seen.errors.get(status, 0) + 1
        except (OSError, EOFError, asyncio.IncompleteReadError) as error:
            name = type(error).__name__
            seen.errors[name] = seen.errors.get(name, 0) + 1
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            continue
        if began - seen.begun >= WARM:
            seen.latencies.append(time.monotonic() - began)
        number += 1
    writer.close()


def resident(pid: int) -> float:
    """MB of memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1e3


def report(seen: Seen, memory: list[tuple[float, float]], options: argparse.Namespace) -> None:
    counted = [mb for at, mb in memory if at >= WARM]
    tenths = [statistics.median(part) for part in np.array_split(counted, 10) if len(part)]
    ordered = sorted(seen.latencies)
    p50, p95, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.95, 0.99))
    print(
        f"{options.clients} clients for {options.seconds:g} s: {len(ordered)} requests, "
        f"{len(ordered) / options.seconds:.1f} a second; errors {seen.errors or 'none'}"
    )
    print(f"latency  p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s, most {ordered[-1]:.2f} s")
    told = " ".join(f"{mb:.0f}" for mb in tenths)
    print(f"memory   most {max(counted):.0f} MB; by tenths of the time {told} MB")


if __name__ == "__main__":
    main()
