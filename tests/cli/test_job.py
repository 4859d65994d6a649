"""The main job through the front door, on small simulated seeds."""

import json
from pathlib import Path

import pytest
import yaml

from bimae.data import Split, open_dataset
from bimae.model import BiMAE, SeedClassifier
from bimae.train.callbacks import MetricsTable
from tests.cli.run import FAST, PRETRAIN_FILES, figures, files, mistakes, rows, run

FINETUNE_FILES = PRETRAIN_FILES - {"reconstructions.png"} | {
    "model/seen.json",
    "confusion_matrix.png",
    "predictions.csv",
    "results.json",
}


def test_pretraining_leaves_a_folder_that_a_person_can_read(
    pretrained: Path, small_data: Path
) -> None:
    assert files(pretrained) == PRETRAIN_FILES
    assert any((pretrained / "tensorboard").iterdir())
    config = yaml.safe_load((pretrained / "config.yaml").read_text())
    assert config["epochs"] == 2
    assert config["data"] == str(small_data)
    environment = json.loads((pretrained / "environment.json").read_text())
    assert environment["data"]["simulated"] is True
    assert environment["precision"] == "32"
    metrics = rows(pretrained / "metrics.csv")
    assert [row["epoch"] for row in metrics] == ["0", "1"]
    assert float(metrics[-1]["learning_rate"]) == 0
    assert float(metrics[-1]["train_loss"]) > 0
    assert float(metrics[-1]["val_hs_loss"]) > 0
    for picture in ("loss.png", "reconstructions.png"):
        assert (pretrained / picture).read_bytes().startswith(b"\x89PNG")


def test_sizes_come_from_the_data(pretrained: Path) -> None:
    config = BiMAE.from_pretrained(pretrained).config
    assert (config.bands, config.hs_size, config.rgb_size, config.tiles) == (12, 8, 48, 4)
    assert (config.width, config.depth) == (192, 12)


def test_finetuning_leaves_a_tested_classifier(finetuned: Path, small_data: Path) -> None:
    assert files(finetuned) == FINETUNE_FILES
    model = SeedClassifier.from_pretrained(finetuned)
    assert model.config.bands == (0, 4, 8)
    assert model.config.wavelengths_nm is not None
    samples = open_dataset(small_data)
    assert model.config.classes == tuple(sorted(set(samples.labels)))  # type: ignore[type-var]
    results = json.loads((finetuned / "results.json").read_text())
    split = Split.load(finetuned / "split.json", samples)
    assert results["part"] == "test"
    assert results["samples"] == len(split.test)
    assert results["simulated"] is True
    predictions = rows(finetuned / "predictions.csv")
    assert [p["id"] for p in predictions] == [samples.ids[i] for i in split.test]
    right = sum(p["label"] == p["predicted"] for p in predictions)
    assert right / len(predictions) == pytest.approx(results["accuracy"])


def test_finetuning_follows_the_split_of_its_pretraining(pretrained: Path, finetuned: Path) -> None:
    assert (pretrained / "split.json").read_text() == (finetuned / "split.json").read_text()


def test_evaluate_repeats_the_test(
    capsys: pytest.CaptureFixture[str], finetuned: Path, small_data: Path, tmp_path: Path
) -> None:
    once = tmp_path / "once"
    ran = run(capsys, "evaluate", "--weights", finetuned, "--data", small_data, "--out", once)
    assert ran.code == 0
    assert "its own split is used" in ran.out
    assert (once / "predictions.csv").read_text() == (finetuned / "predictions.csv").read_text()
    everything = run(
        capsys, "evaluate", "--weights", finetuned, "--data", small_data, "--part=all", "--out",
        tmp_path / "all",
    )  # fmt: skip
    assert "all: 76 samples" in everything.out
    words = ("evaluate", "--weights", finetuned, "--data", small_data, "--out", tmp_path / "all")
    before = (tmp_path / "all" / "results.json").read_bytes()
    (line,) = mistakes(run(capsys, *words))
    assert "holds a report already; name another --out, or --overwrite it" in line
    assert (tmp_path / "all" / "results.json").read_bytes() == before
    assert run(capsys, *words, "--overwrite").code == 0
    assert (tmp_path / "all" / "results.json").read_bytes() != before


def test_reconstruct_draws(
    capsys: pytest.CaptureFixture[str], pretrained: Path, small_data: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "r.png"
    ran = run(
        capsys, "reconstruct", "--weights", pretrained, "--data", small_data, "--out", picture
    )
    assert ran.code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["r.png"]


def test_its_config_repeats_a_run(
    capsys: pytest.CaptureFixture[str], pretrained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again"
    ran = run(capsys, "pretrain", "--config", pretrained / "config.yaml", "--out", out)
    assert ran.code == 0
    assert figures(out / "metrics.csv") == figures(pretrained / "metrics.csv")


def test_a_resumed_run_ends_like_the_whole_one(
    capsys: pytest.CaptureFixture[str],
    small_data: Path,
    pretrained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "broken"
    write = MetricsTable.on_train_epoch_start

    def pull_the_plug(self: MetricsTable, trainer: object, pl_module: object) -> None:
        if trainer.current_epoch == 1:  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        write(self, trainer, pl_module)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(MetricsTable, "on_train_epoch_start", pull_the_plug)
        words = ("pretrain", f"--data={small_data}", f"--out={out}", *FAST)
        assert run(capsys, *words).code == 130
    assert not (out / "model").exists()  # nothing half-trained passes for a model
    assert run(capsys, "pretrain", "--resume", out).code == 0
    assert figures(out / "metrics.csv") == figures(pretrained / "metrics.csv")
    left, right = BiMAE.from_pretrained(out), BiMAE.from_pretrained(pretrained)
    for name, value in left.state_dict().items():
        assert value.equal(right.state_dict()[name]), name


@pytest.mark.parametrize("modality", ["hs", "rgb"])
def test_one_view_alone_from_scratch_with_the_token(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path, modality: str
) -> None:
    ran = run(
        capsys, "finetune", "--data", small_data, "--out", tmp_path / "r", "--modality", modality,
        "--pool=token", "--epochs=1", "--logger=none", "--precision=32", "--monitor=loss",
        *(["--bands=450-700nm", "--scale=after"] if modality == "hs" else []),
    )  # fmt: skip
    assert ran.code == 0
    config = SeedClassifier.from_pretrained(tmp_path / "r").config
    assert (config.modality, config.pool) == (modality, "token")
    assert config.bands == ((1, 2, 3, 4, 5) if modality == "hs" else ())
    assert not (tmp_path / "r" / "tensorboard").exists()
