"""One model for any sensor, through the command line."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from bimae.cli import main
from bimae.data import DatasetInfo, Sample, open_dataset, write_tfrecords
from bimae.spectra import band_shares

BANDS = (1, 4, 9)


@pytest.fixture(scope="module")
def camera(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same simulated seeds as a camera with three of the bands sees them."""
    folder = tmp_path_factory.mktemp("camera") / "data"
    samples = open_dataset(small_data)
    write_tfrecords(
        folder,
        (Sample(s.id, s.label, s.group, s.rgb, s.hs[..., list(BANDS)].copy()) for s in samples),
    )
    nm = samples.wavelengths_nm
    assert nm is not None
    wide = band_shares(nm)
    info = DatasetInfo(
        "three bands of small simulated seeds",
        simulated=True,
        wavelengths_nm=tuple(nm[b] for b in BANDS),
        fwhm_nm=tuple(wide[b] for b in BANDS),
    )
    info.save(folder)
    return folder


def words(verb: str, **options: object) -> list[str]:
    return [verb, *(f"--{name.replace('_', '-')}={value}" for name, value in options.items())]


@pytest.fixture(scope="module", params=["after", "standard", "completed"])
def model(
    request: pytest.FixtureRequest, small_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A model of any sensor, pretrained and fine-tuned for some steps."""
    runs = tmp_path_factory.mktemp("runs")
    scale = {"standard": "standard", "completed": "whitened"}.get(request.param, "before")
    common = {"data": small_data, "batch_size": 16, "logger": "none"}
    pretrain = words(
        "pretrain", out=runs / "a", epochs=2, any_sensor="true", scale=scale, cross_modal=0.2,
        band_positions="wavelength", **common,
    )  # fmt: skip
    assert main.run(pretrain) == 0
    finetune = words(
        "finetune", weights=runs / "a", out=runs / "b", epochs=3, any_sensor="true",
        complete_bands=request.param == "completed", **common,
    )  # fmt: skip
    assert main.run(finetune) == 0
    return runs / "b"


def probabilities(model: Path, data: Path, out: Path, **shown: object) -> list[list[str]]:
    assert main.run(words("evaluate", weights=model, data=data, part="all", out=out, **shown)) == 0
    with (out / "predictions.csv").open(newline="") as file:
        return sorted(row[1:] for row in csv.reader(file))


@pytest.mark.parametrize("modality", ["hs", "bimodal"])
def test_some_bands_are_a_camera_with_these_bands_to_the_bit(
    model: Path, small_data: Path, camera: Path, tmp_path: Path, modality: str
) -> None:
    bands = ",".join(map(str, BANDS))
    picked = probabilities(model, small_data, tmp_path / "a", modality=modality, bands=bands)
    taken = probabilities(model, camera, tmp_path / "b", modality=modality)
    assert picked == taken
    whole = probabilities(model, small_data, tmp_path / "c", modality=modality)
    assert whole != picked


def test_every_view_is_answered_for(model: Path, small_data: Path, tmp_path: Path) -> None:
    shown = [{"modality": "rgb"}, {"modality": "hs", "bands": "step_4"}, {}, {"bands": "top_3"}]
    found = [
        probabilities(model, small_data, tmp_path / str(number), **options)
        for number, options in enumerate(shown)
    ]
    assert all(one != other for i, one in enumerate(found) for other in found[:i])


@pytest.mark.parametrize("modality", ["hs", "bimodal"])
def test_its_answers_are_explained(
    request: pytest.FixtureRequest,
    model: Path,
    small_data: Path,
    camera: Path,
    tmp_path: Path,
    modality: str,
) -> None:
    """Of the camera that it learned from, and of one with three bands."""
    completed = "completed" in request.node.name
    cells = {"hs": 2, "bimodal": 3}[modality]
    for data, bands in ((small_data, 12), (camera, 12 if completed else 3)):
        out = tmp_path / data.parent.name
        explain = words(
            "explain", out=out, count=2, check=2, window="120nm", modality=modality
        )  # fmt: skip
        assert main.run([*explain, str(model), str(data)]) == 0
        found = json.loads((out / "explain.json").read_text())
        assert found["bands"]["unit"] == "nm" and len(found["bands"]["places"]) == bands
        assert found["bands"]["replaced_by"].startswith("what the rest of the spectrum foretells")
        made_up = any("bands that the sensor lacks are made up" in note for note in found["notes"])
        assert made_up == completed
        for one in found["samples"]:
            maps = one["maps"]
            assert len(maps) == cells and np.shape(maps["regions"]["occlusion"]) == (6, 6)
            falls = np.array(maps["bands"]["occlusion"])
            assert falls.shape == (bands,) and np.isfinite(falls).all() and falls.any()
        assert {row["samples"] for row in found["trust"]} == {2}


def test_bands_are_left_out_truly(
    request: pytest.FixtureRequest,
    model: Path,
    small_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def explained(out: str, **more: object) -> int:
        options = words("explain", out=tmp_path / out, count=1, check=1, window="120nm", **more)
        return main.run([*options, str(model), str(small_data)])

    if "completed" in request.node.name:
        assert explained("absent", taken_out="absent") == 2
        assert "is shown all of its bands always" in capsys.readouterr().err
        return
    assert explained("absent", taken_out="absent") == explained("expected") == 0
    absent, expected = (
        json.loads((tmp_path / name / "explain.json").read_text())
        for name in ("absent", "expected")
    )
    assert absent["bands"]["replaced_by"] == "nothing: the model is shown the other bands alone"
    for kind, same in (("bands", False), ("regions", True), ("tiles", True)):
        maps = (found["samples"][0]["maps"][kind]["occlusion"] for found in (absent, expected))
        assert np.allclose(*maps, atol=1e-5) == same
    assert explained("rgb", taken_out="absent", modality="rgb") == 2
    assert "no bands are shown with --modality rgb" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ({"modality": "rgb", "bands": "0,1"}, "RGB images have none"),
        ({"bands": "5000nm"}, "no band at 5000 nm"),
    ],
)
def test_what_the_sensor_has_not(
    model: Path,
    small_data: Path,
    capsys: pytest.CaptureFixture[str],
    shown: dict[str, str],
    told: str,
) -> None:
    assert main.run(words("evaluate", weights=model, data=small_data, **shown)) == 2
    assert told in capsys.readouterr().err


def test_wavelengths_are_never_guessed(
    small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tfrecords(tmp_path / "data", iter(open_dataset(small_data)))
    options = words(
        "pretrain", data=tmp_path / "data", out=tmp_path / "a", band_positions="wavelength"
    )
    assert main.run(options) == 2
    assert "wavelengths of these data are unknown" in capsys.readouterr().err


def test_a_model_of_one_sensor_says_so(
    small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = words(
        "finetune", data=small_data, out=tmp_path / "a", epochs=1, batch_size=32, logger="none"
    )
    assert main.run(run) == 0
    assert main.run(words("evaluate", weights=tmp_path / "a", data=small_data, modality="rgb")) == 2
    assert "only a model of any sensor" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        {"modality": "rgb"},
        {"bands": "step_2"},
        {"scale": "before"},
        {"pool": "token"},
    ],
)
def test_options_that_any_sensor_excludes(
    small_data: Path, capsys: pytest.CaptureFixture[str], wrong: dict[str, str]
) -> None:
    assert main.run(words("finetune", data=small_data, any_sensor="true", **wrong)) == 2
    assert "any_sensor" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "add any_sensor true"),
        ({"any_sensor": "true", "scale": "standard"}, "needs scale whitened"),
        ({"any_sensor": "true"}, "is for scale whitened, and the weights have scale 'after'"),
    ],
)
def test_bands_are_made_up_by_what_is_whitened(
    small_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    wrong: dict[str, str],
    told: str,
) -> None:
    line = words("finetune", data=small_data, out=tmp_path / "o", complete_bands="true", **wrong)
    assert main.run(line) == 2
    assert told in capsys.readouterr().err
