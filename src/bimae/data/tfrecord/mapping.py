"""A shard's records as one read-only memory map, inflated first where it is compressed."""

import mmap
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from bimae.data.tfrecord import cache
from bimae.data.tfrecord.cache import Stamp
from bimae.data.tfrecord.framing import HEAD_BYTES, recognise
from bimae.errors import DataError
from bimae.storage import atomic_path

_CHUNK = 1 << 20
_EITHER = 32 + zlib.MAX_WBITS  # zlib looks at the header itself: gzip or zlib


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
    try:
        with Path(stamp.path).open("rb") as file:
            if recognise(file.read(HEAD_BYTES), path) == "none":
                return _map(file, path)
            return _map_inflated(file, path, stamp)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}); check the file and its disk") from error


def _map(file: IO[bytes], path: Path) -> memoryview:
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise DataError(f"{path}: record 0: the compressed file holds 0 bytes, expected records")
    return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))


def _map_inflated(file: IO[bytes], path: Path, stamp: Stamp) -> memoryview:
    kept = cache.entry(stamp, ".tfrecord")
    try:
        with kept.open("rb") as inflated:
            if cache.is_settled(stamp, os.fstat(inflated.fileno()).st_mtime_ns):
                return _map(inflated, path)
    except OSError:
        pass  # not there yet, or not readable: made again
    try:
        with atomic_path(kept) as temporary, temporary.open("wb") as out:
            _inflate(file, out, path)
    except OSError:
        # The cache folder is read-only or full: a nameless file does as well, for this process.
        with tempfile.TemporaryFile() as out:
            _inflate(file, out, path)
            out.flush()
            return _map(out, path)
    cache.forget_older(kept, stamp)
    with kept.open("rb") as inflated:
        return _map(inflated, path)


def _inflate(file: IO[bytes], out: IO[bytes], path: Path) -> None:
    file.seek(0)
    try:
        for piece in _inflated(file, path):
            out.write(piece)
    except zlib.error as error:
        raise DataError(
            f"{path}: damaged compressed data before byte {file.tell()} ({error}); expected an "
            "intact gzip or zlib stream: copy or write the file again"
        ) from error


def _inflated(file: IO[bytes], path: Path) -> Iterator[bytes]:
    stream = zlib.decompressobj(_EITHER)
    data = file.read(_CHUNK)
    while data or not stream.eof:
        if stream.eof:  # one stream has ended; a gzip file may hold several, padded with zeros
            data = data.lstrip(b"\0")
            if not data:
                data = file.read(_CHUNK)
                continue
            if data[:1] != b"\x1f":
                raise zlib.error(f"{len(data)} bytes follow the end of the stream")
            stream = zlib.decompressobj(_EITHER)
        piece = stream.decompress(data, _CHUNK)
        if not data and not piece and not stream.eof:
            raise DataError(
                f"{path}: the compressed data is truncated: found {file.tell()} bytes, expected "
                "more before the stream ends; copy or write the file again"
            )
        yield piece
        data = (stream.unused_data if stream.eof else stream.unconsumed_tail) or file.read(_CHUNK)
