"""Purity by weight, and how many seeds to count."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bimae.errors import ConfigError
from bimae.predict.melding import clopper_pearson
from bimae.predict.purity import Check, Counts, correct
from bimae.predict.purity_plan import seeds_needed
from bimae.predict.purity_weight import purity_by_weight

GRAMS = {"wheat": 45.0, "poppy": 0.5, "vetch": 60.0, "brome": 9.0}
KNOWN = Check(Counts(290, 10), Counts(4, 96))


def test_by_hand() -> None:
    found = purity_by_weight({"wheat": 90, "poppy": 6, "vetch": 4}, "wheat", GRAMS)
    assert found.value == pytest.approx(90 * 45 / (90 * 45 + 6 * 0.5 + 4 * 60))
    assert found.low < found.value < found.high
    assert purity_by_weight({"wheat": 9}, "wheat", GRAMS).value == 1
    assert purity_by_weight({"poppy": 9}, "wheat", GRAMS).value == 0


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0.1, 10))
def test_equal_weights_are_purity_by_number(wheat: int, brome: int, grams: float) -> None:
    assume(wheat + brome)
    counts = {"wheat": wheat, "brome": brome}
    exact = clopper_pearson(wheat, wheat + brome)
    for table in ({"wheat": grams, "brome": grams, "vetch": grams}, {"wheat": grams}):
        if brome and "brome" not in table:
            continue
        found = purity_by_weight(counts, "wheat", table)
        assert found.value == pytest.approx(exact.value)
        assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=2e-4)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.floats(0.1, 10))
def test_units_do_not_matter_and_heavy_others_do(wheat, poppy, vetch, factor) -> None:
    assume(wheat + poppy + vetch)
    counts = {"wheat": wheat, "poppy": poppy, "vetch": vetch}
    found = purity_by_weight(counts, "wheat", GRAMS)
    assert 0 <= found.low <= found.value <= found.high <= 1
    scaled = purity_by_weight(counts, "wheat", {k: factor * g for k, g in GRAMS.items()})
    assert (scaled.value, scaled.low) == pytest.approx((found.value, found.low))
    heavier = purity_by_weight(counts, "wheat", {**GRAMS, "vetch": 600.0})
    assert heavier.value <= found.value + 1e-12
    assert heavier.low <= found.low + 1e-12


def test_a_pure_sample_does_not_rule_out_what_is_heavy() -> None:
    counts = {"wheat": 400}
    alone = purity_by_weight(counts, "wheat", {"wheat": 45.0})
    beside = purity_by_weight(counts, "wheat", {"wheat": 45.0, "pea": 250.0})
    assert alone.low == pytest.approx(clopper_pearson(400, 400).low, abs=1e-4)
    assert beside.low < alone.low - 0.02
    assert beside.high == 1


@pytest.mark.parametrize("shares", [(0.9, 0.06, 0.04), (0.99, 0.005, 0.005), (1.0, 0.0, 0.0)])
@pytest.mark.parametrize("known", [False, True])
def test_the_interval_covers(shares: tuple[float, ...], known: bool) -> None:
    """500 lots of 400 seeds; where the classifier errs, a check of 300 and 100 seeds each time.

    Poppy and vetch are called wheat alike, so that what is called other has their mixture.
    """
    names, rng = ["wheat", "poppy", "vetch"], np.random.default_rng(3)
    weights = np.array([GRAMS[name] for name in names])
    true = shares[0] * weights[0] / (np.array(shares) @ weights)
    called = np.array(shares)
    if known:
        called[1:] *= 0.96
        called[0] = 1 - called[1:].sum()
    covered = 0
    for _ in range(500):
        counts = dict(zip(names, map(int, rng.multinomial(400, called)), strict=True))
        check = None
        if known:
            errs = int(rng.binomial(100, 0.04))
            check = Check(Counts(300, 0), Counts(errs, 100 - errs))
        found = purity_by_weight(counts, "wheat", GRAMS, check)
        covered += found.low <= true <= found.high
    assert covered >= 470


def test_mistakes_are_reckoned_in() -> None:
    counts = {"wheat": 380, "brome": 20}
    found = purity_by_weight(counts, "wheat", GRAMS, KNOWN)
    p = correct(380, 400, KNOWN).purity.value
    assert found.value == pytest.approx(45 * p / (45 * p + 9 * (1 - p)))
    rejecting = Check(Counts(290, 10, 77), Counts(4, 96, 55))
    assert purity_by_weight(counts, "wheat", GRAMS, rejecting) == found
    # a lot that is called crop more often than the crop is: no surer than its counts
    odd = purity_by_weight({"wheat": 400}, "wheat", GRAMS, Check(Counts(50, 50), Counts(1, 99)))
    assert (odd.value, odd.high) == (1, 1)
    assert odd.low < purity_by_weight({"wheat": 400}, "wheat", GRAMS).low < 1


def test_all_problems_of_the_table_are_told() -> None:
    with pytest.raises(ConfigError) as told:
        purity_by_weight(
            {"wheat": 5, "rye": 1, "oats": 2, "barley": 0, "vetch": -1},
            "wheat",
            {"vetch": 60.0, "poppy": 0.0, "brome": np.nan},
        )
    lines = str(told.value).split("\n")
    assert lines[0].startswith("no thousand-seed weight is known of oats, rye, wheat;")
    assert "brome, poppy" in lines[1] and "vetch" in lines[2]
    with pytest.raises(ConfigError, match="no answered seeds"):
        purity_by_weight({"wheat": 0}, "wheat", GRAMS)


@pytest.mark.parametrize(
    ("purity", "half_width", "seeds"),
    [(1.0, 0.01, 368), (0.0, 0.01, 368), (1.0, 0.05, 72)],  # 1 - 0.025 ** (1 / n)
)
def test_seeds_needed_for_a_pure_lot(purity: float, half_width: float, seeds: int) -> None:
    assert seeds_needed(purity, half_width) == seeds


@given(st.floats(0, 1), st.floats(0.005, 0.4))
def test_seeds_needed_are_enough_and_no_more(purity: float, half_width: float) -> None:
    n = seeds_needed(purity, half_width)
    assert clopper_pearson(purity * n, n).within <= half_width
    if n > 1:
        assert clopper_pearson(purity * (n - 1), n - 1).within > half_width
    # about what the normal distribution says, and never fewer
    assert n >= 0.9 * 1.96**2 * purity * (1 - purity) / half_width**2


def test_seeds_needed_with_a_classifier_that_errs() -> None:
    perfect, erring = seeds_needed(0.95, 0.05), seeds_needed(0.95, 0.05, check=KNOWN)
    assert perfect < erring < 10 * perfect
    sensitivity, specificity = 290 / 300, 0.96
    called = 0.95 * sensitivity + 0.05 * (1 - specificity)
    assert correct(called * erring, erring, KNOWN).purity.within <= 0.05
    assert correct(called * erring * 0.9, erring * 0.9, KNOWN).purity.within > 0.05
    with pytest.raises(ConfigError, match="use a larger validation set"):
        seeds_needed(0.95, 0.01, check=KNOWN)


def test_what_cannot_be_planned_is_told() -> None:
    with pytest.raises(ConfigError, match="purity is 95"):
        seeds_needed(95, 0.01)
    with pytest.raises(ConfigError, match="half-width is 0"):
        seeds_needed(0.95, 0)
    with pytest.raises(ConfigError, match="cannot be had"):
        seeds_needed(0.5, 1e-6)
