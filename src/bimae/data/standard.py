"""The standard of a data set: mean and deviation of each band, to bring spectra to."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bimae.data.dataset import SeedDataset
from bimae.data.reading import Standard
from bimae.errors import DataError

ENOUGH = 1000  # samples; more change the third digit at most


FLOOR = (
    0.01  # of the mean over all bands; what is darker is mostly noise, and logarithms blow it up
)


def measure_standard(samples: SeedDataset, indices: Sequence[int]) -> Standard:
    """Mean and standard deviation of each band over the pixels of objects.

    Pixels that are zero in every band are padding and left out.

    Args:
        samples: A data set.
        indices: The samples that are learned from; of many, evenly spaced ones are looked at.

    Returns:
        A pair for each band, in the unit of the images.

    Raises:
        DataError: All pixels are zero in every band.
    """
    return _moments(samples, indices, lambda pixels: pixels)


def measure_shapes(samples: SeedDataset, indices: Sequence[int]) -> tuple[Standard, float]:
    """The same of the shapes of spectra, and the least value that a logarithm is taken of.

    The shape of a pixel's spectrum is the logarithm of each band less the mean of these, which
    does not depend on how brightly the pixel is lit.

    Args:
        samples: A data set.
        indices: As of `measure_standard`.

    Returns:
        A pair for each band, and the floor in the unit of the images.

    Raises:
        DataError: All pixels are zero in every band, or spectra are negative on average.
    """
    mean = np.mean([m for m, _ in measure_standard(samples, indices)])
    floor = FLOOR * float(mean)
    if not floor > 0:
        raise DataError(
            f"{samples.root}: spectra are {mean:g} on average, and the shape of a spectrum is "
            "taken from logarithms; take scale standard, or reflectance above 0"
        )

    def shapes(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        logs = np.log(np.maximum(pixels, floor))
        return logs - logs.mean(axis=1, keepdims=True)

    return _moments(samples, indices, shapes), floor


def _moments(
    samples: SeedDataset,
    indices: Sequence[int],
    change: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Standard:
    """Mean and deviation of each band over changed pixels [P, C] that are not padding."""
    places = np.linspace(0, len(indices) - 1, min(len(indices), ENOUGH), dtype=int)
    count, total, squares = 0, np.zeros(samples.bands), np.zeros(samples.bands)
    for place in places:
        cube = samples.stored(indices[place], "hs").hs
        assert cube is not None
        pixels = cube.reshape(-1, cube.shape[-1]).astype(np.float64)
        pixels = change(pixels[pixels.any(axis=1)])
        count += len(pixels)
        total += pixels.sum(axis=0)
        squares += np.square(pixels).sum(axis=0)
    if not count:
        raise DataError(f"{samples.root}: every pixel of the spectral images is zero in every band")
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - np.square(mean), 0))
    # A dead band is the same everywhere: it stays in the middle whatever it is divided by.
    least = max(1e-6 * float(np.abs(mean).max()), 1e-12)
    return tuple((float(m), float(max(d, least))) for m, d in zip(mean, deviation, strict=True))
