"""A path -> the cube it means, whatever the format; a folder -> its cubes."""

import re
from collections.abc import Sequence
from pathlib import Path

from bimae.data.cubes.array_files import ARRAY_SUFFIXES, is_array_file
from bimae.data.cubes.arrays import BandAxis, open_arrays
from bimae.data.cubes.cube import Cube
from bimae.data.cubes.envi import open_envi
from bimae.data.cubes.envi_header import looks_like_header
from bimae.data.cubes.envi_pair import DATA_SUFFIXES, is_envi
from bimae.data.cubes.wavelength_lists import WavelengthSource, read_wavelengths
from bimae.errors import DataError

CUBE_SUFFIXES = (".hdr", *DATA_SUFFIXES, *ARRAY_SUFFIXES)
"""What files with a cube are usually called."""


def open_cube(
    path: Path | str,
    *,
    keep_bad_bands: bool = False,
    key: str | None = None,
    band_axis: BandAxis = "auto",
    wavelengths: WavelengthSource | Sequence[float] | None = None,
) -> Cube:
    """A hyperspectral image; only its description is read (of packed files the numbers as well).

    Args:
        path: An ENVI header or data file, or a file with an array: see `open_envi`,
            `open_arrays`.
        keep_bad_bands: Keep the bands that an ENVI header calls bad.
        key: Name of the array; ENVI files have none.
        band_axis: Where an array has its bands; an ENVI header says it itself.
        wavelengths: Band centres, in nm, for a file that has none: one for each band of the
            file, or what `read_wavelengths` made of a user's words.

    Raises:
        DataError: There is no such file, it is of no known kind, damaged, or the number of
            wavelengths is not that of the bands.
    """
    path = Path(path)
    if wavelengths is not None and not isinstance(wavelengths, WavelengthSource):
        wavelengths = read_wavelengths(wavelengths)
    _check_there(path)
    if path.suffix.lower() in ARRAY_SUFFIXES:
        return open_arrays(path, key, band_axis, wavelengths=wavelengths)
    if not is_envi(path):
        if is_array_file(path):
            return open_arrays(path, key, band_axis, wavelengths=wavelengths)
        if path.suffix and path.suffix.lower() not in CUBE_SUFFIXES:
            raise DataError(
                f"{path}: found a {path.suffix} file without an ENVI header beside it, expected "
                f"one of {', '.join(CUBE_SUFFIXES)}"
            )
    return open_envi(path, keep_bad_bands=keep_bad_bands, wavelengths=wavelengths)


def is_cube(path: Path | str) -> bool:
    """True for what `open_cube` would try: told by names and first words, so that it is cheap.

    True for an ENVI header, for a data file with a header beside it, and for files called like
    arrays, of however many axes.
    """
    path = Path(path)
    if path.suffix.lower() in ARRAY_SUFFIXES:
        return path.is_file()
    try:
        return is_envi(path)
    except DataError:
        return False


def cubes_in(folder: Path | str) -> list[Path]:
    """The cubes of a folder, each once (of an ENVI image its header), in natural order.

    Args:
        folder: Where to look; its folders are not entered, hidden files are left out.

    Raises:
        DataError: It is no folder, or cannot be listed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: found no such folder, expected one with images: check the path")
    try:
        files = [file for file in folder.iterdir() if not file.name.startswith(".")]
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be listed ({error.strerror or error}); check its permissions"
        ) from error
    found = []
    for file in files:
        suffix = file.suffix.lower()
        if suffix in ARRAY_SUFFIXES:
            once = is_cube(file)
        else:
            named = suffix in CUBE_SUFFIXES or not suffix
            once = named and file.is_file() and looks_like_header(file)
        if once:
            found.append(file)
    return sorted(found, key=_natural)


def _check_there(path: Path) -> None:
    if path.is_dir():
        inside = cubes_in(path)
        named = f" with {', '.join(file.name for file in inside[:3])}" if inside else ""
        raise DataError(f"{path}: found a folder{named}, expected one image: name a file in it")
    if not path.is_file():
        header = path.with_name(f"{path.name}.hdr")
        hint = f"did you mean {header.name}" if header.is_file() else "check the path"
        raise DataError(f"{path}: found no such file, expected a hyperspectral image: {hint}")


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """scan-2 before scan-10."""
    words = re.split(r"(\d+)", path.name.lower())
    return [(int(w), "") if w.isdecimal() else (-1, w) for w in words], path.name
