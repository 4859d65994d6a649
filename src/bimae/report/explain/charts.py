"""Curves over wavelength: what bands were worth to one answer, and to those of a class.

Shapes: n channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bimae.explain.many import Explained
from bimae.report.explain.facts import Facts
from bimae.report.inspect.charts import Axes, span
from bimae.report.inspect.drawings import axis_of_bands

MOST_POINTS = 150
ROOM = 18  # right of an axis: half of a label such as 1000, which may stand at its end


@dataclass(frozen=True)
class BandCurve:
    """What the bands of a sample were worth.

    Attributes:
        below: Axes: of falls of log-odds.
        fall: Area between the falls and 0.
        attention: Line of the relevance of bands, as high as the chart; empty where there is none.
        zero: Where no fall lies.
    """

    below: Axes
    fall: str
    attention: str
    zero: float


@dataclass(frozen=True)
class BandChart(BandCurve):
    """The spectrum of a sample, to be drawn above that.

    Attributes:
        axes: Of the spectrum.
        line: The spectrum.
    """

    axes: Axes
    line: str


@dataclass(frozen=True)
class ClassChart:
    """What bands were worth to the answers of one class.

    Attributes:
        name: Of the class.
        count: How many samples were called so.
        axes: Of the falls of log-odds, the same for all classes.
        mean: Area between their mean and 0.
        spread: Area of a standard deviation to both sides; empty for a single sample.
        zero: Where no fall lies.
        values: [n] the mean, in order of wavelength.
    """

    name: str
    count: int
    axes: Axes
    mean: str
    spread: str
    zero: float
    values: NDArray[np.float64]


def band_chart(facts: Facts, spectrum: NDArray[np.float64], one: Explained) -> BandChart:
    """Of a sample, given its spectrum over all bands of the sensor."""
    bands, nm = facts.samples.bands, facts.samples.wavelengths_nm
    stored, title = axis_of_bands(bands, nm)
    ends = _ends([*stored, *facts.x])
    unit = facts.samples.info.unit or "value as stored"
    axes = Axes(520, 130, 46, 520 - ROOM, 8, 124, ends, span(spectrum, from_zero=True), "", unit)
    some = np.unique(np.linspace(0, bands - 1, min(bands, MOST_POINTS)).round()).astype(int)
    below = Axes(520, 150, 46, 520 - ROOM, 6, 112, ends, (0, 1), title, "fall of log-odds")
    line = axes.line([stored[i] for i in some], spectrum[some])
    return BandChart(*curves(facts, one, below), axes, line)


def curves(facts: Facts, one: Explained, below: Axes) -> tuple[Axes, str, str, float]:
    """What bands were worth, on axes of which y is yet to be fitted: see `BandCurve`."""
    falls = facts.band_values(one.maps["bands", "occlusion"])
    below = replace(below, y=_around(falls))
    attention = ""
    if ("bands", "relevance") in one.maps:
        weights = facts.band_values(one.maps["bands", "relevance"])
        high = below.y[1] * 0.92 / (weights.max() or 1.0)
        attention = below.line(facts.x, weights * high)
    return below, area(below, facts.x, falls), attention, below.up(0)


def class_charts(facts: Facts) -> list[ClassChart]:
    """One for each class that was explained; none where no spectra were shown."""
    if facts.places is None:
        return []
    rows = {
        target: np.stack([facts.band_values(one.maps["bands", "occlusion"]) for one in mine])
        for target, mine in facts.by_class().items()
    }
    means = {target: values.mean(axis=0) for target, values in rows.items()}
    spreads = {target: values.std(axis=0) for target, values in rows.items()}
    reach = [means[t] + sign * spreads[t] for t in rows for sign in (-1, 1)]
    y = _around(np.concatenate(reach)) if reach else (0.0, 1.0)
    _, title = axis_of_bands(facts.samples.bands, facts.samples.wavelengths_nm)
    axes = Axes(340, 150, 40, 340 - ROOM, 6, 114, _ends(facts.x), y, title)
    found = []
    for target, mean in means.items():
        spread = spreads[target]
        wide = axes.area(facts.x, mean - spread, mean + spread) if spread.any() else ""
        found.append(
            ClassChart(
                facts.classes[target], len(rows[target]), axes, area(axes, facts.x, mean), wide,
                axes.up(0), mean,
            )
        )  # fmt: skip
    return found


def area(axes: Axes, x: Sequence[float], values: NDArray[np.float64]) -> str:
    """Path between values and 0; of a single one a bar."""
    if len(x) == 1:
        at, top = axes.across(x[0]), axes.up(float(values[0]))
        return f"M{at - 4} {axes.up(0)} L{at - 4} {top} L{at + 4} {top} L{at + 4} {axes.up(0)}Z"
    points = [f"{axes.across(p)} {axes.up(float(v))}" for p, v in zip(x, values, strict=True)]
    first, last = f"{axes.across(x[0])} {axes.up(0)}", f"{axes.across(x[-1])} {axes.up(0)}"
    return f"M{' L'.join([first, *points, last])}Z"


def _ends(x: Sequence[float]) -> tuple[float, float]:
    low, high = min(x), max(x)
    return (low, high) if high > low else (low - 1, high + 1)


def _around(values: NDArray[np.float64]) -> tuple[float, float]:
    """Ends of an axis that shows values and 0."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    room = 0.06 * (high - low) or 1.0
    return low - room * (low < 0), high + room
