"""Where an image lies and how it is stored, recognised from the record itself.

An image is a float list, raw little-endian values, a PNG or JPEG, or a serialised tensor. Sizes
come from `rgb_size` and `hs_size` (height, width, channels) where a record has them, else from the
number of values.
"""

from collections.abc import Callable
from enum import IntEnum
from io import BytesIO
from math import isqrt, prod
from typing import NamedTuple

import numpy as np
from PIL import Image

from bimae.data.tfrecord.example import (
    Feature,
    Kind,
    byte_ranges,
    float_values,
    int64_values,
    packed_floats,
)
from bimae.data.tfrecord.tensor import DTYPES, find_tensor
from bimae.errors import DataError

RGB_SIDE, HS_SIDE = 192, 24  # sides that images have where nothing says otherwise
RGB_OVERSHOOT = 1e-3  # resampling in float32 may leave [0, 1] by a hair
PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    Image.DecompressionBombError,
)
Shape = tuple[int, int, int]
Span = tuple[int, int]  # first byte and the byte after the last


class Storage(IntEnum):
    """How an image's values lie in the file. The numbers are kept in index files."""

    F32 = 0  # raw values, little-endian
    U8 = 1
    F64 = 2
    I32 = 3
    F16 = 4
    ENCODED = 5  # PNG or JPEG
    FLOATS = 6  # a FloatList message whose values do not lie in one piece
    TENSOR_F32 = 7  # a TensorProto whose values lie in a typed list
    TENSOR_U8 = 8
    TENSOR_F64 = 9
    TENSOR_I32 = 10
    TENSOR_F16 = 11


_OF_DTYPE = {1: Storage.F32, 2: Storage.F64, 3: Storage.I32, 4: Storage.U8, 19: Storage.F16}


class Stored(NamedTuple):
    """An image: its `Storage`, the range of its bytes, and its size in pixels and channels."""

    storage: int
    start: int
    stop: int
    height: int
    width: int
    channels: int


class _Kind(NamedTuple):
    """What differs between the two images."""

    name: str
    infer: Callable[[int], Shape | None]  # values without a size feature -> (h, w, channels)
    expected: str


def _size(view: memoryview, features: dict[str, Feature], name: str, where: str) -> Shape | None:
    feature = features.get(name)
    if feature is None:
        return None
    sizes = int64_values(view, feature) if feature.kind is Kind.INT64 else []
    if len(sizes) != 3 or min(sizes) < 1:
        raise DataError(
            f"{where}: {name} is {sizes or f'a {feature.kind}'}, expected three positive integers "
            "(height, width, channels): correct or remove it"
        )
    return (sizes[0], sizes[1], sizes[2])


def find_image(view: memoryview, features: dict[str, Feature], name: str, where: str) -> Stored:
    """Where an image lies, how it is stored and how large it is; reads no pixels.

    Args:
        view: The shard.
        features: Features of the record.
        name: `rgb_image` or `hs_image`.
        where: File and record, for messages.

    Raises:
        DataError: The image is missing, or its bytes fit no known variant.
        MalformedError: A feature is not the message it should be.
    """
    kind = _KINDS[name]
    feature = features.get(kind.name)
    if feature is None:
        names = ", ".join(sorted(features)) or "no features"
        raise DataError(
            f"{where}: no feature {kind.name}: found {names}; expected rgb_image and hs_image: "
            "write the record with both images"
        )
    size = _size(view, features, kind.name.replace("_image", "_size"), where)
    if feature.kind is Kind.FLOAT:
        return _floats(view, feature, kind, size, where)
    ranges = byte_ranges(view, feature) if feature.kind is Kind.BYTES else []
    if len(ranges) != 1:
        found = f"{len(ranges)} values" if feature.kind is Kind.BYTES else f"an {feature.kind}"
        raise DataError(
            f"{where}: {kind.name} holds {found}, expected one bytes value or a float_list: write "
            "it as one of these"
        )
    return _bytes(view, ranges[0], kind, size, where)


def _floats(
    view: memoryview, feature: Feature, kind: _Kind, size: Shape | None, where: str
) -> Stored:
    packed = packed_floats(view, feature)
    if packed is None:
        count = len(float_values(view, feature.start, feature.stop))
        packed, storage = (feature.start, feature.stop), Storage.FLOATS
    else:
        count, storage = (packed[1] - packed[0]) // 4, Storage.F32
    shape = kind.infer(count) if size is None else size
    if shape is None or prod(shape) != count:
        raise _wrong_count(f"{count} floats", kind, size, where)
    return Stored(storage, *packed, *shape)


