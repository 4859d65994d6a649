"""What its seeds say of a lot: purity, what else is in it, how many seeds to count."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bimae.errors import ConfigError
from bimae.predict.calibrated import Calibrated
from bimae.predict.lot import Lot
from bimae.predict.melding import LEVEL, Share, clopper_pearson
from bimae.predict.purity import Check, Counts, LotPurity, lot_purity
from bimae.predict.purity_plan import seeds_needed
from bimae.predict.purity_weight import purity_by_weight

HALF_WIDTH = 0.01  # that people ask for


def known_check(calibrated: Calibrated | None, crop: int) -> tuple[Check | None, str]:
    """What a calibration knows of the classifier's mistakes; or None, and why.

    Args:
        calibrated: The calibration; None where there is none.
        crop: Number of the crop.
    """
    if calibrated is None:
        return None, "without a calibration it is not known how often the model errs"
    checked = calibrated.facts.get("checked")
    if not checked:
        return None, "the calibration was not checked on samples of its own"
    if "confusion" not in checked:
        return None, (
            "the calibration is of an older version and does not tell which classes are taken for "
            "which; calibrate the model again"
        )
    check = Check.of_confusion(checked["confusion"], [crop])
    for one in (check, check.answered):
        try:
            one.rates()
        except ConfigError as error:
            return None, str(error)
    return check, ""


@dataclass(frozen=True)
class Species:
    """Seeds of a lot that were called a class that is not the crop.

    Attributes:
        name: The class.
        seeds: How many, rejected ones left out.
        share: Of all seeds, rejected ones included, as called.
        crop_called_this: Of how many seeds of the crop in the check how many were called this;
            None where that is not known.
        called_crop: Of how many seeds of this in the check how many were called the crop.
    """

    name: str
    seeds: int
    share: Share
    crop_called_this: tuple[int, int] | None
    called_crop: tuple[int, int] | None


@dataclass(frozen=True)
class Plan:
    """How well this many seeds tell the purity, and how many would tell it to +-1 %.

    Attributes:
        seeds: How many there were.
        within: Longer arm of the interval, of the corrected purity where there is one.
        half_width: That is asked for.
        needed: Seeds for it; None where no number would do, or none can be told.
        why: Why not; empty where some number does.
        needed_without_mistakes: Seeds for it, of a classifier that never errs.
        mistakes_known: Whether it is known how often this one errs, and reckoned in.
        explained: Whether some purity explains the answers; else none can be planned by.
    """

    seeds: int
    within: float
    half_width: float
    needed: int | None
    why: str
    needed_without_mistakes: int
    mistakes_known: bool = True
    explained: bool = True


@dataclass(frozen=True)
class LotFigures:
    """What the answers say of the lot.

    Attributes:
        crop: The crop.
        answers: Counts of crop, other and rejected.
        doubtful: How many of the answered seeds are doubtful.
        doubtful_crop: How many of these were called the crop.
        purity: By number.
        check: What the correction is from; None where nothing is corrected.
        uncorrected: Why not; empty where it is.
        weight: Purity by weight, of the seeds that were answered; None where it was not asked for
            or every seed was rejected.
        species: What else was found, the most first.
        absent: Classes of which nothing was found.
        plan: About the number of seeds.
    """

    crop: str
    answers: Counts
    doubtful: int
    doubtful_crop: int
    purity: LotPurity
    check: Check | None
    uncorrected: str
    weight: Share | None
    species: tuple[Species, ...]
    absent: tuple[str, ...]
    plan: Plan


def lot_figures(
    lot: Lot,
    calibrated: Calibrated | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    level: float = LEVEL,
) -> LotFigures:
    """Figures of a lot, from a sample of its seeds drawn at random.

    Where the classifier's mistakes are not known, or it says nothing about this crop, nothing is
    corrected, and `uncorrected` says why.

    Args:
        lot: The answers.
        calibrated: What they were judged by; its check tells how often the classifier errs.
        weights: Grams per thousand seeds of each species, for purity by weight.
        level: Confidence.

    Raises:
        ConfigError: There are no seeds, the level is impossible, or a weight is missing or wrong.
    """
    check, uncorrected = known_check(calibrated, lot.crop)
    crop, counts = lot.classes[lot.crop], lot.counts
    purity = lot_purity(lot.answers, check, level)
    weighed = weights is not None and lot.answers.answered.seeds > 0
    doubtful_crop = lot.doubtful & ~lot.other
    species, absent = _species(lot, calibrated, level)
    return LotFigures(
        crop,
        lot.answers,
        int(lot.doubtful.sum()),
        int(doubtful_crop.sum()),
        purity,
        check,
        uncorrected,
        purity_by_weight(counts, crop, weights or {}, check, level) if weighed else None,
        species,
        absent,
        _plan(purity, check, len(lot), level),
    )


def _species(
    lot: Lot, calibrated: Calibrated | None, level: float
) -> tuple[tuple[Species, ...], tuple[str, ...]]:
    confusion = None
    if calibrated is not None:
        confusion = calibrated.facts.get("checked", {}).get("confusion")
    found, absent = [], []
    for number, (name, seeds) in enumerate(lot.counts.items()):
        if number == lot.crop:
            continue
        if not seeds:
            absent.append(name)
            continue
        share = clopper_pearson(seeds, len(lot), level)
        as_this = as_crop = None
        if confusion is not None:
            of_crop, of_this = confusion[lot.crop], confusion[number]
            as_this, as_crop = (of_crop[number], sum(of_crop)), (of_this[lot.crop], sum(of_this))
        found.append(Species(name, seeds, share, as_this, as_crop))
    return tuple(sorted(found, key=lambda one: -one.seeds)), tuple(absent)


def _plan(purity: LotPurity, check: Check | None, seeds: int, level: float) -> Plan:
    corrected = purity.settled.corrected
    share = purity.settled.called if corrected is None else corrected.purity
    free = seeds_needed(share.value, HALF_WIDTH, level=level)
    plan = Plan(seeds, share.within, HALF_WIDTH, None, "", free)
    if check is None or corrected is None:
        why = "it is not known how often the classifier errs"
        return replace(plan, why=why, mistakes_known=False)
    if not corrected.agrees:
        why = "no purity explains the answers with what is known of the classifier's mistakes"
        return replace(plan, why=why, explained=False)
    try:
        needed = seeds_needed(share.value, HALF_WIDTH, check=check, level=level)
    except ConfigError as error:
        return replace(plan, why=str(error))
    return replace(plan, needed=needed)
