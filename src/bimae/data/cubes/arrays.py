"""Arrays of three axes in NumPy, MATLAB, HDF5 and TIFF files -> `Cube`; of two axes -> labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes.array_files import list_arrays
from bimae.data.cubes.bandlist import BandChoice, Wavelengths, choose_bands, in_nm
from bimae.data.cubes.cube import Cube
from bimae.data.cubes.stored import Facts, StoredCube
from bimae.data.cubes.stored_array import StoredArray
from bimae.data.cubes.tiff import NODATA
from bimae.data.cubes.wavelength_lists import WAVELENGTH_NAME, WavelengthSource, given_or_own
from bimae.errors import ConfigError, DataError

BandAxis = Literal["auto", "first", "middle", "last"]
_AXIS = {"first": 0, "middle": 1, "last": 2}


def open_arrays(
    path: Path | str,
    key: str | None = None,
    band_axis: BandAxis = "auto",
    *,
    wavelengths: WavelengthSource | None = None,
) -> Cube:
    """The cube in a file of arrays.

    Args:
        path: `.npy`, `.npz`, `.mat` (MATLAB 4, 5 and 7.3), `.h5`, `.hdf5`, `.tif` or `.tiff`; the
            kind is told by the content.
        key: Name of the array (of a TIFF file the number of the image series); by default the
            only one of three axes, or the one that is more than ten times larger than the others.
        band_axis: Where the bands are. `auto` goes by a list of wavelengths in the file, then by
            the axes that a TIFF names, then by two other axes that are equal, else it is the
            last; whatever is not certain is noted.
        wavelengths: Band centres for a file that has none.

    Returns:
        The cube: uint8 as it is, other numbers as float32 of the unit `counts` (whole numbers) or
        unknown. MATLAB's arrays have the axes that MATLAB shows.

    Raises:
        ConfigError: `band_axis` is another word.
        DataError: No such file, damaged, no or several arrays that would do, not real numbers.
    """
    path = Path(path)
    if band_axis not in ("auto", *_AXIS):
        raise ConfigError(f"band_axis {band_axis!r}: expected auto, first, middle or last")
    arrays = list_arrays(path)
    array = _choose(path, arrays, key, 3)
    lists = _wavelength_lists(arrays)
    lengths = [len(values) for _, values in lists]
    if wavelengths is not None and not wavelengths.is_range:
        lengths.append(len(wavelengths.nm))
    axis, notes = _band_axis(array, band_axis, lengths)
    choice = _bands(array.shape[axis], lists, wavelengths)
    lines, samples = (i for i in range(3) if i != axis)
    axes = (lines, samples, axis)
    if array.reverse:
        axes = (2 - lines, 2 - samples, 2 - axis)
    assert array.dtype is not None
    whole = array.dtype.kind in "iu" and array.dtype.itemsize > 1
    empty = next((a.values[0] for a in arrays if a.name == NODATA and a.values), None)
    facts = Facts(unit="counts" if whole else "", ignored=empty, notes=tuple(notes))
    return StoredCube(path, raster=array.raster(), axes=axes, choice=choice, facts=facts)


def read_plane(path: Path | str, key: str | None = None) -> NDArray[Any]:
    """A map of whole numbers, such as the classes of a scene's pixels.

    Args:
        path: A file that `open_arrays` reads, or `.png`.
        key: Name of the array; by default the only one of two axes that are longer than 1.

    Returns:
        [H, W] of an integer dtype; floats that are all whole become int64, booleans uint8.

    Raises:
        DataError: No such file, damaged, no or several arrays that would do, fractions.
    """
    path = Path(path)
    array = _choose(path, list_arrays(path), key, 2)
    plane = array.load()
    if plane.dtype.kind == "b":
        return plane.astype(np.uint8)
    if plane.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            whole = np.isfinite(plane) & (np.rint(plane) == plane) & (np.abs(plane) < 2**53)
        if not whole.all():
            odd = plane[~whole].flat[0]
            raise DataError(
                f"{path}: {array} holds {odd:g}, expected whole numbers (class by class)"
            )
        return plane.astype(np.int64)
    return np.array(plane)


def _choose(path: Path, arrays: Sequence[StoredArray], key: str | None, axes: int) -> StoredArray:
    """The array that a key names, or the only one of so many axes."""
    listed = ", ".join(str(array) for array in arrays[:8]) or "nothing"
    if key is not None:
        named = [array for array in arrays if array.name == key]
        named = named or [array for array in arrays if array.name.split("/")[-1] == key]
        if len(named) != 1:
            raise DataError(f"{path}: found no array {key!r}, only {listed}: correct the key")
        if not _fits(named[0], axes):
            raise DataError(
                f"{path}: found {named[0]}, expected {axes} axes of real numbers{_of_many(named)}"
            )
        return named[0]
    fitting = [array for array in arrays if _fits(array, axes)]
    if axes == 2 and any(min(array.shape) > 1 for array in fitting):
        fitting = [array for array in fitting if min(array.shape) > 1]  # MATLAB's lists are [1, n]
    if not fitting:
        what = "3 axes (lines, samples, bands)" if axes == 3 else "2 axes (a map of classes)"
        raise DataError(
            f"{path}: found {listed}, expected an array of real numbers with {what}"
            f"{_of_many(arrays)}"
        )
    fitting.sort(key=lambda array: -array.size)
    if len(fitting) > 1 and fitting[0].size <= 10 * fitting[1].size:
        several = ", ".join(str(array) for array in fitting[:8])
        raise DataError(f"{path}: found several arrays, {several}: say which one by its key")
    return fitting[0]


def _of_many(arrays: Sequence[StoredArray]) -> str:
    """What to do with a file that holds the cubes of many seeds in one array."""
    if not any(array.dtype is not None and len(array.shape) == 4 for array in arrays):
        return ""
    return (
        "; if this is all seeds in one file, write records of it from Python: "
        "bimae.data.write_tfrecords (README, whatever your files are)"
    )


def _fits(array: StoredArray, axes: int) -> bool:
    real = array.dtype is not None or (axes == 2 and array.what in ("bool", "logical"))
    return real and len(array.shape) == axes and min(array.shape) > 0


def _wavelength_lists(arrays: Sequence[StoredArray]) -> list[tuple[str, tuple[float, ...]]]:
    """Unit and numbers of every list that is called like wavelengths."""
    lists = []
    for array in arrays:
        match = WAVELENGTH_NAME.fullmatch(array.name.split("/")[-1])
        is_list = array.dtype is not None and array.size == max(array.shape, default=0) > 0
        if match and is_list and array.size <= 1 << 20:
            numbers = array.values or tuple(float(v) for v in array.load().ravel())
            lists.append((array.unit or match["unit"] or "", numbers))
    return lists


def _band_axis(
    array: StoredArray, asked: BandAxis, lengths: Sequence[int]
) -> tuple[int, list[str]]:
    """Which axis the bands are, and a note where that could be wrong."""
    if asked != "auto":
        return _AXIS[asked], []
    shape = list(array.shape)
    for length in lengths:
        if shape.count(length) == 1:
            axis = shape.index(length)
            return axis, _told(shape, axis, f"as there are {length} wavelengths")
    if set("YX") < set(array.axes) and "Q" not in array.axes:
        axis = next(i for i, name in enumerate(array.axes) if name not in "YX")
        return axis, _told(shape, axis, "as the file names its axes")
    for axis in range(3):
        first, second = (shape[i] for i in range(3) if i != axis)
        if first == second != shape[axis]:
            return axis, _told(shape, axis, "as the other two axes are equal")
    return 2, [f"which axis of {shape} is the bands is not certain: the last is taken ({shape[2]})"]


def _told(shape: Sequence[int], axis: int, why: str) -> list[str]:
    """Bands last is what everybody expects; anything else is told."""
    name = next(name for name, number in _AXIS.items() if number == axis)
    return [] if axis == 2 else [f"the {name} axis of {list(shape)} is taken as the bands, {why}"]


def _bands(
    count: int,
    lists: Sequence[tuple[str, tuple[float, ...]]],
    given: WavelengthSource | None,
) -> BandChoice:
    own = Wavelengths()
    fitting = [(unit, numbers) for unit, numbers in lists if len(numbers) == count]
    if fitting:
        unit, numbers = fitting[0]
        own = in_nm(numbers, unit)
    elif lists:
        found = len(lists[0][1])
        own = Wavelengths(notes=(f"{found} wavelengths in the file for {count} bands: ignored",))
    return choose_bands(count, given_or_own(given, own, count))
