"""Temperature and calibration error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax as reference

from bimae.errors import ConfigError, DataError, ModelError
from bimae.predict.temperature import (
    LEAST,
    MOST,
    calibration_error,
    fit_temperature,
    log_loss,
    log_softmax,
    probabilities,
)

TABLES = arrays(np.float64, (6, 3), elements=st.floats(-50, 50, width=32))


def said_by(temperature: float, samples: int, classes: int = 4, seed: int = 0):
    """Logits, and truth drawn as they say at a temperature."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(samples, classes))
    odds = probabilities(logits, temperature)
    truth = (odds.cumsum(axis=1) < rng.random((samples, 1))).sum(axis=1)
    return logits, np.minimum(truth, classes - 1)


@given(arrays(np.float64, (4, 3), elements=st.floats(-1e30, 1e30)))
def test_log_softmax_is_finite_and_that_of_the_library(logits) -> None:
    found = log_softmax(logits)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, reference(logits, axis=1), atol=1e-12)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_that_made_the_truth_is_found(temperature: float) -> None:
    logits, truth = said_by(temperature, 20000)
    found = fit_temperature(logits, truth)
    assert found.value == pytest.approx(temperature, rel=0.04)
    assert found.loss_after <= found.loss_before + 1e-4
    assert not found.at_bound
    before = calibration_error(probabilities(logits), truth).error
    after = calibration_error(probabilities(logits, found.value), truth).error
    assert after < 0.015
    assert after < before or temperature == 1


def test_it_is_the_least_of_the_loss_with_one_more_sample() -> None:
    logits, truth = said_by(1.7, 40)

    def loss(temperature: float) -> float:
        table = log_softmax(logits, temperature)
        one_more = np.sort(table, axis=1)[:, -2:].mean()  # of the likeliest class as of the next
        return -(table[np.arange(40), truth].sum() + one_more) / 41

    least = minimize_scalar(loss, bounds=(LEAST, MOST), method="bounded", options={"xatol": 1e-9})
    assert fit_temperature(logits, truth).value == pytest.approx(least.x, rel=1e-5)


@pytest.mark.parametrize(("right", "samples"), [(8, 10), (30, 30), (1, 1), (9, 10)])
def test_two_classes_of_one_margin_become_as_sure_as_samples_bear_out(right, samples) -> None:
    logits = np.tile([2.0, -1.0], (samples, 1))
    truth = np.array([0] * right + [1] * (samples - right))
    found = fit_temperature(logits, truth)
    sure = probabilities(logits, found.value)[0, 0]
    assert sure == pytest.approx((right + 0.5) / (samples + 1), abs=1e-8)


def test_bounds() -> None:
    logits = np.tile([2.0, -1.0], (30, 1))
    worse = fit_temperature(logits, np.ones(30, int))  # always wrong
    assert (worse.value, worse.at_bound) == (MOST, True)
    tiny = fit_temperature(logits / 1000, np.zeros(30, int))
    assert (tiny.value, tiny.at_bound) == (LEAST, True)
    same = fit_temperature(np.full((5, 3), 7.0), np.arange(5) % 3)
    assert (same.value, same.at_bound) == (1.0, False)


@given(TABLES, st.lists(st.integers(0, 2), min_size=6, max_size=6), st.floats(-9, 9))
def test_answers_stay_and_a_shift_of_a_sample_is_nothing(logits, truth, shift: float) -> None:
    found = fit_temperature(logits, truth)
    assert LEAST <= found.value <= MOST
    said = log_softmax(logits, found.value)
    likeliest = logits.argmax(axis=1)
    # distinct logits may become equal probabilities, never change their order
    assert (said[np.arange(6), likeliest] == said.max(axis=1)).all()
    assert found.loss_after == pytest.approx(log_loss(logits, truth, found.value))
    moved = logits + shift * np.arange(6)[:, None]
    if np.ptp(logits, axis=1).max() > 1e-3:
        assert log_loss(moved, truth, fit_temperature(moved, truth).value) == pytest.approx(
            found.loss_after, rel=1e-5, abs=1e-6
        )


def test_calibration_error_by_hand() -> None:
    said = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.0, 1.0]])
    found = calibration_error(said, [0, 1, 1, 0], bins=5)
    # (0.8, 1]: three samples, mean confidence 2.8 / 3, accuracy 1 / 3; (0.4, 0.6]: one, right
    assert found.error == pytest.approx(3 / 4 * (2.8 / 3 - 1 / 3) + 1 / 4 * 0.4)
    assert [b.samples for b in found.bins] == [0, 0, 1, 0, 3]
    assert [(b.low, b.high) for b in found.bins][-1] == pytest.approx((0.8, 1.0))


def test_calibration_error_of_equal_mass() -> None:
    said = np.array([[p, 1 - p] for p in (0.6, 0.7, 0.8, 0.9, 0.9, 0.9)])
    truth = np.array([0, 1, 0, 0, 1, 0])
    found = calibration_error(said, truth, bins=3, by="mass")
    assert [b.samples for b in found.bins] == [2, 4]  # equal ones stay together
    expected = 2 / 6 * abs(0.65 - 0.5) + 4 / 6 * abs(0.875 - 0.75)
    assert found.error == pytest.approx(expected)
    order = np.random.default_rng(0).permutation(6)
    assert calibration_error(said[order], truth[order], bins=3, by="mass") == found
    many, labels = said_by(1.0, 1500)
    sizes = [b.samples for b in calibration_error(probabilities(many), labels, by="mass").bins]
    assert sizes == [100] * 15


@given(TABLES, st.lists(st.integers(0, 2), min_size=6, max_size=6), st.integers(1, 20))
def test_every_sample_is_in_one_bin_and_the_error_in_its_range(logits, truth, bins: int) -> None:
    said = probabilities(logits)
    gap = abs((said.argmax(axis=1) == truth).mean() - said.max(axis=1).mean())
    for by in ("width", "mass"):
        found = calibration_error(said, truth, bins=bins, by=by)
        assert sum(b.samples for b in found.bins) == 6
        assert gap - 1e-9 <= found.error <= 1  # finer bins tell more
        for b in found.bins:
            assert not b.samples or b.low - 1e-12 <= b.confidence <= b.high + 1e-12


def test_what_cannot_be_done_is_told() -> None:
    with pytest.raises(DataError, match="no labelled sample"):
        fit_temperature(np.empty((0, 3)), [])
    with pytest.raises(ModelError, match="not all are finite"):
        fit_temperature([[0.0, -np.inf]], [0])
    with pytest.raises(ConfigError, match="above 0"):
        log_softmax([[0.0, 1.0]], 0.0)
    with pytest.raises(ConfigError, match="at least 1"):
        calibration_error([[0.5, 0.5]], [0], bins=0)


def test_classes_out_of_the_question_do_not_heat() -> None:
    """A discriminant rules classes out by hundreds of nats; that says nothing about its answers."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 60)
    logits = rng.normal(0, 1, (60, 2))
    logits[np.arange(60), truth] += 1.5
    plain = fit_temperature(logits, truth).value
    ruled_out = np.concatenate([logits, np.full((60, 6), -500.0)], axis=1)
    assert abs(fit_temperature(ruled_out, truth).value - plain) < 1e-6
