"""Pretraining as a Lightning module: masks of a step, its losses and their figures."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bimae.data.batch import Batch, Sensor, Share
from bimae.data.reading import Reading
from bimae.data.resident import sent
from bimae.data.shapes import MIDDLE
from bimae.model import BiMAE, Views
from bimae.model.config import ModelConfig
from bimae.model.distillation import Student
from bimae.model.mask_counts import MaskCounts
from bimae.model.masking import Blocks, Groups, Mask, bands_together, draw_mask
from bimae.train.engine import Engine, Found
from bimae.train.modules import Task
from bimae.train.options import PretrainOptions
from bimae.train.sensors import FEWEST, draw_sensor

VALIDATION = 2**31  # an "epoch" whose masks are the same each time, so that losses compare


@dataclass(frozen=True)
class Masked:
    """A batch and its masks.

    Attributes:
        batch: As stored.
        hs: Which bands are kept, and which are to be reconstructed.
        rgb: The same of the tiles.
        there: [B, K] the bands that are there, which spectra are scaled over; None: all.
    """

    batch: Batch
    hs: Mask
    rgb: Mask
    there: Tensor | None = None

    def __len__(self) -> int:
        return len(self.batch)

    def part(self, where: slice) -> "Masked":
        """Some of the samples."""
        there = None if self.there is None else self.there[where]
        return Masked(self.batch.part(where), self.hs.part(where), self.rgb.part(where), there)


def patches(masked: Masked, patch_size: int) -> tuple[Views, Views]:
    """What the masks keep [B, K, V], and the targets [B, T, V]; nothing else becomes numbers."""
    batch, hs, rgb = masked.batch, masked.hs, masked.rgb
    # kept and targets at once: each sample is turned once
    bands = batch.spectra(torch.cat([hs.keep, hs.targets], dim=1), over=masked.there).flatten(2)
    tiles = batch.tiles(torch.cat([rgb.keep, rgb.targets], dim=1), patch_size)
    kept = hs.keep.shape[1], rgb.keep.shape[1]
    seen = Views(bands[:, : kept[0]], tiles[:, : kept[1]])
    return seen, Views(bands[:, kept[0] :], tiles[:, kept[1] :])


class PretrainTask(Task):
    """Masked reconstruction of both views."""

    betas = (0.9, 0.95)  # as MAE: gradients of masked reconstruction change quickly

    def __init__(
        self, model: BiMAE | Student, options: PretrainOptions, engine: Engine | None = None
    ) -> None:
        super().__init__(model, options, engine)
        self.config = model.config
        self.patch_size = model.config.patch_size
        self.together = bands_together(model.config)
        dark = _dark(model.config) if options.spectral_angle else None
        self.register_buffer("dark", dark, persistent=False)
        self.dark: Tensor | None

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one step with masks of its own."""
        return self._step(batch, "train", self.current_epoch, batch_idx)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """The same losses on unseen samples, with the same masks every epoch."""
        self._step(batch, "val", VALIDATION, batch_idx)

    def _step(self, batch: Batch, part: str, epoch: int, number: int) -> Tensor:
        masked = self._masked(batch, epoch, number)
        figures, _ = self.engine.means(self._losses, masked, weight=self._weight(batch))
        self._add(part, figures, batch)
        return self._finite(figures["loss"])

    def _losses(self, work: Any, part: Masked) -> Found:
        seen, hidden = self.engine.fast(patches)(part, self.patch_size)
        return self._compared(work, work.see(seen, (part.hs, part.rgb)), hidden, part)

    def _compared(self, work: BiMAE, encoded: Tensor, hidden: Views, part: Masked) -> Found:
        losses = work.compare(
            encoded,
            hidden,
            (part.hs, part.rgb),
            angle_weight=self.options.spectral_angle,
            dark=None if self.dark is None else self.dark[part.hs.targets],
        )
        figures = {"loss": losses.total, "hs_loss": losses.hs, "rgb_loss": losses.rgb}
        if losses.angle is not None:
            figures["spectral_angle"] = losses.angle
        return Found(figures)

    def _masked(self, batch: Batch, epoch: int, number: int) -> Masked:
        """The batch with masks: those that its samples have in a step of one process alone."""
        device = batch.index.device
        # From the place in the run, not from what was drawn before: a resumed run draws the same.
        seed = np.random.SeedSequence([self.options.seed, epoch, number])
        generator = torch.Generator(device)
        generator.manual_seed(int(seed.generate_state(1, np.uint64)[0] >> 1))
        share = batch.share or Share(0, len(batch), len(batch))
        first = min(share.start, share.whole - 1)
        mine = slice(first, first + len(batch))
        hs_counts, rgb_counts, bands = self._counts(np.random.default_rng(seed.spawn(1)[0]))
        together = self._together(bands, device)
        hs, rgb = (
            draw_mask(counts, share.whole, generator=generator, together=alike).part(mine)
            for counts, alike in ((hs_counts, together), (rgb_counts, None))
        )
        if bands is None:
            return Masked(batch, hs, rgb)
        bands = sent(bands, device)
        return Masked(batch, hs.among(bands), rgb, bands.expand(len(batch), -1))

    def _together(self, bands: Tensor | None, device: torch.device) -> Blocks | Groups | None:
        """Which bands are hidden together, of those that are there; on the device."""
        if bands is not None:
            found = bands_together(self.config, bands)
            return None if found is None else found.on(device, sent)
        if self.together is not None:  # the same in every step: sent once
            self.together = self.together.on(device, sent)
        return self.together

    def _counts(self, rng: np.random.Generator) -> tuple[MaskCounts, MaskCounts, Tensor | None]:
        """Masks of this step, and the bands that are there; all of the paper's by default."""
        config, options = self.config, self.options
        sensor = draw_sensor(rng, config.bands) if options.any_sensor else Sensor()
        hs, rgb = config.hs_counts, config.rgb_counts
        if sensor.bands is not None:
            ratios = config.hs_mask_ratio, config.hs_target_ratio
            hs = MaskCounts.some(len(sensor.bands), *ratios, least=FEWEST)
        if options.cross_modal and rng.random() < options.cross_modal:
            sensor = replace(sensor, hs=False) if rng.random() < 0.5 else replace(sensor, rgb=False)
        if not sensor.hs:
            hs = hs.unseen()
        elif not sensor.rgb:
            rgb = rgb.unseen()
        return hs, rgb, sensor.bands


def _dark(config: ModelConfig) -> Tensor | None:
    """[C] what a pixel that is zero as stored, padding for one, becomes in each band; None: 0."""
    reference = Reading.whole(config).reference()
    if reference is None:
        return None
    if config.log_floor is not None:
        return torch.full_like(reference[0], MIDDLE)
    least, rise = reference
    found: Tensor = (-least * rise).clamp_(0, 1)  # as `Batch.spectra`
    return found
