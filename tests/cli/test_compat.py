"""The authors' command lines, word for word, with the path replaced."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bimae.cli.compat import read_flags
from bimae.cli.main import guarded
from bimae.data.simulate import simulate_dataset
from bimae.errors import ConfigError
from bimae.model import BiMAE, SeedClassifier

ROOT = Path(__file__).resolve().parents[2]
PRETRAIN = (
    "--model=mae_vit_tiny_patch24 --scr_dir={} --batch_size=512 --epochs={} --patch_size=24 "
    "--hs_image_size=24 --hs_num_patches=300 --hs_mask_proportion=0.9 --rgb_image_size=192 "
    "--rgb_num_patches=64 --hs_mask_proportion=0.75"
)
FINETUNE = PRETRAIN + " --num_classes=19 --from_scratch={} --target_modalities=bimodal"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the two doors, where runs/ may be written, and a data set of the paper's sizes."""
    folder = tmp_path_factory.mktemp("compat")
    for door in ("mae_trainer.py", "mae_trainer_finetuning.py"):
        shutil.copy(ROOT / door, folder)
    simulate_dataset(folder / "data", per_class=2)
    return folder


def enter(workplace: Path, door: str, flags: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, door, *flags.split()],
        cwd=workplace,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_both_commands_as_they_stand_in_the_authors_readme(workplace: Path) -> None:
    """A batch of 512 of 38 seeds, epochs cut down to one."""
    none = enter(workplace, "mae_trainer_finetuning.py", FINETUNE.format("data", 1, "False"))
    assert none.returncode == 2
    assert "holds no finished pretraining run of mae_vit_tiny_patch24" in none.stderr

    first = enter(workplace, "mae_trainer.py", PRETRAIN.format("data", 1))
    assert first.returncode == 0, first.stderr
    assert "given twice: the second one, 0.75, is taken for RGB" in first.stdout
    (run,) = (workplace / "runs").iterdir()
    config = BiMAE.from_pretrained(run).config
    assert (config.hs_counts.keep, config.hs_counts.targets) == (30, 54)
    assert (config.rgb_counts.keep, config.rgb_counts.targets) == (16, 24)
    assert yaml.safe_load((run / "config.yaml").read_text())["epochs"] == 1

    second = enter(workplace, "mae_trainer_finetuning.py", FINETUNE.format("data", 1, "False"))
    assert second.returncode == 0, second.stderr
    assert f"newest matching pretraining run: {run.relative_to(workplace)}" in second.stdout
    (tuned,) = (workplace / "runs").glob("finetune-*")
    classifier = SeedClassifier.from_pretrained(tuned)
    assert classifier.config.bands == (0, 60, 120, 180, 240)  # step_60, the authors' default
    assert len(classifier.config.classes) == 19
    assert (tuned / "results.json").is_file()


def flags(*words: str, finetuning: bool = True) -> dict[str, object]:
    return read_flags(["--scr_dir=d", *words], "x.py", finetuning=finetuning, say=lambda line: None)


def test_booleans_are_real() -> None:
    assert flags("--from_scratch=False")["from_scratch"] is False
    assert flags("--from_scratch", "True")["from_scratch"] is True
    assert flags("--use_mean_pooling=0")["use_mean_pooling"] is False
    with pytest.raises(ConfigError, match="a bool is expected"):
        flags("--from_scratch=maybe")


def test_the_second_mask_is_rgbs() -> None:
    said: list[str] = []
    words = ["--src_dir=d", "--hs_mask_proportion=0.9", "--hs_mask_proportion=0.75"]
    values = read_flags(words, "x.py", finetuning=False, say=said.append)
    assert (values["hs_mask_proportion"], values["rgb_mask_proportion"]) == (0.9, 0.75)
    assert len(said) == 1
    assert values["scr_dir"] == Path("d")


def test_the_authors_defaults() -> None:
    pre, fine = flags(finetuning=False), flags()
    assert (pre["epochs"], pre["learning_rate_base"], pre["seed"]) == (200, 1e-4, 42)
    assert (fine["epochs"], fine["learning_rate_base"], fine["seed"]) == (10, 5e-4, 42)
    assert fine["select_channels_strategy"] == "step_60"
    assert pre["hs_decoder_mask_proportion"] == 0.2
    assert pre["rgb_decoder_mask_proportion"] == 0.5


def test_all_mistakes_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_flags(["--epochs=x", "--colour=1", "--norm_layer=batch"], "x.py", finetuning=False)
    assert len(str(caught.value).splitlines()) == 4  # and --scr_dir is missing


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--hs_num_patches=200"], "--hs_num_patches=200, but there are 300 bands"),
        (["--rgb_num_patches=63"], "--rgb_num_patches=63, but there are 64 tiles"),
        (["--num_classes=5"], "--num_classes=5, but there are 19 classes"),
        (["--hs_num_channels=10"], "--hs_num_channels=10, but there are 5 bands of step_60"),
        (["--weights=nowhere", "--from_scratch=True"], "leave one of them out"),
        (["--weights=nowhere"], "nowhere: does not exist"),
        (["--select_channels_strategy=top_7up"], "is not understood"),
        (["--model=mae_vit_huge"], "is not known"),
    ],
)
def test_flags_that_do_not_fit(
    workplace: Path,
    words: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(workplace)
    code = guarded("compat:finetune", ["--scr_dir=data", *words], "mae_trainer_finetuning.py")
    err = capsys.readouterr().err
    assert code == 2
    assert told in err
    assert len(err.splitlines()) == 1


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        guarded("compat:finetune", ["--help"], "mae_trainer_finetuning.py")
    assert caught.value.code == 0
    assert "--select_channels_strategy=step_60" in capsys.readouterr().out
