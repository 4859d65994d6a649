"""Where to begin when the scan and the photo show different parts of a tray.

Then neither frames nor outlines fit each other. But every pair of seeds of one size, one of each
view, votes for the shift that would bring the two together, and for the right turn many votes fall
on one spot.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Matrix = NDArray[np.float64]

TURN = 4.0  # degrees from one trial to the next
SCALES = (0.86, 0.93, 1.0, 1.07, 1.15)  # times what the seeds' areas say
PATCH = 40  # seeds around the middle of the scan that vote: over a short way a turn is no matter
BIN = 2.0  # radii of a seed
ALIKE = 0.15  # seeds whose areas differ by more, as logarithm, are not the same one
TRIALS = 40


def voted(
    ours: Points, theirs: Points, areas: tuple[Points, Points]
) -> Iterator[tuple[Matrix, bool]]:
    """Maps under which many seeds of the scan fall on seeds of the photo, the likeliest first.

    Args:
        ours: [n, 2] x and y of the seeds in the scan.
        theirs: [m, 2] of those in the photo.
        areas: [n] and [m] logarithms of their areas.

    Yields:
        [3, 3] x, y of the scan -> x, y of the photo, and whether it mirrors.
    """
    away = np.hypot(*(ours - np.median(ours, axis=0)).T)
    near = np.argsort(away, kind="stable")[:PATCH]
    larger = areas[1][None, :] - areas[0][near, None]  # [patch, m]
    usual = float(np.median(areas[1]) - np.median(areas[0]))
    radius = float(np.sqrt(np.exp(np.median(areas[1])) / np.pi))
    found: list[tuple[int, bool, Matrix]] = []
    angles = np.deg2rad(np.arange(0, 360, TURN))
    for size in SCALES:
        # A grid of seeds looks the same from many places; their sizes do not.
        ones, others = np.nonzero(np.abs(larger - usual - 2 * np.log(size)) < ALIKE)
        if not len(ones):
            continue
        scale = size * np.exp(usual / 2)
        for mirrored, angle in product((False, True), angles.tolist()):
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            matrix = np.eye(3)
            matrix[:2, :2] = scale * turn @ np.diag([-1.0 if mirrored else 1.0, 1.0])
            shifts = theirs[others] - ours[near[ones]] @ matrix[:2, :2].T
            count, matrix[:2, 2] = _most(shifts, BIN * radius)
            found.append((count, mirrored, matrix))
    found.sort(key=lambda one: -one[0])
    for _, mirrored, matrix in found[:TRIALS]:
        yield matrix, mirrored


def _most(shifts: Points, size: float) -> tuple[int, Points]:
    """How many shifts fall into the fullest square of a size, and their mean."""
    best, mean = 0, np.zeros(2)
    for offset in ((0.0, 0.0), (0.5, 0.5)):  # a cluster may lie on the border of two squares
        places = np.floor(shifts / size + offset).astype(np.int64)
        places -= places.min(axis=0)
        which = places[:, 0] * (int(places[:, 1].max()) + 1) + places[:, 1]
        counts = np.bincount(which)
        fullest = int(np.argmax(counts))
        if counts[fullest] > best:
            best, mean = int(counts[fullest]), shifts[which == fullest].mean(axis=0)
    return best, mean
