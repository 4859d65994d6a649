"""A file that is written bit by bit, and gone on with after a stop.

What is written goes to `<out>.part`. `<out>.part.json` beside it says how far it is good, for whom
(a key: model, data, ...), and what was counted on the way. It is replaced every few seconds, after
the bytes it speaks of are on the disk; whatever a killed process left behind them is cut off.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from bimae.errors import DataError
from bimae.predict.rows import Tally
from bimae.storage import put_in_place, write_text

EVERY_S = 5.0  # what is lost at most, in seconds of work, when the process is killed
FORMAT = 1


@dataclass(frozen=True)
class _Good:
    """How far a file is good: bytes, and what the rows in them come to."""

    bytes: int = 0
    tally: Tally = field(default_factory=Tally)


class Part:
    """The file while it is being written; a context that one process at a time can be in.

    Attributes:
        out: What it will be called.
        path: What it is called now.
    """

    def __init__(self, out: Path, *, every_s: float | None = None) -> None:
        """Names the file; nothing is opened yet.

        Args:
            out: What it will be called.
            every_s: Seconds between writing down how far it is; default: `EVERY_S`.
        """
        self.out = out
        self.path = out.with_name(f"{out.name}.part")
        self._state = out.with_name(f"{out.name}.part.json")
        self._every_s = EVERY_S if every_s is None else every_s
        self._key: dict[str, str] | None = None
        self._good = _Good()
        self._kept_at = time.monotonic()

    @property
    def tally(self) -> Tally:
        """What the rows so far come to."""
        return self._good.tally

    def __enter__(self) -> Self:
        """Opens the file, and holds it against others.

        Raises:
            DataError: Another process is writing it.
        """
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self._file = _locked(self.path)
        return self

    def begin(self, key: Mapping[str, str], heading: bytes = b"") -> tuple[str, ...]:
        """Goes on where an earlier process stopped; where its key was another, from the start.

        Args:
            key: All that decides what is written, by names for people.
            heading: What stands before the first row.

        Returns:
            The names of what differs from what was begun earlier; empty where nothing does, or
            nothing was begun.
        """
        self._key = dict(key)
        before, good = self._read()
        if before and before == self._key and self._file.seek(0, os.SEEK_END) >= good.bytes:
            self._file.truncate(good.bytes)
            self._file.seek(good.bytes)
            self._good = good
            return ()
        self._state.unlink(missing_ok=True)  # first: it speaks of bytes that are about to go
        self._file.truncate(0)
        self._file.seek(0)
        self.add(heading, Tally())
        names = [*key, *(name for name in before if name not in key)]
        return tuple(name for name in names if before and before.get(name) != self._key.get(name))

    def add(self, data: bytes, tally: Tally) -> None:
        """Writes the rows of a batch.

        Args:
            data: The rows.
            tally: What all rows come to, these included.
        """
        left = memoryview(data)
        while left:  # a file without a buffer may take less than it is given
            left = left[self._file.write(left) :]
        # In one step: an interrupt never finds rows that are written and not counted.
        self._good = _Good(self._good.bytes + len(data), tally)
        if tally.samples and time.monotonic() - self._kept_at >= self._every_s:
            self.keep()

    def keep(self) -> None:
        """Makes sure that what is written so far outlives this process."""
        os.fsync(self._file.fileno())
        state = {"format": FORMAT, "key": self._key, **asdict(self._good)}
        write_text(self._state, json.dumps(state, ensure_ascii=False) + "\n")
        self._kept_at = time.monotonic()

    def finish(self, make: Callable[[Path, Path], None] = put_in_place) -> None:
        """Gives the file its name; an older one is replaced.

        Args:
            make: Makes `out` of what was written: (from, to).
        """
        self.keep()
        self._file.close()
        make(self.path, self.out)
        self.path.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keeps what was written; leaves nothing where nothing was."""
        if self._file.closed:
            return
        # A disk that is full has no room for the state either: the older one has to do.
        with suppress(OSError):
            if self.tally.samples:
                self.keep()
            elif self._key is not None or not self._file.seek(0, os.SEEK_END):
                self.path.unlink(missing_ok=True)
        self._file.close()

    def _read(self) -> tuple[dict[str, str], _Good]:
        """What an earlier process wrote down; empty where there is nothing to go on with."""
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            if state["format"] != FORMAT:
                return {}, _Good()
            return dict(state["key"]), _Good(int(state["bytes"]), Tally(**state["tally"]))
        except (OSError, ValueError, TypeError, KeyError):
            return {}, _Good()


def _locked(path: Path) -> IO[bytes]:
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
    free = True
    try:
        import fcntl  # noqa: PLC0415 - not on Windows, where two of them are the user's to avoid

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another process may have given the file its real name since it was opened here.
        free = path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except ImportError:
        pass
    except BlockingIOError:
        free = False
    if not free:
        file.close()
        raise DataError(
            f"{path}: another bimae predict is writing it; wait until it is done, or choose "
            "another --out"
        )
    return file
