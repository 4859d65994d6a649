"""Tensors in, tensors out: the masked autoencoder and the classifier made from it."""

from bimae.model.bimae import BiMAE, LossParts, Views
from bimae.model.classifier import SeedClassifier
from bimae.model.config import (
    PRESETS,
    ClassifierConfig,
    MaskCounts,
    Modality,
    ModelConfig,
    Pool,
    Scale,
    preset,
)
from bimae.model.pretrained import model_folder, model_kind

__all__ = [
    "PRESETS",
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
]
