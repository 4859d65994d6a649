"""Whether data are of the sensor, the unit and the kind of colours that a model knows. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from bimae.data import DatasetInfo
from bimae.errors import ModelError
from bimae.spectra import band_reach

ABSOLUTE = ("standard", "shape", "whitened")
"""Scales that hold a value against those learned from: another unit makes nonsense of them."""
STEPS = "x 255, rounded"
"""How the unit of reflectance ends that an import stored as bytes."""
OTHER_SIZE = 1.5
"""So many times smaller or larger than all seeds learned from, the middle one of a lot is odd."""
OTHER_SIDE = 1.1
"""So much larger or smaller are squares that were not meant to be of one scale."""
LEAST_REACH = 10.0
"""So far beyond its outermost bands, in nm, a model is taken to know the spectrum."""
UNRELIABLE = "not to be relied on"
"""What a note says of answers for data that are unlike all that a model has seen."""
COLOURS = {
    "camera": "a camera's",
    "false colour": "false colour made from bands",
    "grey": "grey",
}


class Sensed(Protocol):
    """Whatever says with which sensor it was made; a `SeedDataset` does."""

    @property
    def root(self) -> Path:
        """What messages call it."""

    @property
    def bands(self) -> int:
        """How many bands there are."""

    @property
    def wavelengths_nm(self) -> tuple[float, ...] | None:
        """Their centres in nm, or None where unknown."""

    @property
    def info(self) -> DatasetInfo:
        """What else is known of the sensor."""


@dataclass(frozen=True)
class Learned:
    """What the images were that a model learned from.

    Attributes:
        unit: Of the spectra, as `DatasetInfo` has it; empty where unknown.
        rgb: What the RGB images were, likewise.
        seed_side: Square that seeds of trays were cut with, in pixels of the scan; None where
            unknown, or where no scan of a tray was among the images.
        photo_side: The same in pixels of the photo.
        seed_areas: How large these seeds were, as `DatasetInfo` has it; None where unknown.
        simulated: Whether no camera was involved.
    """

    unit: str = ""
    rgb: str = ""
    seed_side: int | None = None
    photo_side: int | None = None
    seed_areas: tuple[int, int, int] | None = None
    simulated: bool = False

    @property
    def cut(self) -> bool:
        """Whether seeds were cut out of trays: on white, all at one scale."""
        return self.seed_side is not None or self.photo_side is not None

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> "Learned":
        """From what a model folder says of itself (`about.json`), which may be nothing."""
        data: Mapping[str, Any] = about.get("data") or {}
        sides = (data.get("seed_side"), data.get("photo_side"))
        seed, photo = (side if isinstance(side, int) else None for side in sides)
        areas = data.get("seed_areas")
        known = tuple(areas) if isinstance(areas, list) and len(areas) == 3 else None
        simulated = bool(data.get("simulated"))
        return cls(data.get("unit") or "", data.get("rgb") or "", seed, photo, known, simulated)


def stored_as(unit: str, scale: str) -> Literal["float32", "uint8"]:
    """How a camera's files are to be imported for a model: as where it learned, if that matters."""
    return "uint8" if scale in ABSOLUTE and unit.endswith(STEPS) else "float32"


def check_values(
    samples: Sensed, learned: Learned, *, modality: str, scale: str, name: str = "the model"
) -> list[str]:
    """Refuses spectra in another unit than the one that a model learned from, where that matters.

    Args:
        samples: The data.
        learned: What the model learned from.
        modality: Views that it is shown.
        scale: How it scales spectra.
        name: What the model is called in messages.

    Returns:
        What a person should know: that units could not be compared, that RGB images are of a kind
        that the model has never seen, or framed otherwise. Nothing where neither side tells, as
        nothing is known then.

    Raises:
        ModelError: The units are known, and differ.
    """
    notes = []
    if modality != "rgb" and scale in ABSOLUTE:
        notes.append(_compare_units(samples, learned.unit, name))
    if modality != "hs":
        notes.append(_compare_colours(samples.info.rgb, learned.rgb, name))
        notes.append(_compare_frames(samples.info, learned, name))
    notes.append(_compare_sizes(samples.info, learned, name))
    return [note for note in notes if note]


def _compare_units(samples: Sensed, expected: str, name: str) -> str:
    found = samples.info.unit
    if found.strip().lower() == expected.strip().lower():
        return ""
    if not expected:
        return f"spectra are {found}, but {name} does not tell what unit it learned from"
    if not found:
        return f"{name} learned from {expected}, but these data do not tell the unit of spectra"
    raise ModelError(
        f"{samples.root}: spectra are {found}, but {name} learned from {expected} and holds values "
        f"against those; use data in {expected}{_made_by(found, expected)}, or a model that "
        f"learned from {found}"
    )


def _made_by(found: str, expected: str) -> str:
    """How an import gives the unit, where it can."""
    if not expected.startswith("reflectance"):
        return ""
    words = [] if found.startswith("reflectance") else ["--white and --dark"]
    if ("255" in found) != ("255" in expected):
        words.append(f"--store {'uint8' if '255' in expected else 'float32'}")
    return f" (bimae data import: {', '.join(words)})" * bool(words)


def _compare_colours(found: str, expected: str, name: str) -> str:
    """Colours made from bands are no camera's: what a model knows of one kind misleads it here."""
    if not found or not expected:
        return ""
    kinds, known = found.split(" and "), expected.split(" and ")
    new = [kind for kind in kinds if kind not in known]
    if not new:
        return ""
    some = "some " * (len(new) < len(kinds))
    return (
        f"{some}RGB images are {_colours(new)}, but {name} learned from {_colours(known)}: its "
        f"answers{' to these' * bool(some)} are {UNRELIABLE}"
    )


