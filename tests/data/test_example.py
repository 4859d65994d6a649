import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.data.tfrecord.example import (
    Feature,
    Kind,
    byte_ranges,
    encode_example,
    find_features,
    float_values,
    int64_values,
    packed_floats,
)
from bimae.data.tfrecord.tensor import find_tensor, listed_values
from bimae.data.tfrecord.wire import MalformedError, delimited, read_varint, signed, varint

INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES = st.one_of(
    st.binary(max_size=20),
    st.lists(INT64, max_size=5),
    st.lists(st.floats(width=32, allow_nan=False), max_size=5).map(
        lambda values: np.array(values, np.float32)
    ),
)


def read(view: memoryview, feature: Feature):
    if feature.kind is Kind.BYTES:
        return [bytes(view[slice(*span)]) for span in byte_ranges(view, feature)]
    if feature.kind is Kind.INT64:
        return int64_values(view, feature)
    return float_values(view, feature.start, feature.stop).tolist()


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_round_trip(features):
    view = memoryview(encode_example(features))
    found = find_features(view, 0, len(view))
    assert list(found) == list(features)
    for name, value in features.items():
        expected = [value] if isinstance(value, bytes) else list(value)
        assert read(view, found[name]) == expected


@given(INT64)
def test_varints(number):
    encoded = memoryview(varint(number))
    value, end = read_varint(encoded, 0, len(encoded))
    assert (signed(value), end) == (number, len(encoded))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    view = memoryview(data)
    try:
        for feature in find_features(view, 0, len(view)).values():
            assert 0 <= feature.start <= feature.stop <= len(view)
            read(view, feature)
    except MalformedError:
        pass


@given(st.binary(max_size=60), st.integers(0, 59), st.integers(0, 255))
def test_changed_examples_are_read_or_refused(blob, place, byte):
    data = bytearray(encode_example({"a": blob, "b": [1, 2**40], "c": np.ones(3, np.float32)}))
    data[place % len(data)] = byte
    view = memoryview(bytes(data))
    try:
        for feature in find_features(view, 0, len(view)).values():
            read(view, feature)
    except MalformedError:
        pass


def test_lists_that_are_not_packed():
    floats = np.array([0.25, -1, 3e5], np.float32)
    unpacked = b"".join(b"\x0d" + value.tobytes() for value in floats)
    mixed = delimited(1, floats[:2].tobytes()) + b"\x0d" + floats[2].tobytes()
    for encoded in (unpacked, mixed):
        feature = Feature(Kind.FLOAT, 0, len(encoded))
        assert packed_floats(memoryview(encoded), feature) is None
        assert float_values(memoryview(encoded), 0, len(encoded)).tolist() == floats.tolist()
    numbers = memoryview(b"\x08\x05" + b"\x08" + varint(-3) + delimited(1, varint(7)))
    assert int64_values(numbers, Feature(Kind.INT64, 0, len(numbers))) == [5, -3, 7]


def test_agrees_with_google_protobuf():
    pool = pytest.importorskip("google.protobuf.descriptor_pool")
    descriptor = pytest.importorskip("google.protobuf.descriptor_pb2")
    factory = pytest.importorskip("google.protobuf.message_factory")
    kind = descriptor.FieldDescriptorProto
    file = descriptor.FileDescriptorProto(name="e.proto", package="t", syntax="proto3")

    def message(name, *fields):
        added = file.message_type.add(name=name)
        for number, (field, type_, label, type_name) in enumerate(fields, 1):
            added.field.add(
                name=field, number=number, type=type_, label=label, type_name=type_name or None
            )
        return added

    one, many = kind.LABEL_OPTIONAL, kind.LABEL_REPEATED
    message("BytesList", ("value", kind.TYPE_BYTES, many, ""))
    message("FloatList", ("value", kind.TYPE_FLOAT, many, ""))
    message("Int64List", ("value", kind.TYPE_INT64, many, ""))
    message(
        "Feature",
        ("bytes_list", kind.TYPE_MESSAGE, one, ".t.BytesList"),
        ("float_list", kind.TYPE_MESSAGE, one, ".t.FloatList"),
        ("int64_list", kind.TYPE_MESSAGE, one, ".t.Int64List"),
    )
    features = message("Features", ("feature", kind.TYPE_MESSAGE, many, ".t.Features.FeatureEntry"))
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=kind.TYPE_STRING, label=one)
    entry.field.add(
        name="value", number=2, type=kind.TYPE_MESSAGE, label=one, type_name=".t.Feature"
    )
    message("Example", ("features", kind.TYPE_MESSAGE, one, ".t.Features"))
    own = pool.DescriptorPool()
    own.Add(file)
    example = factory.GetMessageClass(own.FindMessageTypeByName("t.Example"))()

    ours = {"id": b"\xc3\xa9", "size": [1, -5, 2**62], "rgb": np.array([0.5, 1], np.float32)}
    example.ParseFromString(encode_example(ours))
    feature = example.features.feature
    assert list(feature["id"].bytes_list.value) == [ours["id"]]
    assert list(feature["size"].int64_list.value) == ours["size"]
    assert list(feature["rgb"].float_list.value) == [0.5, 1]
    theirs = memoryview(example.SerializeToString())
    found = find_features(theirs, 0, len(theirs))
    assert read(theirs, found["size"]) == ours["size"]
    assert read(theirs, found["id"]) == [ours["id"]]
    assert read(theirs, found["rgb"]) == [0.5, 1]


def tensor(dtype: int, shape: tuple[int, ...], *rest: bytes) -> memoryview:
    sizes = b"".join(delimited(2, b"\x08" + varint(size)) for size in shape)
    return memoryview(b"\x08" + varint(dtype) + delimited(2, sizes) + b"".join(rest))


def test_tensor_with_content():
    proto = tensor(4, (2, 3, 1), delimited(4, b"abcdef"))
    found = find_tensor(proto, 0, len(proto))
    assert found is not None
    assert (found.dtype, found.shape) == (4, (2, 3, 1))
    assert bytes(proto[found.start : found.stop]) == b"abcdef"


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (1, delimited(5, np.array([1, 2], "<f4").tobytes()), [1, 2, 2, 2]),
        (2, delimited(6, np.array([1, 2, 3, 4], "<f8").tobytes()), [1, 2, 3, 4]),
        (3, delimited(7, varint(-4) + varint(9)), [-4, 9, 9, 9]),
        (4, b"\x38\x07", [7, 7, 7, 7]),
        (19, delimited(13, varint(0x3C00) + varint(0x4000)), [1, 2, 2, 2]),
    ],
)
def test_tensor_with_listed_values(dtype, values, expected):
    proto = tensor(dtype, (2, 2), values)
    found = find_tensor(proto, 0, len(proto))
    assert found is not None and found.start == found.stop
    assert listed_values(proto, 0, len(proto), dtype, 4).tolist() == expected


def test_tensorboards_own_tensor_proto_agrees():
    proto = pytest.importorskip("tensorboard.compat.proto.tensor_pb2").TensorProto(
        dtype=1, tensor_content=np.arange(6, dtype="<f4").tobytes()
    )
    for size in (1, 2, 3):
        proto.tensor_shape.dim.add(size=size)
    data = memoryview(proto.SerializeToString())
    found = find_tensor(data, 0, len(data))
    assert found is not None and found.shape == (1, 2, 3)
    assert np.frombuffer(data, "<f4", 6, found.start).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("fill", range(256))
def test_raw_bytes_are_no_tensor(fill):
    raw = memoryview(bytes([8]) + bytes([fill]) * 575)
    assert find_tensor(raw, 0, len(raw)) is None
