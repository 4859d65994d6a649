"""All maps of some samples in one call."""

import torch

from bimae.explain import explain_sample, token_weights
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
