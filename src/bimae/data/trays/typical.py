"""What is usual among the objects of a tray."""

import numpy as np


def typical_area(areas: list[int]) -> float:
    """The area about which most objects lie, large ones counting more: dust may be many.

    Args:
        areas: Of all objects; 0.0 comes out where there are none.
    """
    if not areas:
        return 0.0
    sizes = np.sort(np.asarray(areas, dtype=np.float64))
    weights = sizes**0.75
    last = np.searchsorted(sizes, 2 * sizes, side="right") - 1
    alike = np.cumsum(weights)[last] - np.cumsum(weights) + weights
    best = int(np.argmax(alike))
    return float(np.median(sizes[best : last[best] + 1]))
