"""Whoever asks a model is told where the data are unlike those that it learned from."""

import json
import shutil
from pathlib import Path

import pytest

from bimae.data import DatasetInfo, open_dataset
from tests.cli.run import FAST, mistakes, run
from tests.export.cases import classifier


@pytest.fixture
def model(small_data: Path, tmp_path: Path) -> Path:
    """A model that learned from counts and a camera's colours, as its folder tells."""
    folder = tmp_path / "run" / "model"
    classifier(open_dataset(small_data), "standard").save_pretrained(folder)
    about = {"data": {"name": "x", "unit": "counts", "rgb": "camera"}}
    (folder / "about.json").write_text(json.dumps(about))
    return folder.parent


def data(small_data: Path, folder: Path, **told: str) -> Path:
    shutil.copytree(small_data, folder)
    DatasetInfo.add(folder, **told)
    return folder


def asked(model: Path, samples: Path, out: Path) -> dict[str, list[object]]:
    """Every verb that asks a model about data."""
    return {
        "predict": [model, samples, f"--out={out / 'a.csv'}"],
        "purity": [
            model, samples, "--crop=b. napus", f"--out={out / 'p'}", "--calibrated=false",
            "--pdf=false", "--most=1",
        ],
        "evaluate": [f"--weights={model}", f"--data={samples}", f"--out={out / 'e'}"],
        "explain": [model, samples, f"--out={out / 'x'}", "--count=1", "--check=0"],
        "calibrate": [model, samples],
        "bands": [model, samples, f"--out={out / 'b'}", "--repeats=1"],
        "probe": [
            f"--weights={model}", f"--data={samples}", f"--out={out / 'r'}", "--control=false",
        ],
    }  # fmt: skip


def test_probing_a_pretrained_model_asks_for_its_unit_too(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    counts = data(small_data, tmp_path / "counts", unit="counts")
    out = tmp_path / "a"
    words = (f"--data={counts}", f"--out={out}", "--scale=standard", *FAST)
    assert run(capsys, "pretrain", *words).code == 0
    lot = data(small_data, tmp_path / "lot", unit="reflectance")
    asked = (f"--weights={out}", f"--data={lot}", "--control=false")
    (line,) = mistakes(run(capsys, "probe", *asked))
    assert f"{lot}: spectra are reflectance, but the model learned from counts" in line
    # of another scale values are their own measure, and of no weights nobody learned
    assert run(capsys, "probe", *asked, "--scale=before").code == 0
    assert run(capsys, "probe", *asked, "--modality=rgb").code == 0


def test_another_unit_is_refused(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path, tmp_path: Path
) -> None:
    samples = data(small_data, tmp_path / "lot", unit="reflectance")
    for verb, words in asked(model, samples, tmp_path / "out").items():
        (line,) = mistakes(run(capsys, verb, *words))
        assert f"{samples}: spectra are reflectance, but the model learned from counts" in line, (
            verb
        )
    assert not list(tmp_path.glob("out/*"))


def test_false_colour_is_told_of(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path, tmp_path: Path
) -> None:
    samples = data(small_data, tmp_path / "lot", unit="counts", rgb="false colour")
    for verb, words in asked(model, samples, tmp_path / "out").items():
        ran = run(capsys, verb, *words)
        assert ran.code == 0, ran.err
        told = " ".join((ran.out + ran.err).split())
        assert "RGB images are false colour made from bands, but the model learned" in told, verb
        assert "not to be relied on" in told, verb


def test_a_camera_s_files_become_what_the_model_learned_from(
    capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path
) -> None:
    about = {"data": {"unit": "reflectance x 255, rounded", "rgb": "camera"}}
    (model / "model" / "about.json").write_text(json.dumps(about))
    raw, out = tmp_path / "raw", tmp_path / "a.csv"
    words = ("--layout", "folders", "--per-class", 1, "--bands", 12)
    assert run(capsys, "data", "simulate", raw, *words).code == 0
    ran = run(capsys, "predict", model, raw, "--out", out, "--keep-import=true")
    assert ran.code == 0, ran.err
    (kept,) = tmp_path.glob("a.csv.import")
    samples = open_dataset(kept)
    assert samples.info.unit == about["data"]["unit"]
    assert samples.stored(0, "hs").hs.dtype.kind == "u"
