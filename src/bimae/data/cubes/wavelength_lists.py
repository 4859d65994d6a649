"""Wavelengths that a user gives: a file, a list, or a range such as `400-1000nm`."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bimae.data.cubes.bandlist import Wavelengths, fits_unit, in_nm, read_unit
from bimae.data.cubes.envi_header import numbers_of, read_header
from bimae.errors import DataError

LIST_SUFFIXES = (".txt", ".csv", ".tsv", ".dat", ".npy", ".json", ".hdr")
WAVELENGTH_NAME = re.compile(
    r"(?:.*wave[_\s]?lengths?(?:_?(?:list|vector|axis|table))?|(?:.*_)?(?:waves?|wvls?|wls?|lambdas?)"
    r"|band_?cent(?:er|re)s?)(?:[\s_]*[(\[]?(?P<unit>nm|um|µm|nanomet(?:er|re)s?|micromet(?:er|re)s?|microns?)[)\]]?)?",
    re.IGNORECASE,
)
"""Names under which files keep their list of wavelengths, with a unit at the end or without."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*(?:-|–|\.\.|:|to)\s*({_NUMBER})\s*(nm|um|µm|μm)?")  # noqa: RUF001
MOST_BYTES = 4 << 20  # a list of wavelengths is short: anything longer is another kind of file


@dataclass(frozen=True, slots=True)
class WavelengthSource:
    """Band centres that a user names, before it is known how many bands there are.

    Attributes:
        where: The file or text that they come from, for messages.
        nm: The centres in nm in the order of the bands; of a range its two ends.
        is_range: The ends of evenly spaced bands are given, both included.
        notes: What was assumed.
    """

    where: str
    nm: tuple[float, ...]
    is_range: bool = False
    notes: tuple[str, ...] = ()

    def for_bands(self, bands: int, *, also: int | None = None) -> tuple[float, ...]:
        """Centres in nm for so many bands.

        Args:
            bands: Bands of the file.
            also: Another number of wavelengths that will do.

        Raises:
            DataError: It is a list of another number.
        """
        if self.is_range:
            return tuple(float(v) for v in np.linspace(self.nm[0], self.nm[1], bands))
        if len(self.nm) not in (bands, also):
            raise DataError(
                f"{self.where}: found {len(self.nm)} wavelengths, expected {bands}, one for each "
                "band: correct the list"
            )
        return self.nm


def read_wavelengths(source: str | Path | Sequence[float]) -> WavelengthSource:
    """Wavelengths as a user gives them.

    Args:
        source: A file: `.txt` or `.csv` (one number per line, or separated; of a table the column
            whose heading says wavelength, or the second where the first counts the bands),
            `.json` (a list, or an object with `wavelengths` or `wavelengths_nm`), `.npy`, or the
            `.hdr` of an ENVI image. Or a text: `400-1000nm` (evenly spaced, both ends included)
            or `450, 550, 650`. Or numbers. In nm or um; where no unit is given, by magnitude.

    Raises:
        DataError: There is no such file, or it holds no list of plausible wavelengths.
    """
    if not isinstance(source, str | Path):
        return _checked([float(v) for v in source], None, "the wavelengths given")
    text = str(source).strip()
    if isinstance(source, str) and (match := _RANGE.fullmatch(text)):
        ends = [float(match[1]), float(match[2])]
        _check_unit(ends, match[3], text)
        found = _checked(ends, match[3], repr(text))
        if found.nm[0] == found.nm[1]:
            raise DataError(f"{text!r}: found one wavelength twice, expected a range of them")
        return WavelengthSource(found.where, found.nm, True, found.notes)
    path = Path(source)
    if isinstance(source, str) and not _is_file(path):
        numbers = _plain_numbers(re.sub(r"(nm|um|µm)$", "", text))
        if numbers:
            unit = re.search(r"(nm|um|µm)$", text)
            _check_unit(numbers, unit[1] if unit else None, text)
            return _checked(numbers, unit[1] if unit else None, repr(text))
    return _from_file(path)


def parse_wavelengths(source: str | Path | Sequence[float], bands: int) -> tuple[float, ...]:
    """What a user says on wavelengths, as one centre in nm for each band: `read_wavelengths`.

    Raises:
        DataError: It cannot be read, or is a list of another number.
    """
    return read_wavelengths(source).for_bands(bands)


