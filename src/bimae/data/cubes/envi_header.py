"""The text beside an ENVI image -> what it says, checked; slips that leave no doubt are mended.

The package `spectral` takes keys and values apart. It reads only what is plain ASCII with `ENVI` in
the first line and every brace closed at the end of a line, so the text is brought to that first.
"""

import os
import re
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from spectral.io import envi as spectral_envi

from bimae.errors import DataError

Keys = Mapping[str, str | list[str]]
INTERLEAVES = ("bil", "bip", "bsq")
LONGEST_HEADER = 32 << 20  # bytes; the longest known ones are some 100 kB
_NO_IMAGE = {
    "spectral library": "a spectral library, not an image",
    "classification": "a map of classes, not spectra",
    "meta": "a list of other files, not an image: open those",
    "mosaic": "a list of other files, not an image: open those",
    "tiff": "a TIFF file: open that one without its header",
    "hdf": "an HDF file: open that one without its header",
    "jpeg": "a JPEG file, which is not read",
    "nitf": "a NITF file, which is not read",
}


@dataclass(frozen=True, slots=True)
class EnviHeader:
    """What an ENVI header says.

    Attributes:
        path: The header.
        lines: Rows of pixels.
        samples: Pixels in a row.
        bands: Numbers of a pixel.
        dtype: Of a number, with its byte order.
        offset: Bytes before the first number.
        interleave: `bil`, `bip` or `bsq`.
        keys: All keys in lower case, with single spaces; values as written.
        notes: What was mended.
    """

    path: Path
    lines: int
    samples: int
    bands: int
    dtype: np.dtype[Any]
    offset: int
    interleave: str
    keys: Keys
    notes: tuple[str, ...]

    @property
    def expected_bytes(self) -> int:
        """Size of a data file that holds exactly the image."""
        return self.offset + self.lines * self.samples * self.bands * self.dtype.itemsize


def looks_like_header(path: Path) -> bool:
    """True if the first word of a file is ENVI, whatever the file is called."""
    try:
        with path.open("rb") as file:
            words = _decode(file.read(4096)).split(None, 1)
    except OSError:
        return False
    return bool(words) and words[0].upper() == "ENVI"


def read_header(path: Path) -> EnviHeader:
    """Reads and checks a header.

    Raises:
        DataError: It is not an ENVI header, lacks a key, has a value without sense, or describes
            what is no image; all that is wrong is told in one line.
    """
    keys = header_keys(path)
    kind = text_of(keys, "file type").lower()
    for word, what in _NO_IMAGE.items():
        if word in kind:
            raise DataError(
                f"{path}: file type = {shown(keys['file type'])}: found {what}; "
                "expected an image (ENVI Standard)"
            )
    problems: list[str] = []
    numbers = {
        key: _whole(keys, key, least, problems)
        for key, least in (("samples", 1), ("lines", 1), ("bands", 1), ("header offset", 0))
    }
    interleave = text_of(keys, "interleave").lower()
    if interleave not in INTERLEAVES:
        problems.append(_problem(keys, "interleave", "bil, bip or bsq"))
    dtype = _data_type(keys, problems)
    dtype, notes = _byte_order(keys, dtype, problems)
    for key in ("major frame offsets", "minor frame offsets"):
        if any(word not in ("0", "0.0") for word in words_of(keys.get(key, "0"))):
            problems.append(f"{key} = {shown(keys[key])}, expected none (frames are not read)")
    if words_of(keys.get("file compression", "0")) not in ([], ["0"]):
        problems.append(
            f"file compression = {shown(keys['file compression'])}, expected 0: unpack the data "
            "file (gunzip) and set the key to 0"
        )
    if problems:
        raise DataError(f"{path}: {'; '.join(problems)}; correct the header")
    return EnviHeader(
        path,
        numbers["lines"],
        numbers["samples"],
        numbers["bands"],
        dtype,
        numbers["header offset"],
        interleave,
        keys,
        tuple(notes),
    )


