import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bimae.data import Sample, open_dataset, write_tfrecords
from bimae.data.tfrecord.example import find_features
from bimae.data.tfrecord.framing import frames
from bimae.errors import ConfigError, DataError
from tests.data.small_samples import sample

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
SIDE = st.integers(1, 7)


@st.composite
def data_sets(draw):
    bands = draw(st.integers(1, 5))
    return [
        sample(
            number,
            rgb=(draw(SIDE), draw(SIDE)),
            hs=draw(st.one_of(st.just(24), st.tuples(SIDE, SIDE))),
            bands=bands,
            dtype=draw(st.sampled_from([np.uint8, np.float32])),
            label=draw(st.none() | TEXT),
            group=draw(st.none() | TEXT),
            id=draw(TEXT),
        )
        for number in range(draw(st.integers(1, 4)))
    ]


@given(data_sets(), st.integers(1, 5), st.sampled_from(["none", "gzip"]))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_round_trip(made, per_shard, compression):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "data"
        shards = write_tfrecords(out, made, samples_per_shard=per_shard, compression=compression)
        assert len(shards) == -(-len(made) // per_shard)
        assert sorted(out.iterdir()) == shards
        ds = open_dataset(out, hs_size=None, rgb_size=None)
        assert len(ds) == len(made)
        for got, given_ in zip(ds, made, strict=True):
            assert (got.id, got.label, got.group) == (given_.id, given_.label, given_.group)
            assert got.hs.dtype == given_.hs.dtype
            np.testing.assert_array_equal(got.rgb, given_.rgb)
            np.testing.assert_array_equal(got.hs, given_.hs)


def feature_names(path: Path) -> list[str]:
    view = memoryview(path.read_bytes())
    frame = next(frames(view, path))
    return list(find_features(view, frame.start, frame.stop))


def test_the_schema(tmp_path):
    usual = sample(0, rgb=192, hs=24, bands=3, label=None)
    other = sample(0, rgb=16, hs=24, bands=3, dtype=np.float32, group="tray 1")
    (a,) = write_tfrecords(tmp_path / "a", [usual])
    (b,) = write_tfrecords(tmp_path / "b", [other])
    assert feature_names(a) == ["id", "rgb_image", "hs_image"]
    sizes = ["rgb_size", "hs_size"]
    assert feature_names(b) == ["id", "rgb_image", "hs_image", *sizes, "label", "group"]


def golden() -> list[Sample]:
    ramp = np.arange(2 * 2 * 3, dtype=np.float32).reshape(2, 2, 3) / np.float32(16)
    cube = np.arange(3 * 3 * 2, dtype=np.uint8).reshape(3, 3, 2)
    return [
        Sample("seed é", "b. napus", "tray 1", ramp, cube),
        Sample("2", None, None, ramp[:1], cube.astype(np.float32) / 4),
    ]


def test_bytes_never_change(tmp_path):
    """What is written today is what others read tomorrow."""
    (plain,) = write_tfrecords(tmp_path / "a", golden())
    (again,) = write_tfrecords(tmp_path / "b", golden())
    assert plain.read_bytes() == again.read_bytes()
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    assert digest == "1986366b05128048a45e37c4c1763f049d918c11251d5f6e4d263708e2707da2"
    (gz,) = write_tfrecords(tmp_path / "c", golden(), compression="gzip")
    (gz_again,) = write_tfrecords(tmp_path / "d", golden(), compression="gzip")
    assert gz.read_bytes() == gz_again.read_bytes()


def test_tensorflow_reads_it(tmp_path):
    tf = pytest.importorskip("tensorflow")
    made = [sample(i, rgb=192, hs=24, bands=4, group="g") for i in range(3)]
    for compression in ("none", "gzip"):
        shards = write_tfrecords(
            tmp_path / compression, made, samples_per_shard=2, compression=compression
        )
        kind = "" if compression == "none" else "GZIP"
        records = list(tf.data.TFRecordDataset([str(s) for s in shards], compression_type=kind))
        assert len(records) == 3
        spec = {
            "id": tf.io.FixedLenFeature([], tf.string),
            "rgb_image": tf.io.FixedLenFeature([192, 192, 3], tf.float32),
            "hs_image": tf.io.FixedLenFeature([], tf.string),
            "label": tf.io.FixedLenFeature([], tf.string),
            "group": tf.io.FixedLenFeature([], tf.string),
        }
        for record, expected in zip(records, made, strict=True):
            got = tf.io.parse_single_example(record, spec)
            assert got["id"].numpy().decode() == expected.id
            np.testing.assert_array_equal(got["rgb_image"].numpy(), expected.rgb)
            cube = tf.io.decode_raw(got["hs_image"], tf.uint8).numpy()
            np.testing.assert_array_equal(cube, expected.hs.ravel())


def test_shard_names(tmp_path):
    made = [sample(i) for i in range(5)]
    shards = write_tfrecords(tmp_path, made, split="val", samples_per_shard=2, compression="gzip")
    assert [s.name for s in shards] == [f"val-0000{i}-of-00003.tfrecord.gz" for i in range(3)]


def nan(array):
    array = array.copy()
    array.flat[-1] = np.nan
    return array


GOOD = sample(0, dtype=np.float32)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rgb": GOOD.rgb.astype(np.float64)}, "float64"),
        ({"rgb": GOOD.rgb[..., :2]}, r"\[4, 4, 2\]"),
        ({"rgb": GOOD.rgb[:0]}, r"\[0, 4, 3\]"),
        ({"rgb": GOOD.rgb * 255}, "scale"),
        ({"rgb": nan(GOOD.rgb)}, "finite"),
        ({"hs": GOOD.hs.astype(np.int32)}, "int32"),
        ({"hs": GOOD.hs[0]}, r"\[3, 5\]"),
        ({"hs": nan(GOOD.hs)}, "1 values that are NaN"),
        ({"id": ""}, "id is ''"),
        ({"id": None}, "id is None"),
        ({"label": ""}, "label is ''"),
        ({"label": 3}, "label is 3"),
        ({"group": "\ud800"}, "group is"),
    ],
)
def test_bad_samples_are_refused_and_nothing_is_left(tmp_path, changes, words):
    out = tmp_path / "data"
    made = [sample(1), sample(2), replace(GOOD, **changes)]
    with pytest.raises(DataError, match=words) as error:
        write_tfrecords(out, made, samples_per_shard=2)
    assert str(error.value).startswith("sample 2 (") and "\n" not in str(error.value)
    assert list(out.iterdir()) == []


