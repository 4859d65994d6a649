"""What a classifier is shown: in one place, for every sensor."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bimae.data import open_dataset
from bimae.errors import ConfigError, ModelError
from bimae.evaluate.classification import classify
from bimae.evaluate.looks import look
from bimae.model import ClassifierConfig, SeedClassifier
from bimae.model.positions import WavelengthPositions
from bimae.spectra import band_shares
from tests.model.small import CONFIG


def classifier(small_data: Path, **changes: object) -> SeedClassifier:
    samples = open_dataset(small_data)
    nm = samples.wavelengths_nm
    assert nm is not None
    sizes = replace(
        CONFIG, bands=12, hs_size=8, rgb_size=48, band_positions="wavelength",
        wavelengths_nm=nm, widths_nm=tuple(band_shares(nm)),
    )  # fmt: skip
    config = ClassifierConfig(
        sizes, tuple(samples.classes), bands=tuple(range(12)), scale="after", any_sensor=True,
        wavelengths_nm=nm,
    )  # fmt: skip
    return SeedClassifier(replace(config, **changes))  # type: ignore[arg-type]


def positions(model: SeedClassifier) -> torch.Tensor:
    found = model.trunk.hs.positions
    assert isinstance(found, WavelengthPositions)
    return found()


def test_a_filter_stands_at_its_own_centre_and_bands_come_back_after_it(small_data: Path) -> None:
    model, samples = classifier(small_data), open_dataset(small_data)
    before = positions(model)
    found = look(model, samples, modality="hs", bands="560nm@80,700nm@150")
    assert found.rows is not None
    assert found.rows.tolist() == [0, 1]
    assert positions(model).shape == (2, CONFIG.width)
    assert not any(torch.allclose(positions(model)[0], row) for row in before)
    classify(model, samples, range(4), looks=found)
    look(model, samples)
    assert torch.equal(positions(model), before)


def test_a_narrow_filter_is_the_band(small_data: Path) -> None:
    model, samples = classifier(small_data), open_dataset(small_data)
    nm = samples.wavelengths_nm
    assert nm is not None
    narrow = look(model, samples, bands=f"{nm[3]:.1f}nm@1,{nm[8]:.1f}nm@1")
    one = classify(model, samples, range(6), looks=narrow).probabilities
    named = look(model, samples, bands="3,8")
    other = classify(model, samples, range(6), looks=named).probabilities
    assert abs(one - other).max() < 1e-5


def test_learned_positions_know_one_sensor(small_data: Path, tmp_path: Path) -> None:
    samples = open_dataset(small_data)
    sizes = replace(CONFIG, bands=20, hs_size=8, rgb_size=48)
    config = ClassifierConfig(sizes, tuple(samples.classes), bands=(0, 1))
    with pytest.raises(ModelError, match="12 bands, this model was made for 20"):
        look(SeedClassifier(config), samples)
    fit = ClassifierConfig(replace(sizes, bands=12), tuple(samples.classes), bands=(0, 1))
    assert "by number" not in look(SeedClassifier(fit), samples).note
    with pytest.raises(ConfigError, match="only a model of any sensor"):
        look(SeedClassifier(fit), samples, modality="rgb")
