"""A small model that learns to see what a large one sees, beside reconstructing by itself.

There is published evidence that masked modelling alone does little for the smallest transformers
and that a larger one, pretrained so, teaches them more (Ren et al. 2023, doi
10.1109/CVPR52729.2023.00359). As Bai et al. 2023 (arXiv 2208.12256) do, both see the same visible
tokens, and the student reconstructs as well; unlike theirs, what is matched is the last layer, as
both have the same depth in all presets.

Shapes: B batch, K visible tokens of both views, D width of the student, W that of the teacher.
"""

import torch
from torch import Tensor, nn

from bimae.model.bimae import BiMAE, Views
from bimae.model.config import ModelConfig
from bimae.model.masking import Mask


class Student(nn.Module):
    """A BiMAE, and the projection of its features into the teacher's width, which is thrown away.

    Attributes:
        model: What is kept.
        projection: From D to W.
    """

    def __init__(self, model: BiMAE, width: int, *, generator: torch.Generator) -> None:
        """Makes the projection.

        Args:
            model: What learns.
            width: W.
            generator: Source of the projection's weights.
        """
        super().__init__()
        self.model = model
        self.projection = nn.Linear(model.config.width, width)
        with torch.no_grad():
            bound = (6 / (model.config.width + width)) ** 0.5  # Xavier, as the model's own
            self.projection.weight.uniform_(-bound, bound, generator=generator)
            self.projection.bias.zero_()

    @property
    def config(self) -> ModelConfig:
        """The student's."""
        return self.model.config

    @property
    def trunk(self) -> nn.Module:
        """The student's."""
        return self.model.trunk

    def mismatch(self, encoded: Tensor, taught: Tensor) -> Tensor:
        """How far the student's features are from the teacher's.

        Args:
            encoded: [B, K + 1, D] the student's encoder output.
            taught: [B, K + 1, W] the teacher's of the same tokens; see `taught`.

        Returns:
            The mean squared error: 1 where the student says nothing, as the target's values have
            mean 0 and variance 1.
        """
        return nn.functional.mse_loss(self.projection(encoded).float(), taught)


def taught(teacher: BiMAE, seen: Views, masks: tuple[Mask, Mask]) -> Tensor:
    """What a teacher says of visible tokens, each brought to mean 0 and variance 1.

    Args:
        teacher: Frozen.
        seen: Patches [B, K, V] of each modality that `masks` keep.
        masks: Spectral and RGB mask.

    Returns:
        [B, K + 1, W] float32, the global token last; no gradient goes through it.
    """
    with torch.no_grad():
        encoded = teacher.see(seen, masks).float()
        return nn.functional.layer_norm(encoded, encoded.shape[-1:])
