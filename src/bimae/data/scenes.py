"""From a scene to samples: windows, false colour, and a split that cannot leak.

A scene is one large image; its samples are small square windows. Neighbouring windows share
pixels, so a random split would test on pixels seen in training. `spatial_blocks` splits by ground.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bimae.errors import DataError
from bimae.spectra import nearest_band

SPLITS = ("train", "val", "test")
"""Names of the splits; a number in `SpatialSplit.split` is an index into them."""

RGB_NM = (640.0, 550.0, 460.0)
"""Where red, green and blue are taken from, in nm."""

DRAWS = 8  # seeded attempts at dealing out the blocks, of which the best one is taken


def cut_window(image: NDArray[Any], top: int, left: int, size: int) -> NDArray[Any]:
    """The square of `size` pixels whose top-left pixel is (`top`, `left`).

    Args:
        image: [H, W, ...].
        top: First row.
        left: First column.
        size: Side in pixels.

    Returns:
        [size, size, ...], a view of `image`.

    Raises:
        DataError: The window does not lie within the image.
    """
    height, width = image.shape[:2]
    inside = size >= 1 and 0 <= top <= height - size and 0 <= left <= width - size
    if not inside:
        raise DataError(
            f"a window of {size}x{size} pixels at row {top}, column {left} does not lie within "
            f"an image of {height}x{width}; choose a smaller window or another place"
        )
    return image[top : top + size, left : left + size]


def false_colour(
    cube: NDArray[Any],
    wavelengths: Sequence[float],
    percentiles: tuple[float, float] = (2.0, 98.0),
) -> NDArray[np.float32]:
    """A picture of a cube as an eye might see it: the bands nearest to 640, 550 and 460 nm.

    Each channel is stretched by percentiles of the whole scene, so that windows cut from the
    result stay comparable: a dark field is dark in every window.

    Args:
        cube: [H, W, C] in any unit.
        wavelengths: C band centres in nm.
        percentiles: The values that become 0 and 1, in percent of the pixels.

    Returns:
        [H, W, 3] float32 in [0, 1].

    Raises:
        DataError: There is not one wavelength for each band.
    """
    if cube.ndim != 3 or cube.shape[2] != len(wavelengths):
        raise DataError(
            f"false colour needs a cube [H, W, bands] and one wavelength per band; found shape "
            f"{list(cube.shape)} and {len(wavelengths)} wavelengths: correct the list"
        )
    bands = [nearest_band(wavelengths, nm) for nm in RGB_NM]
    rgb = cube[:, :, bands].astype(np.float32)
    low, high = np.percentile(rgb, percentiles, axis=(0, 1)).astype(np.float32)
    span = np.where(high > low, high - low, np.float32(1.0))  # a constant channel becomes black
    stretched: NDArray[np.float32] = np.clip((rgb - low) / span, 0.0, 1.0).astype(np.float32)
    return stretched


def resample_rgb(
    rgb: NDArray[np.float32], size: int, box: tuple[float, float, float, float] | None = None
) -> NDArray[np.float32]:
    """A picture at another size, bilinear (averaging where it shrinks).

    Args:
        rgb: [H, W, 3] float32 in [0, 1].
        size: Side of the result in pixels.
        box: left, top, right, bottom of the part to take, in pixels, fractions allowed; all of it
            by default.

    Returns:
        [size, size, 3] float32 in [0, 1].
    """
    channels = [
        Image.fromarray(np.ascontiguousarray(rgb[:, :, i])).resize(
            (size, size), Image.Resampling.BILINEAR, box=box
        )
        for i in range(rgb.shape[2])
    ]
    return np.clip(np.stack([np.asarray(c, dtype=np.float32) for c in channels], axis=-1), 0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class SpatialSplit:
    """Which pixels of a scene may be the centre of a sample, and of which split.

    Attributes:
        split: [H, W] int8: -1 where no sample may be centred, else an index into `SPLITS`.
        block: Side of the blocks in pixels.
        window: Side of the windows in pixels.
    """

    split: NDArray[np.int8]
    block: int
    window: int

    def group(self, row: int, column: int) -> str:
        """Name of the block that a pixel lies in, such as `block-03-05` (block row, column)."""
        return f"block-{row // self.block:02d}-{column // self.block:02d}"


def spatial_blocks(
    labels: NDArray[Any],
    *,
    window: int,
    block: int,
    fractions: tuple[float, float, float] = (0.6, 0.1, 0.3),
    seed: int = 0,
) -> SpatialSplit:
    """Splits the labelled pixels of a scene by square blocks of ground.

    A pixel is used only if its whole window lies within its own block (and within the scene).
    Windows of different blocks therefore never share a pixel, and a block belongs to one split:
    no window of one split touches a pixel of another's, whatever the blocks are dealt out like.
    The price is a guard band of window // 2 pixels inside every block's edge.

    Blocks are dealt out so that every class comes as near to `fractions` as its blocks allow: the
    class with the fewest samples left first, its largest block first, to the split that lacks most
    of that class (iterative stratification, Sechidis et al. 2011, over blocks); then single blocks
    move to another split while that helps. Of `DRAWS` seeded orders the best result is taken: the
    fewest classes missing from train or test, then from val, then the nearest to `fractions`.

    Args:
        labels: [H, W] class numbers; 0 is unlabelled.
        window: Side of the windows in pixels, odd, so that a pixel is its centre.
        block: Side of the blocks in pixels, at least `window`.
        fractions: Shares of train, val and test; they add up to 1.
        seed: Of the orders tried.

    Returns:
        The split of every pixel.

    Raises:
        DataError: Window or block have no sense, or no labelled pixel is left.
    """
    if window < 1 or window % 2 == 0 or block < window:
        raise DataError(
            f"windows of {window} pixels in blocks of {block}: the window must be odd and no "
            "larger than the block, for example a window of 7 in blocks of 18"
        )
    if min(fractions) < 0 or abs(sum(fractions) - 1.0) > 1e-6:
        raise DataError(f"shares {fractions} of train, val and test: they must add up to 1")
    usable = _guarded(labels.shape, window, block) & (labels != 0)
    rows, columns = np.nonzero(usable)
    if rows.size == 0:
        raise DataError(
            f"no labelled pixel has its {window}x{window} window within one block of {block} "
            f"pixels in a scene of {labels.shape[0]}x{labels.shape[1]}; enlarge the block"
        )
    across = -(-labels.shape[1] // block)
    blocks, block_of = np.unique(rows // block * across + columns // block, return_inverse=True)
    classes, class_of = np.unique(labels[rows, columns], return_inverse=True)
    counts = np.zeros((len(blocks), len(classes)))
    np.add.at(counts, (block_of, class_of), 1)
    split = np.full(labels.shape, -1, dtype=np.int8)
    split[rows, columns] = _deal(counts, np.asarray(fractions), seed)[block_of]
    return SpatialSplit(split, block, window)


def _guarded(shape: tuple[int, ...], window: int, block: int) -> NDArray[np.bool_]:
    """[H, W]: True where the window around a pixel lies within the pixel's block and the scene."""
    reach = window // 2
    along = []
    for length in shape[:2]:
        at = np.arange(length)
        first = at // block * block
        end = np.minimum(first + block, length)  # the last block may be cut off by the scene's edge
        along.append((at - reach >= first) & (at + reach < end))
    return np.logical_and.outer(along[0], along[1])


