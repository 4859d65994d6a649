"""Spectra of another size than those learned from, where nobody tells their unit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bimae.data import DatasetInfo, SeedDataset, open_dataset, write_tfrecords
from bimae.errors import ModelError
from bimae.evaluate.level import check_level, usual_level
from bimae.evaluate.looks import look
from bimae.evaluate.sensor import Learned
from bimae.model import SeedClassifier
from bimae.train.scaling import reference_for
from tests.export.cases import classifier


def scaled(source: SeedDataset, folder: Path, factor: float, unit: str = "") -> SeedDataset:
    made = (replace(s, hs=s.hs.astype(np.float32) * factor) for s in list(source)[:20])
    write_tfrecords(folder, made)
    info = DatasetInfo("x", simulated=True, wavelengths_nm=source.wavelengths_nm, unit=unit)
    info.save(folder)
    return open_dataset(folder)


@pytest.fixture(scope="module")
def data(small_data: Path) -> SeedDataset:
    return open_dataset(small_data)


def model_of(data: SeedDataset, scale: str) -> SeedClassifier:
    made = classifier(data, scale)
    sizes = replace(made.config.model, **reference_for(scale, data, range(76)))  # type: ignore[arg-type]
    return SeedClassifier(replace(made.config, model=sizes)).eval()


@pytest.mark.parametrize("scale", ["standard", "shape", "whitened"])
def test_reflectance_is_not_its_bytes(data: SeedDataset, tmp_path: Path, scale: str) -> None:
    model = model_of(data, scale)
    usual = usual_level(model.config)
    assert usual is not None
    stored = np.stack([s.hs for s in data])
    assert usual == pytest.approx(stored[stored.any(axis=-1)].mean(), rel=0.01)
    for name, factor in (("dark", 1 / 255), ("bright", 255)):
        other = scaled(data, tmp_path / name, factor)
        with pytest.raises(ModelError, match=r"dark: .* on average|bright: .* on average"):
            look(model, other, learned=Learned())
        look(model, other)  # nobody asked
    half = scaled(data, tmp_path / "half", 0.5)
    check_level(half, model.config, Learned())


def test_what_is_said_goes_before_what_is_measured(data: SeedDataset, tmp_path: Path) -> None:
    model = model_of(data, "whitened")
    other = scaled(data, tmp_path / "own", 1 / 255, "watts")
    check_level(other, model.config, Learned("watts"))
    with pytest.raises(ModelError, match="most likely they are in another unit"):
        check_level(other, model.config, Learned())


@pytest.mark.parametrize("scale", ["before", "after"])
def test_scaling_of_each_pixel_does_not_care(data: SeedDataset, tmp_path: Path, scale: str) -> None:
    model = classifier(data, scale)
    assert usual_level(model.config) is None
    check_level(scaled(data, tmp_path / "dark", 1 / 255), model.config, Learned())
