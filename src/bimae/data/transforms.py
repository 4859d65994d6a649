"""From stored images to what a model reads: scaling, picking or mixing bands, one flip for both.

Shapes: h, w pixels of a spectral image, C stored bands, n channels: picked bands or averages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bimae.spectra import BandWeights

Spectra = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Mix:
    """Weighted averages of bands as one matrix; made once, used for every image.

    Attributes:
        bands: [m] numbers of the stored bands that any channel needs.
        matrix: [n, m] float32 weights of these bands, rows sum to 1.
    """

    bands: NDArray[np.intp]
    matrix: NDArray[np.float32]

    @classmethod
    def of(cls, weights: Sequence[BandWeights]) -> "Mix":
        """The mix of these channels, each given as (band, weight) pairs."""
        bands = np.array(sorted({band for pairs in weights for band, _ in pairs}), dtype=np.intp)
        place = {int(band): i for i, band in enumerate(bands)}
        matrix = np.zeros((len(weights), len(bands)), np.float32)
        for row, pairs in zip(matrix, weights, strict=True):
            for band, weight in pairs:
                row[place[band]] = weight
        return cls(bands, matrix)


def scale_spectra(
    hs: Spectra,
    bands: tuple[int, ...] | None = None,
    scale: Literal["before", "after"] = "before",
    out: NDArray[np.float32] | None = None,
    *,
    mix: Mix | None = None,
) -> NDArray[np.float32]:
    """Min-max scales each pixel's spectrum to [0, 1] (paper, section 3.1) and puts bands first.

    Args:
        hs: [h, w, C] counts or reflectance.
        bands: Which bands to keep; None keeps all.
        scale: Minimum and maximum are taken over all bands `before` the bands are picked (the
            authors' order), or `after`, over the picked bands only: what a camera that has no
            other bands can do. Of averages likewise: averaged after scaling, or before it.
        out: [n, h, w] float32 to write to, or None to make one.
        mix: Averages of bands to read instead of `bands`, which then says nothing here.

    Returns:
        [n, h, w]. A pixel whose bands are all equal (padding, for one) becomes 0.
    """
    if mix is not None:
        return _scale_mixed(hs, mix, scale, out)
    if scale == "after" and bands is not None:
        hs, bands = hs[..., list(bands)], None
    low = hs.min(axis=-1, keepdims=True)
    span = hs.max(axis=-1, keepdims=True).astype(np.float32) - low
    if bands is not None:
        hs = hs[..., list(bands)]
    # Arithmetic in the stored order, which memory holds side by side; one transposing copy after.
    scaled = np.subtract(hs, low, dtype=np.float32)
    scaled *= one_over(span)
    if out is None:
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))
    out[...] = scaled.transpose(2, 0, 1)
    return out


def _scale_mixed(
    hs: Spectra, mix: Mix, scale: Literal["before", "after"], out: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """`scale_spectra` of weighted averages: a product [n, m] x [m, h*w]."""
    height, width = hs.shape[:2]
    needed = hs[..., mix.bands]
    seen = hs if scale == "before" else needed
    low = seen.min(axis=-1, keepdims=True)
    # The minimum goes first, as weights sum to 1 to rounding only: an even pixel is exactly 0.
    above = np.subtract(needed, low, dtype=np.float32).reshape(height * width, -1)
    mixed = mix.matrix @ above.T  # [n, h*w]
    if scale == "before":
        span = seen.max(axis=-1).astype(np.float32) - low[..., 0]
        mixed *= one_over(span).reshape(1, -1)
    else:
        mixed -= mixed.min(axis=0)
        mixed *= one_over(mixed.max(axis=0))
    images: NDArray[np.float32] = mixed.reshape(-1, height, width)
    if out is None:
        return images
    out[...] = images
    return out


def one_over(span: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / span, and 0 where there is none."""
    inverse: NDArray[np.float32] = np.divide(1, span, out=np.zeros_like(span), where=span > 0)
    return inverse


def flip(image: NDArray[Any], rows: bool, columns: bool) -> NDArray[Any]:
    """A view [h, w, ...] of the image turned upside down, left to right, or both."""
    if rows:
        image = image[::-1]
    return image[:, ::-1] if columns else image
