"""A purity report as one HTML page for a person."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bimae.errors import count
from bimae.predict.melding import Share, clopper_pearson
from bimae.predict.purity import Purity
from bimae.report.explain import Facts as Explanations
from bimae.report.one_file import render
from bimae.report.purity import words
from bimae.report.purity.facts import Facts
from bimae.report.purity.gallery import Gallery
from bimae.report.purity.reference import Reference

MARK = "<!-- made by bimae purity -->"
LEFT, RIGHT = 4.0, 216.0  # ends of the line that intervals are drawn on, in the picture's units


@dataclass(frozen=True)
class Reading:
    """A way of counting, as a row of a table: what it is, and where its interval is drawn."""

    title: str
    words: str
    seeds: int
    share: Share
    at: float
    low: float
    high: float


def draw_page(
    facts: Facts,
    gallery: Gallery,
    reference: Reference,
    weights: Mapping[str, float] | None = None,
    explained: Explanations | None = None,
) -> str:
    """The page.

    Args:
        facts: What the report is made of.
        gallery: The seeds to look at.
        reference: Mean spectra.
        weights: Grams per thousand seeds of each species, where purity by weight is told.
        explained: What carried the answers to the seeds that are drawn, if that is told.
    """
    figures, level = facts.figures, facts.level
    counts, settled = figures.answers, figures.purity.settled
    best, corrected = words.best(settled)
    found = _readings(facts)
    lowest = math.floor(20 * min(share.low for *_, share in found)) / 20
    context: dict[str, Any] = {
        "facts": facts,
        "figures": figures,
        "gallery": gallery,
        "explained": explained,
        "axes": gallery.axes,
        "photos": facts.samples.info.photos_alone,
        "reference": reference,
        "notice": words.NOTICE,
        "unreliable": words.UNRELIABLE,
        "confidence": f"{100 * level:g} %",
        "best": best,
        "corrected": corrected,
        "called": settled.called,
        "rejected": clopper_pearson(counts.unknown, counts.seeds, level),
        "readings": [_placed(*row, lowest) for row in found],
        "scale_from": lowest,
        "agreement": words.agreement(settled) if _agrees(settled) else "",
        "plan": words.plan_words(figures.plan, level),
        "mistakes": (
            words.mistakes_words(settled.corrected, figures) if settled.corrected else ""
        ),
        "known_mistakes": any(one.crop_called_this is not None for one in figures.species),
        "to_look_at": int(facts.lot.to_look_at.sum()),
        "filters": _filters(facts, gallery),
        "weights": [
            (name, f"{weights[name]:g} g") for name in facts.lot.classes if name in weights
        ] if weights and figures.weight else [],
    }  # fmt: skip
    return render("bimae.report.purity", context, MARK, _WRITTEN)


_WRITTEN: dict[str, Callable[..., str]] = {
    "percent": words.percent,
    "interval": words.interval,
    "many": count,
    "short": words.short,
}


def _agrees(purity: Purity) -> bool:
    """Whether the answers fit; where they do not, a warning at the top has said so."""
    return purity.corrected is not None and purity.corrected.agrees


def _readings(facts: Facts) -> list[tuple[str, str, int, Share]]:
    """Each way of counting: title, words, seeds, share."""
    figures = facts.figures
    pairs = [(words.SETTLED, figures.purity.settled)]
    if figures.answers.unknown and figures.purity.answered is not None:
        pairs.append((words.ANSWERED, figures.purity.answered))
    found = []
    for mark, one in pairs:
        text = mark.lower() if figures.answers.unknown else "no seed was rejected"
        if one.corrected is not None:
            name = "By number, corrected for mistakes"
            found.append((name, text, one.seeds, one.corrected.purity))
        found.append(("By number, as called", text, one.seeds, one.called))
    if figures.weight is not None:
        corrected = "corrected for mistakes" if figures.check else "as called"
        found.append((
            "By weight, estimated",
            f"from a table of thousand-seed weights; {corrected}; {words.ANSWERED.lower()}",
            figures.answers.answered.seeds,
            figures.weight,
        ))  # fmt: skip
    return found


def _placed(title: str, text: str, seeds: int, share: Share, lowest: float) -> Reading:
    def at(value: float) -> float:
        return round(LEFT + (value - lowest) / (1 - lowest) * (RIGHT - LEFT), 1)

    return Reading(title, text, seeds, share, at(share.value), at(share.low), at(share.high))


def _filters(facts: Facts, gallery: Gallery) -> list[tuple[str, str, int]]:
    """What can be shown alone: value, name, how many cards."""
    rows = [card.row for card in gallery.cards]
    found = []
    if rejected := sum(row.rejected for row in rows):
        found.append(("rejected", "rejected", rejected))
    if doubtful := sum(row.doubtful for row in rows):
        found.append(("doubtful", "doubtful", doubtful))
    called = Counter(row.called for row in rows if not row.rejected)
    found += [(str(number), facts.lot.classes[number], n) for number, n in called.most_common()]
    return found
