"""Array files that can only be read whole; one array at a time is held."""

import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bimae.data.cubes.tiff import load_tiff
from bimae.errors import DataError

NAMES = {
    "npy": "NumPy",
    "npz": "NumPy",
    "mat": "MATLAB",
    "hdf5": "HDF5",
    "tiff": "TIFF",
    "png": "PNG",
}
"""What the kinds of array files are called."""


def load_whole(path: Path, kind: str, name: str) -> NDArray[Any]:
    """An array of a file, read only; the last one stays in memory, as cubes are read in blocks.

    Args:
        path: The file.
        kind: A key of `NAMES`.
        name: What the array is called there.

    Raises:
        DataError: It cannot be read.
    """
    try:
        state = path.stat()
        return _held(path.resolve(), kind, name, (state.st_size, state.st_mtime_ns))
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(
            f"{path}: {name or 'the array'} does not fit into memory; save it as .npy or ENVI, "
            "which are read in parts"
        ) from error
    except Exception as error:  # each library has its own kinds for damaged files
        raise unreadable(path, kind, error) from error


def unreadable(path: Path, kind: str, error: Exception) -> DataError:
    """What a library says about a file that it cannot read, in one line."""
    reason = " ".join(str(error).split())[:140] or type(error).__name__
    return DataError(
        f"{path}: cannot be read as a {NAMES[kind]} file ({reason}); expected a whole "
        "one: is it truncated or damaged?"
    )


@lru_cache(maxsize=1)
def _held(path: Path, kind: str, name: str, state: Sequence[int]) -> NDArray[Any]:
    del state  # size and time of the file: another one is read anew
    array: NDArray[Any]
    if kind == "npy":
        array = np.load(path)
    elif kind == "npz":
        with np.load(path) as archive:
            array = archive[name]
    elif kind == "mat":
        import scipy.io  # noqa: PLC0415 - slow to import, and rarely needed

        # Not as MATLAB's own types (mat_dtype): that would drop imaginary parts, and whole doubles,
        # which the file keeps in few bytes, would take eight.
        array = np.asarray(scipy.io.loadmat(str(path), variable_names=[name])[name])
    elif kind == "hdf5":
        import h5py  # noqa: PLC0415 - slow to import, and rarely needed

        with h5py.File(path, "r") as file:
            array = file[name][()]
    elif kind == "tiff":
        array = load_tiff(path, name)
    else:
        array = load_png(path)
    array = np.asarray(array)
    array.setflags(write=False)
    return array


def load_png(path: Path) -> NDArray[Any]:
    """A PNG image as it is stored: of a palette the numbers, not the colours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a map with very many pixels, which may well be
        with Image.open(path) as image:
            return np.asarray(image)
