"""The standard of a data set: mean and deviation of each band, to bring spectra to."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bimae.data.dataset import SeedDataset
from bimae.data.reading import Standard, Within
from bimae.data.shapes import LEAST_VARIANCE, whitened
from bimae.errors import DataError

LEAST_AMONG = 1e-5  # of the largest variance among objects: the error that is allowed in a band
FACTORS = 64  # enough for 300 bands; what is left out counts as the floor does
ENOUGH = 1000  # samples; more change the third digit at most
LOG_FLOOR = 0.01  # of the mean over all bands: what is darker is mostly noise, which logs blow up


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
    floor = LOG_FLOOR * float(mean)
    if not floor > 0:
        raise DataError(
            f"{samples.root}: spectra are {mean:g} on average, and the shape of a spectrum is "
            "taken from logarithms; take scale standard, or reflectance above 0"
        )

    return _moments(samples, indices, lambda pixels: _shapes(pixels, floor)), floor


def share_floored(samples: SeedDataset, indices: Sequence[int], log_floor: float) -> float:
    """Which share of the values of objects counts as `log_floor`, since it is below it.

    Args:
        samples: A data set.
        indices: As of `measure_standard`.
        log_floor: See `measure_shapes`.
    """
    below = total = 0
    for pixels in _objects(samples, indices):
        below += int((pixels < log_floor).sum())
        total += pixels.size
    return below / max(total, 1)


def measure_within(
    samples: SeedDataset, indices: Sequence[int], standard: Standard, log_floor: float
) -> Within:
    """What moves the bands inside one object: factors of the covariance within samples.

    Args:
        samples: A data set.
        indices: As of `measure_standard`.
        standard: Of the shapes of spectra.
        log_floor: Likewise.

    Returns:
        A row for each band: by how much, in its deviations, each factor moves it, times a number
        that brings whitened shapes to deviation 1 over all pixels. Factors are orthogonal; those
        of less than a thousandth of `LEAST_VARIANCE` are left out, and there are at most `FACTORS`.

    Raises:
        DataError: No sample has two pixels that differ.
    """
    mean, deviation = np.asarray(standard).T
    total, count = np.zeros((samples.bands, samples.bands)), 0

    def shapes_of(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((_shapes(pixels, log_floor) - mean) / deviation)

    for pixels in _objects(samples, indices):
        shapes = shapes_of(pixels)
        if len(shapes) > 1:
            off = shapes - shapes.mean(axis=0)
            total += off.T @ off
            count += len(shapes) - 1
    factors, largest = _factors(total / max(count, 1), LEAST_VARIANCE)
    if not largest > 0:
        raise DataError(
            f"{samples.root}: in no sample do pixels differ, and whitening takes off what differs "
            "inside objects; take scale shape"
        )
    # objects differ more than pixels of one do: brought to deviation 1 over the pixels of all
    squares, values_seen = 0.0, 0
    for pixels in _objects(samples, indices):
        found = whitened(
            torch.from_numpy(shapes_of(pixels).T[None, :, :, None]), torch.from_numpy(factors)
        )
        squares += float(found.square().sum())
        values_seen += found.numel()
    return _rows(factors * np.sqrt(squares / values_seen))


def measure_among(
    samples: SeedDataset, indices: Sequence[int], standard: Standard, log_floor: float
) -> Within:
    """What moves the bands from object to object: factors of the covariance of mean shapes.

    Args:
        samples: A data set.
        indices: As of `measure_standard`.
        standard: Of the shapes of spectra.
        log_floor: Likewise.

    Returns:
        A row for each band: by how much, in logarithms, each factor moves it, over the error that
        is allowed: `LEAST_AMONG` of the largest variance of any direction. Factors are orthogonal
        in deviations of the bands, in which that is measured too; there are at most `FACTORS`.

    Raises:
        DataError: All samples have the same spectrum.
    """
    deviation = np.asarray(standard)[:, 1]
    means = np.stack([_shapes(p, log_floor).mean(axis=0) for p in _objects(samples, indices)])
    covariance = np.atleast_2d(np.cov((means / deviation).T))
    factors, largest = _factors(covariance, LEAST_AMONG)
    if not largest > 0:
        raise DataError(
            f"{samples.root}: all training samples have the same spectrum, so that no band tells "
            "of another; leave out complete_bands"
        )
    error = np.sqrt(LEAST_AMONG * largest * np.square(deviation).mean())
    return _rows(factors * deviation[:, None] / error)


def _factors(
    covariance: NDArray[np.float64], least: float
) -> tuple[NDArray[np.float64], np.float64]:
    """Factors [C, F] of a covariance, the strongest first, and its largest eigenvalue.

    At most `FACTORS`; those of less than a thousandth of the share `least` of the largest are left
    out.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = np.flatnonzero(values > 1e-3 * least * values[-1])[::-1][:FACTORS]
    factors = vectors[:, kept] * np.sqrt(values[kept])
    if not len(kept):
        return factors, values[-1]
    # the sign of a factor says nothing; fixed, so that the same data give the same numbers
    factors *= np.where(factors[np.abs(factors).argmax(axis=0), np.arange(len(kept))] < 0, -1, 1)
    return factors, values[-1]


def _rows(factors: NDArray[np.float64]) -> Within:
    return tuple(tuple(round(float(x), 7) for x in row) for row in factors)


def _shapes(pixels: NDArray[np.float64], log_floor: float) -> NDArray[np.float64]:
    """Logarithms of pixels [P, C], each less its own mean over the bands."""
    logs: NDArray[np.float64] = np.log(np.maximum(pixels, log_floor))
    logs -= logs.mean(axis=1, keepdims=True)
    return logs


def _objects(samples: SeedDataset, indices: Sequence[int]) -> Iterator[NDArray[np.float64]]:
    """Pixels [P, C] of each sample that are not padding; of many samples, evenly spaced ones."""
    for place in np.linspace(0, len(indices) - 1, min(len(indices), ENOUGH), dtype=int):
        cube = samples.stored(indices[place], "hs").hs
        assert cube is not None
        pixels = cube.reshape(-1, cube.shape[-1]).astype(np.float64)
        yield pixels[pixels.any(axis=1)]


def _moments(
    samples: SeedDataset,
    indices: Sequence[int],
    change: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Standard:
    """Mean and deviation of each band over changed pixels [P, C] that are not padding."""
    count, total, squares = 0, np.zeros(samples.bands), np.zeros(samples.bands)
    for kept in _objects(samples, indices):
        pixels = change(kept)
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
