"""Which bands are alike in a data set: groups of neighbours that tell the same of its samples."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bimae.data.dataset import SeedDataset
from bimae.data.standard import ENOUGH
from bimae.data.transforms import scale_spectra
from bimae.errors import DataError

LEAST = 3  # samples; over two, all bands correlate wholly


def band_correlation(
    samples: SeedDataset, indices: Sequence[int], *, scaled: bool
) -> NDArray[np.float64]:
    """Correlation of each two bands over samples, of their means over the pixels of the object.

    Pixels that are zero in every band are padding and left out.

    Args:
        samples: A data set.
        indices: The samples that are learned from; of many, evenly spaced ones are looked at.
        scaled: Whether each pixel is min-max scaled first, as for a model that reads them so.

    Returns:
        [C, C] from -1 to 1; a band that is the same in all samples correlates with no other.

    Raises:
        DataError: Fewer than `LEAST` samples have pixels that are not zero.
    """
    places = np.linspace(0, len(indices) - 1, min(len(indices), ENOUGH), dtype=int)
    means = []
    for place in places:
        cube = samples.stored(indices[place], "hs").hs
        assert cube is not None
        objects = cube.any(axis=-1)
        if objects.any():
            bands = scale_spectra(cube) if scaled else cube.transpose(2, 0, 1)
            means.append(bands[:, objects].mean(axis=1, dtype=np.float64))
    if len(means) < LEAST:
        raise DataError(
            f"{samples.root}: {len(means)} training samples have pixels that are not zero; which "
            f"bands are alike is seen from at least {LEAST}: give more samples, or take "
            "hs_masking block"
        )
    off = np.stack(means) - np.mean(means, axis=0)  # [n, C]
    length = np.sqrt(np.square(off).sum(axis=0))
    varied = length > 1e-6 * np.abs(means).max()
    unit = np.divide(off, length, out=np.zeros_like(off), where=varied)
    found: NDArray[np.float64] = np.clip(unit.T @ unit, -1, 1)
    return found


def alike_bands(correlation: NDArray[np.float64], least: float) -> tuple[int, ...]:
    """Groups of neighbouring bands of which each two correlate by at least so much.

    Args:
        correlation: [C, C] as of `band_correlation`.
        least: From here on two bands are alike.

    Returns:
        [C] the group of each band, from 0 and ascending.
    """
    groups, first = [0], 0
    for band in range(1, len(correlation)):
        together = correlation[first:band, band].min() >= least
        first = first if together else band
        groups.append(groups[-1] + (not together))
    return tuple(groups)
