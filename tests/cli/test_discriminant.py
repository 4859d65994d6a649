"""A discriminant beside the network, through the front door."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bimae.cli import main
from bimae.data import open_dataset, write_tfrecords
from tests.cli.run import FAST, mistakes, run

QUIET = ("--logger=none", "--precision=32")


@pytest.fixture(scope="module")
def alone(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of any sensor that learns nothing but the discriminant."""
    out = tmp_path_factory.mktemp("discriminant") / "alone"
    words = (
        "--any-sensor=true", "--scale=whitened", "--band-positions=wavelength", "--epochs=0",
        "--discriminant=true",
    )  # fmt: skip
    assert main.run(["finetune", f"--data={small_data}", f"--out={out}", *words, *QUIET]) == 0
    return out


def test_alone_it_is_a_model_like_any_other(
    capsys: pytest.CaptureFixture[str], small_data: Path, alone: Path, tmp_path: Path
) -> None:
    config = json.loads((alone / "model" / "config.json").read_text())
    assert config["discriminant"] is True
    card = (alone / "model" / "README.md").read_text()
    assert "a discriminant analysis of mean spectrum and mean colour answers alone" in card
    assert "beside the network" not in card and "those of the network" not in card
    assert config["discriminant_objects"] > 19
    assert f"averages of {config['discriminant_objects']} training objects" in card
    found = json.loads((alone / "results.json").read_text())
    assert found["accuracy"] > 0.3, "of 19 simulated species"
    for words in (("--modality=rgb",), ("--modality=hs", "--bands=470nm,600nm,900nm")):
        ran = run(capsys, "evaluate", f"--weights={alone}", f"--data={small_data}", *words,
                  f"--out={tmp_path / 'e'}", "--overwrite=true")  # fmt: skip
        assert ran.code == 0, ran.err
    out = tmp_path / "answers.csv"
    assert run(capsys, "predict", alone, small_data, f"--out={out}").code == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 76
    ran = run(capsys, "explain", alone, small_data, f"--out={tmp_path / 'why'}", "--count=2")
    assert ran.code == 0, ran.err
    assert "a discriminant answers alone, so there is no attention to draw" in ran.out
    assert (
        "answers  a discriminant analysis of mean spectrum and mean colour; no network" in ran.out
    )
    page = (tmp_path / "why" / "report.html").read_text().split("</style>")[-1]
    assert "What answers</b>: a discriminant analysis" in page
    for word in ("gradient", "rollout", "as high as the chart", "of the network"):
        assert word not in page, word
    assert page.count("attention") == 1, "that there is none to draw"


def test_alone_it_is_exported_without_the_network(
    capsys: pytest.CaptureFixture[str], small_data: Path, alone: Path, tmp_path: Path
) -> None:
    file = tmp_path / "a.onnx"
    words = ("--sensor=480,550,670nm", "--modality=bimodal", f"--data={small_data}")
    assert run(capsys, "calibrate", alone, small_data, "--modality=bimodal",
               "--bands=480,550,670nm").code == 0  # fmt: skip
    ran = run(capsys, "export", alone, f"--out={file}", *words)
    assert ran.code == 0, ran.err
    assert file.stat().st_size < 500_000, "the network has 20 MB"
    for model in (alone, file):
        out = tmp_path / f"{model.stem}.csv"
        own = () if model == file else ("--modality=bimodal", "--bands=480,550,670nm")
        assert run(capsys, "predict", model, small_data, f"--out={out}", *own).code == 0
    tables = []
    for name in ("alone", "a"):
        with (tmp_path / f"{name}.csv").open(newline="") as found:
            tables.append([(row["id"], row["class"]) for row in csv.DictReader(found)])
    assert tables[0] == tables[1]


