"""Bytes that `layout` found -> arrays; views of the shard where its bytes allow it."""

from io import BytesIO
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bimae.data.tfrecord.example import float_values
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
    if values.dtype == np.uint8:
        return np.take(_SCALED, values)
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
    if values.dtype == np.int32:
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
    low, high = float(values.min()), float(values.max())
    largest = float(np.finfo(np.float32).max)
    if not (low >= -largest and high <= largest):
        odd = int(values.size - np.isfinite(values).sum())
        found = f"{odd} NaN or infinite values" if odd else f"values from {low:g} to {high:g}"
        raise DataError(
            f"{where}: hs_image has {found}; expected finite float32 numbers: clean the cube "
            "before writing it"
        )
    return values.astype(np.float32, copy=False)


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
