"""The 19 species of the paper, as the simulator draws them.

A species is put together from three parts, and the deliberate confusions are made by sharing parts,
so that they hold by construction:

* `Look` (outline, size, surface) and `Pigments` (400-700 nm) are all that an RGB camera sees.
* `Pigments` and `Interior` (beyond 700 nm) are the reflectance spectrum.

Species with one look and one set of pigments can only be told apart by the near infrared; species
with one set of pigments and one interior only by their shape or surface. Lengths and forms are
typical values from general botanical knowledge, rounded, and made equal where a confusion is
wanted. They are no measurements.
"""

from dataclasses import dataclass, replace
from typing import Literal

Outline = Literal["round", "ovate", "reniform", "trigonous", "obovate", "lanceolate", "heart"]
Texture = Literal["smooth", "reticulate", "warty", "striped", "mottled", "wrinkled"]
Appendage = Literal["none", "awn", "pappus", "bristles"]


@dataclass(frozen=True, slots=True)
class Look:
    """Outline and surface of a seed.

    Attributes:
        length_mm: Length without appendages.
        width_mm: Width.
        outline: Its form seen from above.
        texture: How relief and the darker part of the coat are arranged.
        period_mm: Distance of two ridges, pits, warts or blotches.
        relief: Slope of the texture (amplitude over period), 0 for a flat surface.
        contrast: How much of the darker part of the coat follows the texture, 0 to 1.
        gloss: 0 spreads the light that the surface itself reflects, 1 gathers it in a spot.
        appendage: What sticks out beyond the body.
    """

    length_mm: float
    width_mm: float
    outline: Outline
    texture: Texture
    period_mm: float
    relief: float
    contrast: float
    gloss: float
    appendage: Appendage = "none"


@dataclass(frozen=True, slots=True)
class Pigments:
    """Amounts of what absorbs in the visible, as absorbance at the maximum.

    Attributes:
        phenolic: Brown polyphenols, falling from the blue.
        melanin: Phytomelanin, broad and grey.
        anthocyanin: Maximum at 540 nm.
        carotenoid: Maxima at 450 and 480 nm.
        chlorophyll: Residual chlorophyll, maxima at 435 and 672 nm.
    """

    phenolic: float = 0.0
    melanin: float = 0.0
    anthocyanin: float = 0.0
    carotenoid: float = 0.0
    chlorophyll: float = 0.0


@dataclass(frozen=True, slots=True)
class Interior:
    """What absorbs beyond the red end of the RGB camera, as absorbance at the maximum.

    Attributes:
        edge_nm: Where the dark coat turns bright (red edge); amounts to nothing below 690 nm.
        lipid: Oil, maxima at 928 and 762 nm.
        water: Maximum at 970 nm.
        protein: Maximum at 905 nm.
    """

    edge_nm: float
    lipid: float
    water: float
    protein: float = 0.0


@dataclass(frozen=True, slots=True)
class Species:
    """One class of the simulated data set.

    Attributes:
        name: The label, as in the paper.
        latin: The species that the label was read as.
        look: Outline and surface.
        pigments: Colour.
        interior: Near infrared.
    """

    name: str
    latin: str
    look: Look
    pigments: Pigments
    interior: Interior


# Looks that two species share. The lengths are a compromise between the two.
_NETTED_BALL = Look(1.9, 1.8, "round", "reticulate", 0.15, 0.22, 0.75, 0.25)
_PITTED_EGG = Look(2.2, 1.6, "ovate", "reticulate", 0.17, 0.30, 0.90, 0.10)
_STRIATE_NUTLET = Look(2.8, 1.9, "trigonous", "striped", 0.17, 0.22, 0.80, 0.10)
_WARTY_KIDNEY = Look(1.2, 1.05, "reniform", "warty", 0.13, 0.30, 0.80, 0.10)

# Colours. Every one but the last two is shared.
_BLACKISH = Pigments(phenolic=0.7, melanin=1.7, anthocyanin=0.2)
_CHESTNUT = Pigments(phenolic=1.5, melanin=0.2, anthocyanin=0.35)
_RED_BROWN = Pigments(phenolic=1.3, melanin=0.4, anthocyanin=0.8)
_ORANGE_BROWN = Pigments(phenolic=1.5, melanin=0.1, anthocyanin=0.15, carotenoid=1.0)
_GREY_BROWN = Pigments(phenolic=0.45, melanin=1.0)
_FAWN = Pigments(phenolic=0.9, melanin=0.25)
_STRAW = Pigments(phenolic=0.6, carotenoid=0.30, chlorophyll=0.22)
_YELLOW_VIOLET = Pigments(phenolic=0.5, melanin=0.15, anthocyanin=0.35, carotenoid=0.9)
_SILVER = Pigments(phenolic=0.22, melanin=0.38, anthocyanin=0.1)

# Near infrared shared by species that only shape or surface tells apart.
_OILY = Interior(edge_nm=742, lipid=0.45, water=0.15)
_GERANIUM = Interior(edge_nm=722, lipid=0.15, water=0.18)
_STARCHY = Interior(edge_nm=726, lipid=0.08, water=0.30)
_NUTLET = Interior(edge_nm=732, lipid=0.28, water=0.20, protein=0.12)
_ACHENE = Interior(edge_nm=716, lipid=0.35, water=0.12, protein=0.10)
_GRASS = Interior(edge_nm=708, lipid=0.06, water=0.35)

