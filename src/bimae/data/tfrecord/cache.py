"""Where indexes and copies of shards (inflated or fetched) are kept: never in a data folder.

`$BIMAE_CACHE`, else `$XDG_CACHE_HOME/bimae`, else `~/.cache/bimae`. Everything there can be
deleted at any time, and nothing depends on the folder being writable. With `$BIMAE_NO_CACHE=1`
nothing is read there and nothing is kept: copies live in files without a name, for one process.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from bimae.data.remote import RemotePath
from bimae.errors import DataError

FORMAT = 1  # raised whenever what is kept changes its meaning
_NAME = "[0-9a-f]{24}-[0-9a-f]{16}"  # of what is kept, as `entry` makes it
# A file written again within one tick of the clock keeps size and time of the older one (git calls
# such a file racy). What was kept so soon after the last change is not believed. FAT ticks at 2 s.
_TICK_NS = 2_000_000_000


class Stamp(NamedTuple):
    """A file as it was: what is kept about it holds as long as this does not change.

    Attributes:
        path: Absolute path, links followed; of a remote file its address.
        size: Bytes.
        mtime_ns: Time of the last change; 0 where a remote file has a version, or tells neither
            (then its size alone has to do).
        version: What a remote file's storage calls this content (an ETag), or empty.
    """

    path: str
    size: int
    mtime_ns: int
    version: str = ""

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """The stamp of a file.

        Raises:
            DataError: It is not there, not a file, or may not be looked at.
        """
        if isinstance(path, RemotePath):
            return cls(str(path), *path.state())
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


def is_off() -> bool:
    """Whether nothing is to be read from the cache or kept in it."""
    return os.environ.get("BIMAE_NO_CACHE", "") not in ("", "0")


@contextmanager
def making(kept: Path) -> Iterator[None]:
    """One at a time, in all processes of this machine, makes what will be kept under this name.

    So that processes that start together (ranks, workers) wait for the first instead of doing its
    work again. Where files cannot be locked, they do it again.
    """
    if is_off():
        yield
        return
    lock = kept.with_name(f".{kept.name}.lock")
    with ExitStack() as held:
        with suppress(OSError, ImportError):
            import fcntl  # noqa: PLC0415 - not on Windows

            lock.parent.mkdir(parents=True, exist_ok=True)
            file = held.enter_context(lock.open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)
            # Said, since a process that was forked meanwhile has the file open too.
            held.callback(fcntl.flock, file, fcntl.LOCK_UN)
            held.callback(_remove, lock)
        yield


def entry(stamp: Stamp, suffix: str) -> Path:
    """The file that keeps something about the stamped file."""
    text = f"{FORMAT} {stamp.size} {stamp.mtime_ns}{' ' * bool(stamp.version)}{stamp.version}"
    state = hashlib.sha256(os.fsencode(text)).hexdigest()
    return folder() / f"{_name(stamp)}-{state[:16]}{suffix}"


@contextmanager
def unfinished(kept: Path) -> Iterator[Path]:
    """A path beside `kept`, to be renamed to it when it is whole; what is left of it is removed.

    Unlike `bimae.storage`, nothing is forced to the disk, which takes milliseconds for an index
    and as long as inflating for a shard. What a power cut leaves is not whole, and whoever reads
    it here sees that (by checksums in an index, by the size of a copy) and makes it again.
    """
    kept.parent.mkdir(parents=True, exist_ok=True)
    temporary = kept.with_name(f".{kept.stem}-{os.getpid()}-{time.time_ns()}{kept.suffix}")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def is_copy(name: str) -> bool:
    """Whether a file of that name in the cache folder is a copy of a shard, made here.

    The folder may be one that holds a person's files too.
    """
    return re.fullmatch(_NAME + r"\.tfrecord", name) is not None


def is_unfinished(name: str) -> bool:
    """Whether a file of that name is being made here, or was left by a process that is gone."""
    return re.fullmatch(rf"\.{_NAME}(-\d+-\d+)?\.(tfrecord|npz)(\.lock)?", name) is not None


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


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)
