"""How good each band is: its range, what is saturated, dead or noisy, and what to say about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SATURATED_FROM = 0.01  # share of pixels at the ceiling
NEGATIVE_FROM = 0.01  # share of pixels below zero
NOISY_FROM = 0.02  # noise as a share of the signal ...
NOISY_TIMES = 3.0  # ... and as a multiple of the data set's usual noise
NOISE_PIXELS = 128  # of each sample, evenly: noise needs no more, and costs the most
GAP_FROM = 2.5  # a step to the next band, as a multiple of the usual one
JUMP_FROM = 0.5  # distance to what the neighbours lead to expect, as a share of their level


@dataclass(frozen=True)
class BandQuality:
    """Figures of each band over all counted pixels; arrays are [bands].

    Attributes:
        pixels: How many pixels were counted.
        minimum: Smallest value.
        mean: Mean value.
        maximum: Largest value.
        saturated: Share of pixels at `ceiling`; a single one at the largest of all is none.
        negative: Share of pixels below zero.
        noise: Estimated noise in units of the values; NaN where it cannot be estimated. Within
            each sample, the scatter of a band about the line through its two neighbours, divided
            by what independent noise of the three would add up to. An upper bound: fine structure
            of the spectra counts as noise.
        repeats: Whether the band equals the one before it in every pixel.
        ceiling: The value that counts as saturated: 255 for uint8, else the largest of all.
    """

    pixels: int
    minimum: Floats
    mean: Floats
    maximum: Floats
    saturated: Floats
    negative: Floats
    noise: Floats
    repeats: NDArray[np.bool_]
    ceiling: float

    @property
    def relative_noise(self) -> Floats:
        """Noise as a share of the mean; NaN where there is no signal or no estimate."""
        share = np.full(len(self.mean), np.nan)
        np.divide(self.noise, self.mean, out=share, where=self.mean > 0)
        return share

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which bands have one value in every pixel; none where there is but one pixel."""
        same: NDArray[np.bool_] = (self.minimum == self.maximum) & (self.pixels > 1)
        return same


