"""Which bands matter, as a picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bimae.report.figures import MADE_COLOUR, SEEN_COLOUR, TRUE_COLOUR

NAMED = 10  # so many classes have a name in the picture; more would hide the curves


def band_figure(
    told: Mapping[str, Any],
    spectra: Mapping[str, NDArray[np.float64]],
    places: Sequence[float],
    unit: str,
) -> Figure:
    """Mean spectra of the classes, importance of each group of bands, and the chosen bands.

    Args:
        told: What `bands.json` says.
        spectra: [C] mean spectrum of each class, in the unit of the images.
        places: [C] where each band lies.
        unit: What `places` are, for the axis: `wavelength (nm)` or `band`.
    """
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    top, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [1.3, 1]})
    for name, values in spectra.items():
        label = name if len(spectra) <= NAMED else None
        top.plot(places, values, lw=1, alpha=0.5, label=label)
    top.set(ylabel="mean spectrum of each class", title=_title(told))
    low, wide, value, spread = np.array([_bar(row) for row in told["importance"]["groups"]]).T
    below.bar(
        low, value, wide, yerr=spread, align="edge", color=TRUE_COLOUR, alpha=0.6, capsize=2,
        edgecolor="white",
    )  # fmt: skip
    below.axhline(0, color=SEEN_COLOUR, lw=0.6)
    below.set(xlabel=unit, ylabel="rise of log-loss when\nthe group is exchanged")
    for row in told["chosen"]["bands"] if told["chosen"] else ():
        place, width = row["place"], row["width_nm"]
        for axes in (top, below):
            axes.axvline(place, color=MADE_COLOUR, lw=1.2)
            if row["filter"]:
                axes.axvspan(
                    place - width / 2, place + width / 2, color=MADE_COLOUR, alpha=0.15, lw=0
                )
        top.annotate(
            str(row["rank"]), (place, 1), xycoords=("data", "axes fraction"), ha="left", va="top",
            xytext=(2, -2), textcoords="offset points", color=MADE_COLOUR, fontsize=9,
        )  # fmt: skip
    if 0 < len(spectra) <= NAMED:
        top.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _bar(row: Mapping[str, Any]) -> tuple[float, float, float, float]:
    low, high = row["span"]
    return low, high - low, row["log_loss"]["mean"], row["log_loss"]["spread"]


def _title(told: Mapping[str, Any]) -> str:
    """What is shown, first of all that data are simulated."""
    chosen = told["chosen"]
    kind = "filters" if chosen and chosen["bands"][0]["filter"] else "bands"
    what = f"{len(chosen['bands'])} chosen {kind} (lines) and " if chosen else ""
    simulated = "SIMULATED DATA - " * told["simulated"]
    part, repeats = told["importance"]["part"], told["importance"]["repeats"]
    bars = "bars: mean and deviation of" if repeats > 1 else "bars:"
    return (
        f"{simulated}{told['data']}: {what}importance of groups\n"
        f"{bars} {repeats} permutation{'s' * (repeats > 1)} of the {part} part"
    )
