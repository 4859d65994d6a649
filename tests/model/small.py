"""A model small enough for tests, and inputs for it."""

import torch
from torch import Tensor

from bimae.model import ModelConfig

CONFIG = ModelConfig(
    name="small",
    width=32,
    depth=2,
    heads=2,
    decoder_width=16,
    bands=20,
    hs_size=6,
    rgb_size=32,
    patch_size=8,
    hs_mask_ratio=0.7,
    rgb_mask_ratio=0.5,
    hs_target_ratio=0.5,
    rgb_target_ratio=0.5,
    fusion_heads=4,
)


def images(batch: int = 3, seed: int = 0, config: ModelConfig = CONFIG) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hs = torch.rand(batch, config.bands, config.hs_size, config.hs_size, generator=generator)
    rgb = torch.rand(batch, 3, config.rgb_size, config.rgb_size, generator=generator)
    return hs, rgb


def masks(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
