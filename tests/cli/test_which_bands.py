"""`bimae bands` through the front door."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bimae.cli import main
from bimae.data import DatasetInfo, Split, open_dataset, write_tfrecords
from tests.cli.run import Ran, files, mistakes, rows, run

FILES = {"bands.json", "bands.csv", "bands.png"}
FAST = ("--repeats=2", "--random=3", "--groups=4")


@pytest.fixture(scope="module", params=["after", "standard", "whitened"])
def model(
    request: pytest.FixtureRequest, small_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A classifier of any sensor, trained for a step or two."""
    out = tmp_path_factory.mktemp("any") / request.param
    words = (
        "--epochs=1", "--batch-size=32", "--logger=none", "--any-sensor=true",
        f"--scale={request.param}", f"--complete-bands={request.param == 'whitened'}",
    )  # fmt: skip
    assert main.run(["finetune", f"--data={small_data}", f"--out={out}", *words]) == 0
    return out


def bands(capsys: pytest.CaptureFixture[str], model: Path, data: Path, *words: object) -> Ran:
    return run(capsys, "bands", model, data, *words)


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "bands.json").read_text())
    return found


def test_k_bands_are_chosen_and_tested(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path, tmp_path: Path
) -> None:
    ran = bands(capsys, model, small_data, "-k", 3, *FAST, "--out", tmp_path / "o")
    assert ran.code == 0, ran.err
    assert files(tmp_path / "o") == FILES
    found = told(tmp_path / "o")
    split = Split.load(model / "split.json", open_dataset(small_data))
    # every table says that the data are simulated
    assert ran.out.count("SIMULATED DATA") == 3
    assert found["simulated"] is True
    assert {row["simulated"] for row in rows(tmp_path / "o" / "bands.csv")} == {"yes"}
    # the number of evaluations, told before
    choice = 66 + 10 if model.name != "standard" else 12 + 11 + 10
    assert f"evaluations of the model: {9 + choice + 6} (" in ran.out
    assert found["chosen"]["samples"] == len(split.val)
    assert found["test"]["samples"] == len(split.test)
    # the figures are those that evaluate gives for these bands
    for which in ("chosen", "equally_spaced", "all"):
        row = found["test"][which]
        words = ("--weights", model, "--data", small_data, "--modality=hs")
        shown = ("--bands", row["bands"], "--out", tmp_path / which)
        assert run(capsys, "evaluate", *words, *shown).code == 0
        theirs = json.loads((tmp_path / which / "results.json").read_text())
        assert row["accuracy"]["value"] == pytest.approx(theirs["accuracy"])
        assert row["macro_f1"]["value"] == pytest.approx(theirs["macro_f1"])
        assert row["accuracy"]["low"] <= row["accuracy"]["value"] <= row["accuracy"]["high"]
    assert len(found["test"]["random"]) == 3
    table = rows(tmp_path / "o" / "bands.csv")
    assert [row["rank"] for row in table] == ["1", "2", "3"]
    assert found["chosen"]["selection"].split(",") == sorted(
        (row["bands"] for row in table), key=int
    )
    nm = open_dataset(small_data).wavelengths_nm
    assert nm is not None
    assert all(float(r["wavelength_nm"]) == round(nm[int(r["bands"])], 2) for r in table)
    # the same once more, to the bit, under the same name
    first = (tmp_path / "o" / "bands.json").read_text()
    assert bands(capsys, model, small_data, "-k3", *FAST, "--out", tmp_path / "o").code == 0
    assert (tmp_path / "o" / "bands.json").read_text() == first


def test_filters_beside_rgb(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path, tmp_path: Path
) -> None:
    shutil.copytree(model, tmp_path / "r")
    words = ("-k=2", "--width=60", "--candidates=6", "--modality=bimodal", *FAST)
    ran = bands(capsys, tmp_path / "r", small_data, *words)
    assert ran.code == 0, ran.err
    found = told(tmp_path / "r" / "bands-data")
    assert found["modality"] == "bimodal"
    assert len(found["chosen"]["candidates"]) == 6
    assert all(text.endswith("nm@60") for text in found["chosen"]["selection"].split(","))
    assert {row["width_nm"] for row in found["chosen"]["bands"]} == {60}
    assert "filters chosen on the val part" in ran.out
    assert "beside RGB" in ran.out


