"""A lot: whom to look at, and what its answers come to."""

import numpy as np
import pytest

from bimae.errors import ConfigError
from bimae.predict.calibrate import Parts, calibrate
from bimae.predict.calibrated import Calibrated, Judged
from bimae.predict.lot import Lot, as_said, crop_number
from bimae.predict.lot_figures import known_check, lot_figures
from bimae.predict.melding import clopper_pearson
from bimae.predict.purity import Check, Counts, lot_purity
from bimae.predict.purity_plan import seeds_needed
from bimae.predict.purity_weight import purity_by_weight
from tests.predict.test_calibrated import CLASSES, SHOWN, said

OAT, RYE, WHEAT = range(3)


def seed(
    called: int, p: float = 0.99, others: tuple[int, ...] = (), rejected: bool = False
) -> tuple[list[float], list[bool], bool]:
    """Probabilities, set and rejection of one seed."""
    row = [(1 - p) / 2] * 3
    row[called] = p
    return row, [k == called or k in others for k in range(3)], rejected


def lot(*seeds: tuple[list[float], list[bool], bool], sure: float = 0.9) -> Lot:
    said, sets, rejected = zip(*seeds, strict=True)
    judged = Judged(np.array(said), np.array(sets), np.zeros(len(seeds)), np.array(rejected))
    return Lot(CLASSES, WHEAT, judged, sure)


MIXED = (
    *[seed(WHEAT)] * 90,
    *[seed(RYE)] * 4,
    seed(OAT),
    seed(WHEAT, 0.6),  # not sure enough
    seed(WHEAT, 0.95, (RYE,)),  # two are possible
    seed(RYE, 0.5, (WHEAT,)),
    seed(WHEAT, rejected=True),
    seed(OAT, 0.4, rejected=True),
)


def with_confusion(confusion: list[list[int]]) -> Calibrated:
    made = calibrate(Parts(said(1), said(2)), SHOWN, CLASSES, alpha=0.1, share=0.05)
    made.facts["checked"]["confusion"] = confusion
    return made


CONFUSION = [[80, 5, 5, 10], [4, 60, 16, 0], [1, 3, 190, 6]]


def test_whom_to_look_at() -> None:
    found = lot(*MIXED)
    assert found.counts == {"oat": 1, "rye": 5, "wheat": 92}
    assert found.answers == Counts(92, 6, 2)
    assert np.flatnonzero(found.other).tolist() == [90, 91, 92, 93, 94, 97]
    assert np.flatnonzero(found.doubtful).tolist() == [95, 96, 97]
    assert np.flatnonzero(found.to_look_at).tolist() == list(range(90, 100))
    assert len(lot(*MIXED, sure=0.995)) == 100
    assert lot(*MIXED, sure=0.995).doubtful.sum() == 98  # all that were not rejected
    assert lot(*[seed(WHEAT)] * 3).to_look_at.sum() == 0


def test_answers_without_a_calibration() -> None:
    judged = as_said(np.array([[0.0, 0.0, 0.0], [1.0, 3.0, 2.0]]))
    assert judged.sets.tolist() == [[True, False, False], [False, True, False]]
    np.testing.assert_allclose(judged.probabilities.sum(axis=1), 1)
    assert not judged.rejected.any()
    assert np.isnan(judged.strangeness).all()


def test_the_crop_has_to_be_a_class() -> None:
    assert crop_number("rye", CLASSES) == 1
    with pytest.raises(ConfigError, match=r"'barley' is no class .*: oat, rye, wheat$"):
        crop_number("barley", CLASSES)
    with pytest.raises(ConfigError, match="knows 'oat' alone"):
        crop_number("oat", ("oat",))


