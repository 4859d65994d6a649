"""Raw counts -> reflectance, by an image of a white standard and one with the shutter closed.

reflectance = (raw - dark) / (white - dark), for every element of the detector (sample x band). The
references are averaged over their lines once; the scan is calibrated as it is read.
"""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes.arrays import BandAxis
from bimae.data.cubes.cube import Cube
from bimae.data.cubes.dead_elements import DeadElements
from bimae.data.cubes.opening import open_cube
from bimae.data.cubes.references import References, find_references, is_reference
from bimae.data.cubes.stored import StoredCube, extent
from bimae.errors import DataError

__all__ = ["CalibratedCube", "References", "calibrate", "find_references", "is_reference"]


@dataclass(frozen=True)
class _Reference:
    """An averaged reference: [samples, bands] float64, bands as in the scan."""

    path: Path
    mean: NDArray[np.float64]
    notes: tuple[str, ...]


class CalibratedCube(Cube):
    """A scan in reflectance: float32 in [0, 1]; see `calibrate`."""

    def __init__(
        self,
        raw: Cube,
        dark: NDArray[np.float64],
        span: NDArray[np.float64],
        dead: DeadElements,
        notes: tuple[str, ...],
    ) -> None:
        """Describes the cube.

        Args:
            raw: The scan.
            dark: [samples, bands] what the detector gives without light.
            span: [samples, bands] what white light adds to it.
            dead: Elements whose span is of no use.
            notes: What was assumed.
        """
        self.path, self.lines, self.samples = raw.path, raw.lines, raw.samples
        self.bands, self.sensor, self.unit = raw.bands, raw.sensor, "reflectance"
        self.simulated = raw.simulated
        self.notes = (*raw.notes, *notes)
        self.default_bands, self.facts, self.blanked = raw.default_bands, raw.facts, raw.blanked
        self.file_bands = raw.file_bands
        self._raw, self._dead = raw, dead
        self._dark = dark.astype(np.float32)
        self._span = np.where(dead.elements, 1.0, span).astype(np.float32)

    def read(self, rows: slice = slice(None), columns: slice = slice(None)) -> NDArray[np.float32]:
        """See `Cube.read`; always float32."""
        left, right = extent(columns, self.samples)
        first, last = self._dead.reach(left, right)  # a dead element asks its neighbours
        values = self._raw.read(rows, slice(first, last)).astype(np.float32, copy=False)
        values -= self._dark[first:last]
        # White and dark may all but coincide: what overflows there is clipped like any other.
        with np.errstate(over="ignore"):
            values /= self._span[first:last]
        np.clip(values, 0.0, 1.0, out=values)
        self._dead.fill(values, first, left, right)
        if (first, last) == (left, right):
            return values
        return np.ascontiguousarray(values[:, left - first : right - first])


def calibrate(
    cube: Cube,
    white: Path | Cube | None,
    dark: Path | Cube | None,
    *,
    explicit: bool = True,
    band_axis: BandAxis = "auto",
) -> Cube:
    """A scan in reflectance, calibrated as it is read.

    Dead elements of the detector (where white is not above dark) are filled from the nearest good
    samples of the band, and a band that is dead everywhere from its neighbours. Unequal exposures
    are noted, not corrected. References are taken by the numbers of the bands in the file, so
    whatever was left out or sorted in the scan is in them as well.

    Args:
        cube: The scan in raw counts.
        white: Image of the white standard: any number of lines, as many samples as the scan (or
            one, for all of them) and the bands of the scan's file.
        dark: Image with the shutter closed, likewise; None is taken as 0.
        explicit: The user named the references. A scan that is in reflectance already is then an
            error; with references that were only found beside it, it is left alone, with a note.
        band_axis: Where references that are arrays have their bands, see `open_arrays`.

    Returns:
        The cube in reflectance, or `cube` itself where there is no reference at all.

    Raises:
        DataError: There is a dark and no white reference, one does not fit the scan, or white is
            nowhere above dark.
    """
    if white is None and dark is None:
        return cube
    if cube.unit == "reflectance":
        return _left_alone(cube, explicit)
    if white is None:
        raise DataError(
            f"{cube.path}: found a dark reference without a white one, expected both: reflectance "
            "needs the white one: name it, or leave out (move away) the dark one"
        )
    bright = _averaged(cube, white, "white", band_axis)
    notes = list(bright.notes)
    if dark is None:
        notes.append("no dark reference: taken as 0")
        level = np.zeros_like(bright.mean)
    else:
        low = _averaged(cube, dark, "dark", band_axis)
        level = low.mean
        notes += low.notes
    span = bright.mean - level
    dead = DeadElements.of(span, cube.bands.wavelengths_nm)
    if dead.elements.all():
        below = f" in {low.path}" if dark is not None else ""
        raise DataError(
            f"{cube.path}: found white ({bright.path}) nowhere above dark{below}, expected a "
            "bright image of a white standard: are the two exchanged?"
        )
    return CalibratedCube(cube, level, span, dead, (*notes, *dead.notes))


