"""NumPy's files from a stranger -> arrays of numbers. Nothing here can unpickle.

The header says how many bytes there must be; only where that is so are they taken for numbers.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from bimae.serve.archive import Archive, opened
from bimae.serve.limits import Limits, Refused

NPY = b"\x93NUMPY"
SUFFIX = ".npy"
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_MOST_AXES = 4


def array_of(data: bytes, where: str) -> NDArray[Any]:
    """The array of a `.npy` file, read only.

    Args:
        data: All of the file.
        where: What it is called in messages.

    Raises:
        Refused: It is damaged, holds anything but real numbers, or too few or many of them (422).
    """
    shape, fortran, dtype, start = _header(data, where)
    expected, found = math.prod(shape) * dtype.itemsize, len(data) - start
    if found != expected:
        raise Refused(
            422,
            f"{where}: found {found} bytes after the header, expected {expected} for "
            f"{list(shape)} of {dtype}: was it copied whole?",
        )
    flat: NDArray[Any] = np.frombuffer(data, dtype, offset=start)
    return flat.reshape(shape, order="F" if fortran else "C")


@contextmanager
def arrays_in(path: Path, where: str, limits: Limits) -> "Iterator[Arrays]":
    """The arrays of a `.npz` file; each is read when it is asked for.

    Raises:
        Refused: It is no archive of arrays, or holds what must not be unpacked.
    """
    with opened(path, where, limits) as archive:
        yield Arrays(archive, where)


class Arrays(Mapping[str, NDArray[Any]]):
    """Arrays of a checked archive by name."""

    def __init__(self, archive: Archive, where: str) -> None:
        """Knows the archive."""
        self._archive, self._where = archive, where
        self._names = [n.removesuffix(SUFFIX) for n in archive.members if n.endswith(SUFFIX)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """An array.

        Raises:
            KeyError: There is none of that name.
            Refused: It is damaged, or not made of numbers.
        """
        if name not in self._names:
            raise KeyError(name)
        data = b"".join(self._archive.blocks(name + SUFFIX))
        return array_of(data, f"{self._where}: array {name!r}")


def _header(data: bytes, where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    file = BytesIO(data[: 1 << 16])
    try:
        shape, fortran, dtype = _READERS[npy.read_magic(file)](file)
    except Exception as error:  # numpy raises many kinds for a header that is none
        told = " ".join(str(error).split())[:100] or type(error).__name__
        raise Refused(
            422, f"{where}: cannot be read as NumPy's .npy ({told}); save it with numpy.save"
        ) from error
    if dtype.hasobject:
        raise Refused(
            422,
            f"{where}: found pickled objects, expected numbers; nothing is unpickled here: save it "
            "as uint8, uint16 or float32",
        )
    if dtype.kind not in "iuf" or dtype.names is not None or dtype.subdtype is not None:
        raise Refused(
            422, f"{where}: found values of type {dtype}, expected numbers such as uint8 or float32"
        )
    if len(shape) > _MOST_AXES or any(length < 1 for length in shape):
        raise Refused(422, f"{where}: found an array of shape {list(shape)}, which holds no image")
    return shape, fortran, dtype, file.tell()
