"""What a way of scaling spectra needs to know of the training part, and which one a model has."""

from collections.abc import Sequence
from typing import Any

from bimae.data import SeedDataset
from bimae.data.standard import measure_among, measure_shapes, measure_standard, measure_within
from bimae.model import ModelConfig, Scale


def scale_of(config: ModelConfig) -> Scale:
    """How a pretrained model reads spectra."""
    if config.log_floor is not None:
        return "shape" if config.within is None else "whitened"
    return "standard" if config.standard is not None else "before"


def reference_for(scale: Scale, samples: SeedDataset, indices: Sequence[int]) -> dict[str, Any]:
    """What `ModelConfig` needs for a way of scaling: `standard`, `log_floor`, `within`.

    Args:
        scale: The way.
        samples: The data.
        indices: The samples that are learned from.

    Raises:
        DataError: Spectra that cannot be scaled so.
    """
    if scale in ("shape", "whitened"):
        standard, floor = measure_shapes(samples, indices)
        within = measure_within(samples, indices, standard, floor) if scale == "whitened" else None
        return {"standard": standard, "log_floor": floor, "within": within}
    measured = measure_standard(samples, indices) if scale == "standard" else None
    return {"standard": measured, "log_floor": None, "within": None}


def among_for(
    model: ModelConfig, samples: SeedDataset, indices: Sequence[int]
) -> tuple[tuple[float, ...], ...]:
    """What makes up bands that a sensor lacks; see `ClassifierConfig.among`.

    Args:
        model: Sizes, with scale whitened.
        samples: The data.
        indices: The samples that are learned from.

    Raises:
        DataError: All samples have the same spectrum.
    """
    assert model.standard is not None and model.log_floor is not None, "scale is whitened"
    return measure_among(samples, indices, model.standard, model.log_floor)
