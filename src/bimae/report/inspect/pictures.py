"""Small pictures of samples, as data URIs that a page can hold."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from bimae.report.inspect.measure import Cube
from bimae.report.inspect.quality import Floats
from bimae.spectra import band_reach, nearest_band

TIMES = "\N{MULTIPLICATION SIGN}"
FALSE_COLOUR_NM = (640.0, 550.0, 460.0)  # red, green, blue
MOST_BANDS = 12  # shown of one sample
RGB_SIDE = 224  # pixels of the longer side at most
CUBE_SIDE = 128
GAMMA = 0.6  # spectra are linear in light, and screens are not
PHOTO_FROM = 64  # smaller images are kept exactly, and drawn with square pixels
DARKEST, BRIGHTEST = 1.0, 99.0  # percentiles that become the ends of a colour scale


@dataclass(frozen=True)
class FalseColour:
    """Which three bands stand for red, green and blue.

    Attributes:
        bands: Their numbers, from 0.
        natural: Whether they lie where the eye sees these colours.
        words: What to call it.
    """

    bands: tuple[int, int, int]
    natural: bool
    words: str


@dataclass(frozen=True)
class Stretch:
    """Ends of the colour scale of each kept band [n]: what is drawn darkest and brightest."""

    low: Floats
    high: Floats

    @classmethod
    def of(cls, pixels: Floats) -> "Stretch":
        """From pixels [k, n]: all but the outermost percent fit in."""
        if not len(pixels):
            return cls(np.zeros(pixels.shape[1]), np.ones(pixels.shape[1]))
        low, high = np.percentile(pixels, [DARKEST, BRIGHTEST], axis=0)
        return cls(low, np.where(high > low, high, low + np.maximum(1, np.abs(low))))

    def take(self, columns: Sequence[int]) -> "Stretch":
        """That of some of the bands."""
        return Stretch(self.low[list(columns)], self.high[list(columns)])

    def apply(self, values: Cube, gamma: float = 1.0) -> NDArray[np.uint8]:
        """Values [h, w, n] as 0 to 255; a gamma below 1 makes what is dark brighter."""
        share = ((values - self.low) / (self.high - self.low)).clip(0, 1)
        scaled: NDArray[np.uint8] = np.rint(share**gamma * 255).astype(np.uint8)
        return scaled


def false_colour(bands: int, wavelengths: Sequence[float] | None) -> FalseColour:
    """The bands nearest to 640, 550 and 460 nm where there are such, else three spread ones.

    Args:
        bands: Bands of a cube.
        wavelengths: Their centres in nm, or None where unknown.
    """
    if wavelengths is not None:
        found = [nearest_band(wavelengths, nm) for nm in FALSE_COLOUR_NM]
        reach = max(band_reach(wavelengths), 10.0)
        near = all(
            abs(wavelengths[i] - nm) <= reach for i, nm in zip(found, FALSE_COLOUR_NM, strict=True)
        )
        if near and len(set(found)) == 3:
            where = ", ".join(f"{wavelengths[i]:.0f}" for i in found)
            words = f"red, green and blue are the bands at {where} nm"
            return FalseColour((found[0], found[1], found[2]), True, words)
    last = bands - 1
    spread = (last, last // 2, 0)
    if bands == 1:
        return FalseColour(spread, False, "grey: there is only one band")
    where = ", ".join(band_name(i, wavelengths) for i in spread)
    words = f"not natural colours: red, green and blue are {where}, spread over all bands"
    return FalseColour(spread, False, words)


def spread_bands(chosen: Sequence[int], most: int) -> tuple[int, ...]:
    """At most so many of the chosen bands: the middles of equal ranges.

    Not the outermost, which tell least: both ends of a sensor are noisy.
    """
    if len(chosen) <= most:
        return tuple(chosen)
    return tuple(chosen[(2 * i + 1) * len(chosen) // (2 * most)] for i in range(most))


def band_name(band: int, wavelengths: Sequence[float] | None) -> str:
    """What to call a band: its wavelength, or its number (from 0) where that is unknown."""
    return f"band {band}" if wavelengths is None else f"{wavelengths[band]:.0f} nm"


def rgb_picture(rgb: NDArray[np.float32]) -> str:
    """An RGB image [H, W, 3] in [0, 1]; large ones are made smaller.

    Args:
        rgb: The image.
    """
    pixels = np.rint(rgb.clip(0, 1) * 255).astype(np.uint8)
    return _data_uri(_at_most(Image.fromarray(pixels, "RGB"), RGB_SIDE))


def false_colour_picture(three: Cube, stretch: Stretch, padding: NDArray[np.bool_]) -> str:
    """Three bands [h, w, 3] as colours; padding [h, w] is transparent.

    Args:
        three: Red, green and blue.
        stretch: Their colour scales.
        padding: Pixels to leave out.
    """
    alpha = np.where(padding, 0, 255).astype(np.uint8)
    pixels = np.dstack([stretch.apply(three, GAMMA), alpha])
    return _data_uri(_at_most(Image.fromarray(pixels, "RGBA"), CUBE_SIDE))


def band_pictures(values: Cube, stretch: Stretch, padding: NDArray[np.bool_]) -> list[str]:
    """Each of n bands [h, w, n] as a map in viridis colours; padding [h, w] is transparent.

    Args:
        values: The bands.
        stretch: Their colour scales.
        padding: Pixels to leave out.
    """
    levels = np.where(padding[..., None], 255, np.minimum(stretch.apply(values), 254))
    found = []
    for level in np.moveaxis(levels.astype(np.uint8), 2, 0):
        # Nearest pixels, not a mixture: these numbers are places in a table of colours.
        image = _at_most(Image.fromarray(level, "L"), CUBE_SIDE, Image.Resampling.NEAREST)
        image.putpalette(_viridis())
        found.append(_data_uri(image, transparency=255))
    return found


def viridis_stops(count: int = 9) -> list[str]:
    """Colours along the scale of the band pictures, for a legend."""
    table = _viridis()
    places = np.rint(np.linspace(0, 254, count)).astype(int) * 3
    return [f"#{table[i]:02x}{table[i + 1]:02x}{table[i + 2]:02x}" for i in places]


@cache
def _viridis() -> bytes:
    """255 colours and one for padding, as the palette of a picture."""
    colours = np.rint(colormaps["viridis"](np.linspace(0, 1, 255))[:, :3] * 255).astype(np.uint8)
    return bytes(colours.tobytes()) + b"\xff\xff\xff"


def _at_most(
    image: Image.Image, side: int, how: Image.Resampling = Image.Resampling.LANCZOS
) -> Image.Image:
    longest = max(image.size)
    if longest <= side:
        return image
    width, height = (max(1, round(edge * side / longest)) for edge in image.size)
    return image.resize((width, height), how)


def _data_uri(image: Image.Image, **options: int) -> str:
    file = BytesIO()
    photo = image.mode == "RGB" and max(image.size) >= PHOTO_FROM
    if photo:
        image.save(file, "JPEG", quality=88, optimize=True, subsampling=0)
    else:
        image.save(file, "PNG", optimize=True, **options)
    text = base64.b64encode(file.getvalue()).decode()
    return f"data:image/{'jpeg' if photo else 'png'};base64,{text}"
