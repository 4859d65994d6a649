"""Data of which some samples have no label: whoever learns or judges classes leaves them aside.

A label that is missing is None in `SeedDataset.labels`. Pretraining asks for none and uses all.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bimae.data.splits import PARTS, Split
from bimae.errors import DataError, count

LEARNED_BY = ("train", "val")  # parts without which there is nothing to learn from, or to choose by


class Labelled(Protocol):
    """What has to be known of a data set here."""

    @property
    def root(self) -> Path:
        """Folder of the shards."""

    @property
    def labels(self) -> Sequence[str | None]:
        """Class of each sample, or None."""


def labelled(split: Split, samples: Labelled, needed: Sequence[str] = LEARNED_BY) -> Split:
    """Takes the samples without a label out of every part.

    Args:
        split: The parts; one that is empty already may stay so.
        samples: The data.
        needed: Parts that must not become empty by it.

    Returns:
        The same split where all its samples have a label; else one whose `how` says so.

    Raises:
        DataError: No sample of the split has a label, or none of a part that is needed.
    """
    parts = {part: getattr(split, part) for part in PARTS}
    used = [i for part in PARTS for i in parts[part]]
    kept = {part: with_label(parts[part], samples.labels) for part in PARTS}
    if sum(map(len, kept.values())) == len(used):
        return split
    if not any(kept.values()):
        raise DataError(
            f"{samples.root}: none of {count(len(used), 'sample')} has a label, but classes are "
            "asked for here: label some (bimae data import takes them from folders, or from a "
            "table as --labels), or use the data for pretraining only"
        )
    for part in needed:
        if parts[part] and not kept[part]:
            raise DataError(
                f"{samples.root}: none of {count(len(parts[part]), f'{part} sample')} has a label "
                f"({split.how}), of all {len(used):,} samples "
                f"{count(sum(map(len, kept.values())), 'has', 'have')} one: label some of that "
                "part, or split again so that each part gets its share of them (bimae data split "
                f"{samples.root} --by class-balanced)"
            )
    how = f"{split.how}; labelled samples alone"
    return replace(split, train=kept["train"], val=kept["val"], test=kept["test"], how=how)


def with_label(numbers: Sequence[int], labels: Sequence[str | None]) -> tuple[int, ...]:
    """The samples among `numbers` that have a label, in their order."""
    return tuple(i for i in numbers if labels[i] is not None)


def left_aside(labels: Sequence[str | None]) -> str:
    """How many have no label, in words; empty where all have one."""
    bare = sum(label is None for label in labels)
    if not bare:
        return ""
    has, is_ = ("has", "is") if bare == 1 else ("have", "are")
    return f"{bare:,} of {count(len(labels), 'sample')} {has} no label and {is_} left aside"
