"""Training steps, their batches and a short run as tasks: all that this room takes from `train`.

Shapes: B batch, C bands, S side of a spectral image, H side of the RGB image.
"""

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Literal

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor

from bimae.bench.options import READS, Reads
from bimae.data import SeedDataset
from bimae.data.batch import Batch
from bimae.data.loading import seed_loader
from bimae.data.reading import Reading
from bimae.data.resident import Resident
from bimae.model import BiMAE, ClassifierConfig, ModelConfig, SeedClassifier, preset
from bimae.train.modules import ClassifyTask
from bimae.train.optimiser import adamw
from bimae.train.options import Arithmetic, FinetuneOptions, PretrainOptions, RunOptions
from bimae.train.precision import choose_precision
from bimae.train.prepare import engine_for, loaders_for, open_for, sizes_for, split_for
from bimae.train.pretraining import PretrainTask
from bimae.train.processes import Processes
from bimae.train.run_folder import RunFolder
from bimae.train.trainer import fit, make_trainer

CPU = torch.device("cpu")
CLASSES = tuple(f"class {number:02}" for number in range(19))  # as the paper's data have
FIVE_BANDS = (30, 90, 150, 210, 270)
NO_DATA = Path("none")  # options ask for some
MANY_STEPS = 10**6  # the schedule of a run that no measurement reaches the end of


def pretraining_step(
    model_name: str, batch_size: int, precision: Arithmetic, *, device: torch.device = CPU
) -> Callable[[], None]:
    """One pretraining step: masks, what they keep scaled, forward, backward, AdamW, schedule.

    Args:
        model_name: A preset, with the sizes of the paper's data.
        batch_size: Samples in a step, the same random bytes each time.
        precision: `32` or `bf16-mixed`.
        device: Where; the batch lies there already.

    Returns:
        A task that does one step each time it is called.
    """
    config = preset(model_name)
    model = BiMAE(config).to(device)
    options = PretrainOptions(NO_DATA, compile=_compile(device))
    task = PretrainTask(model, options, engine_for(options, model, precision, 1))
    return _step(task, _batch(config, batch_size, config.bands).to(device))


def finetuning_step(
    model_name: str,
    reads: Reads,
    batch_size: int,
    precision: Arithmetic,
    *,
    device: torch.device = CPU,
) -> Callable[[], None]:
    """One fine-tuning step of a classifier of 19 classes; arguments as in `pretraining_step`.

    Args:
        model_name: A preset.
        reads: What the classifier looks at.
        batch_size: Samples in a step.
        precision: `32` or `bf16-mixed`.
        device: Where.
    """
    config = classifier(model_name, reads)
    model = SeedClassifier(config).to(device)
    options = FinetuneOptions(NO_DATA, compile=_compile(device))
    task = ClassifyTask(model, options, engine_for(options, model, precision, 1))
    batch = _batch(config.model, batch_size, len(config.bands), rgb=reads != "hs")
    return _step(task, batch.to(device))


def classifier(model_name: str, reads: Reads) -> ClassifierConfig:
    """The classifier that is fine-tuned; its operations are counted from this."""
    assert reads in READS
    config = preset(model_name)
    bands = {"bimodal-5": FIVE_BANDS, "rgb": ()}.get(reads, tuple(range(config.bands)))
    modality = "bimodal" if reads == "bimodal-5" else reads
    return ClassifierConfig(config, CLASSES, modality, bands)


