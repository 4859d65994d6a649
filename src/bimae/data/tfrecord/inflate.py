"""GZIP and zlib streams to plain bytes, as fast as the machine has a library for."""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from bimae.errors import DataError

_fast: Any = None
with suppress(ImportError):  # no wheel for this platform: slower, nothing else
    from isal import isal_zlib as _fast


class Sink(Protocol):
    """What is written to: a file, or what keeps an eye on one."""

    def write(self, piece: bytes, /) -> int: ...  # noqa: D102
    def seek(self, position: int, /) -> int: ...  # noqa: D102
    def truncate(self) -> int: ...  # noqa: D102


# Small enough to stay in the cache of a core, which is worth a tenth.
_READ, _PIECE = 1 << 16, 1 << 17
_EITHER = 32 + zlib.MAX_WBITS  # the library looks at the header itself: gzip or zlib


def inflate(file: IO[bytes], out: Sink, path: Path) -> None:
    """Writes what a compressed file holds; other threads run meanwhile.

    Args:
        file: The compressed file: gzip, of one member or several, zeros between them, or zlib.
        out: Where to write to, from its start on; emptied if need be.
        path: The file as the user named it, for messages.

    Raises:
        DataError: The stream is damaged or cut off.
    """
    if _fast is not None:
        try:
            return _copy(_fast, file, out, path)
        except (DataError, _fast.error):
            # zlib has the last word on what is damaged, and the words for it.
            out.seek(0)
            out.truncate()
    try:
        _copy(zlib, file, out, path)
    except zlib.error as error:
        raise DataError(
            f"{path}: damaged compressed data before byte {file.tell()} ({error}); expected an "
            "intact gzip or zlib stream: copy or write the file again"
        ) from error


def size_hint(file: IO[bytes]) -> int:
    """What a gzip file says it holds: a guess, which is too low above 4 GB and for zlib."""
    file.seek(0, os.SEEK_END)
    size = file.tell()
    if size < 18:
        return 0
    file.seek(size - 4)
    (hint,) = struct.unpack("<I", file.read(4))
    # What follows the stream may be anything, and nothing shrinks to less than a thousandth.
    return int(hint) if hint < 1100 * size else size


def _copy(library: Any, file: IO[bytes], out: Sink, path: Path) -> None:
    file.seek(0)
    for piece in _pieces(library, file, path):
        out.write(piece)


def _pieces(library: Any, file: IO[bytes], path: Path) -> Iterator[bytes]:
    stream = library.decompressobj(_EITHER)
    data = file.read(_READ)
    while data or not stream.eof:
        if stream.eof:  # one stream has ended; a gzip file may hold several, padded with zeros
            data = data.lstrip(b"\0")
            if not data:
                data = file.read(_READ)
                continue
            if data[:1] != b"\x1f":
                raise library.error(f"{len(data)} bytes follow the end of the stream")
            stream = library.decompressobj(_EITHER)
        piece = stream.decompress(data, _PIECE)
        if not data and not piece and not stream.eof:
            raise DataError(
                f"{path}: the compressed data is truncated: found {file.tell()} bytes, expected "
                "more before the stream ends; copy or write the file again"
            )
        yield piece
        data = (stream.unused_data if stream.eof else stream.unconsumed_tail) or file.read(_READ)
