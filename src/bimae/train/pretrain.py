"""Pretraining, from options to a run folder."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from bimae.data import SeedDataset, Split
from bimae.data.reading import Reading
from bimae.data.similarity import alike_bands, band_correlation
from bimae.errors import ConfigError, DataError
from bimae.model import BiMAE, ModelConfig, model_folder
from bimae.train.distill_options import DistillOptions
from bimae.train.distillation import DistillTask, as_taught, student_config, student_of
from bimae.train.options import Arithmetic, PretrainOptions
from bimae.train.precision import choose_precision
from bimae.train.prepare import engine_for, loaders_for, open_for, sizes_for, split_for
from bimae.train.pretraining import PretrainTask
from bimae.train.processes import Processes
from bimae.train.run_folder import RunFolder
from bimae.train.scaling import reference_for
from bimae.train.trainer import fit, make_trainer


@dataclass(frozen=True)
class PretrainRun:
    """A finished pretraining.

    Attributes:
        folder: Where everything of it lies.
        model: The pretrained model, on the CPU.
        samples: Its data.
        split: Which samples were learned from.
    """

    folder: RunFolder
    model: BiMAE
    samples: SeedDataset
    split: Split


def pretrain(options: PretrainOptions) -> PretrainRun:
    """Pretrains a BiMAE on the training part of the data; labels are not read.

    Order of initialisation: fresh weights from the seed; over them, where a run is resumed, those
    of its last checkpoint, with the optimiser and the place in the schedule.

    Raises:
        BimaeError: Anything that the user has to change.
    """
    processes = Processes.of_environment()
    teacher = None
    if isinstance(options, DistillOptions):
        teacher = BiMAE.from_pretrained(options.teacher)
        options = as_taught(options, teacher.config)
    samples = open_for(options, teacher.config if teacher else None)
    if teacher and teacher.config.band_positions == "wavelength":
        teacher.look_at(samples.wavelengths_nm, samples.info.fwhm_nm)
    folder = RunFolder.prepare(options, verb_of(options), first=processes.first)
    resumed = options.resume is not None
    split = split_for(samples, options.seed, _earlier_split(options, folder), resumed=resumed)
    if not split.train:
        raise DataError(f"{options.data}: no training samples; at least one is needed")
    config = replace(
        _sizes(options, samples, split, teacher),
        hs_masking=options.hs_masking,
        hs_block=options.hs_block,
        hs_groups=_groups(options, samples, split) if options.hs_masking == "similarity" else None,
        normalised_patches=options.normalised_patches,
    )
    model = BiMAE(config, generator=torch.Generator().manual_seed(options.seed))

    precision = choose_precision(options.precision, config.width)
    loaders = loaders_for(options, samples, split, Reading.whole(config), processes)
    trainer = make_trainer(
        options,
        folder,
        precision=precision,
        processes=processes,
        monitor="val/loss" if split.val else None,
        mode="min",
        title="pretraining" if teacher is None else "distilling",
    )
    model.trunk.encoder.checkpointed = options.checkpoint_activations
    task = _task(options, model, teacher, precision, len(split.train))
    if processes.first:
        folder.begin(options, verb_of(options), samples, split, precision=precision)
    fit(trainer, task, loaders, folder, resume=resumed)
    model = model.cpu().eval()
    if processes.first:
        model.save_pretrained(folder.model)
    return PretrainRun(folder, model, samples, split)


def verb_of(options: PretrainOptions) -> Literal["pretrain", "distill"]:
    """Which verb these are the options of."""
    return "distill" if isinstance(options, DistillOptions) else "pretrain"


def _sizes(
    options: PretrainOptions, samples: SeedDataset, split: Split, teacher: BiMAE | None
) -> ModelConfig:
    """Sizes and mask ratios of the model, and how spectra are scaled."""
    if isinstance(options, DistillOptions) and teacher is not None:
        return student_config(options, teacher.config)
    return sizes_for(
        options,
        samples,
        band_positions=options.band_positions,
        band_tokens=options.band_tokens,
        **reference_for(options.scale, samples, split.train),
        hs_mask_ratio=options.hs_mask_ratio,
        rgb_mask_ratio=options.rgb_mask_ratio,
        hs_target_ratio=options.hs_target_ratio,
        rgb_target_ratio=options.rgb_target_ratio,
    )


def _task(
    options: PretrainOptions,
    model: BiMAE,
    teacher: BiMAE | None,
    precision: Arithmetic,
    count: int,
) -> PretrainTask:
    """What learns, from `count` samples an epoch."""
    if not isinstance(options, DistillOptions) or teacher is None:
        return PretrainTask(model, options, engine_for(options, model, precision, count))
    student = student_of(model, teacher.config, options.seed)
    engine = engine_for(options, student, precision, count)
    return DistillTask(student, teacher, options, engine)


def _earlier_split(options: PretrainOptions, folder: RunFolder) -> Path | None:
    """The split to follow: that of the run to resume, else that of the teacher."""
    if options.resume is not None:
        return folder.split
    if isinstance(options, DistillOptions):
        return model_folder(options.teacher).parent / folder.split.name
    return None


def _groups(options: PretrainOptions, samples: SeedDataset, split: Split) -> tuple[int, ...]:
    """The group of each band, for masking by similarity.

    Raises:
        ConfigError: Each band would be a group of its own.
        DataError: Too few samples to tell.
    """
    found = band_correlation(samples, split.train, scaled=options.scale == "before")
    groups = alike_bands(found, options.hs_similarity)
    if groups[-1] + 1 == len(groups):
        highest = max((float(value) for value in found.diagonal(1)), default=0.0)
        raise ConfigError(
            f"hs_similarity is {options.hs_similarity}, but no two neighbouring bands of "
            f"{options.data} correlate by so much (at most {highest:.3f}): each would be hidden by "
            "itself; lower hs_similarity, or take hs_masking random"
        )
    return groups
