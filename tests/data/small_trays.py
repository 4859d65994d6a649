"""Simulated trays for tests, and how what was found compares with the truth."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes.cube import Bands, Cube, Values
from bimae.data.simulate.trays import SimulatedTray, simulate_tray
from bimae.data.trays.segment import Segmentation


class MemoryCube(Cube):
    """A cube in memory that remembers what was read of it."""

    def __init__(self, values: Values, wavelengths_nm: tuple[float, ...] | None = None) -> None:
        self.values = values
        self.path = Path("memory.hdr")
        self.lines, self.samples = values.shape[:2]
        self.bands = Bands(values.shape[2], wavelengths_nm)
        self.sensor, self.unit, self.notes = "", "reflectance", ()
        self.pixels_read = 0

    def read(self, rows: slice = slice(None), columns: slice = slice(None)) -> Values:
        part = self.values[rows, columns].copy()
        self.pixels_read += part.shape[0] * part.shape[1]
        return part


@lru_cache(maxsize=16)
def tray(**plan) -> SimulatedTray:
    """A small simulated tray; the same plan is drawn once for all tests."""
    small = {"seeds": 15, "lines": 180, "samples": 280, "bands": 24, "photo_scale": 3.0}
    return simulate_tray(**(small | plan))


def cube_of(drawn: SimulatedTray) -> MemoryCube:
    return MemoryCube(drawn.reflectance(), drawn.wavelengths_nm)


def groups_of(drawn: SimulatedTray) -> NDArray[np.float32]:
    """What `preview` makes of the scan: means over four groups of bands."""
    parts = np.array_split(drawn.reflectance(), 4, axis=2)
    return np.stack([part.mean(axis=2) for part in parts], axis=2)


@dataclass
class Score:
    """How many seeds of the truth were found, and how well."""

    found: int = 0
    missed: list[int] = field(default_factory=list)
    invented: list[int] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)  # pixels, of seeds that are not cut
    areas: list[float] = field(default_factory=list)  # over the true ones, of seeds not cut
    flags: dict[int, tuple[str, ...]] = field(default_factory=dict)  # by the truth's number


def score(found: Segmentation, drawn: SimulatedTray, view: str = "scan") -> Score:
    """Compares what was found with the truth: a seed is found within its own radius."""
    result, taken = Score(), set()
    centres = np.array([one.centroid for one in found.objects]).reshape(-1, 2)
    for seed in drawn.seeds:
        spot = getattr(seed, view)
        away = np.hypot(centres[:, 0] - spot.y, centres[:, 1] - spot.x)
        i = int(np.argmin(away)) if len(away) else -1
        if i < 0 or i in taken or away[i] > np.sqrt(spot.area / np.pi):
            result.missed.append(seed.number)
            continue
        taken.add(i)
        result.found += 1
        result.flags[seed.number] = found.objects[i].flags
        if not seed.cut:
            result.errors.append(float(away[i]))
            result.areas.append(found.objects[i].area / spot.area)
    result.invented = [one.number for i, one in enumerate(found.objects) if i not in taken]
    return result
