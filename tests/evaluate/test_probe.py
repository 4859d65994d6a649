"""Probes on made-up features."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import f1_score

from bimae.evaluate.classification import score
from bimae.evaluate.frozen import Part, Parts
from bimae.evaluate.probe import (
    NEIGHBOURS,
    PENALTIES,
    SHRINKAGES,
    _folds,
    knn_probe,
    lda_probe,
    linear_probe,
)


def made_up(
    counts: tuple[int, ...], seed: int = 0, *, apart: float = 4.0, group: int | None = None
) -> Part:
    """Samples of as many classes as counts, each around a corner of its own in five dimensions."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(counts)), counts)
    rows = rng.normal(size=(len(truth), 5)) + apart * np.eye(5)[truth]
    groups = [None if group is None else f"g{i // group}" for i in range(len(truth))]
    return Part([f"{seed}-{i}" for i in range(len(truth))], rows, truth, groups)


NONE = Part([], np.empty((0, 5)), np.empty(0, np.int64), [])
PROBES = [linear_probe, knn_probe, lda_probe]
SETTINGS = {linear_probe: PENALTIES, knn_probe: NEIGHBOURS, lda_probe: SHRINKAGES}


@pytest.mark.parametrize("probe", PROBES)
def test_classes_that_lie_apart_are_told_apart(probe) -> None:
    parts = Parts(
        ("a", "b", "c"), made_up((20, 20, 20)), made_up((9, 9, 9), 1), made_up((9,) * 3, 2)
    )
    done = probe(parts)
    assert done.chosen_by == "val"
    assert score(done.predictions).macro_f1 > 0.9
    np.testing.assert_allclose(done.predictions.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert done.predictions.keys == parts.test.keys
    # noise is not told apart: the figures are of the test part, not of what was learned
    noise = replace(parts, test=made_up((60, 60, 60), 3, apart=0))
    assert score(probe(noise).predictions).accuracy < 0.55


@pytest.mark.parametrize("probe", PROBES)
def test_the_setting_is_the_best_one_on_val(probe) -> None:
    parts = Parts(
        ("a", "b"), made_up((40, 40), apart=1), made_up((30, 30), 1, apart=1), made_up((5, 5))
    )
    done = probe(parts)
    assert done.tried[done.setting] == max(done.tried.values())
    assert len(set(done.tried.values())) > 1
    assert set(done.tried) == set(SETTINGS[probe])
    # test samples have no say in it
    assert probe(replace(parts, test=made_up((5, 5), 9))).setting == done.setting
    # samples of train once more, whose labels are noise: their nearest neighbour alone knows them
    if probe is knn_probe:
        truth = np.random.default_rng(0).permutation(parts.train.truth)
        mixed = replace(parts.train, truth=truth)
        assert probe(Parts(("a", "b"), mixed, mixed, parts.test)).tried[1.0] == 1.0


def test_neighbours_vote_by_angle_the_nearer_the_more() -> None:
    angles = np.array([0.0, 10.0, 30.0, 40.0, 80.0])
    truth = np.array([0, 1, 1, 2, 2])

    def part(degrees: NDArray[np.float64], truth: NDArray[np.int64], length: float) -> Part:
        turned = np.deg2rad(degrees)
        rows = length * np.stack([np.cos(turned), np.sin(turned)], axis=1)
        return Part([str(d) for d in degrees], rows, truth, [None] * len(truth))

    asked = part(np.array([4.0, 38.0]), np.array([0, 2]), 7.0)
    parts = Parts(("a", "b", "c"), part(angles, truth, 1.0), NONE_2D, asked)
    done = knn_probe(parts)
    k = int(done.setting)
    expected = np.zeros((2, 3))
    for row, degrees in enumerate((4.0, 38.0)):
        distance = 1 - np.cos(np.deg2rad(angles - degrees))
        near = np.argsort(distance)[:k]
        np.add.at(expected[row], truth[near], 1 / distance[near])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(done.predictions.probabilities, expected, rtol=1e-4)


NONE_2D = Part([], np.empty((0, 2)), np.empty(0, np.int64), [])


@pytest.mark.parametrize("probe", PROBES)
def test_a_class_that_was_never_seen_is_never_the_answer(probe) -> None:
    train = made_up((9, 0, 9))
    done = probe(Parts(("a", "b", "c"), train, NONE, made_up((5, 5, 5), 1)))
    assert done.chosen_by == "cross-validation"
    assert (done.predictions.probabilities[:, 1] == 0).all()
    one = probe(Parts(("a", "b", "c"), made_up((0, 4, 0)), NONE, made_up((5, 5, 5), 1)))
    assert (one.predictions.probabilities[:, 1] == 1).all()


@pytest.mark.parametrize("probe", PROBES)
def test_one_shot_without_val_takes_the_setting_wanted_first(probe) -> None:
    done = probe(
        Parts(("a", "b", "c"), made_up((1, 1, 1), apart=9), NONE, made_up((4, 4, 4), 1, apart=9))
    )
    assert (done.chosen_by, done.tried) == ("default", {})
    assert done.setting == (3.0 if probe is knn_probe else 1.0)
    # three samples say little about which features are noise, which standardising then enlarges
    assert score(done.predictions).accuracy >= (0.5 if probe is linear_probe else 0.9)


@pytest.mark.parametrize("probe", [linear_probe, lda_probe])
def test_balanced_finds_more_of_the_rare(probe) -> None:
    parts = Parts(("a", "b"), made_up((90, 6), apart=1), NONE, made_up((100, 100), 1, apart=1))
    recall = [
        score(probe(parts, balanced=balanced).predictions).per_class[1].recall
        for balanced in (False, True)
    ]
    assert recall[1] > recall[0] + 0.1


def test_lda_is_that_of_the_library_where_that_can_be_asked() -> None:
    """Ledoit and Wolf's shrinkage is of each class by itself: standardising changes nothing."""
    parts = Parts(("a", "b", "c"), made_up((30, 9, 20), apart=1), NONE, made_up((9,) * 3, 2))
    scaled = replace(parts.train, features=parts.train.features * [1, 9, 0.1, 3, 70] + 5)
    for balanced in (False, True):
        done = lda_probe(parts, balanced=balanced)
        again = lda_probe(
            replace(
                parts,
                train=scaled,
                test=replace(parts.test, features=parts.test.features * [1, 9, 0.1, 3, 70] + 5),
            ),
            balanced=balanced,
        )
        said = done.predictions.probabilities
        np.testing.assert_allclose(again.predictions.probabilities, said, atol=1e-4)
        assert again.tried == done.tried
        assert list(done.tried) == ["auto", 0.01, 0.1, 0.5, 0.9]
        if done.setting == "auto":
            theirs = LinearDiscriminantAnalysis(
                solver="lsqr", shrinkage="auto", priors=[1 / 3] * 3 if balanced else None
            ).fit(parts.train.features, parts.train.truth)
            expected = theirs.predict_proba(parts.test.features)
            np.testing.assert_allclose(said, expected, atol=1e-5)
    assert done.setting == "auto"


@pytest.mark.parametrize(
    ("counts", "setting"), [((1, 1, 1), 1.0), ((2, 2, 2), 0.1), ((1, 1, 2), 0.1), ((3, 1, 1), None)]
)
@pytest.mark.filterwarnings("error")
def test_lda_of_few_samples(counts: tuple[int, ...], setting: float | None) -> None:
    """Of two samples of a class, Ledoit and Wolf find no shrinkage; of one, nothing is known."""
    test = made_up((9, 9, 9), 1, apart=9)
    done = lda_probe(Parts(("a", "b", "c"), made_up(counts, apart=9), NONE, test))
    assert score(done.predictions).accuracy > 0.6
    if setting is None:
        assert "auto" in done.tried
    else:
        assert done.setting == setting
        assert "auto" not in done.tried


@pytest.mark.parametrize("wide", [3, 200])
def test_lda_where_samples_of_a_class_are_copies(wide: int) -> None:
    rows = np.repeat(np.random.default_rng(0).normal(size=(3, wide)), 4, axis=0)
    rows[:, 1] = 7.0  # a feature that tells nothing
    train = Part([str(i) for i in range(12)], rows, np.repeat([0, 1, 2], 4), [None] * 12)
    done = lda_probe(Parts(("a", "b", "c"), train, train, train))
    assert score(done.predictions).accuracy == 1
    assert np.isfinite(done.predictions.probabilities).all()


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=5).filter(lambda counts: sum(counts) > 0),
    st.sampled_from([None, 1, 2, 3]),
    st.integers(0, 3),
)
def test_folds_hold_each_sample_once_and_keep_groups_whole(
    counts: list[int], group: int | None, seed: int
) -> None:
    part = made_up(tuple(counts), group=group)
    folds = _folds(part, seed)
    assert len(folds) != 1
    if max(counts) < 2 and group is None:
        assert not folds
    if folds:
        held = np.concatenate(folds)
        assert sorted(held) == list(range(len(part)))
        fold_of = {int(i): n for n, fold in enumerate(folds) for i in fold}
        seen: dict[str | None, set[int]] = {}
        for i, name in enumerate(part.groups):
            if name is not None:
                seen.setdefault(name, set()).add(fold_of[i])
        if len(seen) > 1:
            assert all(len(numbers) == 1 for numbers in seen.values())
    again = _folds(part, seed)
    assert all(np.array_equal(a, b) for a, b in zip(folds, again, strict=True))


