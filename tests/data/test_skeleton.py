"""Records recognised by the bytes between their values are read as records taken apart."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.data.tfrecord import skeleton
from bimae.data.tfrecord.example import encode_example
from bimae.data.tfrecord.framing import Frame
from bimae.data.tfrecord.layout import find_record
from bimae.data.tfrecord.skeleton import RecordFinder
from bimae.data.tfrecord.wire import delimited
from bimae.errors import DataError
from tests.data.small_samples import features

HERE = Path("x.tfrecord")


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Nothing is known from the shards of other tests."""
    monkeypatch.setattr(skeleton, "_KNOWN", {})


@pytest.fixture
def apart(monkeypatch):
    """Numbers of the records that were taken apart, in order."""
    numbers = []
    find = skeleton.find_record_and_features

    def counted(view, start, stop, where):
        numbers.append(int(where.split()[-1]))
        return find(view, start, stop, where)

    monkeypatch.setattr(skeleton, "find_record_and_features", counted)
    return numbers


def laid(payloads):
    """Payloads in one buffer, not aligned to anything, and where they lie."""
    view, frames = b"", []
    for payload in payloads:
        view += b"#" * 3
        frames.append(Frame(len(view), len(view) + len(payload), 0))
        view += payload
    return memoryview(view), frames


def outcome(find, *given):
    try:
        return find(*given)
    except DataError as error:
        return re.sub("0x[0-9a-f]+", "", str(error))  # Pillow tells where an object lies


def check(payloads):
    view, frames = laid(payloads)
    finder = RecordFinder(view, HERE)
    for number, frame in enumerate(frames):
        where = f"{HERE}: record {number}"
        apart = outcome(find_record, view, frame.start, frame.stop, where)
        assert outcome(finder.find, frame, number) == apart


def floats(count, value=0.5):
    return np.full(count, value, np.float32)


def test_records_that_are_alike_are_taken_apart_once(apart):
    payloads = [
        encode_example(
            features(id=b"seed-%d" % n, label=b"ab"[n % 2 : n % 2 + 1], hs_image=bytes([n]) * 576)
        )
        for n in range(9, 13)
    ]
    check(payloads)
    assert apart == [0, 1]  # an id of 6 letters, and one of 7


@pytest.mark.parametrize(
    "changed",
    [
        {"rgb_image": bytes([9]) * 27, "rgb_size": [3, 3, 3]},
        {"rgb_image": bytes([9]) * 27},
        {"rgb_image": bytes(192 * 192 * 3)},
        {"rgb_image": bytes(range(1, 193)) * 192 * 12},
        {"hs_image": floats(576)},
        {"hs_image": floats(9).tobytes(), "hs_size": [3, 3, 1]},
        {"label": [300], "group": [-1]},
        {"label": None, "class": b"b"},
        {"id": None, "label": None},
        {"id": b"", "label": []},
        {"note": b"whatever", "temperature": floats(3), "label": b"caf\xc3\xa9"},
    ],
)
def test_whatever_a_record_is_made_of(apart, changed):
    check([encode_example(features(**changed))] * 3)
    assert apart == [0]


@pytest.mark.parametrize(
    "first", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\x08\x04\x12\x00", b"\xff\xff\xff\xff"]
)
def test_bytes_that_begin_like_an_encoded_image(apart, first):
    plain, cube = bytes([7]) * 27, bytes([7]) * 576
    made = [
        (plain, cube),
        (first + plain[len(first) :], cube),
        (plain, first + cube[len(first) :]),
        (plain, cube),
    ]
    check(
        [
            encode_example(features(rgb_image=image, rgb_size=[3, 3, 3], hs_image=spectra))
            for image, spectra in made
        ]
    )
    assert apart == ([0] if first == b"\xff" * 4 else [0, 1, 2])


def test_bytes_that_are_floats_or_an_image_of_twice_the_side():
    pixels, numbers = bytes([200]) * 48, floats(12).tobytes()
    check([encode_example(features(rgb_image=image)) for image in (pixels, numbers) * 2])


def test_a_text_that_is_none_after_one_that_is():
    check([encode_example(features(label=text)) for text in (b"abcd", b"ab\xff\xfe", b"abce")])


def test_a_feature_given_twice():
    payload = encode_example(features())
    again = encode_example({"label": b"z"})
    inner = payload[3:] if payload[1] > 0x7F else payload[2:]
    twice = delimited(1, inner, again[2:])
    check([twice, payload, twice.replace(b"\x01z", b"\x01y"), twice])


value = st.one_of(
    st.binary(max_size=6),
    st.lists(st.integers(-3, 300), max_size=2),
    st.lists(st.floats(0, 1, width=32), max_size=3).map(lambda x: np.array(x, np.float32)),
)
image = st.one_of(
    st.binary(min_size=27, max_size=27),
    st.just(bytes(range(1, 13))),
    st.just(floats(12)),
    st.just(floats(12).tobytes()),
    st.none(),
)
record = st.fixed_dictionaries(
    {
        "id": st.none() | st.binary(max_size=3),
        "rgb_image": image,
        "hs_image": st.sampled_from([bytes(576), bytes([8]) * 576, floats(576), b"", None]),
        "label": st.none() | value,
        "class": st.none() | value,
        "other": st.none() | value,
        "rgb_size": st.sampled_from([None, None, [3, 3, 3], [2, 2, 3]]),
    }
)


@given(st.lists(record, min_size=1, max_size=4), st.data())
def test_any_records_whole_or_damaged(records, data):
    payloads = []
    for made in records * 2:
        given = {name: value for name, value in made.items() if value is not None}
        payloads.append(encode_example(given))
        damaged = bytearray(payloads[-1])
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        payloads.append(bytes(damaged))
    check(payloads)


def test_no_more_is_kept_than_is_worth_it():
    view, frames = laid(
        [encode_example(features(id=bytes([65]) * n)) for n in range(1, 2 * skeleton._MOST)]
    )
    finder = RecordFinder(view, HERE)
    for number, frame in enumerate(frames):
        finder.find(frame, number)
    assert sum(map(len, skeleton._KNOWN.values())) == skeleton._MOST
