"""Runs cells as processes, several at a time; what failed does not stop the others."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bimae.errors import DataError
from bimae.study.cells import CellFolder
from bimae.study.plan import Cell

PAUSE = 0.1  # seconds between two looks at what runs
GRACE = 10.0  # seconds that a process has to end when it is told to


class Process(Protocol):
    """What is known of a running command."""

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""

    def stop(self) -> None:
        """Ends it and waits until it has."""


Start = Callable[[list[str], Path, int], Process]
"""Starts `bimae` with these words, its output into this file, on so many threads."""


@dataclass
class Outcome:
    """How a study went.

    Attributes:
        done: Cells that were done in this call.
        failed: Cells that failed in this call, and why; of those that need one, that it failed.
        left: Cells that were not begun, since time was up.
    """

    done: list[Cell] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: list[Cell] = field(default_factory=list)


@dataclass(frozen=True)
class _Running:
    folder: CellFolder
    process: Process
    began: float


class Schedule:
    """Runs the cells of a plan that are not done.

    Args:
        root: The study's folder.
        jobs: Processes at a time; the cores are shared out among them.
        minutes: No cell begins later; None: no limit.
        cell_minutes: A cell that runs longer is stopped and has failed; None: no limit.
        start: Starts a command.
        tell: Is called with a line for every cell that has ended.
    """

    def __init__(
        self,
        root: Path,
        *,
        jobs: int = 1,
        minutes: float | None = None,
        cell_minutes: float | None = None,
        start: Start | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.root = root
        self.jobs = jobs
        self.minutes = minutes
        self.cell_minutes = cell_minutes
        self.start = start or start_bimae
        self.tell = tell
        self.threads = max(1, cores() // jobs)

    def run(self, cells: Sequence[Cell]) -> Outcome:
        """Runs what is not done, each cell after the one that it needs.

        Raises:
            KeyboardInterrupt: After what runs has been ended.
        """
        outcome, began = Outcome(), time.monotonic()
        done = {cell.key for cell in cells if CellFolder(self.root, cell).state == "done"}
        waiting = [cell for cell in cells if cell.key not in done]
        self._all, self._ended = len(waiting), 0
        for cell in cells:
            if cell.key in done:
                CellFolder(self.root, cell).tidy()  # a stop may have come between
        running: list[_Running] = []
        try:
            while waiting or running:
                if self.minutes is not None and time.monotonic() - began > 60 * self.minutes:
                    outcome.left, waiting = waiting, []
                waiting = self._begin(waiting, running, done, outcome)
                running = [each for each in running if not self._ended_now(each, done, outcome)]
                if running:
                    time.sleep(PAUSE)
        finally:
            for each in running:
                each.process.stop()
                each.folder.abandon()
        return outcome

    def _begin(
        self, waiting: list[Cell], running: list[_Running], done: set[str], outcome: Outcome
    ) -> list[Cell]:
        """Begins what can begin; returns what still waits."""
        still = []
        for cell in waiting:
            needs = cell.weights
            if needs in outcome.failed:
                outcome.failed[cell.key] = "what it starts from has failed"
                self._say("failed ", cell, "what it starts from has failed")
            elif len(running) < self.jobs and (needs is None or needs in done):
                folder = CellFolder(self.root, cell)
                folder.begin()
                process = self.start(folder.words, folder.log, self.threads)
                running.append(_Running(folder, process, time.monotonic()))
            else:
                still.append(cell)
        return still

    def _ended_now(self, each: _Running, done: set[str], outcome: Outcome) -> bool:
        """Whether a cell has ended; then what came out is kept."""
        cell, seconds = each.folder.cell, time.monotonic() - each.began
        code = each.process.poll()
        if code is None:
            if self.cell_minutes is None or seconds <= 60 * self.cell_minutes:
                return False
            each.process.stop()
            self._fail(each, f"stopped after {self.cell_minutes:g} minutes", outcome)
        elif code:
            self._fail(each, f"exit code {code}", outcome)
        else:
            try:
                told = each.folder.finish(seconds)
            except DataError as error:
                self._fail(each, str(error), outcome)
                return True
            done.add(cell.key)
            outcome.done.append(cell)
            self._say(f"{seconds:5.0f} s", cell, _scores(told))
        return True

    def _fail(self, each: _Running, why: str, outcome: Outcome) -> None:
        cell = each.folder.cell
        outcome.failed[cell.key] = each.folder.fail(why)
        self._say("failed ", cell, outcome.failed[cell.key])

    def _say(self, how: str, cell: Cell, what: str) -> None:
        self._ended += 1
        self.tell(f"[{self._ended}/{self._all}] {how}  {cell.title}{': ' if what else ''}{what}")


def _scores(told: dict[str, Any]) -> str:
    """Figures of a cell in a few words; empty for a pretraining."""
    rows = told.get("rows", {"": told} if "accuracy" in told else {})
    if len(rows) > 2:
        best = max(rows, key=lambda name: float(rows[name]["macro_f1"]))
        return f"best macro-F1: {best} {rows[best]['macro_f1']:.3f}"
    return "; ".join(
        f"{name} accuracy {row['accuracy']:.3f}, macro-F1 {row['macro_f1']:.3f}".lstrip()
        for name, row in rows.items()
    )


def cores() -> int:
    """Cores that this process may use; fewer where OMP_NUM_THREADS says so."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(allowed or 1, int(asked)) if asked.isdigit() and int(asked) else allowed or 1


class _Bimae:
    """A `bimae` of its own process group, so that Ctrl-C reaches it through us alone."""

    def __init__(self, words: list[str], log: Path, threads: int) -> None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bimae", *words],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | dict.fromkeys(names, str(threads)),
                start_new_session=True,
            )

    def poll(self) -> int | None:
        return self._process.poll()

    def stop(self) -> None:
        for how in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, how)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
                return


def start_bimae(words: list[str], log: Path, threads: int) -> Process:
    """Starts `python -m bimae WORDS`."""
    return _Bimae(words, log, threads)
