"""The tray itself, where a picture shows it with the table around it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from skimage import draw

from bimae.data.trays.background import Mask

Corners = NDArray[np.float64]

LEAST_SHARE = 0.2  # of the picture: smaller rectangles are not the tray
LEAST_FIT = 0.93  # of a rectangle's area and its outline's; an ellipse reaches 0.79
LEAST_ROUND = 0.97
DEEPEST_RIM = 0.2  # of the shorter side

_polygon2mask: Any = draw.polygon2mask  # scikit-image has no types for it


@dataclass(frozen=True)
class Tray:
    """A tray seen in a picture.

    Attributes:
        inside: [H, W] what its outline encloses, rim included.
        corners: [4, 2] row and column, clockwise from the upper left; None for a round dish.
    """

    inside: Mask
    corners: Corners | None


def find_tray(foreground: Mask) -> Tray | None:
    """The outline of a tray among what is not the table.

    Args:
        foreground: [H, W] what differs from what is seen at the picture's border.

    Returns:
        The largest thing, if it is large enough and has a tray's shape; None otherwise.
    """
    bridged = ndimage.binary_closing(np.pad(foreground, 3, mode="edge"), iterations=2)[3:-3, 3:-3]
    labels, count = ndimage.label(bridged)
    if count == 0:
        return None
    sizes = [
        (box[0].stop - box[0].start) * (box[1].stop - box[1].start)
        for box in ndimage.find_objects(labels)
    ]
    largest = ndimage.binary_fill_holes(labels == 1 + int(np.argmax(sizes)))
    # Seeds that lean on the rim, and reflections, do not belong to the outline.
    largest = ndimage.binary_opening(largest, iterations=max(2, min(largest.shape) // 60))
    if largest.mean() < LEAST_SHARE:
        return None
    corners = quadrilateral(largest)
    if corners is not None:
        inside = _polygon2mask(largest.shape, corners)
        both = (inside & largest).sum() / max((inside | largest).sum(), 1)
        if both >= LEAST_FIT:
            return Tray(np.asarray(inside), corners)
    return Tray(largest, None) if _roundness(largest) >= LEAST_ROUND else None


def quadrilateral(mask: Mask) -> Corners | None:
    """The four-sided figure around a mask, [4, 2] row and column, clockwise from the upper left.

    Each side is a line through the outline's points beside it, so that rounded corners and a
    camera's perspective do no harm. None where the mask has no extent.
    """
    edge = mask & ~ndimage.binary_erosion(mask, border_value=0)
    points = np.argwhere(edge).astype(np.float64)
    box = least_rectangle(points)
    if box is None:
        return None
    sides = []
    for start, stop in zip(box, np.roll(box, -1, axis=0), strict=True):
        along = stop - start
        length = float(np.hypot(*along))
        if length < 4:
            return None
        along = along / length
        across = np.array([-along[1], along[0]])
        at, off = (points - start) @ along / length, (points - start) @ across
        near = (at > 0.15) & (at < 0.85) & (np.abs(off) < 0.12 * length)
        if near.sum() < 4:
            return None
        # The outermost point at each place along the side, and a line through those.
        bins = (at[near] * max(8, min(200, int(length) // 2))).astype(int)
        outer = np.full(bins.max() + 1, np.inf)
        np.minimum.at(outer, bins, off[near])
        seen = np.isfinite(outer)
        place = (np.arange(len(outer))[seen] + 0.5) / max(8, min(200, int(length) // 2))
        slope, height = _line(place, outer[seen])
        sides.append((start + across * height, along * length + across * slope))
    crossings = []
    for (start, way), (other, other_way) in zip(sides, sides[-1:] + sides[:-1], strict=True):
        system = np.stack([way, -other_way], axis=1)
        if abs(np.linalg.det(system)) < 1e-9:
            return None
        crossings.append(start + way * np.linalg.solve(system, other - start)[0])
    return np.asarray(crossings)


def least_rectangle(points: NDArray[np.float64]) -> Corners | None:
    """The rectangle of least area around points, [4, 2], clockwise from the upper left."""
    try:
        hull = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):
        return None
    ways = np.roll(hull, -1, axis=0) - hull
    angles = np.unique(np.round(np.arctan2(ways[:, 1], ways[:, 0]) % (np.pi / 2), 6))
    best, area = None, np.inf
    for angle in angles:
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        turned = hull @ turn.T
        low, high = turned.min(axis=0), turned.max(axis=0)
        if np.prod(high - low) < area:
            area = float(np.prod(high - low))
            # (row, column) clockwise as seen on the screen
            box = [low, (low[0], high[1]), high, (high[0], low[1])]
            best = np.asarray(box) @ turn
    return None if best is None else _from_upper_left(best)


def peeled(inside: Mask, foreground: Mask) -> Mask:
    """What of a tray lies within its rim: layers that are mostly rim are taken off from outside."""
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    deepest = int(DEEPEST_RIM * 2 * depth.max())
    layer = np.minimum(depth.astype(np.int64), deepest + 1)
    pixels = np.bincount(layer[inside], minlength=deepest + 2)
    covered = np.bincount(layer[inside & foreground], minlength=deepest + 2)
    share = covered[1 : deepest + 1] / np.maximum(pixels[1 : deepest + 1], 1)
    floor = np.flatnonzero((share < 0.5) & (np.append(share[1:], 0) < 0.5))
    return np.asarray(depth > (floor[0] + 1 if len(floor) else 1))


def trimmed(foreground: Mask) -> Mask:
    """The picture without strips along its sides that are not the tray, such as a stage.

    A strip is seen along most of a side and ends well before the middle.
    """
    keep = np.ones(foreground.shape, dtype=bool)
    for axis in (0, 1):
        for backwards in (False, True):
            profile = foreground.mean(axis=1 - axis)[:: -1 if backwards else 1]
            deepest = max(2, len(profile) // 4)
            clear = np.flatnonzero(profile[:deepest] < 0.35)
            if profile[: max(1, deepest // 8)].max() < 0.6 or not len(clear):
                continue
            strip = np.flatnonzero(profile[: clear[0] + 1] > 0.5)
            depth = int(strip[-1]) + 2 if len(strip) else 0
            side = [slice(None), slice(None)]
            side[axis] = slice(-depth, None) if backwards else slice(0, depth)
            if depth:
                keep[tuple(side)] = False
    return keep


def _line(at: NDArray[np.float64], off: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and height of a line through most of the points."""
    weights = np.ones(len(at))
    slope = height = 0.0
    for _ in range(8):
        slope, height = np.polyfit(at, off, 1, w=weights) if len(at) > 1 else (0.0, off[0])
        away = np.abs(off - slope * at - height)
        weights = 1 / np.maximum(away, 0.5 + np.median(away))
    return float(slope), float(height)


def _from_upper_left(corners: Corners) -> Corners:
    return np.asarray(np.roll(corners, -int(np.argmin(corners.sum(axis=1))), axis=0))


def _roundness(mask: Mask) -> float:
    """Overlap of a mask with the circle that has its area and its middle."""
    rows, columns = np.nonzero(mask)
    radius2 = len(rows) / np.pi
    y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
    circle = (y - rows.mean()) ** 2 + (x - columns.mean()) ** 2 <= radius2
    return float((circle & mask).sum() / max((circle | mask).sum(), 1))