class BandSums:
    """Sums of each band, kept while pixels pass by."""

    def __init__(self, bands: int, wavelengths: Sequence[float] | None) -> None:
        """Starts with no pixels.

        Args:
            bands: Bands of a pixel.
            wavelengths: Their centres in nm, ascending, or None where unknown.
        """
        self._expected = _Neighbours.of(bands, wavelengths)
        self._pixels = 0
        self._low = np.full(bands, np.inf)
        self._high = np.full(bands, -np.inf)
        self._sum, self._negative, self._at_high = (np.zeros(bands) for _ in range(3))
        self._scatter = np.zeros(bands)
        self._free = 0  # degrees of freedom of the scatter
        self._repeats = np.ones(bands, bool)
        self._repeats[0] = False

    def add(self, pixels: Floats) -> None:
        """Adds the pixels [p, bands] of one sample, at least one."""
        self._pixels += len(pixels)
        high = pixels.max(axis=0)
        count = (pixels == high).sum(axis=0)
        kept = np.where(high < self._high, self._at_high, self._at_high + count)
        self._at_high = np.where(high > self._high, count, kept)
        self._high = np.maximum(self._high, high)
        self._low = np.minimum(self._low, pixels.min(axis=0))
        self._sum += pixels.sum(axis=0)
        self._negative += (pixels < 0).sum(axis=0)
        self._repeats[1:] &= (pixels[:, 1:] == pixels[:, :-1]).all(axis=0)
        if self._expected is not None and len(pixels) > 1:
            some = pixels[:: -(-len(pixels) // NOISE_PIXELS)]
            rest = some - self._expected.predict(some)
            self._scatter += ((rest - rest.mean(axis=0)) ** 2).sum(axis=0)
            self._free += len(some) - 1

    def quality(self, ceiling: float | None) -> BandQuality:
        """The figures.

        Args:
            ceiling: The value that counts as saturated, or None for the largest of all.
        """
        if not self._pixels:
            self._low[:], self._high[:], self._sum[:] = np.nan, np.nan, np.nan
        top = float(self._high.max()) if ceiling is None else ceiling
        least = 2 if ceiling is None else 1  # some pixel is always the brightest
        pixels = max(self._pixels, 1)
        noise = np.full(len(self._sum), np.nan)
        if self._expected is not None and self._free:
            noise = np.sqrt(self._scatter / self._free) / self._expected.factor
        return BandQuality(
            self._pixels,
            self._low,
            self._sum / pixels,
            self._high,
            np.where((self._high == top) & (self._at_high >= least), self._at_high, 0) / pixels,
            self._negative / pixels,
            noise,
            self._repeats & (self._pixels > 1),
            top,
        )


def runs_without_gaps(x: Sequence[float]) -> list[list[int]]:
    """Places of neighbouring bands, broken where nothing was measured in between.

    Args:
        x: Where the bands lie, ascending.
    """
    steps = [b - a for a, b in pairwise(x)]
    longest = GAP_FROM * median(steps) if steps else 0.0
    runs = [[0]]
    for i, step in enumerate(steps, 1):
        if step > longest:
            runs.append([])
        runs[-1].append(i)
    return runs


@dataclass(frozen=True)
class Suspicion:
    """Bands in a row that look wrong in one way.

    Attributes:
        bands: Their numbers, from 0.
        kind: `dead`, `copied`, `saturated`, `below zero`, `noisy` or `a step`.
        words: What was found.
    """

    bands: tuple[int, ...]
    kind: str
    words: str


def suspicions(quality: BandQuality, wavelengths: Sequence[float] | None) -> tuple[Suspicion, ...]:
    """What a person should look at before these bands are trusted.

    Args:
        quality: Figures of the bands.
        wavelengths: Their centres in nm, or None where unknown.

    Returns:
        One entry for each run of neighbouring bands and kind of suspicion.
    """
    constant = quality.constant
    share = quality.relative_noise
    usual = float(np.nanmedian(share[~constant])) if np.isfinite(share[~constant]).any() else 0.0
    jump = _jumps(quality, wavelengths)
    low, saturated, negative = quality.minimum, quality.saturated, quality.negative
    # kind: which bands, the figures to tell, how to write them, and the words around them
    kinds: dict[str, tuple[NDArray[np.bool_], Floats, str, str]] = {
        "dead": (constant, low, "g", "the same value, {}, in every pixel"),
        "copied": (quality.repeats, low, "g", "equal to the band before in every pixel"),
        "saturated": (saturated > SATURATED_FROM, saturated, ".1%",
                      f"{{}} of the pixels at the highest value, {quality.ceiling:g}"),
        "below zero": (negative > NEGATIVE_FROM, negative, ".1%", "{} of the pixels"),
        "noisy": (_noisy(share, usual), share, ".1%",
                  f"noise is {{}} of the signal, usual here is {usual:.1%}"),
        "a step": (np.abs(jump) > JUMP_FROM, jump, "+.0%",
                   "{} off the line through the bands beside it"),
    }  # fmt: skip
    found = []
    for kind, (flags, figures, form, words) in kinds.items():
        for run in _runs(flags & (~constant | (kind == "dead"))):
            told = words.format(_span(figures[list(run)], form))
            found.append(Suspicion(run, kind, told))
    return tuple(found)


@dataclass(frozen=True)
class _Neighbours:
    """Two neighbours of each band and their weights in the straight line through them."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weight: Floats  # of `first`; that of `second` is one minus it

    @classmethod
    def of(cls, bands: int, wavelengths: Sequence[float] | None) -> "_Neighbours | None":
        if bands < 3:
            return None
        x = np.arange(bands, dtype=float) if wavelengths is None else np.asarray(wavelengths)
        here = np.arange(bands)
        first, second = here - 1, here + 1
        first[0], second[0] = 1, 2  # at either end, the line goes on beyond its two points
        first[-1], second[-1] = bands - 2, bands - 3
        return cls(first, second, (x[second] - x) / (x[second] - x[first]))

    @property
    def factor(self) -> Floats:
        """By how much independent noise of equal size grows in `value - prediction`."""
        grown: Floats = np.sqrt(1 + self.weight**2 + (1 - self.weight) ** 2)
        return grown

    def predict(self, values: Floats) -> Floats:
        """Each band from its neighbours; values are [..., bands]."""
        predicted: Floats = self.weight * values[..., self.first]
        predicted += (1 - self.weight) * values[..., self.second]
        return predicted


def _noisy(share: Floats, usual: float) -> NDArray[np.bool_]:
    """Noisy bands, without those that only seem so because a much noisier one is beside them."""
    threshold = max(NOISY_FROM, NOISY_TIMES * usual)
    known = np.nan_to_num(share, nan=0.0)
    padded = np.pad(known, 1)
    beside = np.stack([padded[:-2], padded[2:]])
    infected = (beside.max(axis=0) > 1.5 * known) & (beside.min(axis=0) <= threshold)
    noisy: NDArray[np.bool_] = (known > threshold) & ~infected
    return noisy


def _jumps(quality: BandQuality, wavelengths: Sequence[float] | None) -> Floats:
    """Distance of each band's mean to its neighbours' line, as a share of their mean level."""
    axis = range(len(quality.mean)) if wavelengths is None else wavelengths
    neighbours = _Neighbours.of(len(quality.mean), wavelengths)
    jump = np.zeros(len(quality.mean))
    if neighbours is None:
        return jump
    mean = quality.mean
    level = (np.abs(mean[neighbours.first]) + np.abs(mean[neighbours.second])) / 2
    away = mean - neighbours.predict(mean)
    np.divide(away, level, out=jump, where=level > 0)
    # A line that goes on beyond its points, or across a gap, says nothing about steps.
    for run in runs_without_gaps(axis):
        jump[[run[0], run[-1]]] = 0
    return jump


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    numbers = np.flatnonzero(flags)
    if not numbers.size:
        return []
    pieces = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return [tuple(int(i) for i in piece) for piece in pieces]


def _span(values: Floats, form: str) -> str:
    low, high = format(values.min(), form), format(values.max(), form)
    return low if low == high else f"{low} to {high}"
