"""`bimae calibrate` through the front door."""

import json
import shutil
from pathlib import Path

import pytest

from bimae.cli import main
from bimae.data import Split, open_dataset, write_tfrecords
from bimae.predict.calibrated import load
from bimae.predict.shown import Shown
from tests.cli.run import FAST, mistakes, run


@pytest.fixture
def model(finetuned: Path, tmp_path: Path) -> Path:
    """A copy, since the shared one is not to be changed."""
    return Path(
        shutil.copytree(finetuned, tmp_path / "run", ignore=shutil.ignore_patterns("*.ckpt"))
    )


def test_it_is_kept_and_told(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path
) -> None:
    before = (model / "model" / "model.safetensors").read_bytes()
    ran = run(capsys, "calibrate", model, small_data, "--alpha=0.2", "--reject=0.1")
    assert ran.code == 0, ran.err
    split = Split.load(model / "split.json", open_dataset(small_data))
    words = f"fitted on {len(split.val)} of val, checked on {len(split.test)} of test"
    assert words in ran.out
    assert "(SIMULATED data)" in ran.out
    (found,) = load(model / "model")
    nm = (400.0, 618.2, 836.4)  # of step_4
    assert found.shown == Shown("bimodal", "auto", 3, nm)
    assert (found.conformal.alpha, found.score) == (0.2, "energy")
    assert found.facts["checked"]["samples"] == len(split.test)
    about = json.loads((model / "model" / "about.json").read_text())
    assert [one["shown"] for one in about["calibration"]] == [
        "both views, 3 bands at 400, 618.2, 836.4 nm"
    ]
    assert about["tested"]["part"] == "test"  # what was known stays
    card = (model / "model" / "README.md").read_text()
    assert f"temperature {found.temperature:.3f}" in card
    assert "unless it is rejected as strange" in card
    assert (model / "model" / "model.safetensors").read_bytes() == before
    # one that is worth nothing does not take its place
    (line,) = mistakes(run(capsys, "calibrate", model, small_data, "--score=relative"))
    assert "16 calibration samples are too few for alpha 0.05, which takes 19" in line
    assert "that was made with small simulated seeds is kept" in line and "--overwrite" in line
    assert load(model / "model")[0].conformal.alpha == 0.2
    # again: replaced, not added
    words = ("--score=relative", "--overwrite=true")
    assert run(capsys, "calibrate", model, small_data, *words).code == 0
    (found,) = load(model / "model")
    assert found.score == "relative"
    assert len(json.loads((model / "model" / "about.json").read_text())["calibration"]) == 1


def test_classes_that_were_left_out_are_strangers(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    samples = open_dataset(small_data)
    gone = samples.classes[:3]
    words = ["finetune", f"--data={small_data}", f"--out={tmp_path / 'r'}", "--bands=step_4", *FAST]
    assert main.run([*words, "--leave-out", *gone]) == 0
    ran = run(capsys, "calibrate", tmp_path / "r", small_data)
    assert ran.code == 0, ran.err
    strange = sum(label in gone for label in samples.labels)
    assert f"; {strange} strangers" in ran.out
    assert ran.out.count("AUROC") == 4
    assert ran.out.count("(kept)") == 1
    (found,) = load(tmp_path / "r" / "model")
    best = max(one["auroc"] for one in found.facts["strangers"].values())
    assert found.facts["strangers"][found.score]["auroc"] == best
    assert found.facts["data"]["strange_classes"] == list(gone)


def test_other_data_are_halved_and_what_was_learned_is_left_aside(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path, tmp_path: Path
) -> None:
    samples = open_dataset(small_data)
    train = Split.load(model / "split.json", samples).train
    new = [i for i in range(len(samples)) if i not in train]
    write_tfrecords(tmp_path / "other", [samples[i] for i in [*train[:5], *new]])
    ran = run(capsys, "calibrate", model, tmp_path / "other", "--seed=3")
    assert ran.code == 0, ran.err
    assert "(halved, seed 3)" in ran.out
    words = f"note: 5 of {len(new) + 5} samples, such as {samples.ids[train[0]]}, are left aside"
    assert f"{words}: the model learned from them" in ran.out
    (found,) = load(model / "model")
    assert found.score in ("energy", "unsureness")  # what was learned from is not there
    assert found.facts["fitted"]["samples"] + found.facts["checked"]["samples"] == len(new)
    write_tfrecords(tmp_path / "learned", [samples[i] for i in train])
    (line,) = mistakes(run(capsys, "calibrate", model, tmp_path / "learned"))
    assert f"the model learned from all of its {len(train)} samples of known class" in line
    ran = run(capsys, "evaluate", f"--weights={model}", f"--data={tmp_path / 'other'}")
    assert ran.code == 0, ran.err
    assert f"note: the model learned from 5 of {len(new) + 5} samples, such as " in ran.out
    ran = run(capsys, "evaluate", f"--weights={model}", f"--data={small_data}")
    assert ran.code == 0 and "learned from" not in ran.out, (ran.out, ran.err)


def test_mistakes(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    pretrained: Path,
    small_data: Path,
    tmp_path: Path,
) -> None:
    line, other, _ = mistakes(
        run(capsys, "calibrate", model, small_data, "--alpha=1", "--reject=0")
    )
    assert "alpha is 1.0; it must be above 0 and below 1" in line
    assert "reject is 0.0" in other
    (line,) = mistakes(run(capsys, "calibrate", pretrained, small_data))
    assert "a pretrained model (BiMAE), but a fine-tuned classifier" in line
    (line,) = mistakes(run(capsys, "calibrate", model, small_data, "--modality=rgb"))
    assert "modality rgb is asked for, but this model reads both views" in line
    samples = open_dataset(small_data)
    strange = [samples[i] for i in range(4)]
    for sample in strange:
        object.__setattr__(sample, "label", "moss")
    write_tfrecords(tmp_path / "moss", strange)
    (line,) = mistakes(run(capsys, "calibrate", model, tmp_path / "moss"))
    assert "no sample of the model's classes (a. arvensis" in line
    assert not (model / "model" / "calibration.safetensors").exists()
