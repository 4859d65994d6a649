"""A table of boxes (CSV) -> rows that say which box lies in which scene."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bimae.data.csv_table import read_csv
from bimae.data.scenes.boxes import Box
from bimae.data.scenes.columns import (
    BOTTOM,
    GROUP,
    HEIGHT,
    ID,
    LABEL,
    LEFT,
    RGB,
    RIGHT,
    SCENE,
    SPLIT,
    TOP,
    WIDTH,
    columns_of,
)
from bimae.errors import DataError

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class BoxRow:
    """A row of a table of boxes.

    Attributes:
        box: The object; its id is unique in the table.
        path_hs: The scene's cube; a relative path is meant from the table's folder.
        path_rgb: The scene's RGB image, or None where the row names none.
        split: train, val or test, or None where the table has no such column.
        line: Line of the file, from 1.
    """

    box: Box
    path_hs: Path
    path_rgb: Path | None
    split: str | None
    line: int


def read_boxes(path: Path) -> list[BoxRow]:
    """Reads a table with one box per row.

    Separated by commas, semicolons or tabs, whichever the header has most of; UTF-8. The columns
    may come in any order and any case, beside others (`columns.ALIASES` has all names):

    * `scene` (or `path_hs`): the file of the cube; `path_rgb` (optional): that of its RGB image;
    * `left, top, right, bottom` (or `x0, y0, x1, y1`, or `xmin, ymin, xmax, ymax`), or `x, y,
      width, height` with the top-left corner: in spectral pixels, fractions allowed;
    * optional: `label` (or `class`, `species`, `taxon`), `group`, `id`, `split`.

    A row without an id is called after its scene and its number in the table, `plot3-0007`; an id
    that comes again becomes `name#2`. An empty label or group is none.

    Args:
        path: The file.

    Returns:
        The rows, in order; at least one.

    Raises:
        DataError: The file is not readable, a column is missing, or a value is not what it should
            be; with file, line and column.
    """
    path = Path(path)
    header, lines = read_csv(path)
    try:
        columns = columns_of(header)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    rows = []
    for number, (line, fields) in enumerate(lines, start=1):
        named = {header[column]: fields[column].strip() for column in columns.values()}
        rows.append(_Row(path, line, {m: header[c] for m, c in columns.items()}, named).row(number))
    if not rows:
        raise DataError(f"{path}: found a header but no row, expected one row per box")
    return _with_unique_ids(rows)


def unique_ids(names: Iterable[str]) -> list[str]:
    """The names in order; one that was there already becomes `name#2`, then `name#3`."""
    taken: set[str] = set()
    for_next: dict[str, int] = {}
    made = []
    for name in names:
        found, number = name, for_next.get(name, 2)
        while found in taken:
            found, number = f"{name}#{number}", number + 1
        for_next[name] = number
        taken.add(found)
        made.append(found)
    return made


@dataclass(frozen=True, slots=True)
class _Row:
    """One line: `names` has the file's own name of the column of each meaning."""

    path: Path
    line: int
    names: Mapping[str, str]
    values: Mapping[str, str]

    def row(self, number: int) -> BoxRow:
        scene, rgb = self.text(SCENE), self.text(RGB)
        if scene is None:
            raise self.wrong(SCENE, "the file of a cube")
        left, top = self.number(LEFT), self.number(TOP)
        right = self.number(RIGHT) if RIGHT in self.names else left + self.number(WIDTH)
        bottom = self.number(BOTTOM) if BOTTOM in self.names else top + self.number(HEIGHT)
        if not left < right:
            edge = RIGHT if RIGHT in self.names else WIDTH
            raise self.wrong(edge, f"a right edge beyond the left one, {left:g}")
        if not top < bottom:
            edge = BOTTOM if BOTTOM in self.names else HEIGHT
            raise self.wrong(edge, f"a bottom edge below the top one, {top:g}")
        box = Box(
            id=self.text(ID) or f"{Path(scene).stem}-{number:04d}",
            label=self.text(LABEL),
            group=self.text(GROUP),
            left=left,
            top=top,
            right=right,
            bottom=bottom,
            where=f"{self.path}: line {self.line}",
        )
        paths = [None if name is None else self.beside(name) for name in (scene, rgb)]
        assert paths[0] is not None
        return BoxRow(box, paths[0], paths[1], self.split(), self.line)

    def beside(self, name: str) -> Path:
        """A file of the table's folder; tables made under Windows write backslashes."""
        path = self.path.parent / name
        return path if path.exists() else self.path.parent / name.replace("\\", "/")

    def text(self, meaning: str) -> str | None:
        """The value of a column; None where it is empty or there is none."""
        return (self.values[self.names[meaning]] or None) if meaning in self.names else None

    def number(self, meaning: str) -> float:
        try:
            value = float(self.values[self.names[meaning]])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.wrong(meaning, "a number of spectral pixels such as 12.5")
        return value

    def split(self) -> str | None:
        if SPLIT not in self.names:
            return None
        split = SPLIT_WORDS.get((self.text(SPLIT) or "").lower())
        if split is None:
            raise self.wrong(SPLIT, "train, val or test in every row")
        return split

    def wrong(self, meaning: str, expected: str) -> DataError:
        name = self.names[meaning]
        return DataError(
            f"{self.path}: line {self.line}, column {name!r}: found {self.values[name]!r}, "
            f"expected {expected}: correct it"
        )


def _with_unique_ids(rows: Sequence[BoxRow]) -> list[BoxRow]:
    ids = unique_ids(row.box.id for row in rows)
    return [
        replace(row, box=replace(row.box, id=name)) if name != row.box.id else row
        for row, name in zip(rows, ids, strict=True)
    ]
