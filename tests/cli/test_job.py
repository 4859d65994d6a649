"""The main job through the front door, on small simulated seeds."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml

from bimae.cli import main
from bimae.data import Split, open_dataset, write_tfrecords
from bimae.model import BiMAE, SeedClassifier
from bimae.train.callbacks import MetricsTable
from tests.cli.run import mistakes, run
from tests.data.small_samples import sample

PRETRAIN_FILES = {
    "checkpoints/best.ckpt",
    "checkpoints/last.ckpt",
    "config.yaml",
    "environment.json",
    "loss.png",
    "metrics.csv",
    "model/config.json",
    "model/model.safetensors",
    "reconstructions.png",
    "split.json",
}
FINETUNE_FILES = PRETRAIN_FILES - {"reconstructions.png"} | {
    "confusion_matrix.png",
    "predictions.csv",
    "results.json",
}
FAST = ("--epochs=2", "--batch-size=16", "--precision=32")


def files(folder: Path) -> set[str]:
    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    return {name for name in found if not name.startswith("tensorboard/")}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def figures(path: Path) -> list[dict[str, str]]:
    """Rows of metrics.csv without what a clock says."""
    clock = ("seconds", "samples_per_second")
    return [{k: v for k, v in row.items() if k not in clock} for row in rows(path)]


@pytest.fixture(scope="module")
def pretrained(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "a"
    words = ["pretrain", f"--data={small_data}", f"--out={out}", *FAST]
    assert main.run(words) == 0
    return out


@pytest.fixture(scope="module")
def finetuned(small_data: Path, pretrained: Path) -> Path:
    out = pretrained.parent / "b"
    words = ["finetune", f"--data={small_data}", f"--out={out}", f"--weights={pretrained}"]
    assert main.run([*words, "--bands=step_4", *FAST]) == 0
    return out


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
    ran = run(capsys, "evaluate", "--weights", finetuned, "--data", small_data, "--out", tmp_path)
    assert ran.code == 0
    assert "its own split is used" in ran.out
    assert (tmp_path / "predictions.csv").read_text() == (finetuned / "predictions.csv").read_text()
    everything = run(
        capsys, "evaluate", "--weights", finetuned, "--data", small_data, "--part=all", "--out",
        tmp_path / "all",
    )  # fmt: skip
    assert "all: 76 samples" in everything.out


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
