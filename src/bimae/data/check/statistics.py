"""Figures of cubes, band by band, gathered a cube at a time and added up over processes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class BandStatistics:
    """Of all cubes of one type and number of bands.

    How many values lie at the maximum of all is counted although that is only known at the end:
    what was counted at a smaller one is forgotten as soon as a larger one is met.

    Attributes:
        cubes: Cubes taken in.
        pixels: Their pixels.
        low: [bands] smallest values.
        high: [bands] largest values.
        at_top: [bands] pixels at the largest value of all bands.
        negative: Values below 0.
        above_one: Values above 1.
    """

    def __init__(self, bands: int) -> None:
        self.cubes = self.pixels = self.negative = self.above_one = 0
        self.low: Floats = np.full(bands, np.inf)
        self.high: Floats = np.full(bands, -np.inf)
        self.at_top: Ints = np.zeros(bands, np.int64)

    @property
    def top(self) -> float:
        """The largest value of all."""
        return float(self.high.max())

    def take(self, pixels: NDArray[Any], low: NDArray[Any], high: NDArray[Any]) -> None:
        """Takes a cube in; goes through its pixels again only where they may tell something.

        Args:
            pixels: [pixels, bands], all finite.
            low: [bands] its smallest values.
            high: [bands] its largest values.
        """
        top = float(high.max())
        if top > self.top:
            self.at_top[:] = 0
        np.minimum(self.low, low, out=self.low)
        np.maximum(self.high, high, out=self.high)
        self.cubes += 1
        self.pixels += len(pixels)
        if top == self.top:
            bands = np.flatnonzero(high == top)
            self.at_top[bands] += (pixels[:, bands] == top).sum(axis=0)
        if pixels.dtype != np.uint8:
            if low.min() < 0:
                self.negative += int((pixels < 0).sum())
            # Counts, which nobody takes for reflectance, are all above 1: no need to go through.
            if top > 1:
                whole = float(low.min()) > 1
                self.above_one += pixels.size if whole else int((pixels > 1).sum())

    def add(self, other: "BandStatistics") -> None:
        """Adds what another one has gathered."""
        if other.top > self.top:
            self.at_top = other.at_top.copy()
        elif other.top == self.top:
            self.at_top = self.at_top + other.at_top
        self.low = np.minimum(self.low, other.low)
        self.high = np.maximum(self.high, other.high)
        for name in ("cubes", "pixels", "negative", "above_one"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