def header_keys(path: Path) -> dict[str, str | list[str]]:
    """Keys (lower case, single spaces) and values of a header, unchecked.

    Raises:
        DataError: The file cannot be read, is no ENVI header, or a brace is not closed.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST_HEADER)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}), expected an ENVI header: "
            "check the path and its permissions"
        ) from error
    text = _decode(raw)
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text)]
    lines = [line for line in lines if line]
    first = lines[0] if lines else ""
    if not looks_like_header(path) or len(raw) == LONGEST_HEADER:
        what = "nothing" if not lines else f"{first[:30]!r}" if first.isprintable() else "binary"
        raise DataError(
            f"{path}: not an ENVI header: found {what} in the first line, expected the word ENVI; "
            "check that this is the header of the image"
        )
    lines = [re.sub(r"\}\s*;.*$", "}", line) for line in lines[1:] if not line.startswith(";")]
    try:
        found = _parse("\n".join(["ENVI", *lines]))
    except spectral_envi.EnviException as error:
        raise DataError(
            f"{path}: {_unclosed(lines)}expected every list to end with }}; correct the header"
        ) from error
    return {" ".join(key.lower().split()): value for key, value in found.items()}


def _parse(text: str) -> dict[str, str | list[str]]:
    """`spectral` reads a file in the locale's encoding: a nameless one in ASCII is safe."""
    plain = text.encode("ascii", "xmlcharrefreplace")
    with tempfile.TemporaryFile() as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of keys in capitals, which every other header has
        file.write(plain)
        file.seek(0)
        found = spectral_envi.read_envi_header(os.dup(file.fileno()))
    return {
        _restore(key): [_restore(v) for v in value] if isinstance(value, list) else _restore(value)
        for key, value in found.items()
    }


def _restore(text: str) -> str:
    return re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), text)


def _decode(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError:
        return raw.removeprefix(b"\xef\xbb\xbf").decode("latin-1").replace("\0", "")


def _unclosed(lines: list[str]) -> str:
    for line in lines:
        key, found, value = line.partition("=")
        if found and value.strip().startswith("{") and not value.rstrip().endswith("}"):
            return f"found no end of the list `{key.strip()}`, "
    return ""


def text_of(keys: Keys, key: str) -> str:
    """A value as one text; empty where the key is missing."""
    value = keys.get(key, "")
    return (", ".join(value) if isinstance(value, list) else value).strip().strip("{}").strip()


def words_of(value: str | list[str]) -> list[str]:
    """The entries of a list, however they are separated: commas, blanks, semicolons, lines."""
    text = ",".join(value) if isinstance(value, list) else value
    return [word for word in re.split(r"[,;\s{}]+", text) if word]


def numbers_of(value: str | list[str], key: str, path: Path) -> list[float]:
    """A list of numbers.

    Raises:
        DataError: An entry is none.
    """
    numbers = []
    for place, word in enumerate(words_of(value), start=1):
        try:
            numbers.append(float(word))
        except ValueError:
            raise DataError(
                f"{path}: {key}: found {shown(word)} as value {place}, expected a number; "
                "correct the header"
            ) from None
    return numbers


def shown(value: str | list[str]) -> str:
    """A value for a message: on one line, and short."""
    text = ", ".join(value) if isinstance(value, list) else value
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."


def _problem(keys: Keys, key: str, expected: str) -> str:
    if not text_of(keys, key):
        return f"{key} is missing, expected {expected}"
    return f"{key} = {shown(keys[key])}, expected {expected}"


def _whole(keys: Keys, key: str, least: int, problems: list[str]) -> int:
    text = text_of(keys, key).split(";")[0].strip()
    if key == "header offset" and not text:
        return 0
    match = re.fullmatch(r"([-+]?\d{1,18})(?:\.0*)?", text)
    if match is None or int(match[1]) < least:
        problems.append(_problem(keys, key, f"a whole number of at least {least}"))
        return least
    return int(match[1])


def _data_type(keys: Keys, problems: list[str]) -> np.dtype[Any]:
    code = text_of(keys, "data type").split(";")[0].strip()
    code = re.sub(r"^0+(?=\d)|\.0*$", "", code)
    known = {
        c: np.dtype(char)
        for c, char in spectral_envi.envi_to_dtype.items()
        if np.dtype(char).kind in "iuf"
    }
    if code in ("6", "9"):
        problems.append(
            f"data type = {code} (complex numbers), expected real ones: convert the image first"
        )
    elif code not in known:
        codes = ", ".join(sorted(known, key=int))
        problems.append(_problem(keys, "data type", f"one of {codes}"))
    dtype: np.dtype[Any] = known.get(code, np.dtype(np.uint8))
    return dtype


def _byte_order(
    keys: Keys, dtype: np.dtype[Any], problems: list[str]
) -> tuple[np.dtype[Any], list[str]]:
    order = text_of(keys, "byte order").split(";")[0].strip().lower()
    if order in ("0", "1"):
        return dtype.newbyteorder("<" if order == "0" else ">"), []
    if order:
        problems.append(_problem(keys, "byte order", "0 (little-endian) or 1 (big-endian)"))
    notes = ["byte order is not given: little-endian assumed"] if dtype.itemsize > 1 else []
    return dtype.newbyteorder("<"), notes
