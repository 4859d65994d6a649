"""What can go wrong around a run: it is told, and what was there stays."""

import json
import shutil
from pathlib import Path

import pytest

from bimae.data import write_tfrecords
from tests.cli.run import PRETRAIN_FILES, files, mistakes, run
from tests.data.small_samples import sample


def test_a_run_is_not_replaced_by_accident(
    capsys: pytest.CaptureFixture[str], small_data: Path, pretrained: Path, tmp_path: Path
) -> None:
    before = (pretrained / "config.yaml").read_text()
    lines = mistakes(run(capsys, "pretrain", "--data", small_data, "--out", pretrained))
    assert "holds a run already" in lines[0]
    (tmp_path / "thesis.txt").write_text("years of work")
    lines = mistakes(
        run(capsys, "pretrain", "--data", small_data, "--out", tmp_path, "--overwrite")
    )
    assert "is no run folder" in lines[0]
    assert (tmp_path / "thesis.txt").exists()
    assert (pretrained / "config.yaml").read_text() == before


def test_replacing_a_run_draws_the_split_of_its_own_seed(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    splits = []
    for words in (("--seed=1",), ("--seed=2", "--overwrite"), ("--seed=1", "--overwrite")):
        out = ("--out", tmp_path / "r", "--epochs=1", "--precision=32", "--logger=none")
        assert run(capsys, "pretrain", "--data", small_data, *out, *words).code == 0
        splits.append(json.loads((tmp_path / "r" / "split.json").read_text()))
    assert splits[0] == splits[2] != splits[1]
    assert splits[1]["seed"] == 2


def test_a_failed_start_does_not_cost_the_old_run(
    capsys: pytest.CaptureFixture[str], small_data: Path, pretrained: Path
) -> None:
    words = ("pretrain", "--data", small_data, "--out", pretrained, "--overwrite", "--patch-size=7")
    assert "not a multiple of patch_size 7" in mistakes(run(capsys, *words))[0]
    assert files(pretrained) == PRETRAIN_FILES


def test_resuming_a_finished_run_changes_nothing(
    capsys: pytest.CaptureFixture[str], finetuned: Path
) -> None:
    before = {name: (finetuned / name).read_text() for name in ("metrics.csv", "results.json")}
    assert run(capsys, "finetune", "--resume", finetuned).code == 0
    assert {name: (finetuned / name).read_text() for name in before} == before


def test_resuming_with_something_else_touches_nothing(
    capsys: pytest.CaptureFixture[str], pretrained: Path, finetuned: Path, tmp_path: Path
) -> None:
    """A resumed run must not claim data, sizes or a length that it did not have."""
    other = tmp_path / "other"
    assert run(capsys, "data", "simulate", other, "--per-class=1", "--bands=12").code == 0
    before = {p: p.read_bytes() for p in pretrained.iterdir() if p.is_file()}
    for words, told in (
        (("--data", other), "fingerprint"),
        (("--epochs=1",), "epochs is 1, but 2 are done already"),
        (("--model=mae_vit_base_patch24",), "began with mae_vit_tiny_patch24"),
        (("--hs-mask-ratio=0.5",), "hs_mask_ratio is 0.5, but the run"),
        (("--out", tmp_path / "x"), "a resumed run goes on in"),
    ):
        lines = mistakes(run(capsys, "pretrain", "--resume", pretrained, *words))
        assert len(lines) == 1
        assert told in lines[0]
    assert "is a run of another verb" in mistakes(run(capsys, "pretrain", "--resume", finetuned))[0]
    assert {p: p.read_bytes() for p in pretrained.iterdir() if p.is_file()} == before


def test_one_class_is_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_tfrecords(tmp_path / "d", [sample(i, label="wheat") for i in range(9)])
    lines = mistakes(run(capsys, "finetune", "--data", tmp_path / "d", "--out", tmp_path / "r"))
    assert "all 9 samples are 'wheat'; a classifier needs at least two classes" in lines[0]


def test_one_group_for_everything_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    samples = [sample(i, label="ab"[i % 2], group="tray") for i in range(8)]
    write_tfrecords(tmp_path / "d", samples)
    words = ("finetune", "--data", tmp_path / "d", "--out", tmp_path / "r", "--patch-size=2")
    ran = run(capsys, *words, "--epochs=1", "--precision=32", "--logger=none")
    assert ran.code == 0
    assert "8 train, 0 val, 0 test" in ran.out
    assert "groups are kept whole and there are only 1" in ran.out
    assert "figures below are of the train part, which was learned from" in ran.out


def test_another_size_than_the_weights(
    capsys: pytest.CaptureFixture[str], small_data: Path, pretrained: Path, tmp_path: Path
) -> None:
    words = ("finetune", "--weights", pretrained, "--data", small_data, "--out", tmp_path / "x")
    lines = mistakes(run(capsys, *words, "--hs-size=12", "--rgb-size=96", "--patch-size=8"))
    assert len(lines) == 3
    assert "hs_size 12 is asked for" in lines[0]
    assert "was pretrained with 48" in lines[1]


@pytest.mark.parametrize("logger", ["wandb", "mlflow"])
def test_a_logger_that_is_not_installed(
    capsys: pytest.CaptureFixture[str],
    small_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    logger: str,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    words = ("pretrain", "--data", small_data, "--out", tmp_path / "r", "--logger", logger)
    assert f"pip install 'bimae[{logger}]'" in mistakes(run(capsys, *words))[0]
    assert not (tmp_path / "r").exists()


def test_nothing_to_resume(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = mistakes(run(capsys, "pretrain", "--resume", tmp_path / "none"))
    assert "is no run folder (no config.yaml)" in lines[0]


def test_bands_that_do_not_match_the_model(
    capsys: pytest.CaptureFixture[str], finetuned: Path, pretrained: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    assert run(capsys, "data", "simulate", other, "--per-class=1", "--bands=9").code == 0
    for words in (
        ("evaluate", "--weights", finetuned, "--data", other),
        ("reconstruct", "--weights", pretrained, "--data", other, "--out", tmp_path / "x.png"),
        ("finetune", "--weights", pretrained, "--data", other, "--out", tmp_path / "x"),
    ):
        lines = mistakes(run(capsys, *words))
        assert len(lines) == 1
        assert "9 bands" in lines[0]
        assert "12" in lines[0]
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "x.png").exists()


def test_wavelengths_that_do_not_match_the_model(
    capsys: pytest.CaptureFixture[str], finetuned: Path, small_data: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(small_data, other)
    words = ("evaluate", "--weights", finetuned, "--data", other, "--out", tmp_path / "e")
    facts = json.loads((other / "dataset.json").read_text())
    facts["wavelengths_nm"] = [nm + 100 for nm in facts["wavelengths_nm"]]
    (other / "dataset.json").write_text(json.dumps(facts))
    assert "band 0 lies at 500 nm" in mistakes(run(capsys, *words))[0]
    assert not (tmp_path / "e").exists()
    (other / "dataset.json").unlink()
    ran = run(capsys, *words)
    assert ran.code == 0
    assert "bands are taken by number" in ran.out


def test_results_do_not_go_between_other_files(
    capsys: pytest.CaptureFixture[str], finetuned: Path, small_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    words = ("evaluate", "--weights", finetuned, "--data", small_data, "--out", tmp_path)
    assert "holds other files" in mistakes(run(capsys, *words))[0]


def test_weights_of_the_wrong_kind(
    capsys: pytest.CaptureFixture[str], finetuned: Path, pretrained: Path, small_data: Path
) -> None:
    lines = mistakes(run(capsys, "evaluate", "--weights", pretrained, "--data", small_data))
    assert "holds a pretrained model (BiMAE), but a fine-tuned classifier" in lines[0]
    words = ("finetune", "--weights", finetuned, "--data", small_data)
    assert "holds a fine-tuned classifier" in mistakes(run(capsys, *words))[0]
