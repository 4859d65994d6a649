"""An array in a file, unread, and how its numbers are got at."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes.array_load import load_whole, unreadable
from bimae.data.cubes.raster import Part, RawRaster
from bimae.errors import DataError

HELD_BYTES = 512 << 20
"""HDF5 that is cut into chunks is read whole up to this size: chunks seldom follow the lines."""


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array in a file, unread.

    Attributes:
        path: The file.
        kind: `npy`, `npz`, `mat`, `hdf5`, `tiff` or `png`.
        name: What it is called there.
        shape: As a reader of this kind of file expects it.
        dtype: Of its numbers as stored, or None where it is not made of real numbers.
        what: The type for messages, such as `uint16` or `struct`.
        offset: Bytes before its numbers, where they lie in the file as they are.
        reverse: The file has the axes the other way round (Fortran order, MATLAB 7.3).
        axes: Names of the axes, where the file has them: X, Y, S, C, ...
        unit: What a list of wavelengths is given in, where the file says it.
        values: The numbers themselves, of a short list.
    """

    path: Path
    kind: str
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None
    what: str
    offset: int | None = None
    reverse: bool = False
    axes: str = ""
    unit: str = ""
    values: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        name = f"{self.name!r} " if self.name else ""
        return f"{name}{self.what} {list(self.shape)}"

    def load(self) -> NDArray[Any]:
        """All of it, read only, with the axes of `shape`.

        Raises:
            DataError: It cannot be read, or is not what the file announced.
        """
        array = load_whole(self.path, self.kind, self.name)
        if self.reverse and self.kind == "hdf5":
            array = array.T
        if array.dtype.kind == "c":
            raise DataError(f"{self.path}: {self} holds complex numbers, expected real ones")
        if array.shape != self.shape:
            raise DataError(
                f"{self.path}: found {self.name} of shape {list(array.shape)}, expected "
                f"{list(self.shape)}: has the file changed?"
            )
        return array

    def raster(self) -> "RawRaster | HeldRaster | Hdf5Raster":
        """The numbers of three axes for reading in parts, and in which order they are stored."""
        assert len(self.shape) == 3 and self.dtype is not None
        shape = (self.shape[0], self.shape[1], self.shape[2])
        stored = (shape[2], shape[1], shape[0]) if self.reverse else shape
        if self.offset is not None:
            raw = RawRaster(self.path, stored, self.dtype, self.offset)
            if raw.end > self.path.stat().st_size:
                raise DataError(
                    f"{self.path}: the file ends early: found {self.path.stat().st_size} bytes, "
                    f"expected {raw.end} for {self}; was it copied to the end?"
                )
            return raw
        if self.kind == "hdf5" and self.size * self.dtype.itemsize > HELD_BYTES:
            return Hdf5Raster(self.path, self.name, stored, self.dtype)
        held = HeldRaster(self)
        next(held.pieces((slice(0, 1),) * 3, 2))  # tells on opening that a packed file is damaged
        return held


@dataclass(frozen=True, slots=True)
class HeldRaster:
    """An array that can only be read whole."""

    array: StoredArray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Lengths of the axes, in the order of the file."""
        first, second, third = self.array.shape
        return (third, second, first) if self.array.reverse else (first, second, third)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of a number as announced; MATLAB keeps whole doubles in smaller types."""
        assert self.array.dtype is not None
        return self.array.dtype

    def pieces(self, part: Part, bands: int) -> Iterator[tuple[Part, NDArray[Any]]]:
        """See `Raster.pieces`: all in one."""
        del bands
        array = self.array.load()
        piece = (array.T if self.array.reverse else array)[part]
        yield _whole(piece), piece


@dataclass(frozen=True, slots=True)
class Hdf5Raster:
    """An HDF5 dataset, read in parts."""

    path: Path
    name: str
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    def pieces(self, part: Part, bands: int) -> Iterator[tuple[Part, NDArray[Any]]]:
        """See `Raster.pieces`: all in one."""
        import h5py  # noqa: PLC0415 - slow to import, and rarely needed

        del bands
        try:
            with h5py.File(self.path, "r") as file:
                piece = file[self.name][part]
        except Exception as error:
            raise unreadable(self.path, "hdf5", error) from error
        yield _whole(piece), piece


def _whole(piece: NDArray[Any]) -> Part:
    first, second, third = (slice(0, length) for length in piece.shape)
    return first, second, third
