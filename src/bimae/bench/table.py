"""Rows of figures as text that a person can read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        key: Which figure of a row.
        title: What stands above it.
        show: Its value as text; not asked for None, which is shown as `-`.
    """

    key: str
    title: str
    show: Callable[[Any], str] = str


def number(value: float) -> str:
    """Three significant digits, all of them where there are more before the point."""
    if value == 0 or abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds."""
    return number(seconds * 1e3)


def per_cent(share: float) -> str:
    """A share as per cent."""
    return f"{100 * share:.1f} %"


def giga(value: float) -> str:
    """In units of 1e9."""
    return number(value / 1e9)


def timing(what: str) -> tuple[Column, ...]:
    """The columns of `Timing.as_row(what)`."""
    return (
        Column(f"{what}_s_median", "ms", milliseconds),
        Column(f"{what}_s_min", "min", milliseconds),
        Column(f"{what}_s_max", "max", milliseconds),
        Column("repeats", "n"),
    )


def table(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """Lines with a heading; numbers end under each other.

    Columns of which no row has a figure are left out. A row with `skipped` says why in the place
    of its figures.

    Args:
        rows: The figures.
        columns: What to show of them.
    """
    shown = [column for column in columns if any(r.get(column.key) is not None for r in rows)]
    lines = [[column.title for column in shown]]
    lines += [[_cell(row, column) for column in shown] for row in rows]
    sides = [_aligned([line[i] for line in lines], rows, c) for i, c in enumerate(shown)]
    texts = ["  ".join(parts) for parts in zip(*sides, strict=True)]
    for place, row in enumerate(rows, start=1):
        if "skipped" in row:
            missing = (i for i, column in enumerate(shown) if row.get(column.key) is None)
            known = [side[place] for side in sides[: next(missing, len(sides))]]
            texts[place] = "  ".join([*known, row["skipped"]])
    return "\n".join(text.rstrip() for text in texts)


def _cell(row: Row, column: Column) -> str:
    value = row.get(column.key)
    return "-" if value is None else column.show(value)


def _aligned(cells: list[str], rows: Sequence[Row], column: Column) -> list[str]:
    width = max(len(cell) for cell in cells)
    text = any(isinstance(row.get(column.key), str) for row in rows)
    return [cell.ljust(width) if text else cell.rjust(width) for cell in cells]


def plain_columns(rows: Sequence[Row]) -> list[Column]:
    """A column for every key that holds a text or a number, under its own name."""
    keys = dict.fromkeys(key for row in rows for key in row if key != "skipped")
    return [
        Column(key, key, _plain)
        for key in keys
        if not any(isinstance(row.get(key), list | dict | tuple) for row in rows)
    ]


def _plain(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value)
