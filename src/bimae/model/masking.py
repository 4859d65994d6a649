"""Which tokens are seen and which are reconstructed: one pure step from a seeded generator.

Shapes: B batch, N tokens of a modality, K kept, T targets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from bimae.model.config import ModelConfig
from bimae.model.mask_counts import MaskCounts

Move = Callable[[Tensor, torch.device], Tensor]  # a tensor to a device


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


class Together(Protocol):
    """Which tokens are hidden or kept together, rather than each by itself."""

    def keys(self, batch: int, generator: torch.Generator) -> Tensor:
        """[B, N] numbers without ties, on the generator's device: the least are kept."""


@dataclass(frozen=True)
class Blocks:
    """Runs of neighbouring bands, cut anew for every sample.

    The bands lie on a ring, on which the first cut is drawn: every band is as likely to be kept as
    any other. The run that reaches over the ring's seam has its two ends at both ends of the
    spectrum.

    Attributes:
        length: Bands of a run, counted among all of the sensor.
        total: Bands of the sensor.
        bands: [N] ascending numbers of those that are there; None: all. Where they lie further
            apart than a run is long, each is hidden by itself.
    """

    length: int
    total: int
    bands: Tensor | None = None

    def on(self, device: torch.device, move: Move = Tensor.to) -> "Blocks":
        """The same on a device."""
        return self if self.bands is None else replace(self, bands=move(self.bands, device))

    def keys(self, batch: int, generator: torch.Generator) -> Tensor:
        """Block by block in random order, each from its first band."""
        device = generator.device
        bands = torch.arange(self.total, device=device) if self.bands is None else self.bands
        shift = torch.randint(self.total, (batch, 1), generator=generator, device=device)
        ring = (bands + shift) % self.total  # [B, N]
        ranks = _ranks(batch, -(-self.total // self.length), generator)
        return ranks.gather(1, ring // self.length) * self.total + ring


@dataclass(frozen=True)
class Groups:
    """Groups of any sizes, the same for every sample.

    Attributes:
        number: [N] group of each token, counted from 0.
        place: [N] place of each token in its group.
        size: [N] tokens of its group.
        count: Groups in all.
    """

    number: Tensor
    place: Tensor
    size: Tensor
    count: int

    @classmethod
    def of(cls, numbers: Sequence[int]) -> "Groups":
        """Groups from a number for each token [N]; equal numbers are one group. On the CPU."""
        known: dict[int, int] = {}
        sizes: list[int] = []
        number, place = [], []
        for given in numbers:
            own = known.setdefault(given, len(known))
            if own == len(sizes):
                sizes.append(0)
            number.append(own)
            place.append(sizes[own])
            sizes[own] += 1
        size = [sizes[own] for own in number]
        return cls(torch.tensor(number), torch.tensor(place), torch.tensor(size), len(sizes))

    def on(self, device: torch.device, move: Move = Tensor.to) -> "Groups":
        """The same on a device."""
        number, place, size = (move(t, device) for t in (self.number, self.place, self.size))
        return Groups(number, place, size, self.count)

    def keys(self, batch: int, generator: torch.Generator) -> Tensor:
        """Group by group in random order, each from a random token on, and round to it again."""
        # The one group that is cut, since counts are exact, would show its first tokens for ever.
        start = torch.rand(batch, 1, generator=generator, device=generator.device)
        ring = (self.place + (start * self.size).long()) % self.size  # [B, N]
        ranks = _ranks(batch, self.count, generator)
        return ranks[:, self.number] * len(self.number) + ring


def _ranks(batch: int, count: int, generator: torch.Generator) -> Tensor:
    """[B, count] a random order for each sample."""
    noise = torch.rand(batch, count, generator=generator, device=generator.device)
    return noise.argsort(dim=1)


def bands_together(config: ModelConfig, bands: Tensor | None = None) -> Blocks | Groups | None:
    """How a model's bands are hidden together; None: each by itself (the paper).

    Args:
        config: Of the model.
        bands: [N] ascending numbers of the bands that are there, on the CPU; None: all.

    Returns:
        What `draw_mask` wants, on the CPU.
    """
    if config.hs_masking == "block":
        return Blocks(config.hs_block, config.bands, bands)
    if config.hs_masking == "similarity":
        assert config.hs_groups is not None, "a config of this masking has groups"
        numbers = range(config.bands) if bands is None else bands.tolist()
        return Groups.of([config.hs_groups[band] for band in numbers])
    return None


def draw_mask(
    counts: MaskCounts,
    batch: int,
    *,
    generator: torch.Generator,
    device: torch.device | None = None,
    all_hidden: bool = False,
    together: Together | None = None,
) -> Mask:
    """A random mask for each sample of a batch.

    Args:
        counts: How many tokens to keep and to reconstruct.
        batch: Number of samples B.
        generator: Source of the randomness; its device is where the draw happens.
        device: Where the token numbers are wanted; default: the generator's.
        all_hidden: Reconstruct every hidden token (for pictures), not only the share of a step.
        together: Which tokens are hidden or kept together; None: each by itself. Targets are
            drawn from the hidden tokens one by one in any case: neighbours say the same.

    Returns:
        The mask; K and T are the same for every sample.
    """
    # A random order of the tokens: the first K are kept, the next T are targets. Both parts are
    # put in ascending order, since reading memory forwards is faster and nothing depends on it.
    noise = torch.rand(batch, counts.total, generator=generator, device=generator.device)
    if together is not None:  # then what is to be kept comes first in that order
        keys = together.keys(batch, generator)
        noise = noise.scatter(1, keys.argsort(dim=1)[:, : counts.keep], -1.0)
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
    together = bands_together(config)
    if together is not None:
        together = together.on(generator.device)
    hs, rgb = (
        draw_mask(
            counts,
            batch,
            generator=generator,
            device=device,
            all_hidden=all_hidden,
            together=alike,
        )
        for counts, alike in ((config.hs_counts, together), (config.rgb_counts, None))
    )
    return hs, rgb


def take_tokens(tokens: Tensor, index: Tensor) -> Tensor:
    """The tokens [B, K, V] that `index` [B, K] names among [B, N, V]."""
    return tokens.gather(1, index.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))