def test_a_model_of_one_sensor_has_groups_ranked_only(
    capsys: pytest.CaptureFixture[str], finetuned: Path, small_data: Path, tmp_path: Path
) -> None:
    ran = bands(capsys, finetuned, small_data, "--repeats=1", "--out", tmp_path / "o")
    assert ran.code == 0, ran.err
    assert "reads one sensor" in ran.out
    found = told(tmp_path / "o")
    assert found["chosen"] is found["test"] is None
    assert sorted(row["bands"] for row in found["importance"]["groups"]) == ["0", "4", "8"]
    table = rows(tmp_path / "o" / "bands.csv")
    assert {row["kind"] for row in table} == {"group"}
    losses = [float(row["log_loss"]) for row in table]
    assert losses == sorted(losses, reverse=True)
    (line,) = mistakes(bands(capsys, finetuned, small_data, "--width=20"))
    assert "--any-sensor true" in line


def test_bands_without_wavelengths_go_by_number(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path, tmp_path: Path
) -> None:
    write_tfrecords(tmp_path / "d", open_dataset(small_data))
    words = ("-k=2", *FAST, "--out", tmp_path / "o")
    ran = bands(capsys, model, tmp_path / "d", *words)
    assert ran.code == 0, ran.err
    assert "SIMULATED" not in ran.out  # these do not say that they are
    assert all(row["wavelength_nm"] == "" for row in rows(tmp_path / "o" / "bands.csv"))
    (line,) = mistakes(bands(capsys, model, tmp_path / "d", "--width=20", *words))
    assert "wavelengths of these data are unknown" in line


def test_without_a_val_part_nothing_is_chosen(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path, tmp_path: Path
) -> None:
    run_folder = tmp_path / "r"
    shutil.copytree(model, run_folder)
    samples = open_dataset(small_data)
    order = tuple(range(len(samples)))
    before = files(run_folder)
    Split(order[:60], (), order[60:], "by hand").save(run_folder / "split.json", samples)
    (line,) = mistakes(bands(capsys, run_folder, small_data, "-k=2", "--part=test"))
    assert "the val part has 0 samples" in line
    assert "bimae data split" in line
    assert files(run_folder) == before


def test_every_mistake_is_told_before_any_work(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path, tmp_path: Path
) -> None:
    words = ("-k=9", "--candidates=5", "--width=0", "--groups=1", "--repeats=0", "--random=0")
    lines = mistakes(bands(capsys, model, small_data, *words, "--seed=-1", "--batch-size=0"))
    for name in ("k is 9", "width is 0", "groups is", "repeats is", "random is", "seed", "batch"):
        assert any(name in line for line in lines), name
    (line,) = mistakes(bands(capsys, model, small_data, "-k", 13))
    assert "only 12 different candidates" in line
    if "after" in str(model):
        (line,) = mistakes(bands(capsys, model, small_data, "-k", 1))
        assert "of one gives nothing" in line
    (tmp_path / "notes.txt").write_text("mine")
    (line,) = mistakes(bands(capsys, model, small_data, "--out", tmp_path))
    assert "holds other files" in line
    (line, *_) = mistakes(bands(capsys, model, small_data, "-k", "some"))
    assert "--k 'some'" in line


def test_labels_that_the_model_does_not_know(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path, tmp_path: Path
) -> None:
    other = [replace(s, label=f"other {s.label}") for s in open_dataset(small_data)]
    write_tfrecords(tmp_path / "d", other)
    DatasetInfo(simulated=True).save(tmp_path / "d")
    ran = bands(capsys, model, tmp_path / "d")
    (line,) = mistakes(ran)
    assert "is none of the 19 known classes" in line
    assert not ran.out


def test_made_up_bands_are_those_of_one_sensor(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path, tmp_path: Path
) -> None:
    if model.name != "whitened":
        pytest.skip("of a model that makes up bands")
    samples = open_dataset(small_data)
    write_tfrecords(tmp_path / "other", iter(samples))
    nm = samples.wavelengths_nm
    assert nm is not None
    info = replace(samples.info, wavelengths_nm=tuple(centre + 1 for centre in nm))
    info.save(tmp_path / "other")
    ran = bands(capsys, model, tmp_path / "other", "-k", 3, *FAST, "--out", tmp_path / "o")
    assert ran.code == 2
    assert "makes up the bands of the sensor that it learned from, of 12 bands" in ran.err
    assert not (tmp_path / "o").exists()
