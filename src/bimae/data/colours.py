"""Numbers that RGB images come in: bytes, or float32 in [0, 1]. No torch."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bimae.data.dataset import SeedDataset

RgbPixels = Literal["uint8", "float32"]
LOOKED_AT = 16  # samples, to find out what colours are
BETWEEN = 1e-3  # of a step of a byte, beyond which a number is none


def colour_type(samples: SeedDataset) -> RgbPixels:
    """What RGB images of a data set are: bytes (or numbers that are bytes over 255), or others."""
    for i in range(0, len(samples), max(1, len(samples) // LOOKED_AT)):
        rgb = samples.stored(i, "rgb").rgb
        if rgb is not None and rgb.dtype != np.uint8 and not _are_bytes(rgb):
            return "float32"
    return "uint8"


def _are_bytes(rgb: NDArray[Any]) -> bool:
    steps = rgb * np.float32(255)
    return bool(np.abs(steps - np.rint(steps)).max(initial=0) < BETWEEN)


def colours(rgb: NDArray[Any], pixels: str) -> NDArray[Any]:
    """RGB images as bytes, or as float32 in [0, 1]; to bytes they are rounded."""
    if pixels == "uint8":
        if rgb.dtype == np.uint8:
            return rgb
        return np.asarray(np.rint(rgb * np.float32(255)).clip(0, 255).astype(np.uint8))
    return rgb / np.float32(255) if rgb.dtype == np.uint8 else rgb
