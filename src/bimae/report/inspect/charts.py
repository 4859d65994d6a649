"""Where lines, areas and ticks of a chart lie. The template draws them as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bimae.report.inspect.quality import Floats, runs_without_gaps

# Searched for: told apart with any kind of colour vision, and three times as dark as white.
COLOURS = (
    "#207bf1", "#c18616", "#6d1600", "#ee5fb0", "#5e0578", "#92895c", "#3700c5", "#12151b",
)  # fmt: skip
DASHES = ("", "7 3", "2 2.5", "9 3 2 3", "12 5")
NO_CLASS_COLOUR = "#6b757a"

# What the eye sees at a wavelength (nm), roughly; only to help a person find their way.
_SPECTRUM = (
    (380, "#4b0082"), (430, "#4a2bd6"), (470, "#1f6fe0"), (500, "#12a59b"), (535, "#3aa72f"),
    (575, "#d9cf1d"), (600, "#f09a16"), (635, "#e03a1e"), (690, "#a11414"), (740, "#5a0d0d"),
)  # fmt: skip
VISIBLE_NM = (380.0, 740.0)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, in the picture's units, and what to write there."""

    at: float
    text: str


@dataclass(frozen=True)
class Axes:
    """A rectangle with scales, in the picture's units; y grows downwards there.

    Attributes:
        width: Of the whole picture.
        height: Of the whole picture.
        left: Left edge of the rectangle.
        right: Right edge.
        top: Upper edge.
        bottom: Lower edge.
        x: Values at the left and the right edge.
        y: Values at the lower and the upper edge.
        x_title: What x is, with its unit.
        y_title: What y is, with its unit.
        x_names: What stands at the whole numbers of x from 0; empty: the numbers themselves.
    """

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]
    x_title: str = ""
    y_title: str = ""
    x_names: tuple[str, ...] = ()

    def across(self, value: float) -> float:
        """Where a value of x lies."""
        low, high = self.x
        return round(self.left + (value - low) / (high - low) * (self.right - self.left), 1)

    def up(self, value: float) -> float:
        """Where a value of y lies."""
        low, high = self.y
        return round(self.bottom - (value - low) / (high - low) * (self.bottom - self.top), 1)

    def x_ticks(self, about: int = 8) -> list[Tick]:
        """Marks at round values of x, or at its names."""
        if self.x_names:
            return [Tick(self.across(v), name) for v, name in enumerate(self.x_names)]
        return [Tick(self.across(v), f"{v:g}") for v in round_values(*self.x, about)]

    def y_ticks(self, about: int = 5, percent: bool = False) -> list[Tick]:
        """Marks at round values of y."""
        values = round_values(*self.y, about)
        return [Tick(self.up(v), f"{v * 100:g} %" if percent else f"{v:g}") for v in values]

    def line(self, x: Sequence[float], y: Floats) -> str:
        """A path through the points; it breaks at gaps of x and where y is not finite."""
        parts = []
        for run in unbroken(x, y):
            points = [f"{self.across(x[i])} {self.up(float(y[i]))}" for i in run]
            # A line of one point is drawn as a dot by its round ends.
            parts.append(f"M{' L'.join(points)}" + ("" if len(points) > 1 else "h0"))
        return "".join(parts)

    def area(self, x: Sequence[float], low: Floats, high: Floats) -> str:
        """A path around what lies between two lines."""
        parts = []
        for run in unbroken(x, low + high):
            there = [f"{self.across(x[i])} {self.up(float(high[i]))}" for i in run]
            back = [f"{self.across(x[i])} {self.up(float(low[i]))}" for i in reversed(run)]
            parts.append(f"M{' L'.join([*there, *back])}Z")
        return "".join(parts)


def round_values(low: float, high: float, about: int) -> list[float]:
    """Round numbers from `low` to `high`, about so many: steps of 1, 2 or 5 times a power of 10."""
    if not high > low:
        return [low]
    rough = (high - low) / max(1, about)
    digits = math.floor(math.log10(rough))
    power = 10.0**digits
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, max(0, 1 - digits)) for i in range(first, last + 1)]


def span(values: Floats, from_zero: bool = False) -> tuple[float, float]:
    """Ends of an axis that shows these values: a little beyond them; never empty.

    Args:
        values: What is shown; values that are not finite are not.
        from_zero: Whether the axis begins at zero, where that is not far below the values.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    room = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    if from_zero and 0 <= low <= high / 3:
        return 0.0, high * 1.04 or 1.0
    return low - room, high + room


def unbroken(x: Sequence[float], y: Floats) -> list[list[int]]:
    """Runs of points that a line may connect: no gap in x between them, every y finite."""
    finite = np.isfinite(y)
    runs: list[list[int]] = []
    for run in runs_without_gaps(x):
        known = [i for i in run if finite[i]]
        for before, i in zip([None, *known], known, strict=False):
            if before == i - 1:
                runs[-1].append(i)
            else:
                runs.append([i])
    return runs


def visible_light(axes: Axes) -> list[Tick]:
    """Colours of visible light along an x axis in nm: where, and which; empty if out of range."""
    if axes.x[1] <= VISIBLE_NM[0] or axes.x[0] >= VISIBLE_NM[1]:
        return []
    return [Tick(axes.across(nm), colour) for nm, colour in _SPECTRUM]


def look_of_class(number: int) -> tuple[str, str]:
    """Colour and dashes of the line of the class of this number."""
    return COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]
