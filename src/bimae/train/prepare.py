"""The data of a run: opened at the right size, and split as an earlier run split it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from torch.utils.data import DataLoader

from bimae.data import SeedDataset, Split, open_dataset, split_dataset
from bimae.data.batch import Batch
from bimae.data.info import check_has_spectra
from bimae.data.labels import with_label
from bimae.data.loading import check_labels, seed_loader
from bimae.data.reading import Reading, Standard, Within
from bimae.data.resident import Resident, fits, resident_bytes
from bimae.data.splits import PARTS, split_file
from bimae.errors import ConfigError, ModelError
from bimae.model import BiMAE, SeedClassifier
from bimae.model.config import BandPositions, BandTokens, ModelConfig, preset
from bimae.model.distillation import Student
from bimae.model.flops import classifying, pretraining
from bimae.spectra import band_shares
from bimae.train.engine import Engine
from bimae.train.options import Arithmetic, FinetuneOptions, RunOptions
from bimae.train.processes import Processes

PATCH_SIZE = 24  # the paper's
# Operations of a run that a GPU needs half a minute for: as long as compiling takes, and what it
# then saves (docs/performance.md).
WORTH_COMPILING = 3e15


def open_for(options: RunOptions, model: ModelConfig | None) -> SeedDataset:
    """Opens the data at the size that is asked for, or that a pretrained model needs.

    Raises:
        DataError: See `open_dataset`; or there are no spectra, which are to be learned from.
        ModelError: The data have other bands than the pretrained model.
    """
    hs_size: int | Literal["auto"] = model.hs_size if model else options.hs_size or "auto"
    rgb_size: int | Literal["auto"] = model.rgb_size if model else options.rgb_size or "auto"
    samples = open_dataset(options.data, hs_size=hs_size, rgb_size=rgb_size)
    if not isinstance(options, FinetuneOptions) or options.modality != "rgb":
        check_has_spectra(
            str(options.data), samples.info,
            "this learns from spectra; bimae finetune --modality rgb learns from RGB alone",
        )  # fmt: skip
    if model is not None:
        check_bands(samples, model, str(options.data))
    return samples


def check_bands(samples: SeedDataset, model: ModelConfig, name: str) -> None:
    """Refuses data of another sensor than the one that a pretrained model has positions for.

    Args:
        samples: The data.
        model: Of which one with positions by wavelength reads any sensor.
        name: What the message calls the data.

    Raises:
        ModelError: The data have other bands.
    """
    if samples.bands != model.bands and model.band_positions == "learned":
        raise ModelError(
            f"{name}: images have {samples.bands} bands, but the model has positions for "
            f"{model.bands}; use data of the same sensor, or pretrain on these (with "
            "band_positions wavelength one model reads any sensor)"
        )


def sizes_for(
    options: RunOptions,
    samples: SeedDataset,
    *,
    band_positions: BandPositions = "learned",
    band_tokens: BandTokens = "sum",
    standard: Standard | None = None,
    log_floor: float | None = None,
    within: Within | None = None,
    **masks: float,
) -> ModelConfig:
    """The preset at the sizes of the data.

    Args:
        options: Of the run.
        samples: Its data.
        band_positions: What tells bands apart.
        band_tokens: How a band's token is made.
        standard: Mean and deviation of each band, where spectra are to be brought to these.
        log_floor: Of the shapes of spectra; see `ModelConfig`.
        within: Likewise, where these are whitened.
        **masks: Ratios of the masks.

    Raises:
        ConfigError: The RGB images are no multiple of the patch size, or bands are to be told
            apart by wavelengths that are not known.
    """
    config = preset(
        options.model,
        bands=samples.bands,
        hs_size=samples.hs_size,
        rgb_size=samples.rgb_size,
        patch_size=options.patch_size or PATCH_SIZE,
        band_tokens=band_tokens,
        standard=standard,
        log_floor=log_floor,
        within=within,
        **masks,
    )
    if band_positions == "learned":
        return config
    nm = samples.wavelengths_nm
    if nm is None:
        raise ConfigError(
            f"{options.data}: band_positions is wavelength, but the wavelengths of these data are "
            "unknown; add wavelengths_nm to dataset.json, or take band_positions learned"
        )
    widths = samples.info.fwhm_nm or band_shares(nm)
    return replace(config, band_positions="wavelength", wavelengths_nm=nm, widths_nm=tuple(widths))


def split_for(
    samples: SeedDataset, seed: int, earlier: Path | None = None, *, resumed: bool = False
) -> Split:
    """The split of an earlier run on the same data, so that nothing it learned from is tested.

    Without one, that of the data set (`split_dataset`). Where the earlier run's differs from the
    `split.json` beside the data, its `how` says so.

    Args:
        samples: The data.
        seed: Seed of a new split.
        earlier: `split.json` of the run to follow, or None.
        resumed: Whether that is the run to go on with, which no other split will do for.

    Raises:
        DataError: A run is resumed with other data, or the `split.json` beside the data is to be
            followed and does not fit them.
    """
    if resumed and earlier is not None:
        return Split.load(earlier, samples)
    if earlier is not None and Split.matches(earlier, samples):
        return _told_apart(Split.load(earlier, samples), samples)
    return split_dataset(samples, seed=seed)


def _told_apart(split: Split, samples: SeedDataset) -> Split:
    """The split of an earlier run; its `how` tells if the data have been split otherwise since."""
    beside = split_file(samples)
    if not Split.matches(beside, samples):
        return split
    own = Split.load(beside, samples)
    theirs = {part: set(getattr(own, part)) for part in PARTS}
    # a fine-tuning leaves aside what has no label, which is no other way to split
    named = {part: set(with_label(getattr(own, part), samples.labels)) for part in PARTS}
    if {part: set(getattr(split, part)) for part in PARTS} in (theirs, named):
        return split
    note = "; as the run it starts from, not as split.json beside the data"
    return split if split.how.endswith(note) else replace(split, how=split.how + note)


def loaders_for(
    options: RunOptions,
    samples: SeedDataset,
    split: Split,
    reading: Reading,
    processes: Processes,
) -> "tuple[DataLoader[Batch], DataLoader[Batch]]":
    """Training batches, shuffled and flipped, and validation batches, in order as stored."""
    if reading.classes is not None:
        check_labels(samples, [*split.train, *split.val], reading.classes)
    resident = _resident(options, samples, [*split.train, *split.val], reading, processes)
    train, val = (
        seed_loader(
            samples,
            part,
            reading,
            batch_size=options.batch_size,
            training=training,
            seed=options.seed,
            workers=options.workers,
            rank=processes.rank,
            ranks=processes.count,
            resident=resident,
        )
        for part, training in ((split.train, True), (split.val, False))
    )
    return train, val


def _resident(
    options: RunOptions,
    samples: SeedDataset,
    used: Sequence[int],
    reading: Reading,
    processes: Processes,
) -> Resident | None:
    """The samples in the memory of the device that trains, where they are to be there."""
    if options.resident == "off":
        return None
    if options.resident == "on":
        return Resident(samples, used, reading, processes.device)
    # Several processes would hold them several times, and each reads a part only.
    if samples.shards_at_once or processes.count > 1:
        return None
    needed = resident_bytes(samples, len(used), reading)
    for device in (processes.device, torch.device("cpu")):
        if fits(needed, device):
            return Resident(samples, used, reading, device)
    return None


def engine_for(
    options: RunOptions,
    model: BiMAE | Student | SeedClassifier,
    precision: Arithmetic,
    samples: int,
) -> Engine:
    """What computes the steps of a run.

    Args:
        options: Of the run.
        model: What is trained.
        precision: `32` or `bf16-mixed`.
        samples: In an epoch.
    """
    on_gpu = torch.cuda.is_available()
    if isinstance(model, SeedClassifier):
        cost = classifying(model.config)
    else:
        cost = pretraining(model.config)
    long = cost.total * samples * options.epochs > WORTH_COMPILING
    return Engine(
        model,
        precision=precision,
        parts=options.accumulate,
        compiled=options.compile == "on" or (options.compile == "auto" and on_gpu and long),
        # whitening decomposes a small matrix, which a recording cannot hold
        recorded=options.compile != "off" and on_gpu and model.config.within is None,
        every=options.any_sensor,
        whole=options.strategy == "fsdp",
    )
