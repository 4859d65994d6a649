"""What lies in a MATLAB 5 file, checked before `scipy` loads it.

`scipy` trusts such a file: one wrong byte in the type of an array and the whole process ends, or
it asks for memory without end. So every array's own description is read here first, and must agree
with its size (MathWorks, "MAT-File Format", chapter 1).
"""

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_MATRIX, _PACKED = 14, 15
_BYTES_OF = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
_CLASSES = {
    **{1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 6: "double", 7: "single"},
    **{8: "int8", 9: "uint8", 10: "int16", 11: "uint16", 12: "int32", 13: "uint32"},
    **{14: "int64", 15: "uint64", 16: "function", 17: "opaque"},
}
_HEAD = 64 << 10  # bytes at the beginning of an array that hold its description
_COMPLEX, _LOGICAL = 0x800, 0x200


@dataclass(frozen=True, slots=True)
class MatlabArray:
    """An array as MATLAB's `whos` shows it.

    Attributes:
        name: Of the variable.
        shape: Its size.
        what: Its class, `logical`, or `complex` and its class.
    """

    name: str
    shape: tuple[int, ...]
    what: str


def list_matlab5(path: Path) -> list[MatlabArray]:
    """The variables of a MATLAB 5 file.

    Raises:
        ValueError: The file is damaged or truncated.
        OSError: It cannot be read.
        zlib.error: A packed variable is damaged.
    """
    size = path.stat().st_size
    arrays = []
    with path.open("rb") as file:
        mark = file.read(128)[126:]
        if mark not in (b"IM", b"MI"):
            raise ValueError(f"the byte order is {mark!r}")
        order = "<" if mark == b"IM" else ">"
        at = 128
        while at < size:
            file.seek(at)
            kind, length = struct.unpack(f"{order}II", file.read(8))
            if at + 8 + length > size:
                raise ValueError(f"it ends early: found {size} bytes, not {at + 8 + length}")
            found = _described(file, kind, length, order)
            if found is not None and found.name:
                arrays.append(found)
            at += 8 + length + (-length % 8 if kind != _PACKED else 0)
    return arrays


def _described(file: IO[bytes], kind: int, length: int, order: str) -> MatlabArray | None:
    """The variable at the place of the file, None where something else is there."""
    if kind == _MATRIX:
        return _Description(file.read(min(length, _HEAD)), length, order).array()
    if kind != _PACKED:
        if kind not in _BYTES_OF and kind not in (16, 17, 18):
            raise ValueError(f"an element of unknown type {kind}")
        return None
    head = zlib.decompressobj().decompress(file.read(min(length, _HEAD)), _HEAD)
    kind, length = struct.unpack_from(f"{order}II", head)
    return _Description(head[8:], length, order).array() if kind == _MATRIX else None


class _Description:
    """The elements at the beginning of a variable: flags, size, name, numbers."""

    def __init__(self, head: bytes, length: int, order: str) -> None:
        self.head, self.length, self.order = head, length, order
        self.at = 0

    def array(self) -> MatlabArray | None:
        """What the variable is; of numbers only if they are all there."""
        if self.length == 0:
            return None
        flags = struct.unpack_from(f"{self.order}I", self._element(6, 5))[0]
        what = _CLASSES.get(flags & 0xFF)
        if what is None:
            raise ValueError(f"a variable of unknown class {flags & 0xFF}")
        if what in ("opaque", "function"):
            return MatlabArray("(no array)", (1, 1), what)
        sizes = self._element(5, 6)
        shape = struct.unpack(f"{self.order}{len(sizes) // 4}i", sizes)
        if not 2 <= len(shape) <= 32 or min(shape) < 0:
            raise ValueError(f"a variable of size {list(shape)}")
        name = self._element(1, 2, 16).decode("latin-1")
        if 6 <= flags & 0xFF <= 15:
            self._check_numbers(name, math.prod(shape))
        if flags & _COMPLEX:
            what = f"complex {what}"
        return MatlabArray(name, shape, "logical" if flags & _LOGICAL else what)

    def _tag(self) -> tuple[int, int, int]:
        """Type, bytes and place of the next element; short ones lie within their tag."""
        kind, length = struct.unpack_from(f"{self.order}II", self.head, self.at)
        if kind >> 16:
            return kind & 0xFFFF, kind >> 16, self.at + 4
        return kind, length, self.at + 8

    def _element(self, *types: int) -> bytes:
        """The next element, of the type that the format wants or of one that some write instead."""
        kind, length, start = self._tag()
        if kind not in types or start + length > len(self.head):
            raise ValueError(f"found an element of type {kind}, not {types[0]}")
        self.at = start + length + (-(start + length) % 8)
        return self.head[start : start + length]

    def _check_numbers(self, name: str, count: int) -> None:
        kind, length, start = self._tag()
        wanted = count * _BYTES_OF.get(kind, 0)
        if kind not in _BYTES_OF or length != wanted or start + length > self.length:
            raise ValueError(f"{name!r} has {length} bytes of type {kind} for {count} numbers")
