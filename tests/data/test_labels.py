"""Samples without a label are left aside, part by part."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from bimae.data.labels import labelled, left_aside, with_label
from bimae.data.splits import Split
from bimae.errors import DataError

LABELS = ["a", None, "b", "a", None, None, "b", None]
SPLIT = Split((0, 1, 2), (3, 4), (5, 6), "by hand", seed=3, ratios=(0.7, 0.2, 0.1))


def data(labels):
    return SimpleNamespace(root=Path("data/mine"), labels=labels)


def test_what_has_no_label_goes_and_the_rest_stays_in_its_part():
    found = labelled(SPLIT, data(LABELS))
    assert (found.train, found.val, found.test) == ((0, 2), (3,), (6,))
    assert found.how == "by hand; labelled samples alone"
    assert (found.seed, found.ratios) == (SPLIT.seed, SPLIT.ratios)
    assert labelled(found, data(LABELS)) is found  # nothing more to say
    assert labelled(SPLIT, data(["a"] * 8)) is SPLIT


def test_no_label_at_all():
    with pytest.raises(DataError, match=r"^data/mine: none of 7 samples has a label.*--labels"):
        labelled(SPLIT, data([None] * 8), needed=())


def test_a_part_without_any_is_told_where_it_is_needed():
    labels = ["a", "b", "b", None, None, None, None, None]
    with pytest.raises(DataError, match=r"none of 2 val samples has a label \(by hand\)") as e:
        labelled(SPLIT, data(labels))
    assert "of all 7 samples 3 have one" in str(e.value)
    assert "bimae data split data/mine --by class-balanced" in str(e.value)
    assert labelled(SPLIT, data(labels), needed=("train",)).test == ()
    empty = Split((0, 1), (), (5,), "by hand")
    assert labelled(empty, data(labels)).val == ()  # had none before


def test_words():
    assert left_aside([None] * 1800 + ["a"] * 200) == (
        "1,800 of 2,000 samples have no label and are left aside"
    )
    assert left_aside([None, "a"]) == "1 of 2 samples has no label and is left aside"
    assert left_aside(["a"]) == ""
    assert with_label((4, 3, 0, 1), LABELS) == (3, 0)
