"""Where indexes and inflated shards are kept: never in a data folder.

`$BIMAE_CACHE`, else `$XDG_CACHE_HOME/bimae`, else `~/.cache/bimae`. Everything there can be
deleted at any time, and nothing depends on the folder being writable.
"""

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bimae.errors import DataError

FORMAT = 1  # raised whenever what is kept changes its meaning
# A file written again within one tick of the clock keeps size and time of the older one (git calls
# such a file racy). What was kept so soon after the last change is not believed. FAT ticks at 2 s.
_TICK_NS = 2_000_000_000


class Stamp(NamedTuple):
    """A file as it was: what is kept about it holds as long as this does not change.

    Attributes:
        path: Absolute path, links followed.
        size: Bytes.
        mtime_ns: Time of the last change.
    """

    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """The stamp of a file.

        Raises:
            DataError: It is not there, not a file, or may not be looked at.
        """
        try:
            real = path.resolve(strict=True)
            status = real.stat()
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
        if real.is_dir():
            raise DataError(f"{path}: a folder, expected a TFRecord file")
        return cls(str(real), status.st_size, status.st_mtime_ns)


def folder() -> Path:
    """The cache folder (not created)."""
    if own := os.environ.get("BIMAE_CACHE"):
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path("~/.cache").expanduser()) / "bimae"


def entry(stamp: Stamp, suffix: str) -> Path:
    """The file that keeps something about the stamped file."""
    state = hashlib.sha256(f"{FORMAT} {stamp.size} {stamp.mtime_ns}".encode()).hexdigest()
    return folder() / f"{_name(stamp)}-{state[:16]}{suffix}"


def is_settled(stamp: Stamp, written_ns: int | None = None) -> bool:
    """Whether what was kept at `written_ns` (default: now) cannot predate a later change."""
    written_ns = time.time_ns() if written_ns is None else written_ns
    return stamp.mtime_ns + _TICK_NS < written_ns


def forget_older(kept: Path, stamp: Stamp) -> None:
    """Removes what was kept about earlier states of the stamped file; `kept` stays."""
    with suppress(OSError):
        for old in kept.parent.glob(f"{_name(stamp)}-*{kept.suffix}"):
            if old != kept:
                old.unlink(missing_ok=True)


def _name(stamp: Stamp) -> str:
    return hashlib.sha256(os.fsencode(stamp.path)).hexdigest()[:24]
