"""A Lightning trainer for the options of a run."""

import importlib.util
import logging
import os
import signal
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from torch.utils.data import DataLoader

from bimae.data.batch import Batch
from bimae.errors import ConfigError
from bimae.train.callbacks import LastCheckpoint, MetricsTable, RunBar
from bimae.train.ema import Averaged
from bimae.train.options import Arithmetic, RunOptions
from bimae.train.processes import Processes
from bimae.train.run_folder import RunFolder


def make_trainer(
    options: RunOptions,
    folder: RunFolder,
    *,
    precision: Arithmetic,
    processes: Processes,
    monitor: str | None,
    mode: str,
    title: str,
    clip: float = 0.0,
    averaged: Averaged | None = None,
    bar: bool = True,
) -> pl.Trainer:
    """A trainer that writes `metrics.csv` and the checkpoints `last` and `best`.

    Args:
        options: Options of the run.
        folder: Its folder.
        precision: `32` or `bf16-mixed`.
        processes: Which processes train together.
        monitor: Figure that chooses `best`; None where there is no validation part.
        mode: `min` or `max`.
        title: What the progress bar is called.
        clip: Largest norm of a step's gradients; 0: any.
        averaged: Averaged weights, to be validated and kept as `best`.
        bar: Whether a progress bar is shown.
    """
    _quiet()
    callbacks: list[pl.Callback] = [MetricsTable(folder), LastCheckpoint(folder)]
    if bar:
        callbacks.append(RunBar(title))
    if averaged is not None:
        callbacks.append(averaged)
    if monitor is not None:
        best = ModelCheckpoint(
            folder.checkpoints,
            filename="best",
            monitor=monitor,
            mode=mode,
            save_weights_only=True,
            # before the weights take the place of their average again; None: Lightning's choice
            save_on_train_epoch_end=None if averaged is None else False,
            enable_version_counter=False,
        )
        callbacks.append(best)
    return pl.Trainer(
        accelerator="auto",
        devices=processes.count // processes.nodes,
        num_nodes=processes.nodes,
        strategy=_strategy(options, processes),
        use_distributed_sampler=False,  # our batches know their part of the step
        # the engine chooses what computes in bfloat16, except where weights are handed out
        precision=precision if options.strategy == "fsdp" else "32-true",
        max_epochs=options.epochs,
        gradient_clip_val=clip or None,
        logger=_logger(options, folder.path),
        callbacks=callbacks,
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_progress_bar=False,  # Lightning's starts anew every epoch; ours shows the run
        enable_model_summary=False,
        default_root_dir=folder.path,
    )


def fit(
    trainer: pl.Trainer,
    task: pl.LightningModule,
    loaders: "Sequence[DataLoader[Batch]]",
    folder: RunFolder,
    *,
    resume: bool,
) -> None:
    """Trains, from the run's last checkpoint on where it is resumed.

    Args:
        trainer: See `make_trainer`.
        task: What to train.
        loaders: Training and validation batches; no validation where that part is empty.
        folder: The run's folder.
        resume: Whether to go on from `folder.last`.

    Raises:
        KeyboardInterrupt: The user stopped the run; the message says how to go on.
    """
    on_interrupt = signal.getsignal(signal.SIGINT)
    train, val = loaders
    try:
        trainer.fit(
            task,
            train,
            val if len(val) else None,
            ckpt_path=folder.last if resume else None,
            weights_only=True,
        )
    except SystemExit as end:  # Lightning turns Ctrl-C into an exit with code 1
        if trainer.interrupted:
            go_on = (
                f"go on with --resume {folder.path}"
                if folder.last.is_file()
                else "no checkpoint was written yet"
            )
            raise KeyboardInterrupt(f"interrupted; {go_on}") from end
        raise
    finally:
        if threading.current_thread() is threading.main_thread():  # no other may ask for signals
            signal.signal(signal.SIGINT, on_interrupt)  # Lightning ignores further ones


def _strategy(options: RunOptions, processes: Processes) -> str:
    if options.strategy == "fsdp" and processes.device.type == "cpu":
        raise ConfigError("strategy fsdp shares weights out among GPUs; without one, use ddp")
    if options.strategy == "auto":
        return "ddp" if processes.count > 1 else "auto"
    return options.strategy


def _logger(options: RunOptions, path: Path) -> Logger | bool:
    if options.logger == "none":
        return False
    if options.logger == "tensorboard":
        return TensorBoardLogger(path, name="tensorboard", version="")
    if importlib.util.find_spec(options.logger) is None:
        raise ConfigError(
            f"logger {options.logger} needs a package that is not installed: "
            f"pip install 'bimae[{options.logger}]', or choose tensorboard"
        )
    named: dict[str, Any] = {"name": path.name, "save_dir": str(path)}
    if options.logger == "wandb":
        return WandbLogger(project="bimae", **named)
    # One database for all runs beside each other, or the server that the environment names.
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = f"sqlite:///{path.parent.resolve() / 'mlflow.db'}"
    return MLFlowLogger(
        experiment_name="bimae",
        run_name=path.name,
        tracking_uri=os.environ.get("MLFLOW_TRACKING_URI", beside),
    )


def _quiet() -> None:
    """Silences what Lightning tells everyone and what no user here can act on."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for text in (
        ".*does not have many workers.*",
        ".*Checkpoint directory .* exists and is not empty.*",
        ".*LeafSpec.*is deprecated.*",
        ".*logging on_epoch.*",
        ".*You defined a .validation_step. but have no.*",
    ):
        warnings.filterwarnings("ignore", message=text)
