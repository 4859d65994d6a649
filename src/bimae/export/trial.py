"""Samples to hold an exported file against its model with, where no data are given.

Noise around what the model expects, with the corners that real images have: pixels of padding,
which are zero in all bands, and pixels that are even, such as those that are saturated.

Shapes: C bands of the sensor, S side of a spectral image, H side of the RGB image.
"""

import numpy as np
from numpy.typing import NDArray

from bimae.data.dataset import StoredImages
from bimae.data.given import GivenSamples
from bimae.data.reading import Reading
from bimae.evaluate.sensor import Sensed
from bimae.export.nameplate import Nameplate, Pixels

COUNT = 24
TOP: dict[Pixels, float] = {"uint8": 255, "uint16": 65535, "float32": 1}


def trial_samples(plate: Nameplate, reading: Reading, sensor: Sensed) -> GivenSamples:
    """Made-up samples of a sensor; the same for every call.

    Args:
        plate: Of the file.
        reading: How the model reads.
        sensor: Where they are from.
    """

    def images(number: int) -> StoredImages:
        rng = np.random.default_rng([19, number])
        hs = None if plate.hs is None else _cube(plate, plate.hs.pixels, reading, sensor.bands, rng)
        rgb: NDArray[np.uint8] | NDArray[np.float32] | None = None
        if plate.rgb_pixels is not None:
            shape = (plate.rgb_size, plate.rgb_size, 3)
            rgb = (
                rng.integers(0, 256, shape, dtype=np.uint8)
                if plate.rgb_pixels == "uint8"
                else rng.random(shape, np.float32)
            )
        return StoredImages(rgb, hs)

    return GivenSamples(
        images,
        [None] * COUNT,
        bands=sensor.bands,
        hs_size=plate.hs_size,
        rgb_size=plate.rgb_size,
        info=sensor.info,
        name="made-up samples",
    )


def _cube(
    plate: Nameplate, pixels: Pixels, reading: Reading, bands: int, rng: np.random.Generator
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """[S, S, C]; bytes where the file takes these, else float32, which may be whole numbers."""
    side = plate.hs_size
    top = TOP[pixels]
    cube = rng.random((side, side, bands)) * top
    if reading.standard is not None:
        mean, deviation = np.asarray(reading.standard).T
        cube = mean + 1.5 * deviation * rng.standard_normal((side, side, bands))
    if reading.log_floor is not None:
        light = np.log(30 * reading.log_floor) + rng.standard_normal((side, side, 1))
        cube = np.exp(light + cube)
    cube[: side // 2, : side // 3] = 0
    cube[side // 2 :, : side // 4] = cube[-1:, -1:, :1]
    if pixels == "float32":
        return cube.astype(np.float32)
    whole = np.rint(cube).clip(0, top)
    return whole.astype(np.uint8) if pixels == "uint8" else whole.astype(np.float32)
