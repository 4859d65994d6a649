"""Seeds that touch -> single seeds: parted at their necks and between their dents.

Masks here are cut from a picture with a margin of one pixel. Where a thing reaches the border of
its array, the picture ends there and the thing is taken to go on.
"""

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from skimage import measure, morphology, segmentation

from bimae.data.trays.background import Mask

NECK = 0.75  # a neck narrower than this share of the thinner part's width parts two seeds
SMOOTHING = 0.1  # of the half width: the outline's steps from pixel to pixel make no parts
FINE = 6.0  # pixels: thinner things are looked at on a finer grid
DENTED = 0.93  # share of its convex hull that a thing fills: fuller ones have no neck
LEAST_DENT = 1.0  # pixels; the outlines of single seeds are off by up to half of it
DENT = 0.33  # of the smaller part's half width: what is less may be a seed's own shape
DOUBTFUL = 0.2  # from here on it may also be two seeds
WIDEST = 1.5  # a cut longer than this share of the smaller part's width goes through a seed

# scikit-image has no types for these.
_local_maxima: Any = morphology.local_maxima
_reconstruction: Any = morphology.reconstruction
_watershed: Any = segmentation.watershed
_find_contours: Any = measure.find_contours


def half_width(mask: Mask) -> NDArray[np.float64]:
    """[h, w] distance to the outline, 0 outside."""
    if mask.all():
        return np.full(mask.shape, min(mask.shape) / 2)
    wide = np.empty((mask.shape[0] + 2, mask.shape[1] + 2), dtype=bool)  # np.pad takes far longer
    wide[1:-1, 1:-1] = mask
    wide[0], wide[-1] = wide[1], wide[-2]
    wide[:, 0], wide[:, -1] = wide[:, 1], wide[:, -2]
    inner = ndimage.distance_transform_edt(wide)[1:-1, 1:-1]
    return np.asarray(np.maximum(inner - 0.5, 0))


