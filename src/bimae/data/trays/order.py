"""Reading order: rows from top to bottom, in a row from left to right."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]

MOST_TURN = np.deg2rad(20)  # a tray that lies askew by more is read as it lies
TURN = np.deg2rad(0.5)
GAP = 0.35  # of an object's height, or of the way to the next, between two rows
ONE_ROW = 1.5  # of an object's height, or of the way to the next: what spreads less is one row
CLEARER = 1.25  # times as clear as none has a slope to be


def reading_order(centres: Points, height: float) -> list[int]:
    """Indices of objects in reading order.

    Rows may be jittered and may slope, since a tray seldom lies quite straight: the slope is the
    one at which the rows are parted best.

    Args:
        centres: [n, 2] row and column.
        height: Typical height of an object.
    """
    if len(centres) < 2:
        return list(range(len(centres)))
    # Seeds that lie far apart have more room to lie off their row.
    nearest = cKDTree(centres).query(centres, k=2)[0][:, 1]
    height = max(height, float(np.median(nearest)))
    turn = slope(centres, height)
    down, right = _turned(centres, turn)
    rows: list[list[int]] = []
    for run in _runs(down, GAP * height):
        # Seeds strewn without rows make one long run: it is read in bands of a seed's height.
        if np.ptp(down[run]) <= ONE_ROW * height or len(run) < 3:
            rows.append(run)
            continue
        band: list[int] = []
        for i in run:
            if band and down[i] - down[band[0]] > height:
                rows.append(band)
                band = []
            band.append(i)
        rows.append(band)
    return [i for row in rows for i in sorted(row, key=lambda i: float(right[i]))]


def slope(centres: Points, height: float) -> float:
    """Angle in radians by which rows fall to the right; 0 where there are no clear rows.

    Rows are clear where the gaps between them are wide, and clearest at their own angle.
    """
    if len(centres) < 4 or np.ptp(centres[:, 0]) <= ONE_ROW * height:
        return 0.0
    angles = np.arange(-MOST_TURN, MOST_TURN + TURN / 2, TURN)
    # Of equally clear angles the smaller one: a grid has rows in more than one direction.
    clear = [_clearness(_turned(centres, a)[0], height) * (1 - abs(a)) for a in angles.tolist()]
    level = _clearness(centres[:, 0], height)
    best = int(np.argmax(clear))
    return float(angles[best]) if clear[best] > CLEARER * level else 0.0


def _turned(centres: Points, turn: float) -> tuple[Points, Points]:
    """Places down and to the right in a picture turned so that the rows lie level."""
    row, column = centres.T
    return (
        row * np.cos(turn) - column * np.sin(turn),
        row * np.sin(turn) + column * np.cos(turn),
    )


def _clearness(values: Points, height: float) -> float:
    """Mean width of the gaps between rows, less where rows hold few objects."""
    steps = np.diff(np.sort(values))
    gaps = steps[steps > GAP * height]
    shared = 1 - (len(gaps) + 1) / len(values)  # 0 where each object would have its own row
    return float(shared * (gaps**2).sum() / max(float(steps.sum()), 1e-9))


def _runs(values: NDArray[np.float64], gap: float) -> list[list[int]]:
    """Indices in ascending order of value, parted where the next one is more than a gap away."""
    order = np.argsort(values, kind="stable")
    cuts = np.flatnonzero(np.diff(values[order]) > gap) + 1
    return [run.tolist() for run in np.split(order, cuts)]
