"""Protocol Buffers' wire format: tags, varints and length-delimited fields, both directions.

Only what `tf.train.Example` and `TensorProto` need. Lengths are never trusted: a field that
reaches beyond the message that holds it is `MalformedError`.
"""

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
_FIXED_SIZE = {FIXED64: 8, FIXED32: 4}


class MalformedError(ValueError):
    """Bytes that are no message; whoever knows file and record turns this into a DataError."""


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: Field number.
        wire: Wire type: VARINT, FIXED64, DELIMITED or FIXED32.
        start: First byte of its content in the buffer; of a varint, the number itself.
        stop: The byte after its content; of a varint, the byte after it.
    """

    number: int
    wire: int
    start: int
    stop: int


def read_varint(view: memoryview, position: int, stop: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits and the position after it.

    Raises:
        MalformedError: It runs beyond `stop` or beyond 64 bits.
    """
    # Most numbers are of one byte.
    if position < stop and (byte := view[position]) < 0x80:
        return byte, position + 1
    value = shift = 0
    while position < stop:
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                break
            return value, position
        shift += 7
        if shift > 63:
            break
    raise MalformedError(f"a number at byte {position} of the file does not end where it should")


def fields(view: memoryview, start: int, stop: int) -> Iterator[Field]:
    """The fields of the message in `view[start:stop]`, in order.

    Raises:
        MalformedError: A field reaches beyond the message, or its wire type is unknown.
    """
    position = start
    while position < stop:
        tag, position = read_varint(view, position, stop)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise MalformedError(f"field number 0 at byte {position} of the file")
        if wire == VARINT:
            value, position = read_varint(view, position, stop)
            yield Field(number, wire, value, position)
            continue
        if wire == DELIMITED:
            size, position = read_varint(view, position, stop)
        elif wire in _FIXED_SIZE:
            size = _FIXED_SIZE[wire]
        else:
            raise MalformedError(f"wire type {wire} at byte {position} of the file")
        if size > stop - position:
            raise MalformedError(
                f"a field of {size} bytes at byte {position} of the file, where {stop - position} "
                "bytes are left"
            )
        yield Field(number, wire, position, position + size)
        position += size


def signed(value: int) -> int:
    """An int64 from the unsigned number that stands for it."""
    return value - (1 << 64) if value >> 63 else value


def varint(value: int) -> bytes:
    """A number (an int64 or unsigned) as a varint."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def delimited(number: int, *parts: bytes | memoryview) -> bytes:
    """Field `number` holding the bytes of `parts`, one after the other."""
    size = sum(len(part) for part in parts)
    return b"".join([varint(number << 3 | DELIMITED), varint(size), *parts])
