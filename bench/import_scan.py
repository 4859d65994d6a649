"""How fast a large ENVI scan is imported, and in how much memory. Simulated, not seeds.

    python bench/import_scan.py [--gigabytes 1.2] [--folder DIR] [--runs 3] [--workers 2]

Writes a SIMULATED tray (uint16 counts, BIL, with white and dark references and a photo) once, then
runs `bimae data import` on it as a user would, a process of its own each time. MB/s counts the
scan's own bytes, once, over the whole command: start, looking for the seeds, cutting, writing.
Memory is what the command and its processes hold at a time (PSS: shared pages counted once),
looked at every 50 ms.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from bimae.data.simulate.trays import write_simulated_tray

SAMPLES, BANDS = 640, 224  # of a common close-range scanner


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=1.2)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/bench-import"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--no-photo", action="store_true")
    options = parser.parse_args()
    lines = round(options.gigabytes * 1e9 / (SAMPLES * BANDS * 2))
    raw = options.folder / f"simulated-{lines}{'' if not options.no_photo else '-no-photo'}"
    scan = raw / "tray.raw"
    if not scan.exists():
        began = time.perf_counter()
        write_simulated_tray(
            raw,
            "tray",
            lines=lines,
            samples=SAMPLES,
            bands=BANDS,
            seeds=lines * SAMPLES // 3200,
            distinct=24,
            photo=not options.no_photo,
            photo_scale=2.0,
            overwrite=True,
        )
        print(f"simulated {scan} in {time.perf_counter() - began:.0f} s")
    size = scan.stat().st_size
    seconds, peaks, seeds = [], [], 0
    for _ in range(options.runs):
        out = options.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        command = [sys.executable, "-m", "bimae", "data", "import", str(raw), str(out)]
        command += ["--layout", "tray", "--workers", str(options.workers)]
        elapsed, peak = measured(command)
        seeds = json.loads((out / "dataset.json").read_text())["samples"]
        print(f"  {elapsed:.1f} s, {size / 1e6 / elapsed:.0f} MB/s, peak {peak / 1e6:.0f} MB")
        seconds.append(elapsed)
        peaks.append(peak)
    middle = statistics.median(seconds)
    print(
        f"{size / 1e9:.2f} GB simulated scan ({lines} lines x {SAMPLES} samples x {BANDS} bands), "
        f"{seeds} seeds cut: median {middle:.1f} s = {size / 1e6 / middle:.0f} MB/s, "
        f"peak memory {max(peaks) / 1e6:.0f} MB"
    )


def measured(command: list[str]) -> tuple[float, int]:
    """Seconds and the peak of the memory of a command and all its processes, in bytes."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    done = threading.Event()

    def look() -> None:
        nonlocal peak
        while not done.wait(0.05):
            peak = max(peak, sum(pss(pid) for pid in family(process.pid)))

    watcher = threading.Thread(target=look)
    watcher.start()
    code = process.wait()
    elapsed = time.perf_counter() - began
    done.set()
    watcher.join()
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    return elapsed, peak


def family(pid: int) -> list[int]:
    """A process and all that it has started, as Linux tells it."""
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (thread / "children").read_text().split()
        except OSError:
            continue
        found += [member for child in children for member in family(int(child))]
    return found


def pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # it has just ended
        return 0
    return next((int(x.split()[1]) * 1024 for x in text.splitlines() if x.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
