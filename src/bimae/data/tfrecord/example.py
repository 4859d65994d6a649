"""`tf.train.Example`: features by name, with their kind and where their values lie."""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bimae.data.tfrecord.wire import (
    DELIMITED,
    FIXED32,
    VARINT,
    MalformedError,
    delimited,
    fields,
    read_varint,
    signed,
    varint,
)

FeatureValue = bytes | list[int] | NDArray[np.float32]


class Kind(IntEnum):
    """What a feature holds; the numbers are those of the fields in `Feature`."""

    BYTES = 1
    FLOAT = 2
    INT64 = 3

    def __str__(self) -> str:
        return f"{self.name.lower()}_list"


class Feature(NamedTuple):
    """A feature's list message, as a byte range of the buffer it was found in."""

    kind: Kind
    start: int
    stop: int


def find_features(view: memoryview, start: int, stop: int) -> dict[str, Feature]:
    """Features of the Example in `view[start:stop]`; one without any list is left out.

    Raises:
        MalformedError: The bytes are no Example.
    """
    found: dict[str, Feature] = {}
    for outer in fields(view, start, stop):
        if outer.number != 1 or outer.wire != DELIMITED:
            continue
        for entry in fields(view, outer.start, outer.stop):
            if entry.number != 1 or entry.wire != DELIMITED:
                continue
            name, feature = _entry(view, entry.start, entry.stop)
            if feature is not None:
                found[name] = feature
    return found


def _entry(view: memoryview, start: int, stop: int) -> tuple[str, Feature | None]:
    name = ""
    feature: Feature | None = None
    for field in fields(view, start, stop):
        if field.wire != DELIMITED:
            continue
        if field.number == 1:
            try:
                name = str(view[field.start : field.stop], "utf-8")
            except UnicodeDecodeError as error:
                raise MalformedError(f"a feature's name is not UTF-8 ({error})") from error
        elif field.number == 2:
            for part in fields(view, field.start, field.stop):
                if part.wire == DELIMITED and part.number in (1, 2, 3):
                    if feature is not None:
                        raise MalformedError(f"feature {name} holds more than one list")
                    feature = Feature(Kind(part.number), part.start, part.stop)
    return name, feature


def byte_ranges(view: memoryview, feature: Feature) -> list[tuple[int, int]]:
    """Where each value of a bytes_list lies."""
    _expect(feature, Kind.BYTES)
    return [
        (field.start, field.stop)
        for field in fields(view, feature.start, feature.stop)
        if field.number == 1 and field.wire == DELIMITED
    ]


def int64_values(view: memoryview, feature: Feature) -> list[int]:
    """Values of an int64_list, packed or not."""
    _expect(feature, Kind.INT64)
    values = []
    for field in fields(view, feature.start, feature.stop):
        if field.number != 1:
            continue
        if field.wire == VARINT:
            values.append(signed(field.start))
        elif field.wire == DELIMITED:
            values += packed_varints(view, field.start, field.stop)
    return values


def packed_varints(view: memoryview, start: int, stop: int) -> list[int]:
    """Signed numbers of a packed field."""
    values = []
    while start < stop:
        value, start = read_varint(view, start, stop)
        values.append(signed(value))
    return values


def packed_floats(view: memoryview, feature: Feature) -> tuple[int, int] | None:
    """Where the values of a float_list lie, when they lie in one piece; None when they do not.

    Raises:
        MalformedError: The piece is not a whole number of float32.
    """
    _expect(feature, Kind.FLOAT)
    if feature.start == feature.stop:
        return feature.start, feature.stop
    first = next(fields(view, feature.start, feature.stop))
    if first.number != 1 or first.wire != DELIMITED or first.stop != feature.stop:
        return None
    if (first.stop - first.start) % 4:
        raise MalformedError(
            f"a float_list of {first.stop - first.start} bytes, not a multiple of 4"
        )
    return first.start, first.stop


def float_values(view: memoryview, start: int, stop: int) -> NDArray[np.float32]:
    """Values of the FloatList message in `view[start:stop]`, however they are cut up.

    Raises:
        MalformedError: The bytes are no FloatList.
    """
    # Not packed, each value is a tag and four bytes: regular enough for one NumPy view.
    if (stop - start) % 5 == 0:
        rows = np.frombuffer(view, np.uint8, stop - start, start).reshape(-1, 5)
        if (rows[:, 0] == (1 << 3 | FIXED32)).all():
            return np.ascontiguousarray(rows[:, 1:]).view("<f4").ravel()
    pieces = [np.empty(0, "<f4")]
    for field in fields(view, start, stop):
        size = field.stop - field.start
        if field.number != 1:
            continue
        if field.wire not in (DELIMITED, FIXED32) or size % 4:
            raise MalformedError(f"a float_list holds a field of {size} bytes that are no float32")
        pieces.append(np.frombuffer(view, "<f4", size // 4, field.start))
    return np.concatenate(pieces)


def encode_example(features: Mapping[str, FeatureValue]) -> bytes:
    """An Example: bytes as a bytes_list of one, integers as an int64_list, floats as a float_list.

    Features keep the order given, so that the same samples always make the same file.
    """
    entries = []
    for name, value in features.items():
        if isinstance(value, bytes):
            kind, packed = Kind.BYTES, value
        elif isinstance(value, list):
            kind, packed = Kind.INT64, b"".join(varint(number) for number in value)
        else:
            kind, packed = Kind.FLOAT, np.ascontiguousarray(value, "<f4").tobytes()
        feature = delimited(kind, delimited(1, packed))
        entries.append(delimited(1, delimited(1, name.encode()), delimited(2, feature)))
    return delimited(1, *entries)


def _expect(feature: Feature, kind: Kind) -> None:
    if feature.kind is not kind:
        raise MalformedError(f"a {feature.kind} where a {kind} is expected")