def _compare_frames(found: DatasetInfo, learned: Learned, name: str) -> str:
    """Seeds cut out of trays lie on white, all at one scale; others are as they were taken."""
    if not found.rgb or not learned.rgb:  # else no import made them: nothing is known
        return ""
    cut = found.seed_side is not None or found.photo_side is not None
    if cut == learned.cut:
        return ""
    ours, theirs = "cut out of trays", "of one seed or object each, framed as they were taken"
    here, there = (ours, theirs) if cut else (theirs, ours)
    return (
        f"images are {here}, but {name} learned from such as are {there}: its answers are "
        f"{UNRELIABLE}"
    )


def _compare_sizes(found: DatasetInfo, learned: Learned, name: str) -> str:
    """Seeds as large as none learned from: seen from elsewhere, they are cut at another scale."""
    if told := _compare_sides(found, learned, name):
        return told
    here, known = _covered(found), _covered(learned)
    if here is None or known is None:
        return ""
    middle, low, high = here[1], known[0], known[2]
    if low / OTHER_SIZE <= middle <= high * OTHER_SIZE:
        return ""
    return (
        f"seeds cover {middle:.1%} of their images here, and those that {name} learned from "
        f"{low:.1%} to {high:.1%}: taken from another distance, or at another resolution? Its "
        f"answers are {UNRELIABLE}"
    )


def _compare_sides(found: DatasetInfo, learned: Learned, name: str) -> str:
    """Squares of another side make seeds look smaller or larger, if the camera is the same."""
    pairs = ((found.seed_side, learned.seed_side), (found.photo_side, learned.photo_side))
    sides = next(((one, other) for one, other in pairs if one and other), None)
    if sides is None or max(sides) <= OTHER_SIDE * min(sides):
        return ""
    return (
        f"seeds are cut out with squares of {sides[0]} pixels here, and of {sides[1]} where "
        f"{name} learned: import them with --seed-side {sides[1]}, or its answers are {UNRELIABLE} "
        "(unless this camera sees them at another resolution)"
    )


def _covered(one: DatasetInfo | Learned) -> list[float] | None:
    """What of its square a small seed, the middle one and a large one cover; None: not known."""
    side = one.seed_side or one.photo_side  # areas are in pixels of the scans, if there are any
    if one.seed_areas is None or side is None:
        return None
    return [area / side**2 for area in one.seed_areas]


def _colours(kinds: Sequence[str]) -> str:
    return " and ".join(COLOURS.get(kind, kind) for kind in kinds)


def check_range(name: str, shown: Sequence[float], learned: Sequence[float]) -> str:
    """Refuses bands that lie where a model has seen nothing.

    Args:
        name: What the data are called.
        shown: Centres of the bands that it is to be shown, in nm.
        learned: Of those that it learned from, ascending.

    Returns:
        What a person should know; empty where all bands lie among those learned from.

    Raises:
        ModelError: None does.
    """
    reach = max(band_reach(learned), LEAST_REACH)
    low, high = learned[0] - reach, learned[-1] + reach
    outside = [nm for nm in shown if not low <= nm <= high]
    known = f"{learned[0]:.0f} to {learned[-1]:.0f} nm"
    if not outside:
        return ""
    if len(outside) == len(shown):
        raise ModelError(
            f"{name}: its bands lie from {min(shown):.0f} to {max(shown):.0f} nm, but the model "
            f"learned from {known} and knows nothing of these; use a model of such a camera"
        )
    return (
        f"{len(outside)} of {len(shown)} bands lie outside of {known}, where the model learned: "
        f"leave them out (--bands {learned[0]:.0f}-{learned[-1]:.0f}nm), or its answers are "
        f"{UNRELIABLE}"
    )


def same_places(found: Sequence[float] | None, learned: Sequence[float] | None) -> bool:
    """Whether two sensors have as many bands, each where the other has it, to half a distance."""
    if found is None or learned is None or len(found) != len(learned):
        return False
    reach = band_reach(learned)
    return all(abs(a - b) <= reach for a, b in zip(found, learned, strict=True))


def check_sensor(
    samples: Sensed,
    bands: int,
    expected: Sequence[float] | None,
    name: str = "this model",
) -> str:
    """Refuses data of another sensor than the one that a model knows.

    Args:
        samples: The data.
        bands: Bands of the model's sensor.
        expected: Their wavelengths in nm, or None where unknown.
        name: What the model is called in the message.

    Returns:
        What a person should know: that wavelengths could not be compared; empty where they were.

    Raises:
        ModelError: Another number of bands, or a band that lies elsewhere.
    """
    if samples.bands != bands:
        raise ModelError(
            f"{samples.root}: images have {samples.bands} bands, {name} was made for {bands}; use "
            "data of the same sensor"
        )
    found = samples.wavelengths_nm
    if expected is None:
        return ""
    if found is None:
        return "these data do not tell their wavelengths; bands are taken by number"
    far = max(range(bands), key=lambda i: abs(expected[i] - found[i]))
    if abs(expected[far] - found[far]) > band_reach(expected):
        raise ModelError(
            f"{samples.root}: band {far} lies at {found[far]:g} nm, in {name} at "
            f"{expected[far]:g} nm; use data of the same sensor"
        )
    return ""
