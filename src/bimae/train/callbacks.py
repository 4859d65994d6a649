"""What is told and written while a run goes on: one bar for the whole run, one row per epoch."""

import sys
import time
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from tqdm import tqdm

from bimae.train.run_folder import RunFolder, read_rows, write_rows


class MetricsTable(pl.Callback):
    """Writes `metrics.csv`: epoch, step, learning rate, speed, and every logged figure."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.rows: list[dict[str, Any]] = []
        self.start = 0.0
        self.samples = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Takes over the rows of the epochs before a resume."""
        done = trainer.current_epoch
        self.rows = [r for r in read_rows(self.folder.metrics) if int(r["epoch"]) < done]

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the epoch's clock."""
        self.start, self.samples = time.perf_counter(), 0

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Counts samples; the clock stops with the last step, before validation."""
        self.samples += batch.share.whole if batch.share else len(batch)
        if trainer.is_last_batch and torch.cuda.is_available():
            torch.cuda.synchronize()  # steps are asked for long before they are done
        self.seconds = time.perf_counter() - self.start

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Adds the epoch's row and writes the file anew."""
        figures = {k.replace("/", "_"): float(v) for k, v in trainer.callback_metrics.items()}
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        self.rows.append(
            {
                "epoch": trainer.current_epoch,
                "step": trainer.global_step,
                "learning_rate": f"{rate:.6g}",
                "seconds": f"{self.seconds:.3f}",
                "samples_per_second": f"{self.samples / self.seconds:.1f}",
                **{name: f"{value:.6g}" for name, value in sorted(figures.items())},
            }
        )
        if trainer.is_global_zero:
            write_rows(self.folder.metrics, self.rows)


class LastCheckpoint(ModelCheckpoint):
    """Writes `last.ckpt` after an epoch, as often as costs next to nothing, and after the last.

    It holds the optimiser too, three times the weights; that can take longer than a short epoch.
    """

    SHARE = 0.02  # of the time of a run

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(
            folder.checkpoints,
            filename="last",
            every_n_epochs=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        self._due = 0.0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Writes it, if it is time."""
        start = time.perf_counter()
        due = trainer.strategy.broadcast(start >= self._due)  # all processes take part, or none
        if due or trainer.current_epoch + 1 == trainer.max_epochs:
            super().on_train_epoch_end(trainer, pl_module)
            end = time.perf_counter()
            self._due = end + (end - start) / self.SHARE


class RunBar(pl.Callback):
    """One progress bar over all steps of the run, with the newest figures behind it."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.bar: tqdm[Any] | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Opens the bar, at the step that a resumed run starts from."""
        # On a terminal often; in a log file a line now and then.
        often = sys.stderr.isatty()
        self.bar = tqdm(
            total=int(trainer.estimated_stepping_batches),
            initial=trainer.global_step,
            desc=self.title,
            unit="step",
            mininterval=0.2 if often else 20,
            dynamic_ncols=often,
            disable=not trainer.is_global_zero,
        )

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Moves the bar."""
        if self.bar is not None:
            self.bar.update(trainer.global_step - self.bar.n)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Shows the epoch's figures."""
        if self.bar is not None:
            shown = ("train/loss", "val/loss", "val/macro_f1")
            figures = trainer.callback_metrics
            self.bar.set_postfix(
                {name: f"{float(figures[name]):.4f}" for name in shown if name in figures},
                refresh=False,
            )

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Closes the bar."""
        self._close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Closes the bar, so that the message starts on a line of its own."""
        self._close()

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
