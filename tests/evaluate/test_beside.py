"""A discriminant beside a network: measured on data, weighed, and turned with the model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf

from bimae.data import SeedDataset, Split, open_dataset
from bimae.data.batch import Sensor
from bimae.data.loading import seed_loader
from bimae.data.splits import split_dataset
from bimae.errors import ConfigError, DataError
from bimae.evaluate.beside import _weights, add_discriminant
from bimae.evaluate.classification import classify
from bimae.evaluate.gaussian import Looked, gaussian
from bimae.evaluate.held import answers, hold
from bimae.evaluate.looks import look
from bimae.model import SeedClassifier
from bimae.model.mean_layer import mean_spectrum
from bimae.spectra import filter_weights
from bimae.train.scaling import among_for, reference_for
from bimae.train.sensors import usual_sensors
from tests.export.cases import classifier

ANY = {"any_sensor": True, "positions": "wavelength", "tokens": "product"}


@pytest.fixture(scope="module")
def samples(small_data: Path) -> SeedDataset:
    return open_dataset(small_data)


@pytest.fixture(scope="module")
def split(samples: SeedDataset) -> Split:
    return split_dataset(samples, seed=0)


def model_of(
    samples: SeedDataset, split: Split, scale: str = "whitened", **changes: Any
) -> SeedClassifier:
    """A fresh classifier whose scale was measured on the data."""
    model = classifier(samples, scale, **changes)
    sizes = replace(model.config.model, **reference_for(scale, samples, split.train))  # type: ignore[arg-type]
    return SeedClassifier(replace(model.config, model=sizes)).eval()


def drawn(seed: int, classes: int = 3, each: int = 8, bands: int = 4) -> Looked:
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(classes), each)
    root = rng.normal(0, 1, (bands, bands))
    features = rng.normal(0, 1, (len(truth), bands + 6)) + rng.normal(0, 2, (classes, 1))[truth]
    return Looked(features, root @ root.T + np.eye(bands), truth)


@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_units_of_the_features_do_not_matter(seed: int, unit: float) -> None:
    seen = drawn(seed)
    factor = np.ones(10)
    factor[:4] = unit  # of spectra all alike: inside objects they vary by the same factor
    factor[4:] = np.geomspace(0.1, 10, 6)
    other = Looked(seen.features * factor, seen.inside * unit**2, seen.truth)
    means, covariance, shrinkage = gaussian(seen, 3)
    found = gaussian(other, 3)
    np.testing.assert_allclose(found[0], means * factor)
    np.testing.assert_allclose(
        found[1], covariance * factor * factor[:, None], rtol=1e-4, atol=1e-8
    )
    assert abs(found[2] - shrinkage) < 1e-6


def test_it_is_shrunk_towards_what_varies_inside_objects() -> None:
    """Where pixels vary alike in all directions that is scikit-learn's Ledoit-Wolf estimate."""
    seen = drawn(1)
    plain = Looked(seen.features[:, :4], np.eye(4), seen.truth)
    means, covariance, shrinkage = gaussian(plain, 3)
    off = plain.features - means[seen.truth]
    expected, share = ledoit_wolf(off, assume_centered=True)
    assert abs(shrinkage - share) < 1e-4
    np.testing.assert_allclose(covariance, expected * 24 / 21, rtol=1e-3)
    single = Looked(plain.features[::8], np.diag([1.0, 4.0, 9.0, 16.0]), np.arange(3))
    _, covariance, shrinkage = gaussian(single, 3)
    assert shrinkage == 1
    np.testing.assert_allclose(covariance / covariance[0, 0], np.diag([1, 4, 9, 16]), rtol=1e-3)


def test_objects_of_one_pixel() -> None:
    seen = drawn(2)
    means, covariance, _ = gaussian(Looked(seen.features, np.zeros((4, 4)), seen.truth), 3)
    assert np.isfinite(covariance).all()
    assert (np.linalg.eigvalsh(covariance) > 0).all()
    np.testing.assert_allclose(means[1], seen.features[8:16].mean(axis=0))


def test_a_class_without_samples(samples: SeedDataset, split: Split) -> None:
    lacks = samples.classes[0]
    kept = tuple(i for i in split.train if samples.labels[i] != lacks)
    model = model_of(samples, split)
    add_discriminant(model, samples, Split(kept, (), (), "", 0), trained=False)
    said = classify(model, samples, range(len(samples))).probabilities
    assert said[:, 0].max() < 0.01
    assert np.isfinite(said).all()
    with pytest.raises(DataError, match="one class only"):
        same = tuple(i for i in split.train if samples.labels[i] == lacks)
        add_discriminant(model, samples, Split(same, (), (), "", 0))


def _never(*_: object) -> None:
    raise AssertionError("a network that does not count is not run")