def solidity(mask: Mask) -> float:
    """Share of its convex hull that a mask fills."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - mask[rows][:, ::-1].argmax(axis=1)
    corners = np.concatenate(
        [np.stack([rows + down, edge], axis=1) for down in (0, 1) for edge in (first, last)]
    )
    return float(np.count_nonzero(mask) / ConvexHull(corners).volume)


def parted(mask: Mask, least: float, solid: float | None = None) -> list[Mask]:
    """The single seeds in a connected thing, each [h, w].

    First at narrow necks, then between pairs of dents. A long seed of even width stays whole,
    whatever its length, and so does a kidney: it has one dent.

    Args:
        mask: [h, w] the thing.
        least: Pixels that a part must have; smaller ones stay with their neighbour.
        solid: Its `solidity`, where that is known.
    """
    if (solidity(mask) if solid is None else solid) >= DENTED:
        return [mask]
    pieces = _at_necks(mask, least)
    if len(pieces) == 1:
        pieces = _between_dents(mask, least, DENT)
    if len(pieces) == 1:
        return pieces
    return [part for piece in pieces for part in parted(piece, least)]


def _at_necks(mask: Mask, least: float) -> list[Mask]:
    inner = half_width(mask)
    markers, count = _middles(mask, inner)
    while count > 1:
        labels = _watershed(-inner, markers, mask=mask)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        smallest = int(np.argmin(sizes))
        if sizes[smallest] >= least:
            return [labels == i + 1 for i in range(count)]
        markers[markers == smallest + 1] = 0
        markers[markers > smallest + 1] -= 1
        count -= 1
    return [mask]


def _middles(mask: Mask, inner: NDArray[np.float64]) -> tuple[NDArray[np.int32], int]:
    """[h, w] numbers where a thing is widest between two necks, and how many there are.

    Where there is only one, nobody asks where, and it is not written down.
    """
    finer = 3 if float(inner.max()) < FINE else 1
    if finer > 1:
        # Steps of whole pixels would make necks in a seed that is a few pixels wide.
        soft = ndimage.gaussian_filter(np.pad(mask, 1, mode="edge").astype(np.float32), 0.7)
        mask = (ndimage.zoom(soft, finer, order=1, mode="nearest", grid_mode=True) > 0.5)[
            finer:-finer, finer:-finer
        ]
        inner = half_width(mask)
    smooth = ndimage.gaussian_filter(inner, SMOOTHING * float(inner.max()), mode="nearest")
    # On a logarithmic scale a neck's share of the width is a fall of one height everywhere.
    height = np.where(mask, np.log(np.maximum(smooth, 0.25)), np.log(0.2))
    if _is_one_hill(height):
        return np.zeros((0, 0), np.int32), 1
    tops = _local_maxima(_reconstruction(height + np.log(NECK), height)) & mask
    labels, count = ndimage.label(tops, structure=np.ones((3, 3)))
    markers = np.zeros([size // finer for size in mask.shape], dtype=np.int32)
    for number in range(1, count + 1):
        rows, columns = np.nonzero(labels == number)
        middle = len(rows) // 2
        markers[rows[middle] // finer, columns[middle] // finer] = number
    return markers, count


def _is_one_hill(height: NDArray[np.float64]) -> bool:
    """Whether one look tells that no neck parts the hills of a thing.

    From the highest top down to where a neck would be, all that is as high and connected becomes
    one plateau by reconstruction; and each other plateau would have a top of its own.
    """
    level = float(height.max()) + np.log(NECK)
    if level <= np.log(0.2):  # of what is outside: a thing of hardly any width
        return False
    tops = _local_maxima(height)
    if height[tops].min(initial=level) < level:
        return False
    labels, _ = ndimage.label(height >= level, structure=np.ones((3, 3)))
    return bool((labels[tops] == labels.flat[int(np.argmax(height))]).all())


def perhaps_two(mask: Mask, solid: float) -> bool:
    """Whether a thing that was not parted has dents that make one think of two seeds.

    Args:
        mask: [h, w] the thing.
        solid: Its `solidity`.
    """
    least = 0.1 * np.count_nonzero(mask)
    return solid < DENTED and len(_between_dents(mask, least, DOUBTFUL)) > 1


def _between_dents(mask: Mask, least: float, dent: float) -> list[Mask]:
    """Cuts a thing in two along the best line from one dent to another, if there is one."""
    best, shortest = [mask], WIDEST
    for (depth, start), (other, stop) in combinations(_dents(mask)[:6], 2):
        pieces = _cut(mask, start, stop)
        if len(pieces) != 2 or min(np.count_nonzero(piece) for piece in pieces) < least:
            continue
        thin = min(float(half_width(piece).max()) for piece in pieces)
        length = float(np.hypot(*(stop - start))) / (2 * thin)
        if length < shortest and min(depth, other) >= dent * thin:
            best, shortest = pieces, length
    return best


def _dents(mask: Mask) -> list[tuple[float, NDArray[np.float64]]]:
    """Depth in pixels and deepest point of the dents in an outline, the deepest first."""
    soft = ndimage.gaussian_filter(np.pad(mask, 3, mode="edge").astype(np.float32), 0.7)
    soft = np.pad(soft, 1)
    outline = max(_find_contours(soft, 0.5), key=len)[:-1] - 4
    corners = np.sort(ConvexHull(outline).vertices)
    ends = np.append(corners[1:], corners[0] + len(outline))
    dents = []
    for first, last in zip(*_dented(outline, corners, ends), strict=True):
        points = outline[np.arange(first, last + 1) % len(outline)]
        way = points[-1] - points[0]
        depth = np.abs((points - points[0]) @ (-way[1], way[0])) / float(np.hypot(*way))
        deepest = int(np.argmax(depth))
        if depth[deepest] >= LEAST_DENT:
            dents.append((float(depth[deepest]), points[deepest]))
    return sorted(dents, key=lambda dent: -dent[0])


def _dented(
    outline: NDArray[np.float64], first: NDArray[np.int_], last: NDArray[np.int_]
) -> tuple[list[int], list[int]]:
    """The sides of a hull, from one of its corners to the next, that may have a dent beneath.

    All sides at once: most have none.
    """
    counts = last - first
    at = np.repeat(np.arange(len(first)), counts)
    way = outline[last % len(outline)] - outline[first]
    length = np.hypot(way[:, 0], way[:, 1])
    off = np.roll(outline, -int(first[0]), axis=0) - outline[first][at]
    depth = np.abs(off[:, 1] * way[at, 0] - off[:, 0] * way[at, 1])
    deepest = np.maximum.reduceat(depth, np.cumsum(counts) - counts)
    some = (counts >= 3) & (length > 0) & (deepest >= (LEAST_DENT - 1e-6) * length)
    return first[some].tolist(), last[some].tolist()


def _cut(mask: Mask, start: NDArray[np.float64], stop: NDArray[np.float64]) -> list[Mask]:
    """The parts of a mask on both sides of a line that is drawn from one point to another."""
    along = stop - start
    length = max(float(np.hypot(*along)), 1e-9)
    y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
    down, right = y - start[0], x - start[1]
    at = (down * along[0] + right * along[1]) / length
    off = (right * along[0] - down * along[1]) / length
    line = (np.abs(off) <= 0.75) & (at > -1.5) & (at < length + 1.5)
    labels, count = ndimage.label(mask & ~line)
    if count < 2:
        return [mask]
    # The line's own pixels, and crumbs beside it, go with the nearer of the two parts.
    sizes = np.bincount(labels.ravel())[1:]
    largest = 1 + np.argsort(sizes)[-2:]
    seeds = np.where(np.isin(labels, largest), labels, 0)
    nearest = ndimage.distance_transform_edt(
        seeds == 0, return_distances=False, return_indices=True
    )
    whole = seeds[tuple(nearest)]
    return [(whole == number) & mask for number in largest]
