"""Samples to batches of tensors, in a seeded order with seeded flips.

Shapes: B batch, n channels (picked bands, or averages of bands), S side of a spectral image,
H side of the RGB image.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from bimae.data.dataset import SeedDataset
from bimae.data.transforms import Mix, flip, scale_spectra
from bimae.errors import DataError
from bimae.spectra import BandWeights


@dataclass(frozen=True)
class Batch:
    """What a model reads; a view that is not looked at is None.

    Attributes:
        index: [B] place of each sample in its data set.
        hs: [B, n, S, S] float32, scaled to [0, 1] per pixel.
        rgb: [B, 3, H, H] float32 in [0, 1].
        label: [B] class numbers, or None where no classes were asked for.
    """

    index: Tensor
    hs: Tensor | None
    rgb: Tensor | None
    label: Tensor | None

    def __len__(self) -> int:
        return len(self.index)

    def to(self, device: torch.device, non_blocking: bool = False) -> "Batch":
        """The batch on another device; Lightning calls it."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "Batch":
        """The batch in page-locked memory, which a GPU can fetch by itself."""
        return self._map(Tensor.pin_memory)

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        views = (None if t is None else change(t) for t in (self.hs, self.rgb, self.label))
        return Batch(change(self.index), *views)


class Reader(Protocol):
    """What a model's configuration says about how it reads; a `ClassifierConfig` does."""

    @property
    def modality(self) -> Literal["bimodal", "hs", "rgb"]:
        """Which views it looks at."""

    @property
    def bands(self) -> tuple[int, ...]:
        """The band of each channel; empty where it reads no spectra."""

    @property
    def scale(self) -> Literal["before", "after"]:
        """Spectra are scaled before or after the bands are picked or averaged."""

    @property
    def band_weights(self) -> tuple[BandWeights, ...] | None:
        """What is averaged for each channel, or None where every one is a single band."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of their numbers."""


@dataclass(frozen=True)
class Reading:
    """How stored samples are read for one model.

    Attributes:
        modality: Which views are looked at.
        bands: The bands to pick, or None for all.
        scale: Min-max scaling `before` or `after` the bands are picked or averaged.
        classes: Class names in the order of their numbers; None: labels are not read.
        weights: Averages of bands to read in the place of single ones, (band, weight) pairs for
            each channel; None where every channel is one of `bands`.
    """

    modality: Literal["bimodal", "hs", "rgb"] = "bimodal"
    bands: tuple[int, ...] | None = None
    scale: Literal["before", "after"] = "before"
    classes: tuple[str, ...] | None = None
    weights: tuple[BandWeights, ...] | None = None

    @classmethod
    def of(cls, config: Reader, *, labels: bool = True) -> "Reading":
        """How a classifier reads; the one place that knows, so that none forgets its filters.

        Args:
            config: The classifier's configuration.
            labels: Whether labels are read too.
        """
        classes = config.classes if labels else None
        bands = config.bands or None
        return cls(config.modality, bands, config.scale, classes, config.band_weights)


@dataclass(frozen=True)
class Pick:
    """One sample to read, and how it is turned."""

    index: int
    rows: bool = False
    columns: bool = False