def _bytes(view: memoryview, span: Span, kind: _Kind, size: Shape | None, where: str) -> Stored:
    start, stop = span
    count = stop - start
    head = bytes(view[start : min(stop, start + 8)])
    rgb = kind is _RGB
    if rgb and head == b"\x89PNG\r\n\x1a\n":
        return _encoded(view, span, size, where)
    if size is not None:
        for storage, width in ((Storage.U8, 1), (Storage.F32, 4)):
            if count == prod(size) * width:
                return Stored(storage, start, stop, *size)
    if rgb and head.startswith(b"\xff\xd8\xff") and b"\xff\xd9" in bytes(view[stop - 16 : stop]):
        return _encoded(view, span, size, where)
    if (tensor := _tensor(view, span, kind, size, where)) is not None:
        return tensor
    if size is None and (stored := _sizeless(view, span, kind)) is not None:
        return stored
    raise _wrong_count(f"{count} bytes", kind, size, where)


def _sizeless(view: memoryview, span: Span, kind: _Kind) -> Stored | None:
    """Raw values whose size only their number tells; spectra are then uint8."""
    count = span[1] - span[0]
    as_bytes = kind.infer(count)
    as_floats = kind.infer(count // 4) if kind is _RGB and count % 4 == 0 else None
    if as_floats and (as_bytes is None or _holds_floats(view, span)):
        return Stored(Storage.F32, *span, *as_floats)
    return Stored(Storage.U8, *span, *as_bytes) if as_bytes else None


def _holds_floats(view: memoryview, span: Span) -> bool:
    """Whether bytes that fit both a float32 image and a uint8 image of twice its side are floats.

    The usual side decides. Elsewhere the values do: read as float32, uint8 pixels are practically
    always huge, tiny or not finite, while an image lies in [0, 1].
    """
    count = span[1] - span[0]
    if count in (RGB_SIDE**2 * 3, RGB_SIDE**2 * 12):
        return count == RGB_SIDE**2 * 12
    values = np.frombuffer(view, "<f4", count // 4, span[0])
    plausible = (values == 0) | ((values > 1e-4) & (values <= 1 + RGB_OVERSHOOT))
    return bool(plausible.mean() > 0.99)


def _encoded(view: memoryview, span: Span, size: Shape | None, where: str) -> Stored:
    try:
        with Image.open(BytesIO(view[slice(*span)]), formats=["PNG", "JPEG"]) as image:
            width, height, mode = *image.size, image.mode
    except PILLOW_ERRORS as error:
        raise DataError(
            f"{where}: rgb_image looks like a PNG or JPEG but cannot be opened ({error}); expected "
            "an intact image: write it again"
        ) from error
    if mode[0] in "IF":
        raise DataError(
            f"{where}: rgb_image is a PNG of mode {mode}, expected 8 bits a channel: convert it"
        )
    if size is not None and size[:2] != (height, width):
        raise DataError(
            f"{where}: rgb_image is {height}x{width} pixels, expected {size[0]}x{size[1]} as "
            "rgb_size says: correct one of them"
        )
    return Stored(Storage.ENCODED, *span, height, width, 3)


def _tensor(
    view: memoryview, span: Span, kind: _Kind, size: Shape | None, where: str
) -> Stored | None:
    tensor = find_tensor(view, *span)
    if tensor is None:
        return None
    found = f"{where}: {kind.name} is a serialised tensor"
    shape = tensor.shape
    if tensor.dtype not in DTYPES:
        raise DataError(
            f"{found} of TensorFlow type {tensor.dtype}, expected uint8, int32, float16, float32 "
            "or float64: cast it before writing"
        )
    if len(shape) != 3 or min(shape) < 1 or (size is not None and shape != size):
        raise DataError(
            f"{found} of shape {list(shape)}, expected {list(size) if size else 'three sizes'} "
            "(height, width, channels): correct the record"
        )
    storage = _OF_DTYPE[tensor.dtype]
    if tensor.start == tensor.stop:
        return Stored(Storage[f"TENSOR_{storage.name}"], *span, *shape)
    expected = prod(shape) * np.dtype(DTYPES[tensor.dtype]).itemsize
    if tensor.stop - tensor.start != expected:
        raise DataError(
            f"{found} of {tensor.stop - tensor.start} bytes, expected {expected} for its shape "
            f"{list(shape)}: write the record again"
        )
    return Stored(storage, tensor.start, tensor.stop, *shape)


def _wrong_count(found: str, kind: _Kind, size: Shape | None, where: str) -> DataError:
    if size is not None:
        values = "x".join(map(str, size))
        expected = f"{prod(size)} values ({values}) as {kind.name.replace('_image', '_size')} says"
    else:
        expected = kind.expected
    return DataError(
        f"{where}: {kind.name} has {found}, expected {expected}: write the record again, with the "
        f"true {kind.name.replace('_image', '_size')} where the image has another size"
    )


def _square(count: int) -> Shape | None:
    side = isqrt(count // 3)
    return (side, side, 3) if side and count == side * side * 3 else None


def _cube(count: int) -> Shape | None:
    bands, rest = divmod(count, HS_SIDE * HS_SIDE)
    return (HS_SIDE, HS_SIDE, bands) if bands and not rest else None


_RGB = _Kind("rgb_image", _square, "n*n*3 values of a square image (110592 for 192x192)")
_HS = _Kind("hs_image", _cube, "24*24*bands values (a multiple of 576)")
_KINDS = {kind.name: kind for kind in (_RGB, _HS)}
