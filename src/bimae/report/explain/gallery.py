"""Samples with their maps, ready to be drawn."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bimae.data import Sample
from bimae.explain.explainer import Key
from bimae.explain.many import Explained
from bimae.report.explain.charts import BandChart, band_chart
from bimae.report.explain.facts import Facts
from bimae.report.explain.pictures import data_uri, on_image
from bimae.report.explain.words import signed
from bimae.report.inspect.measure import mean_spectra
from bimae.report.inspect.pictures import GAMMA, FalseColour, Stretch, false_colour

Counted = Callable[[Iterable[Explained]], Iterable[Explained]]
TITLES: dict[Key, str] = {
    ("tiles", "occlusion"): "RGB: tiles taken out",
    ("tiles", "relevance"): "RGB: attention with its gradient",
    ("regions", "occlusion"): "False colour: regions taken out",
}


@dataclass(frozen=True)
class Picture:
    """A picture and what it is.

    Attributes:
        title: For people.
        pixels: [H, W, 3].
        strongest: The fall of log-odds at its strongest place; None where there is no such map.
    """

    title: str
    pixels: NDArray[np.uint8]
    strongest: str | None = None

    @property
    def uri(self) -> str:
        """As something that a page can hold."""
        return data_uri(self.pixels)

    def smaller(self, side: int) -> "Picture":
        """The same with at most `side` pixels on each side."""
        image = Image.fromarray(self.pixels, "RGB")
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        return replace(self, pixels=np.asarray(image))


@dataclass(frozen=True)
class Card:
    """A sample as it is drawn.

    Attributes:
        place: Its number on the page, from 1.
        id: Its name.
        group: Its tray, or None.
        label: Its class, as the data say; None where they do not.
        called: The class that is explained.
        probability: Of that class, not calibrated.
        against: The class that it is held against; empty: all others.
        pictures: Images, each with its maps.
        chart: Its spectrum and what its bands were worth; None where no spectra were shown.
    """

    place: int
    id: str
    group: str | None
    label: str | None
    called: str
    probability: float
    against: str
    pictures: tuple[Picture, ...]
    chart: BandChart | None


def cards(facts: Facts, counted: Counted = iter) -> list[Card]:
    """Reads the samples once more, and draws.

    Args:
        facts: What the report is made of.
        counted: Wraps them while they are drawn, for a progress bar.
    """
    colours = false_colour(facts.samples.bands, facts.samples.wavelengths_nm)
    return [_card(facts, place, one, colours) for place, one in enumerate(counted(facts.explained))]


def _card(facts: Facts, place: int, one: Explained, colours: FalseColour) -> Card:
    samples, classes = facts.samples, facts.classes
    sample = samples[one.index]
    pictures = map_pictures(sample, one, colours)
    chart = None
    if facts.places is not None:
        spectrum = mean_spectra(sample.hs)["middle"]
        chart = band_chart(facts, spectrum, one)
    return Card(
        place + 1,
        sample.id,
        sample.group,
        sample.label,
        classes[one.target],
        float(one.probabilities[one.target]),
        "" if one.against is None else classes[one.against],
        pictures,
        chart,
    )


def map_pictures(sample: Sample, one: Explained, colours: FalseColour) -> tuple[Picture, ...]:
    """The images that the model was shown, each with its maps."""
    rgb = np.rint(sample.rgb.clip(0, 1) * 255).astype(np.uint8)
    three = false_colours(sample, colours.bands)
    found = []
    for view, image, plain in (("tiles", rgb, "RGB"), ("regions", three, "False colour")):
        mine = {key: cells for key, cells in one.maps.items() if key[0] == view and key in TITLES}
        if mine:
            found.append(Picture(plain, on_image(image, np.zeros(1))))
        for key, cells in mine.items():
            strongest = signed(cells[np.abs(cells).argmax()]) if key[1] == "occlusion" else None
            found.append(Picture(TITLES[key], on_image(image, cells), strongest))
    return tuple(found)


def false_colours(sample: Sample, bands: Sequence[int]) -> NDArray[np.uint8]:
    """Three bands of a sample as colours [h, w, 3], stretched by its own; padding is white."""
    cube = np.asarray(sample.hs[..., list(bands)], np.float32)
    padding = ~(sample.hs != 0).any(axis=2)
    found = Stretch.of(cube[~padding].astype(np.float64)).apply(cube, GAMMA)
    return np.where(padding[..., None], np.uint8(255), found)