def test_a_failing_source_leaves_nothing(tmp_path):
    def source():
        yield sample(0)
        raise RuntimeError("camera unplugged")

    with pytest.raises(RuntimeError, match="unplugged"):
        write_tfrecords(tmp_path, source(), samples_per_shard=1)
    assert list(tmp_path.iterdir()) == []


def test_existing_shards(tmp_path):
    write_tfrecords(tmp_path, [sample(i) for i in range(3)], samples_per_shard=1)
    write_tfrecords(tmp_path, [sample(7)], split="test")
    with pytest.raises(DataError, match="found 3 shards of data"):
        write_tfrecords(tmp_path, [sample(9)])
    with pytest.raises(DataError, match="sample 0"):
        write_tfrecords(tmp_path, [sample(9, label="")], overwrite=True)
    assert len(list(tmp_path.iterdir())) == 4
    (new,) = write_tfrecords(tmp_path, [sample(9)], overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        new.name,
        "test-00000-of-00001.tfrecord",
    ]


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(DataError, match="no samples"):
        write_tfrecords(tmp_path, [])
    for options in ({"split": "../x"}, {"samples_per_shard": 0}, {"compression": "zip"}):
        with pytest.raises(ConfigError):
            write_tfrecords(tmp_path, [sample(0)], **options)
    assert list(tmp_path.iterdir()) == []
