"""The seeds that a person should look at: as pictures, as spectra, and as rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bimae.data import Sample, SeedDataset
from bimae.explain.many import Explained
from bimae.predict.lot import Lot
from bimae.predict.stream import seeds_on_trays
from bimae.report.explain import Facts as Explanations
from bimae.report.explain.charts import BandCurve, curves
from bimae.report.explain.gallery import TITLES, Picture, map_pictures
from bimae.report.inspect.charts import Axes, span
from bimae.report.inspect.drawings import axis_of_bands
from bimae.report.inspect.measure import KEPT_PIXELS, mean_spectra
from bimae.report.inspect.pictures import (
    FalseColour,
    Stretch,
    false_colour,
    false_colour_picture,
    rgb_picture,
)
from bimae.report.inspect.quality import Floats
from bimae.report.purity.reference import Reference

MOST_ROWS = 10_000  # of the table; a page of more does not open
PAPER_SIDE = 112  # pixels of a map on paper, where it is 13 mm wide: 220 an inch
MOST_POINTS = 150  # of a drawn spectrum: more are not seen at this size
Counted = Callable[[Iterable[int]], Iterable[int]]
Trays = Mapping[str, tuple[int, str]]


@dataclass(frozen=True)
class Row:
    """What a seed was called.

    Attributes:
        number: Its place in the lot, from 0.
        id: Its name.
        group: Its tray, or None.
        on_tray: Its number there, as the tray's picture shows it; None where that is not known.
        called: Number of its likeliest class.
        name: That class.
        probability: Of that class.
        several: Its set: classes and their probabilities, the likeliest first.
        rejected: Whether it is taken to be of none of the classes.
        doubtful: Whether it was answered, but not surely.
        crop: Whether it was called the crop.
    """

    number: int
    id: str
    group: str | None
    on_tray: int | None
    called: int
    name: str
    probability: float
    several: tuple[tuple[str, float], ...]
    rejected: bool
    doubtful: bool
    crop: bool


@dataclass(frozen=True)
class Card:
    """A seed as it is drawn.

    Attributes:
        row: What it was called.
        rgb: Data URI of its RGB image.
        false_colour: Data URI of its spectral image in false colour; empty of photos alone.
        line: Path of its spectrum; empty where its image is empty.
        maps: What carried its answer, as pictures; empty where nobody asked.
        bands: Likewise over its bands; None where nobody asked, or no spectra were shown.
    """

    row: Row
    rgb: str
    false_colour: str
    line: str
    maps: tuple[Picture, ...] = ()
    bands: BandCurve | None = None


@dataclass(frozen=True)
class Gallery:
    """All seeds to look at.

    Attributes:
        cards: Those that are drawn.
        rows: The others; at most `MOST_ROWS`.
        left_out: How many are neither drawn nor listed.
        axes: Of the spectra.
        means: Path of the mean spectrum of a class, by its number.
        colours: How false colours are made.
    """

    cards: list[Card]
    rows: list[Row]
    left_out: int
    axes: Axes
    means: dict[int, str]
    colours: FalseColour

    def on_paper(self) -> "Gallery":
        """The same with maps as large as paper needs them: no seed can be opened there."""
        return replace(
            self,
            cards=[
                replace(card, maps=tuple(one.smaller(PAPER_SIDE) for one in card.maps))
                for card in self.cards
            ],
        )


def row_of(samples: SeedDataset, lot: Lot, number: int, trays: Trays) -> Row:
    """What one seed was called; `trays` as `seeds_on_trays` has them."""
    said, inside = lot.judged.probabilities[number], lot.judged.sets[number]
    order = sorted(np.flatnonzero(inside), key=lambda k: -said[k])
    called = int(lot.called[number])
    return Row(
        number,
        samples.ids[number],
        samples.groups[number],
        trays.get(samples.ids[number], (None, ""))[0],
        called,
        lot.classes[called],
        float(lot.probability[number]),
        tuple((lot.classes[k], float(said[k])) for k in order),
        bool(lot.judged.rejected[number]),
        bool(lot.doubtful[number]),
        called == lot.crop,
    )


def choose(lot: Lot, most: int) -> tuple[list[int], list[int]]:
    """Numbers of the seeds to draw, and of the others that are to be looked at.

    Where there are more than can be drawn, one of each class is taken in turn, and of the rejected
    ones too, the least sure first: so that no species is crowded out by another. Both lists are in
    order of certainty, rejected ones first.
    """
    wanted = np.flatnonzero(lot.to_look_at)
    rejected = lot.judged.rejected[wanted]
    kind = np.where(rejected, len(lot.classes), lot.called[wanted])
    order = np.lexsort((lot.probability[wanted], ~rejected))
    turn = np.zeros(len(wanted), np.int64)  # how many of its kind come before it
    for each in np.unique(kind):
        mine = order[kind[order] == each]
        turn[mine] = np.arange(len(mine))
    chosen = np.zeros(len(wanted), bool)
    chosen[np.lexsort((lot.probability[wanted], turn))[:most]] = True
    return (
        [int(i) for i in wanted[order[chosen[order]]]],
        [int(i) for i in wanted[order[~chosen[order]]]],
    )


def draw_gallery(
    samples: SeedDataset,
    lot: Lot,
    reference: Reference,
    *,
    most: int,
    value: str,
    explained: Explanations | None = None,
    counted: Counted = iter,
) -> Gallery:
    """Draws the seeds that a person should look at.

    Args:
        samples: The seeds.
        lot: What they were called.
        reference: Mean spectra.
        most: How many to draw.
        value: What the values of the spectra are.
        explained: What carried the answers to the seeds that are drawn, if that is to be told.
        counted: Wraps the numbers of the seeds while they are read, for a progress bar.
    """
    chosen, others = choose(lot, most)
    trays = seeds_on_trays(samples.root)
    colours = false_colour(samples.bands, samples.wavelengths_nm)
    three = list(colours.bands)
    rng = np.random.default_rng(0)
    read: list[tuple[int, str, NDArray[np.float32], Floats]] = []
    pixels = [np.empty((0, 3))]
    why = {} if explained is None else {one.index: one for one in explained.explained}
    told: dict[int, tuple[Picture, ...]] = {}
    for number in counted(chosen):
        sample = samples[number]
        cube = np.asarray(sample.hs[..., three], np.float32)
        spectrum = mean_spectra(sample.hs)["middle"]
        read.append((number, rgb_picture(sample.rgb), cube, spectrum))
        if explained is not None and number in why:
            told[number] = _maps(sample, why[number], colours)
        pixels.append(_some(sample, three, rng))
    stretch = Stretch.of(np.concatenate(pixels))
    x, title = axis_of_bands(samples.bands, samples.wavelengths_nm)
    kept = _thinned(len(x))
    all_means = list(reference.means.values())
    shown = np.concatenate([*all_means, *(spectrum for *_, spectrum in read), np.zeros(0)])
    ends = (x[0], x[-1]) if x[-1] > x[0] else (x[0] - 1, x[0] + 1)
    axes = Axes(300, 150, 38, 284, 8, 112, ends, span(shown, from_zero=True), title, value)

    def path(spectrum: Floats) -> str:
        return axes.line([x[i] for i in kept], spectrum[kept])

    cards = [
        Card(
            row_of(samples, lot, number, trays),
            rgb,
            ""
            if samples.info.photos_alone
            else false_colour_picture(cube, stretch, ~(cube != 0).any(axis=2)),
            path(spectrum),
            told.get(number, ()),
            _bands(explained, axes, why.get(number)),
        )
        for number, rgb, cube, spectrum in read
    ]
    means = {
        number: path(reference.means[name])
        for number, name in enumerate(lot.classes)
        if name in reference.means
    }
    rows = [row_of(samples, lot, number, trays) for number in others[:MOST_ROWS]]
    return Gallery(cards, rows, len(others) - len(rows), axes, means, colours)


def _maps(sample: Sample, one: Explained, colours: FalseColour) -> tuple[Picture, ...]:
    """Maps of a seed, without the plain images, which are drawn in any case."""
    pictures = map_pictures(sample, one, colours)
    return tuple(picture for picture in pictures if picture.title in TITLES.values())


def _bands(explained: Explanations | None, axes: Axes, one: Explained | None) -> BandCurve | None:
    """Below the spectrum of a seed, on the same scale: what its bands were worth."""
    if explained is None or one is None or explained.places is None:
        return None
    low = replace(axes, height=62, top=4, bottom=58, x_title="", y_title="fall of log-odds")
    return BandCurve(*curves(explained, one, low))


def _some(sample: Sample, bands: Sequence[int], rng: np.random.Generator) -> Floats:
    """Some of the pixels [k, 3] that are no padding, to find the range of colours."""
    flat = sample.hs.reshape(-1, sample.hs.shape[2])
    flat = flat[(flat != 0).any(axis=1)]
    if not len(flat):
        return np.empty((0, len(bands)))
    some: Floats = flat[rng.integers(0, len(flat), min(KEPT_PIXELS, len(flat)))][:, list(bands)]
    return some.astype(np.float64)


def _thinned(bands: int) -> list[int]:
    """Evenly spaced bands, both ends among them."""
    return [int(i) for i in np.unique(np.linspace(0, bands - 1, min(bands, MOST_POINTS)).round())]
