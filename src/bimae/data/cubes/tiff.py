"""TIFF by `tifffile`: what images a file holds, and a damaged one told as such.

`tifffile` reads what is left of a damaged file and only logs what is missing; bands would be lost
in silence. Its log is therefore listened to, and every strip must lie within the file.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.errors import DataError

_DAMAGE = re.compile(r"corrupt|invalid (page )?offset|zeroed|missing|invalid page", re.IGNORECASE)
_GDAL_NODATA = 42113
NODATA = "nodata"
"""Name of the list that holds the number meaning "no value"."""

_GDAL_METADATA = 42112
_ITEM = re.compile(r"<Item\b([^>]*)>([^<]*)</Item>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TiffSeries:
    """Pages that belong together as one array.

    Attributes:
        shape: Of the array.
        axes: A letter for each axis: Y, X, S samples, C channels, I pages, Q unknown, ...
        dtype: Of its numbers, with the byte order of the file.
        offset: Bytes before the numbers where they lie there as they are, else None.
    """

    shape: tuple[int, ...]
    axes: str
    dtype: np.dtype[Any]
    offset: int | None


def list_tiff(path: Path) -> tuple[dict[str, TiffSeries], dict[str, list[float]]]:
    """The arrays of a TIFF file by their number, and the lists of numbers in its metadata.

    Raises:
        DataError: The file is damaged or truncated.
    """
    with _opened(path) as file:
        found = {}
        for number, series in enumerate(file.series):
            if series.dtype is None:
                continue
            _check_strips(path, series, file.filehandle.size)
            order = ">" if file.byteorder == ">" else "<"
            raw = series.dataoffset if not series.is_multifile else None
            if not isinstance(raw, int) or raw < 0:  # of a damaged file it may be anything
                raw = None
            found[str(number)] = TiffSeries(
                tuple(series.shape), series.axes, series.dtype.newbyteorder(order), raw
            )
        lists = _lists(file) if file.pages else {}
    return found, lists


def load_tiff(path: Path, name: str) -> NDArray[Any]:
    """One array of a TIFF file.

    Raises:
        DataError: The file is damaged, or compressed in a way that cannot be read here.
    """
    with _opened(path) as file:
        series = file.series[int(name)]
        try:
            return np.asarray(series.asarray())
        except (ValueError, NotImplementedError) as error:
            if "imagecodecs" not in str(error):
                raise
            method = getattr(series.keyframe.compression, "name", "unknown")
            raise DataError(
                f"{path}: compressed as {method}, which is not read here; save it uncompressed or "
                "with deflate, or install the package imagecodecs"
            ) from error


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import tifffile  # noqa: PLC0415 - slow to import, and rarely needed

    log = logging.getLogger("tifffile")
    heard = _Listener()
    before = log.propagate
    log.addHandler(heard)
    log.propagate = False  # what matters is told as an error, and the rest is nobody's concern
    try:
        with tifffile.TiffFile(path) as file:
            yield file
    finally:
        log.removeHandler(heard)
        log.propagate = before
    if heard.damage:
        raise DataError(
            f"{path}: the TIFF file is damaged ({heard.damage}); expected a whole one: was it "
            "copied to the end?"
        )


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.damage = ""

    def emit(self, record: logging.LogRecord) -> None:
        message = " ".join(record.getMessage().split())
        if not self.damage and _DAMAGE.search(message):
            self.damage = re.sub(r"^<[^>]*>\s*", "", message)[:120]


def _check_strips(path: Path, series: Any, size: int) -> None:
    for number, page in enumerate(series.pages):
        if page is None:
            continue
        ends = [a + b for a, b in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if any(end > size for end in ends) and not series.is_multifile:
            raise DataError(
                f"{path}: the file ends early: found {size} bytes, expected at least {max(ends)} "
                f"for image {number + 1} of {len(series.pages)}; was it copied to the end?"
            )


def _lists(file: Any) -> dict[str, list[float]]:
    """Lists of numbers in the description (JSON) and in GDAL's metadata, by name."""
    page = file.pages[0]
    lists: dict[str, list[float]] = {}
    try:
        described = json.loads(page.description)
    except (ValueError, RecursionError):
        described = None
    for name, value in described.items() if isinstance(described, dict) else ():
        if isinstance(value, list) and value and all(isinstance(v, int | float) for v in value):
            lists[str(name)] = [float(v) for v in value]
    nodata = page.tags.get(_GDAL_NODATA)
    if nodata is not None:
        with suppress(ValueError):
            lists[NODATA] = [float(str(nodata.value).strip("\0 "))]
    tag = page.tags.get(_GDAL_METADATA)
    by_band: dict[str, dict[int, float]] = {}
    for attributes, text in _ITEM.findall(str(tag.value) if tag is not None else ""):
        name = re.search(r'\bname="([^"]*)"', attributes)
        band = re.search(r'\bsample="(\d+)"', attributes)
        number = re.match(r"\s*(\d+\.?\d*)", text)
        if name and band and number:
            by_band.setdefault(name[1], {})[int(band[1])] = float(number[1])
    for gdal_name, values in by_band.items():
        if sorted(values) == list(range(len(values))):
            lists.setdefault(gdal_name, [values[i] for i in range(len(values))])
    return lists
