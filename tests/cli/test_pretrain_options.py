"""Options of pretraining that are off by default, through the front door."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bimae.cli import main
from bimae.data import open_dataset
from bimae.evaluate.reconstruction import TRUE_SCALE, reconstruct
from bimae.model import BiMAE
from bimae.report.figures import reconstructions
from tests.cli.run import FAST, PRETRAIN_FILES, figures, files, mistakes, run
from tests.cli.test_processes import assert_alike, together

OFF = {
    "hs_masking": "random",
    "hs_block": 10,
    "hs_groups": None,
    "normalised_patches": False,
}
ALL = (
    "--hs-masking=similarity", "--hs-similarity=0.8", "--normalised-patches=true",
    "--spectral-angle=0.1",
)  # fmt: skip
QUIET = ("--logger=none", *FAST)


def config(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "model" / "config.json").read_text())
    return found


@pytest.fixture(scope="module")
def whole(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with all of them."""
    out = tmp_path_factory.mktemp("options") / "whole"
    assert main.run(["pretrain", f"--data={small_data}", f"--out={out}", *QUIET, *ALL]) == 0
    return out


def test_they_are_off_by_default(pretrained: Path, small_data: Path, tmp_path: Path) -> None:
    assert OFF.items() <= config(pretrained).items()
    words = ["pretrain", f"--data={small_data}", f"--out={tmp_path / 'a'}", *FAST]
    off = ("--hs-masking=random", "--normalised-patches=false", "--spectral-angle=0")
    assert main.run([*words, *off, "--hs-block=3"]) == 0
    assert figures(tmp_path / "a" / "metrics.csv") == figures(pretrained / "metrics.csv")
    one, other = (
        load_file(folder / "model" / "model.safetensors") for folder in (tmp_path / "a", pretrained)
    )
    assert all(torch.equal(one[name], other[name]) for name in other)


@pytest.mark.parametrize(
    "options",
    [
        ("--hs-masking=block", "--hs-block=2"),
        ("--hs-masking=similarity",),
        ("--normalised-patches=true", "--precision=bf16-mixed"),
        ("--spectral-angle=0.1", "--scale=standard"),
        (*ALL, "--any-sensor=true", "--cross-modal=0.3", "--scale=standard"),
        ("--hs-masking=block", "--spectral-angle=0.1", "--any-sensor=true",
         "--band-positions=wavelength"),
    ],
)  # fmt: skip
def test_each_of_them_trains(
    small_data: Path,
    pretrained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
) -> None:
    out = tmp_path / "a"
    ran = run(capsys, "pretrain", "--data", small_data, "--out", out, *QUIET, *options)
    assert ran.code == 0, ran.err
    assert files(out) == PRETRAIN_FILES
    rows, plain = figures(out / "metrics.csv"), figures(pretrained / "metrics.csv")
    assert [row["train_loss"] for row in rows] != [row["train_loss"] for row in plain]
    weighted = any(word.startswith("--spectral-angle") for word in options)
    for part in ("train", "val"):
        assert (f"{part}_spectral_angle" in rows[0]) == weighted
    for row in rows:
        parts = float(row["train_hs_loss"]) + float(row["train_rgb_loss"])
        if weighted:
            angle = float(row["train_spectral_angle"])
            assert 0 < angle < np.pi
            parts += 0.1 * angle
        assert float(row["train_loss"]) == pytest.approx(parts, rel=1e-4)