SPECIES: tuple[Species, ...] = (
    Species(
        "a. myosuroides",
        "Alopecurus myosuroides",
        Look(5.6, 2.0, "lanceolate", "striped", 0.30, 0.14, 0.6, 0.15, "awn"),
        _STRAW,
        _GRASS,
    ),
    Species(
        "a. arvensis",
        "Anagallis arvensis",
        _WARTY_KIDNEY,
        _ORANGE_BROWN,
        Interior(edge_nm=724, lipid=0.42, water=0.12),
    ),
    Species(
        "s. arvensis",
        "Sinapis arvensis",
        _NETTED_BALL,
        _BLACKISH,
        Interior(edge_nm=712, lipid=0.22, water=0.15),
    ),
    Species(
        "g. tetrahit",
        "Galeopsis tetrahit",
        Look(3.4, 2.5, "ovate", "mottled", 0.45, 0.05, 1.0, 0.15),
        _GREY_BROWN,
        _NUTLET,
    ),
    Species("g. dissectum", "Geranium dissectum", _PITTED_EGG, _CHESTNUT, _GERANIUM),
    Species(
        "f. convolvulus",
        "Fallopia convolvulus",
        _STRIATE_NUTLET,
        _RED_BROWN,
        replace(_STARCHY, edge_nm=758),
    ),
    Species("b. napus", "Brassica napus", _NETTED_BALL, _BLACKISH, _OILY),
    Species(
        "g. aparine",
        "Galium aparine",
        replace(_NETTED_BALL, texture="warty", period_mm=0.2, gloss=0.05, appendage="bristles"),
        _BLACKISH,
        _OILY,
    ),
    Species(
        "g. pratense", "Geranium pratense", _PITTED_EGG, _CHESTNUT, replace(_GERANIUM, water=0.54)
    ),
    Species("p. aviculare", "Polygonum aviculare", _STRIATE_NUTLET, _RED_BROWN, _STARCHY),
    Species(
        "b. officinalis",
        "Borago officinalis",
        Look(3.6, 2.6, "ovate", "wrinkled", 0.26, 0.24, 0.6, 0.10),
        _GREY_BROWN,
        _NUTLET,
    ),
    Species(
        "a. lappa",
        "Arctium lappa",
        Look(5.4, 2.3, "obovate", "mottled", 0.5, 0.10, 1.0, 0.12),
        _FAWN,
        _ACHENE,
    ),
    Species(
        "e. crus-galli",
        "Echinochloa crus-galli",
        Look(3.4, 2.0, "ovate", "striped", 0.22, 0.10, 0.5, 0.35),
        _STRAW,
        _GRASS,
    ),
    Species(
        "r. crispus",
        "Rumex crispus",
        replace(_STRIATE_NUTLET, texture="smooth", relief=0.0, contrast=0.2, gloss=0.8),
        _RED_BROWN,
        _STARCHY,
    ),
    Species(
        "g. robertianum",
        "Geranium robertianum",
        replace(_PITTED_EGG, texture="wrinkled", relief=0.10, contrast=0.3, gloss=0.5),
        _CHESTNUT,
        _GERANIUM,
    ),
    Species(
        "t. pratense",
        "Trifolium pratense",
        Look(2.0, 1.6, "heart", "smooth", 0.2, 0.0, 0.3, 0.60),
        _YELLOW_VIOLET,
        Interior(edge_nm=702, lipid=0.10, water=0.18, protein=0.35),
    ),
    Species(
        "l. communis",
        "Lapsana communis",
        Look(4.6, 1.9, "obovate", "striped", 0.28, 0.22, 0.8, 0.12),
        _FAWN,
        _ACHENE,
    ),
    Species(
        "c. cyanus",
        "Centaurea cyanus",
        Look(3.6, 1.7, "obovate", "smooth", 0.3, 0.0, 0.3, 0.55, "pappus"),
        _SILVER,
        Interior(edge_nm=704, lipid=0.48, water=0.10),
    ),
    Species(
        "s. media",
        "Stellaria media",
        _WARTY_KIDNEY,
        _ORANGE_BROWN,
        Interior(edge_nm=724, lipid=0.14, water=0.36),
    ),
)

LABELS: tuple[str, ...] = tuple(species.name for species in SPECIES)

SPECTRUM_ONLY: tuple[tuple[str, ...], ...] = (
    ("b. napus", "s. arvensis"),
    ("g. dissectum", "g. pratense"),
    ("p. aviculare", "f. convolvulus"),
    ("a. arvensis", "s. media"),
)
"""Same look and same colour: only the near infrared differs."""

SURFACE_ONLY: tuple[tuple[str, ...], ...] = (
    ("b. napus", "g. aparine"),
    ("g. dissectum", "g. robertianum"),
    ("p. aviculare", "r. crispus"),
    ("b. officinalis", "g. tetrahit"),
    ("a. lappa", "l. communis"),
    ("a. myosuroides", "e. crus-galli"),
)
"""Same reflectance spectrum: only surface or shape differs."""
