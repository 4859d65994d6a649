"""Everything that was counted, measured and drawn -> one HTML page."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from bimae.data import SeedDataset
from bimae.errors import ConfigError, count
from bimae.report.inspect import drawings, pictures
from bimae.report.inspect.charts import Axes, visible_light
from bimae.report.inspect.gallery import MOST_CLASSES, ShownClass, Views, show_class, shown_rows
from bimae.report.inspect.measure import REGIONS, Counted, Measured, choose_samples, measure
from bimae.report.inspect.notes import bands_in_words, listed, notes
from bimae.report.inspect.pictures import TIMES
from bimae.report.inspect.quality import Floats, suspicions
from bimae.report.inspect.tally import Tally, tally
from bimae.report.one_file import render
from bimae.spectra import BandSelection

MARK = "<!-- made by bimae data inspect -->"
SPREAD_BANDS = 4  # shown one by one where none are asked for
UNLABELLED_TIMES = 4  # as many samples are shown of a data set that has no classes
MOST_GROUPS = 200  # listed
_UNIT_NAMES = {"counts": "counts", "radiance": "radiance", "reflectance": "reflectance"}


_PHOTOS = (("Spectra", "none: photos alone"),)


@dataclass(frozen=True)
class Page:
    """The page, and what is in it.

    Attributes:
        html: The whole file.
        notes: What is worth a look, in plain sentences.
        samples_read: How many samples the statistics are of.
    """

    html: str
    notes: tuple[str, ...]
    samples_read: int


def draw_page(
    ds: SeedDataset,
    *,
    path: str,
    per_class: int = 6,
    bands: BandSelection | None = None,
    seed: int = 0,
    most: int = 2000,
    progress: Counted | None = None,
) -> Page:
    """Draws a data set as one HTML page.

    Args:
        ds: The data set, opened with `hs_size=None, rgb_size=None`: shown as stored.
        path: What the user calls it.
        per_class: How many samples of a class to show; of unlabelled data, four times as many.
        bands: Which bands to show one by one; None shows four spread over the range.
        seed: Seed of all choices.
        most: How many samples to read for the statistics, at most.
        progress: Wraps the numbers of the samples while they are read.

    Raises:
        BandError: `bands` asks for what the data do not have.
        ConfigError: `per_class` or `most` is not positive.
        DataError: The files changed since the data set was opened.
    """
    if per_class < 1 or most < 1:
        raise ConfigError(f"per_class={per_class}, most={most}: expected at least 1 of each")
    nm = ds.wavelengths_nm
    asked = range(ds.bands) if bands is None else bands.resolve(ds.bands, nm)
    single = pictures.spread_bands(asked, SPREAD_BANDS if bands is None else pictures.MOST_BANDS)
    colour = pictures.false_colour(ds.bands, nm)
    kept = tuple(dict.fromkeys([*colour.bands, *single]))
    counts = tally(ds)
    if not ds.classes:
        per_class *= UNLABELLED_TIMES
    numbers = choose_samples(counts.classes, most, seed)
    measured = measure(ds, numbers, kept, seed=seed, counted=progress)
    views = Views(
        colour, single, pictures.Stretch.of(measured.kept), kept, photos=ds.info.photos_alone
    )
    draw = partial(
        show_class, ds, measured=measured, parts=counts.parts, views=views,
        per_class=per_class, seed=seed,
    )  # fmt: skip
    shown = [draw(row, place) for place, row in enumerate(shown_rows(counts.classes))]
    suspicious = [] if ds.info.photos_alone else suspicions(measured.quality, nm)
    told = notes(ds, counts, measured, suspicious)
    context = {
        "path": path,
        "seed": seed,
        "per_class": per_class,
        "notes": told,
        "left_out_bands": len(asked) - len(single) if bands is not None else 0,
        **_facts(ds, counts, measured),
        **_pictures(ds, views),
        **_charts(ds, shown, measured),
        "counts": counts,
        "shown": shown,
        "left_out": _left_out(counts, shown),
        "largest": max(len(row.samples) for row in counts.classes),
        "groups": counts.groups[:MOST_GROUPS],
        "groups_left_out": len(counts.groups[MOST_GROUPS:]),
        "photos": ds.info.photos_alone,
        "suspicious": [
            (bands_in_words(item.bands, nm), item.kind, item.words) for item in suspicious
        ],
        "suspicious_bands": {band for item in suspicious for band in item.bands},
        "quality": measured.quality,
        "measured": measured,
        "isnan": math.isnan,
    }
    html = render("bimae.report.inspect", context, MARK, {"g": _number, "counted": count})
    return Page(html, tuple(note.text for note in told), len(measured.numbers))


def _facts(ds: SeedDataset, counts: Tally, measured: Measured) -> dict[str, Any]:
    """The head of the page: names and values in the order of reading."""
    info, nm = ds.info, ds.wavelengths_nm
    reach = "unknown" if nm is None else f"{nm[0]:.0f} to {nm[-1]:.0f} nm"
    if info.fwhm_nm:
        low, high = min(info.fwhm_nm), max(info.fwhm_nm)
        width = (
            f"{low:.1f}" if math.isclose(low, high, abs_tol=0.05) else f"{low:.1f} to {high:.1f}"
        )
        reach += f", each {width} nm wide (FWHM)"
    kinds = ", ".join(name for name, _ in measured.kinds.most_common())
    spectra = (
        ("Bands", f"{ds.bands:,}"),
        ("Wavelengths", reach),
        ("Spectral images", f"{_sizes(measured.hs_sizes)}, {kinds}"),
    )
    unstated = (
        ("source and licence", info.source),
        ("wavelengths", nm or info.photos_alone),
        ("unit of the values", info.unit),
        ("sensor", info.sensor or info.photos_alone),
        ("what the RGB images are", info.rgb or info.simulated),
    )
    return {
        "info": info,
        "title": info.name or ds.root.resolve().name or str(ds.root),
        "facts": [
            ("Samples", f"{len(ds):,}"),
            ("Classes", f"{len(ds.classes):,}" if ds.classes else "no labels"),
            ("Groups", f"{len(counts.groups):,}" if counts.groups else "none"),
            *(_PHOTOS if info.photos_alone else spectra),
            ("RGB images", f"{_sizes(measured.rgb_sizes)}, {info.rgb}".rstrip(", ")),
            *([("Values", info.unit)] if info.unit and not info.photos_alone else []),
            *([("Sensor", info.sensor)] if info.sensor else []),
        ],
        "not_stated": listed([name for name, value in unstated if not value]),
        "total": len(ds),
    }


def _pictures(ds: SeedDataset, views: Views) -> dict[str, Any]:
    """What the views are called, and the legend of their colours."""
    nm = ds.wavelengths_nm
    made = ds.info.rgb == "false colour"
    scale = views.stretch_of(views.bands)
    names = [pictures.band_name(i, nm) for i in views.bands]
    return {
        "rgb_name": "RGB (false colour)" if made else "RGB",
        "rgb_made": made,
        "false_colour": views.false_colour,
        "band_names": names,
        "legend": list(zip(names, scale.low.tolist(), scale.high.tolist(), strict=True)),
        "viridis": ", ".join(pictures.viridis_stops()),
    }


def _charts(ds: SeedDataset, shown: Sequence[ShownClass], measured: Measured) -> dict[str, Any]:
    x, x_title = drawings.axis_of_bands(ds.bands, ds.wavelengths_nm)
    names = drawings.COLOURS_OF_PHOTOS if ds.info.photos_alone else ()
    x_title = "" if names else x_title
    value = _UNIT_NAMES.get(ds.info.unit, ds.info.unit) or "value"
    if set(measured.kinds) == {"uint8"}:
        value += ", stored as 0 to 255" if ds.info.unit else " as stored (0 to 255)"
    elif not ds.info.unit:
        value += " as stored"
    spectra = [
        drawings.spectra_chart(x, (x_title, value), region, shown, measured, names=names)
        for region in REGIONS
    ]
    quality = drawings.quality_chart(x, x_title, value, measured.quality)
    bright = drawings.brightness_chart(f"mean {value}", shown, measured, ds.ids)
    data = {
        "x": [float(v) for v in x],
        "unit": "nm" if ds.wavelengths_nm else "",
        "names": names or None,
        "axes": {chart.region: _scale(chart.axes) for chart in spectra},
        "sampleAxes": {chart.region: _scale(chart.sample_axes) for chart in spectra},
        "bandAxes": _scale(quality.axes),
        "classes": [
            {
                "name": c.title,
                "colour": c.colour,
                "samples": {r: s.samples for r, s in c.spectra.items()},
                "mean": {r: _rounded(s.mean) for r, s in c.spectra.items()},
                "sd": {r: _rounded(s.deviation) for r, s in c.spectra.items()},
            }
            for c in shown
        ],
        "samples": [
            {
                "class": c.place,
                "size": e.size,
                "spectrum": {r: _rounded(s) for r, s in e.spectra.items()},
            }
            for c in shown
            for e in c.examples
        ],
    }
    return {
        "x": x,
        "spectra": spectra,
        "light": visible_light(spectra[0].axes) if ds.wavelengths_nm else [],
        "quality_chart": quality,
        "brightness": bright,
        "marks": drawings.marks,
        "data": data,
    }


def _left_out(counts: Tally, shown: Sequence[ShownClass]) -> str:
    """Which classes are not shown, in words; empty where all are."""
    places = {c.row.name for c in shown}
    missing = [str(row.name) for row in counts.classes if row.name not in places]
    if not missing:
        return ""
    return (
        f"Pictures and spectra are shown of the {MOST_CLASSES} largest classes only; left out are "
        f"{count(len(missing), 'class')} ({listed(missing)})."
    )


def _sizes(sizes: Counter[tuple[int, int]]) -> str:
    """Sizes in pixels as words, width first as people say it."""
    if len(sizes) == 1:
        ((height, width),) = sizes
        return f"{width} {TIMES} {height} pixels"
    heights, widths = zip(*sizes, strict=True)
    return (
        f"{len(sizes)} sizes, {min(widths)} {TIMES} {min(heights)} to "
        f"{max(widths)} {TIMES} {max(heights)} pixels"
    )


def _scale(axes: Axes) -> dict[str, Any]:
    drawn_already = ("x_title", "y_title", "x_names")
    return {key: value for key, value in asdict(axes).items() if key not in drawn_already}


def _rounded(values: Floats) -> list[float | None]:
    """Four digits are enough for a screen; JSON has no NaN."""
    return [float(f"{v:.4g}") if np.isfinite(v) else None for v in values]


def _number(value: float, form: str = ".4g") -> str:
    return format(value, form) if math.isfinite(value) else "–"  # noqa: RUF001
