"""Rows of a table of answers, and their bytes in each format."""

import csv
import io
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.errors import ConfigError
from bimae.predict.calibrated import Judged
from bimae.predict.part import Part
from bimae.predict.rows import Columns, Known, Tally, joined, parted, rounded, rows
from bimae.predict.writers import encoded, format_of, heading, make_parquet

CLASSES = ("oat", 'rye, "early"', "pipe|d\\")
SAID = np.array([[0.1, 0.7, 0.2], [0.25, 0.25, 0.5]])
JUDGED = Judged(
    SAID,
    np.array([[False, True, True], [True, True, True]]),
    np.array([-1.5, 1 / 3]),
    np.array([False, True]),
)
EVERYTHING = Columns(
    CLASSES, group=True, tray=True, label=True, judged=True, simulated="data and model"
)
KNOWN = (Known("a\nb", "t1", 1, "touching cut", "oat"), Known("c", None, None, None, None))


def test_a_row_tells_all_that_is_known() -> None:
    names = list(EVERYTHING.kinds())
    first, second = (
        dict(zip(names, row, strict=True)) for row in rows(EVERYTHING, KNOWN, SAID, JUDGED)
    )
    assert first == {
        "id": "a\nb",
        "group": "t1",
        "number": 1,
        "flags": "touching cut",
        "label": "oat",
        "class": 'rye, "early"',
        "probability": 0.7,
        "set": 'rye, "early"|pipe\\|d\\\\',  # the likeliest first
        "rejected": "no",
        "strangeness": -1.5,
        "p(oat)": 0.1,
        'p(rye, "early")': 0.7,
        "p(pipe|d\\)": 0.2,
        "simulated": "data and model",
    }
    assert second["rejected"] == "yes"
    assert second["strangeness"] == 0.33333333
    assert second["label"] is None
    assert parted(str(second["set"])) == (CLASSES[2], CLASSES[0], CLASSES[1])


def test_columns_that_nobody_can_fill_are_not_there() -> None:
    columns = Columns(("a", "b"))
    assert list(columns.kinds()) == ["id", "class", "probability", "p(a)", "p(b)"]
    (row,) = rows(columns, [Known("x", "t", 1, "whole", "a")], np.array([[0.4, 0.6]]))
    assert row == ["x", "b", 0.6, 0.4, 0.6]


@given(st.lists(st.text(max_size=5), max_size=4).filter(lambda names: names != [""]))
def test_names_are_put_together_and_parted_again(names: list[str]) -> None:
    assert parted(joined(names)) == tuple(names)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_rounded_number_is_near(value: float) -> None:
    assert rounded(value) == pytest.approx(value, rel=1e-7, abs=1e-300)


def test_a_tally_leaves_out_of_the_classes_what_is_rejected() -> None:
    tally = Tally().plus(EVERYTHING, SAID, JUDGED).plus(EVERYTHING, SAID, JUDGED)
    assert tally == Tally(4, 2, 10, {CLASSES[1]: 2})
    assert Tally().plus(Columns(CLASSES), SAID, None) == Tally(
        2, 0, 0, {CLASSES[1]: 1, CLASSES[2]: 1}
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(TEXT, st.none() | TEXT, st.lists(TEXT, min_size=1, max_size=3, unique=True))
def test_csv_and_json_lines_tell_the_same(name: str, label: str | None, classes: list[str]) -> None:
    columns = Columns(tuple(classes), label=True)
    names = tuple(columns.kinds())
    said = np.full((1, len(classes)), 1 / len(classes))
    made = [list(rows(columns, [Known(name, label=label)], said)) for _ in range(2)]
    text = (heading("csv", names) + encoded("csv", names, made[0])).decode()
    (from_csv,) = csv.DictReader(io.StringIO(text, newline=""))
    (line,) = encoded("jsonl", names, made[1]).decode().split("\n")[:-1]
    from_json = json.loads(line)
    assert list(from_json) == list(from_csv) == list(names)
    assert from_json["id"] == from_csv["id"] == name
    assert (from_json["label"], from_csv["label"]) == (label, label or "")
    for column in ("probability", *names[4:]):
        assert from_json[column] == float(from_csv[column])


def test_the_format_is_told_by_the_name_or_asked_for(tmp_path: Path) -> None:
    assert format_of(tmp_path / "a.CSV") == "csv"
    assert format_of(tmp_path / "a.txt", "jsonl") == "jsonl"
    with pytest.raises(ConfigError, match=r"a\.txt: the name tells no format; call it \.csv"):
        format_of(tmp_path / "a.txt")


def test_parquet_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bimae.predict.writers.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'bimae\[parquet\]', or write --format csv"):
        format_of(tmp_path / "a.parquet")


def test_parquet_holds_what_the_lines_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("bimae.predict.writers.ROWS_PER_GROUP", 3)
    names = tuple(EVERYTHING.kinds())
    lines = tmp_path / "lines"
    lines.write_bytes(encoded("parquet", names, [*rows(EVERYTHING, KNOWN, SAID, JUDGED)] * 4))
    for out in ("a", "b"):
        make_parquet(lines, tmp_path / out, EVERYTHING.kinds())
    found = pq.read_table(tmp_path / "a")
    assert found.to_pylist() == [json.loads(line) for line in lines.read_text().splitlines()]
    assert [str(kind) for kind in found.schema.types[:6]] == [
        "string", "string", "int64", "string", "string", "string",
    ]  # fmt: skip
    assert pq.ParquetFile(tmp_path / "a").num_row_groups == 3
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def _written(out: Path, batches: int) -> int:
    """Writes so many batches of 50 rows; returns the most bytes that were in use."""
    columns = Columns(("a", "b", "c"))
    names = tuple(columns.kinds())
    said = np.full((50, 3), 1 / 3)
    tracemalloc.start()
    with Part(out) as part:
        part.begin({"data": "x"}, heading("csv", names))
        for batch in range(batches):
            known = [Known(f"seed {batch}/{i}") for i in range(50)]
            part.add(
                encoded("csv", names, rows(columns, known, said)),
                part.tally.plus(columns, said, None),
            )
        part.finish()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_samples(tmp_path: Path) -> None:
    few = _written(tmp_path / "few.csv", 40)
    many = _written(tmp_path / "many.csv", 1000)
    assert (tmp_path / "many.csv").stat().st_size > 2_000_000
    assert many < 1.2 * few + 20_000
    with (tmp_path / "many.csv").open() as file:
        assert sum(1 for _ in file) == 50_001
