"""Whether spectra are of the size that a model learned from, where nobody tells their unit.

Shapes: C bands.
"""

import numpy as np

from bimae.data import SeedDataset
from bimae.data.standard import LOG_FLOOR
from bimae.errors import ModelError
from bimae.evaluate.sensor import ABSOLUTE, Learned
from bimae.model import ClassifierConfig

FAR = 20.0  # times: no two lots of one unit are so far apart; reflectance and its bytes are 255
LOOKED_AT = 16  # samples


def check_level(samples: SeedDataset, config: ClassifierConfig, learned: Learned) -> None:
    """Refuses spectra that are far brighter or darker than those that a model learned from.

    Args:
        samples: The data; some of them are read.
        config: Of a classifier that is shown spectra.
        learned: What it learned from; where both sides tell their unit, that is compared instead
            (`check_values`), and nothing here.

    Raises:
        ModelError: The mean over all bands is more than `FAR` times that of the model, or less than
            a part in `FAR`, and its scale holds values against those.
        DataError: An image cannot be read.
    """
    usual = usual_level(config)
    if usual is None or (learned.unit and samples.info.unit):
        return
    found = _level(samples)
    if found is None or usual / FAR <= found <= usual * FAR:
        return
    raise ModelError(
        f"{samples.root}: spectra are {found:.3g} on average, where the model learned from "
        f"{usual:.3g}, and it holds values against those: most likely they are in another unit "
        "(reflectance, reflectance x 255, counts); use data in the same unit (bimae data import "
        "--store, or --white and --dark), or a model that learned from this one"
    )


def usual_level(config: ClassifierConfig) -> float | None:
    """Mean over all bands of what was learned from; None where the scale does not depend on it."""
    if config.scale not in ABSOLUTE or config.modality == "rgb":
        return None
    if config.model.log_floor is not None:
        return config.model.log_floor / LOG_FLOOR
    if config.model.standard is None:
        return None
    level = float(np.mean([mean for mean, _ in config.model.standard]))
    return level if level > 0 else None


def _level(samples: SeedDataset) -> float | None:
    """Mean over the pixels of some objects and all bands; None where there is no pixel."""
    total, count = 0.0, 0
    for index in np.linspace(0, len(samples) - 1, min(len(samples), LOOKED_AT), dtype=int):
        cube = samples.stored(int(index), "hs").hs
        assert cube is not None, "spectra were asked for"
        pixels = cube.reshape(-1, cube.shape[-1])
        pixels = pixels[pixels.any(axis=1)]
        total += float(pixels.sum(dtype=np.float64))
        count += pixels.size
    return total / count if count else None
