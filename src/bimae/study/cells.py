"""The folder of a cell: `result.json` once it is done, `error.txt` where it failed, its log.

A cell is done when `result.json` is there, which is written last and whole; whatever else lies in
a folder without one is of a run that was stopped, and goes before the next.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import bimae
from bimae.errors import ConfigError, DataError
from bimae.storage import write_text
from bimae.study.commands import FIGURES, command, figures
from bimae.study.plan import Cell

State = Literal["done", "failed", "open"]
TOLD = 12  # lines of a log that a failure is told with


class CellFolder:
    """Paths of a cell, what has come out, and what is left of it."""

    def __init__(self, root: Path, cell: Cell) -> None:
        """The folder of a cell in the folder of a study; nothing is made yet."""
        self.root = root
        self.cell = cell
        self.path = root / "cells" / cell.key
        self.run = self.path / "run"
        self.log = self.path / "log.txt"
        self._result = self.path / "result.json"
        self._error = self.path / "error.txt"

    @property
    def words(self) -> list[str]:
        """The command line after `bimae`."""
        cell = self.cell
        weights = None if cell.weights is None else self.root / "cells" / cell.weights / "run"
        return command(
            cell.verb,
            cell.data,
            self.run,
            options=cell.options,
            shots=cell.shots,
            seed=cell.seed,
            sensor=cell.sensor,
            weights=weights,
        )

    @property
    def state(self) -> State:
        """How far it is.

        A model that others need and that is gone has to be made again, and so have figures that
        an earlier version did not leave.
        """
        there = not self.cell.model or (self.run / "model").is_dir()
        if self._result.is_file() and there and not self._missing():
            return "done"
        return "failed" if self._error.is_file() else "open"

    def begin(self) -> None:
        """Makes room for a run."""
        self.abandon()
        for path in (self._error, self._result):
            path.unlink(missing_ok=True)
        self.path.mkdir(parents=True, exist_ok=True)

    def finish(self, seconds: float) -> dict[str, Any]:
        """Keeps what a run found and removes what nobody needs; the cell is done then.

        Raises:
            DataError: The run left no figures, not all that are wanted, or no model where one is
                needed.
        """
        cell = self.cell
        if cell.model and not (self.run / "model").is_dir():
            raise DataError(f"{self.run}: the run left no model")
        told: dict[str, Any] = {
            "key": cell.key,
            "title": cell.title,
            "command": ["bimae", *self.words],
            "seconds": round(seconds, 1),
            "bimae": bimae.__version__,
        }
        if cell.verb in FIGURES:
            told |= figures(cell.verb, self.run, dict(cell.options))
        if missing := [row for row in cell.rows if row not in told.get("rows", {})]:
            raise DataError(f"{self.run}: the run left no figures of {', '.join(missing)}")
        write_text(self._result, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        self.tidy()
        return told

    def tidy(self) -> None:
        """Removes checkpoints, and a model that no other cell starts from."""
        if self.cell.keep:
            return
        names = ("checkpoints",) if self.cell.model else ("checkpoints", "model")
        for name in names:
            shutil.rmtree(self.run / name, ignore_errors=True)

    def abandon(self) -> None:
        """Removes what a stopped run left; the cell begins anew."""
        shutil.rmtree(self.run, ignore_errors=True)

    def fail(self, why: str) -> str:
        """Keeps why a run failed, with the end of its log; returns the telling line."""
        self.tidy()
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            lines = []
        said = [line.rsplit("\r", 1)[-1].rstrip() for line in lines if line.strip()]
        write_text(self._error, "\n".join([why, *said[-TOLD:]]) + "\n")
        return f"{why}: {said[-1]}" if said else why

    def result(self) -> dict[str, Any] | None:
        """What came out; None where the cell is not done."""
        if self.state != "done":
            return None
        try:
            return dict(json.loads(self._result.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{self._result}: not readable ({error}); remove {self.path} to run the cell again"
            ) from error

    def _missing(self) -> bool:
        """Whether the result lacks figures that are wanted; what is damaged, `result` tells."""
        if not self.cell.rows:
            return False
        try:
            found = json.loads(self._result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return not set(self.cell.rows) <= set(found.get("rows", {}))

    def error(self) -> str | None:
        """Why it failed; None where it did not."""
        return self._error.read_text(encoding="utf-8") if self.state == "failed" else None


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Holds a study's folder for this process; the operating system lets go of it at its end.

    Raises:
        ConfigError: Another process holds it.
    """
    import fcntl  # noqa: PLC0415 - not there on Windows, where only this check is lost

    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                f"{root}: another bimae study works in this folder; wait, or name another --out"
            ) from error
        yield
