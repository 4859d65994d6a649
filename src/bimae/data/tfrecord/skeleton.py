"""Records that differ in their values only: their layout is found once and recognised after that.

Almost all of a record is values: pixels, and the texts of id, label and group. The bytes between
them (names, lengths, sizes) say where these lie, and are the same in all records whose values have
the same lengths. A record whose bytes between the values equal those of an earlier one has its
values at the same places, and need not be taken apart again.
"""

from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from bimae.data.tfrecord.example import Feature, Kind, byte_ranges, int64_values
from bimae.data.tfrecord.framing import Frame
from bimae.data.tfrecord.layout import Record, find_record_and_features
from bimae.data.tfrecord.variants import RGB_SIDE, Storage, Stored

_MOST = 256  # new skeletons in a shard; where more would be needed, records have little in common
_ALIKE = 8  # skeletons of one size
_HEAD = 8  # bytes at the start of an image that may say that it is an encoded one
_ENCODED = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\x08")  # PNG, JPEG, maybe a TensorProto
_USUAL = (RGB_SIDE**2 * 3, RGB_SIDE**2 * 12)  # bytes of an RGB image whose number says all
Read = Callable[[bytes], str | None]  # may raise ValueError


class _Value(NamedTuple):
    """Bytes that may differ, relative to the record's first; from `seen` on nobody looks at them.

    `of` is the field of `Record` that they tell, if any.
    """

    start: int
    seen: int
    stop: int
    of: str = ""
    read: Read | None = None


class RecordFinder:
    """Finds what a shard's records hold, as `find_record` does, and quicker where they are alike.

    Args:
        view: The shard.
        path: Its path, for messages.
    """

    def __init__(self, view: memoryview, path: Path) -> None:
        self._view, self._path = view, path
        self._left = _MOST

    def find(self, frame: Frame, number: int) -> Record:
        """The record of a frame.

        Args:
            frame: Where it lies.
            number: Its number in the shard, for messages.

        Raises:
            DataError: As `find_record`.
        """
        start, stop, _ = frame
        known = _KNOWN.get(stop - start, [])
        for skeleton in known:
            if (record := skeleton.read(self._view, start)) is not None:
                return record
        record, features = find_record_and_features(
            self._view, start, stop, f"{self._path}: record {number}"
        )
        worth = self._left > 0 and len(known) < _ALIKE
        if worth and (values := _values(self._view, start, features, record)) is not None:
            self._left -= 1
            if len(_KNOWN) > 2 * _MOST:
                _KNOWN.clear()
            skeleton = _Skeleton(self._view, start, stop, record, values)
            _KNOWN.setdefault(stop - start, []).append(skeleton)
        return record


class _Skeleton:
    """Where the values of records of one size lie, and the bytes between them."""

    def __init__(
        self, view: memoryview, start: int, stop: int, record: Record, values: list[_Value]
    ) -> None:
        layout, position = "<", 0
        for value in values:
            between, seen = value.start - position, value.seen - value.start
            layout += f"{between}s{seen}s{value.stop - value.seen}x"
            position = value.stop
        self._pieces = Struct(layout + f"{stop - start - position}s0s").unpack_from
        self._between = itemgetter(*range(0, 2 * len(values) + 2, 2))
        self._expected = self._between(self._pieces(view, start))
        self._heads = [2 * n + 1 for n, value in enumerate(values) if value.of == "image"]
        told = {value.of: (2 * n + 1, value.read) for n, value in enumerate(values) if value.read}
        self._texts = [told.get(name, (0, _nothing)) for name in ("id", "label", "group")]
        self._images = [
            (s.storage, s.start - start, s.stop - start, s.height, s.width, s.channels)
            for s in (record.rgb, record.hs)
        ]

    def read(self, view: memoryview, start: int) -> Record | None:
        """The record at `start`; None where it is built otherwise, or something is odd."""
        pieces = self._pieces(view, start)
        if self._between(pieces) != self._expected:
            return None
        for number in self._heads:
            if pieces[number].startswith(_ENCODED):
                return None
        try:
            id, label, group = (read(pieces[number]) for number, read in self._texts)
        except ValueError:
            return None
        rgb, hs = (
            Stored(storage, start + first, start + last, height, width, channels)
            for storage, first, last, height, width, channels in self._images
        )
        return Record(id, label, group, rgb, hs)


# By the size of the payload. Shards of one data set are alike too, and nothing here can be wrong
# for another: whatever a record is taken for is checked byte by byte.
_KNOWN: dict[int, list[_Skeleton]] = {}


def _values(
    view: memoryview, start: int, features: dict[str, Feature], record: Record
) -> list[_Value] | None:
    """Where a record's values lie; None where their bytes have a say in how it is read."""
    texts = {"id": "id", "label" if "label" in features else "class": "label", "group": "group"}
    images = {"rgb_image": record.rgb, "hs_image": record.hs}
    values: list[_Value] = []
    for name, feature in features.items():
        if name in ("rgb_size", "hs_size"):
            continue
        if name in images:
            found = _image(
                view, feature, images[name], sized=name != "rgb_image" or "rgb_size" in features
            )
        elif name in texts:
            found = _text(view, feature, texts[name])
        else:
            found = _Value(feature.start, feature.start, feature.stop)
        if found is None:
            return None
        values.append(found)
    values.sort(key=itemgetter(0))
    return [
        value._replace(start=value.start - start, seen=value.seen - start, stop=value.stop - start)
        for value in values
    ]


def _image(view: memoryview, feature: Feature, stored: Stored, *, sized: bool) -> _Value | None:
    first, last = stored.start, stored.stop
    if feature.kind is Kind.FLOAT:
        return _Value(first, first, last) if stored.storage == Storage.F32 else None
    if stored.storage not in (Storage.U8, Storage.F32) or last - first < _HEAD:
        return None
    if byte_ranges(view, feature) != [(first, last)] or bytes(
        view[first : first + _HEAD]
    ).startswith(_ENCODED):
        return None
    # Without its size, the number of bytes fits an image of floats and a larger one of uint8.
    odd = stored.storage == Storage.U8 and stored.height % 2 == 1
    if not (sized or odd or last - first in _USUAL):
        return None
    return _Value(first, first + _HEAD, last, "image")


def _text(view: memoryview, feature: Feature, of: str) -> _Value | None:
    if feature.kind is Kind.INT64:
        return _Value(feature.start, feature.stop, feature.stop, of, _number)
    ranges = byte_ranges(view, feature)
    if len(ranges) != 1:
        return None
    first, last = ranges[0]
    return _Value(first, last, last, of, _word)


def _word(piece: bytes) -> str | None:
    return str(piece, "utf-8") or None


def _number(piece: bytes) -> str | None:
    values = int64_values(memoryview(piece), Feature(Kind.INT64, 0, len(piece)))
    if len(values) > 1:
        raise ValueError("more than one number")
    return str(values[0]) if values else None


def _nothing(piece: bytes) -> None:
    return None
