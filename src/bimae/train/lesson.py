"""A batch to learn from, with all that a recipe does to it at random.

All of it is drawn before a step begins, for the whole step, from the seed and the place in the run.
So it is the same however the step is cut into parts, in however many processes, and recorded on a
GPU or not.

Shapes: B batch, V values of a pixel, S side of an image.
"""

from copy import copy
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from bimae.data.batch import WHOLE, Batch, Sensor, Share
from bimae.data.resident import sent
from bimae.model import SeedClassifier
from bimae.model.trunk import Encoder
from bimae.train.mixing import Mix, blended, draw_mix, mix_of, sides_of
from bimae.train.options import FinetuneOptions
from bimae.train.sensors import draw_sensor
from bimae.train.sharing import gathered

# Draws of one kind do not depend on whether others are made.
DROPS, QUARTERS, MIXES, SENSORS, CROPS = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class Lesson:
    """Samples, and what is done to them; None: nothing of that kind.

    Attributes:
        batch: As stored.
        keep: [B, depth, 2] what the encoder's branches are multiplied by; see `Encoder`.
        quarter: [B] whether rows and columns are exchanged, which with the flips of a batch makes
            all quarter turns.
        mix: What each sample is mixed with.
        mix_quarter: [B] `quarter` of the partners.
        sensor: The camera that all of them are seen by.
        crop: [B, 2, 3] the square that is cut from each sample; see `draw_crops`.
        mix_crop: The same of the partners.
    """

    batch: Batch
    keep: Tensor | None = None
    quarter: Tensor | None = None
    mix: Mix | None = None
    mix_quarter: Tensor | None = None
    sensor: Sensor = WHOLE
    crop: Tensor | None = None
    mix_crop: Tensor | None = None

    def __len__(self) -> int:
        return len(self.batch)

    def part(self, where: slice) -> "Lesson":
        """Some of the samples."""
        return Lesson(
            self.batch.part(where),
            keep=None if self.keep is None else self.keep[where],
            quarter=None if self.quarter is None else self.quarter[where],
            mix=None if self.mix is None else self.mix.part(where),
            mix_quarter=None if self.mix_quarter is None else self.mix_quarter[where],
            sensor=self.sensor,
            crop=None if self.crop is None else self.crop[where],
            mix_crop=None if self.mix_crop is None else self.mix_crop[where],
        )

    def images(self) -> tuple[Tensor | None, Tensor | None]:
        """Both views as the model gets them; None for one that was not read."""
        own = [
            _cut(_turned(view, self.quarter), self.crop) for view in self.batch.images(self.sensor)
        ]
        if self.mix is None:
            return own[0], own[1]
        others = [
            _cut(_turned(view, self.mix_quarter), self.mix_crop)
            for view in self.mix.partner.images(self.sensor)
        ]
        boxes = self.mix.hs_box, self.mix.rgb_box
        hs, rgb = (
            None if a is None or b is None or box is None else blended(a, b, self.mix.blend, box)
            for a, b, box in zip(own, others, boxes, strict=True)
        )
        return hs, rgb


def draw_lesson(
    batch: Batch, options: FinetuneOptions, *, depth: int, epoch: int, number: int, ranks: int = 1
) -> Lesson:
    """A lesson of a batch.

    Args:
        batch: The samples of this process.
        options: Which parts of the recipe are on, and the seed.
        depth: Blocks of the encoder.
        epoch: Place in the run.
        number: Of the step in its epoch.
        ranks: Processes that share the step.
    """
    share = batch.share or Share(0, len(batch), len(batch))
    first = min(share.start, share.whole - 1)  # who has nothing to do holds one sample all the same
    mine = slice(first, first + len(batch))
    device = batch.index.device

    def rng(kind: int) -> np.random.Generator:
        return np.random.default_rng([options.seed, epoch, number, kind])

    keep = quarter = mix = mix_quarter = crop = mix_crop = None
    if options.drop_path:
        drawn = draw_keep(rng(DROPS), share.whole, depth=depth, rate=options.drop_path)
        keep = sent(drawn[mine], device)
    turned = torch.from_numpy(rng(QUARTERS).random(share.whole) < 0.5) if options.rotate else None
    if turned is not None:
        quarter = sent(turned[mine], device)
    crops = draw_crops(rng(CROPS), share.whole, options.crop) if options.crop < 1 else None
    if crops is not None:
        crop = sent(crops[mine], device)
    if options.mixup or options.cutmix:
        draws = draw_mix(
            rng(MIXES),
            share.whole,
            mixup=options.mixup,
            cutmix=options.cutmix,
            sides=sides_of(batch),
        )
        mix = mix_of(draws, batch, gathered(batch, ranks), mine)
        if turned is not None:
            mix_quarter = sent(turned[torch.from_numpy(draws.partner[mine])], device)
        if crops is not None:
            mix_crop = sent(crops[torch.from_numpy(draws.partner[mine])], device)
    sensor = WHOLE
    if options.any_sensor:
        assert batch.hs is not None, "any sensor is learned from data with spectra"
        sensor = draw_sensor(rng(SENSORS), batch.hs.shape[1]).to(device)
    return Lesson(batch, keep, quarter, mix, mix_quarter, sensor, crop, mix_crop)


