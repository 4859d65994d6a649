import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.bench.table import Column, number, per_cent, plain_columns, table

COLUMNS = (
    Column("what", "what"),
    Column("n", "n"),
    Column("rate", "rate", number),
    Column("none", "nobody has it"),
)


def test_texts_begin_and_numbers_end_under_each_other() -> None:
    rows = [{"what": "a", "n": 5, "rate": 1234.5}, {"what": "longer", "n": 12, "rate": None}]
    assert table(rows, COLUMNS).splitlines() == [
        "what     n   rate",
        "a        5  1,234",
        "longer  12      -",
    ]


def test_a_row_that_is_left_out_says_why() -> None:
    rows = [{"what": "a", "n": 5, "rate": 2.0}, {"what": "b", "n": 3, "skipped": "not here"}]
    assert table(rows, COLUMNS).splitlines()[2] == "b     3  not here"
    assert table(rows[1:], COLUMNS).splitlines() == ["what  n", "b     3  not here"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.01234, "0.0123"), (1.0, "1.00"), (99.94, "99.9"), (99.96, "100"),
     (123456.0, "123,456")],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(1e-6, 1e9))
def test_a_number_keeps_its_size(value: float) -> None:
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=6e-3)


def test_a_share() -> None:
    assert per_cent(0.0312) == "3.1 %"


def test_rows_of_any_kind_have_columns() -> None:
    rows = [{"a": 1, "list": [1]}, {"a": 2.5, "b": "x", "skipped": "no"}]
    assert [column.key for column in plain_columns(rows)] == ["a", "b"]
    assert table(rows[:1], plain_columns(rows)) == "a\n1"
