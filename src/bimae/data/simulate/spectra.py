"""Reflectance of seed coats, 400-1000 nm, from smooth absorption features.

    rho(w) = level * (w / 700 nm)**slope * exp(-sum_i amount_i * k_i(w))

`k_i` are the absorption curves below, each with maximum 1, so that an amount is the absorbance at
the maximum (Beer-Lambert with the path length absorbed in the amount).
"""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from bimae.data.simulate.species import Interior, Pigments, Species

Array = NDArray[np.float64]

FIRST_NM = 400.0
LAST_NM = 1000.0

# Difficulty: how much seeds of one species differ (relative standard deviation of an amount).
PIGMENT_SPREAD = 0.14
INTERIOR_SPREAD = 0.18
EDGE_SPREAD_NM = 4.0
LEVEL_SPREAD = 0.15
SLOPE_SPREAD = 0.06

EDGE_DEPTH = 0.55  # absorbance on the short side of the red edge, the same for every species
EDGE_WIDTH_NM = 8.0
DARK_PART = 2.2  # the dark part of a coat holds this many times the pigments of the light part
INSTRUMENT_FWHM_NM = 6.0


@dataclass(frozen=True, slots=True)
class Coat:
    """The coat of one seed: its species' amounts after the seed's own variation.

    Attributes:
        pigments: Visible absorbers of the light part.
        interior: Near-infrared absorbers.
        level: Reflectance at 700 nm without any absorber.
        slope: Exponent of the scattering baseline.
    """

    pigments: Pigments
    interior: Interior
    level: float
    slope: float


def draw_coat(species: Species, rng: np.random.Generator) -> Coat:
    """The coat of one seed of a species."""
    pigments = np.asarray(astuple(species.pigments))
    pigments = pigments * np.exp(PIGMENT_SPREAD * rng.standard_normal(pigments.size))
    edge, *depths = astuple(species.interior)
    edge += EDGE_SPREAD_NM * rng.standard_normal()
    amounts = np.asarray(depths) * np.exp(INTERIOR_SPREAD * rng.standard_normal(len(depths)))
    return Coat(
        Pigments(*pigments.tolist()),
        Interior(edge, *amounts.tolist()),
        level=0.72 * float(np.exp(LEVEL_SPREAD * rng.standard_normal())),
        slope=0.25 + SLOPE_SPREAD * float(rng.standard_normal()),
    )


def coat_reflectance(coat: Coat, nm: Array, darkening: float = 1.0) -> Array:
    """Reflectance of a coat.

    Args:
        coat: The seed's coat.
        nm: [bands] wavelengths in nm.
        darkening: Factor on the pigments: 1 for the light part, `DARK_PART` for the dark one.

    Returns:
        [bands] reflectance, 0 to 1.
    """
    p, inside = coat.pigments, coat.interior
    visible = (
        p.phenolic * np.exp(-(nm - 400.0) / 130.0)
        + p.melanin * np.exp(-(nm - 400.0) / 400.0)
        + p.anthocyanin * _peak(nm, 540.0, 38.0)
        + p.carotenoid * (_peak(nm, 450.0, 18.0) + 0.8 * _peak(nm, 480.0, 16.0))
        + p.chlorophyll
        * (_peak(nm, 672.0, 13.0) + 0.9 * _peak(nm, 435.0, 22.0) + 0.3 * _peak(nm, 625.0, 18.0))
    )
    near_infrared = (
        EDGE_DEPTH / (1.0 + np.exp((nm - inside.edge_nm) / EDGE_WIDTH_NM))
        + inside.lipid * (_peak(nm, 928.0, 14.0) + 0.25 * _peak(nm, 762.0, 11.0))
        + inside.water * (_peak(nm, 970.0, 22.0) + 0.1 * _peak(nm, 840.0, 20.0))
        + inside.protein * _peak(nm, 905.0, 13.0)
    )
    scattered = coat.level * (nm / 700.0) ** coat.slope
    return np.minimum(scattered * np.exp(-darkening * visible - near_infrared), 1.0)


def appendage_reflectance(nm: Array) -> Array:
    """Awns, bristles and pappus: dry straw, [bands]."""
    return np.asarray(0.50 * (nm / 700.0) ** 0.3 * np.exp(-1.1 * np.exp(-(nm - 400.0) / 160.0)))


def tray_reflectance(nm: Array) -> Array:
    """The white plastic tray, [bands].

    Titanium white absorbs below 420 nm, the polymer's C-H bonds near 930 nm: no pixel of a tray is
    so flat that scaling it over the bands would leave noise alone.
    """
    titanium = 0.75 / (1.0 + np.exp((nm - 412.0) / 7.0))
    return np.asarray(0.84 * np.exp(-titanium - 0.10 * _peak(nm, 930.0, 16.0)))


def gloss_reflectance(nm: Array) -> Array:
    """A mirror reflection of the lamp off the coat: the same at all wavelengths, [bands]."""
    return np.ones_like(nm)


def instrument_smoothing(nm: Array) -> Array:
    """[bands, bands] matrix that gives each band the spectrometer's Gaussian response."""
    sigma = INSTRUMENT_FWHM_NM / 2.355
    response = _peak(nm[None, :], nm[:, None], sigma)
    return np.asarray(response / response.sum(axis=1, keepdims=True))


def _peak(nm: Array, centre: float | Array, sigma: float) -> Array:
    return np.asarray(np.exp(-0.5 * ((nm - centre) / sigma) ** 2))
