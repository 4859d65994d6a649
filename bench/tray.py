"""How long one tray takes from a camera's files to answers, as whole commands. Simulated, no seeds.

    python bench/tray.py [--model MODEL] [--against OTHER/src] [--runs 5] [--folder DIR]

Writes a SIMULATED tray once (64 seeds: a uint16 BIL scan of 54 MB with white and dark reference, a
photo of 8 megapixels, 9.5 MB) and times commands on it, each a process of its own as a user would
start it: the bare interpreter with what an import needs, `bimae data import`, and, with `--model`
(a run, a model folder or an exported file), `bimae predict`. Wall time is what a person waits; CPU
time (user and system, all processes of the command) is what other work on the machine hardly
changes. `--against` is the `src` of another checkout: the two take turns, so that whatever else the
machine does falls on both.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bimae.data.simulate.trays import write_simulated_tray

HERE = Path(__file__).resolve().parent.parent / "src"
TRAY = {"seeds": 64, "lines": 700, "samples": 640, "bands": 60}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="who answers; without it only the import runs")
    parser.add_argument("--against", type=Path, help="src of another checkout, to take turns with")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/bench-tray"))
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    raw = options.folder / "raw"
    if not (raw / "tray.hdr").exists():  # the header is written last
        write_simulated_tray(raw, "tray", overwrite=True, **TRAY)
    sources = {"here": HERE} | ({"against": options.against} if options.against else {})
    print(f"{'':32} {'wall s':>22} {'CPU s':>22}   median (least to most) of {options.runs}")
    for name, command in commands(options.folder, raw, options.model):
        told: dict[str, list[tuple[float, float]]] = {source: [] for source in sources}
        for run in range(options.runs + 1):
            for source, path in sources.items():
                clear(options.folder)
                seconds = timed(command, path, options.folder)
                if run:  # the first one fills caches: of bytecode, of the disk
                    told[source].append(seconds)
        for source, seconds in told.items():
            wall, cpu = (summary(list(column)) for column in zip(*seconds, strict=True))
            print(f"{name:24}{source if options.against else '':8} {wall:>22} {cpu:>22}")
    clear(options.folder)


def commands(folder: Path, raw: Path, model: Path | None) -> Iterator[tuple[str, list[str]]]:
    """What is timed, and what it is called."""
    yield "start, imports", ["-c", "import bimae.data.importing"]
    bimae = ["-m", "bimae"]
    yield "data import", [*bimae, "data", "import", str(raw), str(folder / "out")]
    if model is not None:
        answers = str(folder / "answers.csv")
        yield "predict", [*bimae, "predict", str(model), str(raw), "--out", answers]


def clear(folder: Path) -> None:
    """Nothing that an earlier run left is of use to the next."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    (folder / "answers.csv").unlink(missing_ok=True)


def timed(command: list[str], source: Path, folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of `python COMMAND` with the package in `source`."""
    environment = os.environ | {"PYTHONPATH": str(source), "BIMAE_CACHE": str(folder / "cache")}
    # An installed package has its bytecode; a checkout is to be no slower, and to stay as it is.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    before, began = cpu_of_children(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    wall, spent = time.perf_counter() - began, cpu_of_children() - before
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return wall, spent


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def summary(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


if __name__ == "__main__":
    main()
