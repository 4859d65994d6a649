"""The standard of a data set: mean and deviation of each band, to bring spectra to."""

from collections.abc import Sequence

import numpy as np

from bimae.data.dataset import SeedDataset
from bimae.data.reading import Standard
from bimae.errors import DataError

ENOUGH = 1000  # samples; more change the third digit at most


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
    places = np.linspace(0, len(indices) - 1, min(len(indices), ENOUGH), dtype=int)
    count, total, squares = 0, np.zeros(samples.bands), np.zeros(samples.bands)
    for place in places:
        cube = samples.stored(indices[place], "hs").hs
        assert cube is not None
        pixels = cube.reshape(-1, cube.shape[-1]).astype(np.float64)
        pixels = pixels[pixels.any(axis=1)]
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
