"""Fine-tuning, from options to a run folder with a classifier."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bimae.data import SeedDataset, Split
from bimae.data.labels import labelled
from bimae.data.loading import check_labels
from bimae.data.reading import ALONE, Reading
from bimae.data.shots import few, without
from bimae.errors import ConfigError, DataError, ModelError
from bimae.model import BiMAE, ClassifierConfig, ModelConfig, SeedClassifier, model_folder
from bimae.spectra import BandSelection, Channels
from bimae.train.ema import Averaged
from bimae.train.modules import ClassifyTask
from bimae.train.options import FinetuneOptions
from bimae.train.precision import choose_precision
from bimae.train.prepare import engine_for, loaders_for, open_for, sizes_for, split_for
from bimae.train.processes import Processes
from bimae.train.run_folder import RunFolder
from bimae.train.scaling import among_for, reference_for, scale_of
from bimae.train.trainer import fit, make_trainer

FirstHead = Callable[[SeedClassifier, SeedDataset, Split], None]
Finish = Callable[[SeedClassifier, SeedDataset, Split], None]


@dataclass(frozen=True)
class FinetuneRun:
    """A finished fine-tuning.

    Attributes:
        folder: Where everything of it lies.
        model: The classifier of the best epoch, on the CPU.
        samples: Its data.
        split: Which samples it learned from, and which are left to test it.
        reads: What it looks at, for people: `RGB and 3 filters (490, 560, 668 nm)`.
    """

    folder: RunFolder
    model: SeedClassifier
    samples: SeedDataset
    split: Split
    reads: str


def finetune(
    options: FinetuneOptions, first_head: FirstHead | None = None, finish: Finish | None = None
) -> FinetuneRun:
    """Trains a classifier on the training part of the data.

    Order of initialisation: fresh weights from the seed; over them the tokenizers and the encoder
    of `weights` where given; then `first_head`; over all, where a run is resumed, its last
    checkpoint.

    Args:
        options: Of the run.
        first_head: Gives the classifier the head that it starts with, from the data and their
            split; None: it keeps its fresh one. Without epochs it is all that is learned.
        finish: Is given the trained classifier before it is saved, such as to add what needs no
            training.

    Raises:
        BimaeError: Anything that the user has to change.
    """
    processes = Processes.of_environment()
    pretrained = BiMAE.from_pretrained(options.weights) if options.weights else None
    if pretrained:
        options = sized_as(options, pretrained.config)
    samples = open_for(options, pretrained.config if pretrained else None)
    folder = RunFolder.prepare(options, "finetune", first=processes.first)
    earlier = _earlier_split(options, folder)
    split = split_for(samples, options.seed, earlier, resumed=options.resume is not None)
    if options.resume is None:  # the run to resume has reduced it already
        split = _reduced(options, samples, split)
    model = fresh_classifier(options, samples, split, pretrained)
    if first_head is not None and options.resume is None:
        first_head(model, samples, split)
    if options.epochs:
        learn(options, samples, split, model, folder, processes=processes)
    elif processes.first:
        folder.begin(options, "finetune", samples, split, precision="32")
    if processes.first:
        if finish is not None:
            finish(model, samples, split)
        model.save_pretrained(folder.model)
    bands = BandSelection(options.bands).describe(samples.bands, samples.wavelengths_nm)
    return FinetuneRun(folder, model, samples, split, _looks_at(model.config, bands))


def learn(
    options: FinetuneOptions,
    samples: SeedDataset,
    split: Split,
    model: SeedClassifier,
    folder: RunFolder,
    *,
    processes: Processes,
    sample_weights: Tensor | None = None,
    bar: bool = True,
) -> None:
    """Trains a classifier; it ends with the weights of its best epoch, on the CPU.

    Args:
        options: Of the run.
        samples: The data.
        split: What is learned from, and by what the best epoch is chosen.
        model: The classifier as it starts.
        folder: Where the run is written down.
        processes: Which processes train together.
        sample_weights: [N] what each sample of the data counts in the loss; None: all alike, or as
            `class_weights` says.
        bar: Whether a progress bar is shown.

    Raises:
        BimaeError: Anything that the user has to change.
    """
    model.trunk.requires_grad_(not options.freeze_encoder)
    config = model.config
    precision = choose_precision(options.precision, config.model.width)
    loaders = loaders_for(options, samples, split, Reading.of(config), processes)
    model.trunk.encoder.checkpointed = options.checkpoint_activations
    engine = engine_for(options, model, precision, len(split.train))
    counts = Counter(samples.labels[i] for i in split.train)
    task = ClassifyTask(
        model,
        options,
        engine,
        counts=[counts[name] for name in config.classes],
        sample_weights=sample_weights,
    )
    averaged = Averaged(model, options.ema) if options.ema else None
    trainer = make_trainer(
        options,
        folder,
        precision=precision,
        processes=processes,
        monitor=f"val/{options.monitor}" if split.val else None,
        mode="min" if options.monitor == "loss" else "max",
        title=f"fine-tuning ({_looks_at(config, Channels(config.bands, config.band_weights))})",
        clip=options.clip_gradients,
        averaged=averaged,
        bar=bar,
    )
    if processes.first:
        folder.begin(options, "finetune", samples, split, precision=precision)
    fit(trainer, task, loaders, folder, resume=options.resume is not None)
    if folder.best.is_file():
        best = torch.load(folder.best, map_location="cpu", weights_only=True)
        task.load_state_dict(best["state_dict"])
    elif averaged is not None:
        averaged.lend()
    model.cpu().eval()
    model.requires_grad_(True)


def _reduced(options: FinetuneOptions, samples: SeedDataset, split: Split) -> Split:
    """The split of what has a label, without classes left out, of as few shots as asked for."""
    split = labelled(split, samples)
    if options.leave_out:
        split = without(split, samples.labels, options.leave_out)
    if options.shots == "all":
        return split
    return few(split, samples.labels, options.shots, options.seed)


def _classes(options: FinetuneOptions, samples: SeedDataset) -> tuple[str, ...]:
    """The classes that are learned."""
    return tuple(name for name in samples.classes if name not in options.leave_out)


def fresh_classifier(
    options: FinetuneOptions,
    samples: SeedDataset,
    split: Split,
    pretrained: BiMAE | None,
    sizes: Mapping[str, int] | None = None,
) -> SeedClassifier:
    """A classifier for the classes of the data, over the pretrained trunk where there is one.

    Args:
        options: Of the run.
        samples: The data.
        split: Its parts; a standard of spectra is measured on the training part.
        pretrained: Whose trunk is taken over; None: fresh weights.
        sizes: Other sizes of the encoder than the preset's, where nothing is pretrained, by their
            names in `ModelConfig`.

    Raises:
        DataError: A label is missing, or there are fewer than two classes.
        ConfigError: The options do not go with these data.
    """
    if not split.train:
        raise DataError(f"{options.data}: no training samples; at least one per class is needed")
    used = [*split.train, *split.val, *split.test]
    classes = _classes(options, samples)
    check_labels(samples, used, classes)
    if len(classes) < 2:
        raise DataError(
            f"{options.data}: all {len(samples)} samples are {classes[0]!r}; a classifier "
            "needs at least two classes"
        )
    channels = BandSelection(options.bands).channels(samples.bands, samples.wavelengths_nm)
    reads_bands = options.modality != "rgb"
    model = _sizes(options, samples, split, pretrained, sizes)
    scale = (options.scale if reads_bands else None) or scale_of(model)
    if options.any_sensor and scale == "before":
        scale = "after"
    if options.complete_bands and scale != "whitened":
        raise ConfigError(
            f"complete_bands is for scale whitened, and the weights have scale {scale!r}; leave "
            "it out, or say scale whitened too"
        )
    if reads_bands and scale in ALONE and len(channels) == 1:
        raise ConfigError(
            f"scale is {scale!r}, but bands {options.bands!r} is a single one here, and scaled "
            "over itself it is the same everywhere; use scale 'before', or more bands"
        )
    config = ClassifierConfig(
        model=model,
        classes=classes,
        modality=options.modality,
        bands=channels.bands if reads_bands else (),
        pool=options.pool,
        scale=scale,
        wavelengths_nm=samples.wavelengths_nm,
        band_weights=channels.weights if reads_bands else None,
        any_sensor=options.any_sensor,
        among=among_for(model, samples, split.train) if options.complete_bands else None,
    )
    if (
        options.discriminant
    ):  # put there at the end: what it would refuse is refused before training
        replace(config, discriminant=True)
        if len({samples.labels[i] for i in split.train}) < 2:
            raise DataError(
                f"{options.data}: the training part has one class only, and a discriminant needs "
                "two; split the data again, or leave out --discriminant"
            )
    classifier = SeedClassifier(config, generator=torch.Generator().manual_seed(options.seed))
    if pretrained:
        classifier.load_trunk(pretrained)
    return classifier


def _sizes(
    options: FinetuneOptions,
    samples: SeedDataset,
    split: Split,
    pretrained: BiMAE | None,
    sizes: Mapping[str, int] | None,
) -> ModelConfig:
    """Sizes of the encoder on the sensor of the data, and the standard of spectra if any.

    Where no bands are read, neither their wavelengths nor their scale are asked for.
    """
    reads_bands = options.modality != "rgb"
    if pretrained is None:
        model = sizes_for(
            options,
            samples,
            band_positions=options.band_positions if reads_bands else "learned",
            band_tokens=options.band_tokens,
        )
        if sizes:
            model = replace(model, **dict[str, Any](sizes, name="of other sizes"))
    elif pretrained.config.band_positions == "wavelength":
        model = pretrained.config.on(samples.wavelengths_nm, samples.info.fwhm_nm)
    else:
        model = pretrained.config
    scale = options.scale
    if not reads_bands or scale is None or scale == scale_of(model):
        return model
    return replace(model, **reference_for(scale, samples, split.train))


def _looks_at(config: ClassifierConfig, bands: Channels | str) -> str:
    views = {"bimodal": f"RGB and {bands}", "hs": str(bands), "rgb": "RGB"}
    return views[config.modality]


def sized_as(options: FinetuneOptions, weights: ModelConfig) -> FinetuneOptions:
    """Options with the sizes of the weights, so that `config.yaml` says what was trained.

    Raises:
        ModelError: Another image size is asked for than the weights were made for.
    """
    found = [
        f"{name} {asked} is asked for, but {options.weights} was pretrained with {made}; "
        f"leave out {name}, or pretrain anew"
        for name, asked, made in (
            ("hs_size", options.hs_size, weights.hs_size),
            ("rgb_size", options.rgb_size, weights.rgb_size),
            ("patch_size", options.patch_size, weights.patch_size),
        )
        if asked not in (None, made)
    ]
    if found:
        raise ModelError("\n".join(found))
    return replace(options, model=weights.name, patch_size=weights.patch_size)


def _earlier_split(options: FinetuneOptions, folder: RunFolder) -> Path | None:
    """The split to follow: that of the run to resume, else that of the pretraining run."""
    if options.resume:
        return folder.split
    if options.weights:
        return model_folder(options.weights).parent / folder.split.name
    return None