@pytest.mark.parametrize("scale", ["before", "after", "standard", "shape", "whitened"])
@pytest.mark.parametrize("modality", ["hs", "rgb", "bimodal"])
def test_alone_it_tells_simulated_seeds_apart(
    samples: SeedDataset, split: Split, scale: str, modality: str
) -> None:
    model = model_of(samples, split, scale, modality=modality)
    by_chance = (classify(model, samples, split.train).probabilities).argmax(axis=1)
    found = add_discriminant(model, samples, split, trained=False)
    assert found.shares["own"][0] == 0
    model.trunk.register_forward_pre_hook(_never)
    model.trunk.encoder.register_forward_pre_hook(_never)
    said = classify(model, samples, split.train)
    right = (said.probabilities.argmax(axis=1) == said.truth).mean()
    assert right > max(0.6, (by_chance == said.truth).mean() + 0.2)


def test_what_it_is_weighed_against(samples: SeedDataset, split: Split) -> None:
    part = Split(split.train, split.train, (), "", 0)  # enough to weigh on
    model = model_of(samples, split)
    network = classify(model, samples, split.train).probabilities
    found = add_discriminant(model, samples, part)
    assert found.weighed_on == len(split.train)
    assert found.shares["own"][1] > 0
    told = classify(model, samples, split.train)
    rows = np.arange(len(told.truth))
    loss = -np.log(told.probabilities[rows, told.truth]).mean()
    assert loss < -np.log(network[rows, told.truth]).mean(), "the network alone is one of the ways"
    few = Split(split.train, split.train[:5], (), "", 0)
    found = add_discriminant(model_of(samples, split), samples, few)
    assert (found.shares, found.weighed_on) == ({"own": (1, 1)}, 0)


def test_a_few_that_it_is_sure_and_wrong_about_do_not_decide() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 200)
    own = 6.0 * np.eye(4)[truth] + rng.normal(0, 1, (200, 4))
    network = 1.0 * np.eye(4)[truth] + rng.normal(0, 1, (200, 4))
    own[:4] = -300.0 * np.eye(4)[truth[:4]]
    both = np.stack([network, own])
    found = _weights(both, truth, np.ones(200), trained=True)
    right = (np.tensordot(found, both, axes=1).argmax(axis=1) == truth).mean()
    assert right > 0.95 > (network.argmax(axis=1) == truth).mean()
    noise = rng.normal(0, 3, (200, 4))
    useless = _weights(np.stack([6.0 * np.eye(4)[truth], noise]), truth, np.ones(200), trained=True)
    assert useless[1] < 0.2 * useless[0]
    assert _weights(both, truth, np.ones(200), trained=False)[0] == 0


def test_classes_that_count_more_are_likelier(samples: SeedDataset, split: Split) -> None:
    counts = [sum(samples.labels[i] == name for i in split.train) for name in samples.classes]
    model = model_of(samples, split)
    nothing = Split(split.train, (), (), "", 0)
    add_discriminant(model, samples, nothing)
    assert model.discriminant is not None
    np.testing.assert_allclose(model.discriminant.prior.exp(), np.array(counts) / sum(counts))
    balanced = [1 / n for n in counts]
    add_discriminant(model, samples, nothing, class_weights=balanced)
    np.testing.assert_allclose(model.discriminant.prior.exp(), 1 / len(counts))


def test_what_one_camera_shows_has_to_tell_of_others(samples: SeedDataset, split: Split) -> None:
    model = classifier(samples, "after", **ANY)
    with pytest.raises(ConfigError, match="scale whitened, shape or standard"):
        add_discriminant(model, samples, split)
    assert model.discriminant is None


SHOWN = ["auto", "0,4,7", "470nm,600nm", "460nm@40,610nm@60,905nm@80"]


