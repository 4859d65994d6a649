"""A calibration is for one camera, whatever is asked for, through the front door."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bimae.cli import main
from bimae.data import DatasetInfo, Sample, open_dataset, write_tfrecords
from bimae.predict.calibrated import load
from tests.cli.run import mistakes, rows, run
from tests.predict.test_shown import before

OWN, THREE, OTHER = (
    "both views, 12 bands 400-1000 nm",
    "both views, 3 bands at 509.1, 618.2, 890.9 nm",
    "both views, 12 bands 450-900 nm",
)


@pytest.fixture(scope="module")
def cameras(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same simulated seeds as other cameras see them: three bands, and as many elsewhere."""
    folder = tmp_path_factory.mktemp("cameras")
    samples = open_dataset(small_data)
    nm = samples.wavelengths_nm
    assert nm is not None
    elsewhere = np.linspace(450, 900, 12)
    made = {
        "three": np.eye(12)[[2, 4, 9]],
        "other": np.array([np.interp(elsewhere, nm, row) for row in np.eye(12)]).T,
    }
    for name, matrix in made.items():
        write_tfrecords(
            folder / name,
            (
                Sample(s.id, s.label, s.group, s.rgb, (s.hs @ matrix.T).astype(np.float32))
                for s in samples
            ),
        )
        centres = tuple(float(value) for value in matrix @ np.array(nm))
        DatasetInfo(name, simulated=True, wavelengths_nm=centres).save(folder / name)
    return {"own": small_data} | {name: folder / name for name in made}


@pytest.fixture(scope="module")
def trained(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of any sensor whose distances have a size for each number of bands; calibrated."""
    out = tmp_path_factory.mktemp("sensors") / "run"
    words = ["finetune", str(small_data), "--config=any-sensor", f"--out={out}", "--epochs=0"]
    assert main.run([*words, "--logger=none"]) == 0
    assert main.run(["calibrate", str(out), str(small_data)]) == 0
    # Other cameras see the same seeds here, which it would leave aside as learned from.
    (out / "model" / "seen.json").unlink()
    return out


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    """A copy, which a test may calibrate."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """The one line that a user sees after a mistake."""

    def once(*words: object) -> str:
        (line,) = mistakes(run(capsys, *words))
        return line

    return once


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(("name", "sensor"), [("three", THREE), ("other", OTHER)])
def test_it_is_not_used_for_another_camera(
    told: Told,
    trained: Path,
    model: Path,
    cameras: dict[str, Path],
    tmp_path: Path,
    name: str,
    sensor: str,
    old: bool,
) -> None:
    chosen = model if old else trained
    if old:
        before(model / "model")
    data = cameras[name]
    expected = f"{chosen}: is calibrated for {OWN}, but is shown {sensor}; calibrate it for that"
    assert expected in told("predict", chosen, data, f"--out={tmp_path / 'a.csv'}")
    words = ("--crop=b. napus", f"--out={tmp_path / 'p'}")
    assert expected in told("purity", chosen, data, *words)
    words = (f"--data={data}", f"--out={tmp_path / 'm.onnx'}", "--time=false")
    assert expected in told("export", chosen, *words)
    assert not list(tmp_path.glob("a.csv*")) and not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize("old", [False, True])
def test_for_its_own_it_is(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    small_data: Path,
    tmp_path: Path,
    old: bool,
) -> None:
    if old:
        before(model / "model")
    out = tmp_path / "a.csv"
    ran = run(capsys, "predict", model, small_data, f"--out={out}", "--calibrated=true")
    assert ran.code == 0, ran.err
    assert {row["rejected"] for row in rows(out)} <= {"yes", "no"}


def test_each_camera_has_one_of_its_own(
    capsys: pytest.CaptureFixture[str],
    told: Told,
    model: Path,
    cameras: dict[str, Path],
    tmp_path: Path,
) -> None:
    (first,) = load(model / "model")
    for name, sensor, others in (("three", THREE, [OWN]), ("other", OTHER, [OWN, THREE])):
        ran = run(capsys, "calibrate", model, cameras[name])
        assert ran.code == 0, ran.err
        assert "strangeness is measured by energy: for mahalanobis" in ran.out
        assert "-0.000" not in ran.out
        assert "instead  of" not in ran.out
        assert f"for      {sensor}\n" in ran.out
        assert [f"beside   {other}" in ran.out for other in others] == [True] * len(others)
    known = load(model / "model")
    assert [one.shown.whole for one in known] == [OWN, THREE, OTHER]
    assert (known[0].temperature, known[0].facts) == (first.temperature, first.facts)
    about = json.loads((model / "model" / "about.json").read_text())
    assert [one["shown"] for one in about["calibration"]] == [OWN, THREE, OTHER]
    card = (model / "model" / "README.md").read_text()
    assert all(f"- {sensor}: on SIMULATED" in card for sensor in (OWN, THREE, OTHER))
    # again: in place of that of this camera alone
    ran = run(capsys, "calibrate", model, cameras["three"], "--alpha=0.5")
    assert ran.code == 0 and "\ninstead  of the one made with " in ran.out
    assert [one.shown.whole for one in load(model / "model")] == [OWN, OTHER, THREE]
    for name, data in cameras.items():
        out = tmp_path / f"{name}.csv"
        ran = run(capsys, "predict", model, data, f"--out={out}", "--calibrated=true")
        assert ran.code == 0, ran.err
    # a camera that sees just these bands is one that has no others
    words = ("--bands=2,4,9", f"--out={tmp_path / 'p.csv'}")
    assert run(capsys, "predict", model, cameras["own"], *words).code == 0
    assert [row["set"] for row in rows(tmp_path / "p.csv")] == [
        row["set"] for row in rows(tmp_path / "three.csv")
    ]
    words = ("--bands=2,4,8", f"--out={tmp_path / 'q.csv'}")
    assert "3 bands at 509.1, 618.2, 836.4 nm" in told("predict", model, cameras["own"], *words)
    file = tmp_path / "m.onnx"
    words = (f"--data={cameras['three']}", f"--out={file}", "--time=false")
    ran = run(capsys, "export", model, *words)
    assert ran.code == 0, ran.err
    assert "sets of 50%" in ran.out


def test_a_distance_needs_what_was_learned_from(
    told: Told, model: Path, cameras: dict[str, Path]
) -> None:
    line = told("calibrate", model, cameras["three"], "--score=mahalanobis")
    assert "score mahalanobis is asked for, but these data hold no samples" in line
    assert len(load(model / "model")) == 1
