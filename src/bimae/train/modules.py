"""The tasks as Lightning modules: what they share, and classifying; see also `pretraining`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from bimae.data.batch import WHOLE, Batch, Sensor
from bimae.errors import ConfigError
from bimae.model import SeedClassifier
from bimae.train.engine import Engine, Figures, Found
from bimae.train.lesson import Lesson, draw_lesson, dropping
from bimae.train.optimiser import adamw
from bimae.train.options import ClassWeights, FinetuneOptions, RunOptions
from bimae.train.sensors import usual_sensors

SELDOM = 20  # steps


class Task(pl.LightningModule):
    """What both tasks share: the optimiser, and stopping before a loss that is not finite."""

    betas = (0.9, 0.999)

    def __init__(self, model: nn.Module, options: RunOptions, engine: Engine | None = None) -> None:
        super().__init__()
        self.model = model
        self.options: Any = options
        self.engine = engine or Engine(model)
        self._sums: dict[str, tuple[list[str], Tensor]] = {}

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW, and its schedule by the step."""
        options = self.options
        optimiser, schedule = adamw(
            self.model,
            steps=int(self.trainer.estimated_stepping_batches),
            peak=options.learning_rate,
            weight_decay=options.weight_decay,
            warmup=options.warmup,
            start=options.warmup_learning_rate,
            betas=self.betas,
            layer_decay=getattr(options, "layer_decay", 1.0),
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

    def _add(self, part: str, figures: Figures, batch: Batch) -> None:
        """Adds figures of a step to the sums of the epoch: to log each takes a GPU's pace."""
        count = self._counted(batch)
        values = [*(value.detach() * count for value in figures.values())]
        sums = torch.stack([*values, torch.full_like(values[0], count)])
        names, total = self._sums.get(part, (list(figures), torch.zeros_like(sums)))
        self._sums[part] = names, total + sums

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Tells the epoch's means after its last step."""
        if self.trainer.is_last_batch:
            self._tell("train")

    def on_validation_batch_end(
        self, outputs: Any, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """The same of the validation part."""
        if batch_idx + 1 == self.trainer.num_val_batches[dataloader_idx]:
            self._tell("val")

    def _tell(self, part: str) -> None:
        """Logs the means of a part over all processes."""
        names, total = self._sums.pop(part)
        if self._ranks > 1:  # Lightning would divide whole numbers of samples by processes
            torch.distributed.all_reduce(total)
        means = total[:-1] / total[-1].clamp_min(1)
        told = {f"{part}/{name}": mean for name, mean in zip(names, means, strict=True)}
        self.log_dict(told, on_step=False, on_epoch=True, batch_size=1)

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


class ClassifyTask(Task):
    """Cross-entropy on the class; accuracy and macro-F1 on the validation part.

    What a recipe adds (mixed samples, smoothed labels, weights of classes) is for learning only:
    validation figures are plain, so that runs compare.
    """

    def __init__(
        self,
        model: SeedClassifier,
        options: FinetuneOptions,
        engine: Engine | None = None,
        *,
        counts: Sequence[int] | None = None,
        sample_weights: Tensor | None = None,
    ) -> None:
        """Prepares the task.

        Args:
            model: What learns.
            options: Of the run.
            engine: What computes the steps.
            counts: Training samples of each class; needed for `class_weights`.
            sample_weights: [N] what each sample of the data set counts; None: all alike.
        """
        super().__init__(model, options, engine)
        self.depth = model.config.model.depth
        weights = class_weights(options.class_weights, counts or ())
        self.register_buffer("class_weights", weights, persistent=False)
        self.class_weights: Tensor | None
        self.register_buffer("sample_weights", sample_weights, persistent=False)
        self.sample_weights: Tensor | None
        self.classes = len(model.config.classes)
        self.accuracy = MulticlassAccuracy(self.classes, average="micro")
        self.macro_f1 = MulticlassF1Score(self.classes, average="macro")

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy of one step."""
        lesson = draw_lesson(
            batch,
            self.options,
            depth=self.depth,
            epoch=self.current_epoch,
            number=batch_idx,
            ranks=self._ranks,
        )
        figures, _ = self.engine.means(self._learn, lesson, weight=self._weight(batch))
        self._add("train", figures, batch)
        return self._finite(figures["loss"])

    def _learn(self, work: SeedClassifier, part: Lesson) -> Found:
        label, mix = part.batch.label, part.mix
        assert label is not None
        logits = dropping(work, part.keep)(*part.images(), part.sensor.bands).float()
        found = logits.argmax(dim=1)
        loss, hits = self._errors(logits, part.batch), found.eq(label).float()
        if mix is None:
            return Found({"loss": loss.mean(), "accuracy": hits.mean()}, logits.detach())
        other = mix.partner.label
        assert other is not None
        figures = {
            "loss": mix.of(loss, self._errors(logits, mix.partner)),
            "accuracy": mix.of(hits, found.eq(other).float()),
        }
        return Found(figures, logits.detach())

    def _errors(self, logits: Tensor, of: Batch) -> Tensor:
        """Cross-entropy with the labels of samples [B], smoothed and weighted."""
        assert of.label is not None
        errors = nn.functional.cross_entropy(
            logits, of.label, reduction="none", label_smoothing=self.options.label_smoothing
        )
        if self.sample_weights is not None:
            errors = errors * self.sample_weights[of.index]
        return errors if self.class_weights is None else errors * self.class_weights[of.label]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss, accuracy and macro-F1 on unseen samples; of any sensor, over a few of them."""
        losses = []
        label = batch.label
        for sensor in self._cameras(batch):
            figures, logits = self._figures(batch, sensor)
            if self._counted(batch) and label is not None:
                self.accuracy.update(logits, label)
                self.macro_f1.update(logits, label)
            losses.append(figures["loss"])
        loss = torch.stack(losses).mean()
        self._add("val", {"loss": loss}, batch)
        self.log("val/accuracy", self.accuracy, on_epoch=True, batch_size=len(batch))
        self.log("val/macro_f1", self.macro_f1, on_epoch=True, batch_size=len(batch))

    def _cameras(self, batch: Batch) -> Sequence[Sensor]:
        """What is validated: the one sensor, or for a model of any sensor some of them."""
        if not self.options.any_sensor:
            return (WHOLE,)
        assert batch.hs is not None, "any sensor is learned from data with spectra"
        return [sensor.to(batch.index.device) for sensor in usual_sensors(batch.hs.shape[1])]

    def _figures(self, batch: Batch, sensor: Sensor = WHOLE) -> tuple[Figures, Tensor]:
        """Means over the batch, and logits [B, classes]."""
        lesson = Lesson(batch, sensor=sensor)
        figures, logits = self.engine.means(self._losses, lesson, weight=self._weight(batch))
        assert logits is not None
        return figures, logits

    def _losses(self, work: SeedClassifier, part: Lesson) -> Found:
        label = part.batch.label
        assert label is not None
        logits = work(*part.images(), part.sensor.bands).float()
        loss = nn.functional.cross_entropy(logits, label)
        hits = logits.argmax(dim=1).eq(label).float().mean()
        return Found({"loss": loss, "accuracy": hits}, logits.detach())


def weights_of_classes(
    kind: ClassWeights, classes: Sequence[str], labels: Iterable[str | None]
) -> list[float] | None:
    """`class_weights` of classes by the labels that are learned from; None: all count alike."""
    counts = Counter(labels)
    found = class_weights(kind, [counts[name] for name in classes])
    return None if found is None else found.tolist()


def class_weights(kind: ClassWeights, counts: Sequence[int]) -> Tensor | None:
    """What a sample of each class counts; 1 on average over the training samples.

    Args:
        kind: `balanced`: classes count the same; `sqrt`: half-way there; `none`.
        counts: Training samples of each class. A class without any counts 0.

    Returns:
        [classes] float32, or None for `none`.
    """
    if kind == "none":
        return None
    samples = torch.tensor(counts, dtype=torch.float64)
    weights = samples.pow(-1 if kind == "balanced" else -0.5).masked_fill(samples == 0, 0)
    return (weights * samples.sum() / (weights * samples).sum()).float()
