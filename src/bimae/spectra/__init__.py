"""What a band is: its wavelength in nm, and which bands are meant by a selection. No torch."""

from bimae.spectra.bands import BandSelection, Channels
from bimae.spectra.filters import BandWeights, filter_weights, place_of
from bimae.spectra.wavelengths import (
    band_reach,
    band_shares,
    between,
    check_wavelengths,
    nearest_band,
    neighbours,
    tell_bands,
)

__all__ = [
    "BandSelection",
    "BandWeights",
    "Channels",
    "band_reach",
    "band_shares",
    "between",
    "check_wavelengths",
    "filter_weights",
    "nearest_band",
    "neighbours",
    "place_of",
    "tell_bands",
]
