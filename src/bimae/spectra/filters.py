"""What a filter camera would see through one of its filters, made of a sensor's bands."""

from collections.abc import Sequence
from math import exp, fsum, log, sqrt

from bimae.spectra.wavelengths import band_reach, band_shares, covers, nearest_band

FWHM = 2 * sqrt(2 * log(2))  # of a Gaussian, in standard deviations
LEAST = 1e-4  # weights below this share of the largest are dropped

BandWeights = tuple[tuple[int, float], ...]
"""(band, weight) pairs of one channel; the weights are positive and sum to 1."""


def filter_weights(wavelengths: Sequence[float], centre: float, fwhm: float) -> BandWeights:
    """BandWeights of a Gaussian filter over a sensor's bands.

    A band weighs what the Gaussian is at its centre, times the part of the spectrum that the band
    stands for: where bands lie close together, each counts for less. What the filter lets through
    outside the sensor's bands or in a gap is left out, so that a filter there looks to the inside
    of its centre.

    The bands are taken as lines: their own width, known or not, widens the filter a little and is
    left out. So a filter narrower than half of what its nearest band stands for is that band.

    Args:
        wavelengths: Band centres in nm, ascending.
        centre: Of the filter, in nm.
        fwhm: Full width at half maximum, in nm, above 0.

    Returns:
        (band, weight) pairs, ascending; weights below 1e-4 of the largest are dropped.
    """
    shares = band_shares(wavelengths)
    nearest = nearest_band(wavelengths, centre)
    if fwhm < shares[nearest] / 2:
        return ((nearest, 1.0),)
    # As a share of the nearest band's, which so is never lost to underflow.
    least = (wavelengths[nearest] - centre) ** 2
    heights = [
        share * exp(4 * log(2) * (least - (nm - centre) ** 2) / fwhm**2)
        for nm, share in zip(wavelengths, shares, strict=True)
    ]
    kept = {i: h for i, h in enumerate(heights) if h >= LEAST * max(heights)}
    total = fsum(kept.values())
    return tuple((i, h / total) for i, h in kept.items())


def is_seen(wavelengths: Sequence[float], centre: float, fwhm: float) -> bool:
    """Whether the sensor can stand in for this filter.

    Its centre must lie within the reach of the sensor's first and last band, and in a gap only
    where a band lies within half the filter's width.
    """
    reach = band_reach(wavelengths) + 1e-6
    if not wavelengths[0] - reach <= centre <= wavelengths[-1] + reach:
        return False
    nearest = wavelengths[nearest_band(wavelengths, centre)]
    return abs(nearest - centre) <= fwhm / 2 or covers(wavelengths, centre)


def place_of(
    pairs: BandWeights, wavelengths: Sequence[float], widths: Sequence[float]
) -> tuple[float, float]:
    """Where a weighted average of bands lies: its own centre and width, not those of a band near.

    Args:
        pairs: (band, weight) of the average.
        wavelengths: Band centres in nm.
        widths: Full width at half maximum of each band in nm.

    Returns:
        Centre and width in nm; the width is that of a Gaussian with the spread of what is averaged.
    """
    if len(pairs) == 1:
        return float(wavelengths[pairs[0][0]]), float(widths[pairs[0][0]])
    centre = fsum(weight * wavelengths[band] for band, weight in pairs)
    spread = fsum(
        weight * ((wavelengths[band] - centre) ** 2 + (widths[band] / FWHM) ** 2)
        for band, weight in pairs
    )
    return centre, FWHM * sqrt(spread)
