"""A file that is written bit by bit: what a stop leaves, and what goes on from there."""

import json
from pathlib import Path

import pytest

from bimae.errors import DataError
from bimae.predict.part import Part
from bimae.predict.rows import Tally

KEY = {"model": "m", "data": "d"}


def _begun(out: Path, until: int, *, key: dict[str, str] = KEY, every_s: float = 0.0) -> Part:
    """Writes rows up to a number of them; stops there by an exception unless it is 10."""
    part = Part(out, every_s=every_s)
    with part:
        part.begin(key, b"head\n")
        for number in range(part.tally.samples, until):
            counts = {"oat": number + 1}
            part.add(f"row {number}\n".encode(), Tally(number + 1, 0, 0, counts))
        if until < 10:
            raise InterruptedError
        part.finish()
    return part


WHOLE = b"head\n" + b"".join(b"row %d\n" % i for i in range(10))


def test_it_has_its_name_when_it_is_complete(tmp_path: Path) -> None:
    _begun(tmp_path / "new" / "a.csv", 10)
    assert (tmp_path / "new" / "a.csv").read_bytes() == WHOLE
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.csv"]


@pytest.mark.parametrize("every_s", [0.0, 1000.0])
def test_a_stopped_one_goes_on(tmp_path: Path, every_s: float) -> None:
    out = tmp_path / "a.csv"
    with pytest.raises(InterruptedError):
        _begun(out, 4, every_s=every_s)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv.part", "a.csv.part.json"]
    with Part(out) as part:
        assert part.begin(KEY, b"head\n") == ()
        assert part.tally == Tally(4, 0, 0, {"oat": 4})
    _begun(out, 10)
    assert out.read_bytes() == WHOLE


def test_what_a_killed_process_left_behind_the_last_state_is_cut_off(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    with pytest.raises(InterruptedError):
        _begun(out, 4)
    with (tmp_path / "a.csv.part").open("ab") as file:
        file.write(b"row 4\n" * 100)  # more than is still to come
    _begun(out, 10)
    assert out.read_bytes() == WHOLE


def test_killed_before_the_first_state_it_begins_anew(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    (tmp_path / "a.csv.part").write_bytes(b"head\nrow 0\nro")
    _begun(out, 10)
    assert out.read_bytes() == WHOLE


@pytest.mark.parametrize(
    "state", ["", "[]", '{"format": 2}', '{"format": 1, "key": {}, "bytes": 3}']
)
def test_a_state_that_is_none(tmp_path: Path, state: str) -> None:
    out = tmp_path / "a.csv"
    (tmp_path / "a.csv.part").write_bytes(b"head\n")
    (tmp_path / "a.csv.part.json").write_text(state)
    _begun(out, 10)
    assert out.read_bytes() == WHOLE


def test_a_part_that_is_shorter_than_its_state_says(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    with pytest.raises(InterruptedError):
        _begun(out, 4)
    (tmp_path / "a.csv.part").write_bytes(b"he")
    _begun(out, 10)
    assert out.read_bytes() == WHOLE


def test_for_another_key_it_begins_anew_and_says_what_differs(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    with pytest.raises(InterruptedError):
        _begun(out, 4)
    with Part(out) as part:
        assert part.begin({"model": "m", "data": "e", "format": "csv"}) == ("data", "format")
        assert part.tally.samples == 0
    assert list(tmp_path.iterdir()) == []  # nothing was written: nothing is left


def test_an_earlier_part_outlives_a_mistake_before_it_is_begun(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    with pytest.raises(InterruptedError):
        _begun(out, 4)
    with pytest.raises(RuntimeError), Part(out):
        raise RuntimeError
    _begun(out, 10)
    assert out.read_bytes() == WHOLE


def test_only_one_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    with Part(out) as part:
        part.begin(KEY)
        part.add(b"row\n", Tally(1))
        with pytest.raises(DataError, match="another bimae predict is writing it"), Part(out):
            pass
        part.finish()
    assert out.read_bytes() == b"row\n"


def test_the_state_is_written_now_and_then(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    with Part(out, every_s=1000) as part:
        part.begin(KEY)
        part.add(b"row\n", Tally(1))
        assert not (tmp_path / "a.csv.part.json").exists()
        part.keep()
        assert json.loads((tmp_path / "a.csv.part.json").read_text())["bytes"] == 4
