"""Small estimators and what they learn from."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALL = {"width": 8, "depth": 1, "heads": 1, "epochs": 14, "learning_rate": 0.03}


def cubes_of(count: int, *, bands: int, side: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Reflectance of seeds [N, side, side, bands], every second one pale, and their sorts."""
    rng = np.random.default_rng(0)
    y = np.array(["dark", "pale"] * (count // 2))
    level = np.where(y == "pale", 0.7, 0.3)[:, None, None, None]
    slope = np.linspace(0, 0.1, bands)
    noise = 0.02 * rng.standard_normal((count, side, side, bands))
    return (level + slope + noise).astype(np.float32), y
