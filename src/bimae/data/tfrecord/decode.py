"""Bytes that `layout` found -> arrays; views of the shard where its bytes allow it."""

from io import BytesIO
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bimae.data.tfrecord.example import float_values
from bimae.data.tfrecord.layout import Record
from bimae.data.tfrecord.tensor import listed_values
from bimae.data.tfrecord.variants import PILLOW_ERRORS, RGB_OVERSHOOT, Storage, Stored
from bimae.data.tfrecord.wire import MalformedError
from bimae.errors import DataError

_RAW = {
    Storage.F32: "<f4",
    Storage.U8: "|u1",
    Storage.F64: "<f8",
    Storage.I32: "<i4",
    Storage.F16: "<f2",
}
_TENSOR_DTYPE = {
    Storage.TENSOR_F32: 1,
    Storage.TENSOR_F64: 2,
    Storage.TENSOR_I32: 3,
    Storage.TENSOR_U8: 4,
    Storage.TENSOR_F16: 19,
}
# A float32 from 0 to x has, read as a whole number, at most the bits of x; negative numbers and NaN
# have more than infinity. So one pass of a maximum tells that all is well, which nearly always is.
_F32, _BITS = np.dtype("<f4"), np.dtype("<u4")
_BITS_OF_1, _BITS_OF_INF = 0x3F800000, 0x7F800000
# Division as NumPy does it, once for each of the values that a byte can have.
_SCALED: NDArray[np.float32] = np.arange(256, dtype=np.float32) / np.float32(255)


def read_rgb(view: memoryview, stored: Stored, where: str) -> NDArray[np.float32]:
    """The RGB image [H, W, 3] in [0, 1]; a read-only view where float32 is stored.

    Args:
        view: The shard.
        stored: Where the image lies.
        where: File and record, for messages.

    Raises:
        DataError: It cannot be decoded, or a value is not finite or not in its range.
    """
    values = _values(view, stored, "rgb_image", where)
    if values.dtype != np.uint8:
        _check_rgb(values, where)
    if values.dtype.kind in "ui":
        return np.take(_SCALED, values)
    return values.astype(np.float32, copy=False)


def read_hs(
    view: memoryview, stored: Stored, where: str
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """The cube [h, w, bands]: uint8 as stored, anything else as float32; a view where it can be.

    Args:
        view: The shard.
        stored: Where the cube lies.
        where: File and record, for messages.

    Raises:
        DataError: It cannot be decoded, or a value is not finite.
    """
    values = _values(view, stored, "hs_image", where)
    if values.dtype == np.uint8:
        return values
    _check_hs(values, where)
    return values.astype(np.float32, copy=False)


def check_images(view: memoryview, record: Record, where: str) -> None:
    """Refuses images that cannot be decoded or have values that none can have.

    Plain uint8 cannot be wrong: nothing is read of it.

    Args:
        view: The shard.
        record: Where its images lie.
        where: File and record, for messages.

    Raises:
        DataError: As `read_rgb` and `read_hs`.
    """
    if record.rgb.storage != Storage.U8:
        values = _values(view, record.rgb, "rgb_image", where)
        if values.dtype != np.uint8:
            _check_rgb(values, where)
    if record.hs.storage != Storage.U8:
        read_hs(view, record.hs, where)


def raw_rgb(
    view: memoryview, stored: Stored, where: str
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """The RGB image [H, W, 3] of a record whose values were checked, without scaling it.

    uint8 where 8 bits are stored (raw, PNG, JPEG, int32 from 0 to 255), else float32 in [0, 1]; a
    read-only view of the shard where uint8 or float32 lies in it. The rest as `read_rgb`.
    """
    if stored.storage == Storage.U8:  # the quick way: hardly any Python around the view
        return np.ndarray((stored.height, stored.width, 3), np.uint8, view, stored.start)
    values = _values(view, stored, "rgb_image", where)
    if values.dtype.kind in "ui":
        return values.astype(np.uint8, copy=False)
    return values.astype(np.float32, copy=False)


def raw_hs(view: memoryview, stored: Stored, where: str) -> NDArray[np.uint8] | NDArray[np.float32]:
    """The cube [h, w, bands] of a record whose values were checked; else as `read_hs`."""
    if stored.storage == Storage.U8:
        shape = stored.height, stored.width, stored.channels
        return np.ndarray(shape, np.uint8, view, stored.start)
    values = _values(view, stored, "hs_image", where)
    return values if values.dtype == np.uint8 else values.astype(np.float32, copy=False)


def _check_rgb(values: NDArray[Any], where: str) -> None:
    if values.dtype == _F32 and values.view(_BITS).max() <= _BITS_OF_1:
        return
    top, unit = (255.0, "[0, 255]") if values.dtype == np.int32 else (1.0, "[0, 1]")
    # A NaN anywhere makes both ends NaN, and NaN is in no range.
    low, high = float(values.min()), float(values.max())
    if not (low >= -RGB_OVERSHOOT and high <= top + RGB_OVERSHOOT):
        odd = int(values.size - np.isfinite(values).sum())
        found = f"{odd} NaN or infinite values" if odd else f"values from {low:g} to {high:g}"
        raise DataError(
            f"{where}: rgb_image has {found}; expected finite values in {unit}: scale or clean "
            "the image before writing it"
        )


def _check_hs(values: NDArray[Any], where: str) -> None:
    if values.dtype == _F32 and values.view(_BITS).max() < _BITS_OF_INF:
        return
    low, high = float(values.min()), float(values.max())
    largest = float(np.finfo(np.float32).max)
    if not (low >= -largest and high <= largest):
        odd = int(values.size - np.isfinite(values).sum())
        found = f"{odd} NaN or infinite values" if odd else f"values from {low:g} to {high:g}"
        raise DataError(
            f"{where}: hs_image has {found}; expected finite float32 numbers: clean the cube "
            "before writing it"
        )


def _values(view: memoryview, stored: Stored, name: str, where: str) -> NDArray[Any]:
    shape = (stored.height, stored.width, stored.channels)
    storage = Storage(stored.storage)
    try:
        if dtype := _RAW.get(storage):
            flat = np.frombuffer(view, dtype, prod(shape), stored.start)
        elif storage is Storage.FLOATS:
            flat = float_values(view, stored.start, stored.stop)
        elif storage is Storage.ENCODED:
            with Image.open(BytesIO(view[stored.start : stored.stop])) as image:
                flat = np.asarray(image.convert("RGB"))
        else:
            flat = listed_values(
                view, stored.start, stored.stop, _TENSOR_DTYPE[storage], prod(shape)
            )
        return flat.reshape(shape)
    except (MalformedError, *PILLOW_ERRORS) as error:
        raise DataError(
            f"{where}: {name} cannot be decoded ({error}); expected an intact image: write the "
            "record again"
        ) from error