def epoch_of_batches(
    samples: SeedDataset, indices: Sequence[int], batch_size: int, *, resident: bool = False
) -> Callable[[], None]:
    """All batches of an epoch of pretraining, ready to be computed with, and nothing else.

    Args:
        samples: The data set.
        indices: Which of its samples.
        batch_size: Samples per batch.
        resident: Whether the samples are in memory already, as they are stored.

    Returns:
        A task that shuffles, reads, turns and scales all of them each time it is called.
    """
    reading = Reading()
    held = Resident(samples, indices, reading) if resident else None
    loader = seed_loader(
        samples, indices, reading, batch_size=batch_size, training=True, resident=held
    )
    config = preset("mae_vit_tiny_patch24", bands=samples.bands)
    bands = min(config.bands, config.hs_counts.keep + config.hs_counts.targets)
    tiles = config.rgb_counts.keep + config.rgb_counts.targets
    source = torch.Generator().manual_seed(0)

    def ready(batch: Batch) -> None:
        """Scales and turns what the masks of a step would pick."""
        drawn = torch.rand(2, len(batch), max(config.bands, config.tiles), generator=source)
        batch.spectra(drawn[0, :, : config.bands].argsort(dim=1)[:, :bands])
        batch.tiles(drawn[1, :, : config.tiles].argsort(dim=1)[:, :tiles], config.patch_size)

    def epoch() -> None:
        for batch in loader:
            ready(batch)

    return epoch


def pretraining_run(
    data: Path,
    out: Path,
    *,
    model_name: str,
    batch_size: int,
    epochs: int,
    resident: bool,
    callback: pl.Callback,
) -> Arithmetic:
    """A pretraining run as `bimae pretrain` does it, with a callback of ours besides.

    Args:
        data: TFRecords.
        out: Run folder to make.
        model_name: A preset.
        batch_size: Samples per step.
        epochs: Times that every sample is seen.
        resident: Whether samples may be held in memory, as is the default.
        callback: Is told of every batch.

    Returns:
        The precision that was trained in: the faster one here.
    """
    options = PretrainOptions(
        data=data,
        out=out,
        model=model_name,
        batch_size=batch_size,
        epochs=epochs,
        logger="none",
        resident="auto" if resident else "off",
    )
    processes = Processes()
    samples = open_for(options, None)
    config = sizes_for(options, samples)
    split = split_for(samples, options.seed)
    folder = RunFolder.prepare(options, "pretrain")
    precision = choose_precision("auto", config.width)
    loaders = loaders_for(options, samples, split, Reading(), processes)
    trainer = make_trainer(
        options,
        folder,
        precision=precision,
        processes=processes,
        monitor=None,
        mode="min",
        title="a short run",
    )
    trainer.callbacks.append(callback)  # type: ignore[attr-defined]
    folder.begin(options, "pretrain", samples, split, precision=precision)
    model = BiMAE(config)
    task = PretrainTask(model, options, engine_for(options, model, precision, len(split.train)))
    fit(trainer, task, loaders, folder, resume=False)
    return precision


def _step(task: PretrainTask | ClassifyTask, batch: Batch) -> Callable[[], None]:
    """What Lightning does with a batch, without Lightning."""
    options: RunOptions = task.options
    optimiser, schedule = adamw(
        task.model,
        steps=MANY_STEPS,
        peak=options.learning_rate,
        weight_decay=options.weight_decay,
        warmup=options.warmup,
        start=options.warmup_learning_rate,
        betas=task.betas,
    )
    numbers = count()

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        task.training_step(batch, next(numbers)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()

    return step


def _compile(device: torch.device) -> Literal["on", "off"]:
    return "on" if device.type == "cuda" else "off"  # a GPU beside it does not matter


def _batch(config: ModelConfig, batch_size: int, bands: int, *, rgb: bool = True) -> Batch:
    """Random images as they are stored: spectra [B, bands, S, S] and RGB [B, H, H, 3], uint8."""
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> Tensor:
        return torch.from_numpy(rng.integers(0, 256, (batch_size, *shape), np.uint8))

    hs = drawn(bands, config.hs_size, config.hs_size) if bands else None
    low = None if hs is None else hs.amin(dim=1, keepdim=True)
    span = None if hs is None or low is None else hs.amax(dim=1, keepdim=True).float() - low
    return Batch(
        index=torch.arange(batch_size),
        hs=hs,
        low=low,
        factor=None if span is None else 1 / span.clamp_min(1),
        rgb=drawn(config.rgb_size, config.rgb_size, 3) if rgb else None,
        turns=torch.from_numpy(rng.random((batch_size, 2)) < 0.5),
        label=torch.arange(batch_size) % len(CLASSES),
    )
