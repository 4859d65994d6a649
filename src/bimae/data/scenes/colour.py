"""The picture of a scene: false colour from its bands, and parts of a picture at another size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bimae.errors import DataError
from bimae.spectra import nearest_band

RGB_NM = (640.0, 550.0, 460.0)
"""Where red, green and blue are taken from, in nm."""

VISIBLE_NM = 50.0
"""A camera sees red, green and blue if it has a band as near as this to each of `RGB_NM`."""


def colour_bands(bands: int, wavelengths: Sequence[float] | None) -> tuple[int, int, int]:
    """The bands that stand for red, green and blue.

    Those nearest to 640, 550 and 460 nm. Where wavelengths are unknown or one of the three lies
    more than 50 nm from any band (a camera for 900-1700 nm), three bands spread over the range: at
    5/6, 1/2 and 1/6 of it, so that red still is the longest. Such colours mean nothing to an eye.

    Args:
        bands: How many there are, at least 1.
        wavelengths: Their centres in nm, or None where unknown.

    Returns:
        Band numbers of red, green and blue.
    """
    if wavelengths is not None:
        red, green, blue = (nearest_band(wavelengths, nm) for nm in RGB_NM)
        off = (abs(wavelengths[b] - nm) for b, nm in zip((red, green, blue), RGB_NM, strict=True))
        if max(off) <= VISIBLE_NM:
            return red, green, blue
    return bands * 5 // 6, bands // 2, bands // 6


def false_colour(
    cube: NDArray[Any],
    wavelengths: Sequence[float] | None,
    percentiles: tuple[float, float] = (2.0, 98.0),
) -> NDArray[np.float32]:
    """A picture of a cube as an eye might see it, from the three `colour_bands`.

    Each channel is stretched by percentiles of the whole scene, so that windows cut from the
    result stay comparable: a dark field is dark in every window. Pixels that are not finite in one
    of the three bands become black and do not count.

    Args:
        cube: [H, W, C] in any unit.
        wavelengths: C band centres in nm, or None where unknown.
        percentiles: The values that become 0 and 1, in percent of the pixels.

    Returns:
        [H, W, 3] float32 in [0, 1].

    Raises:
        DataError: There is not one wavelength for each band, or no pixel is finite.
    """
    if cube.ndim != 3 or (wavelengths is not None and cube.shape[2] != len(wavelengths)):
        known = "unknown" if wavelengths is None else str(len(wavelengths))
        raise DataError(
            f"false colour needs a cube [H, W, bands] and one wavelength per band; found shape "
            f"{list(cube.shape)} and {known} wavelengths: correct the list"
        )
    rgb = cube[:, :, list(colour_bands(cube.shape[2], wavelengths))].astype(np.float32)
    finite = np.isfinite(rgb).all(axis=2)
    if not finite.any():
        raise DataError(
            f"false colour of a cube of shape {list(cube.shape)}: no pixel is finite; clean the "
            "cube, or give an RGB image"
        )
    seen = rgb.reshape(-1, 3) if finite.all() else rgb[finite]
    low, high = np.percentile(seen, percentiles, axis=0).astype(np.float32)
    span = np.where(high > low, high - low, np.float32(1.0))  # a constant channel becomes black
    rgb[~finite] = low
    stretched: NDArray[np.float32] = np.clip((rgb - low) / span, 0.0, 1.0).astype(np.float32)
    return stretched


def channels_of(rgb: NDArray[np.float32]) -> tuple[Image.Image, ...]:
    """The channels of a picture, ready for `resample_channels` to be taken from again and again."""
    return tuple(Image.fromarray(np.ascontiguousarray(rgb[:, :, i])) for i in range(rgb.shape[2]))


def resample_channels(
    channels: Sequence[Image.Image],
    size: int,
    box: tuple[float, float, float, float] | None = None,
) -> NDArray[np.float32]:
    """`resample_rgb` of channels that are prepared already: only the part taken costs time."""
    resized = [c.resize((size, size), Image.Resampling.BILINEAR, box=box) for c in channels]
    return np.clip(np.stack([np.asarray(c, dtype=np.float32) for c in resized], axis=-1), 0, 1)


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
    return resample_channels(channels_of(rgb), size, box)
