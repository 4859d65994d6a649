"""One seed as it lies on disk."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One object (a seed, a tree crown, a pixel's window) in both views.

    Arrays may be read-only views of a memory-mapped file.

    Attributes:
        id: Name of the object; unique in a well-made data set.
        label: Class name, or None where the record has none.
        group: What must not be torn apart by a split (tray, plot, batch), or None.
        rgb: [H, W, 3] float32 in [0, 1].
        hs: [h, w, bands], uint8 counts or float32 reflectance, as stored.
    """

    id: str
    label: str | None
    group: str | None
    rgb: NDArray[np.float32]
    hs: NDArray[np.uint8] | NDArray[np.float32]
