"""Images of any size -> the size a model reads, the way the authors do it.

RGB is padded to a square with white and resized. Spectra keep their aspect ratio and are padded
with zeros, as `tf.image.resize_with_pad` does it (bilinear, half-pixel centres).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

WHITE = 1.0  # the background of the paper's RGB images


def bring_rgb_to_size(rgb: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """An RGB image [H, W, 3] in [0, 1] as [size, size, 3].

    Padded to a square with white, the image in the middle; then resized bilinearly, averaging
    (antialias) where it shrinks. An image of that size already is returned as it is.
    """
    height, width = rgb.shape[:2]
    side = max(height, width)
    if height != width:
        top, left = (side - height) // 2, (side - width) // 2
        square = np.full((side, side, 3), WHITE, np.float32)
        square[top : top + height, left : left + width] = rgb
        rgb = square
    return rgb if side == size else _resize(rgb, size, size, antialias=True)


def bring_hs_to_size(
    hs: NDArray[np.uint8] | NDArray[np.float32], size: int
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """A cube [h, w, bands] as [size, size, bands] of the same dtype (uint8 is rounded).

    Resized to fit, bilinearly and without antialias as the authors do, and padded with zeros on
    both sides of the shorter edge. A cube of that size already is returned as it is.
    """
    height, width, bands = hs.shape
    if height == width == size:
        return hs
    longest = max(height, width)
    # Exact integers where TensorFlow rounds floats down: size * edge / longest, and half the rest.
    rows, columns = (max(1, size * edge // longest) for edge in (height, width))
    top, left = ((size * (longest - edge)) // (2 * longest) for edge in (height, width))
    fitted = _resize(hs.astype(np.float32, copy=False), rows, columns, antialias=False)
    if hs.dtype == np.uint8:
        fitted = np.rint(fitted).clip(0, 255)
    padded = np.zeros((size, size, bands), hs.dtype)
    top, left = min(top, size - rows), min(left, size - columns)
    padded[top : top + rows, left : left + columns] = fitted
    return padded


def _resize(
    image: NDArray[np.float32], rows: int, columns: int, *, antialias: bool
) -> NDArray[np.float32]:
    height, width, channels = image.shape
    resized = image
    if height != rows:
        flat = image.reshape(height, width * channels)
        resized = np.dot(_weights(height, rows, antialias), flat).reshape(rows, width, channels)
    if width != columns:
        resized = np.matmul(_weights(width, columns, antialias), resized)
    return resized


@lru_cache(maxsize=64)
def _weights(source: int, target: int, antialias: bool) -> NDArray[np.float32]:
    """[target, source]: how much of each source pixel a target pixel takes; rows sum to 1."""
    scale = source / target
    reach = max(scale, 1.0) if antialias else 1.0
    centres = ((np.arange(target) + 0.5) * scale - 0.5)[:, None]
    # Beyond the edge the nearest pixel counts; with antialias the rest is normalised instead.
    if not antialias or reach == 1.0:
        centres = centres.clip(0, source - 1)
    near = np.maximum(0.0, 1.0 - np.abs(np.arange(source)[None] - centres) / reach)
    weights: NDArray[np.float32] = (near / near.sum(axis=1, keepdims=True)).astype(np.float32)
    weights.setflags(write=False)
    return weights
