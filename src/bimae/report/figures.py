"""The pictures of a run folder. Matplotlib without pyplot: no window, no global state."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bimae.evaluate.classification import Results
from bimae.evaluate.reconstruction import Reconstruction
from bimae.storage import atomic_path

HIDDEN = 0.55  # grey of what the model does not see; lighter ones pass for a background
SEEN_COLOUR, MADE_COLOUR, TRUE_COLOUR = (
    "#000000",
    "#d95f02",
    "#1b9e77",
)  # told apart when colour-blind


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as a picture, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, bbox_inches="tight")


def loss_curves(rows: Sequence[dict[str, str]], title: str) -> Figure:
    """Losses of training and validation over the epochs, and macro-F1 where there is one.

    Args:
        rows: Rows of a run's `metrics.csv`.
        title: Title of the figure.
    """
    figure = Figure(figsize=(7, 4))
    axes = figure.add_subplot()
    epochs = [int(row["epoch"]) for row in rows]
    marker = "." if len(rows) < 40 else None
    for name, label in (("train_loss", "training"), ("val_loss", "validation")):
        if rows and rows[-1].get(name):
            values = [float(row[name] or "nan") for row in rows]
            axes.plot(epochs, values, label=label, marker=marker)
    axes.set(xlabel="epoch (the first is 0, as in metrics.csv)", ylabel="loss", title=title)
    if len(rows) > 1:
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3, which="both")
    if rows and rows[-1].get("val_macro_f1"):
        right = axes.twinx()
        values = [float(row["val_macro_f1"] or "nan") for row in rows]
        right.plot(epochs, values, color=TRUE_COLOUR, ls="--", marker=marker)
        right.set(ylabel="validation macro-F1 (dashed)", ylim=(0, 1))
    axes.legend(loc="upper right")
    return figure


def confusion(results: Results, title: str) -> Figure:
    """The confusion matrix: rows are the truth, colours are shares of a row, numbers counts."""
    names = [row.name for row in results.per_class]
    counts = results.confusion
    size = max(4.0, 0.42 * len(names) + 2)
    figure = Figure(figsize=(size, size))
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Greens", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        dark = shares[row, column] > 0.6
        axes.text(
            column, row, str(counts[row, column]), ha="center", va="center", fontsize=8,
            color="white" if dark else "black",
        )  # fmt: skip
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=90)
    axes.set_yticks(ticks, names)
    axes.set(xlabel="classified as (colour: share of the row)", ylabel="truth", title=title)
    return figure


def reconstructions(
    found: Reconstruction, title: str, wavelengths: Sequence[float] | None = None
) -> Figure:
    """Seed, masked and reconstructed, in both views, and the spectrum of the object as a curve.

    Args:
        found: Some samples, one row each.
        title: Title of the figure; below it stands what has to be said of the reconstructions.
        wavelengths: Band centres in nm for the curves' axis, or None to number the bands.
    """
    columns = ("RGB", "masked", "reconstructed", "one hidden band", "reconstructed", "spectrum")
    rows = len(found.keys)
    figure = Figure(figsize=(15, 2.5 * rows + 0.6), layout="constrained")
    grid = figure.subplots(
        rows, len(columns), squeeze=False, gridspec_kw={"width_ratios": [1, 1, 1, 1, 1, 1.8]}
    )
    for i, axes in enumerate(grid):
        rgb = found.rgb[i].transpose(1, 2, 0)
        made = found.rgb_made[i].transpose(1, 2, 0)
        masked = np.where(found.rgb_hidden[i][..., None], HIDDEN, rgb)
        band = _telling_band(found, i)
        images = (rgb, masked, made, found.hs[i, band], found.hs_made[i, band])
        for axis, image, name in zip(axes, images, columns, strict=False):
            axis.imshow(np.clip(image, 0, 1), cmap="viridis", vmin=0, vmax=1)
            axis.set_xticks([])
            axis.set_yticks([])
            if i == 0:
                axis.set_title(name)
        axes[0].set_ylabel(found.keys[i], fontsize=8)
        where = f"band {band}" if wavelengths is None else f"{wavelengths[band]:.0f} nm"
        axes[3].set_xlabel(where, fontsize=8)
        _curves(axes[-1], found, i, wavelengths, first=i == 0)
    note = found.errors.note
    figure.suptitle(f"{title}\n{note}" if note else title)
    return figure


def _telling_band(found: Reconstruction, i: int) -> int:
    """The hidden band in which this sample's pixels differ most: the hardest to make up."""
    spread = found.hs[i].std(axis=(1, 2))
    return int(np.where(found.hs_hidden[i], spread, -1).argmax())


def _curves(
    axes: Axes, found: Reconstruction, i: int, wavelengths: Sequence[float] | None, *, first: bool
) -> None:
    """Mean spectrum of the middle of the image: true, reconstructed, and which bands were seen."""
    quarter = found.hs.shape[-1] // 4
    middle = slice(quarter, found.hs.shape[-1] - quarter)
    true = found.hs[i, :, middle, middle].mean(axis=(1, 2))
    made = found.hs_made[i, :, middle, middle].mean(axis=(1, 2))
    x = np.arange(len(true)) if wavelengths is None else np.asarray(wavelengths)
    seen: NDArray[np.bool_] = ~found.hs_hidden[i]
    axes.plot(x, true, color=TRUE_COLOUR, lw=2.5, alpha=0.6, label="true")
    axes.plot(x[~seen], made[~seen], ".", color=MADE_COLOUR, ms=3, label="reconstructed")
    axes.plot(x[seen], true[seen], "|", color=SEEN_COLOUR, ms=7, label="seen")
    axes.set_ylim(-0.05, 1.05)
    axes.set_xlabel("band" if wavelengths is None else "wavelength (nm)", fontsize=8)
    axes.tick_params(labelsize=7)
    if first:
        axes.set_title("spectrum of the middle")
        axes.legend(fontsize=7)
