"""The model card says what was found out, and nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bimae.data import Split, open_dataset
from bimae.errors import ModelError
from bimae.evaluate.classification import Predictions, score
from bimae.model import ClassifierConfig
from bimae.report.card import about, card, measured, read_about, write_card
from tests.model.small import CONFIG

CONFIGURED = ClassifierConfig(
    CONFIG, ("oat", "rye"), bands=(0, 5), wavelengths_nm=tuple(400.0 + 10 * n for n in range(20))
)


def facts(small_data: Path, *, part: str = "test") -> dict[str, object]:
    samples = open_dataset(small_data)
    split = Split(tuple(range(6)), (6, 7), tuple(range(8, 12)), "told")
    truth = np.array([0, 0, 0, 1])
    answers = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]], np.float32)
    results = score(Predictions(("oat", "rye"), list("abcd"), truth, answers))
    options = {"epochs": 3, "data": Path("/home/somebody/data")}
    return about(samples, split, options) | {"tested": measured(results, part)}


def test_it_says_what_was_measured(small_data: Path) -> None:
    text = card(CONFIGURED, facts(small_data))
    assert "SIMULATED data" in text.split("## What it reads")[0]
    assert "2 channels (400, 450 nm)" in text
    assert "RGB image of 32x32 pixels" in text
    assert "4 SIMULATED samples: accuracy 0.500" in text
    assert "| oat | 1.000 | 0.333 | 3 |" in text
    assert "finds less than half: oat (0.33)" in text
    assert "no official certificate" in text
    assert "It knows 2 classes. Whatever else is shown is called one of these.\n" in text
    assert "6 samples to learn from, 2 for validation, 4 kept" in text


def test_a_figure_of_the_training_part_is_called_so(small_data: Path) -> None:
    assert "**which it has learned from**" in card(CONFIGURED, facts(small_data, part="train"))


def test_what_is_not_known_is_not_said(small_data: Path) -> None:
    real = facts(small_data)
    real["data"] = {"name": "mine", "simulated": False}
    del real["tested"]
    blind = replace(CONFIGURED, wavelengths_nm=None, any_sensor=True, scale="after")
    text = card(blind, real)
    assert "SIMULATED" not in text
    assert "Not tested." in text
    assert "wavelengths are unknown" in text
    assert "a model of any sensor" in text
    rgb = replace(CONFIGURED, modality="rgb", bands=())
    assert "spectral image" not in card(rgb, real)
    assert "has to be fine-tuned" in card(CONFIG, real)
    assert "## Its" not in card(CONFIG, real)
    assert card(CONFIGURED, {})  # a folder without facts


def test_no_path_of_this_machine_is_told(small_data: Path, tmp_path: Path) -> None:
    write_card(tmp_path, CONFIGURED, facts(small_data))
    found = (tmp_path / "about.json").read_text() + (tmp_path / "README.md").read_text()
    assert "somebody" not in found
    assert str(small_data) not in found
    assert read_about(tmp_path)["options"] == {"epochs": 3}
    assert json.loads((tmp_path / "about.json").read_text())["data"]["learned_per_class"]
    assert read_about(tmp_path / "elsewhere") == {}
    (tmp_path / "about.json").write_text("[]")
    with pytest.raises(ModelError, match=r"about\.json: an object is expected, found list"):
        read_about(tmp_path)