def test_figures_are_those_of_the_mathematics() -> None:
    made, table = with_confusion(CONFUSION), {"oat": 30.0, "rye": 25.0, "wheat": 40.0}
    found = lot_figures(lot(*MIXED), made, weights=table)
    check = Check(Counts(190, 4, 6), Counts(21, 149, 10))
    assert found.check == check
    assert found.uncorrected == ""
    assert found.purity == lot_purity(Counts(92, 6, 2), check)
    assert found.purity.settled.called == clopper_pearson(92, 100)
    assert found.purity.answered is not None and found.purity.answered.seeds == 98
    counts = {"oat": 1, "rye": 5, "wheat": 92}
    assert found.weight == purity_by_weight(counts, "wheat", table, check)
    assert (found.doubtful, found.doubtful_crop) == (3, 2)
    rye, oat = found.species
    assert (rye.name, rye.seeds, rye.share) == ("rye", 5, clopper_pearson(5, 100))
    assert (rye.crop_called_this, rye.called_crop) == ((3, 200), (16, 80))
    assert (oat.crop_called_this, oat.called_crop) == ((1, 200), (5, 100))
    assert found.absent == ()
    assert found.purity.settled.corrected is not None
    share = found.purity.settled.corrected.purity
    assert found.plan.within == share.within
    assert found.plan.needed_without_mistakes == seeds_needed(share.value, 0.01)
    # 180 others say how often others are taken for the crop to no better than some percent
    assert found.plan.needed is None
    assert "however many seeds are counted" in found.plan.why


def test_a_large_check_makes_one_percent_possible() -> None:
    large = [[100_000, 0, 0, 0], [0, 100_000, 0, 0], [0, 0, 100_000, 0]]
    plan = lot_figures(lot(*MIXED), with_confusion(large)).plan
    assert plan.needed is not None and plan.why == ""
    assert plan.needed_without_mistakes <= plan.needed < 2 * plan.needed_without_mistakes


def test_without_what_is_needed_nothing_is_corrected() -> None:
    plain = lot_figures(lot(*MIXED))
    assert plain.check is None and plain.purity.settled.corrected is None
    assert "without a calibration" in plain.uncorrected
    assert plain.plan.needed is None and not plain.plan.mistakes_known
    assert plain.plan.needed_without_mistakes == seeds_needed(
        plain.purity.settled.called.value, 0.01
    )
    assert [one.crop_called_this for one in plain.species] == [None, None]
    unchecked = calibrate(Parts(said(1)), SHOWN, CLASSES, alpha=0.1, share=0.05)
    assert known_check(unchecked, WHEAT) == (
        None, "the calibration was not checked on samples of its own",
    )  # fmt: skip
    older = with_confusion(CONFUSION)
    del older.facts["checked"]["confusion"]
    assert "of an older version" in known_check(older, WHEAT)[1]
    useless = with_confusion([[0, 0, 50, 0], [0, 0, 50, 0], [0, 0, 50, 0]])
    assert "says nothing about this crop" in lot_figures(lot(*MIXED), useless).uncorrected
    nobody = with_confusion([[10, 0, 0, 0], [0, 10, 0, 0], [0, 0, 0, 0]])
    assert "no seed of the crop" in known_check(nobody, WHEAT)[1]
    # all known seeds of the crop were rejected: nothing is left when these are left out
    gone = with_confusion([[10, 0, 0, 0], [0, 10, 0, 0], [0, 0, 0, 10]])
    assert known_check(gone, WHEAT)[0] is None


def test_odd_lots() -> None:
    made = with_confusion(CONFUSION)
    pure = lot_figures(lot(*[seed(WHEAT)] * 20), made)
    assert pure.species == () and pure.absent == ("oat", "rye")
    assert pure.purity.settled.corrected is not None
    assert pure.purity.settled.corrected.purity.value == 1
    none = lot_figures(lot(*[seed(RYE)] * 20), made, weights={"wheat": 1.0, "rye": 2.0})
    assert none.purity.settled.called.value == 0
    assert none.weight is not None and none.weight.value == 0
    strange = lot_figures(lot(*[seed(RYE, rejected=True)] * 3), made, weights={"wheat": 1.0})
    assert strange.purity.answered is None
    assert strange.weight is None  # nothing was answered, so nothing can be weighed
    assert strange.purity.settled.called.value == 0
    with pytest.raises(ConfigError, match="no thousand-seed weight is known of oat, rye"):
        lot_figures(lot(*MIXED), made, weights={"wheat": 1.0})
