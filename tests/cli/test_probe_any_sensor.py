"""`bimae probe` on a classifier of any sensor: it sees what it is shown, as in `bimae evaluate`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bimae.cli.probe import ProbeOptions
from bimae.cli.probe_job import checked
from bimae.data import DatasetInfo, open_dataset, write_tfrecords
from bimae.evaluate.frozen import features, fresh_like
from bimae.evaluate.looks import look
from bimae.model import SeedClassifier
from bimae.spectra import band_shares
from tests.cli.run import Ran, mistakes, run
from tests.evaluate.test_looks import classifier

SOME = [5, 0, 41]


@pytest.fixture(scope="module")
def model(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that has learned nothing: what it is shown is looked at here, not what it is worth."""
    folder = tmp_path_factory.mktemp("any") / "model"
    classifier(small_data).save_pretrained(folder)
    return folder


def probe(capsys: pytest.CaptureFixture[str], model: Path, data: Path, *words: object) -> Ran:
    return run(capsys, "probe", "--weights", model, "--data", data, *words)


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "probe.json").read_text())
    return found


@pytest.mark.parametrize(
    ("words", "reads"),
    [
        ((), "RGB and 12 bands"),
        (("--modality=rgb",), "RGB"),
        (("--modality=rgb", "--bands=all"), "RGB"),
        (("--modality=hs", "--bands=0,4"), "2 bands ("),
        (("--bands=560nm@80,700nm@150", "--pool=views"), "RGB and 2 filters (560, 700 nm)"),
    ],
)
def test_it_is_shown_what_is_asked_for(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    small_data: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    reads: str,
) -> None:
    ran = probe(capsys, model, small_data, *words, "--out", tmp_path)
    assert ran.code == 0, ran.err
    found = told(tmp_path)
    assert found["reads"].startswith(reads)
    assert f"read     {reads}" in ran.out
    names = [row["features"] for row in found["rows"]]
    assert names == ["frozen, fine-tuned"] * 3 + ["frozen, random weights"] * 3


def test_model_and_control_stand_where_the_filters_are(model: Path, small_data: Path) -> None:
    bands = "560nm@80,700nm@150"
    job = checked(ProbeOptions(model, small_data, modality="hs", bands=bands))
    assert isinstance(job.model, SeedClassifier)
    own = SeedClassifier.from_pretrained(model)
    samples = job.samples
    expected = features(own, samples, SOME, looks=look(own, samples, modality="hs", bands=bands))
    for asked in (job.model, fresh_like(job.model, 0)):
        asked.load_state_dict(own.state_dict())
        found = features(asked, samples, SOME, **job.how(asked))
        np.testing.assert_array_equal(found, expected)


def test_another_camera_is_one_more_sensor(
    capsys: pytest.CaptureFixture[str], model: Path, small_data: Path, tmp_path: Path
) -> None:
    """To the same figures as the bands of it, where they are as wide."""
    bands = (1, 4, 9)
    samples = open_dataset(small_data)
    nm = samples.wavelengths_nm
    assert nm is not None
    write_tfrecords(tmp_path / "d", [replace(s, hs=s.hs[..., bands].copy()) for s in samples])
    info = DatasetInfo(
        "three bands", simulated=True, wavelengths_nm=tuple(nm[b] for b in bands),
        fwhm_nm=tuple(band_shares(nm)[b] for b in bands),
    )  # fmt: skip
    info.save(tmp_path / "d")
    ran = probe(capsys, model, tmp_path / "d", "--modality=hs", "--out", tmp_path / "camera")
    assert ran.code == 0, ran.err
    assert "note: the model was trained with another sensor" in ran.out
    words = ("--modality=hs", "--bands=1,4,9", "--out", tmp_path / "bands")
    ran = probe(capsys, model, small_data, *words)
    assert ran.code == 0, ran.err
    assert "note:" not in ran.out
    camera, picked = told(tmp_path / "camera"), told(tmp_path / "bands")
    assert camera["samples"] == picked["samples"]
    assert camera["rows"] == picked["rows"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--bands=5000nm",), "no band at 5000 nm"),
        (("--modality=hs", "--bands=3"), "a single one here"),
        (("--scale=before",), "was trained with after"),
        (("--modality=rgb", "--bands=0,1"), "modality rgb sees no bands"),
        (("--modality=rgb", "--pool=views"), "is a single view"),
    ],
)
def test_what_it_cannot_be_shown(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    small_data: Path,
    words: tuple[str, ...],
    expected: str,
) -> None:
    line, *_ = mistakes(probe(capsys, model, small_data, *words))
    assert expected in line
    assert not (model.parent / "probe-data").exists()


def test_one_that_never_had_images_is_shown_none(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    classifier(small_data, modality="hs").save_pretrained(tmp_path / "m")
    (line,) = mistakes(probe(capsys, tmp_path / "m", small_data, "--modality=rgb"))
    assert "was trained with hs" in line