class SeedBatches(Dataset[Batch]):
    """Reads picks as whole batches; holds no randomness, so that workers need no state."""

    def __init__(self, samples: SeedDataset, reading: Reading) -> None:
        self.samples = samples
        self.reading = reading
        self.numbers = {name: i for i, name in enumerate(reading.classes or ())}
        self.mix = None if reading.weights is None else Mix.of(reading.weights)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, pick: Pick) -> Batch:
        return self.__getitems__([pick])

    def __getitems__(self, picks: list[Pick]) -> Batch:
        """Reads, flips and scales straight into the batch's memory, a sample at a time."""
        reading = self.reading
        hs: np.ndarray | None = None
        rgb: np.ndarray | None = None
        for i, pick in enumerate(picks):
            sample = self.samples[pick.index]
            if reading.modality != "rgb":
                if hs is None:
                    count = len(reading.weights or reading.bands or ()) or sample.hs.shape[2]
                    hs = np.empty((len(picks), count, *sample.hs.shape[:2]), np.float32)
                image = flip(sample.hs, pick.rows, pick.columns)
                scale_spectra(image, reading.bands, reading.scale, hs[i], mix=self.mix)
            if reading.modality != "hs":
                if rgb is None:
                    rgb = np.empty((len(picks), *sample.rgb.shape), np.float32)
                rgb[i] = flip(sample.rgb, pick.rows, pick.columns)
        return Batch(
            index=torch.tensor([pick.index for pick in picks]),
            hs=None if hs is None else torch.from_numpy(hs),
            # A view with channels first: RGB tiles are cut from the stored order without a copy.
            rgb=None if rgb is None else torch.from_numpy(rgb).permute(0, 3, 1, 2),
            label=self._labels(picks),
        )

    def _labels(self, picks: list[Pick]) -> Tensor | None:
        if self.reading.classes is None:
            return None
        return torch.tensor([self.numbers[str(self.samples.labels[p.index])] for p in picks])


class SeededPicks(Sampler[Pick]):
    """Every sample of a part of the data once per epoch; order and flips follow from the seed.

    Lightning calls `set_epoch`, so that a resumed run goes on as the whole one would have.
    """

    def __init__(self, indices: Sequence[int], *, shuffle: bool, flips: bool, seed: int) -> None:
        self.indices = np.asarray(indices, dtype=np.int64)
        self.shuffle, self.flips, self.seed = shuffle, flips, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.indices)

    def set_epoch(self, epoch: int) -> None:
        """Chooses which epoch's order comes next."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Pick]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(self.indices) if self.shuffle else self.indices
        turns = rng.random((len(order), 2)) < 0.5 if self.flips else np.zeros((len(order), 2), bool)
        for index, (rows, columns) in zip(order, turns, strict=True):
            yield Pick(int(index), bool(rows), bool(columns))


def seed_loader(
    samples: SeedDataset,
    indices: Sequence[int],
    reading: Reading,
    *,
    batch_size: int,
    training: bool = False,
    seed: int = 0,
    workers: int = 0,
) -> "DataLoader[Batch]":
    """Batches of a part of a data set.

    Args:
        samples: The data set.
        indices: Which of its samples.
        reading: How they are read.
        batch_size: Samples per batch; the last one may be smaller, and a batch larger than the
            part is one batch.
        training: Shuffled and flipped anew each epoch; else in order, as stored.
        seed: Seed of order and flips.
        workers: Processes that read ahead; 0 reads in this one.

    Raises:
        DataError: A sample that is asked for has no label, or a label that is no known class.
    """
    if reading.classes is not None:
        check_labels(samples, indices, reading.classes)
    return DataLoader(
        SeedBatches(samples, reading),
        batch_size=batch_size,
        sampler=SeededPicks(indices, shuffle=training, flips=training, seed=seed),
        num_workers=workers,
        persistent_workers=workers > 0,
        collate_fn=_as_it_is,
        pin_memory=torch.cuda.is_available(),
    )


def check_labels(samples: SeedDataset, indices: Sequence[int], classes: Sequence[str]) -> None:
    """Refuses a part of a data set in which a label is missing or unknown.

    Raises:
        DataError: Naming the first such sample, and how many there are.
    """
    known = set(classes)
    missing = [i for i in indices if samples.labels[i] is None]
    if missing:
        raise DataError(
            f"{samples.where(missing[0])}: no label, but a class is needed here (so for "
            f"{len(missing)} of {len(indices)} samples); add the feature `label`, or use the data "
            "for pretraining only"
        )
    unknown = [i for i in indices if samples.labels[i] not in known]
    if unknown:
        raise DataError(
            f"{samples.where(unknown[0])}: label {samples.labels[unknown[0]]!r} is none of the "
            f"{len(classes)} known classes ({', '.join(classes[:5])}{', ...' * (len(classes) > 5)})"
            f"; so for {len(unknown)} of {len(indices)} samples"
        )


def _as_it_is(batch: Any) -> Any:
    return batch  # `__getitems__` has put it together already
