"""The `Cube` over numbers on disk in whatever order: places bands, scales, blanks what is no value.

Every reader of a file format ends here; what differs between them is only how they find the
numbers (`Raster`), which axis is which, and what the file says about its bands.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes.bandlist import BandChoice
from bimae.data.cubes.cube import Blanked, Cube, Values
from bimae.data.cubes.raster import Part, Raster

# The axes of a stored array: which of them is the lines, the samples, the bands.
BIL, BIP, BSQ = (0, 2, 1), (0, 1, 2), (1, 2, 0)


@dataclass(frozen=True)
class Facts:
    """What a file says beyond its numbers.

    Attributes:
        sensor: The camera.
        simulated: Whether the file says that no camera was involved.
        unit: `reflectance`, `counts`, `radiance` or empty.
        divisor: What the stored numbers are divided by, or None.
        ignored: The stored number that means "no value", or None.
        default_bands: Bands to show, by their number in the file.
        exposure: Integration time and the like, as written.
        notes: What was assumed on opening.
    """

    sensor: str = ""
    simulated: bool = False
    unit: str = ""
    divisor: float | None = None
    ignored: float | None = None
    default_bands: tuple[int, ...] = ()
    exposure: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class StoredCube(Cube):
    """A cube whose numbers lie in a file; see `Cube` for the attributes."""

    def __init__(
        self,
        path: Path,
        *,
        raster: Raster,
        axes: tuple[int, int, int],
        choice: BandChoice,
        facts: Facts,
    ) -> None:
        """Describes the cube; nothing is read.

        Args:
            path: The file, for messages.
            raster: Its numbers.
            axes: Which axis of the raster is the lines, which the samples, which the bands.
            choice: The bands to read, in which order, and what they are.
            facts: What else the file says.
        """
        self.path = path
        self.lines, self.samples, self.stored_bands = (raster.shape[axis] for axis in axes)
        self.bands, self.file_bands = choice.bands, choice.numbers
        self.sensor, self.unit = facts.sensor, facts.unit
        self.simulated = facts.simulated
        self.notes = (*facts.notes, *choice.notes)
        self.facts = dict(facts.exposure)
        self.default_bands = _places(facts.default_bands, choice.numbers)
        self.blanked = Blanked(
            expected=facts.ignored is not None and not math.isfinite(facts.ignored)
        )
        self._raster, self._axes, self._facts = raster, axes, facts
        self._runs = band_runs(choice.numbers)
        byte = raster.dtype == np.uint8 and facts.divisor is None
        self._dtype: np.dtype[Any] = np.dtype(np.uint8 if byte else np.float32)

    def stored(self) -> "StoredCube":
        """The same image with every band of the file in the order of the file."""
        choice = BandChoice.whole(self.stored_bands)
        return StoredCube(
            self.path, raster=self._raster, axes=self._axes, choice=choice, facts=self._facts
        )

    def read(self, rows: slice = slice(None), columns: slice = slice(None)) -> Values:
        """See `Cube.read`."""
        (top, bottom), (left, right) = extent(rows, self.lines), extent(columns, self.samples)
        values = np.empty((bottom - top, right - left, self.bands.count), self._dtype)
        line_axis, sample_axis, band_axis = self._axes
        wanted = [slice(0, length) for length in self._raster.shape]
        wanted[line_axis], wanted[sample_axis] = slice(top, bottom), slice(left, right)
        part: Part = (wanted[0], wanted[1], wanted[2])
        in_file_order = values.transpose(np.argsort(self._axes))
        # A float64 beyond float32 becomes infinite here, and 0 below: that is no surprise to warn
        # about. The assignment transposes, swaps bytes and converts in one pass.
        with np.errstate(over="ignore", invalid="ignore"):
            for place, piece in self._raster.pieces(part, band_axis):
                numbers = self._without_ignored(piece)
                for run in self._runs:
                    run.put(in_file_order, place, numbers, band_axis)
        self._scale(values)
        return values

    def _without_ignored(self, piece: NDArray[Any]) -> NDArray[Any]:
        ignored = self._facts.ignored
        if ignored is None:
            return piece
        if piece.dtype.kind == "f" and abs(ignored) > 1e30:
            # Headers round: -3.40282e+38 stands for the lowest float32.
            blank = np.abs(piece - piece.dtype.type(ignored)) <= abs(ignored) * 1e-5
        elif piece.dtype.kind == "f":
            blank = piece == piece.dtype.type(ignored)
        else:
            limits = np.iinfo(piece.dtype)
            if not (ignored.is_integer() and limits.min <= ignored <= limits.max):
                return piece
            blank = piece == int(ignored)
        return np.where(blank, piece.dtype.type(0), piece) if blank.any() else piece

    def _scale(self, values: NDArray[Any]) -> None:
        self.blanked.values += values.size
        if self._raster.dtype.kind == "f":
            blank = ~np.isfinite(values)
            self.blanked.found += int(np.count_nonzero(blank))
            np.copyto(values, 0, where=blank)
        if self._facts.divisor is not None:
            values /= np.float32(self._facts.divisor)


@dataclass(frozen=True, slots=True)
class BandRun:
    """Bands that follow each other in the file (upwards or downwards) and in the cube.

    Attributes:
        first: Number of the first one in the file.
        place: Its index in the cube.
        length: How many they are.
        step: 1, or -1 where the file counts down.
    """

    first: int
    place: int
    length: int
    step: int

    def put(self, values: NDArray[Any], at: Part, piece: NDArray[Any], band_axis: int) -> None:
        """Copies these bands of a piece to their places; both arrays in the order of the file."""
        low, high = at[band_axis].start, at[band_axis].stop
        lowest = self.first if self.step > 0 else self.first - self.length + 1
        start, stop = max(low, lowest), min(high, lowest + self.length)
        if start >= stop:
            return
        source, target = [slice(None)] * 3, list(at)
        source[band_axis] = slice(start - low, stop - low)
        if self.step > 0:
            target[band_axis] = slice(self.place + start - lowest, self.place + stop - lowest)
            values[tuple(target)] = piece[tuple(source)]
        else:
            last = self.place + self.length
            target[band_axis] = slice(last - (stop - lowest), last - (start - lowest))
            values[tuple(target)] = np.flip(piece[tuple(source)], band_axis)


def band_runs(numbers: Sequence[int]) -> tuple[BandRun, ...]:
    """The bands of a cube as few runs, so that they are copied many at a time."""
    runs: list[BandRun] = []
    for place, number in enumerate(numbers):
        last = runs[-1] if runs else None
        step = number - (last.first + last.step * (last.length - 1)) if last else 0
        if last and step in (1, -1) and (last.length == 1 or step == last.step):
            runs[-1] = BandRun(last.first, last.place, last.length + 1, step)
        else:
            runs.append(BandRun(number, place, 1, 1))
    return tuple(runs)


def extent(asked: slice, length: int) -> tuple[int, int]:
    """From and to of a slice of an axis, as Python cuts a list.

    Raises:
        ValueError: It has a step.
    """
    start, stop, step = asked.indices(length)
    if step != 1:
        raise ValueError(f"a part of a cube has no step, found {asked}")
    return start, max(start, stop)


def _places(numbers: Sequence[int], chosen: Sequence[int]) -> tuple[int, ...] | None:
    """Where the cube has the bands that a file wants shown; None where it lacks one of them."""
    place_of = {number: place for place, number in enumerate(chosen)}
    if not numbers or any(number not in place_of for number in numbers):
        return None
    return tuple(place_of[number] for number in numbers)
