"""Which pixels of a crop belong to the seed."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SAME = 0.5  # of a seed's pixels: outlines that share more are of one seed in one place


def smooth_mask(
    labels: NDArray[np.int32],
    number: int,
    rows: slice,
    columns: slice,
    size: int,
    *,
    window: tuple[slice, slice] = (slice(None), slice(None)),
) -> NDArray[np.bool_]:
    """[size, size] a seed's pixels of a square of the scan, enlarged without steps.

    Args:
        labels: [lines, samples] of the scan.
        number: The seed.
        rows: Of the square, in the scan; may stick out.
        columns: Likewise.
        size: Pixels along the enlarged square.
        window: The part of the enlarged square that is wanted.
    """
    top, left = max(rows.start, 0), max(columns.start, 0)
    part = labels[top : max(rows.stop, 0), left : max(columns.stop, 0)] == number
    at = (np.arange(size) + 0.5) * (rows.stop - rows.start) / size - 0.5
    down, right = at[window[0]] + rows.start - top, at[window[1]] + columns.start - left
    places = np.meshgrid(down, right, indexing="ij")
    share = ndimage.map_coordinates(part.astype(np.float32), places, order=1, mode="constant")
    inside: NDArray[np.bool_] = share > 0.5
    return inside


def joined(
    labels: NDArray[np.int32], number: int, seen: NDArray[np.bool_], scale: float, rounding: float
) -> NDArray[np.int32]:
    """Labels of a crop of the photo in which a seed is what either view holds for it.

    A dark seed on a dark tray shows better in the near infrared. But the photo is the sharper view:
    a rim that only the scan shows, as wide as its pixels, is blur and left out. And where the two
    outlines do not lie on each other (pairs by order), the photo's own counts.

    Args:
        labels: Of the photo.
        number: The seed.
        seen: What the scan holds for it, enlarged to the photo.
        scale: Pixels of the photo along one of the scan.
        rounding: Pixels of the photo by which the outline is smoothed.
    """
    shown = labels == number
    both = int(np.count_nonzero(seen & shown))
    if both > SAME * int(np.count_nonzero(seen)):
        shown = shown | _wide(seen & (labels == 0), scale)
    return rounded_label(labels, number, shown, rounding)


def _wide(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """What of a mask a disk of this radius covers without leaving it."""
    nothing = np.zeros_like(mask)
    # A square within the disk: mostly not even that fits.
    side = 2 * int(radius / np.sqrt(2)) + 1
    square = ndimage.minimum_filter(mask, size=side, mode="constant", cval=False)
    if not square.any():
        return nothing
    inner = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] > radius
    if not inner.any():
        return nothing
    return np.asarray(mask & (ndimage.distance_transform_edt(~inner) <= radius))


def rounded_label(
    labels: NDArray[np.int32], number: int, shown: NDArray[np.bool_], rounding: float
) -> NDArray[np.int32]:
    """Labels in which a seed is what of `shown` is left after smoothing, and no other seed's."""
    smooth = ndimage.gaussian_filter(shown.astype(np.float32), rounding) > 0.5
    others = np.where(labels == number, 0, labels)
    return np.where(smooth & (others == 0), number, others).astype(np.int32)


def nearest(labels: NDArray[np.int32], at: NDArray[np.float64], factor: int) -> NDArray[np.int32]:
    """[n] labels at places [n, 2] of a picture `factor` times as large; 0 outside of it."""
    rows, columns = np.floor((at.T + 0.5) / factor).astype(np.intp)
    height, width = labels.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    found = np.zeros(len(at), np.int32)
    found[inside] = labels[rows[inside], columns[inside]]
    return found


def around(labels: NDArray[np.int32], number: int, background: str) -> NDArray[np.bool_]:
    """Pixels that do not belong to a seed."""
    mine = labels == number
    others: NDArray[np.bool_] = (labels > 0) & ~mine
    if background == "keep":
        return others
    outside: NDArray[np.bool_] = ~mine
    return outside
