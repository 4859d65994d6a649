"""Colours of a photo between its pixels."""

import numpy as np
from numpy.typing import NDArray


def colours_at(photo: NDArray[np.uint8], places: NDArray[np.float64]) -> NDArray[np.float32]:
    """Colours at some places, bilinear; white beyond the photo.

    As `ndimage.map_coordinates` (order 1) of each channel, with its order of sums: but where a
    place lies between pixels is found once for all channels.

    Args:
        photo: [H, W, 3].
        places: [n, 2] x and y, 0 in the middle of the first pixel.

    Returns:
        [n, 3] in [0, 1].
    """
    found = np.ones((len(places), 3), np.float32)
    height, width = photo.shape[:2]
    inside = ((places >= 0) & (places <= (width - 1, height - 1))).all(axis=1)
    if not inside.any():
        return found
    x, y = places[inside].T
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    x, y = x - left, y - top
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    # Only the part that is needed becomes numbers: the photo may be large.
    rows, columns = slice(top.min(), bottom.max() + 1), slice(left.min(), right.max() + 1)
    part = photo[rows, columns].astype(np.float32) / np.float32(255)
    pixels = part.reshape(-1, 3)
    total = np.zeros((len(x), 3))
    for row, down in ((top, 1 - y), (bottom, y)):
        for column, across in ((left, 1 - x), (right, x)):
            at = (row - rows.start) * part.shape[1] + (column - columns.start)
            total += pixels.take(at, axis=0) * down[:, None] * across[:, None]
    found[inside] = np.clip(total.astype(np.float32), 0, 1)
    return found
