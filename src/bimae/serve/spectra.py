"""A cube from a stranger -> the sensor's bands, ascending in nm, at a model's size."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes import (
    calibrate,
    cubes_in,
    find_references,
    is_reference,
    open_cube,
    read_wavelengths,
)
from bimae.data.cubes.array_files import ARRAY_SUFFIXES
from bimae.data.cubes.bandlist import Wavelengths, choose_bands
from bimae.data.cubes.cube import Bands, Values
from bimae.data.cubes.envi_pair import find_pair
from bimae.data.cubes.wavelength_lists import WavelengthSource
from bimae.data.importing.readers import scan_notes
from bimae.data.resize import bring_hs_to_size
from bimae.errors import DataError
from bimae.serve.limits import Limits, Refused

HEADER = b"ENVI"
MOST_HEADER_BYTES = 1 << 20
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*-\s*({_NUMBER})\s*(?:nm)?")


@dataclass(frozen=True)
class Spectra:
    """A cube as a model can be shown it.

    Attributes:
        hs: [S, S, C] uint8 as stored, or float32.
        bands: What its bands are.
        unit: `reflectance`, `counts`, `radiance`, or empty where unknown.
        notes: What was assumed or mended.
    """

    hs: Values
    bands: Bands
    unit: str
    notes: tuple[str, ...]


def wavelengths_of_text(text: str) -> WavelengthSource:
    """Band centres in nm that somebody typed: `400-1000nm`, or `450, 550, 650`.

    Unlike on the command line, no text is ever taken for the name of a file.

    Raises:
        Refused: It is neither, or no wavelengths (422).
    """
    plain = text.strip()
    span = _RANGE.fullmatch(plain)
    words = [span[1], span[2]] if span else re.split(r"[,;\s]+", plain.removesuffix("nm").strip())
    try:
        found = read_wavelengths([float(word) for word in words])
    except (DataError, ValueError) as error:
        raise Refused(
            422,
            f"wavelengths: found {plain[:40]!r}, expected band centres in nm, one for each band "
            "(450,550,650), or the first and the last of evenly spaced ones (400-1000nm)",
        ) from error
    if span and found.nm[0] == found.nm[1]:
        raise Refused(422, f"wavelengths: found {plain[:40]!r}, expected two ends that differ")
    return WavelengthSource("wavelengths", found.nm, span is not None, found.notes)


def cube_of_array(
    values: NDArray[Any],
    given: WavelengthSource | None,
    usual: int | None,
    size: int,
    limits: Limits,
) -> Spectra:
    """A cube that was sent as numbers [height, width, bands].

    Args:
        values: The numbers; bands may be another axis where their number leaves no doubt.
        given: Band centres.
        usual: How many bands the model's own sensor has.
        size: Side of the result in pixels.
        limits: Of the server.

    Raises:
        Refused: It is too large (413), no cube, or has values that are not finite (422).
    """
    if values.ndim != 3:
        raise Refused(
            422,
            f"hs: found an array of shape {list(values.shape)}, expected [height, width, bands]",
        )
    _check_size(values.shape, limits)  # whichever axis the bands are
    told = None if given is None or given.is_range else len(given.nm)
    axis = _band_axis(values.shape, told or usual)
    notes = []
    if axis != 2:
        notes.append(f"axis {axis} of {list(values.shape)} is taken as the bands, by their number")
        values = np.moveaxis(values, axis, 2)
    count = values.shape[2]
    nm = _centres(given, count)
    choice = choose_bands(count, Wavelengths(nm, None, () if given is None else given.notes))
    if choice.numbers != tuple(range(count)):
        values = values[:, :, list(choice.numbers)]
    whole = values.dtype.kind in "iu" and values.dtype != np.uint8
    cube = _numbers(values)
    notes += choice.notes
    return Spectra(
        bring_hs_to_size(cube, size), choice.bands, "counts" if whole else "", tuple(notes)
    )


def cube_of_envi(
    folder: Path, given: WavelengthSource | None, size: int, limits: Limits
) -> Spectra:
    """The cube of a folder with one ENVI image, and its white and dark reference where they are.

    Raises:
        Refused: There is none or several, it is damaged, or has values that are not finite (422),
            or is too large (413).
    """
    try:
        scan = _scan(folder)
        cube = open_cube(scan, wavelengths=given)
        _check_size((cube.lines, cube.samples, cube.bands.count), limits)
        found = find_references(scan)
        for reference in (found.white, found.dark):
            if reference is not None:
                seen = open_cube(reference)
                _check_size((seen.lines, seen.samples, seen.bands.count), limits)
        _check_finite(scan)
        read = calibrate(cube, found.white, found.dark, explicit=False)
        with np.errstate(all="ignore"):  # of a scale factor without sense, say
            hs = _numbers(read.read())
    except DataError as error:
        raise Refused(422, f"hs: {_without(str(error), folder)}") from error
    notes = tuple(_without(note, folder) for note in scan_notes(read))
    return Spectra(bring_hs_to_size(hs, size), read.bands, read.unit, notes)


def _scan(folder: Path) -> Path:
    for file in folder.iterdir():
        with file.open("rb") as opened:
            header = opened.read(len(HEADER)) == HEADER
        if header and file.stat().st_size > MOST_HEADER_BYTES:
            raise Refused(
                413,
                f"hs: found a header of {file.stat().st_size} bytes, at most {MOST_HEADER_BYTES} "
                "are read",
            )
        if file.suffix.lower() in ARRAY_SUFFIXES:  # as a reference, say: those are other readers'
            raise Refused(
                422, f"hs: found {file.name} beside an ENVI image, expected headers and their data"
            )
    found = [cube for cube in cubes_in(folder) if not is_reference(cube)]
    if len(found) != 1:
        there = ", ".join(sorted(file.name for file in folder.iterdir())) or "nothing"
        raise Refused(
            422,
            f"hs: found {len(found)} ENVI images ({there[:200]}), expected one: a header (.hdr) "
            "and its data",
        )
    return found[0]


def _check_finite(scan: Path) -> None:
    """Looks at the numbers as they are stored: what reads them for a model makes zeros of NaN."""
    pair = find_pair(scan)
    header = pair.header
    if header.dtype.kind != "f":
        return
    count = header.lines * header.samples * header.bands
    with pair.data.open("rb") as file:
        file.seek(header.offset)
        _numbers(np.fromfile(file, header.dtype, count))


def _numbers(values: NDArray[Any]) -> Values:
    """Bytes as they are, other numbers as float32; refused where these are not all finite."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    with np.errstate(over="ignore", invalid="ignore"):
        cube: NDArray[np.float32] = np.ascontiguousarray(values, np.float32)
    bad = int(np.count_nonzero(~np.isfinite(cube)))
    if bad:
        raise _not_finite(bad)
    return cube


def _not_finite(bad: int) -> Refused:
    return Refused(
        422,
        f"hs: found {bad} values that are not finite (NaN, infinite, or beyond float32), expected "
        "numbers; replace them, by 0 where there is no object",
    )


def _band_axis(shape: Sequence[int], bands: int | None) -> int:
    """The last axis, unless another one alone is as long as there are bands."""
    fitting = [axis for axis, length in enumerate(shape) if length == bands]
    return fitting[0] if len(fitting) == 1 else 2


def _centres(given: WavelengthSource | None, count: int) -> tuple[float, ...] | None:
    if given is None:
        return None
    try:
        return given.for_bands(count)
    except DataError as error:
        raise Refused(422, f"hs: {error}") from error


def _check_size(shape: Sequence[int], limits: Limits) -> None:
    if math.prod(shape) > limits.values or max(shape) > limits.side:
        raise Refused(
            413,
            f"hs: found {' x '.join(map(str, shape))} numbers, at most {limits.values} are read, "
            f"and {limits.side} along an axis; cut one object (a seed) out",
        )


def _without(text: str, folder: Path) -> str:
    """A message with the names that the sender knows, not those of this machine."""
    return text.replace(f"{folder}/", "").replace(str(folder), "the archive")
