"""A shard's records as one read-only memory map.

Of the file itself, or of a copy: where it is compressed (inflated once) or on object storage
(fetched when first needed).
"""

import mmap
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO

from bimae.data.remote import RemotePath
from bimae.data.tfrecord import cache, room
from bimae.data.tfrecord.cache import Stamp
from bimae.data.tfrecord.framing import HEAD_BYTES, Compression, recognise
from bimae.data.tfrecord.inflate import Sink, inflate, size_hint
from bimae.data.tfrecord.room import Held
from bimae.errors import DataError


def map_records(path: Path, stamp: Stamp) -> memoryview:
    """The uncompressed bytes of a TFRecord file, memory-mapped.

    Args:
        path: The file as the user named it, for messages.
        stamp: Its stamp.

    Returns:
        A read-only view of bytes. Arrays made on it keep the map alive.

    Raises:
        DataError: The file cannot be read, is no TFRecord file, or its compressed stream is
            damaged or cut off.
    """
    return hold_records(path, stamp)[0]


def hold_records(path: Path, stamp: Stamp, size: int | None = None) -> tuple[memoryview, Held]:
    """As `map_records`, and what tells when the map is to be given up.

    Args:
        path: The file as the user named it, for messages.
        stamp: Its stamp.
        size: Bytes that there are uncompressed, where that is known.

    Raises:
        DataError: As `map_records`, or a remote file is not what the stamp says.
    """
    try:
        if isinstance(path, RemotePath):
            return _copy(path, stamp, size, stamp.size, partial(_fetch, path, stamp))
        with Path(stamp.path).open("rb") as file:
            if recognise(file.read(HEAD_BYTES), path) == "none":
                view = _map(file, path)
                return view, Held(view)
            expected = size or size_hint(file)
            return _copy(path, stamp, size, expected, partial(inflate, file, path=path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}); check the file and its disk") from error


def compression_of(path: Path, stamp: Stamp) -> Compression:
    """How a file is compressed, by its first bytes; nothing else of it is read.

    Raises:
        DataError: It cannot be read, or is no TFRecord file.
    """
    if isinstance(path, RemotePath):
        return recognise(path.head(HEAD_BYTES), path)
    try:
        with Path(stamp.path).open("rb") as file:
            return recognise(file.read(HEAD_BYTES), path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}): check the file") from error


def _map(file: IO[bytes], path: Path) -> memoryview:
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise DataError(f"{path}: record 0: the compressed file holds 0 bytes, expected records")
    return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))


def _copy(
    path: Path, stamp: Stamp, size: int | None, expected: int, write: Callable[[Sink], None]
) -> tuple[memoryview, Held]:
    """Maps the copy of a shard, made by `write` where it is not there."""
    if not cache.is_off():
        kept = cache.entry(stamp, room.SUFFIX)
        if (found := _kept(kept, stamp, size, path)) is not None:
            return found
        with suppress(OSError), cache.making(kept):
            if (found := _kept(kept, stamp, size, path)) is not None:
                return found  # another process has made it meanwhile
            with room.make_copy(kept, expected, write) as file:
                cache.forget_older(kept, stamp)
                view = _map(file, path)
                return view, Held(view, kept)
    # No cache, or its folder is read-only or too small: a nameless file, for this process.
    with tempfile.TemporaryFile() as out:
        write(out)
        out.flush()
        view = _map(out, path)
        return view, room.hold_nameless(view)


def _kept(kept: Path, stamp: Stamp, size: int | None, path: Path) -> tuple[memoryview, Held] | None:
    """The copy that was made earlier, if it is there and whole."""
    with suppress(OSError), kept.open("rb") as file:
        status = os.fstat(file.fileno())
        whole = status.st_size > 0 and size in (None, status.st_size)
        if whole and cache.is_settled(stamp, status.st_mtime_ns):
            view = _map(file, path)
            with suppress(OSError):  # belongs to somebody else
                os.utime(kept, ns=(time.time_ns(), status.st_mtime_ns))
            return view, Held(view, kept)
    return None


def _fetch(path: RemotePath, stamp: Stamp, out: Sink) -> None:
    """Writes the uncompressed bytes of a remote file, a few MB at a time."""
    pieces = path.pieces(stamp.size)
    first = next(pieces, b"")
    if recognise(first[:HEAD_BYTES], path) == "none":
        for piece in chain([first], pieces):
            out.write(piece)
    else:
        with tempfile.TemporaryFile() as packed:
            packed.writelines(chain([first], pieces))
            inflate(packed, out, path)
    path.refresh()
    if Stamp.of(path) != stamp:
        raise DataError(f"{path}: the file changed since the data set was opened; open it again")
