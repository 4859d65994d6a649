from pathlib import Path

import pytest
import torch

from bimae.cli.finetune import few_steps
from bimae.data import open_dataset
from bimae.model import BiMAE
from tests.cli.run import mistakes, run


def test_simulate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "sim"
    ran = run(capsys, "data", "simulate", out, "--per-class", "1", "--bands", "6")
    assert ran.code == 0
    assert "19 simulated seeds" in ran.out
    samples = open_dataset(out)
    assert (len(samples), samples.bands, len(samples.classes)) == (19, 6, 19)
    assert samples.info.simulated
    lines = mistakes(run(capsys, "data", "simulate", out, "--per-class=1"))
    assert "expected none: write to another folder, or overwrite them" in lines[0]
    again = ("data", "simulate", "--out", out, "--per-class=1", "--bands=7", "--overwrite")
    assert run(capsys, *again).code == 0
    assert open_dataset(out).bands == 7


def test_simulate_tells_every_mistake(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = mistakes(run(capsys, "data", "simulate", tmp_path / "x", "--per-class=0", "--bands=1"))
    assert len(lines) == 3
    assert not (tmp_path / "x").exists()


def test_indian_pines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("tensorly")
    ran = run(capsys, "data", "indian-pines", tmp_path / "pines")
    assert ran.code == 0
    assert "train" in ran.out
    samples = open_dataset(tmp_path / "pines")
    assert (samples.bands, samples.rgb_size) == (200, 48)
    assert set(samples.declared_splits) == {"train", "val", "test"}
    lines = mistakes(run(capsys, "data", "indian-pines", tmp_path / "p", "--window=4"))
    assert "must be odd" in lines[0]


def test_import_official(capsys: pytest.CaptureFixture[str], shared: Path, tmp_path: Path) -> None:
    file = shared / "fixtures" / "official" / "official_pretrained.weights.h5"
    ran = run(capsys, "import-official", file, "--out", tmp_path / "official")
    assert ran.code == 0
    assert "width 48, 2 blocks, 3 heads of 48" in ran.out
    model = BiMAE.from_pretrained(tmp_path / "official")
    assert model.encode(torch.rand(1, 300, 24, 24)).shape == (1, 300, 48)


def test_import_of_what_is_no_such_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_text("no")
    lines = mistakes(run(capsys, "import-official", tmp_path / "a.h5", "--out", tmp_path / "o"))
    assert "not readable as HDF5" in lines[0]
    assert not (tmp_path / "o").exists()


def test_a_run_of_few_steps_is_told() -> None:
    assert "40 steps (1 an epoch of 266 samples)" in few_steps(266, 512, 40)
    assert few_steps(266, 8, 40) == ""
