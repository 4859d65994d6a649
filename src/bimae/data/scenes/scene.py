"""One large image in both views, from which samples are cut."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bimae.data.scenes.colour import channels_of, false_colour, resample_channels, resample_rgb
from bimae.errors import DataError
from bimae.spectra import check_wavelengths

Place = tuple[float, float, float, float]
"""left, top, right, bottom in spectral pixels from the scene's top-left corner."""


class Scene:
    """A cube and an RGB image of the same ground: the same field of view at any two resolutions.

    Attributes:
        name: What to call it in ids and messages.
        cube: [H, W, C], uint8 or float32.
        rgb: [h, w, 3] float32 in [0, 1].
        rgb_made: True where `rgb` is false colour made from bands of the cube.
        wavelengths_nm: C band centres in nm, ascending, or None where unknown.
    """

    def __init__(
        self,
        name: str,
        cube: NDArray[np.uint8] | NDArray[np.float32],
        rgb: NDArray[np.float32] | None = None,
        wavelengths_nm: tuple[float, ...] | None = None,
    ) -> None:
        """Checks that the parts fit each other; without `rgb` false colour is made.

        Raises:
            DataError: The cube or the RGB image has another shape, type or range.
            BandError: There is not one wavelength for each band, or they do not ascend.
        """
        if cube.ndim != 3 or not cube.size or cube.dtype not in (np.uint8, np.float32):
            raise DataError(
                f"{name}: the cube is {cube.dtype} {list(cube.shape)}, expected uint8 or float32 "
                "[height, width, bands]: convert it"
            )
        if wavelengths_nm is not None:
            wavelengths_nm = check_wavelengths(wavelengths_nm, cube.shape[2], name)
        if rgb is not None:
            _check_rgb(rgb, name)
        self.name = name
        self.cube = cube
        self.rgb_made = rgb is None
        self.rgb = false_colour(cube, wavelengths_nm) if rgb is None else rgb
        self.wavelengths_nm = wavelengths_nm

    @property
    def height(self) -> int:
        """Spectral pixels from top to bottom."""
        return int(self.cube.shape[0])

    @property
    def width(self) -> int:
        """Spectral pixels from left to right."""
        return int(self.cube.shape[1])

    @property
    def rgb_scale(self) -> tuple[float, float]:
        """RGB pixels per spectral pixel, along x and along y."""
        return self.rgb.shape[1] / self.width, self.rgb.shape[0] / self.height

    @cached_property
    def _channels(self) -> tuple[Image.Image, ...]:
        return channels_of(self.rgb)

    def rgb_of(self, place: Place, size: int) -> NDArray[np.float32]:
        """The RGB image of a place, bilinear; at its edge it may mix in the pixels beside it.

        Args:
            place: A place within the scene.
            size: Side of the result in pixels.

        Returns:
            [size, size, 3] float32 in [0, 1].
        """
        (across, down), (height, width) = self.rgb_scale, self.rgb.shape[:2]
        left, top, right, bottom = place
        # Rounding may carry an edge beyond the image by a hair, which Pillow does not take.
        right, bottom = min(right * across, float(width)), min(bottom * down, float(height))
        return resample_channels(self._channels, size, (left * across, top * down, right, bottom))

    def own_rgb_of(self, place: tuple[int, int, int, int], size: int) -> NDArray[np.float32]:
        """The RGB image of whole spectral pixels, from RGB pixels whose centre lies in the place.

        Places that share no spectral pixel therefore share no RGB pixel either, which `rgb_of`
        cannot promise. Where the scales do not divide evenly this can cost half an RGB pixel at
        the edge.

        Args:
            place: left, top, right, bottom: a place within the scene.
            size: Side of the result in pixels.

        Returns:
            [size, size, 3] float32 in [0, 1].

        Raises:
            DataError: The RGB image is so coarse that no pixel's centre lies in the place.
        """
        across, down = self.rgb_scale
        columns, x0, x1 = _own(place[0], place[2], across)
        rows, y0, y1 = _own(place[1], place[3], down)
        own = self.rgb[rows, columns]
        if not own.size:
            raise self.too_coarse(min(place[2] - place[0], place[3] - place[1]))
        return resample_rgb(own, size, (x0, y0, x1, y1))

    def too_coarse(self, window: int) -> DataError:
        """What to raise where a window of so many spectral pixels has no RGB pixel of its own."""
        return DataError(
            f"{self.name}: an RGB image of {self.rgb.shape[0]}x{self.rgb.shape[1]} pixels for a "
            f"cube of {self.height}x{self.width} has no pixel of its own for a window of {window} "
            "spectral pixels; use larger windows or a finer RGB image"
        )


def _own(start: int, stop: int, scale: float) -> tuple[slice, float, float]:
    """RGB pixels whose centre lies in [start, stop), and where that begins and ends in them."""
    first, last = (int(np.ceil(at * scale - 0.5)) for at in (start, stop))
    begin, end = max(start * scale - first, 0.0), min(stop * scale - first, float(last - first))
    return slice(first, last), begin, end


def _check_rgb(rgb: NDArray[np.float32], name: str) -> None:
    if rgb.dtype != np.float32 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise DataError(
            f"{name}: the RGB image is {rgb.dtype} {list(rgb.shape)}, expected float32 "
            "[height, width, 3] in [0, 1]: convert it (uint8: divide by 255)"
        )
    low, high = float(rgb.min()), float(rgb.max())
    if not (low >= 0.0 and high <= 1.0):
        raise DataError(
            f"{name}: the RGB image has values from {low:g} to {high:g}, expected finite values "
            "in [0, 1]: scale it"
        )
