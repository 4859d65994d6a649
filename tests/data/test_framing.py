import gzip
import struct
import zlib
from pathlib import Path

import pytest
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

from bimae.data.tfrecord.cache import Stamp
from bimae.data.tfrecord.framing import footer, frames, header, masked_crc, recognise
from bimae.data.tfrecord.mapping import map_records
from bimae.errors import DataError
from tests.data.small_samples import frame

HERE = Path("x.tfrecord")


def test_crc_is_crc32c():
    # The check value of CRC-32C (RFC 3720) and its masked form.
    assert crc32c(b"123456789") == 0xE3069283
    assert masked_crc(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) % 2**32


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_frames_give_back_the_payloads(payloads):
    data = memoryview(b"".join(map(frame, payloads)))
    assert [bytes(data[f.start : f.stop]) for f in frames(data, HERE)] == payloads


def test_compression_is_recognised_by_content():
    plain = frame(b"x" * 100)
    assert recognise(plain[:64], HERE) == "none"
    assert recognise(gzip.compress(plain)[:64], HERE) == "gzip"
    for level in (0, 1, 6, 9):
        assert recognise(zlib.compress(plain, level)[:64], HERE) == "zlib"


def test_a_length_that_looks_like_gzip_is_still_a_record():
    size = 0x8B1F
    assert header(size)[:2] == b"\x1f\x8b"
    assert recognise(frame(bytes(size))[:64], HERE) == "none"


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "a JPEG image"),
        (b"PK\x03\x04" + bytes(20), "ZIP"),
        (b"\x89HDF\r\n\x1a\n" + bytes(20), "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b'{"name": "json of some kind"}', "text"),
        (b"\x01\x02\x03", "only 3 bytes"),
        (bytes(64), "checksum does not match"),
    ],
)
def test_what_is_no_tfrecord_is_named(head, words):
    with pytest.raises(DataError, match=r"x\.tfrecord") as error:
        recognise(head, HERE)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_length_beyond_the_file_is_not_believed():
    huge = struct.pack("<Q", 2**63)
    data = huge + struct.pack("<I", masked_crc(huge)) + b"abc" + footer(b"abc")
    with pytest.raises(DataError, match=r"record 0.*truncated.*found 7.*expected 9223"):
        list(frames(memoryview(data), HERE))


def _mapped(path: Path) -> bytes:
    return bytes(map_records(path, Stamp.of(path)))


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_compressed_files_inflate(tmp_path, compress):
    plain = frame(bytes(3_000_000)) + frame(b"end")
    path = tmp_path / "x.tfrecord"
    path.write_bytes(compress(plain))
    assert _mapped(path) == plain
    assert _mapped(path) == plain  # from the cache
    assert [p.name for p in tmp_path.iterdir()] == ["x.tfrecord"]


def test_gzip_of_several_members_and_zero_padding(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(frame(b"a")) + bytes(5) + gzip.compress(frame(b"b")) + bytes(99))
    assert _mapped(path) == frame(b"a") + frame(b"b")


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_damaged_streams(tmp_path, compress):
    path = tmp_path / "x.tfrecord"
    data = compress(frame(bytes(range(256)) * 40))
    path.write_bytes(data[:-7])
    with pytest.raises(DataError, match=rf"truncated: found {len(data) - 7} bytes"):
        _mapped(path)
    path.write_bytes(data[: len(data) // 2] + b"\xff\xff" + data[len(data) // 2 + 2 :])
    with pytest.raises(DataError, match=r"damaged compressed data|truncated"):
        _mapped(path)
    path.write_bytes(data + b"more")
    with pytest.raises(DataError, match="follow the end of the stream"):
        _mapped(path)
    path.write_bytes(compress(b""))
    with pytest.raises(DataError, match="holds 0 bytes"):
        _mapped(path)


def test_inflating_works_without_a_cache_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BIMAE_CACHE", str(tmp_path / "file" / "cache"))
    path = tmp_path / "x.tfrecord"
    path.write_bytes(gzip.compress(frame(b"a")))
    assert _mapped(path) == frame(b"a")
