"""Mixup and cutmix of samples that have two views: both views of a pair are mixed alike.

Mixup (Zhang et al. 2018) adds up two samples and their labels; cutmix (Yun et al. 2019) puts a
rectangle of one into the other, and shares out the labels by area.

Shapes: B batch, V values of a pixel, S side of an image.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bimae.data.batch import Batch
from bimae.data.resident import sent


@dataclass(frozen=True)
class Mix:
    """What each sample of a batch is mixed with, and how.

    Attributes:
        partner: The other samples.
        share: [B] what a sample's own label counts; the partner's counts the rest.
        blend: [B] what its own pixels count outside of the rectangle; inside they count nothing.
        hs_box: [B, 4] the rectangle in pixels of the spectral images: first row, the row after the
            last, first column, the column after the last. None where these are not looked at.
        rgb_box: The same in pixels of the RGB images.
    """

    partner: Batch
    share: Tensor
    blend: Tensor
    hs_box: Tensor | None = None
    rgb_box: Tensor | None = None

    def part(self, where: slice) -> "Mix":
        """Of some of the samples."""
        return Mix(
            self.partner.part(where),
            self.share[where],
            self.blend[where],
            None if self.hs_box is None else self.hs_box[where],
            None if self.rgb_box is None else self.rgb_box[where],
        )

    def of(self, own: float | Tensor, others: float | Tensor) -> Tensor:
        """Mean of the samples' figures [B] for their own labels and for their partners'."""
        return (self.share * own + (1 - self.share) * others).mean()


@dataclass(frozen=True)
class MixDraws:
    """The draws of a whole step: for each sample its partner, label's share, blend and box.

    Attributes:
        partner: [B] place of the other sample in the step.
        share: [B] see `Mix`.
        blend: [B] see `Mix`.
        boxes: For each of the sides asked for, the rectangles [B, 4]; see `Mix`.
    """

    partner: NDArray[np.int64]
    share: NDArray[np.float64]
    blend: NDArray[np.float64]
    boxes: tuple[NDArray[np.int64], ...]


def draw_mix(
    rng: np.random.Generator, count: int, *, mixup: float, cutmix: float, sides: Sequence[int]
) -> MixDraws:
    """Draws how the samples of a step are mixed: by one of the two ways, at random where both are.

    Args:
        rng: Source of the draws.
        count: Samples of the step, in all processes.
        mixup: Parameter of the symmetric Beta distribution of mixup's shares; 0: no mixup.
        cutmix: The same of cutmix.
        sides: Side in pixels of each view that is looked at. The rectangle lies on the pixels of
            the coarsest, so that it is the same in all whose sides are multiples of that; else its
            area, which shares out the labels, is the mean over the views.
    """
    cut = cutmix > 0 and (mixup == 0 or rng.random() < 0.5)
    partner = rng.permutation(count)
    shape = cutmix if cut else mixup
    drawn = rng.beta(shape, shape, size=count)
    if not cut:
        empty = np.zeros((count, 4), dtype=np.int64)
        return MixDraws(partner, drawn, drawn, tuple(empty for _ in sides))
    middle = rng.random((count, 2, 1))  # of rows and columns, in [0, 1]
    half = np.sqrt(1 - drawn).reshape(-1, 1, 1) / 2
    edges = np.concatenate([middle - half, middle + half], axis=2).clip(0, 1).reshape(count, 4)
    coarse = min(sides)
    edges = np.rint(edges * coarse) / coarse
    # a pixel is inside if its centre is
    boxes = tuple(np.ceil(edges * side - 0.5).astype(np.int64) for side in sides)
    areas = [_area(box) / side**2 for box, side in zip(boxes, sides, strict=True)]
    return MixDraws(partner, 1 - np.mean(areas, axis=0), np.ones(count), boxes)


def mix_of(draws: MixDraws, batch: Batch, whole: Batch, mine: slice) -> Mix:
    """The part of the draws that a process needs, where its batch lies.

    Args:
        draws: Of the whole step.
        batch: The samples of this process.
        whole: Those of the step.
        mine: Which of the step's these are.
    """
    device = batch.index.device
    boxes = iter(_sent(box[mine], device) for box in draws.boxes)
    return Mix(
        taken(whole, _sent(draws.partner[mine], device)),
        _sent(draws.share[mine].astype(np.float32), device),
        _sent(draws.blend[mine].astype(np.float32), device),
        hs_box=None if batch.hs is None else next(boxes),
        rgb_box=None if batch.rgb is None else next(boxes),
    )


def sides_of(batch: Batch) -> list[int]:
    """Sides in pixels of the views that a batch has, spectra first."""
    found = [] if batch.hs is None else [batch.hs.shape[-1]]
    return found if batch.rgb is None else [*found, batch.rgb.shape[1]]


def taken(batch: Batch, rows: Tensor) -> Batch:
    """The samples [K] of a batch, without a copy of their images."""
    if batch.rows is None:
        return batch.take(rows)
    label, turns = batch.label, batch.turns
    return replace(
        batch,
        index=batch.index[rows],
        rows=batch.rows[rows],
        label=None if label is None else label[rows],
        turns=None if turns is None else turns[rows],
    )


def blended(own: Tensor, other: Tensor, blend: Tensor, box: Tensor) -> Tensor:
    """`blend` [B] of the own pixels [B, V, S, S] and the rest of the other's; in `box` the other's.

    Args:
        own: Images of the samples.
        other: Images of their partners.
        blend: See `Mix`.
        box: [B, 4] see `Mix`.
    """
    place = torch.arange(own.shape[-1], device=own.device)
    rows = (place >= box[:, :1]) & (place < box[:, 1:2])
    columns = (place >= box[:, 2:3]) & (place < box[:, 3:])
    outside = ~(rows.unsqueeze(2) & columns.unsqueeze(1))
    return torch.lerp(other, own, (outside * blend[:, None, None]).unsqueeze(1))


def _area(box: NDArray[np.int64]) -> NDArray[np.int64]:
    area: NDArray[np.int64] = (box[:, 1] - box[:, 0]) * (box[:, 3] - box[:, 2])
    return area


def _sent(values: np.ndarray, device: torch.device) -> Tensor:
    return sent(torch.from_numpy(np.ascontiguousarray(values)), device)
