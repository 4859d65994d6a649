"""One picture of a sample, for slides and papers: its maps, its spectrum, what bands were worth."""

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from bimae.explain.many import Explained
from bimae.report.explain.facts import SIMULATED, Facts
from bimae.report.explain.gallery import Card
from bimae.report.explain.pictures import AGAINST, FOR, SIDE
from bimae.report.inspect.drawings import axis_of_bands
from bimae.report.inspect.measure import mean_spectra


def sample_figure(facts: Facts, card: Card, one: Explained) -> Figure:
    """The figure of a sample."""
    wide = len(card.pictures)
    charted = card.chart is not None
    figure = Figure(figsize=(max(2.3 * wide, 5.5), 2.9 + 3.6 * charted), layout="constrained")
    grid = figure.add_gridspec(
        1 + 2 * charted, wide, height_ratios=[1.5, 0.9, 0.9][: 1 + 2 * charted]
    )
    for column, picture in enumerate(card.pictures):
        axes = figure.add_subplot(grid[0, column])
        shown = Image.fromarray(picture.pixels, "RGB").resize((2 * SIDE, 2 * SIDE))
        axes.imshow(np.asarray(shown))
        axes.set_title(picture.title.replace(": ", ":\n"), fontsize=8)
        axes.set_axis_off()
    if charted:
        _curves(facts, figure, grid, one)
    mark = f"{SIMULATED}: " * bool(facts.simulated)
    held = card.against or "all others"
    figure.suptitle(
        f"{mark}{card.id}: {card.called} ({100 * card.probability:.0f} %), against {held}",
        fontsize=9, parse_math=False,
    )  # fmt: skip
    return figure


def _curves(facts: Facts, figure: Figure, grid: object, one: Explained) -> None:
    stored, title = axis_of_bands(facts.samples.bands, facts.samples.wavelengths_nm)
    top = figure.add_subplot(grid[1, :])  # type: ignore[index]
    top.plot(stored, mean_spectra(facts.samples[one.index].hs)["middle"], color="black", lw=1)
    top.set_ylabel(facts.samples.info.unit or "value", fontsize=8)
    top.tick_params(labelsize=7, labelbottom=False)
    below = figure.add_subplot(grid[2, :], sharex=top)  # type: ignore[index]
    falls = facts.band_values(one.maps["bands", "occlusion"])
    for colour, part in ((FOR, falls.clip(0)), (AGAINST, falls.clip(max=0))):
        below.fill_between(facts.x, part, color=np.array(colour) / 255, lw=0)
    below.axhline(0, color="black", lw=0.5)
    below.set_xlabel(title, fontsize=8)
    below.set_ylabel("fall of log-odds", fontsize=8)
    below.tick_params(labelsize=7)