def _deal(counts: NDArray[Any], fractions: NDArray[Any], seed: int) -> NDArray[np.int8]:
    """Split of each block [N], from the samples of each class in each block [N, K]."""
    rng = np.random.default_rng(seed)
    best: tuple[tuple[int, int, float], NDArray[np.int8]] | None = None
    for _ in range(DRAWS):
        # "Largest first" with a seeded grain of salt: equal or nearly equal blocks change places.
        size = counts * rng.uniform(0.7, 1.3, counts.shape)
        split = _deal_once(counts, size, fractions)
        score = _improve(split, counts, fractions)
        if best is None or score < best[0]:
            best = (score, split)
    assert best is not None
    return best[1]


def _improve(
    split: NDArray[np.int8], counts: NDArray[Any], fractions: NDArray[Any]
) -> tuple[int, int, float]:
    """Moves single blocks to another split, in place, until no move is for the better."""
    score = _score(split, counts, fractions)
    moved = True
    while moved:
        moved = False
        for block in range(len(split)):
            before = split[block]
            for other in range(len(fractions)):
                split[block] = other
                found = _score(split, counts, fractions)
                if found < score:
                    score, before, moved = found, split[block], True
            split[block] = before
    return score


def _score(
    split: NDArray[np.int8], counts: NDArray[Any], fractions: NDArray[Any]
) -> tuple[int, int, float]:
    """The less the better: classes missing in train or test, in val, distance to the shares."""
    member = split == np.arange(len(fractions))[:, None]  # [splits, N]
    shares = member @ counts / counts.sum(axis=0)  # [splits, K]
    missing = ((shares == 0) & (fractions[:, None] > 0)).sum(axis=1)
    distance = np.abs(shares - fractions[:, None]).sum()
    return int(missing[0] + missing[2]), int(missing[1]), float(distance)


def _deal_once(
    counts: NDArray[Any], size: NDArray[Any], fractions: NDArray[Any]
) -> NDArray[np.int8]:
    split = np.full(len(counts), -1, dtype=np.int8)
    total = counts.sum(axis=0)
    lack = fractions[:, None] * total  # [splits, K]: samples that each split still wants
    while (split < 0).any():
        left = counts[split < 0].sum(axis=0)
        rarest = int(np.where(left > 0, left, np.inf).argmin())
        waiting = np.flatnonzero((split < 0) & (counts[:, rarest] > 0))
        chosen = int(waiting[size[waiting, rarest].argmax()])
        # Ties go to train, then test, then val: a class that lives in two blocks is better learnt
        # and tested than validated.
        order = sorted((0, 2, 1), key=lambda s: -lack[s, rarest])
        split[chosen] = order[0]
        lack[order[0]] -= counts[chosen]
    return split
