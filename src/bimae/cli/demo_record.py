"""What is done of a demo, kept in its folder: one that was stopped goes on, a stage at a time."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bimae
from bimae.errors import ConfigError
from bimae.storage import write_text

STOPPED = "stopped.json"  # there from the first moment to the last: then `COMPARISON` is
COMPARISON = "comparison.json"


class Record:
    """The stages of a demo that are done, and what came of them.

    A stage that was stopped in its middle begins again: it takes two minutes at most, and that way
    what comes out is what an undisturbed demo makes.

    Args:
        out: Folder of the demo.
        key: All that decides what comes out; plain values.
        done: Stages that are done, and what each told.
        seconds: That they took.
    """

    def __init__(
        self,
        out: Path,
        key: Mapping[str, Any],
        done: dict[str, dict[str, float]] | None = None,
        seconds: float = 0.0,
    ) -> None:
        self.out = out
        self.key = dict(key)
        self.done = done or {}
        self.seconds = seconds
        self._began = 0.0

    @classmethod
    def begun(
        cls, out: Path, options: Mapping[str, Any], stages: set[str], *, overwrite: bool
    ) -> "Record":
        """The record of the demo in a folder: of one that was stopped, or of a new one; says which.

        Args:
            out: Folder of the demo.
            options: All that decides what comes out; plain values.
            stages: Names of the folders that a demo leaves.
            overwrite: Whether an earlier demo may be replaced. One of the same options that was
                stopped goes on in any case: that comes to the same.

        Raises:
            ConfigError: The folder holds a demo that is finished or of other options, and
                `overwrite` is False; or it holds what no demo leaves.
        """
        key = {"bimae": bimae.__version__, **options}
        stopped = _read(out / STOPPED)
        if stopped is not None and stopped["key"] == key:
            print(f"note: going on with the demo that was stopped in {out}; what is done is kept")
            return cls(out, key, stopped["done"], stopped["seconds"])
        if out.exists() and not out.is_dir():
            raise ConfigError(f"{out}: is a file, expected a folder to write into; name another")
        there = {path.name for path in out.iterdir()} if out.is_dir() else set()
        demo = bool(there & {STOPPED, COMPARISON}) or there <= stages
        if there and not demo:
            raise ConfigError(f"{out}: holds other files; name another --out")
        if there and not overwrite:
            what = "a demo already"
            if COMPARISON not in there:
                what = "a demo of another version or other options, which was stopped"
            raise ConfigError(f"{out}: holds {what}; name another --out, or --overwrite it")
        if there:
            print(f"note: the earlier demo in {out} is replaced")
        (out / COMPARISON).unlink(missing_ok=True)
        record = cls(out, key)
        record.save()
        return record

    def begins(self, stage: str) -> bool:
        """Whether a stage is to be done; then what lies in its folder is cleared away."""
        if stage in self.done and (self.out / stage).is_dir():
            print("     done already")
            return False
        shutil.rmtree(self.out / stage, ignore_errors=True)  # begun and stopped, or an earlier demo
        self._began = time.monotonic()
        return True

    def ends(self, stage: str, **told: float) -> None:
        """Keeps that a stage is done, and what it told."""
        self.seconds += time.monotonic() - self._began
        self.done[stage] = told
        self.save()

    def save(self) -> None:
        """Keeps it."""
        told = {"key": self.key, "done": self.done, "seconds": self.seconds}
        write_text(self.out / STOPPED, json.dumps(told, indent=2) + "\n")

    def finish(self, comparison: Mapping[str, Any]) -> None:
        """Leaves the table in the place of the record."""
        write_text(self.out / COMPARISON, json.dumps(comparison, indent=2) + "\n")
        (self.out / STOPPED).unlink()


def _read(path: Path) -> dict[str, Any] | None:
    """A record; None where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    there = isinstance(found, dict) and found.keys() >= {"key", "done", "seconds"}
    return found if there else None
