"""Explanations as one HTML page for a person."""

from collections.abc import Sequence

from bimae.report.explain import words
from bimae.report.explain.charts import class_charts
from bimae.report.explain.facts import Facts
from bimae.report.explain.gallery import Card
from bimae.report.explain.pictures import AGAINST, FOR
from bimae.report.inspect.pictures import false_colour
from bimae.report.one_file import render

MARK = "<!-- made by bimae explain -->"


def draw_page(facts: Facts, drawn: Sequence[Card]) -> str:
    """The page.

    Args:
        facts: What the report is made of.
        drawn: The samples.
    """
    charts = [card.chart for card in drawn if card.chart is not None]
    context = {
        "facts": facts,
        "cards": drawn,
        "classes": class_charts(facts),
        "axes": charts[0].axes if charts else None,
        "checked": max((one.samples for one in facts.trust.values()), default=0),
        "trust": [
            (words.name(key), words.gain(one), f"{one.better:.0%}", words.signed(one.alike),
             words.verdict(one), bool(one.doubts))
            for key, one in facts.trust.items()
        ],
        "for_colour": "#{:02x}{:02x}{:02x}".format(*FOR),
        "against_colour": "#{:02x}{:02x}{:02x}".format(*AGAINST),
        "colours": false_colour(facts.samples.bands, facts.samples.wavelengths_nm),
    }  # fmt: skip
    return render("bimae.report.explain", context, MARK, {"percent": _percent})


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
