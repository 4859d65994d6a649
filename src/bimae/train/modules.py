"""The two tasks as Lightning modules: a step, its figures, and the optimiser."""

from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from bimae.data.loading import Batch
from bimae.errors import ConfigError
from bimae.model import BiMAE, SeedClassifier
from bimae.train.optimiser import adamw
from bimae.train.options import FinetuneOptions, PretrainOptions, RunOptions

VALIDATION = 2**31  # an "epoch" whose masks are the same each time, so that losses compare


class _Task(pl.LightningModule):
    """What both tasks share: the optimiser, and stopping before a loss that is not finite."""

    betas = (0.9, 0.999)

    def __init__(self, model: nn.Module, options: RunOptions) -> None:
        super().__init__()
        self.model = model
        self.options: Any = options

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

    def _finite(self, loss: Tensor) -> Tensor:
        if not torch.isfinite(loss):
            raise ConfigError(
                f"the loss is {loss.item()} at step {self.global_step}: stopped before it spoils "
                "the weights; lower learning_rate, or check the data"
            )
        return loss


class PretrainTask(_Task):
    """Masked reconstruction of both views."""

    betas = (0.9, 0.95)  # as MAE: gradients of masked reconstruction change quickly

    def __init__(self, model: BiMAE, options: PretrainOptions) -> None:
        super().__init__(model, options)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one step with masks of its own."""
        return self._step(batch, "train", self.current_epoch, batch_idx)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """The same losses on unseen samples, with the same masks every epoch."""
        self._step(batch, "val", VALIDATION, batch_idx)

    def _step(self, batch: Batch, part: str, epoch: int, number: int) -> Tensor:
        parts = self.model(batch.hs, batch.rgb, generator=self._masks(epoch, number))
        named = {"loss": parts.total, "hs_loss": parts.hs, "rgb_loss": parts.rgb}
        self.log_dict(
            {f"{part}/{name}": value.detach() for name, value in named.items()},
            on_step=False,
            on_epoch=True,
            batch_size=len(batch),
        )
        return self._finite(parts.total)

    def _masks(self, epoch: int, number: int) -> torch.Generator:
        # From the place in the run, not from what was drawn before: a resumed run draws the same.
        seed = np.random.SeedSequence([self.options.seed, epoch, number, self.global_rank])
        return torch.Generator().manual_seed(int(seed.generate_state(1, np.uint64)[0] >> 1))


class ClassifyTask(_Task):
    """Cross-entropy on the class; accuracy and macro-F1 on the validation part."""

    def __init__(self, model: SeedClassifier, options: FinetuneOptions) -> None:
        super().__init__(model, options)
        classes = len(model.config.classes)
        self.accuracy = MulticlassAccuracy(classes, average="micro")
        self.macro_f1 = MulticlassF1Score(classes, average="macro")

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy of one step."""
        logits, label, loss = self._logits(batch)
        hits = logits.argmax(dim=1).eq(label).float().mean()
        self.log_dict(
            {"train/loss": loss.detach(), "train/accuracy": hits},
            on_step=False,
            on_epoch=True,
            batch_size=len(batch),
        )
        return self._finite(loss)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss, accuracy and macro-F1 on unseen samples."""
        logits, label, loss = self._logits(batch)
        self.accuracy.update(logits, label)
        self.macro_f1.update(logits, label)
        self.log("val/loss", loss, on_epoch=True, batch_size=len(batch))
        self.log("val/accuracy", self.accuracy, on_epoch=True, batch_size=len(batch))
        self.log("val/macro_f1", self.macro_f1, on_epoch=True, batch_size=len(batch))

    def _logits(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        assert batch.label is not None
        logits: Tensor = self.model(batch.hs, batch.rgb)
        return logits, batch.label, nn.functional.cross_entropy(logits.float(), batch.label)
