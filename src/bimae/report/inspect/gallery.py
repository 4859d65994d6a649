"""The classes that a page shows, each with some of its samples in three views."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bimae.data import Sample, SeedDataset
from bimae.report.inspect.charts import NO_CLASS_COLOUR, look_of_class
from bimae.report.inspect.measure import (
    REGIONS,
    ClassSpectrum,
    Measured,
    Region,
    choose_examples,
    class_spectrum,
    mean_spectra,
)
from bimae.report.inspect.pictures import (
    PHOTO_FROM,
    TIMES,
    FalseColour,
    Stretch,
    band_pictures,
    false_colour_picture,
    rgb_picture,
)
from bimae.report.inspect.quality import Floats
from bimae.report.inspect.tally import ClassRow, Parts

MOST_CLASSES = 60  # shown with pictures and spectra; of more, the largest
NO_LABEL = "(no label)"


@dataclass(frozen=True)
class Views:
    """Which bands are shown, and with which colours.

    Attributes:
        false_colour: The three bands of the false-colour view.
        bands: The bands that are shown one by one.
        stretch: Colour scales of `kept`.
        kept: All of these bands, each once.
        photos: Whether there are RGB images alone, and no bands to show.
    """

    false_colour: FalseColour
    bands: tuple[int, ...]
    stretch: Stretch
    kept: tuple[int, ...]
    photos: bool = False

    def stretch_of(self, bands: Sequence[int]) -> Stretch:
        """Colour scales of some of the kept bands."""
        return self.stretch.take([self.kept.index(i) for i in bands])


@dataclass(frozen=True)
class Example:
    """A sample as the page shows it.

    Attributes:
        id: Its name.
        group: Its group, or None.
        part: Its part of the split, or None.
        size: Sizes of its images, in words.
        rgb: Data URI of the RGB image.
        rgb_small: Whether that is so small that its pixels are drawn as squares.
        false_colour: Data URI of the false-colour image.
        bands: Data URIs of the bands.
        spectra: [bands] mean over the pixels of each region; NaN where there are none.
    """

    id: str
    group: str | None
    part: str | None
    size: str
    rgb: str
    rgb_small: bool
    false_colour: str
    bands: list[str]
    spectra: dict[Region, Floats]


@dataclass(frozen=True)
class ShownClass:
    """A class as the page shows it.

    Attributes:
        place: Its number on the page, from 0.
        title: Its name, or what stands for samples without one.
        row: Its counts.
        colour: Of its line.
        dash: Of its line, as in SVG.
        spectra: Of its samples that were read, for each region.
        examples: Some of its samples.
    """

    place: int
    title: str
    row: ClassRow
    colour: str
    dash: str
    spectra: dict[Region, ClassSpectrum]
    examples: list[Example]


def shown_rows(rows: Sequence[ClassRow]) -> list[ClassRow]:
    """The classes that there is room for: all, or the largest; in their order.

    Args:
        rows: All classes.
    """
    if len(rows) <= MOST_CLASSES:
        return list(rows)
    largest = sorted(range(len(rows)), key=lambda i: -len(rows[i].samples))[:MOST_CLASSES]
    return [rows[i] for i in sorted(largest)]


def show_class(
    ds: SeedDataset,
    row: ClassRow,
    place: int,
    *,
    measured: Measured,
    parts: Parts,
    views: Views,
    per_class: int,
    seed: int,
) -> ShownClass:
    """Draws some samples of a class.

    Args:
        ds: The data set, opened with the sizes as stored.
        row: The class.
        place: Its number on the page.
        measured: What was read for the statistics.
        parts: The split.
        views: Which bands to draw.
        per_class: How many samples to draw at most.
        seed: Seed of the choice.
    """
    numbers = choose_examples(row, per_class, seed)
    examples = [_example(ds[number], parts.of[number], views) for number in numbers]
    colour, dash = look_of_class(place) if row.name is not None else (NO_CLASS_COLOUR, "")
    title = NO_LABEL if row.name is None else row.name
    spectra = {region: class_spectrum(measured, row, region) for region in REGIONS}
    return ShownClass(place, title, row, colour, dash, spectra, examples)


def _example(sample: Sample, part: str | None, views: Views) -> Example:
    # Large cubes are thinned before they are stretched: the picture is small anyway.
    step = max(1, math.ceil(max(sample.hs.shape[:2]) / 512))
    cube = sample.hs[::step, ::step]
    padding = ~(cube != 0).any(axis=2)
    three = list(views.false_colour.bands)
    chosen = list(views.bands)
    height, width = sample.rgb.shape[:2]
    rows, columns, _ = sample.hs.shape
    cube_size = "" if views.photos else f", cube {columns} {TIMES} {rows}"
    return Example(
        sample.id,
        sample.group,
        part,
        f"RGB {width} {TIMES} {height}{cube_size} pixels",
        rgb_picture(sample.rgb),
        max(height, width) < PHOTO_FROM,
        ""
        if views.photos
        else false_colour_picture(cube[..., three], views.stretch_of(three), padding),
        [] if views.photos else band_pictures(cube[..., chosen], views.stretch_of(chosen), padding),
        mean_spectra(sample.hs),
    )