def _left_alone(cube: Cube, explicit: bool) -> Cube:
    if explicit:
        raise DataError(
            f"{cube.path}: found reflectance already (scale factor or units say so), expected raw "
            "counts to calibrate: leave out the references"
        )
    same = copy.copy(cube)
    same.notes = (*cube.notes, "references beside it not used: it is in reflectance already")
    return same


def _averaged(cube: Cube, given: Path | Cube, role: str, band_axis: BandAxis) -> _Reference:
    """The mean over the lines of a reference, with the bands of the scan in the scan's order."""
    if isinstance(given, Cube):
        reference = given
    else:
        reference = open_cube(given, keep_bad_bands=True, band_axis=band_axis)
    notes = _differences(cube, reference, role)
    if reference.unit == "reflectance":
        raise DataError(
            f"{reference.path}: found reflectance, expected raw counts of the {role} reference"
        )
    if isinstance(reference, StoredCube):
        reference = reference.stored()
    bands = cube.stored_bands if isinstance(cube, StoredCube) else cube.bands.count
    if reference.samples not in (1, cube.samples) or reference.bands.count != bands:
        raise DataError(
            f"{reference.path}: found {_shape(reference, reference.bands.count)}, expected "
            f"{cube.samples} samples (or 1) and {bands} bands as in {cube.path} "
            f"({_shape(cube, bands)}): is it the {role} reference of this scan?"
        )
    total = np.zeros((reference.samples, bands))
    for rows in reference.blocks():
        total += reference.read(rows).sum(axis=0, dtype=np.float64)
    mean = total / reference.lines
    if isinstance(cube, StoredCube):
        mean = mean[:, np.asarray(cube.file_bands)]
    whole = np.ascontiguousarray(np.broadcast_to(mean, (cube.samples, mean.shape[1])))
    mended = [f"{role} reference: {note}" for note in reference.notes if note not in cube.notes]
    return _Reference(reference.path, whole, (*mended, *notes))


def _shape(cube: Cube, bands: int) -> str:
    return f"{cube.lines} lines x {cube.samples} samples x {bands} bands"


def _differences(cube: Cube, reference: Cube, role: str) -> list[str]:
    """Notes on what makes a reference doubtful: another exposure, other wavelengths."""
    notes = []
    for key, ours in cube.facts.items():
        theirs = reference.facts.get(key)
        if theirs is not None and _unequal(ours, theirs):
            notes.append(
                f"{key} differs: {ours} in the scan, {theirs} in the {role} reference "
                f"{reference.path.name}; not corrected"
            )
    known, nm = _by_number(reference), _by_number(cube)
    apart = max((abs(known[n] - nm[n]) for n in nm if n in known), default=0.0)
    if apart > 0.5:
        notes.append(
            f"wavelengths of the {role} reference {reference.path.name} differ from the scan's by "
            f"up to {apart:.1f} nm; bands are matched by their numbers"
        )
    return notes


def _by_number(cube: Cube) -> Mapping[int, float]:
    nm = cube.bands.wavelengths_nm
    if nm is None:
        return {}
    numbers: Any = cube.file_bands or range(len(nm))
    return dict(zip(numbers, nm, strict=True))


def _unequal(ours: str, theirs: str) -> bool:
    """True for numbers that differ, or in two units; words (shutter = open) tell nothing."""
    form = re.compile(r"\s*([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)\s*(.*?)\s*")
    a, b = form.fullmatch(ours), form.fullmatch(theirs)
    if a is None or b is None:
        return False
    first, second = float(a[1]), float(b[1])
    same = abs(first - second) <= 1e-6 * max(abs(first), abs(second))
    return not same or a[2].lower() != b[2].lower()
