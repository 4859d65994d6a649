"""Optical filters through the front door: trained with, kept in the model, tested with."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from bimae.cli import main
from bimae.cli.compat import finetune as authors_finetune
from bimae.data import DatasetInfo, open_dataset, write_tfrecords
from bimae.model import SeedClassifier
from bimae.spectra import BandSelection
from tests.cli.run import FAST, mistakes, rows, run

FILTERS = "490nm@40,560nm@40,670nm@40"


@pytest.fixture(scope="module")
def through_filters(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("filters") / "r"
    words = ["finetune", f"--data={small_data}", f"--out={out}", f"--bands={FILTERS}"]
    assert main.run([*words, "--scale=after", "--modality=hs", *FAST]) == 0
    return out


def test_the_model_keeps_its_filters(through_filters: Path, small_data: Path) -> None:
    config = SeedClassifier.from_pretrained(through_filters).config
    samples = open_dataset(small_data)
    channels = BandSelection(FILTERS).channels(samples.bands, samples.wavelengths_nm)
    assert config.bands == channels.bands == (2, 3, 5)
    assert config.band_weights == channels.weights
    assert config.scale == "after"
    assert yaml.safe_load((through_filters / "config.yaml").read_text())["bands"] == FILTERS


def test_evaluate_sees_through_them(
    capsys: pytest.CaptureFixture[str], through_filters: Path, small_data: Path, tmp_path: Path
) -> None:
    words = ("evaluate", "--weights", through_filters, "--data", small_data, "--out", tmp_path)
    assert run(capsys, *words).code == 0
    expected = (through_filters / "predictions.csv").read_text()
    assert (tmp_path / "predictions.csv").read_text() == expected


def test_evaluate_takes_the_weights_from_the_model_alone(
    capsys: pytest.CaptureFixture[str], through_filters: Path, small_data: Path, tmp_path: Path
) -> None:
    """With other weights in config.json the same network answers otherwise."""
    changed = tmp_path / "m"
    shutil.copytree(through_filters / "model", changed)
    config = json.loads((changed / "config.json").read_text())
    config["band_weights"] = [[[b, 1.0]] for b in (9, 10, 11)]
    (changed / "config.json").write_text(json.dumps(config))
    tables = []
    for weights in (through_filters, changed):
        out = tmp_path / weights.name / "e"
        words = ("evaluate", "--weights", weights, "--data", small_data, "--out", out)
        assert run(capsys, *words, "--part=all").code == 0
        tables.append([row["probability"] for row in rows(out / "predictions.csv")])
    assert tables[0] != tables[1]


def test_only_what_the_filters_let_through_matters(
    capsys: pytest.CaptureFixture[str], through_filters: Path, small_data: Path, tmp_path: Path
) -> None:
    """Scaled after averaging, bands beyond every filter may be anything."""
    samples = open_dataset(small_data)
    weights = SeedClassifier.from_pretrained(through_filters).config.band_weights
    assert weights is not None
    needed = sorted({band for pairs in weights for band, _ in pairs})
    assert len(needed) < samples.bands

    def spoilt(hs: np.ndarray) -> np.ndarray:
        other = np.full_like(hs, 77)
        other[..., needed] = hs[..., needed]
        return other

    folder = tmp_path / "spoilt"
    write_tfrecords(folder, [replace(s, hs=spoilt(s.hs)) for s in samples[:]])
    DatasetInfo(simulated=True, wavelengths_nm=samples.wavelengths_nm).save(folder)
    tables = []
    for data in (small_data, folder):
        out = tmp_path / f"e-{data.name}"
        words = ("evaluate", "--weights", through_filters, "--data", data, "--out", out)
        assert run(capsys, *words, "--part=all").code == 0
        tables.append({row["id"]: row["probability"] for row in rows(out / "predictions.csv")})
    assert tables[0] == tables[1]


def test_it_is_said_what_is_looked_at(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    words = ("--data", small_data, "--out", tmp_path / "r", "--bands", "480nm,560nm@60")
    ran = run(capsys, "finetune", *words, "--epochs=1", "--precision=32", "--logger=none")
    assert ran.code == 0
    assert "fine-tuning (RGB and 1 band and 1 filter)" in ran.err


@pytest.mark.parametrize(
    ("bands", "told"),
    [
        ("490nm@40,2500nm@40", "no band at 2500 nm (nearest: 1000 nm)"),
        ("490nm@40,490nm@40", "the filter around band 2 twice"),
        ("490@40", "is not understood"),
        ("490nm@0", "needs a width above 0"),
    ],
)
def test_filters_that_cannot_be(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path, bands: str, told: str
) -> None:
    words = ("finetune", "--data", small_data, "--out", tmp_path / "r", "--bands", bands)
    lines = mistakes(run(capsys, *words))
    assert told in lines[0]
    assert not (tmp_path / "r").exists()


def test_unknown_wavelengths_are_not_guessed(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_data, data)
    (data / "dataset.json").unlink()
    words = ("finetune", "--data", data, "--out", tmp_path / "r", "--bands", FILTERS)
    (line,) = mistakes(run(capsys, *words))
    assert "the wavelengths of this sensor are unknown" in line


def test_one_channel_cannot_be_scaled_over_itself(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    words = ("finetune", "--data", small_data, "--out", tmp_path / "r", "--bands=560nm@60")
    (line,) = mistakes(run(capsys, *words, "--scale=after"))
    assert "a single one here" in line
    assert not (tmp_path / "r").exists()


def test_the_authors_command_takes_them_too(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    authors_finetune(
        [
            f"--scr_dir={small_data}", "--from_scratch=True", "--epochs=1", "--batch_size=16",
            "--hs_image_size=8", "--rgb_image_size=48", "--hs_num_patches=12",
            "--hs_num_channels=3", f"--select_channels_strategy={FILTERS}", "--out=r",
        ],
        "mae_trainer_finetuning.py",
    )  # fmt: skip
    assert len(SeedClassifier.from_pretrained(Path("r")).config.band_weights or ()) == 3