@pytest.mark.parametrize("bands", SHOWN)
@pytest.mark.parametrize("scale", ["standard", "shape", "whitened"])
def test_a_model_of_any_sensor_says_what_one_of_that_camera_says(
    samples: SeedDataset, split: Split, scale: str, bands: str
) -> None:
    """Learned from all bands and asked for some: as if learned from these, to what is cut off."""
    whole = model_of(samples, split, scale, **ANY)
    nothing = Split(split.train, (), (), "", 0)
    add_discriminant(whole, samples, nothing, trained=False)
    shown = look(whole, samples, modality="hs", bands=bands)
    assert whole.discriminant is not None
    means, covariance, known, padding = whole.discriminant.seen(hs=True, rgb=False)
    assert padding is not None
    assert known is not None
    channels = shown.reading.weights or shown.reading.bands or ()
    assert covariance.shape == (len(channels), len(channels))
    spectra, labels = [], []
    for batch in seed_loader(samples, split.train, shown.reading, batch_size=64):
        hs, _ = batch.images(Sensor(rgb=False), cut=False)
        assert hs is not None
        assert batch.label is not None
        spectra.append(mean_spectrum(hs.flatten(2), padding[:, None]).numpy())
        labels.append(batch.label.numpy())
    real, truth = np.concatenate(spectra), np.concatenate(labels)
    own = np.stack([real[truth == k].mean(axis=0) for k in range(len(samples.classes))])
    limit = 0.25 if "@" in bands else 0.1  # an average's logarithm is not that of averages
    assert np.abs(own - means).max() < limit * real.std(axis=0).mean()
    np.testing.assert_allclose(known[0], real, atol=limit * real.std(axis=0).mean() * 2)
    assert np.array_equal(known[1], truth)
    # and its answers are those of Gaussians around what the camera shows
    said = classify(whole, samples, split.train, looks=shown).probabilities
    inverse = np.linalg.pinv(covariance, rcond=1e-9, hermitian=True)
    directions = np.linalg.matrix_rank(covariance, rtol=1e-9, hermitian=True)
    width = (len(truth) / len(means)) ** (-1 / (directions + 4))
    spots = means[truth] + np.sqrt(1 - width**2) * (known[0] - means[truth])
    off = (real[:, None] - spots) / width
    near = -0.5 * np.einsum("nki,ij,nkj->nk", off, inverse, off)
    near -= near.max(axis=1, keepdims=True)
    odds = np.stack([np.exp(near)[:, truth == k].mean(axis=1) for k in range(len(means))], axis=1)
    expected = odds * whole.discriminant.prior.exp().numpy()
    np.testing.assert_allclose(said, expected / expected.sum(axis=1, keepdims=True), atol=2e-3)


def test_bands_that_lack_are_made_up(samples: SeedDataset, split: Split) -> None:
    model = model_of(samples, split, "whitened", **ANY)
    among = among_for(model.config.model, samples, split.train)
    model = SeedClassifier(replace(model.config, among=among)).eval()
    add_discriminant(model, samples, Split(split.train, (), (), "", 0), trained=False)
    for bands, least in (("auto", 0.8), ("0,3,6,9", 0.6)):
        shown = look(model, samples, modality="hs", bands=bands)
        found = classify(model, samples, split.train, looks=shown)
        assert (found.probabilities.argmax(axis=1) == found.truth).mean() > least


@pytest.mark.parametrize("text", ["0,4,7", "460nm@40,610nm@60,905nm@80"])
def test_what_is_held_turns_it_too(samples: SeedDataset, split: Split, text: str) -> None:
    model = model_of(samples, split, "whitened", **ANY)
    add_discriminant(model, samples, Split(split.train, (), (), "", 0))
    part = list(range(0, 40, 3))
    shown = look(model, samples, modality="hs", bands=text)
    expected = classify(model, samples, part, looks=shown)
    more = "0,2,4,5,7" if "@" not in text else f"430nm@40,{text},950nm@20"
    held = hold(model, samples, part, modality="hs", bands=more)
    picked = (0, 2, 4) if "@" not in text else (1, 2, 3)
    found = np.exp(answers(held, picked))
    np.testing.assert_allclose(found, expected.probabilities, atol=1e-4)
    every = np.exp(answers(held))
    assert np.abs(every - found).max() > 1e-3, "it was turned back"


def test_each_kind_of_camera_is_weighed(samples: SeedDataset, split: Split) -> None:
    model = model_of(samples, split, "whitened", **ANY)
    part = Split(split.train, split.train, (), "", 0)
    cameras = usual_sensors(12)
    found = add_discriminant(model, samples, part, cameras=cameras)
    assert found.weighed_on == len(split.train)
    assert list(found.shares) == ["rgb", "few", "many", "both"]
    made = model.discriminant
    assert made is not None
    shares = {kind: (network, own) for kind, (network, own) in found.shares.items()}
    assert made.counts(hs=False, rgb=True) == pytest.approx(shares["rgb"])
    assert made.counts(hs=True, rgb=True, places=(1, 2)) == pytest.approx(shares["both"])
    assert made.counts(hs=True, rgb=False, places=(1, 4, 7)) == pytest.approx(shares["few"])
    ten = made.counts(hs=True, rgb=False, places=tuple(range(10)))
    halfway = [(a + b) / 2 for a, b in zip(shares["few"], shares["many"], strict=True)]
    assert ten == pytest.approx(halfway)
    assert made.seen(hs=True, rgb=True)[0].shape[1] == 18, "it is turned back"


def test_filters_that_a_model_was_made_for(samples: SeedDataset, split: Split) -> None:
    nm = samples.wavelengths_nm
    assert nm is not None
    weights = tuple(filter_weights(nm, 470.0 + 150 * k, 60.0) for k in range(3))
    model = model_of(
        samples, split, "whitened", bands=(1, 4, 7), band_weights=weights, modality="hs"
    )
    add_discriminant(model, samples, split, trained=False)
    said = classify(model, samples, split.train)
    assert (
        said.probabilities.argmax(axis=1) == said.truth
    ).mean() > 0.4  # of 19 classes, by three filters
