"""What a reader has to be told of a purity report, and what of it before any figure.

A hurried reader takes the largest number of a page. Where that number is not to be relied on, the
page, the paper and the terminal say so above it and on it; for what is only good to know there is
room below.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from bimae.evaluate.sensor import UNRELIABLE
from bimae.predict.melding import clopper_pearson
from bimae.report.purity.words import agreement, best, interval, percent

if TYPE_CHECKING:
    from bimae.report.purity.facts import Facts

WIDE = 0.4  # of an interval: a purity to plus or minus 20 % decides nothing about a lot
FEW = 0.02  # of the seeds: fewer do not make a purity


@dataclass(frozen=True)
class Caution:
    """Something that a reader has to know.

    Attributes:
        text: One or more sentences.
        grave: Whether the purity is not to be relied on before this is settled.
    """

    text: str
    grave: bool = True


def cautions(facts: "Facts") -> tuple[Caution, ...]:
    """All there are, the grave ones first."""
    return tuple(sorted(_cautions(facts), key=lambda one: not one.grave))


def _cautions(facts: "Facts") -> Iterator[Caution]:
    if facts.calibrated is None:
        yield Caution(
            "Not calibrated. The probabilities are the model's own, mostly too sure of "
            "themselves; no seed is rejected, so whatever is in the lot is called one of the "
            f"model's {len(facts.lot.classes)} classes, stones and unknown species too."
        )
    if reason := facts.figures.uncorrected:
        yield Caution(
            "Not corrected for the classifier's mistakes: the intervals tell the luck of the "
            f"sample alone. The reason: {reason}."
        )
    grave = (_unlike(facts), _doubted(facts), _rejected(facts), _vague(facts))
    yield from (Caution(text) for text in grave if text)
    yield from _known_again(facts)
    for note in facts.notes:
        yield Caution(f"{note[0].upper()}{note[1:]}.", grave=UNRELIABLE in note)
    if resized := facts.samples.resized:
        yield Caution(
            f"Images were brought to the size of the model: {'; '.join(resized)}.", grave=False
        )


def _unlike(facts: "Facts") -> str:
    """Where no purity explains the answers."""
    settled = facts.figures.purity.settled
    corrected = settled.corrected
    return "" if corrected is None or corrected.agrees else agreement(settled)


def _doubted(facts: "Facts") -> str:
    """Where most answers are doubtful, a share made of them is not one to believe unseen."""
    doubtful, seeds = facts.figures.doubtful, facts.figures.answers.seeds
    if 2 * doubtful <= seeds:
        return ""
    told = f"{doubtful:,} of {seeds:,} seeds are doubtful: "
    made = None if facts.calibrated is None else facts.calibrated.conformal
    if made is not None and made.names_all:
        allowed = ceil(100 / (sum(made.samples) + 1)) / 100
        return (
            f"{told}{made.note}. Calibrate the model on more seeds, or for sets that may miss the "
            f"truth more often (bimae calibrate --alpha {allowed:g})."
        )
    return (
        f"{told}the model is not sure of this lot. Look at the seeds before you believe the "
        "figures, and train or calibrate it on more."
    )


def _rejected(facts: "Facts") -> str:
    """Where more seeds are rejected than luck explains."""
    known, counts = facts.checked, facts.figures.answers
    if not known:
        return ""
    n = known["samples"]
    usual = clopper_pearson(round(known["rejected"] * n), n, facts.level)
    here = clopper_pearson(counts.unknown, counts.seeds, facts.level)
    if here.low <= usual.high:
        return ""
    return (
        f"{percent(here.value)} of the seeds were rejected, of known seeds "
        f"{percent(usual.value)}: there is something in this lot that the model does not know, "
        "or it was photographed otherwise. Look at the rejected seeds."
    )


def _known_again(facts: "Facts") -> Iterator[Caution]:
    """Where seeds are those that the model was made with."""
    seeds = len(facts.samples)
    for numbers, how, worth in (
        (facts.learned, "learned from", "knows them, and the figures say nothing about other lots"),
        (facts.fitted, "was calibrated with", "judges them by themselves, and the figures say "
         "little about other lots"),
    ):  # fmt: skip
        if not numbers:
            continue
        which = (
            "These are seeds"
            if len(numbers) == seeds
            else f"{len(numbers):,} of {seeds:,} seeds, such as "
            f"{facts.samples.ids[numbers[0]]}, are seeds"
        )
        yield Caution(
            f"{which} that the model {how} (the same files or records): it {worth}. Take a lot "
            "that it has not seen.",
            grave=len(numbers) > FEW * seeds,
        )


def _vague(facts: "Facts") -> str:
    """Where the interval leaves nearly everything open."""
    share, corrected = best(facts.figures.purity.settled)
    if share.high - share.low <= WIDE:
        return ""
    more = "more seeds of the lot"
    if corrected:
        more += ", and more known seeds to calibrate with,"
    return (
        f"The purity is hardly known: anything from {interval(share)} fits what was seen. It takes "
        f"{more} or a better model."
    )
