"""What is wrong with the data is told in one line: file, record, found, expected."""

import gzip
import io
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bimae.data import open_dataset, write_tfrecords
from bimae.errors import DataError
from tests.data.small_samples import features, sample, write_records


def read_all(path):
    return [(s.id, s.label, s.group, s.rgb.tobytes(), s.hs.tobytes()) for s in open_dataset(path)]


def refusal(path) -> str:
    with pytest.raises(DataError) as error:
        read_all(path)
    message = str(error.value)
    assert "\n" not in message and "expected" in message
    return message


@pytest.fixture(scope="module")
def shard(tmp_path_factory) -> bytes:
    made = [sample(i, group="g", bands=2) for i in range(3)]
    (path,) = write_tfrecords(tmp_path_factory.mktemp("good"), made)
    return path.read_bytes()


def any_of(examples: int):
    fine = [HealthCheck.function_scoped_fixture]
    return settings(max_examples=examples, deadline=None, suppress_health_check=fine)


@given(st.data())
@any_of(250)
def test_any_flipped_bit_is_noticed(shard, data):
    bit = data.draw(st.integers(0, len(shard) * 8 - 1))
    damaged = bytearray(shard)
    damaged[bit // 8] ^= 1 << bit % 8
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.tfrecord"
        path.write_bytes(damaged)
        message = refusal(path)
    assert re.search(r"x\.tfrecord: record [012]: ", message)


@given(st.data())
@any_of(120)
def test_any_truncation_is_noticed(shard, data):
    size = data.draw(st.integers(0, len(shard) - 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.tfrecord"
        path.write_bytes(shard)
        whole = read_all(path)
        path.write_bytes(shard[:size])
        try:
            # A file that ends between two records is a shorter file, and no less true.
            got = read_all(path)
            assert got == whole[: len(got)] and 0 < len(got) < 3
        except DataError as error:
            assert "truncated" in str(error) or "empty" in str(error) or "only" in str(error)


@pytest.mark.parametrize("name", ["x.tfrecord", "x.tfrecord.gz"])
@given(data=st.data())
@any_of(60)
def test_any_damage_of_a_compressed_shard_is_noticed(shard, name, data):
    packed = gzip.compress(shard, mtime=0)
    bit = data.draw(st.integers(0, len(packed) * 8 - 1))
    damaged = bytearray(packed)
    damaged[bit // 8] ^= 1 << bit % 8
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(shard)
        whole = read_all(path)
        for broken in (damaged, packed[: bit // 8]):
            path.write_bytes(broken)
            try:
                assert read_all(path) == whole  # a bit of the header that means nothing
            except DataError as error:
                assert name in str(error)


def test_truncated_file(shared, tmp_path):
    source = shared / "fixtures/tfrecords/a_schema-00000-of-00002.tfrecord"
    path = tmp_path / "cut.tfrecord"
    path.write_bytes(source.read_bytes()[:-1000])
    assert re.search(
        r"cut\.tfrecord: record 2: the file is truncated: found 61\d+ bytes, expected 61\d+",
        refusal(path),
    )


def test_flipped_bit(shared, tmp_path):
    path = tmp_path / "flip.tfrecord"
    shutil.copy(shared / "fixtures/tfrecords/a_schema-00000-of-00002.tfrecord", path)
    with path.open("r+b") as file:
        file.seek(900_000)
        byte = file.read(1)[0]
        file.seek(900_000)
        file.write(bytes([byte ^ 4]))
    message = refusal(path)
    assert re.search(
        r"flip\.tfrecord: record 1: damaged bytes .*: found checksum \w{8}, expected \w{8}", message
    )


def test_a_shard_damaged_after_it_was_indexed(tmp_path, shard):
    path = tmp_path / "x.tfrecord"
    path.write_bytes(shard)
    read_all(path)
    path.write_bytes(shard[:-20] + b"\xff" + shard[-19:])
    assert "record 2: damaged" in refusal(path)


def test_empty_file(tmp_path):
    path = tmp_path / "empty.tfrecord"
    path.touch()
    assert "empty.tfrecord: the file is empty (0 bytes)" in refusal(path)


def png(mode="RGB", size=(2, 2), kind="PNG") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind)
    return out.getvalue()


def test_png_called_tfrecord(tmp_path):
    path = tmp_path / "seed.tfrecord"
    path.write_bytes(png())
    assert "seed.tfrecord: record 0: not a TFRecord file: found a PNG image" in refusal(path)


def test_folder_without_records(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert "found no TFRecords among 1 files" in refusal(tmp_path)


def floats(count, value=0.5):
    return np.full(count, value, np.float32)


def tensor(dtype: int, *shape: int, content: bytes) -> bytes:
    sizes = b"".join(bytes([0x12, 2, 8, size]) for size in shape)
    head = bytes([8, dtype, 0x12, len(sizes)]) + sizes
    return head + bytes([0x22, len(content)]) + content


BAD = {
    "no hs": ({"hs_image": None}, "no feature hs_image: found id, label, rgb_image; expected"),
    "no rgb": ({"rgb_image": None}, "no feature rgb_image: found hs_image, id, label; expected"),
    "hs count": ({"hs_image": bytes(575)}, r"hs_image has 575 bytes, expected 24\*24\*bands"),
    "hs floats": ({"hs_image": floats(577)}, r"hs_image has 577 floats, expected 24\*24\*bands"),
    "hs empty": ({"hs_image": b""}, "hs_image has 0 bytes"),
    "hs size": (
        {"hs_image": bytes(100), "hs_size": [5, 5, 3]},
        r"hs_image has 100 bytes, expected 75 values \(5x5x3\) as hs_size says",
    ),
    "hs ints": ({"hs_image": [1, 2]}, "hs_image holds an int64_list, expected one bytes value"),
    "bad size": ({"hs_size": [5, -5, 3]}, r"hs_size is \[5, -5, 3\], expected three positive"),
    "text size": ({"hs_size": b"5"}, "hs_size is a bytes_list, expected three positive"),
    "rgb count": ({"rgb_image": floats(13)}, r"rgb_image has 13 floats, expected n\*n\*3"),
    "rgb none": ({"rgb_image": floats(0)}, "rgb_image has 0 floats"),
    "rgb bytes": ({"rgb_image": bytes(13)}, r"rgb_image has 13 bytes, expected n\*n\*3"),
    "rgb 4 channels": (
        {"rgb_image": floats(16), "rgb_size": [2, 2, 4]},
        "rgb_image has 4 channels, expected 3",
    ),
    "rgb NaN": (
        {"rgb_image": floats(12, np.nan)},
        "rgb_image has 12 NaN or infinite values; expected",
    ),
    "rgb inf": ({"rgb_image": floats(12, np.inf)}, "12 NaN or infinite values; expected finite"),
    "rgb 255": ({"rgb_image": floats(12, 255)}, r"255 to 255; expected finite values in \[0, 1\]"),
    "hs NaN": (
        {"hs_image": floats(576, np.nan)},
        "hs_image has 576 NaN or infinite values; expected",
    ),
    "hs inf": ({"hs_image": floats(576, -np.inf)}, "576 NaN or infinite values; expected finite"),
    "label": ({"label": b"caf\xe9"}, "label is b'caf.*, expected UTF-8"),
    "float label": ({"label": floats(1)}, "label is a float_list, expected a bytes_list"),
    "two labels": ({"label": [1, 2]}, "label is a int64_list of 2 values, expected one"),
    "png size": (
        {"rgb_image": png(), "rgb_size": [3, 2, 3]},
        "rgb_image is 2x2 pixels, expected 3x2 as rgb_size says",
    ),
    "png cut": ({"rgb_image": png(size=(90, 90))[:60]}, "rgb_image cannot be decoded"),
    "png head": ({"rgb_image": png()[:20]}, "cannot be opened"),
    "png deep": ({"rgb_image": png("I;16")}, "PNG of mode I;16, expected 8 bits"),
    "tensor type": (
        {"rgb_image": tensor(9, 2, 2, 3, content=bytes(96))},
        "serialised tensor of TensorFlow type 9, expected uint8",
    ),
    "tensor shape": (
        {"rgb_image": tensor(4, 2, 6, content=bytes(12))},
        r"serialised tensor of shape \[2, 6\], expected three sizes",
    ),
    "tensor size": (
        {"rgb_image": tensor(4, 2, 2, 3, content=bytes(11))},
        "serialised tensor of 11 bytes, expected 12",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_records(tmp_path, case):
    changes, words = BAD[case]
    path = write_records(tmp_path / "x.tfrecord", features(), features(**changes))
    message = refusal(path)
    assert re.search(rf"x\.tfrecord: record 1: .*{words}", message), message


GOOD = {
    "raw floats": ({"rgb_image": floats(12, 0.25).tobytes()}, 0.25),
    "raw bytes": ({"rgb_image": bytes([51]) * 12}, 0.2),
    "raw bytes of known size": ({"rgb_image": bytes([51]) * 18, "rgb_size": [2, 3, 3]}, 0.2),
    "raw bytes like floats": ({"rgb_image": bytes([51]) * 48}, 0.2),
    "png": ({"rgb_image": png()}, 0),
    "grey png": ({"rgb_image": png("L"), "rgb_size": [2, 2, 3]}, 0),
    "jpeg": ({"rgb_image": png(size=(16, 16), kind="JPEG")}, 0),
    "uint8 tensor": ({"rgb_image": tensor(4, 2, 2, 3, content=bytes([51]) * 12)}, 0.2),
    "half tensor": (
        {"rgb_image": tensor(19, 2, 2, 3, content=np.full(12, 0.5, "<f2").tobytes())},
        0.5,
    ),
    "int32 tensor": (
        {"rgb_image": tensor(3, 2, 2, 3, content=np.full(12, 51, "<i4").tobytes())},
        0.2,
    ),
    "double tensor": (
        {"rgb_image": tensor(2, 2, 2, 3, content=np.full(12, 0.5, "<f8").tobytes())},
        0.5,
    ),
    "a hair above 1": ({"rgb_image": floats(12, 1.0005)}, 1.0005),
}


@pytest.mark.parametrize("case", GOOD)
def test_every_way_to_store_rgb(tmp_path, case):
    changes, value = GOOD[case]
    path = write_records(tmp_path / "x.tfrecord", features(**changes))
    (got,) = open_dataset(path, rgb_size=None)
    assert got.rgb.dtype == np.float32 and got.rgb.shape[2] == 3
    np.testing.assert_allclose(got.rgb, value, atol=1e-6)


def test_labels_of_other_kinds(tmp_path):
    path = write_records(
        tmp_path / "x.tfrecord",
        features(label=[17]),
        features(label=None, **{"class": b"b. napus"}),
        features(label=b""),
        features(label="löwenzahn".encode()),
    )
    assert open_dataset(path).labels == ["17", "b. napus", None, "löwenzahn"]