def draw_keep(rng: np.random.Generator, count: int, *, depth: int, rate: float) -> Tensor:
    """What the branches of each block count in each sample: 0 where dropped; 1 on average.

    Args:
        rng: Source of the draws.
        count: Samples.
        depth: Blocks.
        rate: How often the last block's branches are dropped; in those before it proportionally
            less often, in the first never.

    Returns:
        [count, depth, 2] float32; the last axis is attention and mlp.
    """
    kept = 1 - (np.linspace(0, rate, depth) if depth > 1 else np.array([rate]))
    drawn = rng.random((count, depth, 2)) < kept[:, None]
    return torch.from_numpy((drawn / kept[:, None]).astype(np.float32))


def draw_crops(rng: np.random.Generator, count: int, least: float) -> Tensor:
    """Squares to cut from samples: of random area, place and angle.

    Args:
        rng: Source of the draws.
        count: Samples.
        least: Smallest share of a sample's area that a square has; the largest is 1.

    Returns:
        [count, 2, 3] float32: from places in the square to places in the sample, both from -1 to 1
        (column, row), as `torch.nn.functional.affine_grid` takes them.
    """
    side = np.sqrt(rng.uniform(least, 1, count))
    angle = rng.uniform(0, 2 * np.pi, count)
    away = rng.uniform(-1, 1, (count, 2)) * (1 - side)[:, None]
    rows = [side * np.cos(angle), -side * np.sin(angle), away[:, 0]]
    columns = [side * np.sin(angle), side * np.cos(angle), away[:, 1]]
    return torch.from_numpy(np.stack([np.stack(rows, 1), np.stack(columns, 1)], 1)).float()


def _cut(images: Tensor | None, crop: Tensor | None) -> Tensor | None:
    """[B, V, S, S] to the squares, brought to the same size; beyond the edge its pixels go on."""
    if images is None or crop is None:
        return images
    grid = nn.functional.affine_grid(crop, list(images.shape), align_corners=False)
    return nn.functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="border", align_corners=False
    )


Model = TypeVar("Model", bound=SeedClassifier)


def dropping(model: Model, keep: Tensor | None) -> Model:
    """The same classifier, with the same weights, whose encoder multiplies its branches by `keep`.

    Parts of a batch are at work at the same time, so what belongs to one part cannot be told to the
    model that they share.
    """
    if keep is None:
        return model
    twin, trunk = copy(model), copy(model.trunk)
    trunk._modules = {**trunk._modules, "encoder": _Dropping(model.trunk.encoder, keep)}
    twin._modules = {**twin._modules, "trunk": trunk}
    return twin


class _Dropping(nn.Module):
    """An encoder and what its branches count."""

    def __init__(self, encoder: Encoder, keep: Tensor) -> None:
        super().__init__()
        self.encoder, self.keep = encoder, keep

    def forward(self, x: Tensor, *, normed: bool = True) -> Tensor:
        """[B, N, D] to [B, N, D]."""
        out: Tensor = self.encoder(x, self.keep, normed=normed)
        return out

    @property
    def norm(self) -> nn.Module:
        """The encoder's final norm."""
        return self.encoder.norm


def _turned(images: Tensor | None, quarter: Tensor | None) -> Tensor | None:
    """[B, V, S, S] with rows and columns exchanged where `quarter` [B] says so."""
    if images is None or quarter is None:
        return images
    return torch.where(quarter.view(-1, 1, 1, 1), images.transpose(2, 3), images)
