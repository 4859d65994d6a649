"""Prediction sets on made-up probabilities."""

import json
from dataclasses import asdict
from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bimae.errors import ConfigError, DataError, ModelError
from bimae.predict.conformal import (
    Conformal,
    covered,
    covered_by,
    fewest,
    fit_conformal,
    may_fall_outside,
)
from bimae.predict.temperature import probabilities


def made_up(samples: int, seed: int = 0, classes: int = 5, noise: float = 1.0):
    """Probabilities and truth; the last classes are rarer and harder."""
    rng = np.random.default_rng(seed)
    shares = 0.5 ** np.arange(classes)
    truth = rng.choice(classes, samples, p=shares / shares.sum())
    logits = rng.normal(size=(samples, classes)) * (noise + truth[:, None] / 2)
    return probabilities(logits + 2 * np.eye(classes)[truth]), truth


@given(st.integers(0, 5000), st.integers(1, 99))
def test_the_rank_is_that_of_the_finite_sample_quantile(n: int, percent: int) -> None:
    """In whole numbers: 0.1 of 10 is 1, and not 0 as floating point may say."""
    alpha = percent / 100
    exact = Fraction(percent, 100)
    from_below = ceil((n + 1) * (1 - exact))
    assert may_fall_outside(n, alpha) == n + 1 - from_below
    assert (may_fall_outside(n, alpha) > 0) == (n >= fewest(alpha))
    assert (fewest(0.1), fewest(0.05), fewest(0.01), fewest(0.3)) == (9, 19, 99, 3)


def test_the_threshold_by_hand() -> None:
    true = np.arange(1, 20) / 20  # 0.05 to 0.95
    said = np.stack([true, 1 - true], axis=1)
    found = fit_conformal(said, np.zeros(19, int), alpha=0.1)
    assert found.threshold == 0.1  # the second least of 19
    assert fit_conformal(said, np.zeros(19, int), alpha=0.05).threshold == 0.05
    expected = [[True, True], [False, True], [True, False], [True, True]]
    # 0.1 reaches the threshold; what is below it is in the set only if it is the likeliest
    assert found.sets([[0.1, 0.9], [0.09, 0.91], [0.95, 0.05], [0.5, 0.5]]).tolist() == expected


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("samples", [19, 60, 201])
def test_new_samples_are_covered_on_the_average(alpha: float, samples: int) -> None:
    """The mean over calibration sets is at least 1 - alpha, as promised, and near it where sets
    are not made larger by their likeliest class."""
    shares, bare = [], []
    for seed in range(400):
        said, truth = made_up(samples + 100, seed)
        found = fit_conformal(said[:samples], truth[:samples], alpha=alpha)
        shares.append(covered(found.sets(said[samples:]), truth[samples:]).coverage)
        true = said[np.arange(len(truth)), truth][samples:]
        bare.append((true >= found.threshold).mean())
    j = may_fall_outside(samples, alpha)
    assert np.mean(shares) > 1 - alpha - 0.006  # three standard errors
    assert np.mean(bare) == pytest.approx(1 - j / (samples + 1), abs=0.008)


def test_each_class_is_covered_where_thresholds_are_of_each() -> None:
    said, truth = made_up(20000, 3)
    new, wanted = made_up(20000, 4)
    all_alike = fit_conformal(said, truth, alpha=0.1)
    each = fit_conformal(said, truth, alpha=0.1, per_class=True)
    assert not each.fallback and len(set(each.thresholds)) == 5
    rare = covered_by(all_alike.sets(new), wanted, list(wanted))[4]
    assert rare.coverage < 0.85
    for told in covered_by(each.sets(new), wanted, list(wanted)).values():
        assert told.coverage > 0.88


def test_a_class_with_few_samples_is_held_to_the_threshold_of_all() -> None:
    said, truth = made_up(200, 1, classes=3)
    keep = np.flatnonzero((truth != 2) | (np.cumsum(truth == 2) <= 8))
    found = fit_conformal(said[keep], truth[keep], alpha=0.1, per_class=True)
    assert (found.fallback, found.samples[2]) == ((2,), 8)
    assert found.thresholds[2] == found.threshold
    assert "1 of 3 classes have fewer than 9" in found.note
    same = fit_conformal(said[keep], truth[keep], alpha=0.1)
    assert same.thresholds == (same.threshold,) * 3
    assert same.note == ""


@pytest.mark.parametrize("per_class", [False, True])
def test_too_few_samples_name_every_class_and_say_so(per_class: bool) -> None:
    said, truth = made_up(18)
    found = fit_conformal(said, truth, alpha=0.05, per_class=per_class)
    assert found.sets(said).all()
    assert "18 calibration samples are too few for alpha 0.05, which takes 19" in found.note
    enough, truth = made_up(19)
    assert fit_conformal(enough, truth, alpha=0.05).note == ""


def test_it_can_be_written_down() -> None:
    said, truth = made_up(50)
    found = fit_conformal(said, truth, alpha=np.float32(0.1), per_class=True)
    again = json.loads(json.dumps(asdict(found)))
    again = Conformal(**{k: tuple(v) if isinstance(v, list) else v for k, v in again.items()})
    assert again == found
    np.testing.assert_array_equal(again.sets(said), found.sets(said))


@given(
    arrays(np.float64, (12, 3), elements=st.floats(-20, 20, width=16)),
    st.lists(st.integers(0, 2), min_size=12, max_size=12),
    st.floats(0.01, 0.99),
    st.booleans(),
)
def test_sets_are_never_empty_and_grow_as_alpha_falls(logits, truth, alpha, per_class) -> None:
    said = probabilities(logits)
    found = fit_conformal(said, truth, alpha=alpha, per_class=per_class)
    sets = found.sets(said)
    assert sets.any(axis=1).all()
    assert sets[np.arange(12), said.argmax(axis=1)].all()
    looser = fit_conformal(said, truth, alpha=alpha / 2).sets(said)
    if not per_class:
        assert (sets <= looser).all()
    # of those that it was fitted on, no more than j miss
    j = may_fall_outside(12, alpha)
    assert (~fit_conformal(said, truth, alpha=alpha).sets(said)[np.arange(12), truth]).sum() <= j
    order = np.random.default_rng(0).permutation(12)
    again = fit_conformal(said[order], np.array(truth)[order], alpha=alpha, per_class=per_class)
    assert again == found


def test_coverage_by_hand() -> None:
    sets = np.array([[True, False, False], [True, True, False], [True, True, True]])
    told = covered(sets, [0, 2, 2])
    assert (told.samples, told.coverage, told.size, told.single) == (3, 2 / 3, 2.0, 1 / 3)
    by = covered_by(sets, [0, 2, 2], ["a", "b", "a"])
    assert list(by) == ["a", "b"]
    assert (by["a"].coverage, by["a"].size, by["b"].coverage) == (1.0, 2.0, 0.0)


def test_what_cannot_be_done_is_told() -> None:
    with pytest.raises(ConfigError, match="alpha is 1"):
        fit_conformal([[0.5, 0.5]], [0], alpha=1.0)
    with pytest.raises(DataError, match="no labelled sample"):
        fit_conformal(np.empty((0, 2)), [])
    with pytest.raises(ModelError, match="not all are finite"):
        fit_conformal([[np.nan, 0.5]], [0])
    with pytest.raises(DataError, match="no labelled sample"):
        covered(np.empty((0, 2), bool), [])
