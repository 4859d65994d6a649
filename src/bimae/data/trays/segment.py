"""A picture of a tray -> the seeds on it, each with its outline, number and flags."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bimae.data.trays.background import Mask, Picture, departure, distance, mended, smoothed
from bimae.data.trays.flags import flagged
from bimae.data.trays.order import reading_order
from bimae.data.trays.outline import Corners, Tray, find_tray, peeled, trimmed
from bimae.data.trays.parts import Part, cleaned, connected, rejoined, split
from bimae.data.trays.things import sharpened, standing_out, threshold

MOST_PIXELS = 4_000_000  # larger pictures are segmented at reduced size
FIRST_PIXELS = 300_000  # at which size objects are looked for first
HALF_WIDTH = 9  # pixels of an object at which outlines are drawn, where there are enough
REDUCED_PIXELS = 100_000  # are made smaller at a time: they stay in the cache
LEAST_PIXELS = 20
# Smaller things are dust, which covers more pixels where there are more: this share of the square
# of the picture's shorter side, but no seed of 60 pixels is taken for dust.
LEAST_SHARE, DUST_PIXELS = 1.15e-4, 60
RING = (0.0, 0.02)  # of the picture's width: its border
# Of a tray's width: where its floor surely is, first without and then with its rim known.
FLOOR_RINGS = ((0.06, 0.2), (0.0, 0.08))
FLAT = 0.25  # spread of a tray's floor against its contrast with the table
FLAT_ROUND = 0.1

Flags = tuple[str, ...]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Found:
    """One object.

    Attributes:
        number: From 1, in reading order; its value in the labels.
        box: First row, first column, row and column behind the last one.
        area: Pixels.
        centroid: Row and column, 0 in the middle of the first pixel.
        flags: `touching` (parted from a neighbour, or so large or dented that it likely is two),
            `cut` (by the picture's border or the tray's edge), `small` (a fragment), and
            `unpaired` (not found in the other view). Empty for a whole seed.
    """

    number: int
    box: Box
    area: int
    centroid: tuple[float, float]
    flags: Flags = ()


@dataclass(frozen=True)
class Segmentation:
    """What lies on a tray.

    Attributes:
        labels: [H, W] an object's number on its pixels, 0 elsewhere.
        objects: In reading order.
        tray: [4, 2] row and column of the tray's corners, clockwise from the upper left, where
            its outline is seen; else None.
        dropped: Specks that were left out.
    """

    labels: NDArray[np.int32]
    objects: tuple[Found, ...]
    tray: Corners | None
    dropped: int


def segment(picture: Picture, *, least_pixels: int = LEAST_PIXELS) -> Segmentation:
    """Finds the seeds on a tray.

    The background is what the picture's border shows, or, where a tray and the table around it are
    seen, the tray's floor. A seed is what differs from it clearly, brighter or darker. The result
    does not depend on any channel's gain or offset.

    Args:
        picture: [H, W, k] any channels, for example means of groups of bands, or RGB.
        least_pixels: Objects with fewer pixels are specks.

    Returns:
        The objects; none where nothing stands out from the background.
    """
    height, width = picture.shape[:2]
    finest = _factor(height, width, MOST_PIXELS)
    factor = max(finest, _factor(height, width, FIRST_PIXELS))
    while True:
        seen = _look(_reduced(picture, factor), least_pixels)
        if seen.pieces:
            # Seeds many pixels wide are outlined as well, and faster, at a smaller size; and seeds
            # of a few pixels need all there are.
            some = seen.pieces[:: max(1, len(seen.pieces) // 200)]
            half = float(np.median([part.half_width for part in some]))
            better = max(finest, round(factor * half / HALF_WIDTH))
            if better > 1.5 * factor or better < factor / 1.5:
                factor, seen = better, _look(_reduced(picture, better), least_pixels)
        found = _outlined(seen)
        if found.objects or factor == finest:
            return enlarged(found, factor, (height, width))
        factor = max(finest, factor // 2)


def _factor(height: int, width: int, most: int) -> int:
    """By how much a picture has to be reduced to have at most so many pixels."""
    return max(1, int(np.ceil(np.sqrt(height * width / most))))


@dataclass(frozen=True)
class _Seen:
    """What stands out in a picture, before it is looked at closely."""

    pieces: list[Part]
    away: Picture
    region: Mask
    corners: Corners | None
    specks: int
    least: int


def _look(picture: Picture, least_pixels: int) -> _Seen:
    away, region, corners = _look_inside(smoothed(mended(picture)))
    least = max(least_pixels, min(DUST_PIXELS, round(LEAST_SHARE * min(region.shape) ** 2)))
    things, specks = standing_out(away, least)
    pieces = [part for thing in connected(things, region) for part in cleaned(thing, least)]
    return _Seen(pieces, away, region, corners, specks, least)


def _outlined(seen: _Seen) -> Segmentation:
    """The seeds in a picture as large as it is."""
    pieces = split(seen.pieces, seen.least)
    sharp = rejoined(sharpened(seen.away, pieces), seen.region.shape)
    parts = [part for thing in sharp for part in cleaned(thing, seen.least)]
    parts, dropped = flagged(split(parts, seen.least), seen.region)
    return _numbered(parts, seen.region, seen.corners, seen.specks + dropped)


def _look_inside(image: Picture) -> tuple[Picture, Mask, Corners | None]:
    """Distance from the tray's floor, the part of the picture that is floor, the tray's corners."""
    whole = np.ones(image.shape[:2], dtype=bool)
    away = departure(image, whole, _ring(whole, RING))
    far = distance(away)
    foreground = far > threshold(far)
    if not foreground.any():
        return away, whole, None
    tray = find_tray(foreground)
    if tray is not None and _is_flat(far, tray):
        # Twice: only without the rim is it known what the floor looks like.
        floor = tray.inside
        for ring in FLOOR_RINGS:
            away = departure(image, floor, _ring(floor, ring))
            far = distance(away)
            floor = peeled(floor, far > threshold(far))
        away[~floor] = 0
        return away, floor, tray.corners
    strips = trimmed(foreground)
    if not strips.all():
        away = departure(image, strips, _ring(strips, RING))
    return away, strips, None


def _ring(region: Mask, shares: tuple[float, float]) -> Mask:
    """What of a region lies between two depths, as shares of its width."""
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    first, last = (share * 2 * depth.max() for share in shares)
    return np.asarray((depth > first) & (depth <= max(1.0, last)))


def _is_flat(far: NDArray[np.float32], tray: Tray) -> bool:
    """Whether most of a tray is one floor: a single seed that fills the picture is shaded."""
    values = far[tray.inside]
    middle = float(np.median(values))
    most = FLAT if tray.corners is not None else FLAT_ROUND
    return float(np.median(np.abs(values - middle))) < most * middle


def _numbered(
    parts: list[Part], region: Mask, corners: Corners | None, dropped: int
) -> Segmentation:
    labels = np.zeros(region.shape, np.int32)
    height = float(np.median([part.mask.any(axis=1).sum() for part in parts])) if parts else 0.0
    centres = np.array([part.centroid for part in parts]).reshape(-1, 2)
    found = []
    for number, i in enumerate(reading_order(centres, height), start=1):
        part = parts[i]
        rows, columns = (np.flatnonzero(part.mask.any(axis=axis)) for axis in (1, 0))
        top, left = part.top, part.left
        box = (top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1)
        area = int(part.mask.sum())
        found.append(Found(number, _box(box), area, part.centroid, part.flags))
        window = labels[top : top + part.mask.shape[0], left : left + part.mask.shape[1]]
        window[part.mask] = number
    return Segmentation(labels, tuple(found), corners, dropped)


def _box(edges: Sequence[int]) -> Box:
    top, left, bottom, right = (int(edge) for edge in edges)
    return top, left, bottom, right


def _reduced(picture: Picture, factor: int) -> Picture:
    """Means of factor x factor pixels; what is left over at the lower and right edge is lost."""
    if factor == 1:
        return picture
    height, width = picture.shape[0] // factor, picture.shape[1] // factor
    total = np.zeros((height, width, picture.shape[2]), np.float32)
    step = max(1, REDUCED_PIXELS // max(1, factor * width))
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        lines = picture[rows.start * factor : rows.stop * factor, : width * factor]
        for down, right in product(range(factor), repeat=2):
            total[rows] += lines[down::factor, right::factor]
    total /= np.float32(factor**2)
    return total


def enlarged(small: Segmentation, factor: int, shape: tuple[int, int]) -> Segmentation:
    """A segmentation of a reduced picture on the pixels of the whole one.

    Args:
        small: Of the reduced picture.
        factor: By which it was reduced.
        shape: Height and width of the whole picture.
    """
    if factor == 1:
        return small
    rows, columns = (
        np.minimum(np.arange(n) // factor, m - 1)
        for n, m in zip(shape, small.labels.shape, strict=True)
    )
    labels = small.labels[rows[:, None], columns[None, :]]
    found = tuple(
        Found(
            one.number,
            _box([edge * factor for edge in one.box]),
            one.area * factor**2,
            (to_whole(one.centroid[0], factor), to_whole(one.centroid[1], factor)),
            one.flags,
        )
        for one in small.objects
    )
    corners = None if small.tray is None else (small.tray + 0.5) * factor - 0.5
    return Segmentation(labels, found, corners, small.dropped)


def to_whole(position: float, factor: int) -> float:
    """A position in a reduced picture as one in the whole picture."""
    return (position + 0.5) * factor - 0.5
