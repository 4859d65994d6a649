"""Room on the disk for copies of shards, inflated or fetched: which one goes when it gets tight.

`$BIMAE_CACHE_LIMIT` in GB (1 GB is 10^9 bytes), by default 50, but never more than leaves a tenth
of the disk free, or 10 GB of a large one: for the copies in the cache folder, and again for the
nameless ones of a process. What was used longest ago goes first. Processes that write at the same
time do not know what the others are about to write: until the first of them is done, they may pass
the limit.

A copy that is mapped stays readable when its file is removed (POSIX: the bytes are freed when
nobody maps them any more), so any copy may go at any time, whoever uses it. For the bytes to be
freed soon, a process gives up its own maps of what is removed (`Held`); arrays that were made on
such a map keep it alive until they are gone themselves.
"""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple
from weakref import WeakSet

from bimae.data.tfrecord import cache
from bimae.data.tfrecord.inflate import Sink
from bimae.errors import ConfigError

SUFFIX = ".tfrecord"
DEFAULT_GB = 50.0
_FREE, _FREE_BYTES = 0.1, 10_000_000_000  # of the disk, whichever is less
_STEP = 64 << 20  # bytes by which a copy that is larger than expected asks for more
_STALE_S = 24 * 3600  # an unfinished file of that age belongs to a process that is gone


class NoRoomError(OSError):
    """A copy is larger than the limit, or the disk is too full."""


@dataclass(eq=False)
class Held:
    """A mapped shard.

    Attributes:
        view: Its bytes, uncompressed; None once it was given up, and has to be mapped again.
        file: The copy in the cache that is mapped; None for a file that nobody else can see, or
            the shard itself.
        size: Bytes on the disk that are freed when a nameless copy is given up.
        used: When it was mapped.
    """

    view: memoryview | None
    file: Path | None = None
    size: int = 0
    used: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        if self.file is not None or self.size:
            with _LOCK:
                _HELD.add(self)


_HELD: WeakSet[Held] = WeakSet()
_PROMISED: dict[str, int] = {}  # bytes that each file which this process writes is going to have
_LOCK = threading.RLock()


def _fresh_lock() -> None:
    global _LOCK  # noqa: PLW0603
    _LOCK = threading.RLock()
    _PROMISED.clear()


# The thread that held it does not exist in a forked process, which would wait for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fresh_lock)


class _Copy(NamedTuple):
    """A copy in the cache."""

    used: float
    size: int
    file: Path


def limit() -> int:
    """Bytes that copies may take.

    Raises:
        ConfigError: `$BIMAE_CACHE_LIMIT` is no number of GB.
    """
    given = os.environ.get("BIMAE_CACHE_LIMIT") or DEFAULT_GB
    try:
        most = int(float(given) * 1e9)
    except (ValueError, OverflowError):
        most = -1
    if most < 0:
        raise ConfigError(
            f"BIMAE_CACHE_LIMIT={given!r}: expected the gigabytes that the cache may take, such as "
            f"{DEFAULT_GB:g}"
        )
    place = Path(tempfile.gettempdir()) if cache.is_off() else cache.folder()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        disk = shutil.disk_usage(place)
    except OSError:
        return most
    copies, _, written = _kept()
    here = sum(copy.size for copy in copies) + written
    return max(0, min(most, here + disk.free - min(int(_FREE * disk.total), _FREE_BYTES)))


def make_room(size: int) -> bool:
    """Removes copies, longest unused first, until `size` more bytes fit under the limit.

    Returns:
        Whether they fit. Nothing is removed for what never will.
    """
    with _LOCK:
        most = limit()
        if size > most:
            return False
        copies, used, _ = _kept()
        used += sum(copy.size for copy in copies)
        for copy in sorted(copies, key=lambda copy: copy.used):
            if used + size <= most:
                break
            _remove(copy.file)
            used -= copy.size
        _give_up_removed()
        return used + size <= most


def hold_nameless(view: memoryview) -> Held:
    """Holds a nameless copy; older ones of this process go where all together pass the limit."""
    with _LOCK:
        others = [held for held in list(_HELD) if held.size and held.view is not None]
        used, most = sum(held.size for held in others) + len(view), limit()
        for held in sorted(others, key=lambda held: held.used):
            if used <= most:
                break
            held.view = None
            used -= held.size
        return Held(view, size=len(view))


def discard(held: Held) -> None:
    """Removes a copy that is damaged."""
    if held.file is not None:
        _remove(held.file)


def make_copy(kept: Path, size: int, write: Callable[[Sink], None]) -> IO[bytes]:
    """Makes a copy that appears under its name when it is whole.

    Args:
        kept: Its name.
        size: Bytes that are expected.
        write: Writes it.

    Returns:
        The copy, open for reading: it can be mapped even if it is removed at once.

    Raises:
        NoRoomError: It does not fit under the limit.
    """
    with cache.unfinished(kept) as temporary:
        _promise(temporary, size)
        try:
            with temporary.open("xb") as file:
                write(_Limited(file, temporary))
            # The clock by which files are made ticks more slowly than the one of later uses.
            os.utime(temporary, ns=(time.time_ns(), temporary.stat().st_mtime_ns))
            with _LOCK:
                temporary.replace(kept)
                del _PROMISED[temporary.name]
                copy = kept.open("rb")
                make_room(0)  # what other processes wrote meanwhile counts too
                return copy
        finally:
            _PROMISED.pop(temporary.name, None)


def _promise(temporary: Path, more: int) -> None:
    with _LOCK:
        if not make_room(more):
            raise NoRoomError(f"{more} bytes are more than the cache may take")
        _PROMISED[temporary.name] = _PROMISED.get(temporary.name, 0) + more


class _Limited:
    """A file that looks at the limit when it grows beyond what was expected."""

    def __init__(self, file: IO[bytes], temporary: Path) -> None:
        self._file, self._temporary = file, temporary
        self._written = 0

    def write(self, piece: bytes) -> int:
        self._written += len(piece)
        if self._written > _PROMISED[self._temporary.name]:
            _promise(self._temporary, _STEP)
        return self._file.write(piece)

    def seek(self, position: int) -> int:
        self._written = position
        return self._file.seek(position)

    def truncate(self) -> int:
        return self._file.truncate()


def _kept() -> tuple[list[_Copy], int, int]:
    """The copies in the cache folder; of what is being written, the bytes to be and those there."""
    copies, unfinished, written = [], sum(list(_PROMISED.values())), 0
    with suppress(OSError), os.scandir(cache.folder()) as entries:
        for entry in entries:
            with suppress(OSError):
                status = entry.stat()
                if cache.is_copy(entry.name):
                    copies.append(_Copy(status.st_atime, status.st_size, Path(entry.path)))
                elif not cache.is_unfinished(entry.name):
                    continue
                elif time.time() - status.st_mtime > _STALE_S:
                    Path(entry.path).unlink()
                else:
                    written += status.st_size
                    unfinished += status.st_size * (entry.name not in _PROMISED)
    return copies, unfinished, written


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)


def _give_up_removed() -> None:
    """Gives up maps of what this or another process removed: the bytes are still on the disk."""
    for held in list(_HELD):
        if held.file is not None and held.view is not None and not held.file.exists():
            held.view = None
