"""Few-shot training parts."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.data.shots import few, without
from bimae.data.splits import Split
from bimae.errors import ConfigError

LABELS = ["b", "a", None, "a", "b", "a", "a", "b", "c", "c"]
SPLIT = Split(tuple(range(7)), (7, 8), (9,), "by hand", seed=3, ratios=(0.7, 0.2, 0.1))


def test_the_train_part_is_replaced_and_nothing_else():
    found = few(SPLIT, LABELS, 2, seed=0)
    assert set(found.train) <= set(SPLIT.train)
    assert Counter(LABELS[i] for i in found.train) == {"a": 2, "b": 2}
    assert (found.val, found.test) == (SPLIT.val, SPLIT.test)
    assert (found.seed, found.ratios) == (SPLIT.seed, SPLIT.ratios)
    assert found.how == "by hand; 2 training samples of each class, seed 0"


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=60), st.integers(0, 9), st.data())
def test_exactly_so_many_of_each_class_and_nested(labels, seed, data):
    split = Split(tuple(range(len(labels))), (), (), "all")
    most = min(Counter(labels).values())
    shots = data.draw(st.integers(1, most))
    found = few(split, labels, shots, seed)
    assert Counter(labels[i] for i in found.train) == dict.fromkeys(set(labels), shots)
    assert list(found.train) == sorted(set(found.train))
    assert set(found.train) <= set(few(split, labels, most, seed).train)
    backwards = Split(split.train[::-1], (), (), "all")
    assert few(backwards, labels, shots, seed).train == found.train


def test_another_seed_draws_others():
    split = Split(tuple(range(200)), (), (), "all")
    labels = ["ab"[i % 2] for i in range(200)]
    assert few(split, labels, 5, 0).train != few(split, labels, 5, 1).train


def test_every_class_that_has_too_few_is_named():
    with pytest.raises(ConfigError) as told:
        few(SPLIT, LABELS, 5, seed=0)
    assert str(told.value) == (
        "shots=5: 2 classes have fewer training samples (a 4, b 2); take at most 2 shots, all "
        "samples, or leave these classes out"
    )


def test_no_shots_no_seed_and_no_labels_are_refused():
    with pytest.raises(ConfigError, match=r"shots=0.*\nseed=-1"):
        few(SPLIT, LABELS, 0, seed=-1)
    with pytest.raises(ConfigError, match="no training sample has a label"):
        few(SPLIT, [None] * 10, 1, seed=0)


def test_classes_are_taken_out_of_every_part():
    split = Split((0, 1, 2, 3), (5, 7), (8, 9), "by hand")
    found = without(split, LABELS, ["b"])
    assert (found.train, found.val, found.test) == ((1, 2, 3), (5,), (8, 9))
    assert found.how == "by hand; without b"


def test_what_cannot_be_left_out_is_told_at_once():
    with pytest.raises(ConfigError) as told:
        without(SPLIT, LABELS, ["a", "d", "b", "b"])
    assert str(told.value).splitlines() == [
        "leave_out names 'd', which is no class of these data; they have a, b, c",
        "leave_out names 'b' twice",
        "leave_out takes 2 of 3 classes; at least two must be left",
    ]
