"""The frames of a TFRecord file and the checksums that guard them.

A record is: payload length (8 bytes, little-endian), masked CRC32C of these 8 bytes (4), payload,
masked CRC32C of the payload (4).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from crc32c import crc32c

from bimae.errors import DataError

HEADER_SIZE = 12
FOOTER_SIZE = 4
HEAD_BYTES = 64  # enough of a file to recognise what it is
Compression = Literal["none", "gzip", "zlib"]

_MASK_DELTA = 0xA282EAD8
_HEADER, _FOOTER = struct.Struct("<QI"), struct.Struct("<I")
_LOOKS_LIKE = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"PK\x03\x04", "a ZIP or .npz archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy .npy file"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet file"),
    (b"BZh", "a bzip2 file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"version https://git-lfs", "a Git LFS pointer: fetch the file itself with `git lfs pull`"),
)


class Frame(NamedTuple):
    """Where a record's payload lies, and its masked CRC32C."""

    start: int
    stop: int
    crc: int


def masked_crc(data: bytes | memoryview) -> int:
    """CRC32C of `data`, masked as TFRecord does it."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def header(payload_size: int) -> bytes:
    """The 12 bytes before a payload of `payload_size` bytes."""
    length = struct.pack("<Q", payload_size)
    return length + struct.pack("<I", masked_crc(length))


def footer(payload: bytes | memoryview) -> bytes:
    """The 4 bytes after a payload."""
    return struct.pack("<I", masked_crc(payload))


def recognise(head: bytes, path: Path) -> Compression:
    """How the file is compressed, by its content alone.

    Args:
        head: Its first `HEAD_BYTES` bytes, or all when there are fewer.
        path: Its path, for the message.

    Raises:
        DataError: It is empty, or no TFRecord file whatever its name says.
    """
    if not head:
        raise DataError(f"{path}: the file is empty (0 bytes); expected TFRecords: write it again")
    if _is_header(head[:HEADER_SIZE]):
        return "none"
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    if _is_zlib(head):
        return "zlib"
    raise DataError(
        f"{path}: record 0: not a TFRecord file: found {looks_like(head)}; expected a record whose "
        "first 12 bytes are a length and its checksum, or gzip or zlib data: check the path, or "
        "copy the file again"
    )


def _is_header(head: bytes) -> bool:
    return len(head) == HEADER_SIZE and struct.unpack("<I", head[8:])[0] == masked_crc(head[:8])


def _is_zlib(head: bytes) -> bool:
    # RFC 1950: deflate, a window of at most 32 KiB, no preset dictionary, a multiple of 31.
    deflate = len(head) > 2 and head[0] & 0x0F == 8 and head[0] >> 4 <= 7
    return deflate and not head[1] & 0x20 and int.from_bytes(head[:2], "big") % 31 == 0


def looks_like(head: bytes) -> str:
    """What a file seems to be, in words, from its first bytes."""
    for magic, words in _LOOKS_LIKE:
        if head.startswith(magic):
            return words
    if len(head) < HEADER_SIZE + FOOTER_SIZE:
        return f"only {len(head)} bytes"
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        return f"text ({head[:20].decode('ascii')!r})"
    return f"bytes {head[:12].hex(' ')}, whose checksum does not match"


def frames(view: memoryview, path: Path) -> Iterator[Frame]:
    """The records of an uncompressed file, each checked against its CRCs.

    Args:
        view: The whole file (or what a compressed one inflates to).
        path: Its path, for messages.

    Raises:
        DataError: A record is cut off or does not match its checksum.
    """
    position, end, number = 0, len(view), 0
    while position < end:
        start = position + HEADER_SIZE
        if start > end:
            least = HEADER_SIZE + FOOTER_SIZE
            raise _truncated(path, number, end - position, f"at least {least}")
        size, size_crc = _HEADER.unpack_from(view, position)
        found = masked_crc(view[position : position + 8])
        if found != size_crc:
            raise DataError(
                f"{path}: record {number}: damaged length at byte {position}: found checksum "
                f"{found:08x}, expected {size_crc:08x}; copy or write the file again"
            )
        stop = start + size
        if stop + FOOTER_SIZE > end:
            raise _truncated(path, number, end - start, f"{size + FOOTER_SIZE}")
        (crc,) = _FOOTER.unpack_from(view, stop)
        found = masked_crc(view[start:stop])  # other threads run meanwhile
        if found != crc:
            raise DataError(
                f"{path}: record {number}: damaged bytes between {start} and {stop}: found "
                f"checksum {found:08x}, expected {crc:08x}; copy or write the file again"
            )
        yield Frame(start, stop, crc)
        position, number = stop + FOOTER_SIZE, number + 1


def _truncated(path: Path, number: int, found: int, expected: str) -> DataError:
    return DataError(
        f"{path}: record {number}: the file is truncated: found {found} bytes, expected "
        f"{expected}; copy or write the file again"
    )
