"""The table of thousand-seed weights, as people write it."""

from pathlib import Path

import pytest

from bimae.errors import DataError
from bimae.predict.weight_table import read_weights


def written(folder: Path, text: str) -> Path:
    file = folder / "weights.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_as_people_write_it(tmp_path: Path) -> None:
    plain = "species,thousand_seed_weight_g\nb. napus,4.5\ng. aparine,7\n"
    assert read_weights(written(tmp_path, plain)) == {"b. napus": 4.5, "g. aparine": 7.0}
    theirs = "note;thousand_seed_weight_g;species\nx;4,5;b. napus\n\n"
    assert read_weights(written(tmp_path, theirs)) == {"b. napus": 4.5}


def test_all_wrong_lines_are_told(tmp_path: Path) -> None:
    text = "species,thousand_seed_weight_g\nrye,0\noat,heavy\n,3\nrye,nan\noak,5\noak,6\nelm,inf\n"
    with pytest.raises(DataError) as told:
        read_weights(written(tmp_path, text))
    lines = str(told.value).splitlines()
    assert len(lines) == 6
    assert "line 2: '0' for rye" in lines[0]
    assert "line 4: no species" in lines[2]
    assert "line 7: oak stands there twice" in lines[4]


def test_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column thousand_seed_weight_g; found species, weight"):
        read_weights(written(tmp_path, "species,weight\nrye,1\n"))
    with pytest.raises(DataError, match="check the path"):
        read_weights(tmp_path / "nothing.csv")
