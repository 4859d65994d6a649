"""The charts of the page: scales and paths, ready to be drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bimae.report.inspect.charts import Axes, Tick, span
from bimae.report.inspect.gallery import ShownClass
from bimae.report.inspect.measure import Measured, Region
from bimae.report.inspect.quality import BandQuality, Floats

WIDTH = 1080.0
COLOURS_OF_PHOTOS = ("blue", "green", "red")
"""What stands where spectra are expected, of photos alone."""


@dataclass(frozen=True)
class Curve:
    """A line and the spread around it, as paths; where it is of a class, its place."""

    place: int
    line: str
    area: str


@dataclass(frozen=True)
class SpectraChart:
    """Mean spectra of all shown classes in one chart, and in one small chart each.

    Attributes:
        region: Of which region of the images.
        axes: Of the large chart.
        curves: Of the large chart.
        small_axes: Of each small chart.
        small_curves: One each.
        overall: The mean over all samples, in each small chart.
        sample_axes: Of the chart beside an enlarged sample.
    """

    region: Region
    axes: Axes
    curves: list[Curve]
    small_axes: Axes
    small_curves: list[Curve]
    overall: str
    sample_axes: Axes


@dataclass(frozen=True)
class QualityChart:
    """Figures of the bands as charts; noise and saturation are None where there is nothing to draw.

    Attributes:
        axes: Of the values.
        range: Area from the smallest to the largest value.
        mean: Line of the mean.
        noise_axes: Of the noise as a share of the signal.
        noise: Its line.
        saturated_axes: Of the share of saturated pixels.
        saturated: Its line.
    """

    axes: Axes
    range: str
    mean: str
    noise_axes: Axes | None
    noise: str
    saturated_axes: Axes | None
    saturated: str


@dataclass(frozen=True)
class BrightnessRow:
    """Samples of a class on a line: dots as a path, the middle one, and the outermost samples."""

    title: str
    colour: str
    y: float
    dots: str
    median: float
    darkest: str
    brightest: str


@dataclass(frozen=True)
class BrightnessChart:
    """How bright the samples of each class are."""

    axes: Axes
    rows: list[BrightnessRow]


def axis_of_bands(bands: int, wavelengths: Sequence[float] | None) -> tuple[Sequence[float], str]:
    """Where bands lie on an axis, and its title: wavelengths, or numbers where unknown.

    Args:
        bands: How many there are.
        wavelengths: Their centres in nm, or None.
    """
    if wavelengths is None:
        return [float(i) for i in range(bands)], "band (numbered from 0)"
    return wavelengths, "wavelength (nm)"


def spectra_chart(
    x: Sequence[float],
    titles: tuple[str, str],
    region: Region,
    shown: Sequence[ShownClass],
    measured: Measured,
    *,
    names: tuple[str, ...] = (),
) -> SpectraChart:
    """Mean spectra with their spread.

    Args:
        x: Where the bands lie.
        titles: What x is, and what the values are.
        region: Of which region of the images.
        shown: The classes.
        measured: What was read.
        names: Of the bands, where these are no wavelengths or numbers.
    """
    found = [c.spectra[region] for c in shown]
    spread = [np.nan_to_num(spectrum.deviation, nan=0.0) for spectrum in found]
    low = [spectrum.mean - d for spectrum, d in zip(found, spread, strict=True)]
    high = [spectrum.mean + d for spectrum, d in zip(found, spread, strict=True)]
    y = span(np.concatenate([*low, *high]), from_zero=True)
    x_span = _x_span(x)
    axes = Axes(WIDTH, 440, 64, WIDTH - 24, 14, 384, x_span, y, *titles, x_names=names)
    small = Axes(210, 120, 34, 196, 6, 98, x_span, y, x_names=names)
    mean = [spectrum.mean for spectrum in found]
    lines = list(zip(shown, low, mean, high, strict=True))
    own = [example.spectra[region] for c in shown for example in c.examples]
    sample_axes = Axes(
        760, 270, 64, 740, 12, 216, x_span, span(np.concatenate([*low, *high, *own]), True),
        *titles, x_names=names,
    )  # fmt: skip
    # Samples without a pixel are NaN throughout; without any other there is no mean.
    filled = measured.spectra[region][np.isfinite(measured.spectra[region]).all(axis=1)]
    overall = filled.mean(axis=0) if len(filled) else np.full(len(x), np.nan)
    return SpectraChart(
        region,
        axes,
        [_curve(axes, x, *line) for line in lines],
        small,
        [_curve(small, x, *line) for line in lines],
        small.line(x, overall),
        sample_axes,
    )


def quality_chart(
    x: Sequence[float], x_title: str, y_title: str, quality: BandQuality
) -> QualityChart:
    """Range, noise and saturation of every band.

    Args:
        x: Where the bands lie.
        x_title: What x is.
        y_title: What the values are.
        quality: Figures of the bands.
    """
    y = span(np.concatenate([quality.minimum, quality.maximum]), from_zero=True)
    axes = Axes(WIDTH, 260, 64, WIDTH - 24, 12, 206, _x_span(x), y, x_title, y_title)
    share = quality.relative_noise
    low = replace(axes, height=190, bottom=136, y=span(share, True), y_title="noise / signal")
    full = replace(
        low, y=span(np.append(quality.saturated, 0.001), True), y_title="saturated pixels"
    )
    return QualityChart(
        axes,
        axes.area(x, quality.minimum, quality.maximum),
        axes.line(x, quality.mean),
        low if np.isfinite(share).any() else None,
        low.line(x, share),
        full if quality.saturated.any() else None,
        full.line(x, quality.saturated),
    )


def brightness_chart(
    title: str, shown: Sequence[ShownClass], measured: Measured, ids: Sequence[str]
) -> BrightnessChart:
    """The mean of each sample over its pixels and bands, class by class.

    Args:
        title: What the values are.
        shown: The classes.
        measured: What was read.
        ids: Names of all samples of the data set.
    """
    bright = np.full(len(measured.numbers), np.nan)
    filled = measured.filled > 0
    bright[filled] = measured.spectra["whole"][filled].mean(axis=1)
    bottom = 12.0 + 22 * len(shown)
    axes = Axes(WIDTH, bottom + 52, 190, WIDTH - 24, 8, bottom, span(bright), (0, 1), title)
    rows = []
    for i, c in enumerate(shown):
        mine = np.flatnonzero(np.isin(measured.numbers, c.row.samples) & filled)
        if mine.size:
            names = [ids[number] for number in measured.numbers[mine]]
            rows.append(_brightness_row(axes, c, 19.0 + 22 * i, bright[mine], names))
    return BrightnessChart(axes, rows)


def marks(axes: Axes, x: Sequence[float], bands: Sequence[int]) -> list[Tick]:
    """Where bands lie on a chart's axis, with their numbers."""
    return [Tick(axes.across(x[i]), str(i)) for i in bands]


def _curve(axes: Axes, x: Sequence[float], c: ShownClass, *low_mean_high: Floats) -> Curve:
    low, mean, high = low_mean_high
    spread = bool((high > low).any())
    return Curve(c.place, axes.line(x, mean), axes.area(x, low, high) if spread else "")


def _brightness_row(
    axes: Axes, c: ShownClass, y: float, bright: Floats, names: Sequence[str]
) -> BrightnessRow:
    dots = "".join(f"M{axes.across(float(v))} {y:g}h0" for v in np.sort(bright))
    ends = [int(bright.argmin()), int(bright.argmax())]
    darkest, brightest = (f"{names[i]} ({bright[i]:.3g})" for i in ends)
    middle = axes.across(float(np.median(bright)))
    return BrightnessRow(c.title, c.colour, y, dots, middle, darkest, brightest)


def _x_span(x: Sequence[float]) -> tuple[float, float]:
    return (x[0], x[-1]) if x[-1] > x[0] else (x[0] - 1, x[0] + 1)
