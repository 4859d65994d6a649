"""Images as stored, and shards opened several at a time."""

import io
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bimae.data import write_tfrecords
from bimae.data.tfrecord import decode
from bimae.data.tfrecord import shard as module
from bimae.data.tfrecord.example import encode_example
from bimae.data.tfrecord.shard import Shard, fit_in_cache, open_shards
from bimae.errors import DataError
from tests.data.small_samples import features, frame, sample, write_records

PIXELS = np.arange(12, dtype=np.uint8).reshape(2, 2, 3) * 20 + 9


def png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, "PNG")
    return out.getvalue()


def tensor(dtype: int, content: bytes) -> bytes:
    sizes = b"".join(bytes([0x12, 2, 8, size]) for size in (2, 2, 3))
    return bytes([8, dtype, 0x12, 12]) + sizes + bytes([0x22, len(content)]) + content


EIGHT_BITS = {
    "raw": PIXELS.tobytes(),
    "png": png(),
    "uint8 tensor": tensor(4, PIXELS.tobytes()),
    "int32 tensor": tensor(3, PIXELS.astype("<i4").tobytes()),
}
FLOATS = {
    "float list": (PIXELS / np.float32(255)).ravel(),
    "raw": (PIXELS / np.float32(255)).astype("<f4").tobytes(),
    "double tensor": tensor(2, (PIXELS / 255).astype("<f8").tobytes()),
    "half tensor": tensor(19, (PIXELS / 256).astype("<f2").tobytes()),
}


@pytest.mark.parametrize("kind", EIGHT_BITS)
def test_eight_bits_come_unscaled(tmp_path, kind):
    image = EIGHT_BITS[kind]
    shard = Shard(write_records(tmp_path / "x", features(rgb_image=image, rgb_size=[2, 2, 3])))
    raw = shard.raw_rgb(0)
    assert raw.dtype == np.uint8
    np.testing.assert_array_equal(raw, PIXELS)
    np.testing.assert_array_equal(shard.rgb(0), PIXELS / np.float32(255))


@pytest.mark.parametrize("kind", FLOATS)
def test_anything_else_comes_as_floats(tmp_path, kind):
    image = FLOATS[kind]
    shard = Shard(write_records(tmp_path / "x", features(rgb_image=image, rgb_size=[2, 2, 3])))
    assert shard.raw_rgb(0).dtype == np.float32
    np.testing.assert_array_equal(shard.raw_rgb(0), shard.rgb(0))


@pytest.mark.parametrize("cube", [bytes(range(192)) * 3, np.linspace(-9, 9, 576, dtype="<f4")])
def test_spectra(tmp_path, cube):
    shard = Shard(write_records(tmp_path / "x", features(hs_image=cube)))
    assert shard.raw_hs(0).dtype == shard.hs(0).dtype
    np.testing.assert_array_equal(shard.raw_hs(0), shard.hs(0))


def test_what_lies_in_the_file_is_not_copied(tmp_path):
    shard = Shard(write_records(tmp_path / "x", features(rgb_image=bytes(27))))
    whole = np.frombuffer(shard._mapped(), np.uint8)
    for image in (shard.raw_rgb(0), shard.raw_hs(0)):
        assert np.shares_memory(image, whole) and not image.flags.writeable


NUMBERS = st.one_of(
    st.floats(width=32), st.sampled_from([-0.0, 1.0, 1.0005, 1.1, -0.0005, -0.1, np.inf])
)


@given(st.lists(NUMBERS, min_size=3, max_size=12))
def test_the_quick_look_at_floats_refuses_and_takes_the_same(numbers):
    values = np.array(numbers, "<f4")
    for check in (decode._check_rgb, decode._check_hs):
        verdicts = []
        for quick in (True, False):
            with pytest.MonkeyPatch.context() as patch:
                if not quick:
                    patch.setattr(decode, "_F32", None)
                try:
                    verdicts.append(check(values, "x"))
                except DataError as error:
                    verdicts.append(str(error))
        assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_several_are_opened_at_a_time(tmp_path, monkeypatch, compression):
    paths = write_tfrecords(
        tmp_path, [sample(i) for i in range(6)], samples_per_shard=2, compression=compression
    )
    monkeypatch.setattr(module, "_processors", lambda: 3)
    together = threading.Barrier(3, timeout=30)  # broken unless three threads meet
    load = module.load_index

    def meet(path, stamp):
        together.wait()
        return load(path, stamp)

    monkeypatch.setattr(module, "load_index", meet)
    shards = open_shards(paths)
    assert [shard.path for shard in shards] == paths
    assert [name for shard in shards for name in shard.index.ids] == [f"seed-{i}" for i in range(6)]
    np.testing.assert_array_equal(shards[2].hs(1), sample(5).hs)


def test_the_first_of_several_damaged_files_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_processors", lambda: 4)
    paths = [write_records(tmp_path / f"{i}.tfrecord", features()) for i in range(4)]
    for number in (3, 1):
        paths[number].write_bytes(paths[number].read_bytes()[:-1])
    with pytest.raises(DataError, match=r"1\.tfrecord: record 0: the file is truncated"):
        open_shards(paths)


def test_what_a_copy_takes(tmp_path):
    made = [sample(i) for i in range(2)]
    (plain,) = write_tfrecords(tmp_path / "a", made)
    (packed,) = write_tfrecords(tmp_path / "b", made, compression="gzip")
    assert Shard(plain).copy_size == 0
    assert Shard(packed).copy_size == plain.stat().st_size


def test_how_many_fit_into_the_cache(tmp_path, monkeypatch):
    made = [sample(i, rgb=20 + 10 * i) for i in range(3)]
    plain = write_tfrecords(tmp_path / "a", made, samples_per_shard=1)
    sizes = [path.stat().st_size for path in plain]
    shards = open_shards(
        write_tfrecords(tmp_path / "b", made, samples_per_shard=1, compression="gzip")
    )
    monkeypatch.setattr(module.room, "limit", lambda: sizes[2] + sizes[1])
    assert fit_in_cache(open_shards(plain)) == 3  # mapped where they lie
    assert fit_in_cache(shards) == 2
    assert fit_in_cache(shards[:2]) == 2
    monkeypatch.setattr(module.room, "limit", lambda: sizes[2] + sizes[1] - 1)
    assert fit_in_cache(shards) == 1  # though two others would fit
    monkeypatch.setattr(module.room, "limit", lambda: 0)
    assert fit_in_cache(shards) == 1
    assert fit_in_cache([]) == 0


def test_a_shard_is_prepared_before_it_is_read(tmp_path):
    (path,) = write_tfrecords(tmp_path, [sample(0)], compression="gzip")
    shard = Shard(path)
    shard.prepare()
    path.unlink()
    np.testing.assert_array_equal(shard.hs(0), sample(0).hs)


def test_records_of_any_alignment(tmp_path):
    payloads = [
        encode_example(features(id=b"x" * n, rgb_image=np.full(12, 0.5, np.float32)))
        for n in range(1, 9)
    ]
    path = tmp_path / "x.tfrecord"
    path.write_bytes(b"".join(map(frame, payloads)))
    shard = Shard(path)
    assert all((shard.rgb(n) == 0.5).all() for n in range(8))
