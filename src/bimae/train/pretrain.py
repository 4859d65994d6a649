"""Pretraining, from options to a run folder."""

from dataclasses import dataclass

import torch

from bimae.data import SeedDataset, Split
from bimae.data.reading import Reading
from bimae.data.standard import measure_standard
from bimae.errors import DataError
from bimae.model import BiMAE
from bimae.train.pretraining import PretrainTask
from bimae.train.options import PretrainOptions
from bimae.train.precision import choose_precision
from bimae.train.prepare import engine_for, loaders_for, open_for, sizes_for, split_for
from bimae.train.processes import Processes
from bimae.train.run_folder import RunFolder
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
    samples = open_for(options, None)
    folder = RunFolder.prepare(options, "pretrain", first=processes.first)
    resumed = options.resume is not None
    split = split_for(samples, options.seed, folder.split if resumed else None, resumed=resumed)
    if not split.train:
        raise DataError(f"{options.data}: no training samples; at least one is needed")
    config = sizes_for(
        options,
        samples,
        band_positions=options.band_positions,
        standard=measure_standard(samples, split.train) if options.scale == "standard" else None,
        hs_mask_ratio=options.hs_mask_ratio,
        rgb_mask_ratio=options.rgb_mask_ratio,
        hs_target_ratio=options.hs_target_ratio,
        rgb_target_ratio=options.rgb_target_ratio,
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
        title="pretraining",
    )
    model.trunk.encoder.checkpointed = options.checkpoint_activations
    task = PretrainTask(model, options, engine_for(options, model, precision, len(split.train)))
    if processes.first:
        folder.begin(options, "pretrain", samples, split, precision=precision)
    fit(trainer, task, loaders, folder, resume=resumed)
    model = model.cpu().eval()
    if processes.first:
        model.save_pretrained(folder.model)
    return PretrainRun(folder, model, samples, split)
