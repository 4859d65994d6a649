"""Which tokens are seen and which are reconstructed: one pure step from a seeded generator.

Shapes: B batch, N tokens of a modality, K kept, T targets.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bimae.model.config import MaskCounts, ModelConfig


@dataclass(frozen=True)
class Mask:
    """Token numbers of one modality, drawn anew for every sample.

    Attributes:
        keep: [B, K] visible tokens.
        targets: [B, T] hidden tokens to reconstruct. No token is in both.
    """

    keep: Tensor
    targets: Tensor

    def part(self, where: slice) -> "Mask":
        """The mask of some of the samples."""
        return Mask(self.keep[where], self.targets[where])

    def among(self, tokens: Tensor) -> "Mask":
        """The mask where its numbers are places in a list of token numbers [N]."""
        return Mask(tokens[self.keep], tokens[self.targets])


def draw_mask(
    counts: MaskCounts,
    batch: int,
    *,
    generator: torch.Generator,
    device: torch.device | None = None,
    all_hidden: bool = False,
) -> Mask:
    """A random mask for each sample of a batch.

    Args:
        counts: How many tokens to keep and to reconstruct.
        batch: Number of samples B.
        generator: Source of the randomness; its device is where the draw happens.
        device: Where the token numbers are wanted; default: the generator's.
        all_hidden: Reconstruct every hidden token (for pictures), not only the share of a step.

    Returns:
        The mask; K and T are the same for every sample.
    """
    # A random order of the tokens: the first K are kept, the next T are targets. Both parts are
    # put in ascending order, since reading memory forwards is faster and nothing depends on it.
    noise = torch.rand(batch, counts.total, generator=generator, device=generator.device)
    order = noise.argsort(dim=1)
    targets = counts.hidden if all_hidden else counts.targets
    keep = order[:, : counts.keep].sort(dim=1).values
    chosen = order[:, counts.keep : counts.keep + targets].sort(dim=1).values
    device = device or generator.device
    return Mask(keep.to(device), chosen.to(device))


def draw_masks(
    config: ModelConfig,
    batch: int,
    *,
    generator: torch.Generator,
    device: torch.device | None = None,
    all_hidden: bool = False,
) -> tuple[Mask, Mask]:
    """A spectral and an RGB mask for `batch` samples of a model's sizes; see `draw_mask`."""
    hs, rgb = (
        draw_mask(counts, batch, generator=generator, device=device, all_hidden=all_hidden)
        for counts in (config.hs_counts, config.rgb_counts)
    )
    return hs, rgb


def take_tokens(tokens: Tensor, index: Tensor) -> Tensor:
    """The tokens [B, K, V] that `index` [B, K] names among [B, N, V]."""
    return tokens.gather(1, index.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))