@settings(max_examples=15)
@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=4).filter(lambda counts: sum(counts) > 0),
    st.booleans(),
)
def test_any_few_samples_are_learned_from(counts: list[int], val: bool) -> None:
    train = made_up(tuple(counts))
    every = (2,) * len(counts)
    classes = tuple("abcd"[: len(counts)])
    parts = Parts(classes, train, made_up(every, 1) if val else NONE, made_up(every, 2))
    for probe in PROBES:
        done, again = probe(parts), probe(parts)
        said = done.predictions.probabilities
        np.testing.assert_array_equal(said, again.predictions.probabilities)
        np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-5)
        assert set(done.predictions.predicted) <= set(train.truth)
        if done.tried:
            assert done.tried[done.setting] == max(done.tried.values())


def test_val_is_judged_by_macro_f1() -> None:
    """A rare class counts as much as a common one when C is chosen."""
    parts = Parts(("a", "b"), made_up((60, 5), apart=1.5), made_up((60, 5), 1, apart=1.5), NONE)
    parts = replace(parts, test=parts.val)
    done = linear_probe(parts)
    truth, said = parts.val.truth, done.predictions.predicted
    assert done.tried[done.setting] == pytest.approx(f1_score(truth, said, average="macro"))


@pytest.mark.parametrize("probe", PROBES)
def test_the_answers_are_those_of_the_chosen_setting(probe) -> None:
    settings = set()
    for seed in range(0, 12, 2):
        val = made_up((20, 20), seed + 1, apart=1.5)
        done = probe(Parts(("a", "b"), made_up((30, 30), seed, apart=1.5), val, val))
        settings.add(done.setting)
        found = score(done.predictions).macro_f1
        assert found == pytest.approx(done.tried[done.setting])
    assert len(settings) > 1


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("copies", [1, 3])
def test_cross_validation_does_not_ask_for_what_it_learned(probe, copies: int) -> None:
    """Labels are noise here; whoever has seen a sample, or a copy of its group, knows them."""
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(60, 50)), copies, axis=0)
    truth = np.repeat(rng.permutation(np.arange(60) % 2), copies)
    groups = [None if copies == 1 else f"g{i // copies}" for i in range(len(rows))]
    train = Part([str(i) for i in range(len(rows))], rows, truth, groups)
    done = probe(Parts(("a", "b"), train, train.take(np.arange(0)), train))
    assert done.chosen_by == "cross-validation"
    assert max(done.tried.values()) < 0.7
    assert score(done.predictions).macro_f1 > 0.8
