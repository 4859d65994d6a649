"""Purity by number: golden figures, what must hold, and how often intervals cover."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

from bimae.errors import ConfigError
from bimae.predict.melding import DRAWS, clopper_pearson, draws, quantile
from bimae.predict.purity import Check, Counts, correct, lot_purity

LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])
COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def check(a: int, b: int, c: int, d: int) -> Check:
    """Of b seeds of the crop a are called it; of d others c are not."""
    return Check(Counts(a, b - a), Counts(d - c, c))


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (0, 1, 0.0, 0.975),
        (0, 100, 0.0, 0.0362),
    ],
)
def test_clopper_pearson_of_the_tables(k: int, n: int, low: float, high: float) -> None:
    found = clopper_pearson(k, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.value == k / n


@given(COUNTS, LEVELS)
def test_clopper_pearson(counts: tuple[int, int], level: float) -> None:
    k, n = counts
    found, turned = clopper_pearson(k, n, level), clopper_pearson(n - k, n, level)
    assert found.low <= k / n <= found.high
    assert (found.low, found.high) == pytest.approx((1 - turned.high, 1 - turned.low), abs=1e-12)
    # the definition: at either limit what was seen, or more extreme, has half of the rest
    tail = (1 - level) / 2
    if k:
        assert binom.sf(k - 1, n, found.low) == pytest.approx(tail, rel=1e-6)
    if k < n:
        assert binom.cdf(k, n, found.high) == pytest.approx(tail, rel=1e-6)
    wider = clopper_pearson(k, n, 0.995)
    assert wider.low <= found.low and wider.high >= found.high


def test_draws_stand_for_their_distribution() -> None:
    found = draws(37, 40, "low", 0)
    assert found.mean() == pytest.approx(37 / 41, rel=1e-5)
    assert quantile(found, 0.025) == pytest.approx(beta.ppf(0.025, 37, 4), rel=1e-5)
    other = draws(37, 40, "low", 1)
    assert abs(np.corrcoef(found, other)[0, 1]) < 3 / np.sqrt(DRAWS)
    np.testing.assert_array_equal(found, draws(37, 40, "low", 0))
    assert (draws(0, 9, "low", 2) == 0).all() and (draws(9, 9, "high", 2) == 1).all()


@given(COUNTS, LEVELS)
def test_a_perfect_classifier_changes_nothing(counts: tuple[int, int], level: float) -> None:
    found = correct(*counts, check(7, 7, 3, 3), level)
    assert found.purity.value == pytest.approx(counts[0] / counts[1])
    assert (found.sensitivity.value, found.specificity.value, found.agrees) == (1, 1, True)
    # known to be perfect: the interval too
    many = 10**9
    sure = correct(*counts, check(many, many, many, many), level).purity
    exact = clopper_pearson(*counts, level)
    assert (sure.low, sure.high) == pytest.approx((exact.low, exact.high), abs=2e-4)


@settings(max_examples=40)
@given(COUNTS, COUNTS, COUNTS, LEVELS)
def test_what_holds_for_every_correction(lot, crops, others, level: float) -> None:
    (k, n), (a, b), (c, d) = lot, crops, others
    assume(a / b + c / d > 1.001)
    found = correct(k, n, check(a, b, c, d), level)
    assert 0 <= found.purity.low <= found.purity.value <= found.purity.high <= 1
    expected = (k / n + c / d - 1) / (a / b + c / d - 1)
    assert found.purity.value == pytest.approx(np.clip(expected, 0, 1))
    # seen from the other seeds it is the same thing
    turned = correct(n - k, n, check(c, d, a, b), level)
    assert turned.purity.value == pytest.approx(1 - found.purity.value)
    # by other draws, which are good to little where next to nothing is known
    known = min(n, b, d) >= 20 and a / b + c / d > 1.6 and level <= 0.95
    if found.agrees and turned.agrees and known:
        limits = (1 - turned.purity.high, 1 - turned.purity.low)
        assert limits == pytest.approx((found.purity.low, found.purity.high), abs=0.03)
    # what was called says more the more of the crop it called
    if k < n:
        more = correct(k + 1, n, check(a, b, c, d), level)
        assert more.purity.value >= found.purity.value
        if more.agrees and found.agrees:
            assert more.purity.low >= found.purity.low - 1e-9
            assert more.purity.high >= found.purity.high - 1e-9


def test_the_melded_interval_is_that_of_free_draws() -> None:
    """An independent reckoning, from a great many draws."""
    rng = np.random.default_rng(0)
    k, n, a, b, c, d = 370, 400, 95, 100, 44, 50
    many = 10**6
    for which, side in ((0, "low"), (1, "high")):
        seen = rng.beta(k + which, n - k + 1 - which, many)
        specificity = rng.beta(c + which, d - c + 1 - which, many)
        sensitivity = rng.beta(a + 1 - which, b - a + which, many)
        purity = np.clip((seen + specificity - 1) / (sensitivity + specificity - 1), 0, 1)
        limit = np.quantile(purity, (0.025, 0.975)[which])
        found = correct(k, n, check(a, b, c, d)).purity
        assert getattr(found, side) == pytest.approx(limit, abs=2e-3)
    assert found.value == pytest.approx((370 / 400 + 0.88 - 1) / (0.95 + 0.88 - 1))


@pytest.mark.parametrize(
    ("sensitivity", "specificity", "b", "d"),
    [(0.95, 0.9, 30, 20), (0.999, 0.9, 500, 10), (0.98, 0.95, 300, 200), (0.8, 0.8, 40, 40)],
)
@pytest.mark.parametrize("purity", [0.0, 0.5, 0.9, 0.99, 1.0])
def test_the_interval_covers(sensitivity, specificity, b, d, purity) -> None:
    """1000 lots of 400 seeds, each with a validation set of its own."""
    rng = np.random.default_rng(7)
    called = purity * sensitivity + (1 - purity) * (1 - specificity)
    covered = wide = refused = 0
    for k, a, c in zip(
        rng.binomial(400, called, 1000),
        rng.binomial(b, sensitivity, 1000),
        rng.binomial(d, specificity, 1000),
        strict=True,
    ):
        found = correct(int(k), 400, check(int(a), b, int(c), d))
        covered += found.purity.low <= purity <= found.purity.high
        wide += found.purity.high - found.purity.low
        refused += not found.agrees
    assert covered >= 945  # of 950, less than one standard error below
    assert refused <= 25
    assert wide / 1000 < 0.5


def test_ignoring_mistakes_does_not_cover() -> None:
    """Why there is a correction: what is called of a pure lot is not its purity."""
    rng = np.random.default_rng(0)
    found = [clopper_pearson(int(k), 400) for k in rng.binomial(400, 0.95, 200)]
    assert not any(share.high >= 1 for share in found)


@pytest.mark.parametrize(("a", "c"), [(5, 5), (3, 5), (0, 10), (10, 0)])
def test_a_classifier_that_says_nothing_is_refused(a: int, c: int) -> None:
    with pytest.raises(ConfigError, match="says nothing about this crop") as told:
        correct(50, 100, check(a, 10, c, 10))
    assert "\n" not in str(told.value)


def test_a_lot_that_no_purity_explains() -> None:
    """It is no surer than the counts; the mistakes of the other kind are still reckoned in."""
    for a in (100, 190):
        found = correct(400, 400, check(a, 200, 190, 200))
        assert (found.purity.value, found.purity.high, found.agrees) == (1, 1, False)
        counts = clopper_pearson(400, 400).low
        assert counts - 0.003 < found.purity.low < counts
    # turned round
    other = correct(0, 400, check(190, 200, 100, 200))
    assert (other.purity.value, other.purity.low, other.agrees) == (0, 0, False)
    assert 0 < clopper_pearson(0, 400).high < other.purity.high < 0.013
    # 3 of 4 called crop, where of the crop itself it is every other one
    some = correct(300, 400, check(100, 200, 190, 200)).purity
    assert (some.value, some.high) == (1, 1)
    assert 0.6 < some.low < 0.71
    assert correct(396, 400, check(195, 200, 190, 200)).agrees


def test_a_check_from_a_confusion_matrix() -> None:
    confusion = [[8, 1, 1], [2, 7, 1], [0, 3, 7]]
    assert Check.of_confusion(confusion, [0]) == Check(Counts(8, 2), Counts(2, 18))
    assert Check.of_confusion(confusion, [0, 1]) == Check(Counts(18, 2), Counts(3, 7))
    rejecting = [[8, 1, 1, 5], [2, 7, 1, 0], [0, 3, 7, 4]]
    found = Check.of_confusion(rejecting, {0})
    assert found == Check(Counts(8, 2, 5), Counts(2, 18, 4))
    assert found.settled == Check(Counts(8, 7), Counts(2, 22))
    sensitivity, specificity = found.rates()
    assert (sensitivity.value, specificity.value) == (8 / 15, 22 / 24)
    sensitivity, specificity = found.answered.rates()
    assert (sensitivity.value, specificity.value) == (8 / 10, 18 / 20)


def test_rejected_seeds_are_counted_in_two_ways() -> None:
    found = lot_purity(Counts(90, 5, 5))
    assert (found.settled.called.value, found.settled.seeds) == (0.9, 100)
    assert found.answered is not None
    assert (found.answered.called.value, found.answered.seeds) == (90 / 95, 95)
    assert found.settled.called == clopper_pearson(90, 100)
    assert found.settled.corrected is None
    known = Check(Counts(90, 2, 8), Counts(1, 19, 20))
    corrected = lot_purity(Counts(90, 5, 5), known)
    assert corrected.settled.corrected == correct(90, 100, known.settled)
    assert corrected.answered is not None
    assert corrected.answered.corrected == correct(90, 95, Check(Counts(90, 2), Counts(1, 19)))
    rejected = lot_purity(Counts(0, 0, 5))
    assert rejected.answered is None and rejected.settled.called.value == 0


@given(*[st.integers(0, 200)] * 3)
def test_leaving_out_is_never_lower_as_called(crop: int, other: int, unknown: int) -> None:
    assume(crop + other)
    found = lot_purity(Counts(crop, other, unknown))
    assert found.answered is not None
    assert found.settled.called.value <= found.answered.called.value
    assert found.settled.called.high <= found.answered.called.high + 1e-12
    if not unknown:
        assert found.settled == found.answered


def test_rejecting_the_crop_more_often_is_corrected_when_counted() -> None:
    """90 % of crop and all others of a lot of purity 0.8 are answered, as in the check."""
    known = Check(Counts(8700, 300, 1000), Counts(500, 9500, 0))
    found = lot_purity(Counts(8 * 870 + 2 * 50, 8 * 30 + 2 * 950, 800), known)
    assert found.answered is not None
    assert found.settled.corrected is not None and found.answered.corrected is not None
    assert found.settled.corrected.purity.value == pytest.approx(0.8)
    assert found.answered.corrected.purity.value == pytest.approx(0.72 / 0.92)


def test_what_cannot_be_done_is_told() -> None:
    with pytest.raises(ConfigError, match="share of no seeds"):
        lot_purity(Counts(0, 0))
    with pytest.raises(ConfigError, match="11 of 10 seeds"):
        clopper_pearson(11, 10)
    with pytest.raises(ConfigError, match="level is 95"):
        clopper_pearson(1, 10, 95)
    with pytest.raises(ConfigError, match="0 or above"):
        Counts(-1, 2)
    with pytest.raises(ConfigError, match="no seed of others"):
        correct(1, 2, Check(Counts(1, 1), Counts(0, 0)))
    for crop in ([], [0, 1], [2], [-1]):
        with pytest.raises(ConfigError, match="the crop is class"):
            Check.of_confusion([[1, 0], [0, 1]], crop)
    with pytest.raises(ConfigError, match="a count is -1"):
        Check.of_confusion([[1, 0], [-1, 1]], [0])
