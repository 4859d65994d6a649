"""What a way of scaling spectra needs to know of the training part, and which one a model has."""

from collections.abc import Sequence
from typing import Any

from bimae.data import SeedDataset
from bimae.data.standard import measure_shapes, measure_standard
from bimae.model import ModelConfig, Scale


def scale_of(config: ModelConfig) -> Scale:
    """How a pretrained model reads spectra."""
    if config.log_floor is not None:
        return "shape"
    return "standard" if config.standard is not None else "before"


def reference_for(scale: Scale, samples: SeedDataset, indices: Sequence[int]) -> dict[str, Any]:
    """What `ModelConfig` needs for a way of scaling: `standard` and `log_floor`.

    Args:
        scale: The way.
        samples: The data.
        indices: The samples that are learned from.

    Raises:
        DataError: Spectra that cannot be scaled so.
    """
    if scale == "shape":
        standard, floor = measure_shapes(samples, indices)
        return {"standard": standard, "log_floor": floor}
    standard = measure_standard(samples, indices) if scale == "standard" else None
    return {"standard": standard, "log_floor": None}
