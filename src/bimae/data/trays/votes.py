"""Where to begin when the scan and the photo show different parts of a tray.

Then neither frames nor outlines fit each other. But every pair of seeds, one of each view, votes
for the shift that would bring the two together, and for the right turn many votes fall on one spot.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Matrix = NDArray[np.float64]

TURN = 4.0  # degrees from one trial to the next
PATCH = 60  # seeds around the middle of the scan that vote: over a short way a turn is no matter
BIN = 2.0  # radii of a seed
TRIALS = 24


def voted(
    ours: Points, theirs: Points, scale: float, radius: float
) -> Iterator[tuple[Matrix, bool]]:
    """Maps under which many seeds of the scan fall on seeds of the photo, the likeliest first.

    Args:
        ours: [n, 2] x and y of the seeds in the scan.
        theirs: [m, 2] of those in the photo.
        scale: Pixels of the photo to a pixel of the scan.
        radius: Of a seed in the photo.

    Yields:
        [3, 3] x, y of the scan -> x, y of the photo, and whether it mirrors.
    """
    away = np.hypot(*(ours - np.median(ours, axis=0)).T)
    patch = ours[np.argsort(away, kind="stable")[:PATCH]]
    found: list[tuple[int, bool, Matrix]] = []
    for mirrored in (False, True):
        flip = np.diag([-1.0, 1.0]) if mirrored else np.eye(2)
        for angle in np.deg2rad(np.arange(0, 360, TURN)):
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            linear = scale * turn @ flip
            shifts = (theirs[None, :, :] - (patch @ linear.T)[:, None, :]).reshape(-1, 2)
            count, shift = _most(shifts, BIN * radius)
            matrix = np.eye(3)
            matrix[:2, :2], matrix[:2, 2] = linear, shift
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