def test_the_model_keeps_them_and_pictures_say_so(whole: Path, small_data: Path) -> None:
    kept = config(whole)
    assert kept["normalised_patches"] is True
    assert kept["hs_masking"] == "similarity"
    groups = kept["hs_groups"]
    assert isinstance(groups, list)
    assert len(groups) == 12
    assert 1 < len(set(groups)) < 12
    model, samples = BiMAE.from_pretrained(whole), open_dataset(small_data)
    found = reconstruct(model, samples, range(4), mean_of=range(4, 40))
    assert found.errors.true_scale
    title = reconstructions(found, "seeds").get_suptitle()
    assert title == f"seeds\n{TRUE_SCALE}"
    # Each hidden patch has the true one's mean and about its deviation.
    hidden = found.hs_hidden
    true, made = found.hs[hidden], found.hs_made[hidden]
    error = np.square(true - made).mean()
    assert found.errors.hs == pytest.approx(error, rel=1e-4)
    spread = true.std(axis=(1, 2)).mean()
    assert np.abs(made.mean(axis=(1, 2)) - true.mean(axis=(1, 2))).mean() < spread
    # In each sample one group at most is seen in part.
    for seen in ~hidden:
        shares = [seen[np.array(groups) == group].mean() for group in set(groups)]
        assert sum(0 < share < 1 for share in shares) <= 1


def test_a_plain_model_has_nothing_to_say(pretrained: Path, small_data: Path) -> None:
    found = reconstruct(BiMAE.from_pretrained(pretrained), open_dataset(small_data), range(2))
    assert not found.errors.true_scale
    assert reconstructions(found, "seeds").get_suptitle() == "seeds"


def test_it_is_reconstructed_with_and_fine_tuned(
    whole: Path, small_data: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    words = ["reconstruct", f"--weights={whole}", f"--data={small_data}", f"--out={picture}"]
    assert main.run([*words, "--count=2"]) == 0
    assert picture.stat().st_size > 0
    words = ["finetune", f"--weights={whole}", f"--data={small_data}", f"--out={tmp_path / 'b'}"]
    assert main.run([*words, "--bands=step_4", *QUIET]) == 0


def test_a_resumed_run_and_two_processes_are_the_run(
    whole: Path, small_data: Path, tmp_path: Path
) -> None:
    words = ["pretrain", f"--data={small_data}", *QUIET, *ALL]
    together(*words, f"--out={tmp_path / 'two'}")
    assert_alike(whole, tmp_path / "two")
    short = [word if word != "--epochs=2" else "--epochs=1" for word in words]
    assert main.run([*short, f"--out={tmp_path / 'a'}", "--warmup=0"]) == 0
    assert main.run(["pretrain", f"--resume={tmp_path / 'a'}", "--epochs=2"]) == 0
    assert config(tmp_path / "a") == config(whole)
    assert len(figures(tmp_path / "a" / "metrics.csv")) == 2


def test_the_same_seed_makes_the_same_run(whole: Path, small_data: Path, tmp_path: Path) -> None:
    words = ["pretrain", f"--data={small_data}", f"--out={tmp_path / 'a'}", *QUIET, *ALL]
    assert main.run(words) == 0
    assert figures(tmp_path / "a" / "metrics.csv") == figures(whole / "metrics.csv")


def test_every_bad_value_is_told_at_once(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    ran = run(
        capsys, "pretrain", "--data", small_data, "--out", tmp_path / "r", "--hs-masking=blocks",
        "--hs-block=0", "--hs-similarity=1", "--spectral-angle=-1", "--normalised-patches=perhaps",
    )  # fmt: skip
    told = "\n".join(mistakes(ran))
    for line in (
        "--hs-masking 'blocks'",
        "hs_block is 0; it must be at least 1",
        "hs_similarity is 1.0; it must be above 0 and below 1",
        "spectral_angle is -1.0; it must be at least 0 and finite",
        "--normalised-patches 'perhaps'",
    ):
        assert line in told
    assert not (tmp_path / "r").exists()


def test_a_similarity_that_no_bands_have(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    ran = run(
        capsys, "pretrain", "--data", small_data, "--out", tmp_path / "r",
        "--hs-masking=similarity", "--hs-similarity=0.9999999",
    )  # fmt: skip
    (told,) = mistakes(ran)
    assert "no two neighbouring bands of" in told
    assert "lower hs_similarity" in told
    assert not (tmp_path / "r").exists()
