from pathlib import Path

import pytest

from bimae.errors import ConfigError
from bimae.train.options import PretrainOptions
from bimae.train.run_folder import RunFolder, read_rows, write_rows


def test_rows_round_trip_with_columns_that_come_later(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    assert read_rows(path) == []
    write_rows(path, [{"epoch": 0, "a": 1}, {"epoch": 1, "a": 2, "b": 3}])
    assert read_rows(path) == [
        {"epoch": "0", "a": "1", "b": ""},
        {"epoch": "1", "a": "2", "b": "3"},
    ]


def test_a_new_folder_is_named_after_the_verb_and_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = RunFolder.prepare(PretrainOptions(data=Path("x")), "pretrain")
    assert folder.path.parent == Path("runs")
    assert folder.path.name.startswith("pretrain-20")
    assert not folder.path.exists()  # nothing is made before all is checked


def test_resuming_needs_a_checkpoint(tmp_path: Path) -> None:
    options = PretrainOptions(data=Path("x"), resume=tmp_path)
    with pytest.raises(ConfigError, match=r"last\.ckpt: no such checkpoint"):
        RunFolder.prepare(options, "pretrain")
