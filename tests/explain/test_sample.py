"""All maps of some samples in one call."""

import numpy as np
import pytest
import torch

from bimae.explain import explain_sample, token_weights
from bimae.model import Modality, SeedClassifier
from tests.explain.test_weights import classifier, shown


def test_all_maps_at_once() -> None:
    model = classifier()
    hs, rgb = shown()
    found = explain_sample(model, hs, rgb)
    weighed = token_weights(model, hs, rgb)
    assert found.bands is not None and found.tiles is not None and found.regions is not None
    assert found.bands.shape == (3, 10) and found.tiles.shape == (3, 4, 4)
    assert found.regions.shape == (3, 6, 6)
    assert torch.equal(found.bands, weighed.bands) and torch.equal(found.classes, weighed.classes)
    # where the image is its own mean nothing is taken out
    even = hs.mean((2, 3), keepdim=True).expand_as(hs)
    flat = explain_sample(model, even, rgb).regions
    assert flat is not None
    assert flat.abs().max() < 1e-4 < found.regions.abs().max()


def test_one_view() -> None:
    hs, rgb = shown(2)
    found = explain_sample(classifier("rgb"), hs, rgb)
    assert found.bands is None and found.regions is None and found.tiles is not None
    found = explain_sample(classifier("hs"), hs, None, classes=torch.tensor([2, 0]))
    assert found.tiles is None and found.regions is not None
    assert found.classes.tolist() == [2, 0]


@pytest.mark.parametrize("modality", ["bimodal", "hs", "rgb"])
def test_a_discriminant_alone_has_no_attention(modality: Modality) -> None:
    model = beside(classifier(modality), network=0.0)
    hs, rgb = shown(2)
    found = explain_sample(model, hs, rgb)
    said = model(hs, rgb).softmax(dim=1)
    assert torch.equal(found.classes, said.argmax(dim=1))
    assert torch.equal(found.probability, said.max(dim=1).values)
    assert found.bands is None and found.tiles is None
    assert (found.tile_falls is None) is (modality == "hs")
    assert (found.band_falls is None) is (found.regions is None) is (modality == "rgb")
    if found.tile_falls is not None:
        assert found.tile_falls.shape == (2, 4, 4) and found.tile_falls.abs().max() > 1e-3
    if found.band_falls is not None:
        assert found.band_falls.shape == (2, 10) and found.band_falls.abs().max() > 1e-3


def test_beside_a_network_it_has() -> None:
    found = explain_sample(beside(classifier(), network=0.5), *shown(2))
    assert found.bands is not None and found.tiles is not None and found.tile_falls is None


def beside(model: SeedClassifier, *, network: float) -> SeedClassifier:
    """The same with a discriminant that knows something."""
    made, draw = model.add_discriminant(), np.random.default_rng(0)
    size = made.means.shape[1]
    root = draw.normal(0, 0.1, (size, size))
    made.learn(draw.normal(0.5, 0.1, (3, size)), root @ root.T + 0.1 * np.eye(size), [0.0] * 3)
    made.shares.copy_(torch.tensor([[network], [1.0]]))
    return model
