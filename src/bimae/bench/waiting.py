"""How long a training run waits for its data: between the end of a batch and the next one's start.

That span holds reading and moving the batch, and what Lightning does by itself; so the share is an
upper bound. The first batch of an epoch, before which an epoch is ended and begun, is not counted.
"""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import lightning.pytorch as pl
import torch

from bimae.bench import steps
from bimae.bench.timing import Timing


class WaitingClock(pl.Callback):
    """Collects how long was waited before each batch, and how long it then took."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.steps: list[float] = []
        self._mark: float | None = None  # when the batch before ended; None at an epoch's start

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The batch that comes now has none before it."""
        self._mark = None

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Ends the wait."""
        now = time.perf_counter()
        self._waited = None if self._mark is None else now - self._mark
        self._begun = now

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Begins the next wait."""
        if pl_module.device.type == "cuda":  # what was ordered is not done yet
            torch.cuda.synchronize()
        self._mark = time.perf_counter()
        if self._waited is not None:
            self.waits.append(self._waited)
            self.steps.append(self._mark - self._begun)

    @property
    def share(self) -> float:
        """Of the time of waits and steps together, that of the waits.

        Raises:
            ValueError: No epoch had two batches.
        """
        if not self.waits:
            raise ValueError("no epoch had two batches")
        return sum(self.waits) / (sum(self.waits) + sum(self.steps))


def measure_waiting(
    data: Path, *, model_name: str, batch_size: int, epochs: int, resident: bool
) -> dict[str, Any]:
    """The share of waiting in a short pretraining run.

    Args:
        data: TFRecords.
        model_name: A preset.
        batch_size: Samples per step; the training part must hold two such batches.
        epochs: Times that every sample is seen.
        resident: Whether samples may be held in memory, as is the default.
    """
    clock = WaitingClock()
    with tempfile.TemporaryDirectory(prefix="bimae-bench-run-") as folder:
        precision = steps.pretraining_run(
            data,
            Path(folder) / "run",
            model_name=model_name,
            batch_size=batch_size,
            epochs=epochs,
            resident=resident,
            callback=clock,
        )
    facts = {
        "resident": "auto" if resident else "off",
        "model": model_name,
        "batch_size": batch_size,
        "precision": precision,
    }
    if not clock.waits:
        return facts | {"skipped": "the training part holds fewer than two batches"}
    return facts | {
        "waiting_share": clock.share,
        **Timing.of(clock.waits).as_row("wait"),
        "step_s_median": median(clock.steps),
    }
