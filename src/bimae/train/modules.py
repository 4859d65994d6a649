"""The two tasks as Lightning modules: a step, its figures, and the optimiser."""

from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from bimae.data.batch import Batch, Share
from bimae.errors import ConfigError
from bimae.model import BiMAE, SeedClassifier, Views
from bimae.model.masking import Mask, draw_masks
from bimae.train.engine import Engine, Figures, Found
from bimae.train.optimiser import adamw
from bimae.train.options import FinetuneOptions, PretrainOptions, RunOptions

SELDOM = 20  # steps
VALIDATION = 2**31  # an "epoch" whose masks are the same each time, so that losses compare


class _Task(pl.LightningModule):
    """What both tasks share: the optimiser, and stopping before a loss that is not finite."""

    betas = (0.9, 0.999)

    def __init__(self, model: nn.Module, options: RunOptions, engine: Engine | None = None) -> None:
        super().__init__()
        self.model = model
        self.options: Any = options
        self.engine = engine or Engine(model)
        self._sums: tuple[list[str], Tensor, int] | None = None

    def configure_optimizers(self) -> OptimizerLRScheduler:
        options = self.options
        optimiser, schedule = adamw(
            self.model,
            steps=int(self.trainer.estimated_stepping_batches),
            peak=options.learning_rate,
            weight_decay=options.weight_decay,
            warmup=options.warmup,
            start=options.warmup_learning_rate,
            betas=self.betas,
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _counted(self, batch: Batch) -> int:
        """Samples of the batch that count; see `Share`."""
        return len(batch) if batch.share is None else batch.share.stop - batch.share.start

    def _weight(self, batch: Batch) -> float:
        """What this process's mean counts, so that the mean over processes is that of the step."""
        whole = batch.share.whole if batch.share else len(batch)
        return self._counted(batch) * self._ranks / whole

    @property
    def _ranks(self) -> int:
        return self._trainer.world_size if self._trainer else 1

    def on_train_epoch_start(self) -> None:
        """Begins the epoch's sums."""
        self._sums = None

    def _learned(self, figures: Figures, batch: Batch) -> None:
        """Adds figures of a step to the epoch's sums: to log each step takes a GPU's pace."""
        count = self._counted(batch)
        sums = torch.stack([value.detach() for value in figures.values()]) * count
        names, total, samples = self._sums or (list(figures), torch.zeros_like(sums), 0)
        self._sums = names, total + sums, samples + count

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Tells the epoch's means after its last step."""
        if self.trainer.is_last_batch and self._sums is not None:
            names, total, samples = self._sums
            means = total / max(1, samples)
            self._tell("train", dict(zip(names, means, strict=True)), samples)

    def _tell(self, part: str, figures: Figures, samples: int) -> None:
        self.log_dict(
            {f"{part}/{name}": value.detach() for name, value in figures.items()},
            on_step=False,
            on_epoch=True,
            batch_size=samples,
            sync_dist=self._ranks > 1,
        )

    def _finite(self, loss: Tensor) -> Tensor:
        # To ask a GPU is to wait for it, so it is asked now and then.
        if loss.is_cuda and self.global_step % SELDOM:
            return loss
        if not torch.isfinite(loss):
            raise ConfigError(
                f"the loss is {loss.item()} at step {self.global_step}: stopped before it spoils "
                "the weights; lower learning_rate, or check the data"
            )
        return loss


@dataclass(frozen=True)
class Masked:
    """A batch and its masks.

    Attributes:
        batch: As stored.
        hs: Which bands are kept, and which are to be reconstructed.
        rgb: The same of the tiles.
    """

    batch: Batch
    hs: Mask
    rgb: Mask

    def __len__(self) -> int:
        return len(self.batch)

    def part(self, where: slice) -> "Masked":
        """Some of the samples."""
        return Masked(self.batch.part(where), self.hs.part(where), self.rgb.part(where))


def patches(masked: Masked, patch_size: int) -> tuple[Views, Views]:
    """What the masks keep [B, K, V], and the targets [B, T, V]; nothing else becomes numbers."""
    batch, hs, rgb = masked.batch, masked.hs, masked.rgb
    # kept and targets at once: each sample is turned once
    bands = batch.spectra(torch.cat([hs.keep, hs.targets], dim=1)).flatten(2)
    tiles = batch.tiles(torch.cat([rgb.keep, rgb.targets], dim=1), patch_size)
    kept = hs.keep.shape[1], rgb.keep.shape[1]
    seen = Views(bands[:, : kept[0]], tiles[:, : kept[1]])
    return seen, Views(bands[:, kept[0] :], tiles[:, kept[1] :])


class PretrainTask(_Task):
    """Masked reconstruction of both views."""

    betas = (0.9, 0.95)  # as MAE: gradients of masked reconstruction change quickly

    def __init__(
        self, model: BiMAE, options: PretrainOptions, engine: Engine | None = None
    ) -> None:
        super().__init__(model, options, engine)
        self.config = model.config
        self.patch_size = model.config.patch_size

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one step with masks of its own."""
        return self._step(batch, "train", self.current_epoch, batch_idx)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """The same losses on unseen samples, with the same masks every epoch."""
        self._step(batch, "val", VALIDATION, batch_idx)

    def _step(self, batch: Batch, part: str, epoch: int, number: int) -> Tensor:
        masks = self._masks(batch, epoch, number)

        figures, _ = self.engine.means(
            self._losses, Masked(batch, *masks), weight=self._weight(batch)
        )
        if part == "train":
            self._learned(figures, batch)
        else:
            self._tell(part, figures, self._counted(batch))
        return self._finite(figures["loss"])

    def _losses(self, work: BiMAE, part: Masked) -> Found:
        seen, hidden = self.engine.fast(patches)(part, self.patch_size)
        losses = work.losses(seen, hidden, (part.hs, part.rgb))
        return Found({"loss": losses.total, "hs_loss": losses.hs, "rgb_loss": losses.rgb})

    def _masks(self, batch: Batch, epoch: int, number: int) -> tuple[Mask, Mask]:
        """Masks of these samples: those that they have in a step of one process alone."""
        device = batch.index.device
        # From the place in the run, not from what was drawn before: a resumed run draws the same.
        seed = np.random.SeedSequence([self.options.seed, epoch, number])
        generator = torch.Generator(device)
        generator.manual_seed(int(seed.generate_state(1, np.uint64)[0] >> 1))
        share = batch.share or Share(0, len(batch), len(batch))
        drawn = draw_masks(self.config, share.whole, generator=generator)
        first = min(share.start, share.whole - 1)
        hs, rgb = (mask.part(slice(first, first + len(batch))) for mask in drawn)
        return hs, rgb


class ClassifyTask(_Task):
    """Cross-entropy on the class; accuracy and macro-F1 on the validation part."""

    def __init__(
        self, model: SeedClassifier, options: FinetuneOptions, engine: Engine | None = None
    ) -> None:
        super().__init__(model, options, engine)
        self.classes = len(model.config.classes)
        self.accuracy = MulticlassAccuracy(self.classes, average="micro")
        self.macro_f1 = MulticlassF1Score(self.classes, average="macro")

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy of one step."""
        figures, _ = self._figures(batch)
        self._learned(figures, batch)
        return self._finite(figures["loss"])

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss, accuracy and macro-F1 on unseen samples."""
        figures, logits = self._figures(batch)
        label = batch.label
        if self._counted(batch) and label is not None:
            self.accuracy.update(logits, label)
            self.macro_f1.update(logits, label)
        self._tell("val", {"loss": figures["loss"]}, self._counted(batch))
        self.log("val/accuracy", self.accuracy, on_epoch=True, batch_size=len(batch))
        self.log("val/macro_f1", self.macro_f1, on_epoch=True, batch_size=len(batch))

    def _figures(self, batch: Batch) -> tuple[Figures, Tensor]:
        """Means over the batch, and logits [B, classes]."""
        figures, logits = self.engine.means(self._losses, batch, weight=self._weight(batch))
        assert logits is not None
        return figures, logits

    def _losses(self, work: SeedClassifier, part: Batch) -> Found:
        assert part.label is not None
        logits = work(*part.images()).float()
        loss = nn.functional.cross_entropy(logits, part.label)
        hits = logits.argmax(dim=1).eq(part.label).float().mean()
        return Found({"loss": loss, "accuracy": hits}, logits.detach())
