"""ENVI images (`.hdr` with `.bil`, `.raw`, ...) -> `Cube`.

The header's words on bands and values are followed as ENVI follows them: bands called bad are left
out, values are divided by the reflectance scale factor, the ignored value becomes 0.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from bimae.data.cubes.bandlist import BandChoice, Wavelengths, choose_bands, in_nm
from bimae.data.cubes.cube import Cube
from bimae.data.cubes.envi_header import EnviHeader, numbers_of, shown, text_of, words_of
from bimae.data.cubes.envi_pair import EnviPair, find_pair
from bimae.data.cubes.raster import RawRaster
from bimae.data.cubes.stored import BIL, BIP, BSQ, Facts, StoredCube
from bimae.data.cubes.wavelength_lists import WavelengthSource, given_or_own
from bimae.data.marks import says_simulated
from bimae.errors import DataError

_AXES = {"bil": BIL, "bip": BIP, "bsq": BSQ}
_EXPOSURE = re.compile(r"tint|expos|integration|shutter")


def open_envi(
    path: Path | str,
    *,
    keep_bad_bands: bool = False,
    wavelengths: WavelengthSource | None = None,
) -> Cube:
    """An ENVI image; only its header is read.

    Args:
        path: The header or the data file; the other is found beside it, capitals or not.
        keep_bad_bands: Keep the bands that the header's `bbl` calls bad.
        wavelengths: Band centres for a header that has none.

    Returns:
        The cube. Its bands ascend in wavelength where that is known.

    Raises:
        DataError: A file is missing, too short, no ENVI image, of a kind that is not read, or a
            value of the header has no sense.
    """
    path = Path(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no such file"
        raise DataError(
            f"{path}: found {what}, expected the header or the data file of an ENVI image: "
            "check the path"
        )
    pair = find_pair(path)
    header, notes = pair.header, [*pair.notes, *pair.header.notes]
    notes += _check_size(pair)
    choice = _bands(header, keep_bad_bands, wavelengths)
    axes = _AXES[header.interleave]
    lengths = [0, 0, 0]
    for axis, length in zip(axes, (header.lines, header.samples, header.bands), strict=True):
        lengths[axis] = length
    raster = RawRaster(pair.data, (lengths[0], lengths[1], lengths[2]), header.dtype, header.offset)
    facts = _facts(header, notes)
    return StoredCube(path, raster=raster, axes=axes, choice=choice, facts=facts)


def _check_size(pair: EnviPair) -> list[str]:
    header = pair.header
    found, expected = pair.data.stat().st_size, header.expected_bytes
    if found > expected:
        return [f"{pair.data.name} is {found - expected} bytes longer than the header says"]
    if found == expected:
        return []
    said = (
        f"{header.lines} lines x {header.samples} samples x {header.bands} bands x "
        f"{header.dtype.itemsize} bytes" + (f" + {header.offset}" if header.offset else "")
    )
    line = header.samples * header.bands * header.dtype.itemsize
    whole, rest = divmod(found - header.offset, line)
    # In bsq the lines of a band lie together: a shorter file is not a scan of fewer lines.
    lines = ""
    if rest == 0 and whole > 0 and header.interleave != "bsq":
        lines = f" (these are {whole} whole lines: set `lines` to {whole} to use them)"
    elif rest == 0 and whole > 0:
        lines = f" (as many as {whole} whole lines)"
    with pair.data.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    hint = "it is gzipped: unpack it" if packed else "was the scan broken off, or not yet copied?"
    raise DataError(
        f"{pair.data}: the data are too short: found {found} bytes{lines}, expected {expected} = "
        f"{said}; {hint}"
    )


def _bands(header: EnviHeader, keep_bad_bands: bool, given: WavelengthSource | None) -> BandChoice:
    keys, notes = header.keys, []
    good = None
    if "bbl" in keys and not keep_bad_bands:
        good, note = _good_bands(words_of(keys["bbl"]), header.bands)
        notes += note
    own = Wavelengths()
    if centres := words_of(keys.get("wavelength", "")):
        numbers = numbers_of(keys["wavelength"], "wavelength", header.path)
        if len(centres) != header.bands:
            comma = ": are they written with a comma for the decimal point?"
            hint = comma if len(centres) == 2 * header.bands else ": correct the header"
            raise DataError(
                f"{header.path}: found {len(centres)} wavelengths, expected {header.bands}, one "
                f"for each band{hint}"
            )
        fwhm, note = _widths(header)
        notes += note
        own = in_nm(numbers, text_of(keys, "wavelength units"), fwhm, good)
    kept = None if good is None else sum(good)
    own = given_or_own(given, own, header.bands, kept=kept, good=good)
    choice = choose_bands(header.bands, own, good)
    return BandChoice(choice.numbers, choice.bands, (*notes, *choice.notes))


def _good_bands(words: Sequence[str], bands: int) -> tuple[list[bool] | None, list[str]]:
    try:
        good = [float(word) != 0 for word in words]
    except ValueError:
        return None, ["bbl (list of bad bands) is not made of numbers: ignored"]
    if len(good) != bands:
        return None, [f"bbl (list of bad bands) has {len(good)} values for {bands} bands: ignored"]
    if not any(good):
        return None, ["bbl (list of bad bands) calls every band bad: ignored"]
    return good, []


def _widths(header: EnviHeader) -> tuple[list[float] | None, list[str]]:
    words = words_of(header.keys.get("fwhm", ""))
    if not words:
        return None, []
    if len(words) != header.bands:
        return None, [f"fwhm has {len(words)} values for {header.bands} bands: ignored"]
    try:
        return [float(word) for word in words], []
    except ValueError:
        return None, ["fwhm is not made of numbers: ignored"]


def _facts(header: EnviHeader, noted: Sequence[str]) -> Facts:
    keys, notes = header.keys, list(noted)
    divisor, factor_stated = _divisor(header, notes)
    said = " ".join(text_of(keys, key) for key in ("data units", "units")).lower()
    unit = next((word for word in ("radiance", "reflectance") if word in said), "")
    if divisor is not None:
        if unit == "radiance":
            notes.append("reflectance scale factor is applied though data units say radiance")
        unit = "reflectance"
    elif not unit and factor_stated and header.dtype.kind == "f":
        unit = "reflectance"
    elif not unit and header.dtype.kind in "iu":
        unit = "counts"
    elif unit == "reflectance" and header.dtype.kind in "iu":
        notes.append("whole numbers called reflectance without a scale factor: taken as stored")
    for key in ("data gain values", "data offset values", "data reflectance gain values"):
        if any(_number(word) not in (0.0, 1.0) for word in words_of(keys.get(key, ""))):
            notes.append(f"{key} are not applied")
    dark = text_of(keys, "autodarkstartline")
    if dark.isdigit() and 0 < int(dark) < header.lines:
        notes.append(f"lines from {dark} on are dark current, not the object (autodarkstartline)")
    shown_first = [word for word in words_of(keys.get("default bands", "")) if word.isdigit()]
    ignored = _ignored(header, notes)
    return Facts(
        sensor=" ".join(text_of(keys, "sensor type").split()),
        simulated=says_simulated(text_of(keys, key) for key in ("sensor type", "description")),
        unit=unit,
        divisor=divisor,
        ignored=ignored,
        default_bands=tuple(int(word) - 1 for word in shown_first),
        exposure={key: text_of(keys, key) for key in keys if _EXPOSURE.search(key)},
        notes=tuple(notes),
    )


def _divisor(header: EnviHeader, notes: list[str]) -> tuple[float | None, bool]:
    """What values are divided by (None: not at all), and whether the header names a factor."""
    text = text_of(header.keys, "reflectance scale factor").split(";")[0].strip()
    if not text:
        return None, False
    try:
        factor = float(text)
    except ValueError:
        factor = -1.0
    if factor == 0:
        notes.append("reflectance scale factor is 0: ignored")
        return None, False
    if not 0 < factor < float("inf"):
        raise DataError(
            f"{header.path}: reflectance scale factor = {shown(text)}, expected a number above 0; "
            "correct the header"
        )
    return (None if factor == 1 else factor), True


def _ignored(header: EnviHeader, notes: list[str]) -> float | None:
    words = words_of(header.keys.get("data ignore value", ""))
    try:
        value = float(words[0]) if words else float("nan")
    except ValueError:
        notes.append(f"data ignore value = {shown(words)} is not a number: ignored")
        return None
    return value if value == value else None  # noqa: PLR0124 - NaN pixels become 0 in any case


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")  # whatever it is, it is not applied
