"""A scan of any size -> a small picture of it, in one pass."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes.cube import Cube
from bimae.data.scenes.colour import colour_bands
from bimae.data.trays.background import Picture

MOST_PIXELS = 4_000_000  # of the picture; a larger scan is shown at reduced size
GROUPS = 4  # of neighbouring bands; seeds differ from a tray in some part of the spectrum
STRETCH = (1.0, 99.5)  # percentiles that become black and white
GAMMA = 0.6  # of the picture for people: a screen shows counts of light too dark


@dataclass(frozen=True)
class Preview:
    """A scan as seen from afar.

    Attributes:
        groups: [h, w, GROUPS] float32, means over groups of neighbouring bands.
        colour: [h, w, 3] uint8, false colour for people.
        factor: Pixels of the scan along a side of a pixel of the picture.
        bands: The bands shown as red, green and blue.
        low: [3] values shown as black.
        high: [3] values shown as white.
    """

    groups: Picture
    colour: NDArray[np.uint8]
    factor: int
    bands: tuple[int, int, int]
    low: NDArray[np.float32]
    high: NDArray[np.float32]


def preview(cube: Cube) -> Preview:
    """Goes through a scan once, a block of lines at a time.

    Raises:
        DataError: It cannot be read.
    """
    factor = max(1, math.ceil(math.sqrt(cube.lines * cube.samples / MOST_PIXELS)))
    bands = colour_bands(cube.bands.count, cube.bands.wavelengths_nm)
    # One product of matrices makes the means and picks the colours.
    chosen = np.zeros((cube.bands.count, GROUPS + 3), np.float32)
    for number, members in enumerate(np.array_split(np.arange(cube.bands.count), GROUPS)):
        chosen[members, number] = 1 / max(1, len(members))
    chosen[list(bands), range(GROUPS, GROUPS + 3)] = 1
    height, width = cube.lines // factor, cube.samples // factor
    picture = np.zeros((height, width, GROUPS + 3), np.float32)
    for rows in _blocks(cube, factor, height):
        values = cube.read(rows)
        part = values.astype(np.float32, copy=False) @ chosen
        part = part[:, : width * factor].reshape(-1, factor, width, factor, GROUPS + 3)
        picture[rows.start // factor : rows.stop // factor] = part.mean(axis=(1, 3))
    colours = picture[:, :, GROUPS:]
    low, high = np.percentile(colours, STRETCH, axis=(0, 1)).astype(np.float32)
    shown = np.rint(255 * stretched(colours, low, high) ** GAMMA).astype(np.uint8)
    return Preview(np.ascontiguousarray(picture[:, :, :GROUPS]), shown, factor, bands, low, high)


def stretched(
    colours: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]
) -> NDArray[np.float32]:
    """[..., 3] values as shares of the way from `low` to `high`, in [0, 1]."""
    span = np.where(high > low, high - low, np.float32(1))
    return np.clip((colours - low) / span, 0, 1).astype(np.float32)


def _blocks(cube: Cube, factor: int, height: int) -> list[slice]:
    """Slices of whole picture lines; lines at the bottom that make no whole one are left out."""
    lines = next(cube.blocks()).stop
    step = max(1, lines // factor) * factor
    stop = height * factor
    return [slice(top, min(top + step, stop)) for top in range(0, stop, step)]
