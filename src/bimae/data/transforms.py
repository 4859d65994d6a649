"""From stored images to what a model reads: scaling, picking bands, one flip for both views.

Shapes: h, w pixels of a spectral image, C stored bands, n picked bands.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


def scale_spectra(
    hs: NDArray[np.uint8] | NDArray[np.float32],
    bands: tuple[int, ...] | None = None,
    scale: Literal["before", "after"] = "before",
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Min-max scales each pixel's spectrum to [0, 1] (paper, section 3.1) and puts bands first.

    Args:
        hs: [h, w, C] counts or reflectance.
        bands: Which bands to keep; None keeps all.
        scale: Minimum and maximum are taken over all bands `before` the bands are picked (the
            authors' order), or `after`, over the picked bands only: what a camera that has no
            other bands can do.
        out: [n, h, w] float32 to write to, or None to make one.

    Returns:
        [n, h, w]. A pixel whose bands are all equal (padding, for one) becomes 0.
    """
    if scale == "after" and bands is not None:
        hs, bands = hs[..., list(bands)], None
    low = hs.min(axis=-1, keepdims=True)
    span = hs.max(axis=-1, keepdims=True).astype(np.float32) - low
    if bands is not None:
        hs = hs[..., list(bands)]
    # Arithmetic in the stored order, which memory holds side by side; one transposing copy after.
    scaled = np.subtract(hs, low, dtype=np.float32)
    scaled *= np.divide(1, span, out=np.zeros_like(span), where=span > 0)
    if out is None:
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))
    out[...] = scaled.transpose(2, 0, 1)
    return out


def flip(image: NDArray[Any], rows: bool, columns: bool) -> NDArray[Any]:
    """A view [h, w, ...] of the image turned upside down, left to right, or both."""
    if rows:
        image = image[::-1]
    return image[:, ::-1] if columns else image
