"""Reading order: rows from top to bottom, in a row from left to right."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]

MOST_TURN = np.deg2rad(20)  # a tray that lies askew by more is read as it lies
_NEIGHBOURS = 4


def reading_order(centres: Points, height: float) -> list[int]:
    """Indices of objects in reading order.

    Rows may be jittered and may slope, since a tray seldom lies quite straight: the slope is taken
    from the directions to the nearest neighbours where these agree.

    Args:
        centres: [n, 2] row and column.
        height: Typical height of an object.
    """
    if len(centres) < 2:
        return list(range(len(centres)))
    turn = slope(centres)
    down = centres[:, 0] * np.cos(turn) - centres[:, 1] * np.sin(turn)
    right = centres[:, 0] * np.sin(turn) + centres[:, 1] * np.cos(turn)
    rows: list[list[int]] = []
    for run in _runs(down, 0.35 * height):
        # Seeds strewn without rows make one long run: it is read in bands of a seed's height.
        if np.ptp(down[run]) <= 1.7 * height or len(run) < 3:
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


def slope(centres: Points) -> float:
    """Angle in radians by which rows fall to the right; 0 where there are no clear rows."""
    if len(centres) < 6:
        return 0.0
    _, near = cKDTree(centres).query(centres, k=min(_NEIGHBOURS + 1, len(centres)))
    steps = (centres[near[:, 1:]] - centres[:, None, :]).reshape(-1, 2)
    angles = np.arctan2(steps[:, 0], steps[:, 1])
    # Fourfold angles: the four directions of a grid fall on one.
    mean = np.exp(4j * angles).mean()
    turn = float(np.angle(mean) / 4)
    return turn if abs(mean) > 0.4 and abs(turn) <= MOST_TURN else 0.0


def _runs(values: NDArray[np.float64], gap: float) -> list[list[int]]:
    """Indices in ascending order of value, parted where the next one is more than a gap away."""
    order = np.argsort(values, kind="stable")
    cuts = np.flatnonzero(np.diff(values[order]) > gap) + 1
    return [run.tolist() for run in np.split(order, cuts)]
