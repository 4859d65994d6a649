"""`TensorProto`, what `tf.io.serialize_tensor` makes of an image."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bimae.data.tfrecord.example import packed_varints
from bimae.data.tfrecord.wire import (
    DELIMITED,
    FIXED32,
    FIXED64,
    VARINT,
    Field,
    MalformedError,
    fields,
)

# TensorFlow's DataType numbers of what an image can be stored as.
DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 4: "|u1", 19: "<f2"}
_CONTENT, _HALF, _FLOAT, _DOUBLE, _INT = 4, 13, 5, 6, 7
_VALUES_OF = {1: _FLOAT, 2: _DOUBLE, 3: _INT, 4: _INT, 19: _HALF}
_FIXED_VALUES = {_FLOAT: ("<f4", FIXED32), _DOUBLE: ("<f8", FIXED64)}


class Tensor(NamedTuple):
    """A tensor's description.

    Attributes:
        dtype: TensorFlow's number of its type; a key of `DTYPES` where it can be read.
        shape: Its sizes.
        start: First byte of `tensor_content`.
        stop: The byte after it; equal to `start` when the values lie in a typed list instead.
    """

    dtype: int
    shape: tuple[int, ...]
    start: int
    stop: int


def find_tensor(view: memoryview, start: int, stop: int) -> Tensor | None:
    """The TensorProto in `view[start:stop]`, or None when these bytes are something else.

    Raw image bytes are never mistaken for one: type and shape must be there, and every byte must
    belong to a field.
    """
    if start == stop or view[start] != 0x08:  # the type comes first
        return None
    dtype = 0
    shape: tuple[int, ...] | None = None
    content = (start, start)
    try:
        for field in fields(view, start, stop):
            if field.number == 1 and field.wire == VARINT:
                dtype = field.start
            elif field.number == 2 and field.wire == DELIMITED:
                shape = _shape(view, field)
            elif field.number == _CONTENT and field.wire == DELIMITED:
                content = (field.start, field.stop)
            elif field.number > 17:
                return None
    except MalformedError:
        return None
    return None if shape is None or not dtype else Tensor(dtype, shape, *content)


def _shape(view: memoryview, field: Field) -> tuple[int, ...]:
    sizes = []
    for dim in fields(view, field.start, field.stop):
        if dim.number == 2 and dim.wire == DELIMITED:
            size = 0
            for part in fields(view, dim.start, dim.stop):
                if part.number == 1 and part.wire == VARINT:
                    size = part.start
            sizes.append(size)
    return tuple(sizes)


def listed_values(view: memoryview, start: int, stop: int, dtype: int, count: int) -> NDArray[Any]:
    """Values of a TensorProto without `tensor_content`, flat.

    Args:
        view: The buffer.
        start: First byte of the TensorProto.
        stop: The byte after it.
        dtype: A key of `DTYPES`.
        count: How many values the shape asks for. TensorFlow leaves out a tail of equal values:
            the last one is repeated.

    Raises:
        MalformedError: There are no values, or more than `count`.
    """
    number = _VALUES_OF[dtype]
    pieces = []
    for field in fields(view, start, stop):
        if field.number != number:
            continue
        if number in _FIXED_VALUES:
            kind, wire = _FIXED_VALUES[number]
            size = field.stop - field.start
            if field.wire not in (DELIMITED, wire) or size % np.dtype(kind).itemsize:
                raise MalformedError("a tensor's list of values is damaged")
            pieces.append(np.frombuffer(view, kind, size // np.dtype(kind).itemsize, field.start))
        elif field.wire == VARINT:
            pieces.append(np.array([field.start], np.uint64))
        elif field.wire == DELIMITED:
            numbers = packed_varints(view, field.start, field.stop)
            pieces.append(np.array(numbers, np.int64).view(np.uint64))
    values = np.concatenate(pieces) if pieces else np.empty(0)
    if not 0 < len(values) <= count:
        raise MalformedError(f"a tensor of {count} values holds {len(values)}")
    if number == _HALF:  # float16 bit patterns stored as integers
        values = values.astype(np.uint16).view("<f2")
    elif number == _INT:
        values = values.view(np.int64).astype(DTYPES[dtype])
    return np.concatenate([values, np.full(count - len(values), values[-1], values.dtype)])
