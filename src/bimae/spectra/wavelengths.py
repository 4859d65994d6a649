"""Wavelengths of a sensor's bands, in nm."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from bimae.errors import BandError


def check_wavelengths(wavelengths: Sequence[float], bands: int, where: str) -> tuple[float, ...]:
    """Wavelengths as a tuple of floats, refused when they cannot be a sensor's.

    Args:
        wavelengths: Band centres in nm, one per band, ascending.
        bands: Number of bands that the images have.
        where: The file that they come from, for the message.

    Raises:
        BandError: Their number is not `bands`, or they do not ascend.
    """
    centres = tuple(float(w) for w in wavelengths)
    if len(centres) != bands:
        raise BandError(
            f"{where}: {len(centres)} wavelengths for images of {bands} bands; "
            "one wavelength in nm per band is expected: correct the list"
        )
    if any(not b > a for a, b in pairwise(centres)):
        raise BandError(f"{where}: wavelengths do not ascend; sort bands and wavelengths together")
    return centres


def nearest_band(wavelengths: Sequence[float], nm: float) -> int:
    """Index of the band whose centre lies nearest to `nm`; the lower one of two equally near."""
    return min(range(len(wavelengths)), key=lambda i: abs(wavelengths[i] - nm))


def band_reach(wavelengths: Sequence[float]) -> float:
    """How far from its centre a band can be said to reach: half the usual distance, in nm."""
    return median(b - a for a, b in pairwise(wavelengths)) / 2 if len(wavelengths) > 1 else 5.0
