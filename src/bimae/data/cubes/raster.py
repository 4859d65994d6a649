"""Numbers on disk as three axes, handed out in pieces: nothing is mapped, nothing stays open.

A memory map of a file that shrinks ends the whole process (SIGBUS), and its pages count as ours;
plain reads into a small buffer are as fast, and a file that ends early is a `DataError`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bimae.errors import DataError

Part = tuple[slice, slice, slice]
"""A region: from and to on each of the three axes, both given, without a step."""

CHUNK = 1 << 20  # bytes read at a time: small enough to be still in the cache when transposed
WIDE_CHUNK = 16 << 20  # where the bands are the first axis and all of them have to come together
GAP = 8 << 10  # bytes: reading on over a shorter gap costs less than another call


class Raster(Protocol):
    """Three axes of numbers somewhere.

    Attributes:
        shape: Their lengths, in the order in which they are stored.
        dtype: As stored, byte order included.
    """

    @property
    def shape(self) -> tuple[int, int, int]:
        """Lengths of the axes."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of a number."""
        ...

    def pieces(self, part: Part, bands: int) -> Iterator[tuple[Part, NDArray[Any]]]:
        """A region, piece by piece.

        Args:
            part: What is wanted.
            bands: Which axis the bands are: a piece holds all of them where it can.

        Yields:
            The place of a piece, counted from the beginning of `part`, and its numbers, which
            are overwritten when the next piece is asked for, and are not to be changed.

        Raises:
            DataError: The file cannot be read or has become shorter.
        """
        ...


def length_of(axis: slice) -> int:
    """Numbers from a slice's start to its stop."""
    return int(axis.stop) - int(axis.start)


@dataclass(frozen=True, slots=True)
class RawRaster:
    """Numbers that lie in a file one after the other, the last axis fastest.

    Attributes:
        path: The file.
        shape: Lengths of the axes, slowest first.
        dtype: Of a number, with its byte order.
        offset: Bytes before the first number.
    """

    path: Path
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    offset: int = 0

    @property
    def end(self) -> int:
        """Bytes that the file must have."""
        first, second, third = self.shape
        return self.offset + first * second * third * self.dtype.itemsize

    def pieces(self, part: Part, bands: int) -> Iterator[tuple[Part, NDArray[Any]]]:
        """See `Raster.pieces`."""
        if any(axis.stop <= axis.start for axis in part):
            return
        try:
            with self.path.open("rb", buffering=0) as file:
                whole = bands == 0 and self._bytes(part) > WIDE_CHUNK
                if self._gap(part, 1) <= GAP and self._gap(part, 2) <= GAP and not whole:
                    yield from self._planes(file, part, WIDE_CHUNK if bands == 0 else CHUNK)
                else:
                    yield from self._rows(file, part, bands)
        except OSError as error:
            raise DataError(
                f"{self.path}: cannot be read ({error.strerror or error}); expected the image "
                "that was opened: check the disk and the file"
            ) from error

    def _gap(self, part: Part, axis: int) -> int:
        """Bytes that are not wanted between two pieces that are, along one axis."""
        inner = self.dtype.itemsize * (self.shape[2] if axis == 1 else 1)
        left_out = self.shape[axis] - length_of(part[axis])
        return left_out * inner

    def _bytes(self, part: Part) -> int:
        first, second, third = part
        return length_of(first) * length_of(second) * length_of(third) * self.dtype.itemsize

    def _planes(self, file: Any, part: Part, chunk: int) -> Iterator[tuple[Part, NDArray[Any]]]:
        """Whole planes of the two inner axes, several at a time, of which the part is a view."""
        first, second, third = part
        plane = self.shape[1] * self.shape[2]
        step = min(length_of(first), max(1, chunk // (plane * self.dtype.itemsize)))
        buffer = np.empty((step, *self.shape[1:]), self.dtype)
        at = (slice(0, length_of(second)), slice(0, length_of(third)))
        for i in range(first.start, first.stop, step):
            piece = buffer[: min(step, first.stop - i)]
            self._fill(file, i * plane, piece)
            place = slice(i - first.start, i - first.start + len(piece))
            yield (place, *at), piece[:, second, third]

    def _rows(self, file: Any, part: Part, bands: int) -> Iterator[tuple[Part, NDArray[Any]]]:
        """Rows of the last axis (or parts of them, where the rest is long), gathered."""
        first, second, third = part
        planes, rows = length_of(first), length_of(second)
        long_gap = self._gap(part, 2) > GAP
        width = length_of(third) if long_gap else self.shape[2]
        begin = third.start if long_gap else 0
        inner = slice(None) if long_gap else third
        row = width * self.dtype.itemsize
        if bands == 0:  # all planes, few rows
            rows = min(rows, max(1, WIDE_CHUNK // (planes * row)))
        else:  # all rows, few planes
            rows = min(rows, max(1, CHUNK // row))
            planes = min(planes, max(1, CHUNK // (rows * row)))
        buffer = np.empty((planes, rows, width), self.dtype)
        across = slice(0, length_of(third))
        for i in range(first.start, first.stop, planes):
            for j in range(second.start, second.stop, rows):
                piece = buffer[: min(planes, first.stop - i), : min(rows, second.stop - j)]
                for k, plane in enumerate(piece):
                    start = ((i + k) * self.shape[1] + j) * self.shape[2] + begin
                    if long_gap:
                        for line, numbers in enumerate(plane):
                            self._fill(file, start + line * self.shape[2], numbers)
                    else:
                        self._fill(file, start, plane)
                down = slice(i - first.start, i - first.start + piece.shape[0])
                along = slice(j - second.start, j - second.start + piece.shape[1])
                yield (down, along, across), piece[:, :, inner]

    def _fill(self, file: Any, first: int, numbers: NDArray[Any]) -> None:
        """Reads a contiguous array from the `first` number on."""
        file.seek(self.offset + first * self.dtype.itemsize)
        wanted = memoryview(numbers.view(np.uint8).reshape(-1))  # type: ignore[arg-type]
        while wanted:
            got = file.readinto(wanted)
            if not got:
                found = self.path.stat().st_size
                raise DataError(
                    f"{self.path}: the file ends early: found {found} bytes, expected {self.end}; "
                    "it has become shorter since it was opened: is it still being copied?"
                )
            wanted = wanted[got:]