def test_there_is_nothing_to_put_in_8_bits(
    capsys: pytest.CaptureFixture[str], small_data: Path, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.onnx"
    ran = run(capsys, "export", alone, f"--out={out}", "--int8", f"--data={small_data}",
              "--calibrated=false")  # fmt: skip
    (line,) = mistakes(ran)
    assert "a discriminant answers alone here" in line and "leave out --int8" in line
    assert not list(tmp_path.iterdir())


def test_without_epochs_none_is_kept(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    words = ("--discriminant=true", "--scale=whitened", *QUIET)
    data = Path(shutil.copytree(small_data, tmp_path / "data"))
    assert run(capsys, "data", "split", data, "--ratios=.8,0,.2").code == 0
    ran = run(capsys, "finetune", data, f"--out={tmp_path / 'a'}", *words, "--epochs=0")
    assert ran.code == 0, ran.err
    assert " 0 val" in ran.out and "last epoch" not in ran.out
    ran = run(capsys, "finetune", data, f"--out={tmp_path / 'b'}", *words, "--epochs=1")
    assert "no validation part: the last epoch is kept" in ran.out
    card = (tmp_path / "b" / "model" / "README.md").read_text()
    assert "answers beside the network" in card


def test_it_is_told_that_bands_are_others_than_learned_from(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    ran = run(capsys, "finetune", small_data, "--config=few-samples", "--epochs=0", *QUIET,
              f"--out={out}")  # fmt: skip
    assert ran.code == 0, ran.err
    words = ("evaluate", f"--weights={out}", f"--data={small_data}", "--overwrite=true")
    note = "note: the model learned with 12 bands and is shown another choice (5 bands)"
    assert note in run(capsys, *words, "--bands=top_5").out
    assert "note:" not in run(capsys, *words, "--bands=all").out
    ran = run(capsys, "predict", out, small_data, f"--out={tmp_path / 'p.csv'}", "--bands=top_5")
    assert note in ran.out + ran.err


def test_it_is_told_what_counts_how_much(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    ran = run(capsys, "finetune", f"--data={small_data}", f"--out={tmp_path / 'r'}", *QUIET,
              *FAST, "--discriminant=true", "--bands=step_4")  # fmt: skip
    assert ran.code == 0, ran.err
    (line,) = [line for line in ran.out.splitlines() if line.startswith("beside")]
    assert "its logits and the network's count" in line
    again = run(capsys, "finetune", f"--data={small_data}", f"--out={tmp_path / 's'}", *QUIET,
                *FAST, "--discriminant=true", "--bands=step_4")  # fmt: skip
    assert again.code == 0
    tables = [(tmp_path / name / "predictions.csv").read_text() for name in "rs"]
    assert tables[0] == tables[1]


def test_what_cannot_be_is_refused(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    ran = run(capsys, "finetune", f"--data={small_data}", f"--out={tmp_path / 'r'}",
              "--any-sensor=true", "--discriminant=true")  # fmt: skip
    assert ran.code == 2
    assert "discriminant needs scale whitened, shape or standard" in ran.err
    assert not (tmp_path / "r").exists()
    ran = run(capsys, "finetune", f"--data={small_data}", f"--out={tmp_path / 'r'}", "--epochs=0")
    assert ran.code == 2
    assert "epochs is 0" in ran.err


def test_a_calibration_measures_distances_in_its_averages(
    capsys: pytest.CaptureFixture[str], small_data: Path, alone: Path
) -> None:
    ran = run(capsys, "calibrate", alone, small_data)
    assert ran.code == 0, ran.err
    assert "reject   by mahalanobis" in ran.out


@pytest.mark.parametrize("recipe", ["few-samples", "any-sensor"])
def test_recipes_are_command_lines(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path, recipe: str
) -> None:
    ran = run(capsys, "finetune", small_data, f"--config={recipe}", f"--out={tmp_path / 'r'}",
              *QUIET, "--epochs=1")  # fmt: skip
    assert ran.code == 0, ran.err
    config = json.loads((tmp_path / "r" / "model" / "config.json").read_text())
    assert config["discriminant"] is True
    assert config["any_sensor"] is (recipe == "any-sensor")


def test_a_file_goes_before_a_recipe_of_its_name(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("few-samples").write_text("epochs: none\n")
    ran = run(capsys, "finetune", small_data, "--config=few-samples")
    assert ran.code == 2 and "few-samples: epochs 'none'" in ran.err
    ran = run(capsys, "finetune", small_data, "--config=few-sample")
    assert ran.code == 2
    assert "No such file or directory" in ran.err and "any-sensor, few-samples" in ran.err


def test_what_cannot_be_is_refused_before_training(
    capsys: pytest.CaptureFixture[str], small_data: Path, pretrained: Path, tmp_path: Path
) -> None:
    """The weights were scaled by each pixel's range, which only their folder tells."""
    ran = run(capsys, "finetune", f"--data={small_data}", f"--weights={pretrained}", *QUIET, *FAST,
              f"--out={tmp_path / 'r'}", "--any-sensor=true", "--discriminant=true")  # fmt: skip
    assert ran.code == 2
    assert "discriminant needs scale whitened, shape or standard" in ran.err
    assert not (tmp_path / "r" / "metrics.csv").exists()


def test_values_that_are_too_small_for_logarithms_are_told(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    """A dark offset that was taken off too much, and a band that is dead."""
    words = ("--scale=whitened", "--discriminant=true", "--epochs=0", *QUIET)
    ran = run(capsys, "finetune", small_data, *words, f"--out={tmp_path / 'whole'}")
    assert ran.code == 0 and "negative or below" not in ran.out
    source = open_dataset(small_data)
    for name, factor in (("dead", np.where(np.arange(12) == 4, 0, 1)), ("offset", 1)):
        made = (
            replace(
                s, hs=((s.hs.astype(np.float32) - 70 * (name == "offset")) * factor).astype("f4")
            )
            for s in source
        )
        write_tfrecords(tmp_path / name, made)
        ran = run(capsys, "finetune", tmp_path / name, *words, f"--out={tmp_path / name / 'run'}")
        assert ran.code == 0, ran.err
        (line,) = [line for line in ran.out.splitlines() if "negative or below" in line]
        assert line.startswith("note: ") and "--scale standard reads them as they are" in line
    assert run(capsys, "finetune", tmp_path / "dead", "--epochs=1", f"--out={tmp_path / 'r'}",
               *FAST, *QUIET).out.count("negative or below") == 0  # fmt: skip
