"""`bimae distill` through the front door."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from bimae.cli import main
from bimae.data import DatasetInfo, open_dataset, write_tfrecords
from bimae.model import BiMAE
from bimae.train.callbacks import MetricsTable
from tests.cli.run import FAST, PRETRAIN_FILES, figures, files, mistakes, run
from tests.cli.test_processes import assert_alike, together

QUIET = ("--logger=none", *FAST)


@pytest.fixture(scope="module")
def distilled(small_data: Path, pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("distilled") / "a"
    words = ["distill", f"--teacher={pretrained}", f"--data={small_data}", f"--out={out}", *QUIET]
    assert main.run(words) == 0
    return out


def test_it_leaves_a_pretraining(distilled: Path, pretrained: Path) -> None:
    assert files(distilled) == PRETRAIN_FILES
    rows = figures(distilled / "metrics.csv")
    assert {"train_feature_loss", "val_feature_loss"} <= set(rows[0])
    assert float(rows[-1]["train_feature_loss"]) < float(rows[0]["train_feature_loss"])
    told = yaml.safe_load((distilled / "config.yaml").read_text())
    assert told["teacher"] == str(pretrained)
    assert told["scale"] == "before"
    assert told["patch_size"] == BiMAE.from_pretrained(pretrained).config.patch_size
    assert json.loads((distilled / "environment.json").read_text())["verb"] == "distill"
    assert "bimae distill --config" in (distilled / "config.yaml").read_text()
    # what the teacher learned from is what the student learns from
    assert (distilled / "split.json").read_bytes() == (pretrained / "split.json").read_bytes()


def test_a_classifier_starts_from_it(
    capsys: pytest.CaptureFixture[str], distilled: Path, small_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "b"
    words = ("finetune", "--weights", distilled, "--data", small_data, "--out", out)
    assert run(capsys, *words, "--bands=step_4", *QUIET).code == 0


def test_the_teacher_matters_and_a_run_can_be_repeated(
    capsys: pytest.CaptureFixture[str],
    distilled: Path,
    pretrained: Path,
    small_data: Path,
    tmp_path: Path,
) -> None:
    words = ("distill", "--data", small_data, *QUIET)
    again, other = tmp_path / "again", tmp_path / "other"
    assert run(capsys, *words, "--teacher", pretrained, "--out", again).code == 0
    assert run(capsys, *words, "--teacher", distilled, "--out", other).code == 0
    one, two, three = (
        load_file(out / "model" / "model.safetensors") for out in (distilled, again, other)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], three[name]) for name in one)


def test_a_run_goes_on_where_it_was_stopped(
    capsys: pytest.CaptureFixture[str],
    distilled: Path,
    pretrained: Path,
    small_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "broken"
    begin = MetricsTable.on_train_epoch_start

    def pull_the_plug(self: MetricsTable, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt
        begin(self, trainer, pl_module)

    words = ("distill", "--data", small_data, "--teacher", pretrained, "--out", out, *QUIET)
    with monkeypatch.context() as patch:
        patch.setattr(MetricsTable, "on_train_epoch_start", pull_the_plug)
        assert run(capsys, *words).code == 130
    assert run(capsys, "distill", "--resume", out).code == 0
    assert figures(out / "metrics.csv") == figures(distilled / "metrics.csv")
    one, other = (load_file(f / "model" / "model.safetensors") for f in (out, distilled))
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_two_processes_distil_as_one(small_data: Path, pretrained: Path, tmp_path: Path) -> None:
    words = [
        "distill", f"--data={small_data}", f"--teacher={pretrained}", "--batch-size=16",
        "--precision=32", "--logger=none", "--epochs=1",
    ]  # fmt: skip
    alone, two = tmp_path / "alone", tmp_path / "two"
    assert main.run([*words, f"--out={alone}"]) == 0
    together(*words, f"--out={two}")
    assert_alike(alone, two)


def test_mistakes(
    capsys: pytest.CaptureFixture[str],
    small_data: Path,
    pretrained: Path,
    finetuned: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    words = ("distill", "--data", small_data, "--out", out, *QUIET)
    assert "teacher" in " ".join(mistakes(run(capsys, *words)))
    (line,) = mistakes(run(capsys, *words, "--teacher", tmp_path / "none"))
    assert "none" in line
    (line,) = mistakes(run(capsys, *words, "--teacher", finetuned))
    assert "fine-tuned classifier" in line
    line, _ = mistakes(run(capsys, *words, "--teacher", pretrained, "--feature-weight=0"))
    assert "feature_weight is 0" in line
    found = mistakes(run(capsys, *words, "--teacher", pretrained, "--scale=shape", "--rgb-size=24"))
    assert len(found) == 2
    assert "scale shape is asked for, but the teacher" in " ".join(found)
    assert "leave out rgb_size" in " ".join(found)
    samples = open_dataset(small_data)
    cut = [replace(samples[i], hs=samples[i].hs[:, :, :7]) for i in range(12)]
    write_tfrecords(tmp_path / "cut", cut)
    DatasetInfo("cut").save(tmp_path / "cut")
    (line,) = mistakes(
        run(capsys, "distill", "--data", tmp_path / "cut", "--teacher", pretrained, *QUIET)
    )
    assert "images have 7 bands, but the model has positions for" in line
    assert not out.exists()
