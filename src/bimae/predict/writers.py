"""Rows to bytes: CSV, JSON lines, Parquet.

Parquet cannot be written bit by bit and survive a stop: its rows are JSON lines until all are
there, and become Parquet then, a few thousand at a time.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

from bimae.errors import ConfigError
from bimae.predict.rows import Kind, Value
from bimae.storage import atomic_path

Format = Literal["csv", "jsonl", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)
ROWS_PER_GROUP = 8192  # of Parquet; so many are in memory at a time


def format_of(out: Path, asked: Literal["auto"] | Format = "auto") -> Format:
    """The format that is asked for, else the one that the name tells.

    Raises:
        ConfigError: The name tells none, or what writes the format is not installed.
    """
    named = out.suffix.lower().removeprefix(".")
    found = next((name for name in FORMATS if name == (named if asked == "auto" else asked)), None)
    if found is None:
        raise ConfigError(
            f"{out}: the name tells no format; call it .csv, .jsonl or .parquet, or say --format"
        )
    if found == "parquet" and find_spec("pyarrow") is None:
        raise ConfigError(
            f"{out}: Parquet needs a package that is not there (pyarrow); install it with "
            "pip install 'bimae[parquet]', or write --format csv or jsonl"
        )
    return found


def heading(form: Format, names: Sequence[str]) -> bytes:
    """What stands before the first row."""
    return _csv([list(names)]) if form == "csv" else b""


def encoded(form: Format, names: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    """Rows as they stand in a file that is being written."""
    return _csv(rows) if form == "csv" else _jsonl(names, rows)


def make_parquet(lines: Path, out: Path, kinds: Mapping[str, Kind]) -> None:
    """JSON lines to a Parquet file, whole or not at all.

    Args:
        lines: What `encoded` made.
        out: The file to write.
        kinds: Names of the columns, and what they hold.
    """
    import pyarrow as pa  # noqa: PLC0415 - an extra
    import pyarrow.parquet as pq  # noqa: PLC0415

    types = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64()}
    schema = pa.schema([(name, types[kind]) for name, kind in kinds.items()])
    with (
        atomic_path(out) as temporary,
        pq.ParquetWriter(temporary, schema) as writer,
        lines.open(encoding="utf-8", newline="\n") as file,
    ):
        for group in _groups(file):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _groups(lines: Iterable[str]) -> Iterator[list[dict[str, Any]]]:
    left = iter(lines)
    while group := [json.loads(line) for line in islice(left, ROWS_PER_GROUP)]:
        yield group


def _csv(rows: Iterable[Sequence[Value]]) -> bytes:
    text = io.StringIO()
    plain = csv.writer(text, lineterminator="\n")
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        # A carriage return alone is not quoted by itself, but would end a row for who reads.
        odd = any(isinstance(value, str) and "\r" in value for value in row)
        (quoted if odd else plain).writerow(row)
    return text.getvalue().encode()


def _jsonl(names: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    return b"".join(
        json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False).encode() + b"\n"
        for row in rows
    )
