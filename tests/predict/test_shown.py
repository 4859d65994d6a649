"""Whether a calibration is of a sensor."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from bimae.data import SeedDataset, open_dataset
from bimae.data.reading import Reading
from bimae.evaluate.looks import look
from bimae.model import ClassifierConfig, SeedClassifier
from bimae.predict.calibrated import find, load, save
from bimae.predict.shown import Shown
from tests.export.cases import classifier
from tests.predict.test_calibrated import made

EVEN = tuple(float(nm) for nm in np.linspace(400, 1000, 20))
TWENTY = Shown("bimodal", "auto", 20, EVEN)


def moved(shown: Shown, by: float) -> Shown:
    assert shown.nm is not None
    return replace(shown, nm=tuple(nm + by for nm in shown.nm))


@pytest.mark.parametrize(
    ("other", "far"),
    [
        (TWENTY, 0.0),
        (moved(TWENTY, 2.0), 2.0),  # of the same make
        (moved(TWENTY, 6.0), None),
        (replace(TWENTY, nm=tuple(np.linspace(450, 900, 20))), None),
        (replace(TWENTY, modality="hs"), None),
        (Shown("bimodal", "auto", 3, EVEN[:3]), None),
        (Shown("bimodal"), None),  # nobody knows of which sensor
        (replace(TWENTY, widths_nm=(30.0,) * 20), None),  # averages of bands, each 30 nm wide
        (replace(TWENTY, bands="all"), 0.0),
    ],
)
def test_channels_have_to_lie_where_they_lay(other: Shown, far: float | None) -> None:
    assert TWENTY.apart(other) == (None if far is None else pytest.approx(far))


def test_channels_that_lie_close_may_move_less() -> None:
    fine = Shown("hs", "auto", 300, tuple(400 + 2.0 * i for i in range(300)))
    assert fine.apart(moved(fine, 0.9)) == pytest.approx(0.9)
    assert fine.apart(moved(fine, 1.5)) is None
    single = Shown("hs", "0", 1, (500.0,))
    assert single.apart(moved(single, 4)) == 4
    assert single.apart(moved(single, 9)) is None
    assert Shown("rgb").apart(Shown("rgb")) == 0


def test_without_wavelengths_what_was_asked_for_decides() -> None:
    few = Shown("hs", "0,1,2", 3)
    assert few.apart(few) == 0
    assert few.apart(Shown("hs", "3,4,5", 3)) is None
    assert few.apart(Shown("hs", "0,1,2", 4)) is None
    assert few.apart(Shown("hs", "0,1,2", 3, (1.0, 2.0, 3.0))) == 0


def test_sensors_are_told_apart_in_words() -> None:
    assert TWENTY.whole == "both views, 20 bands 400-1000 nm"
    assert Shown("hs", "490nm@30,560nm", 2, (490.0, 561.1), (30.0, 0.0)).whole == (
        "spectra of 490nm@30,560nm, 2 channels at 490, 561.1 nm"
    )
    assert Shown("hs", "0,1", 2).whole == "spectra of 0,1, 2 bands"
    assert (Shown("rgb").whole, Shown("hs").whole) == ("RGB", "spectra")


@pytest.fixture(scope="module")
def data(small_data: Path) -> SeedDataset:
    return open_dataset(small_data, hs_size=8, rgb_size=48)


@pytest.mark.parametrize("bands", ["auto", "step_4", "550nm@60,700nm"])
def test_of_the_sensor_of_the_model_it_is_known_without_data(data: SeedDataset, bands: str) -> None:
    model = classifier(data, "standard", any_sensor=True, positions="wavelength")
    own = Shown("bimodal", bands).on_own(model.config)
    looks = look(model, data, bands=bands, labels=False)
    assert Shown.on(model.config, looks.reading, data, bands) == own
    assert own.nm is not None and len(own.nm) == own.channels
    assert (own.widths_nm is None) == ("@" not in bands)


def test_a_model_of_one_sensor_knows_where_its_bands_are(data: SeedDataset) -> None:
    """What bears its name may lie a little beside, or not tell: it was let in as that sensor."""
    config = replace(classifier(data).config, bands=(7, 2))
    nm = data.wavelengths_nm
    assert nm is not None
    shown = Shown.on(config, Reading.of(config), data)
    assert shown == Shown("bimodal").on_own(config)
    assert shown.nm == (round(nm[7], 1), round(nm[2], 1))
    blind = replace(config, wavelengths_nm=None)
    assert Shown.on(blind, Reading.of(blind), data) == Shown("bimodal", "auto", 2)


def before(folder: Path) -> None:
    """Makes the calibrations of a folder what they were before they said which channels."""
    file = folder / "calibration.safetensors"
    with safe_open(file, "numpy") as opened:
        header = dict(opened.metadata())
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    described = json.loads(header["calibrations"])
    for one in described:
        one["shown"] = {key: one["shown"][key] for key in ("modality", "bands")}
    header |= {"format": "1", "calibrations": json.dumps(described)}
    save_file(arrays, file, metadata=header)


def test_calibrations_of_before_are_of_the_sensor_of_the_model(
    data: SeedDataset, tmp_path: Path
) -> None:
    model = classifier(data, "standard", any_sensor=True, positions="wavelength")
    model.save_pretrained(tmp_path)
    asked = [Shown("bimodal"), Shown("hs", "step_4"), Shown("rgb"), Shown("hs", "2000nm")]
    for shown in asked:
        save(tmp_path, replace(made(), shown=shown))
    before(tmp_path)
    known = load(tmp_path)
    own = [shown.on_own(model.config) for shown in asked]
    assert [one.shown for one in known] == own
    assert [find(known, shown) for shown in own[:3]] == known[:3]
    assert own[3] == asked[3]  # the sensor lacks that: of which it is nobody knows
    assert find(known, moved(own[0], 40)) is None
    assert find(known, replace(own[0], channels=3, nm=(450.0, 550.0, 650.0))) is None
    save(tmp_path, replace(made(), shown=own[0]))  # in its place
    assert [one.shown for one in load(tmp_path)] == [*own[1:], own[0]]


def test_the_configuration_is_read_without_weights(data: SeedDataset, tmp_path: Path) -> None:
    model = classifier(data)
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    config = SeedClassifier.read_config(tmp_path)
    assert isinstance(config, ClassifierConfig) and config == model.config
