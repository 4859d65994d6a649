"""What a classifier is shown: in one place, for every sensor."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bimae.data import DatasetInfo, SeedDataset, open_dataset
from bimae.errors import ConfigError, ModelError
from bimae.evaluate.classification import classify
from bimae.evaluate.looks import look
from bimae.evaluate.sensor import Learned
from bimae.model import ClassifierConfig, SeedClassifier
from bimae.model.positions import WavelengthPositions
from bimae.spectra import band_shares
from tests.export.cases import classifier as of_scale
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


def copied(small_data: Path, folder: Path, **told: str) -> SeedDataset:
    """The same data, telling more of themselves."""
    shutil.copytree(small_data, folder)
    DatasetInfo.add(folder, **told)
    return open_dataset(folder)


@pytest.mark.parametrize("scale", ["standard", "shape", "whitened"])
def test_another_unit_is_refused_where_values_are_held_against_those_learned_from(
    small_data: Path, tmp_path: Path, scale: str
) -> None:
    plain, folder = open_dataset(small_data), tmp_path / "data"
    counts = copied(small_data, tmp_path / "counts", unit="counts")
    reflectance = copied(small_data, folder, unit="reflectance")
    model = of_scale(plain, scale)
    with pytest.raises(ModelError) as told:
        look(model, reflectance, learned=Learned("counts"))
    assert str(told.value) == (
        f"{folder}: spectra are reflectance, but the model learned from counts and holds values "
        "against those; use data in counts, or a model that learned from reflectance"
    )
    with pytest.raises(ModelError, match="import: --white and --dark"):
        look(model, counts, learned=Learned("reflectance"))
    with pytest.raises(ModelError, match="import: --store uint8"):
        look(model, reflectance, learned=Learned("reflectance x 255, rounded"))
    assert look(model, counts, learned=Learned("Counts")).note == ""
    assert look(model, plain, learned=Learned()).note == ""
    assert "these data do not tell the unit" in look(model, plain, learned=Learned("counts")).note
    assert "the model does not tell" in look(model, counts, learned=Learned()).note


def test_another_unit_does_not_matter_to_a_scale_within_the_pixel_or_to_colours(
    small_data: Path, tmp_path: Path
) -> None:
    counts = copied(small_data, tmp_path / "counts", unit="counts")
    for model in (
        of_scale(counts, "before"), of_scale(counts, "after"), of_scale(counts, modality="rgb")
    ):  # fmt: skip
        assert look(model, counts, learned=Learned("reflectance")).note == ""
    anywhere = of_scale(counts, "standard", any_sensor=True, positions="wavelength")
    colours = look(anywhere, counts, modality="rgb", learned=Learned("reflectance"))
    assert colours.note == ""
    with pytest.raises(ModelError, match="spectra are counts"):
        look(anywhere, counts, modality="hs", learned=Learned("reflectance"))


def test_colours_of_a_kind_that_the_model_never_saw(small_data: Path, tmp_path: Path) -> None:
    plain = open_dataset(small_data)
    made = copied(small_data, tmp_path / "made", rgb="false colour")
    both = copied(small_data, tmp_path / "both", rgb="camera and false colour")
    camera = copied(small_data, tmp_path / "camera", rgb="camera")
    model, learned = of_scale(plain, "before"), Learned(rgb="camera")
    assert look(model, made, learned=learned).note == (
        "RGB images are false colour made from bands, but the model learned from a camera's: its "
        "answers are not to be relied on"
    )
    note = look(model, both, learned=learned).note
    assert note.startswith("some RGB images are false colour")
    assert "answers to these are not" in note
    assert "are a camera's" in look(model, camera, learned=Learned(rgb="false colour")).note
    for data, known in (
        (camera, learned), (plain, learned), (made, Learned()), (both, Learned(rgb=both.info.rgb))
    ):  # fmt: skip
        assert look(model, data, learned=known).note == ""
    spectra = of_scale(plain, "before", modality="hs")
    assert look(spectra, made, learned=learned).note == ""
