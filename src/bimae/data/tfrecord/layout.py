"""Where a record keeps what: id, label, group and the two images."""

from typing import NamedTuple

from bimae.data.tfrecord.example import Feature, Kind, byte_ranges, find_features, int64_values
from bimae.data.tfrecord.variants import Stored, find_image
from bimae.data.tfrecord.wire import MalformedError
from bimae.errors import DataError


class Record(NamedTuple):
    """One record: what it says about its object, and where its two images lie."""

    id: str | None
    label: str | None
    group: str | None
    rgb: Stored
    hs: Stored


def find_record(view: memoryview, start: int, stop: int, where: str) -> Record:
    """Finds everything in the Example at `view[start:stop]`; reads no pixels.

    Args:
        view: The shard.
        start: First byte of the payload.
        stop: The byte after it.
        where: File and record, for messages.

    Raises:
        DataError: It is no Example, an image is missing, or its bytes fit no known variant.
    """
    return find_record_and_features(view, start, stop, where)[0]


def find_record_and_features(
    view: memoryview, start: int, stop: int, where: str
) -> tuple[Record, dict[str, Feature]]:
    """The record, and the features that it was made of; else as `find_record`."""
    try:
        features = find_features(view, start, stop)
        rgb = find_image(view, features, "rgb_image", where)
        if rgb.channels != 3:
            raise DataError(
                f"{where}: rgb_image has {rgb.channels} channels, expected 3 (red, green, blue): "
                "write it as [height, width, 3]"
            )
        record = Record(
            _text(view, features, "id", where),
            _text(view, features, "label" if "label" in features else "class", where),
            _text(view, features, "group", where),
            rgb,
            find_image(view, features, "hs_image", where),
        )
        return record, features
    except MalformedError as error:
        raise DataError(
            f"{where}: found bytes that are no tf.train.Example ({error}), expected one with "
            "rgb_image and hs_image: write the file again"
        ) from error


def _text(view: memoryview, features: dict[str, Feature], name: str, where: str) -> str | None:
    feature = features.get(name)
    if feature is None:
        return None
    found = f"{where}: {name} is a {feature.kind}"
    if feature.kind is Kind.INT64:
        numbers = int64_values(view, feature)
        if len(numbers) > 1:
            raise DataError(f"{found} of {len(numbers)} values, expected one: write it as text")
        return str(numbers[0]) if numbers else None
    if feature.kind is not Kind.BYTES:
        raise DataError(f"{found}, expected a bytes_list of one text: write it as text")
    ranges = byte_ranges(view, feature)
    if len(ranges) > 1:
        raise DataError(f"{found} of {len(ranges)} values, expected one: write one text")
    try:
        text = str(view[slice(*ranges[0])], "utf-8") if ranges else ""
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: {name} is {bytes(view[slice(*ranges[0])])[:40]!r}, expected UTF-8 text: "
            "encode it as UTF-8"
        ) from error
    return text or None
