"""Reads a stretch of a shard record by record; what is wrong with one does not stop the rest."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bimae.data.check.findings import Problem, plain
from bimae.data.check.statistics import BandStatistics
from bimae.data.leakage import Digest, digest_of
from bimae.data.tfrecord.decode import read_hs, read_rgb
from bimae.data.tfrecord.framing import FOOTER_SIZE, HEADER_SIZE, Frame, masked_crc
from bimae.data.tfrecord.layout import Record, find_record
from bimae.data.tfrecord.variants import RGB_OVERSHOOT, Storage, Stored
from bimae.errors import DataError

COPY = "copy or write the file again"
WRITE = "write the record again"
_DIRECT = {Storage.U8: "|u1", Storage.F32: "<f4"}  # values that lie in the file as they are read


class SampleFacts(NamedTuple):
    """What is kept of a record that could be read.

    Attributes:
        record: Its number in the shard.
        id: Its name, or None.
        label: Its class, or None.
        group: Its group, or None.
        rgb_size: Height and width of the RGB image.
        hs_size: Height, width and bands of the cube.
        hs_type: `uint8` or `float32`.
        digest: What its images are recognised by; None where one of them could not be read.
        zero: Whether the cube is zero everywhere.
    """

    record: int
    id: str | None
    label: str | None
    group: str | None
    rgb_size: tuple[int, int]
    hs_size: tuple[int, int, int]
    hs_type: str
    digest: Digest | None
    zero: bool


@dataclass
class Stretch:
    """What was found in a stretch of a shard.

    Attributes:
        records: Records met, whole or not.
        intact: Whether every byte could be gone through.
        frames: Payload bytes and masked CRC32C of each whole record.
        samples: What could be read.
        problems: What could not, or should not be so.
        spectra: By number of bands and type.
        rgb: Smallest and largest value of all RGB images.
    """

    records: int = 0
    intact: bool = True
    frames: list[tuple[int, int]] = field(default_factory=list)
    samples: list[SampleFacts] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    spectra: dict[tuple[int, str], BandStatistics] = field(default_factory=dict)
    rgb: tuple[float, float] = (np.inf, -np.inf)


def read_stretch(view: memoryview, path: Path, first: int, start: int, stop: int) -> Stretch:
    """Reads the records between two bytes of a shard.

    Args:
        view: The shard, uncompressed.
        path: Its path, for messages.
        first: Number of the record at `start`.
        start: Where a record begins.
        stop: Where the last one ends; the end of the file if it may be damaged.
    """
    found = Stretch()
    for frame in _frames(view, start, stop):
        where = f"{path}: record {first + found.records}"
        if isinstance(frame, Frame):
            found.frames.append((frame.stop - frame.start, frame.crc))
            with np.errstate(invalid="ignore"):  # NaN is told, and no reason for a warning
                _read_record(view, frame, where, first + found.records, found)
        else:
            found.intact = False
            found.problems.append(Problem("error", frame.code, where, frame.text, COPY))
        found.records += 1
    return found


class _Broken(NamedTuple):
    code: str
    text: str


def _frames(view: memoryview, position: int, end: int) -> Iterator[Frame | _Broken]:
    """Whole records and broken ones; goes on behind a broken one where its length can be told."""
    while position < end:
        start = position + HEADER_SIZE
        if start > end:
            yield _Broken("truncated", f"the file is truncated: {end - position} bytes are left")
            return
        size, _ = struct.unpack_from("<QI", view, position)
        stop = start + size
        behind = stop + FOOTER_SIZE
        if not _is_header(view, position):
            # The checksum may be what is damaged: then another record, or nothing, follows.
            if behind == end or (behind + HEADER_SIZE <= end and _is_header(view, behind)):
                yield _Broken("damaged-record", f"damaged length at byte {position}")
                position = behind
                continue
            rest = f"damaged length at byte {position}; the {end - position} bytes from there on "
            yield _Broken("damaged-length", rest + "cannot be told apart")
            return
        if behind > end:
            text = (
                f"the file is truncated: found {end - start} bytes, expected {size + FOOTER_SIZE}"
            )
            yield _Broken("truncated", text)
            return
        (crc,) = struct.unpack_from("<I", view, stop)
        found = masked_crc(view[start:stop])
        if found == crc:
            yield Frame(start, stop, crc)
        else:
            text = f"damaged bytes between {start} and {stop}: found checksum {found:08x}, "
            yield _Broken("damaged-record", text + f"expected {crc:08x}")
        position = behind


def _is_header(view: memoryview, position: int) -> bool:
    (crc,) = struct.unpack_from("<I", view, position + 8)
    return bool(masked_crc(view[position : position + 8]) == crc)


def header_ends(view: memoryview) -> Iterator[int]:
    """Where each record ends, as the lengths say; stops before the first that cannot be right."""
    position, end = 0, len(view)
    while position + HEADER_SIZE <= end and _is_header(view, position):
        (size,) = struct.unpack_from("<Q", view, position)
        position += HEADER_SIZE + size + FOOTER_SIZE
        if position > end:
            return
        yield position


def _read_record(view: memoryview, frame: Frame, where: str, number: int, found: Stretch) -> None:
    try:
        record = find_record(view, frame.start, frame.stop, where)
    except DataError as error:
        found.problems.append(_told("bad-record", where, error))
        return
    if record.id is not None:
        where = f"{where} ({plain(record.id)})"
    rgb = _rgb(view, record, where, found)
    hs = _hs(view, record, where, found)
    found.samples.append(
        SampleFacts(
            number,
            record.id,
            record.label,
            record.group,
            (record.rgb.height, record.rgb.width),
            (record.hs.height, record.hs.width, record.hs.channels),
            "uint8" if record.hs.storage in (Storage.U8, Storage.TENSOR_U8) else "float32",
            None if rgb is None or hs is None else digest_of(rgb, hs),
            hs is not None and not hs.any(),
        )
    )


def _rgb(
    view: memoryview, record: Record, where: str, found: Stretch
) -> NDArray[np.float32] | None:
    stored = record.rgb
    try:
        if stored.storage == Storage.F32:
            rgb: NDArray[np.float32] = _values(view, stored)
        else:
            rgb = read_rgb(view, stored, where)
    except DataError as error:
        code = "undecodable-image" if error.__cause__ else "rgb-range"
        found.problems.append(_told(code, where, error))
        return None
    low, high = float(rgb.min()), float(rgb.max())
    if not (low >= -RGB_OVERSHOOT and high <= 1 + RGB_OVERSHOOT):  # not so for NaN either
        odd = int(rgb.size - np.isfinite(rgb).sum())
        values = f"{odd} NaN or infinite values" if odd else f"values from {low:g} to {high:g}"
        text = f"rgb_image has {values}; expected finite values in [0, 1]"
        remedy = "scale or clean the image before writing it"
        found.problems.append(Problem("error", "rgb-range", where, text, remedy))
    else:
        found.rgb = min(found.rgb[0], low), max(found.rgb[1], high)
    return rgb


def _hs(view: memoryview, record: Record, where: str, found: Stretch) -> NDArray[Any] | None:
    stored = record.hs
    try:
        if stored.storage in _DIRECT:
            hs: NDArray[Any] = _values(view, stored)
        else:
            hs = read_hs(view, stored, where)
    except DataError as error:
        code = "undecodable-image" if error.__cause__ else "not-finite"
        found.problems.append(_told(code, where, error))
        return None
    pixels = hs.reshape(-1, hs.shape[2])
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    if hs.dtype != np.uint8 and not (np.isfinite(low).all() and np.isfinite(high).all()):
        finite = np.isfinite(pixels)
        text = f"hs_image has {int((~finite).sum())} NaN or infinite values; expected finite ones"
        remedy = "clean the cube before writing it"
        found.problems.append(Problem("error", "not-finite", where, text, remedy))
        pixels = pixels[finite.all(axis=1)]
        if not len(pixels):
            return hs
        low, high = pixels.min(axis=0), pixels.max(axis=0)
    bands = hs.shape[2]
    spectra = found.spectra.setdefault((bands, hs.dtype.name), BandStatistics(bands))
    spectra.take(pixels, low, high)
    return hs


def _values(view: memoryview, stored: Stored) -> NDArray[Any]:
    shape = (stored.height, stored.width, stored.channels)
    dtype = _DIRECT[Storage(stored.storage)]
    return np.frombuffer(view, dtype, prod(shape), stored.start).reshape(shape)


def _told(code: str, where: str, error: DataError) -> Problem:
    """A DataError of the reading code, whose message is `where: what was found: what to do`."""
    told = str(error).removeprefix(f"{where}: ")
    text, colon, remedy = told.rpartition(": ")
    return Problem("error", code, where, text if colon else told, remedy if colon else WRITE)
