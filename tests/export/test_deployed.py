"""The module that is exported says what `bimae predict` says of a model folder, whatever model."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bimae.data import DatasetInfo, SeedDataset, Split, open_dataset
from bimae.errors import ModelError
from bimae.evaluate.beside import add_discriminant
from bimae.export.agreement import Agreement, Answers, compared
from bimae.export.deployed import Deployed
from bimae.export.sensor import OwnSensor, Turned
from bimae.model import SeedClassifier
from bimae.predict.calibrated import SCORES, Calibrated
from bimae.predict.network import Network
from bimae.train.scaling import reference_for
from tests.export.cases import FILTERS, PICKED, among, calibration, classifier, eager


@pytest.fixture(scope="module")
def data(small_data: Path) -> SeedDataset:
    return open_dataset(small_data)


@pytest.fixture(scope="module")
def folder(data: SeedDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Any model folder: what a file is said to be made of."""
    return classifier(data).save_pretrained(tmp_path_factory.mktemp("model") / "model")


def agreement(
    model: SeedClassifier,
    data: SeedDataset,
    folder: Path,
    bands: str = "auto",
    calibrated: Calibrated | None = None,
    **options: Any,
) -> Agreement:
    turned = Turned.to(model, data, options.pop("modality", "auto"), bands)
    plate = turned.plate(folder, {}, calibrated, **options)
    network = Network(turned.model, folder, turned.shown, turned.looks, calibrated)
    exported = eager(turned, plate, calibrated).on(data)
    indices = range(0, len(data), 4)
    true = Answers.of(network, data, indices, 64)
    found = Answers.of(exported, data, indices, 5)
    limits = () if calibrated is None else calibrated.conformal.thresholds
    limit = np.inf if calibrated is None else calibrated.reject.value
    return compared(true, found, limits, limit)


READS = {"all": {}, "picked": {"bands": PICKED}, "filters": {"band_weights": FILTERS}}


@pytest.mark.parametrize("reads", READS)
@pytest.mark.parametrize("scale", ["before", "after", "standard", "shape", "whitened"])
def test_every_scale_of_one_sensor(data: SeedDataset, folder: Path, scale: str, reads: str) -> None:
    changes = dict(READS[reads])
    if "band_weights" in changes:
        changes["bands"] = (4, 9, 6)
    found = agreement(classifier(data, scale, **changes), data, folder)
    assert found.holds, found
    assert found.samples == 19


ANYWHERE = ["auto", "480,550,670nm", "1,5,6,7", "490nm@60,650nm@90,800nm@40"]


@pytest.mark.parametrize("bands", ANYWHERE)
@pytest.mark.parametrize("scale", ["after", "standard", "shape", "whitened"])
def test_every_scale_of_any_sensor(data: SeedDataset, folder: Path, scale: str, bands: str) -> None:
    how = {"any_sensor": True, "positions": "wavelength", "tokens": "product"}
    model = classifier(data, scale, **how)
    found = agreement(model, data, folder, bands, modality="hs" if "@" in bands else "auto")
    assert found.holds, found


def test_bands_that_lack_are_made_up(data: SeedDataset, folder: Path) -> None:
    for positions in ("learned", "wavelength"):
        model = classifier(data, "whitened", any_sensor=True, among=among(), positions=positions)
        found = agreement(model, data, folder, "500,600,750nm")
        assert found.holds, found


def weighed(model: SeedClassifier, data: SeedDataset) -> None:
    """With a discriminant that counts as much as those that were weighed on real data do."""
    add_discriminant(model, data, Split(tuple(range(0, 76, 2)), (), (), "", 0))
    assert model.discriminant is not None
    model.discriminant.shares[1] = 0.3
    model.discriminant.turn_back()


@pytest.mark.parametrize("scale", ["before", "after", "standard", "shape", "whitened"])
@pytest.mark.parametrize("modality", ["bimodal", "hs", "rgb"])
def test_a_discriminant_beside_the_network(
    data: SeedDataset, folder: Path, scale: str, modality: str
) -> None:
    model = classifier(data, scale, modality=modality)
    weighed(model, data)
    made = calibration(Turned.to(model, data, "auto", "auto"), data, "mahalanobis")
    found = agreement(model, data, folder, calibrated=made)
    assert found.holds, found
    model.discriminant.shares[0] = 0  # alone
    model.discriminant.turn_back()
    turned = Turned.to(model, data, "auto", "auto")
    assert Deployed(turned.model, turned.looks, len(turned.picks), made).classifier is None
    found = agreement(model, data, folder, calibrated=made)
    assert found.holds, found


