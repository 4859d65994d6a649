"""isal and zlib make the same bytes, and the same errors."""

import gzip
import io
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.data.tfrecord import inflate as module
from bimae.data.tfrecord.inflate import inflate, size_hint
from bimae.errors import DataError

HERE = Path("x.tfrecord.gz")
PLAIN = bytes(range(256)) * 40 + b"end"
NAMED = b"\x1f\x8b\x08\x08" + bytes(6) + b"name\0" + gzip.compress(PLAIN)[10:]
STREAMS = {
    "gzip": gzip.compress(PLAIN),
    "zlib": zlib.compress(PLAIN),
    "stored": gzip.compress(PLAIN, 0),
    "named": NAMED,
    "members": gzip.compress(PLAIN[:99]) + bytes(5) + gzip.compress(PLAIN[99:]) + bytes(9),
}


def inflated(data: bytes) -> bytes | str:
    out = io.BytesIO()
    try:
        inflate(io.BytesIO(data), out, HERE)
    except DataError as error:
        return str(error)
    return out.getvalue()


def by_zlib(data: bytes) -> bytes | str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_fast", None)
        return inflated(data)


@pytest.fixture
def isal():
    return pytest.importorskip("isal.isal_zlib")


@pytest.mark.parametrize("kind", STREAMS)
def test_whole_streams(kind):
    assert inflated(STREAMS[kind]) == by_zlib(STREAMS[kind]) == PLAIN


def test_a_stream_longer_than_what_is_read_at_once(isal):
    plain = os.urandom(3 * module._PIECE) + bytes(50 * module._PIECE)
    data = gzip.compress(plain, 1) + bytes(2 * module._READ) + gzip.compress(b"more")
    assert inflated(data) == plain + b"more"


@given(kind=st.sampled_from(sorted(STREAMS)), data=st.data())
def test_damaged_streams(kind, data):
    stream = bytearray(STREAMS[kind])
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = bytes(stream)[: data.draw(st.integers(0, len(stream)))]
    for broken in (bytes(stream), cut, bytes(stream) + b"junk"):
        assert inflated(broken) == by_zlib(broken)


def test_isal_is_what_inflates(isal, monkeypatch):
    monkeypatch.setattr(module, "zlib", None)
    assert inflated(STREAMS["gzip"]) == PLAIN


def test_without_isal():
    code = (
        "import sys; sys.modules['isal'] = None\n"
        "import gzip, io, pathlib\n"
        "from bimae.data.tfrecord import inflate\n"
        "out = io.BytesIO()\n"
        "inflate.inflate(io.BytesIO(gzip.compress(b'abc')), out, pathlib.Path('x'))\n"
        "sys.exit(out.getvalue() != b'abc' or inflate._fast is not None)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_size_that_a_file_tells():
    assert size_hint(io.BytesIO(STREAMS["gzip"])) == len(PLAIN)
    assert size_hint(io.BytesIO(b"short")) == 0
    followed = io.BytesIO(STREAMS["gzip"] + b"\xff" * 4)
    assert size_hint(followed) == len(followed.getvalue())