def _check_unit(numbers: Sequence[float], unit: str | None, text: str) -> None:
    """What a person has just typed is not mended by guessing, as the lists of old files are."""
    if unit is not None and not fits_unit(numbers, read_unit(unit)):
        raise DataError(
            f"{text!r}: found {min(numbers):g} to {max(numbers):g} {unit}, expected wavelengths "
            "between 150 and 20000 nm"
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a long list of numbers is too long for a name
        return False


def _from_file(path: Path) -> WavelengthSource:
    if not _is_file(path):
        raise DataError(
            f"{path}: found no such file, expected a list of wavelengths "
            f"({', '.join(LIST_SUFFIXES)}) or a text such as 400-1000nm or 450,550,650: "
            "check the path"
        )
    kind = path.suffix.lower()
    try:
        if kind == ".hdr":
            return _from_header(path)
        if path.stat().st_size > MOST_BYTES:
            raise DataError(
                f"{path}: found {path.stat().st_size} bytes, expected a short list of wavelengths"
            )
        if kind == ".npy":
            array = np.load(path)
            return _checked(_as_list(array.tolist(), path), None, str(path))
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
        if kind == ".json":
            return _from_json(json.loads(text), path)
        return _from_table(text, path)
    except DataError:
        raise
    except Exception as error:  # numpy and json raise many kinds for broken files
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{path}: cannot be read as a list of wavelengths ({reason})") from error


def _from_header(path: Path) -> WavelengthSource:
    keys = read_header(path).keys
    if "wavelength" not in keys:
        raise DataError(f"{path}: found no key `wavelength`, expected a header that has one")
    numbers = numbers_of(keys["wavelength"], "wavelength", path)
    unit = keys.get("wavelength units")
    return _checked(numbers, str(unit) if unit else None, str(path))


def _from_json(content: Any, path: Path) -> WavelengthSource:
    if isinstance(content, dict):
        for name, value in content.items():
            if match := WAVELENGTH_NAME.fullmatch(str(name)):
                return _checked(_as_list(value, path), match["unit"], str(path))
        raise DataError(
            f"{path}: found no `wavelengths_nm` among {', '.join(map(str, content))[:100]}; "
            "expected a list of numbers under that name"
        )
    return _checked(_as_list(content, path), None, str(path))


def _as_list(value: Any, path: Path) -> list[float]:
    flat = np.asarray(value)
    if flat.dtype.kind not in "iuf" or flat.size != max(flat.shape, default=0):
        raise DataError(
            f"{path}: found {flat.dtype} of shape {list(flat.shape)}, expected one list of numbers"
        )
    return [float(v) for v in flat.ravel()]


def _from_table(text: str, path: Path) -> WavelengthSource:
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        raise DataError(f"{path}: found nothing in it, expected a list of wavelengths")
    rows = [_plain_numbers(line) for line in lines]
    heading = None if rows[0] else re.split(r"[,;\t]", lines[0])
    body, unit = (rows[1:], None) if heading else (rows, None)
    for number, row in enumerate(body, start=2 if heading else 1):
        if not row:
            raise DataError(
                f"{path}: line {number}: found {lines[number - 1][:40]!r}, expected numbers"
            )
    if heading:
        names = [cell.strip().strip("\"'") for cell in heading]
        matches = [WAVELENGTH_NAME.fullmatch(name) for name in names]
        column = next((i for i, match in enumerate(matches) if match), None)
        if column is None and len(names) == 1:
            column = 0
        if column is None or any(len(row) != len(names) for row in body):
            raise DataError(
                f"{path}: found the columns {', '.join(names)[:100]}, expected one called "
                "`wavelength` and a number in each column of each line"
            )
        match = matches[column]
        unit = match["unit"] if match else None
        numbers = [row[column] for row in body]
    elif len(body) > 1 and all(len(row) == 2 for row in body) and _counts([r[0] for r in body]):
        numbers = [row[1] for row in body]
    else:
        numbers = [number for row in body for number in row]
    return _checked(numbers, unit, str(path))


def _counts(numbers: Sequence[float]) -> bool:
    return numbers[0] in (0, 1) and all(n == numbers[0] + i for i, n in enumerate(numbers))


def _plain_numbers(text: str) -> list[float]:
    """The numbers of a line, empty where something else is in it; `400,5; 401,2` has two."""
    if ";" in text and "." not in text:
        text = text.replace(",", ".")
    words = [word.strip("\"'") for word in re.split(r"[,;\s\[\]{}()]+", text)]
    words = [word for word in words if word]
    if not all(re.fullmatch(_NUMBER, word) for word in words):
        return []
    return [float(word) for word in words]


def _checked(numbers: Sequence[float], unit: str | None, where: str) -> WavelengthSource:
    if not numbers:
        raise DataError(f"{where}: found no wavelengths, expected one for each band")
    bad = next((v for v in numbers if not math.isfinite(v)), None)
    if bad is not None:
        raise DataError(f"{where}: found {bad} among the wavelengths, expected numbers in nm")
    found = in_nm(numbers, unit)
    if found.nm is None:
        named = f" {read_unit(unit)}" if unit else ""
        raise DataError(
            f"{where}: found {min(numbers):g} to {max(numbers):g}{named}, expected wavelengths "
            "between 150 and 20000 nm"
        )
    notes = tuple(n for n in found.notes if "taken as nm" not in n)
    return WavelengthSource(where, found.nm, False, notes)


def given_or_own(
    given: WavelengthSource | None,
    own: Wavelengths,
    bands: int,
    *,
    kept: int | None = None,
    good: Sequence[bool] | None = None,
) -> Wavelengths:
    """The file's wavelengths, or the user's where it has none.

    Args:
        given: What the user says.
        own: What the file says.
        bands: Bands of the file.
        kept: How many of them are not bad; the user may have a list of these only.
        good: Which these are.

    Raises:
        DataError: The user's list is of another number.
    """
    if given is None:
        return own
    nm = given.for_bands(bands, also=kept)
    if len(nm) != bands and good is not None:  # bad bands never show: any number will do there
        places = iter(nm)
        nm = tuple(next(places) if keep else 0.0 for keep in good)
    if own.nm is None:
        return Wavelengths(nm, None, given.notes)
    shown = [i for i in range(bands) if good is None or good[i]]
    apart = max(abs(own.nm[i] - nm[i]) for i in shown)
    if apart <= 0.5:
        return own
    note = f"wavelengths given differ from the file's by up to {apart:.1f} nm: the file's are used"
    return Wavelengths(own.nm, own.fwhm_nm, (*own.notes, note))
