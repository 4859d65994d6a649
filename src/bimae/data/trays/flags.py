"""Which objects of a tray are whole seeds, and what is wrong with the others."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bimae.data.trays.background import Mask
from bimae.data.trays.necks import DENTED, perhaps_two
from bimae.data.trays.parts import Part
from bimae.data.trays.typical import typical_area

SPECK = 0.05  # of the typical object's area: smaller ones are dust
SMALL = 0.25  # of the typical object's area: smaller ones that are few are fragments
GAP = 1  # pixels: two seeds that are no farther apart touch
JOINED_GAP = 0.6  # of the smaller one's half width, for two that were one thing at first


def flagged(parts: list[Part], region: Mask) -> tuple[list[Part], int]:
    """Leaves out specks and flags the rest.

    Args:
        parts: All objects.
        region: [H, W] where the tray's floor is.

    Returns:
        The objects with their flags, and the number of specks.
    """
    typical = typical_area([part.area for part in parts])
    seeds = [part for part in parts if part.area >= SPECK * typical]
    areas = np.array([seed.area for seed in seeds], dtype=np.float64)
    solid = np.array([seed.solidity for seed in seeds])
    edge = ndimage.binary_dilation(~region)
    edge[[0, -1]] = edge[:, [0, -1]] = True
    taken = np.zeros(region.shape, np.int32)
    for number, seed in enumerate(seeds, start=1):
        seed.window(taken)[seed.mask] = number
    found = []
    for i, seed in enumerate(seeds):
        flags = []
        if (
            _has_neighbour(taken, i, seeds)
            or _looks_like_two(i, areas, solid)
            or perhaps_two(seed.mask, float(solid[i]))
        ):
            flags.append("touching")
        if cut := bool((seed.window(edge) & seed.mask).any()):
            flags.append("cut")
        alike = np.count_nonzero((areas > areas[i] / 1.5) & (areas < areas[i] * 1.5))
        if areas[i] < SMALL * typical and not cut and alike < max(3, 0.1 * len(areas)):
            flags.append("small")
        found.append(replace(seed, flags=tuple(flags)))
    return found, len(parts) - len(seeds)


def _has_neighbour(taken: NDArray[np.int32], i: int, seeds: list[Part]) -> bool:
    """Whether another seed is so near that the two touch, or did before shadows were taken off."""
    seed = seeds[i]
    reach = max(GAP, int(JOINED_GAP * seed.half_width)) + 1
    window = seed.window(taken, reach)
    away = ndimage.distance_transform_edt(window != i + 1)
    for other in np.unique(window[(window > 0) & (window != i + 1)]).tolist():
        gap = float(away[window == other].min()) - 1
        near = seeds[other - 1]
        joined = near.thing == seed.thing and gap <= JOINED_GAP * min(
            near.half_width, seed.half_width
        )
        if gap <= GAP or joined:
            return True
    return False


def _looks_like_two(i: int, areas: NDArray[np.float64], solid: NDArray[np.float64]) -> bool:
    """Far larger than the others where these are alike, or larger and dented."""
    if len(areas) < 5:
        return False
    logs = np.log(areas)
    middle = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(logs - middle))) + 0.06
    larger = float(logs[i]) - middle
    dented = solid[i] < min(DENTED, float(np.median(solid)) - 0.06)
    return larger > max(np.log(1.6), 4 * spread) or bool(dented and larger > np.log(1.3))
