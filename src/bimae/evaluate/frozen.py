"""What a frozen encoder says about samples: its output, averaged over tokens.

Shapes: N samples, D features.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from bimae.data import SeedDataset, Split
from bimae.data.batch import Batch
from bimae.data.loading import check_labels, seed_loader
from bimae.data.reading import ALONE, Reading
from bimae.data.splits import PARTS
from bimae.errors import ConfigError, DataError, ModelError
from bimae.evaluate.looks import Looks
from bimae.evaluate.sensor import check_sensor
from bimae.model import BiMAE, Modality, SeedClassifier
from bimae.model.trunk import Bands
from bimae.spectra import Channels

Pooling = Literal["mean", "raw_mean", "views"]
Watch = Callable[[Iterable[Batch]], Iterable[Batch]]


@dataclass(frozen=True)
class Part:
    """Features of a part of a data set.

    Attributes:
        keys: Name of each of the N samples.
        features: [N, D].
        truth: [N] class numbers.
        groups: Group of each sample, or None.
    """

    keys: list[str]
    features: NDArray[np.float64]
    truth: NDArray[np.int64]
    groups: list[str | None]

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, rows: NDArray[np.int64]) -> "Part":
        """Some of the samples."""
        return Part(
            [self.keys[i] for i in rows],
            self.features[rows],
            self.truth[rows],
            [self.groups[i] for i in rows],
        )


@dataclass(frozen=True)
class Parts:
    """Features of a split, of one model.

    Attributes:
        classes: Class names of the data set; a class number is its place here.
        train: What a probe learns from.
        val: What it chooses its setting by; may be empty.
        test: What it is judged on.
    """

    classes: tuple[str, ...]
    train: Part
    val: Part
    test: Part


def features(
    model: BiMAE | SeedClassifier,
    samples: SeedDataset,
    indices: Sequence[int],
    *,
    modality: Modality = "bimodal",
    bands: Channels | None = None,
    scale: Literal["before", "after"] | None = None,
    pool: Pooling = "mean",
    looks: Looks | None = None,
    batch_size: int = 64,
    watch: Watch = iter,
) -> NDArray[np.float64]:
    """What a frozen encoder says about samples, nothing hidden, nothing flipped.

    The model is moved to a GPU where there is one.

    Args:
        model: A pretrained model; or a classifier, which reads as its configuration says or as
            `looks` does: `modality`, `bands` and `scale` are then not looked at.
        samples: The data, with the model's sizes and bands.
        indices: Which of the samples, in this order.
        modality: Which views the encoder sees.
        bands: Which bands, or averages of bands, it sees; None: all.
        scale: Spectra are min-max scaled before the bands are picked, or after; None: as in
            pretraining.
        pool: `mean`, over all tokens; `raw_mean`, over all tokens as the last block leaves them,
            before the encoder's norm; or `views`, over those of each view, side by side.
        looks: What a classifier is shown (`look`, which turned it to the data); None: as in
            training.
        batch_size: Samples at a time.
        watch: What batches pass through on their way, such as a progress bar.

    Returns:
        [N, width], spectral features first in [N, 2 * width] for `views`.

    Raises:
        ConfigError: `views` are asked for where one view is seen, or a single band is to be
            scaled over itself.
        ModelError: Sizes or bands are not the model's, or a feature is not finite.
    """
    reading, rows = _reading(model, modality, bands, scale, looks)
    if pool == "views" and reading.modality != "bimodal":
        raise ConfigError(
            f"pool is 'views', but the encoder sees one view only ({reading.modality}); use pool "
            "mean"
        )
    config = model.config.model if isinstance(model, SeedClassifier) else model.config
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()
    found = [np.empty((0, config.width * (2 if pool == "views" else 1)))]
    if len(indices):
        loader = seed_loader(samples, indices, reading, batch_size=batch_size)
        with torch.inference_mode():
            for batch in watch(loader):
                hs, rgb = batch.to(device).images()
                tokens = model.trunk.encoder(
                    model.tokens(hs, rgb, rows), normed=pool != "raw_mean"
                )  # [B, n + tiles, D]
                views = [tokens]
                if pool == "views":
                    views = [tokens[:, : -config.tiles], tokens[:, -config.tiles :]]
                means = torch.cat([view.double().mean(dim=1) for view in views], dim=1)
                found.append(means.cpu().numpy())
    table = np.concatenate(found)
    wrong = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if wrong.size:
        raise ModelError(
            f"{samples.where(indices[wrong[0]])}: the model makes features of it that are not "
            f"finite (so for {wrong.size} of {len(table)} samples); use other weights"
        )
    return table


def own_pool(model: BiMAE | SeedClassifier) -> Pooling:
    """How a model is pooled unless somebody asks: `raw_mean` where a classifier's head sees it."""
    raw = isinstance(model, SeedClassifier) and model.config.pool == "raw_mean"
    return "raw_mean" if raw else "mean"


