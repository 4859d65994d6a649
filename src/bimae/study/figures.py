"""The pictures of a study. Matplotlib without pyplot: no window, no global state."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bimae.study.config import Grid
from bimae.study.plan import Wanted
from bimae.study.table import METRICS, OWN, Results, Table

# Told apart when colour-blind (Okabe and Ito 2008), the dark ones first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
MARKERS = "osD^vP*X"
BASELINE = {"linestyle": "--", "linewidth": 1.2, "alpha": 0.9}
NETWORK = {"linestyle": "-", "linewidth": 1.8}


def against_labels(table: Table, data: str) -> Figure | None:
    """Score against labels per class: a row a metric, a column a sensor, a line a method.

    A band is one standard deviation to each side. Baselines are dashed and stand beside every
    sensor. None where no method was run with more than one number of labels.
    """
    rows = [row for row in table.rows if row.data == data and row.n]
    shots = [s for s in table.study.shots if any(row.shots == s for row in rows)]
    sensors = [s.name for s in table.study.sensors if _several(table, data, s.name)]
    if not sensors and _several(table, data, OWN):
        sensors = [OWN]
    if len(shots) < 2 or not sensors:
        return None
    size = (4.6 * len(sensors) + 3, 3.6 * len(METRICS))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(METRICS), len(sensors), squeeze=False, sharex=True, sharey="row")
    names = list(dict.fromkeys(row.method for row in rows))
    for axes_row, (metric, title) in zip(grid, METRICS.items(), strict=True):
        for axes, sensor in zip(axes_row, sensors, strict=True):
            for i, name in enumerate(names):
                for own in dict.fromkeys((sensor, OWN)):
                    _line(axes, table, (data, name, own), metric=metric, shots=shots, i=i)
            axes.set_xticks(range(len(shots)), shots)
            axes.grid(alpha=0.3)
        axes_row[0].set_ylabel(title)
    for top, bottom, sensor in zip(grid[0], grid[-1], sensors, strict=True):
        top.set_title(f"sensor: {sensor}")
        bottom.set_xlabel("training samples per class")
    handles = {
        str(line.get_label()): line
        for axes in grid.flat
        for line in axes.get_lines()
        if line.get_label() in names
    }
    shown = [name for name in names if name in handles]
    figure.legend([handles[name] for name in shown], shown, loc="outside right center")
    what = "score against labels\n(bands: ± standard deviation; dashed: baselines)"
    figure.suptitle(_title(table, data, what))
    return figure


def _several(table: Table, data: str, sensor: str) -> bool:
    found = {row.shots for row in table.rows if row.n and (row.data, row.sensor) == (data, sensor)}
    return len(found) > 1


def _line(
    axes: Axes,
    table: Table,
    line: tuple[str, str, str],
    *,
    metric: str,
    shots: Sequence[str],
    i: int,
) -> None:
    found = [table.find(*line, s) for s in shots]
    points = [(x, row) for x, row in enumerate(found) if row and getattr(row, metric) is not None]
    if not points:
        return
    x = np.array([x for x, _ in points])
    mean = np.array([getattr(row, metric) for _, row in points])
    spread = np.array([getattr(row, f"{metric}_std") or 0.0 for _, row in points])
    colour, marker = COLOURS[i % len(COLOURS)], MARKERS[(i + i // len(COLOURS)) % len(MARKERS)]
    style = BASELINE if points[0][1].kind == "baseline" else NETWORK
    axes.plot(x, mean, color=colour, marker=marker, ms=5, label=line[1], **style)  # type: ignore[arg-type]
    axes.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.12, lw=0)


def sensor_grid(table: Table, data: str, grid: Grid) -> Figure | None:
    """The grid of methods (rows: trained with) and sensors (columns) as a heat map.

    What was not run is left white. None where nothing of it is done.
    """
    values = {
        metric: np.array(
            [[_mean(table, (data, m, s, grid.shots), metric) for s in grid.columns]
             for m in grid.rows]
        )
        for metric in METRICS
    }  # fmt: skip
    if all(np.isnan(each).all() for each in values.values()):
        return None
    longest = max(map(len, grid.rows))
    size = (2 * (0.85 * len(grid.columns) + 0.6) + 0.09 * longest + 1.5, 0.5 * len(grid.rows) + 2.6)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(METRICS), sharey=True)
    for axes, (metric, title) in zip(panels, METRICS.items(), strict=True):
        _heat(axes, values[metric], grid)
        axes.set_title(title)
    panels[0].set_ylabel("trained with")
    told = "all labels" if grid.shots == "all" else f"{grid.shots} labels per class"
    figure.suptitle(_title(table, data, f"any-sensor grid, {told}"))
    return figure


def _mean(table: Table, place: tuple[str, str, str, str], metric: str) -> float:
    row = table.find(*place)
    value = None if row is None else getattr(row, metric)
    return float("nan") if value is None else float(value)


def _heat(axes: Axes, values: NDArray[np.float64], grid: Grid) -> None:
    known = values[~np.isnan(values)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
    high = max(high, low + 0.02)  # no colours for nothing
    axes.imshow(np.ma.masked_invalid(values), cmap="viridis", vmin=low, vmax=high, aspect="auto")
    for row, column in np.ndindex(*values.shape):
        value = values[row, column]
        if np.isnan(value):
            axes.text(column, row, "-", ha="center", va="center", color="#666666")
            continue
        colour = "black" if (value - low) / (high - low) > 0.6 else "white"
        axes.text(column, row, f"{value:.3f}", ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(grid.columns)), grid.columns, rotation=35, ha="right")
    axes.set_yticks(range(len(grid.rows)), grid.rows)
    axes.set_xlabel("sensor")


def confusions(table: Table, data: str, results: Results) -> Figure | None:
    """The confusion matrix of each method, summed over folds and seeds.

    Of each the one with most labels, and with the first of its sensors. Rows are the truth,
    colours shares of a row, numbers counts. None where no method told one.
    """
    found = []
    for method in table.study.methods:
        cells = [w for w in results if (w.fold.data, w.method) == (data, method.name)]
        summed = _summed(cells, table.study.shots, results)
        if summed is not None:
            found.append((method.name, *summed))
    if not found:
        return None
    largest = max(len(classes) for _, _, classes, _ in found)
    side = max(3.4, 0.36 * largest + 1.6)
    columns = min(3, len(found))
    lines = -(-len(found) // columns)
    figure = Figure(figsize=(side * columns, (side + 0.5) * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False)
    for axes in panels.flat[len(found) :]:
        axes.set_axis_off()
    for axes, (name, told, classes, counts) in zip(panels.flat, found, strict=False):
        _matrix(axes, classes, counts)
        axes.set_title(f"{name}\n{told}", fontsize=9)
    figure.suptitle(_title(table, data, "confusion, summed over folds and seeds"))
    return figure


def _summed(
    cells: Sequence[Wanted], shots: Sequence[str], results: Results
) -> tuple[str, list[str], NDArray[np.int64]] | None:
    """What it is of, the classes, and the summed counts (truth in rows)."""
    told = [cell for cell in cells if results[cell].get("confusion")]
    if not told:
        return None
    most = max((cell.shots for cell in told), key=shots.index)
    sensor = next(cell.sensor for cell in told if cell.shots == most)
    chosen = [cell for cell in told if (cell.shots, cell.sensor) == (most, sensor)]
    classes = sorted({name for cell in chosen for name in results[cell]["classes"]})
    counts = np.zeros((len(classes), len(classes)), np.int64)
    for cell in chosen:
        places = [classes.index(name) for name in results[cell]["classes"]]
        counts[np.ix_(places, places)] += np.asarray(results[cell]["confusion"], np.int64)
    labels = "all labels" if most == "all" else f"{most} per class"
    return f"{sensor or OWN}, {labels}, n = {len(chosen)}", classes, counts


def _matrix(axes: Axes, classes: Sequence[str], counts: NDArray[np.int64]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Greens", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.6 else "black"
        axes.text(
            column, row, str(counts[row, column]), ha="center", va="center", fontsize=7,
            color=colour,
        )  # fmt: skip
    axes.set_xticks(range(len(classes)), classes, rotation=90, fontsize=7)
    axes.set_yticks(range(len(classes)), classes, fontsize=7)
    axes.set_xlabel("classified as", fontsize=8)
    axes.set_ylabel("truth", fontsize=8)


def _title(table: Table, data: str, what: str) -> str:
    return f"{'SIMULATED DATA - ' * (data in table.simulated)}{data}: {what}"
