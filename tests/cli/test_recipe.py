"""The fine-tuning recipe through the front door."""

import json
from collections import Counter
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from bimae.cli import main
from bimae.data import Split, open_dataset
from bimae.train.callbacks import MetricsTable
from tests.cli.run import FAST, figures, mistakes, run
from tests.cli.test_processes import assert_alike, together

RECIPE = (
    "--layer-decay=0.75", "--drop-path=0.2", "--label-smoothing=0.1", "--mixup=0.2", "--cutmix=1",
    "--ema=0.9", "--class-weights=sqrt", "--clip-gradients=1", "--rotate=true",
)  # fmt: skip
QUIET = ("--logger=none", "--bands=step_4", *FAST)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def same(one: Path, other: Path) -> bool:
    left, right = weights(one), weights(other)
    return left.keys() == right.keys() and all(v.equal(right[k]) for k, v in left.items())


@pytest.fixture(scope="module")
def whole(small_data: Path, pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with all of it."""
    out = tmp_path_factory.mktemp("recipe") / "whole"
    words = ["finetune", f"--data={small_data}", f"--weights={pretrained}", f"--out={out}"]
    assert main.run([*words, *QUIET, *RECIPE]) == 0
    return out


def test_every_bad_value_is_told_at_once(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    ran = run(
        capsys, "finetune", "--data", small_data, "--out", tmp_path / "r", "--layer-decay=0",
        "--drop-path=1", "--label-smoothing=-0.1", "--mixup=-1", "--cutmix=-2", "--ema=1",
        "--class-weights=some", "--freeze-encoder=true", "--shots=0", "--clip-gradients=-1",
        "--strategy=fsdp", "--rotate=perhaps",
    )  # fmt: skip
    told = "\n".join(mistakes(ran))
    for line in (
        "layer_decay is 0.0; it must be above 0 and at most 1",
        "drop_path is 1.0; it must be at least 0 and below 1",
        "label_smoothing is -0.1; it must be at least 0 and below 1",
        "mixup is -1.0; it must be at least 0 (off) and finite",
        "cutmix is -2.0; it must be at least 0 (off) and finite",
        "ema is 1.0; it must be at least 0 and below 1",
        "--class-weights 'some'",
        "--rotate 'perhaps'",
        "freeze_encoder is true, but there are no weights",
        "layer_decay is 0.0, but freeze_encoder is true",
        "shots is 0; it must be at least 1, or all",
        "clip_gradients is -1.0; it must be at least 0 (off) and finite",
        "ema is 1.0, which strategy fsdp cannot do",
    ):
        assert line in told
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("shots", ["some", "1.5"])
def test_shots_are_a_number_or_all(
    capsys: pytest.CaptureFixture[str], small_data: Path, shots: str
) -> None:
    ran = run(capsys, "finetune", "--data", small_data, f"--shots={shots}")
    assert f"--shots '{shots}'" in mistakes(ran)[0]


def test_its_config_repeats_it(
    capsys: pytest.CaptureFixture[str], whole: Path, tmp_path: Path
) -> None:
    config = yaml.safe_load((whole / "config.yaml").read_text())
    assert (config["ema"], config["class_weights"], config["shots"]) == (0.9, "sqrt", "all")
    ran = run(capsys, "finetune", "--config", whole / "config.yaml", "--out", tmp_path / "r")
    assert ran.code == 0
    assert figures(tmp_path / "r" / "metrics.csv") == figures(whole / "metrics.csv")
    assert same(tmp_path / "r", whole)


def test_a_resumed_run_ends_like_the_whole_one(
    capsys: pytest.CaptureFixture[str],
    small_data: Path,
    pretrained: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "broken"
    write = MetricsTable.on_train_epoch_start

    def pull_the_plug(self: MetricsTable, trainer: object, pl_module: object) -> None:
        if trainer.current_epoch == 1:  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        write(self, trainer, pl_module)  # type: ignore[arg-type]

    words = ("finetune", "--data", small_data, "--weights", pretrained, "--out", out)
    with monkeypatch.context() as patch:
        patch.setattr(MetricsTable, "on_train_epoch_start", pull_the_plug)
        assert run(capsys, *words, *QUIET, *RECIPE).code == 130
    refused = run(capsys, "finetune", "--resume", out, "--mixup=0.3", "--ema=0")
    assert "mixup is 0.3, but the run in" in mistakes(refused)[0]
    assert "ema is 0.0, but the run in" in mistakes(refused)[1]
    assert run(capsys, "finetune", "--resume", out).code == 0
    assert figures(out / "metrics.csv") == figures(whole / "metrics.csv")
    assert same(out, whole)


def test_a_run_from_before_an_option_can_be_resumed(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "old"
    words = ("finetune", "--data", small_data, "--out", out, *QUIET)
    assert run(capsys, *words, "--epochs=1").code == 0
    config = yaml.safe_load((out / "config.yaml").read_text())
    for name in ("mixup", "ema", "shots", "rotate", "class_weights"):
        del config[name]
    (out / "config.yaml").write_text(yaml.safe_dump(config))
    assert run(capsys, "finetune", "--resume", out, "--epochs=2").code == 0
    refused = run(capsys, "finetune", "--resume", out, "--epochs=3", "--mixup=0.2")
    assert "began with 0.0" in mistakes(refused)[0]


def test_two_processes_learn_as_one(
    small_data: Path, pretrained: Path, whole: Path, tmp_path: Path
) -> None:
    words = ["finetune", f"--data={small_data}", f"--weights={pretrained}", *QUIET, *RECIPE]
    together(*words, f"--out={tmp_path / 'two'}")
    assert_alike(whole, tmp_path / "two")


def test_each_part_of_it_makes_a_difference(
    capsys: pytest.CaptureFixture[str], small_data: Path, pretrained: Path, tmp_path: Path
) -> None:
    words = ("finetune", "--data", small_data, "--weights", pretrained, *QUIET, "--epochs=1")
    assert run(capsys, *words, "--out", tmp_path / "plain").code == 0
    for number, option in enumerate(RECIPE):
        out = tmp_path / str(number)
        if option.startswith("--class-weights"):
            continue  # the classes of these data have as many samples each
        option = "--clip-gradients=0.01" if "clip" in option else option  # noqa: PLW2901
        assert run(capsys, *words, option, "--out", out).code == 0
        assert not same(out, tmp_path / "plain"), option


def test_the_average_is_what_is_validated_kept_and_saved(
    capsys: pytest.CaptureFixture[str], small_data: Path, pretrained: Path, tmp_path: Path
) -> None:
    words = ("finetune", "--data", small_data, "--weights", pretrained, *QUIET, "--epochs=1")
    assert run(capsys, *words, "--ema=0.9", "--out", tmp_path / "a").code == 0
    assert run(capsys, *words, "--out", tmp_path / "plain").code == 0
    last = torch.load(tmp_path / "a/checkpoints/last.ckpt", weights_only=True)
    (average,) = (s["average"] for k, s in last["callbacks"].items() if k.startswith("Averaged"))
    saved, learned = weights(tmp_path / "a"), weights(tmp_path / "plain")
    best = torch.load(tmp_path / "a/checkpoints/best.ckpt", weights_only=True)["state_dict"]
    for name, value in average.items():
        assert value.equal(saved[name])
        assert value.equal(best[f"model.{name}"])
        # what goes on learning is not touched by the average
        assert last["state_dict"][f"model.{name}"].equal(learned[name])
    one, plain = (figures(tmp_path / n / "metrics.csv")[0] for n in ("a", "plain"))
    assert one["train_loss"] == plain["train_loss"]
    assert one["val_loss"] != plain["val_loss"]


def test_a_frozen_encoder_stays_as_it_was(
    capsys: pytest.CaptureFixture[str], small_data: Path, pretrained: Path, tmp_path: Path
) -> None:
    words = ("finetune", "--data", small_data, "--weights", pretrained, *QUIET)
    ran = run(capsys, *words, "--freeze-encoder=true", "--ema=0.5", "--out", tmp_path / "a")
    assert ran.code == 0
    began, saved = weights(pretrained), weights(tmp_path / "a")
    kept = [name for name in saved if name.startswith("trunk.")]
    assert len(kept) > 100
    assert all(saved[name].equal(began[name]) for name in kept)
    assert saved["head.weight"].any()


def test_few_shots_reduce_the_training_part_only(
    capsys: pytest.CaptureFixture[str], small_data: Path, pretrained: Path, tmp_path: Path
) -> None:
    words = ("finetune", "--data", small_data, "--weights", pretrained, *QUIET)
    out = tmp_path / "a"
    assert run(capsys, *words, "--shots=1", "--epochs=1", "--out", out).code == 0
    samples = open_dataset(small_data)
    before = Split.load(pretrained / "split.json", samples)
    split = Split.load(out / "split.json", samples)
    assert set(Counter(samples.labels[i] for i in split.train).values()) == {1}
    assert set(split.train) < set(before.train)
    assert (split.val, split.test) == (before.val, before.test)
    assert "1 training samples of each class" in split.how
    assert yaml.safe_load((out / "config.yaml").read_text())["shots"] == 1
    # a resumed run goes on with these
    assert run(capsys, "finetune", "--resume", out, "--epochs=2").code == 0
    assert Split.load(out / "split.json", samples) == split
    assert json.loads((out / "results.json").read_text())["part"] == "test"


def test_more_shots_than_there_are_is_told_before_anything_is_made(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    ran = run(capsys, "finetune", "--data", small_data, *QUIET, "--shots=50", "--out", out)
    assert "shots=50: 19 classes have fewer training samples" in mistakes(ran)[0]
    assert not out.exists()


@pytest.mark.parametrize("modality", ["hs", "rgb"])
def test_one_view_alone_is_mixed_and_turned(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path, modality: str
) -> None:
    words = [*FAST, "--logger=none", "--modality", modality, "--epochs=1", *RECIPE]
    assert run(capsys, "finetune", "--data", small_data, "--out", tmp_path / "a", *words).code == 0


def test_classes_that_are_left_out_are_never_learned(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    samples = open_dataset(small_data)
    gone = tuple(samples.classes[:2])
    words = ("finetune", "--data", small_data, *QUIET, "--leave-out", *gone)
    assert run(capsys, *words, "--out", tmp_path / "a").code == 0
    model = json.loads((tmp_path / "a" / "model" / "config.json").read_text())
    assert model["classes"] == list(samples.classes[2:])
    split = Split.load(tmp_path / "a" / "split.json", samples)
    assert not {samples.labels[i] for i in (*split.train, *split.val, *split.test)} & set(gone)
    # with few shots too, and again from its own file
    assert run(capsys, *words, "--shots=1", "--out", tmp_path / "b").code == 0
    again = run(
        capsys, "finetune", "--config", tmp_path / "a" / "config.yaml", "--out", tmp_path / "c"
    )
    assert again.code == 0
    assert same(tmp_path / "a", tmp_path / "c")
    assert run(capsys, "finetune", "--resume", tmp_path / "a", "--epochs=3").code == 0
    (line, *_) = mistakes(run(capsys, *words, "x. y", "--out", tmp_path / "d"))
    assert "leave_out names 'x. y', which is no class of these data" in line
    assert not (tmp_path / "d").exists()


def test_a_head_from_discriminant_analysis(
    capsys: pytest.CaptureFixture[str], small_data: Path, pretrained: Path, tmp_path: Path
) -> None:
    words = ("finetune", "--data", small_data, "--weights", pretrained, "--head", "lda")
    ran = run(capsys, *words, "--out", tmp_path / "head", "--logger=none", "--epochs=0")
    assert ran.code == 0
    assert "head     discriminant analysis of" in ran.out
    assert "loss.png" not in ran.out and not (tmp_path / "head" / "loss.png").exists()
    assert "steps" not in ran.out
    made, given = weights(tmp_path / "head"), weights(pretrained)
    for name, value in made.items():
        if name.startswith("trunk."):
            assert torch.equal(value, given[name])
    results = json.loads((tmp_path / "head" / "results.json").read_text(encoding="utf-8"))
    assert results["accuracy"] > 1 / 19
    # whatever else: a model like any other, and the same again from its own config
    out = tmp_path / "a.csv"
    assert run(capsys, "predict", tmp_path / "head", small_data, "--out", out).code == 0
    config = tmp_path / "head" / "config.yaml"
    assert run(capsys, "finetune", "--config", config, "--out", tmp_path / "again").code == 0
    assert same(tmp_path / "head", tmp_path / "again")


def test_a_head_from_discriminant_analysis_goes_on_learning(
    capsys: pytest.CaptureFixture[str], small_data: Path, pretrained: Path, tmp_path: Path
) -> None:
    words = ("finetune", "--data", small_data, "--weights", pretrained, "--head=lda", *QUIET)
    assert run(capsys, *words, "--out", tmp_path / "a", "--learning-rate=1e-9").code == 0
    still = ("--epochs=0", "--out", tmp_path / "b")
    assert run(capsys, *words, *still).code == 0
    one, other = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert torch.allclose(one["head.weight"], other["head.weight"], rtol=1e-4, atol=1e-5)


def test_no_epochs_need_a_head(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    ran = run(capsys, "finetune", "--data", small_data, "--out", tmp_path / "r", "--epochs=0")
    assert "epochs is 0; it must be at least 1 (0 with discriminant true or head lda)" in "\n".join(
        mistakes(ran)
    )