def fresh_like(model: BiMAE | SeedClassifier, seed: int) -> BiMAE | SeedClassifier:
    """The same model with random weights: the control of what pretraining is worth.

    It knows the sensor that the model was turned to, but no filters: `look` has to say them anew.
    """
    generator = torch.Generator().manual_seed(seed)
    if isinstance(model, BiMAE):
        return BiMAE(model.config, generator=generator)
    return SeedClassifier(model.config, generator=generator)


def look_at_sensor(model: BiMAE | SeedClassifier, samples: SeedDataset, name: str) -> None:
    """Turns a model to the sensor of the data, or refuses data of another than its own.

    A pretrained model that knows bands by their wavelengths takes any sensor.

    Args:
        model: Which sees spectra.
        samples: The data.
        name: What the model is called in the message.

    Raises:
        ModelError: Another number of bands, or a band that lies elsewhere.
        ConfigError: Wavelengths are needed, and those of the data are unknown.
    """
    if isinstance(model, BiMAE) and model.config.band_positions == "wavelength":
        model.look_at(samples.wavelengths_nm, samples.info.fwhm_nm)
        return
    known = model.config.wavelengths_nm if isinstance(model, SeedClassifier) else None
    bands = (model.config.model if isinstance(model, SeedClassifier) else model.config).bands
    check_sensor(samples, bands, known, f"the model {name}")


def check_parts(samples: SeedDataset, split: Split) -> None:
    """Refuses a split that no probe can learn from or be judged on.

    Raises:
        DataError: The train or the test part is empty, a label is missing, or there is one class.
    """
    empty = [part for part in ("train", "test") if not getattr(split, part)]
    if empty:
        raise DataError(
            f"{samples.root}: the {' and the '.join(empty)} part is empty ({split.how}); a probe "
            "needs samples to learn from and samples to be tested on: add samples, or split again "
            "(bimae data split)"
        )
    check_labels(samples, [i for part in PARTS for i in getattr(split, part)], samples.classes)
    if len(samples.classes) < 2:
        raise DataError(
            f"{samples.root}: all samples are {samples.classes[0]!r}; a probe needs at least two "
            "classes"
        )


def parts_of(
    model: BiMAE | SeedClassifier, samples: SeedDataset, split: Split, **how: Any
) -> Parts:
    """Features of every sample of a split.

    Args:
        model: Whose encoder is probed.
        samples: The data.
        split: Its parts; of few-shot training, the few are its train part.
        **how: Options of `features`.

    Raises:
        DataError: As `check_parts`.
        BimaeError: As `features`.
    """
    check_parts(samples, split)
    used = [i for part in PARTS for i in getattr(split, part)]
    table = features(model, samples, used, **how)
    ends = np.cumsum([len(getattr(split, part)) for part in PARTS])[:-1]
    number_of = {name: number for number, name in enumerate(samples.classes)}
    train, val, test = (
        Part(
            [samples.keys[i] for i in getattr(split, part)],
            rows,
            np.array([number_of[str(samples.labels[i])] for i in getattr(split, part)], np.int64),
            [samples.groups[i] for i in getattr(split, part)],
        )
        for part, rows in zip(PARTS, np.split(table, ends), strict=True)
    )
    return Parts(tuple(samples.classes), train, val, test)


def _reading(
    model: BiMAE | SeedClassifier,
    modality: Modality,
    bands: Channels | None,
    scale: Literal["before", "after"] | None,
    looks: Looks | None,
) -> tuple[Reading, Bands]:
    """How samples are read, and the rows of the spectral positions; None: the model's own."""
    if looks is not None:
        return looks.reading, looks.rows
    if isinstance(model, SeedClassifier):
        return Reading.of(model.config, labels=False), None
    reading = replace(Reading.whole(model.config), modality=modality)
    if scale is not None:
        reading = replace(reading, scale=scale, standard=None, log_floor=None, within=None)
    if bands is None or modality == "rgb":
        return reading, None
    if reading.scale in ALONE and len(bands) == 1:
        raise ConfigError(
            f"scale is {reading.scale!r}, but a single band is seen ({bands.bands[0]}), and scaled "
            "over itself it is the same everywhere; use scale 'before', or more bands"
        )
    return replace(reading, bands=bands.bands, weights=bands.weights), bands.bands
