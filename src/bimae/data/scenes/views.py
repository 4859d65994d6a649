"""Both views of a square of a scene, at fixed sizes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data.scenes.scene import Place, Scene
from bimae.errors import ConfigError, DataError


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


def cut_views(
    scene: Scene, window: Place, *, keep: Place | None = None, rgb_size: int, hs_size: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8] | NDArray[np.float32]]:
    """Both views of a window, whose edges need not lie between pixels.

    RGB is resampled bilinearly. Spectra take the nearest pixel, so that each one was measured and
    none is a mixture.

    Args:
        scene: What to cut from.
        window: A place within the scene.
        keep: Outside this place RGB becomes white and the spectrum zero, as in images of seeds;
            everything is kept by default. Pixels belong to it by their centre; one that is too
            slender to have a centre keeps the nearest row or column of pixels.
        rgb_size: Side of the RGB image in pixels.
        hs_size: Side of the spectral image in pixels.

    Returns:
        [rgb_size, rgb_size, 3] float32 in [0, 1] and [hs_size, hs_size, C] of the cube's dtype.
    """
    view = scene.rgb_of(window, rgb_size)
    columns = np.minimum(centres(window, 0, hs_size).astype(int), scene.width - 1)
    rows = np.minimum(centres(window, 1, hs_size).astype(int), scene.height - 1)
    cube = scene.cube[np.ix_(rows, columns)]
    if keep is not None:
        white, zero = np.float32(1.0), cube.dtype.type(0)
        view = np.where(_inside(window, keep, rgb_size)[..., None], view, white)
        cube = np.where(_inside(window, keep, hs_size)[..., None], cube, zero)
    return view, cube


def centres(window: Place, axis: int, size: int) -> NDArray[np.float64]:
    """[size] centres of `size` pixels along x (axis 0) or y (axis 1) of a window."""
    start, end = window[axis], window[axis + 2]
    places: NDArray[np.float64] = start + (np.arange(size) + 0.5) * (end - start) / size
    return places


def _inside(window: Place, keep: Place, size: int) -> NDArray[np.bool_]:
    """[size, size]: whose centre lies in `keep`; a sliver keeps its nearest pixels."""
    along = []
    for axis in (0, 1):
        at, low, high = centres(window, axis, size), keep[axis], keep[axis + 2]
        within = (at >= low) & (at <= high)
        if not within.any():
            within[np.abs(at - (low + high) / 2).argmin()] = True
        along.append(within)
    return np.logical_and.outer(along[1], along[0])


def check_sizes(**sizes: int) -> None:
    """Refuses sides of images below one pixel, all in one ConfigError."""
    wrong = [f"{name} is {n}; it must be at least 1 pixel" for name, n in sizes.items() if n < 1]
    if wrong:
        raise ConfigError.of(wrong)