@pytest.mark.parametrize("bands", ANYWHERE)
@pytest.mark.parametrize("scale", ["standard", "shape", "whitened", "completed"])
def test_a_discriminant_of_any_sensor(
    data: SeedDataset, folder: Path, scale: str, bands: str
) -> None:
    how: dict[str, Any] = {"any_sensor": True, "positions": "wavelength", "tokens": "product"}
    if scale == "completed":
        how |= {"among": among()}
    scale = scale.replace("completed", "whitened")
    model = classifier(data, scale, **how)
    # measured: what is made up blows up rounding beyond what any data would
    sizes = replace(model.config.model, **reference_for(scale, data, range(0, 76, 2)))  # type: ignore[arg-type]
    model = SeedClassifier(replace(model.config, model=sizes)).eval()
    weighed(model, data)
    found = agreement(model, data, folder, bands, modality="hs" if "@" in bands else "auto")
    assert found.holds, found


@pytest.mark.parametrize("pool", ["mean", "raw_mean", "token"])
@pytest.mark.parametrize("modality", ["bimodal", "hs", "rgb"])
def test_every_pool_and_view(data: SeedDataset, folder: Path, pool: str, modality: str) -> None:
    found = agreement(classifier(data, pool=pool, modality=modality), data, folder)
    assert found.holds, found


@pytest.mark.parametrize("score", SCORES)
def test_every_score_of_strangeness(data: SeedDataset, folder: Path, score: Any) -> None:
    model = classifier(data, tokens="product")
    # whose classes a fresh head tells apart too little for anything to be judged
    model.head.weight.data *= 40
    made = calibration(Turned.to(model, data, "auto", "auto"), data, score)
    found = agreement(model, data, folder, calibrated=made)
    assert found.holds, found
    said = Answers.of(
        eager(turned := Turned.to(model, data, "auto", "auto"),
              turned.plate(folder, {}, made), made).on(data), data, range(len(data)), 64
    )  # fmt: skip
    assert said.sets is not None and said.rejected is not None
    assert 1 < said.sets.sum(axis=1).mean() < len(data.classes)
    assert 0 < said.rejected.mean() < 1


def test_other_types_of_pixels(data: SeedDataset, folder: Path) -> None:
    model = classifier(data, "standard")
    for hs_pixels in ("uint8", "uint16", "float32"):
        for rgb_pixels in ("uint8", "float32"):
            found = agreement(model, data, folder, hs_pixels=hs_pixels, rgb_pixels=rgb_pixels)
            assert found.holds, (hs_pixels, rgb_pixels, found)


def test_a_difference_is_noticed(data: SeedDataset, folder: Path) -> None:
    """The check that guards every file fails where it should."""
    model = classifier(data)
    turned = Turned.to(model, data, "auto", "auto")
    exported = eager(turned, turned.plate(folder, {}, None), None).on(data)
    model.head.bias.data[0] += 0.01  # type: ignore[union-attr]
    network = Network(turned.model, folder, turned.shown, turned.looks)
    true, found = (Answers.of(one, data, range(9), 9) for one in (network, exported))
    told = compared(true, found)
    assert not told.holds
    assert 1e-4 < told.probabilities < 1e-2


def test_the_own_sensor_stands_for_data_of_it(data: SeedDataset, folder: Path) -> None:
    model = classifier(data, any_sensor=True, positions="wavelength")
    own = OwnSensor.of(model.config, folder)
    plates = [
        Turned.to(model, sensor, "auto", "490nm@60,650nm").plate(folder, {}, None)
        for sensor in (own, data)
    ]
    assert plates[0].hs == plates[1].hs


def test_another_unit_is_refused(data: SeedDataset, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "reflectance"
    shutil.copytree(data.root, other)
    DatasetInfo.add(other, unit="reflectance")
    for scale, refused in (("standard", True), ("after", False)):
        turned = Turned.to(classifier(data, scale), data, "auto", "auto")
        plate = turned.plate(folder, {"data": {"unit": "counts"}}, None)
        exported = eager(turned, plate, None)
        if refused:
            with pytest.raises(ModelError, match="are reflectance, but deployed learned from coun"):
                exported.on(open_dataset(other))
            assert "do not tell the unit of spectra" in exported.on(data).feed.note
        else:
            assert exported.on(open_dataset(other)).feed.note == ""
