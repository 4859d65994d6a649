"""Classes of items by their names: from a pattern, or from a table of names."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bimae.data.cubes.envi_pair import DATA_SUFFIXES
from bimae.data.importing.items import Item
from bimae.data.importing.pictures import IMAGE_SUFFIXES
from bimae.data.importing.settings import ImportSettings
from bimae.data.importing.table import columns_of_labels, read_table, seed_labels
from bimae.data.scenes.table import SPLIT_WORDS
from bimae.errors import DataError, count

_SUFFIXES = {*IMAGE_SUFFIXES, *DATA_SUFFIXES, ".hdr", ".npy", ".npz", ".mat", ".h5", ".hdf5"}


@dataclass(frozen=True)
class NamedLabels:
    """A table with a name and a class a line.

    Attributes:
        path: The table.
        labels: Class by name, without the suffix of a file.
        groups: Group by name, where the table has that column.
        unused: Columns that mean nothing here.
    """

    path: Path
    labels: dict[str, str]
    groups: dict[str, str]
    unused: tuple[str, ...]

    def match(self, items: Sequence[Item]) -> dict[str, str]:
        """Name in the table of each item that it names, by the item's name.

        Whole names count first, then what is behind the last folder, where that is one item's.
        """
        found = {item.name: item.name for item in items if item.name in self.labels}
        ours = _by_last([item.name for item in items if item.name not in found])
        theirs = _by_last([name for name in self.labels if name not in found])
        both = ours.keys() & theirs.keys()
        return found | {ours[last]: theirs[last] for last in both}


def _by_last(names: Sequence[str]) -> dict[str, str]:
    """Names by what is behind their last folder; without those that share it."""
    last = [name.rpartition("/")[2] for name in names]
    count = Counter(last)
    return {short: name for short, name in zip(last, names, strict=True) if count[short] == 1}


def named_labels(path: Path) -> NamedLabels | None:
    """Reads such a table; None for one of the single seeds of trays (scan, number, label).

    Raises:
        DataError: It is neither, or gives one name two classes.
    """
    table = read_table(path)
    columns = columns_of_labels(table)
    if columns is None:
        seed_labels(path)  # says what is wrong with it if it is none of these either
        return None
    found: dict[str, str] = {}
    groups: dict[str, str] = {}
    for line, row in enumerate(table.rows, start=2):
        name, label = _bare(row[columns[0]]), row[columns[1]]
        if group := row.get("group"):
            groups[name] = group
        if name and label and found.setdefault(name, label) != label:
            raise DataError(
                f"{path}: line {line}: {name} is {label!r} here and {found[name]!r} above; one "
                "class for each name is expected"
            )
    unused = tuple(name for name in table.columns if name and name not in (*columns, "group"))
    return NamedLabels(path, found, groups, unused)


def labelled(
    items: Sequence[Item], settings: ImportSettings, tables: Iterable[Path] = ()
) -> tuple[list[Item], list[str]]:
    """Items with the classes that a pattern or a table gives them, and what to know of it.

    Args:
        items: What is to be imported.
        settings: With the pattern and the table.
        tables: Tables that lie there, of which one may be meant.

    Raises:
        DataError: The table cannot be read, or names none of the items.
    """
    if settings.label_pattern is not None:
        return _by_pattern(items, settings)
    table = None if settings.labels is None else named_labels(settings.labels)
    if table is None:
        return list(items), _offered(items, tables) if settings.labels is None else []
    names = table.match(items)
    if not names:
        raise DataError(
            f"{table.path}: found {count(len(table.labels), 'name')}{_such_as(table.labels)}, none "
            f"of them here; names such as {items[0].name!r} are expected"
        )
    found = [
        replace(
            item,
            label=table.labels[names[item.name]],
            group=settings.group_of(item.name, table.groups.get(names[item.name], item.group)),
        )
        if item.name in names
        else item
        for item in items
    ]
    notes = []
    if table.unused:
        notes.append(f"{table.path.name}: columns not used: {', '.join(table.unused)}")
    if lost := sorted(table.labels.keys() - set(names.values())):
        are = "is" if len(lost) == 1 else "are"
        of = f"{len(lost)} of {count(len(table.labels), 'name')} {are}"
        notes.append(f"{table.path.name}: {of} of nothing here{_such_as(lost)}")
    if left := [item.name for item in items if item.name not in names]:
        of = f"{len(left)} of {count(len(items), 'item')}"
        notes.append(f"{table.path.name}: does not name {of}{_such_as(left)}")
    return found, notes


def _such_as(names: Iterable[str]) -> str:
    first = next(iter(names), None)
    return "" if first is None else f", such as {first!r}"


def _by_pattern(items: Sequence[Item], settings: ImportSettings) -> tuple[list[Item], list[str]]:
    names = [_below_part(item) for item in items]
    lost = [name for name in names if settings.label_of(name, None) is None]
    if len(lost) == len(items):
        raise DataError(
            f"the label pattern {settings.label_pattern!r} is found in none of "
            f"{count(len(items), 'name')}, such as {names[0]!r}; write one that is, or leave it out"
        )
    found = [
        replace(item, label=settings.label_of(name, item.label))
        for item, name in zip(items, names, strict=True)
    ]
    if not lost:
        return found, []
    return found, [
        f"the label pattern {settings.label_pattern!r} is not found in {len(lost)} of {len(items)} "
        f"names, such as {lost[0]!r}"
    ]


def _below_part(item: Item) -> str:
    """An item's name without the folder train, val or test that says its part."""
    first, slash, rest = item.name.partition("/")
    declares = item.split is not None and SPLIT_WORDS.get(first.lower()) == item.split
    return rest if slash and declares else item.name


def _offered(items: Sequence[Item], tables: Iterable[Path]) -> list[str]:
    """A line on where classes may come from, where no item has one."""
    if any(item.label is not None or item.meta is not None for item in items):
        return []
    for path in tables:
        try:
            columns = columns_of_labels(read_table(path))
        except DataError:
            continue
        if columns is not None:
            return [f"{path.name} is not used; --labels {path} takes classes from it"]
    return []


def _bare(name: str) -> str:
    """A name as items have it: with / between folders, without the suffix of a file."""
    name = re.sub(r"^\./", "", name.replace("\\", "/"))
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in _SUFFIXES else name
