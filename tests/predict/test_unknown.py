"""Scores of strangeness, distances in feature space, and the threshold of rejection."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from bimae.errors import ConfigError, DataError, ModelError
from bimae.predict.mahalanobis import Mahalanobis, fit_mahalanobis
from bimae.predict.temperature import probabilities
from bimae.predict.unknown import (
    detection,
    energy,
    reject_threshold,
    unsureness,
)

SCORES = st.lists(st.integers(-5, 5), min_size=1, max_size=40)


def made_up(samples: int, seed: int = 0, *, far: float = 0.0, wide: int = 6):
    """Features of three classes, one number much larger than the others; `far` off for strangers.

    Strangers leave in a direction in which no class does.
    """
    rng = np.random.default_rng(seed)
    truth = np.arange(samples) % 3
    rows = rng.normal(size=(samples, wide)) + 5 * np.eye(wide)[truth]
    rows[:, -1] += far
    rows[:, 1] *= 1000
    return rows, truth


def test_energy_and_unsureness_by_hand() -> None:
    logits = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(energy(logits), -np.log(np.exp(logits).sum(axis=1)))
    np.testing.assert_allclose(energy(logits, 2.0), -2 * np.log(np.exp(logits / 2).sum(axis=1)))
    np.testing.assert_allclose(unsureness(logits), -np.log(probabilities(logits).max(axis=1)))
    # what probabilities cannot tell apart
    assert unsureness([[40.0, 0.0]]) > unsureness([[41.0, 0.0]]) > 0
    assert energy([[5.0, 5.0]]) > energy([[9.0, 9.0]])


@given(arrays(np.float64, (5, 3), elements=st.floats(-1e6, 1e6)), st.floats(-100, 100))
def test_scores_and_a_shift_of_all_logits(logits, shift: float) -> None:
    np.testing.assert_allclose(energy(logits + shift), energy(logits) - shift, atol=1e-6)
    np.testing.assert_allclose(unsureness(logits + shift), unsureness(logits), atol=1e-6)
    assert (unsureness(logits) >= 0).all()


def test_distances_are_those_of_the_formula() -> None:
    rows, truth = made_up(600)
    rows[:, 1] /= 1000
    found = fit_mahalanobis(rows, truth)
    means = np.stack([rows[truth == k].mean(axis=0) for k in range(3)])
    np.testing.assert_allclose(found.means, means)
    within = rows - means[truth]
    scale = within.std(axis=0)
    theirs = LedoitWolf(assume_centered=True).fit(within / scale)
    assert theirs.shrinkage_ > 1e-3
    covariance = np.cov(within.T, bias=True) * 600 / 597 / np.outer(scale, scale)
    shrunk = (1 - theirs.shrinkage_) * covariance
    shrunk += theirs.shrinkage_ * np.trace(covariance) / 6 * np.eye(6)
    inverse = np.linalg.inv(shrunk * np.outer(scale, scale))
    expected = [[mahalanobis(row, mean, inverse) ** 2 for mean in means] for row in rows[:9]]
    np.testing.assert_allclose(found.distances(rows[:9]), expected)
    np.testing.assert_allclose(found.score(rows[:9]), np.min(expected, axis=1))
    whole = (rows - rows.mean(axis=0)) @ found.whitener_of_all
    np.testing.assert_allclose(found.relative(rows), found.score(rows) - (whole**2).sum(axis=1))
    # new samples of a class lie D from it on the average
    new, numbers = made_up(3000, 1)
    new[:, 1] /= 1000
    own = found.distances(new)[np.arange(3000), numbers]
    assert own.mean() == pytest.approx(6, rel=0.05)


def test_strangers_are_told_from_others() -> None:
    found = fit_mahalanobis(*made_up(300))
    known, unknown = made_up(300, 1)[0], made_up(300, 2, far=6.0)[0]
    threshold = reject_threshold(found.score(made_up(300, 3)[0]))
    told = detection(found.score(known), found.score(unknown), threshold)
    assert told.auroc > 0.99
    assert told.false_accept < 0.1
    assert told.false_reject == pytest.approx(0.05, abs=0.04)
    nothing = detection(found.score(known), found.score(made_up(300, 4)[0]), threshold)
    assert nothing.auroc == pytest.approx(0.5, abs=0.06)


def test_relative_forgets_what_is_strange_to_all() -> None:
    """Of features that vary alike in every sample only noise is left, which is what cancels."""
    rng = np.random.default_rng(0)

    def near(samples: int, at: float):
        rows = rng.normal(size=(samples, 60))
        rows[:, 0] = rng.normal(0, 0.3, samples) + at
        return rows

    rows = np.concatenate([near(400, -1), near(400, 1)])
    found = fit_mahalanobis(rows, np.repeat([0, 1], 400))
    known, unknown = np.concatenate([near(300, -1), near(300, 1)]), near(600, 0)
    truth, asked = [0] * 600 + [1] * 600, np.concatenate([known, unknown])
    plain = roc_auc_score(truth, found.score(asked))
    assert roc_auc_score(truth, found.relative(asked)) > plain + 0.1


def test_it_can_be_stored() -> None:
    found = fit_mahalanobis(*made_up(30))
    again = Mahalanobis.of(found.arrays())
    rows = made_up(9, 5)[0]
    np.testing.assert_array_equal(again.relative(rows), found.relative(rows))
    assert again.classes.dtype == np.int64
    arrays_ = found.arrays()
    with pytest.raises(ModelError, match="do not fit"):
        Mahalanobis.of({**arrays_, "center": np.zeros(2)})
    with pytest.raises(ModelError, match="finite"):
        Mahalanobis.of({**arrays_, "center": np.full(6, np.nan)})
    with pytest.raises(ModelError, match="whitener_of_all missing"):
        Mahalanobis.of({k: v for k, v in arrays_.items() if k != "whitener_of_all"})
    with pytest.raises(ModelError, match="features have 2 numbers, those learned from had 6"):
        found.score(np.zeros((1, 2)))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("samples", [4, 6, 7, 30])
@pytest.mark.parametrize("wide", [6, 200])
def test_few_samples_and_many_features(samples: int, wide: int) -> None:
    rows, truth = made_up(samples, wide=wide)
    rows[:, 3] = 7.1  # a feature that tells nothing
    rows[:, 4] = 0
    found = fit_mahalanobis(rows.astype(np.float32), truth)
    new = made_up(30, 1, wide=wide)[0]
    for score in (found.score(new), found.relative(new)):
        assert np.isfinite(score).all()
    order = np.random.default_rng(0).permutation(samples)
    again = fit_mahalanobis(rows[order].astype(np.float32), truth[order])
    np.testing.assert_allclose(again.score(new), found.score(new), rtol=1e-3)


def test_a_class_that_did_not_occur_has_no_mean() -> None:
    rows, truth = made_up(30)
    found = fit_mahalanobis(rows, 2 * truth)
    assert list(found.classes) == [0, 2, 4]
    assert found.distances(rows).shape == (30, 3)


@given(st.floats(0.1, 50), st.integers(0, 5))
def test_units_of_features_do_not_matter(factor: float, which: int) -> None:
    rows, truth = made_up(40)
    new = made_up(10, 1)[0]
    units = np.ones(6)
    units[which] = factor
    plain, scaled = fit_mahalanobis(rows, truth), fit_mahalanobis(rows * units + 3, truth)
    np.testing.assert_allclose(scaled.score(new * units + 3), plain.score(new), rtol=1e-6)
    np.testing.assert_allclose(
        scaled.relative(new * units + 3), plain.relative(new), rtol=1e-5, atol=1e-6
    )


def test_the_threshold_by_hand() -> None:
    found = reject_threshold(np.arange(1, 20), 0.05)
    assert found.value == 19  # of 19 the highest; only what is above it is rejected
    assert found.rejects([18, 19, 19.5]).tolist() == [False, False, True]
    assert reject_threshold(np.arange(1, 40), 0.05).value == 38
    few = reject_threshold(np.arange(18), 0.05)
    assert few.value == inf and not few.rejects([1e300]).any()
    assert "18 known samples are too few to reject a share of 0.05, which takes 19" in few.note
    assert found.note == ""


@pytest.mark.parametrize("samples", [19, 50, 101])
def test_new_known_samples_are_rejected_at_most_as_often_as_asked(samples: int) -> None:
    rng = np.random.default_rng(samples)
    rejected = [
        reject_threshold(rng.normal(size=samples)).rejects(rng.normal(size=200)).mean()
        for _ in range(2000)
    ]
    assert 0.6 * 0.05 < np.mean(rejected) < 0.05 + 0.003


@given(SCORES, SCORES, st.integers(-6, 6))
def test_auroc_is_that_of_the_library_and_ignores_scale(known, unknown, at: int) -> None:
    threshold = reject_threshold(known, 0.5)
    told = detection(known, unknown, threshold)
    truth = [0] * len(known) + [1] * len(unknown)
    assert told.auroc == pytest.approx(roc_auc_score(truth, known + unknown))
    assert detection(unknown, known, threshold).auroc == pytest.approx(1 - told.auroc)
    grown = detection(np.exp(known), np.exp(unknown), threshold)
    assert grown.auroc == pytest.approx(told.auroc)
    assert told.false_reject <= 0.5
    assert told.false_accept == pytest.approx(np.mean(np.array(unknown) <= threshold.value))


def test_what_cannot_be_done_is_told() -> None:
    with pytest.raises(DataError, match="no class has two samples that differ"):
        fit_mahalanobis(np.eye(3), [0, 1, 2])
    with pytest.raises(DataError, match="no class has two samples that differ"):
        fit_mahalanobis(np.full((4, 3), 0.1), [0, 0, 1, 1])
    with pytest.raises(DataError, match="no labelled sample"):
        fit_mahalanobis(np.empty((0, 3)), [])
    with pytest.raises(DataError, match="no known samples"):
        reject_threshold([])
    with pytest.raises(ModelError, match="not all are finite"):
        reject_threshold([np.nan])
    with pytest.raises(ConfigError, match="share is 0"):
        reject_threshold([1.0], 0.0)
    with pytest.raises(ConfigError, match="above 0"):
        energy([[1.0]], -1.0)
    with pytest.raises(DataError, match="no unknown samples"):
        detection([1.0], [], reject_threshold([1.0]))
