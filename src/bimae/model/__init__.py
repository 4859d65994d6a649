"""Tensors in, tensors out: the masked autoencoder and the classifier made from it.

Names are imported when they are first used: sizes and presets (`config.py`) are needed by
`--help`, which must not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bimae.model.classifier_config import ClassifierConfig
from bimae.model.config import (
    PRESETS,
    BandTokens,
    Modality,
    ModelConfig,
    Pool,
    Scale,
    preset,
)
from bimae.model.mask_counts import MaskCounts

if TYPE_CHECKING:
    from bimae.model.bimae import BiMAE, LossParts, Views
    from bimae.model.classifier import SeedClassifier
    from bimae.model.pretrained import model_folder, model_kind, results_folder

_LATER = {
    "BiMAE": "bimae",
    "LossParts": "bimae",
    "Views": "bimae",
    "SeedClassifier": "classifier",
    "model_folder": "pretrained",
    "model_kind": "pretrained",
    "results_folder": "pretrained",
}

__all__ = [
    "PRESETS",
    "BandTokens",
    "BiMAE",
    "ClassifierConfig",
    "LossParts",
    "MaskCounts",
    "Modality",
    "ModelConfig",
    "Pool",
    "Scale",
    "SeedClassifier",
    "Views",
    "model_folder",
    "model_kind",
    "preset",
    "results_folder",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
