"""Batches in a seeded order with seeded flips; shared out where several processes train.

What a batch holds: `batch.py`; how samples are read: `reading.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from bimae.data.batch import Batch, Share
from bimae.data.dataset import SeedDataset
from bimae.data.reading import Reading
from bimae.data.resident import Resident, sent
from bimae.data.stacking import read_batch
from bimae.data.transforms import Mix
from bimae.errors import DataError

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Picks:
    """The samples of a batch, how each is turned, and which part of a step they are.

    Attributes:
        indices: [B] numbers of samples.
        turns: [B, 2] whether each is turned upside down, and left to right; None: none is.
        share: See `Share`.
    """

    indices: NDArray[np.int64]
    turns: NDArray[np.bool_] | None
    share: Share


class SeedBatches(Dataset[Batch]):
    """Reads picks as whole batches; holds no randomness, so that workers need no state."""

    def __init__(
        self, samples: SeedDataset, reading: Reading, resident: Resident | None = None
    ) -> None:
        self.samples = samples
        self.reading = reading
        self.resident = resident
        self.numbers = {name: i for i, name in enumerate(reading.classes or ())}
        self.mix = None if reading.weights is None else Mix.of(reading.weights)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, picks: Picks) -> Batch:
        """A batch as it is stored, with how each sample is turned."""
        indices = picks.indices.tolist()
        if self.resident is None:
            batch, device = read_batch(self.samples, indices, self.reading, self.mix), CPU
        else:
            batch, device = self.resident.take(indices), self.resident.device
        return replace(
            batch,
            turns=None if picks.turns is None else sent(torch.from_numpy(picks.turns), device),
            label=sent(self._labels(indices), device) if self.reading.classes else None,
            share=picks.share,
        )

    def _labels(self, indices: Sequence[int]) -> Tensor:
        return torch.tensor([self.numbers[str(self.samples.labels[i])] for i in indices])


class SeededPicks(Sampler[Picks]):
    """Every sample of a part of the data once per epoch; order and flips follow from the seed.

    Where several processes share a step, each gets its own part of the same batches as one process
    alone would have. Lightning calls `set_epoch`, so that a resumed run goes on as the whole one
    would have.
    """

    def __init__(
        self,
        indices: Sequence[int],
        *,
        batch_size: int,
        shuffle: bool,
        flips: bool,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
        shard_of: Sequence[int] | None = None,
        shards_at_once: int = 1,
    ) -> None:
        """Declares the order.

        Args:
            indices: Which samples.
            batch_size: Samples per step, in all processes together.
            shuffle: Whether each epoch has an order of its own.
            flips: Whether samples are turned at random.
            seed: Seed of order and flips.
            rank: Number of this process.
            ranks: Processes that share each step.
            shard_of: Shard of each of `indices`, to draw from a few shards at a time where files
                come from afar and not all can be kept; None: any order.
            shards_at_once: How many these few are.
        """
        self.indices = np.asarray(indices, dtype=np.int64)
        self.batch_size = batch_size
        self.shuffle, self.flips, self.seed = shuffle, flips, seed
        self.rank, self.ranks = rank, ranks
        self.shard_of = None if shard_of is None else np.asarray(shard_of)
        self.shards_at_once = shards_at_once
        self.epoch = 0

    def __len__(self) -> int:
        return (len(self.indices) + self.batch_size - 1) // self.batch_size

    def set_epoch(self, epoch: int) -> None:
        """Chooses which epoch's order comes next."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Picks]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = self._order(rng)
        turns = rng.random((len(order), 2)) < 0.5 if self.flips else None
        for begin in range(0, len(order), self.batch_size):
            whole = min(self.batch_size, len(order) - begin)
            start, stop = (whole * r // self.ranks for r in (self.rank, self.rank + 1))
            # Who has nothing to do holds one sample all the same.
            held = np.arange(begin + start, begin + max(stop, start + 1)).clip(max=len(order) - 1)
            yield Picks(
                np.asarray(order[held], dtype=np.int64),
                None if turns is None else turns[held],
                Share(start, stop, whole),
            )

    def _order(self, rng: np.random.Generator) -> np.ndarray:
        if not self.shuffle:
            return self.indices
        if self.shard_of is None:
            return rng.permutation(self.indices)
        # Shards in random order, samples at random among a few of them at a time.
        turn = rng.permutation(int(self.shard_of.max()) + 1)
        place = turn[self.shard_of] + self.shards_at_once * rng.random(len(self.indices))
        return self.indices[np.argsort(place, kind="stable")]


def seed_loader(
    samples: SeedDataset,
    indices: Sequence[int],
    reading: Reading,
    *,
    batch_size: int,
    training: bool = False,
    seed: int = 0,
    workers: int = 0,
    rank: int = 0,
    ranks: int = 1,
    resident: Resident | None = None,
) -> "DataLoader[Batch]":
    """Batches of a part of a data set.

    Args:
        samples: The data set.
        indices: Which of its samples.
        reading: How they are read.
        batch_size: Samples per batch, over all processes; the last one may be smaller, and a batch
            larger than the part is one batch.
        training: Shuffled and flipped anew each epoch; else in order, as stored.
        seed: Seed of order and flips.
        workers: Processes that read ahead; 0 reads in this one.
        rank: Number of this process among those that share each step.
        ranks: How many these are.
        resident: The samples in memory, to be taken from there.

    Raises:
        DataError: A sample that is asked for has no label, or a label that is no known class.
    """
    if reading.classes is not None:
        check_labels(samples, indices, reading.classes)
    workers = 0 if resident else workers
    at_once = None if resident else samples.shards_at_once
    picks = SeededPicks(
        indices,
        batch_size=batch_size,
        shuffle=training,
        flips=training,
        seed=seed,
        rank=rank,
        ranks=ranks,
        shard_of=[samples.shard_of(i) for i in indices] if at_once and training else None,
        shards_at_once=at_once or 1,
    )
    return DataLoader(
        SeedBatches(samples, reading, resident),
        sampler=picks,
        batch_size=None,  # a sample of this loader is a batch already
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=resident is None and torch.cuda.is_available(),
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
            f"{len(missing)} of {len(indices)} samples): label them, keep them in a data set of "
            "their own (bimae predict answers for them), or use the data for pretraining only"
        )
    unknown = [i for i in indices if samples.labels[i] not in known]
    if unknown:
        raise DataError(
            f"{samples.where(unknown[0])}: label {samples.labels[unknown[0]]!r} is none of the "
            f"{len(classes)} known classes ({', '.join(classes[:5])}{', ...' * (len(classes) > 5)})"
            f"; so for {len(unknown)} of {len(indices)} samples"
        )
