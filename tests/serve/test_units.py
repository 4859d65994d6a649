"""A model that holds values against those it learned from is not shown another unit."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from bimae.data import open_dataset
from bimae.serve.service import Service
from tests.export.cases import classifier
from tests.serve import files
from tests.serve.conftest import served

HS = files.cube()
RAW = (HS * 3000 + 100).astype(np.uint16)
WHITE = np.full((2, files.SIDE, files.BANDS), 3100, np.uint16)
DARK = np.full((2, files.SIDE, files.BANDS), 100, np.uint16)
SCAN = files.envi(RAW)
WHOLE = [*SCAN, *files.envi(WHITE, "WHITEREF_scan"), *files.envi(DARK, "DARKREF_scan")]


@contextmanager
def learned_from(unit: str, folder: Path, small_data: Path) -> Iterator[tuple[TestClient, Service]]:
    model = classifier(open_dataset(small_data), "standard", modality="hs")
    model.save_pretrained(folder / "model")
    (folder / "model" / "about.json").write_text(json.dumps({"data": {"unit": unit}}))
    with served(folder) as found:
        yield found


def test_another_unit_is_refused_and_others_are_not_held_up(
    tmp_path: Path, small_data: Path
) -> None:
    with learned_from("reflectance", tmp_path, small_data) as (client, _):
        found = client.post("/predict", files={"hs": files.archive(*SCAN)})
        assert found.status_code == 422
        assert "hs: spectra are counts, but the model learned from reflectance" in found.text
        found = client.post("/predict", files={"hs": files.archive(*WHOLE)})
        assert found.status_code == 200
        assert not any("but the model learned from" in note for note in found.json()["notes"])
        # tells no unit, and is not of the size that was learned from; then of that size
        found = client.post("/predict", files={"hs": files.npy(HS)})
        assert found.status_code == 422 and "most likely they are in another unit" in found.text
        found = client.post("/predict", files={"hs": files.npy(HS * np.float32(170))})
        assert any(
            "the model learned from reflectance, but these data do not tell" in note
            for note in found.json()["notes"]
        )


def test_reflectance_becomes_the_bytes_that_were_learned_from(
    tmp_path: Path, small_data: Path
) -> None:
    unit = "reflectance x 255, rounded"
    with learned_from(unit, tmp_path, small_data) as (client, _):
        found = client.post("/predict", files={"hs": files.archive(*WHOLE)})
        assert found.status_code == 200, found.text
        assert not any("but the model learned from" in note for note in found.json()["notes"])
        hs = np.rint(np.clip((RAW - 100.0) / 3000, 0, 1) * 255).astype(np.uint8)
        same = client.post("/predict", files={"hs": files.npy(hs)})
        assert list(found.json()["probabilities"].values()) == pytest.approx(
            list(same.json()["probabilities"].values()), abs=1e-3
        )
        percent = files.envi((HS * 100).astype(np.float32), **{"reflectance scale factor": 1})
        found = client.post("/predict", files={"hs": files.archive(*percent)})
        assert found.status_code == 422 and "no reflectance in" in found.text
