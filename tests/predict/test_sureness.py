"""How sure answers may be: a temperature, and lapses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.predict.sureness import MOST_LAPSE, fit_lapse, fit_sureness, with_lapses
from bimae.predict.temperature import calibration_error, log_loss, loss_of, probabilities
from tests.predict.test_temperature import said_by


def test_a_temperature_that_holds_is_kept() -> None:
    logits, truth = said_by(2.5, 4000)
    found = fit_sureness(logits, truth, said_by(2.5, 400, seed=1))
    assert found.temperature == pytest.approx(2.5, rel=0.1)
    assert found.lapse < 0.02 and found.note == ""
    assert found.loss_after < found.loss_before
    one = fit_sureness(logits[:1], truth[:1])
    assert one.temperature > 0 and one.lapse > 0


def test_one_that_makes_other_samples_worse_stays_1() -> None:
    """Of a model that is right every temperature that twelve samples ask for is their luck."""
    other = said_by(1.0, 4000, seed=9)
    refused = 0
    for seed in range(40):
        found = fit_sureness(*said_by(1.0, 12, seed=seed), other)
        plain = with_lapses(probabilities(other[0]), found.lapse)
        told = with_lapses(probabilities(other[0], found.temperature), found.lapse)
        assert loss_of(told, other[1]) <= loss_of(plain, other[1]) + 0.01
        if found.temperature == 1 and found.note:
            refused += 1
            assert found.note.startswith("the temperature stays 1: fitted was ")
    assert refused > 20


def test_the_samples_themselves_are_asked_where_there_is_no_check() -> None:
    """One answer of ten that is wrong pulls T up; without it, the others go down."""
    logits, truth = np.tile([2.2, 0.0], (10, 1)), np.zeros(10, int)
    truth[3] = 1
    found = fit_sureness(logits, truth)
    assert found.temperature == 1
    assert "cross-validated on the 10 samples" in found.note


def test_a_few_impossible_answers_leave_the_others_as_sure_as_they_are() -> None:
    """One in fifty is wrong with certainty; the others are far surer than the model says."""
    logits, truth = said_by(0.3, 2000, seed=3)
    test, theirs = said_by(0.3, 4000, seed=4)
    for table, numbers in ((logits, truth), (test, theirs)):
        odd = np.arange(0, len(numbers), 50)
        table[odd] = 0
        table[odd, (numbers[odd] + 1) % 4] = 300
    found = fit_sureness(logits, truth)
    assert found.temperature == pytest.approx(0.3, rel=0.1)
    assert found.lapse == pytest.approx(0.02 / (1 - 1 / 4), rel=0.3)
    told = with_lapses(probabilities(test, found.temperature), found.lapse)
    assert calibration_error(told, theirs).error < 0.05
    assert loss_of(told, theirs) < 0.5 * log_loss(test, theirs)


def test_a_model_worse_than_chance_keeps_its_answers() -> None:
    logits, truth = said_by(1.0, 200)
    found = fit_sureness(-logits, truth)
    assert found.lapse <= MOST_LAPSE and "as far as it goes" in found.note
    told = with_lapses(probabilities(-logits, found.temperature), found.lapse)
    assert np.array_equal(told.argmax(axis=1), (-logits).argmax(axis=1))


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 30))
def test_any_samples_give_something_to_work_with(seed: int, classes: int, samples: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(samples, classes)) * 10 ** rng.uniform(-3, 3)
    truth = rng.integers(classes, size=samples)
    found = fit_sureness(logits, truth)
    assert 0.05 <= found.temperature <= 20 and 0 <= found.lapse <= MOST_LAPSE
    assert np.isfinite([found.loss_before, found.loss_after]).all()


def sure(samples: int, wrong: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Answers of four classes, every one as good as certain."""
    truth = np.zeros(samples, np.int64)
    truth[:wrong] = 1
    said = np.tile([1 - 3e-12, 1e-12, 1e-12, 1e-12], (samples, 1))
    return said, truth


@pytest.mark.parametrize("samples", [1, 10, 48, 1000])
def test_nobody_is_surer_than_so_many_samples_bear_out(samples: int) -> None:
    said, truth = sure(samples)
    told = with_lapses(said, fit_lapse(said, truth))
    assert told[0, 0] == pytest.approx(samples / (samples + 0.5), abs=1e-9)
    assert told.sum(axis=1) == pytest.approx(1)


def test_what_was_answered_wrongly_with_certainty_is_not_impossible() -> None:
    said, truth = sure(100, wrong=3)
    told = with_lapses(said, fit_lapse(said, truth))
    assert told[0, 0] == pytest.approx(97 / 100.5, abs=1e-9)  # as often as it was right
    assert loss_of(told, truth) < loss_of(said, truth)
    assert np.isinf(loss_of(np.array([[1.0, 0.0]]), np.array([1])))


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 60))
def test_a_lapse_is_a_share_and_changes_no_answer(seed: int, classes: int, samples: int) -> None:
    rng = np.random.default_rng(seed)
    said = rng.dirichlet(np.full(classes, 0.3), samples)
    truth = rng.integers(classes, size=samples)
    lapse = fit_lapse(said, truth)
    assert 0 < lapse <= 0.5
    told = with_lapses(said, lapse)
    assert (told > 0).all()
    order = np.argsort(said, axis=1, kind="stable")
    assert (np.diff(np.take_along_axis(told, order, axis=1), axis=1) >= -1e-15).all()

    # of samples and half a wrong one no other share is likelier
    def loss(share: float) -> float:
        true = with_lapses(said, share)[np.arange(samples), truth]
        return float(-np.log(true).sum() - 0.5 * np.log(share))

    assert all(loss(lapse) <= loss(share) + 1e-6 for share in (0.001, 0.01, 0.1, 0.3, 0.5))


def test_one_class_never_lapses() -> None:
    assert fit_lapse(np.ones((5, 1)), np.zeros(5, np.int64)) == 0
