"""What stands out from a tray's floor, and where exactly each thing ends.

A thing's edge is sought where the picture changes most: a threshold would draw pale seeds too
small and dark ones with their shadows, which on a bright floor reach half a seed's own contrast.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import segmentation

from bimae.data.trays.background import Mask, Picture, distance, otsu_of_log
from bimae.data.trays.necks import half_width
from bimae.data.trays.parts import Part

LEAST_CONTRAST = 6.0  # of an object, in spreads of the background
EDGE = 0.4  # of a thing's own contrast: its outline before it is sought exactly
BRIGHT_EDGE = 0.2  # the same for what is brighter than the floor and so can be no shadow
HALO = 1.5  # times the usual width of a blurred edge: wider ones are more than blur
SOFT = 0.2  # of a thing's contrast: brighter than that, brightness counts by its logarithm
WEAK = 0.12  # of the contrast of the tray's clearest things
CORE = 0.25  # of the half width: what lies deeper belongs to the thing
MOST_BESIDE = 0.6  # of a thing's contrast: if its surroundings have more, it has no edge
REACH = 0.3  # of the half width: what lies farther outside does not

_watershed: Any = segmentation.watershed  # scikit-image has no types for it


def threshold(far: NDArray[np.float32]) -> float:
    """The distance from the background that parts it from all else."""
    return max(LEAST_CONTRAST, otsu_of_log(far))


def standing_out(away: Picture, least: int) -> tuple[Mask, int]:
    """What clearly differs from the background.

    Args:
        away: [H, W, k] departure from the background.
        least: Pixels of the smallest thing.

    Returns:
        [H, W], and the number of specks that were left out.
    """
    far, brighter = distance(away), distance(np.maximum(away, 0))
    lowest = threshold(far)
    labels, _ = ndimage.label(far > lowest)
    things, dropped = np.zeros(far.shape, dtype=bool), 0
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        own = labels[box] == number
        if np.count_nonzero(own) < least:
            dropped += 1
            continue
        things[box] |= _above(far[box], brighter[box], own, lowest)
    return things, dropped


def _above(
    far: NDArray[np.float32], brighter: NDArray[np.float32], own: Mask, lowest: float
) -> Mask:
    """What of a thing has enough of its contrast, or is dimmer and reaches too far for a halo.

    A blurred edge is as wide all around. Where the dim part is wider, it is a seed's dark side, or
    another seed; beside a seed that is darker than the floor it could as well be a shadow.
    """
    level = float(np.percentile(far[own], 75))
    dim = own & ((far if _is_bright(far[own], brighter[own]) else brighter) > lowest)
    clear = own & ((far > EDGE * level) | (dim & (brighter > BRIGHT_EDGE * level)))
    away = ndimage.distance_transform_edt(~clear)
    outline = own & ~ndimage.binary_erosion(own, border_value=1)
    if not outline.any():
        return clear
    reach = HALO * float(np.median(away[outline])) + 1
    beyond = dim & (away > reach)
    if not beyond.any():
        return clear
    near = ndimage.distance_transform_edt(~beyond) <= reach
    return np.asarray(clear | (dim & near))


def _is_bright(far: NDArray[np.float32], brighter: NDArray[np.float32]) -> bool:
    """Whether a thing is mostly brighter than the floor, which then shows no shadow to speak of."""
    return float(np.sum(brighter**2)) > 0.7 * float(np.sum(far**2))


def sharpened(away: Picture, parts: list[Part]) -> list[Part]:
    """Parts with their edges where the picture changes most.

    What has no edge, such as a change of the light, or hardly any contrast beside the others, such
    as a stain, is left out.
    """
    all_far = distance(away)
    levels = [float(np.percentile(part.window(all_far)[part.mask], 75)) for part in parts]
    weakest = WEAK * float(np.percentile(levels, 80)) if levels else 0.0
    taken = np.zeros(away.shape[:2], dtype=np.int32)
    for number, part in enumerate(parts, start=1):
        part.window(taken)[part.mask] = number
    frame = np.zeros(taken.shape, dtype=bool)
    frame[[0, -1]] = frame[:, [0, -1]] = True
    result = []
    for number, (part, level) in enumerate(zip(parts, levels, strict=True), start=1):
        if level < weakest:
            continue
        reach = max(2, round(REACH * part.half_width))
        margin = 2 * reach + 2
        here, own = part.window(taken, margin), part.window(away, margin)
        mine, others = here == number, (here > 0) & (here != number)
        around = ndimage.binary_dilation(mine, iterations=reach)
        far = part.window(all_far, margin)
        beside = ndimage.binary_dilation(around, iterations=reach) & ~around & ~others
        if beside.any() and float(np.median(far[beside])) > MOST_BESIDE * level:
            continue
        depth = half_width(mine)
        markers = np.zeros(mine.shape, dtype=np.int32)
        markers[depth >= CORE * depth.max()] = 1
        # Where the picture ends nearby, what is not the thing there is taken for its surroundings.
        markers[~around | others | (part.window(frame, margin) & ~mine)] = 2
        bright = _is_bright(far[mine], distance(np.maximum(own, 0))[mine])
        mask = _watershed(_steepness(own, level, bright), markers) == 1
        here[mask] = number  # nobody else gets these pixels
        top, left = max(part.top - margin, 0), max(part.left - margin, 0)
        result.append(replace(part, top=top, left=left, mask=mask))
    return result


def _steepness(away: Picture, level: float, bright: bool) -> NDArray[np.float32]:
    """[h, w] how fast the picture changes.

    Beside a bright thing, and for all that is brighter than the floor, the logarithm counts: there
    the shaded side of a seed is dim, but no shadow of it. What is darker than a bright floor counts
    as it is: there the seed is darkest.
    """
    soft = max(LEAST_CONTRAST / 2, SOFT * level)
    total = np.zeros(away.shape[:2], np.float32)
    for channel in range(away.shape[2]):
        plane = away[..., channel]
        logarithm = level / np.arcsinh(level / soft) * np.arcsinh(plane / soft)
        down, right = np.gradient(logarithm if bright else np.where(plane > 0, logarithm, plane))
        total += down**2 + right**2
    return np.asarray(np.sqrt(total), dtype=np.float32)
