"""A hyperspectral file of any kind -> a `Cube`: lines, samples, bands in nm, read in blocks."""

from bimae.data.cubes.arrays import open_arrays, read_plane
from bimae.data.cubes.calibrate import calibrate
from bimae.data.cubes.cube import Bands, Cube, Values
from bimae.data.cubes.envi import open_envi
from bimae.data.cubes.opening import CUBE_SUFFIXES, cubes_in, is_cube, open_cube
from bimae.data.cubes.references import References, find_references, is_reference
from bimae.data.cubes.wavelength_lists import (
    WavelengthSource,
    parse_wavelengths,
    read_wavelengths,
)

__all__ = [
    "CUBE_SUFFIXES",
    "Bands",
    "Cube",
    "References",
    "Values",
    "WavelengthSource",
    "calibrate",
    "cubes_in",
    "find_references",
    "is_cube",
    "is_reference",
    "open_arrays",
    "open_cube",
    "open_envi",
    "parse_wavelengths",
    "read_plane",
    "read_wavelengths",
]
