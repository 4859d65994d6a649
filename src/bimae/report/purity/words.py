"""Figures of a lot in words, for the page and for the terminal."""

from collections.abc import Iterator

from bimae.errors import count
from bimae.predict.lot_figures import LotFigures, Plan
from bimae.predict.melding import Share
from bimae.predict.purity import Corrected, Purity

NOTICE = "by number, from images, not an official certificate"
UNRELIABLE = "not to be relied on as it stands"
SIMULATED = "SIMULATED DATA"
SETTLED = "Rejected seeds counted as not the crop"
ANSWERED = "Rejected seeds left out"


def percent(share: float) -> str:
    """A share as percent, to a tenth; nearly all or nearly nothing is never rounded to it."""
    for digits in (1, 2):
        text = f"{100 * share:.{digits}f}"
        if float(text) not in (0, 100) or share in (0, 1):
            return f"{text} %"
    return "below 0.01 %" if share < 0.5 else "above 99.99 %"


def short(share: float) -> str:
    """A share that somebody chose, as percent without more digits than it has."""
    return f"{100 * share:g} %"


def interval(share: Share) -> str:
    """Both limits: `94.1 % to 98.0 %`."""
    return f"{percent(share.low)} to {percent(share.high)}"


def told(share: Share) -> str:
    """Estimate and limits: `96.2 % (94.1 % to 98.0 %)`."""
    return f"{percent(share.value)} ({interval(share)})"


def _limits_first(share: Share) -> str:
    """The same where nobody is to take the estimate for the purity."""
    return f"{interval(share)} (estimate {percent(share.value)})"


def best(purity: Purity) -> tuple[Share, bool]:
    """The figure to trust, and whether it is corrected for the classifier's mistakes."""
    known = purity.corrected
    return (purity.called, False) if known is None else (known.purity, True)


def agreement(purity: Purity) -> str:
    """What it means that the answers fit those to known seeds, or do not; empty if not known."""
    known = purity.corrected
    if known is None:
        return ""
    if known.agrees:
        return (
            "The answers fit what is known of the classifier: there is a purity with which they "
            "are to be expected."
        )
    called = percent(purity.called.value)
    if purity.called.value > known.sensitivity.value:
        return (
            f"This lot is not like the seeds that the model was checked on: {called} of it is "
            f"called the crop, but of known seeds of the crop only "
            f"{percent(known.sensitivity.value)}. No purity explains that. The interval is the "
            "widest that the counts allow, for a classifier that always knows the crop."
        )
    return (
        f"This lot is not like the seeds that the model was checked on: only {called} of it is "
        "called the crop, but even of known seeds of other species "
        f"{percent(1 - known.specificity.value)}. No purity explains that. The interval is the "
        "widest that the counts allow, for a classifier that never takes others for the crop."
    )


def plan_words(plan: Plan, level: float) -> str:
    """What this number of seeds allows, and how many more would."""
    wanted = f"{100 * plan.half_width:g} %"
    told = (
        f"{count(plan.seeds, 'seed')} {'tells' if plan.seeds == 1 else 'tell'} the purity of this "
        f"lot to plus or minus {percent(plan.within)} at {100 * level:g} % confidence."
    )
    if not plan.explained:
        return f"{told} How many would tell it better cannot be said while no purity explains them."
    if not plan.mistakes_known:
        return (
            f"{told} To plus or minus {wanted} {count(plan.needed_without_mistakes, 'seed')} would "
            "tell it, if the classifier never erred; how often it does is not known."
        )
    if plan.needed is None:
        return (
            f"{told} To plus or minus {wanted} it cannot be told with this calibration, however "
            "many seeds are counted: too few known seeds say how often the classifier errs. "
            "Calibrate it on more. A classifier that never errs would take "
            f"{count(plan.needed_without_mistakes, 'seed')}."
        )
    if plan.needed <= plan.seeds:
        return f"{told} For plus or minus {wanted}, {count(plan.needed, 'seed')} would do."
    return f"{told} For plus or minus {wanted} it would take about {count(plan.needed, 'seed')}."


def mistakes_words(corrected: Corrected, figures: LotFigures) -> str:
    """How often the classifier errs, as counts of known seeds."""
    check = figures.check
    assert check is not None, "corrected with it"
    apart = check.others.other + check.others.unknown
    return (
        f"Of {count(check.crops.seeds, 'known seed')} of the crop it called {check.crops.crop:,} "
        f"the crop ({told(corrected.sensitivity)}), and of "
        f"{count(check.others.seeds, 'known seed')} of other species it called {apart:,} something "
        f"else or rejected them ({told(corrected.specificity)})."
    )


def lines(figures: LotFigures, level: float, *, reliable: bool = True) -> Iterator[str]:
    """The few figures that matter, for a terminal.

    Args:
        figures: Of the lot.
        level: Confidence of the intervals.
        reliable: Whether no grave caution stands above them.
    """
    counts = figures.answers
    settled, answered = figures.purity.settled, figures.purity.answered
    yield (
        f"seeds    {counts.seeds:,}: {counts.crop:,} {figures.crop}, {counts.other:,} other, "
        f"{counts.unknown:,} rejected; {figures.doubtful:,} doubtful"
    )
    if not reliable:
        yield f"         {UNRELIABLE.upper()}, see the cautions above:"
    for name, one in (("rejected are not the crop", settled), ("rejected left out", answered)):
        if one is None or (one is answered and not counts.unknown):
            continue
        mark = f", {name}" * bool(counts.unknown)
        words = told if reliable else _limits_first
        title = "purity   "
        if one.corrected is not None:
            yield f"{title}{words(one.corrected.purity)} corrected for mistakes{mark}"
            title = " " * len(title)
        yield f"{title}{words(one.called)} as called{mark}"
    if figures.weight is not None:
        yield f"weight   {told(figures.weight)}, estimate by weight, rejected left out"
    few = figures.species[:5]
    if few:
        named = ", ".join(f"{one.name} {one.seeds}" for one in few)
        rest = len(figures.species) - len(few)
        yield f"others   {named}" + f" and {rest} more species" * bool(rest)
    yield f"         {plan_words(figures.plan, level)}"
