"""What files say about their bands -> centres in nm, ascending, and which band is which.

Units as people write them, lists without a unit, spectrometers that overlap, lists that descend,
bands that the file calls bad: all formats share what is decided here.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bimae.data.cubes.cube import Bands

PLAUSIBLE_NM = (150.0, 20000.0)
"""Where optical bands lie, in nm: from the far ultraviolet to the thermal infrared."""
PLAUSIBLE_UM = (0.2, 30.0)
"""The same for a list that does not say that it is in micrometres."""

_UNITS = {
    "nm": {"nm", "nanometer", "nanometers", "nanometre", "nanometres"},
    "um": {
        *("um", "µm", "μm", "mum", "micron", "microns", "micrometer", "micrometers"),
        *("micrometre", "micrometres"),
    },
    "mm": {"mm", "millimeter", "millimeters", "millimetre", "millimetres"},
    "cm": {"cm", "centimeter", "centimeters", "centimetre", "centimetres"},
    "m": {"m", "meter", "meters", "metre", "metres"},
    "angstrom": {"angstrom", "angstroms", "ångström", "ångströms", "ångstrom", "å"},
    "wavenumber": {"wavenumber", "wavenumbers", "cm-1", "cm^-1", "1/cm", "cm⁻¹"},
    "unknown": {"", "unknown", "none", "n/a", "na", "undefined", "unitless", "-"},
}
_NM_IN = {"nm": 1.0, "um": 1e3, "mm": 1e6, "cm": 1e7, "m": 1e9, "angstrom": 0.1}


@dataclass(frozen=True, slots=True)
class BandChoice:
    """Which bands of a file a cube gives.

    Attributes:
        numbers: For each band of the cube its number in the file, from 0.
        bands: What they are.
        notes: What was assumed or mended.
    """

    numbers: tuple[int, ...]
    bands: Bands
    notes: tuple[str, ...] = ()

    @classmethod
    def whole(cls, count: int) -> "BandChoice":
        """All bands in the order of the file, of unknown wavelengths."""
        return cls(tuple(range(count)), Bands(count))


@dataclass(frozen=True, slots=True)
class Wavelengths:
    """Band centres in the order of the file.

    Attributes:
        nm: Centres in nm, or None where what the file says can be none.
        fwhm_nm: Widths in nm, or None.
        notes: What was assumed or mended.
    """

    nm: tuple[float, ...] | None = None
    fwhm_nm: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()


def read_unit(unit: str | None) -> str | None:
    """`nm`, `um`, `mm`, `cm`, `m`, `angstrom`, `wavenumber`, `unknown`; None for any other word."""
    text = (unit or "").strip().lower()
    outside, _, inside = text.partition("(")
    for said in (text, inside.rstrip(") "), outside):  # "Wavelength (nm)", "Micrometers (um)"
        word = re.sub(r"[\s_()\[\]]+", "", said)
        word = "" if word == "wavelength" else word.removeprefix("wavelength")
        if word or not text:
            for name, words in _UNITS.items():
                if word in words:
                    return name
    return None


def fits_unit(centres: Sequence[float], unit: str | None) -> bool:
    """True if band centres can be in a unit (a word of `read_unit`); False for an unknown one."""
    return unit not in (None, "unknown") and _plausible(_convert(centres, unit or ""))


def in_nm(
    centres: Sequence[float],
    unit: str | None,
    fwhm: Sequence[float] | None = None,
    good: Sequence[bool] | None = None,
) -> Wavelengths:
    """Band centres of a file in nm.

    A unit that the numbers contradict (a list of 400 to 1000 "micrometers"), that is missing or
    that is unknown gives way to their magnitude: 0.2-30 is taken for micrometres, 150-20000 for
    nanometres. A list that counts 1, 2, 3 ... is no list of wavelengths.

    Args:
        centres: In the order of the file, one at least.
        unit: As the file writes it, or None.
        fwhm: Widths in the same unit, as many as centres, or None.
        good: Which bands are to be kept: files put anything as the wavelength of the others.
    """
    if good is not None and not all(good):
        return _of_good(centres, unit, fwhm, good)
    stated = read_unit(unit)
    given = " ".join((unit or "").split())
    span = f"{min(centres):g} to {max(centres):g}"
    if fits_unit(centres, stated):
        return _in_unit(centres, stated or "nm", fwhm, ())
    guessed = None if _counts_up(centres) else _by_magnitude(centres)
    if stated is None and given and re.search(r"index|band|hz|number", given.lower()):
        guessed = None
    if guessed is None:
        of = f"in {given!r} " if given else ""
        note = f"wavelengths {of}from {span} cannot be nm or um: taken as unknown"
        return Wavelengths(notes=(note,))
    if stated == "unknown" or not given:
        note = f"wavelengths without a unit, {span}: taken as {guessed}"
    elif stated is None:
        note = f"wavelength unit {given!r} is not known, values {span}: taken as {guessed}"
    else:
        note = f"wavelength unit {given!r} does not fit values of {span}: taken as {guessed}"
    return _in_unit(centres, guessed, fwhm, (note,))


def _of_good(
    centres: Sequence[float],
    unit: str | None,
    fwhm: Sequence[float] | None,
    good: Sequence[bool],
) -> Wavelengths:
    """`in_nm` by the good bands alone; the others, which never show, become 0."""
    kept = [i for i, keep in enumerate(good) if keep]
    found = in_nm(
        [centres[i] for i in kept], unit, None if fwhm is None else [fwhm[i] for i in kept]
    )
    spread = []
    for values in (found.nm, found.fwhm_nm):
        at = dict(zip(kept, values or (), strict=False))
        spread.append(tuple(at.get(i, 0.0) for i in range(len(good))) if values else None)
    return Wavelengths(spread[0], spread[1], found.notes)


def choose_bands(
    count: int,
    wavelengths: Wavelengths,
    good: Sequence[bool] | None = None,
) -> BandChoice:
    """The bands of a cube: without the bad ones, ascending, none twice.

    Args:
        count: Bands of the file.
        wavelengths: Of all of them.
        good: For each whether it is to be kept; None keeps all.
    """
    notes = list(wavelengths.notes)
    numbers = [i for i in range(count) if good is None or good[i]]
    if len(numbers) < count:
        notes.append(f"{count - len(numbers)} of {count} bands left out: the file calls them bad")
    nm = wavelengths.nm
    if nm is None:
        return BandChoice(tuple(numbers), Bands(len(numbers)), tuple(notes))
    ordered = sorted(numbers, key=lambda i: nm[i])  # stable: of equal ones the earlier is first
    if ordered != numbers:
        backwards = all(nm[b] < nm[a] for a, b in pairwise(numbers))
        how = "descend" if backwards else "do not ascend (detectors that overlap?)"
        notes.append(f"wavelengths {how}: bands sorted by wavelength")
    single = [i for k, i in enumerate(ordered) if k == 0 or nm[i] != nm[ordered[k - 1]]]
    if len(single) < len(ordered):
        twice = len(ordered) - len(single)
        notes.append(
            f"{twice} of {count} bands left out whose wavelength an earlier band has already"
        )
    widths = wavelengths.fwhm_nm
    bands = Bands(
        len(single),
        tuple(nm[i] for i in single),
        None if widths is None else tuple(widths[i] for i in single),
    )
    return BandChoice(tuple(single), bands, tuple(notes))


def _in_unit(
    centres: Sequence[float], unit: str, fwhm: Sequence[float] | None, notes: tuple[str, ...]
) -> Wavelengths:
    nm = _convert(centres, unit)
    if fwhm is None:
        return Wavelengths(nm, None, notes)
    if unit == "wavenumber":  # a small step in wavenumber is this step in wavelength
        widths = tuple(at * w / v for at, w, v in zip(nm, fwhm, centres, strict=True))
    else:
        widths = _convert(fwhm, unit)
    if not all(math.isfinite(w) and w > 0 for w in widths):
        return Wavelengths(nm, None, (*notes, "fwhm ignored: not every value is above 0"))
    return Wavelengths(nm, widths, notes)


def _convert(centres: Sequence[float], unit: str) -> tuple[float, ...]:
    if unit == "wavenumber":
        return tuple(_clean(1e7 / v) if v else math.inf for v in centres)
    if unit == "nm":
        return tuple(centres)
    return tuple(_clean(v * _NM_IN[unit]) for v in centres)


def _clean(value: float) -> float:
    """Without the noise of 0.5553 * 1000 = 555.3000000000001: a millionth of a nm is no unit."""
    return round(value, 6) if math.isfinite(value) else value


def _plausible(nm: Sequence[float], within: tuple[float, float] = PLAUSIBLE_NM) -> bool:
    return all(within[0] <= v <= within[1] for v in nm)  # NaN is not


def _by_magnitude(centres: Sequence[float]) -> str | None:
    if _plausible(centres):
        return "nm"
    return "um" if _plausible(centres, PLAUSIBLE_UM) else None


def _counts_up(centres: Sequence[float]) -> bool:
    return (
        len(centres) > 1 and centres[0] in (0, 1) and all(b - a == 1 for a, b in pairwise(centres))
    )
