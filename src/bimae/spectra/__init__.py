"""What a band is: its wavelength in nm, and which bands are meant by a selection. No torch."""

from bimae.spectra.bands import BandSelection
from bimae.spectra.wavelengths import band_reach, check_wavelengths, nearest_band

__all__ = ["BandSelection", "band_reach", "check_wavelengths", "nearest_band"]
