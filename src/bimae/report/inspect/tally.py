"""What can be counted without reading an image: classes, groups, and parts of the split."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from bimae.data import SeedDataset, Split
from bimae.errors import DataError

PARTS = ("train", "val", "test")
NO_PART = "no part"
SPLIT_FILE = "split.json"


@dataclass(frozen=True)
class Parts:
    """Which part of the split each sample is in.

    Attributes:
        of: A part's name for each sample; None for all where there is no split.
        names: The parts that occur, in the usual order; empty where there is no split.
        how: Where the split comes from, in words; empty where there is none.
        problem: Why a split file that lies there is not shown; empty where nothing is wrong.
    """

    of: tuple[str | None, ...]
    names: tuple[str, ...] = ()
    how: str = ""
    problem: str = ""


@dataclass(frozen=True)
class ClassRow:
    """A class, counted.

    Attributes:
        name: The label; None stands for the samples that have none.
        samples: Numbers of its samples, ascending.
        by_part: How many of them are in each of the tally's parts.
        groups: How many groups they come from; samples without a group are not counted.
        only_group: The group that all of them come from, where there is one such.
    """

    name: str | None
    samples: tuple[int, ...]
    by_part: tuple[int, ...]
    groups: int
    only_group: str | None


@dataclass(frozen=True)
class GroupRow:
    """A group, counted: its name, samples, classes, and the parts of the split it lies in."""

    name: str
    samples: int
    classes: int
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Tally:
    """A data set, counted.

    Attributes:
        classes: In alphabetical order; samples without a label come last.
        groups: In alphabetical order.
        parts: The split.
        without_group: Samples that have no group.
        repeated_ids: Ids that more than one sample has.
    """

    classes: tuple[ClassRow, ...]
    groups: tuple[GroupRow, ...]
    parts: Parts
    without_group: int
    repeated_ids: int


def parts_of(ds: SeedDataset) -> Parts:
    """The split of a data set: its `split.json` where one fits, else what its files declare.

    Args:
        ds: The data set.
    """
    path = ds.root / SPLIT_FILE
    problem = ""
    if path.is_file() and Split.matches(path, ds):
        try:
            return _saved_parts(Split.load(path, ds), len(ds))
        except DataError as error:
            problem = str(error)
    elif path.is_file():
        problem = f"{SPLIT_FILE} beside the data was made for other data and is not shown"
    if any(ds.declared_splits):
        of = tuple(part or NO_PART for part in ds.declared_splits)
        how = "declared by the names of the files or folders"
        return Parts(of, _in_order(of), how, problem)
    return Parts((None,) * len(ds), problem=problem)


def tally(ds: SeedDataset) -> Tally:
    """Counts a data set; no image is read.

    Args:
        ds: The data set.
    """
    parts = parts_of(ds)
    by_class: dict[str | None, list[int]] = defaultdict(list)
    by_group: dict[str, list[int]] = defaultdict(list)
    for number, (label, group) in enumerate(zip(ds.labels, ds.groups, strict=True)):
        by_class[label].append(number)
        if group is not None:
            by_group[group].append(number)
    names = [*ds.classes, *([None] if None in by_class else [])]
    return Tally(
        tuple(_class_row(ds, parts, name, by_class[name]) for name in names),
        tuple(_group_row(ds, parts, name, by_group[name]) for name in sorted(by_group)),
        parts,
        sum(group is None for group in ds.groups),
        sum(count > 1 for count in Counter(ds.ids).values()),
    )


def _saved_parts(split: Split, count: int) -> Parts:
    of = [NO_PART] * count
    for part in PARTS:
        for number in getattr(split, part):
            of[number] = part
    return Parts(tuple(of), _in_order(of), split.how)


def _in_order(of: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in (*PARTS, NO_PART) if name in set(of))


def _class_row(ds: SeedDataset, parts: Parts, name: str | None, numbers: list[int]) -> ClassRow:
    groups = {ds.groups[i] for i in numbers}
    in_part = Counter(parts.of[i] for i in numbers)
    only = next(iter(groups)) if len(groups) == 1 else None
    by_part = tuple(in_part[part] for part in parts.names)
    return ClassRow(name, tuple(numbers), by_part, len(groups - {None}), only)


def _group_row(ds: SeedDataset, parts: Parts, name: str, numbers: list[int]) -> GroupRow:
    found = {parts.of[i] for i in numbers}
    lies_in = tuple(part for part in parts.names if part in found)
    return GroupRow(name, len(numbers), len({ds.labels[i] for i in numbers} - {None}), lies_in)
