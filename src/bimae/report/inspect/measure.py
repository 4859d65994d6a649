"""Reads samples and measures their spectra.

Pixels that are zero in every band are padding, not measurement: they are left out of everything.
Mean spectra are taken over two regions: of the whole image, and of its middle, where the object
is and little else.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.report.inspect.quality import BandQuality, BandSums, Floats
from bimae.report.inspect.tally import ClassRow

MOST_PIXELS = 4096  # of one cube; from larger ones every second, third, ... pixel is taken
KEPT_PIXELS = 64  # of one cube, to find the range of the pictures' colours
OF_EACH_CLASS = 10  # that a drawn sample of the samples has at least, where there are so many

Region = Literal["whole", "middle"]
REGIONS: tuple[Region, ...] = ("whole", "middle")
Cube = NDArray[np.uint8] | NDArray[np.float32]
Counted = Callable[[Iterable[int]], Iterable[int]]


@dataclass(frozen=True)
class Measured:
    """What was read of a data set; n samples.

    Attributes:
        numbers: [n] numbers of the samples that were read, ascending.
        spectra: For each region, [n, bands]: the mean spectrum of each sample; NaN where there
            is nothing but padding.
        filled: [n] share of the pixels that are not padding.
        quality: Figures of the bands.
        kept: [k, bands kept] pixels drawn from all samples, of the bands asked for.
        hs_sizes: Height and width of the cubes, and how many have them.
        rgb_sizes: Height and width of the RGB images, and how many have them.
        kinds: Number formats of the cubes (`uint8`, `float32`), and how many have them.
        thinned: Whether a cube was so large that not all of its pixels were taken.
    """

    numbers: NDArray[np.int64]
    spectra: dict[Region, Floats]
    filled: Floats
    quality: BandQuality
    kept: Floats
    hs_sizes: Counter[tuple[int, int]]
    rgb_sizes: Counter[tuple[int, int]]
    kinds: Counter[str]
    thinned: bool

    @property
    def empty(self) -> NDArray[np.int64]:
        """Numbers of the samples whose cubes hold nothing but padding."""
        found: NDArray[np.int64] = self.numbers[self.filled == 0]
        return found


@dataclass(frozen=True)
class ClassSpectrum:
    """Spectrum of a class over the samples read: how many, mean and standard deviation [bands].

    The deviation is that of the samples' mean spectra; NaN for fewer than two samples.
    """

    samples: int
    mean: Floats
    deviation: Floats


def choose_samples(rows: Sequence[ClassRow], most: int, seed: int) -> list[int]:
    """Samples to measure: all, or a seeded draw in which no class is forgotten.

    Args:
        rows: The classes of the data set.
        most: How many samples to choose at most.
        seed: Seed of the draw.

    Returns:
        Their numbers, ascending.
    """
    count = sum(len(row.samples) for row in rows)
    if count <= most:
        return list(range(count))
    rng = np.random.default_rng([seed, count])
    least = min(OF_EACH_CLASS, most // len(rows))
    drawn = {int(i) for row in rows for i in rng.permutation(row.samples)[:least]}
    rest = [int(i) for i in rng.permutation(count) if int(i) not in drawn]
    return sorted([*drawn, *rest[: most - len(drawn)]])


def choose_examples(row: ClassRow, count: int, seed: int) -> list[int]:
    """A seeded draw of a class's samples to show, ascending.

    Args:
        row: The class.
        count: How many, if it has so many.
        seed: Seed of the draw.
    """
    rng = np.random.default_rng([seed, row.samples[0]])
    return sorted(int(i) for i in rng.permutation(row.samples)[:count])


def counted_pixels(hs: Cube) -> tuple[Floats, float]:
    """Pixels [p, bands] of a cube that are not padding, and the share of all that they are.

    Args:
        hs: The cube [h, w, bands]; of one of more than `MOST_PIXELS`, pixels are taken evenly.
    """
    flat = hs.reshape(-1, hs.shape[2])
    flat = flat[:: -(-len(flat) // MOST_PIXELS)]
    filled = (flat != 0).any(axis=1)
    return flat[filled].astype(np.float64), float(filled.mean())


def middle_of(hs: Cube) -> Cube:
    """The middle of a cube: half its height and half its width, at least a pixel.

    Args:
        hs: [h, w, bands].
    """
    height, width = hs.shape[:2]
    top, left = height // 4, width // 4
    return hs[top : height - top, left : width - left]


def mean_spectra(hs: Cube, pixels: Floats | None = None) -> dict[Region, Floats]:
    """The mean spectrum [bands] of each region of a cube; NaN where it holds but padding.

    Args:
        hs: [h, w, bands].
        pixels: Its `counted_pixels`, where they are known already.
    """
    return {
        "whole": _mean(counted_pixels(hs)[0] if pixels is None else pixels),
        "middle": _mean(counted_pixels(middle_of(hs))[0]),
    }


def measure(
    ds: SeedDataset,
    numbers: Sequence[int],
    kept_bands: Sequence[int],
    *,
    seed: int = 0,
    counted: Counted | None = None,
) -> Measured:
    """Reads samples and measures them.

    Args:
        ds: The data set, opened with the sizes as stored.
        numbers: Which samples to read.
        kept_bands: Bands of which single pixels are kept.
        seed: Seed of the pixels that are kept.
        counted: Wraps the numbers while they are read, for a progress bar.
    """
    rng = np.random.default_rng([seed, 1])
    sums = BandSums(ds.bands, ds.wavelengths_nm)
    sizes: tuple[Counter[tuple[int, int]], Counter[tuple[int, int]]] = (Counter(), Counter())
    kinds: Counter[str] = Counter()
    filled, kept = [], []
    spectra: dict[Region, list[Floats]] = {region: [] for region in REGIONS}
    thinned = False
    for number in numbers if counted is None else counted(numbers):
        sample = ds[number]
        height, width, _ = sample.hs.shape
        pixels, share = counted_pixels(sample.hs)
        thinned |= height * width > MOST_PIXELS
        sizes[0][height, width] += 1
        sizes[1][sample.rgb.shape[0], sample.rgb.shape[1]] += 1
        kinds[str(sample.hs.dtype)] += 1
        filled.append(share)
        for region, spectrum in mean_spectra(sample.hs, pixels).items():
            spectra[region].append(spectrum)
        if len(pixels):
            sums.add(pixels)
            some = pixels[rng.integers(0, len(pixels), min(KEPT_PIXELS, len(pixels)))]
            kept.append(some[:, list(kept_bands)])
    return Measured(
        np.array(numbers, np.int64),
        {region: np.stack(found) for region, found in spectra.items()},
        np.array(filled),
        sums.quality(255.0 if set(kinds) == {"uint8"} else None),
        np.concatenate([np.empty((0, len(kept_bands))), *kept]),
        *sizes,
        kinds,
        thinned,
    )


def class_spectrum(measured: Measured, row: ClassRow, region: Region) -> ClassSpectrum:
    """The spectrum of a class over its samples that were read.

    Args:
        measured: What was read.
        row: The class.
        region: Of which region of the images.
    """
    found = measured.spectra[region]
    spectra = found[np.isin(measured.numbers, row.samples) & np.isfinite(found).all(axis=1)]
    nothing = np.full(found.shape[1], np.nan)
    mean = spectra.mean(axis=0) if len(spectra) else nothing
    deviation = spectra.std(axis=0, ddof=1) if len(spectra) > 1 else nothing
    return ClassSpectrum(len(spectra), mean, deviation)


def _mean(pixels: Floats) -> Floats:
    mean: Floats = pixels.mean(axis=0) if len(pixels) else np.full(pixels.shape[1], np.nan)
    return mean
