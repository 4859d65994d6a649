"""Attention written out, rollout, relevance."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bimae.explain import token_weights
from bimae.explain.attention import attended
from bimae.explain.rollout import relevance, rollout
from bimae.model import ClassifierConfig, Modality, Pool, SeedClassifier
from tests.model.small import CONFIG, images

CLASSES = ("oat", "rye", "wheat")


def classifier(
    modality: Modality = "bimodal", pool: Pool = "mean", *, any_sensor: bool = False, seed: int = 3
) -> SeedClassifier:
    sizes = CONFIG
    if any_sensor:
        nm = tuple(400.0 + 30 * i for i in range(CONFIG.bands))
        sizes = replace(CONFIG, band_positions="wavelength", wavelengths_nm=nm,
                        widths_nm=(30.0,) * CONFIG.bands)  # fmt: skip
    config = ClassifierConfig(
        sizes, CLASSES, modality, () if modality == "rgb" else tuple(range(0, 20, 2)), pool,
        scale="after" if any_sensor else "before", any_sensor=any_sensor,
        wavelengths_nm=sizes.wavelengths_nm,
    )  # fmt: skip
    model = SeedClassifier(config, generator=torch.Generator().manual_seed(seed)).eval()
    with torch.no_grad():  # fresh weights answer nearly alike to everything
        for parameter in model.parameters():
            parameter.mul_(1.5)
    return model


def shown(batch: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    hs, rgb = images(batch, seed)
    return hs[:, ::2], rgb


@pytest.mark.parametrize("pool", ["mean", "raw_mean", "token"])
@pytest.mark.parametrize("modality", ["bimodal", "hs", "rgb"])
def test_the_written_out_pass_is_the_model_s_own(modality: Modality, pool: Pool) -> None:
    model = classifier(modality, pool)
    found = attended(model, *shown())
    torch.testing.assert_close(found.logits, model(*shown()), atol=1e-5, rtol=0)
    assert len(found.weights) == CONFIG.depth
    for weights in found.weights:
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))
    assert found.bands == (0 if modality == "rgb" else 10)
    assert found.tiles == (0 if modality == "hs" else 16)
    if found.said is not None:
        torch.testing.assert_close(found.said.mean(dim=1), found.logits)


def test_a_model_of_any_sensor_is_shown_what_there_is() -> None:
    model = classifier(any_sensor=True)
    hs, rgb = shown()
    rows = torch.tensor([1, 4, 5])
    for views in ((hs[:, :3], None), (hs[:, :3], rgb)):
        found = attended(model, *views, rows)
        torch.testing.assert_close(found.logits, model(*views, rows), atol=1e-5, rtol=0)
        weighed = token_weights(model, *views, rows)
        assert weighed.bands is not None and weighed.bands.shape == (3, 3)
        assert (weighed.tiles is None) == (views[1] is None)


def test_rollout_by_hand() -> None:
    first = torch.tensor([[[[1.0, 0.0], [0.5, 0.5]]]])
    second = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]]])  # two heads
    a = np.array([[1, 0], [0.25, 0.75]])
    b = np.array([[0.75, 0.25], [0, 1]])
    found = rollout([first, second])[0].numpy()
    np.testing.assert_allclose(found, b @ a)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_relevance_is_that_of_the_gradients() -> None:
    """One block: the positive part of weight times gradient, found here by small changes."""
    model = classifier("hs")
    model.trunk.encoder = type(model.trunk.encoder)(replace(CONFIG, depth=1))
    hs = shown(1)[0]
    found = attended(model, hs)
    got = relevance(found, found.logits[:, 1])
    (gradient,) = torch.autograd.grad(attended(model, hs).logits[0, 1], found.weights,
                                      allow_unused=True)  # fmt: skip
    assert gradient is None  # of another pass: they hang together within one alone
    again = attended(model, hs)
    (gradient,) = torch.autograd.grad(again.logits[0, 1], again.weights)
    expected = (again.weights[0] * gradient).clamp(min=0).mean(dim=1)
    torch.testing.assert_close(got, expected.detach())


def test_weights_sum_to_one_and_relevance_depends_on_the_class() -> None:
    model = classifier()
    found = {}
    for by in ("relevance", "rollout"):
        for number in (0, 2):
            classes = torch.full((3,), number)
            weighed = token_weights(model, *shown(), classes=classes, by=by)
            assert weighed.bands is not None and weighed.tiles is not None
            both = torch.cat([weighed.bands, weighed.tiles], dim=1)
            assert both.shape == (3, 26) and (both >= 0).all()
            torch.testing.assert_close(both.sum(dim=1), torch.ones(3))
            odds = model(*shown()).softmax(dim=1)[:, number]
            torch.testing.assert_close(weighed.probability, odds)
            assert weighed.tile_map()[1, 2, 3] == weighed.tiles[1, 11]
            found[by, number] = both
    assert torch.equal(found["rollout", 0], found["rollout", 2])
    assert not torch.allclose(found["relevance", 0], found["relevance", 2])


def test_a_sample_is_explained_alone_as_among_others() -> None:
    model = classifier(pool="token")
    hs, rgb = shown()
    together = token_weights(model, hs, rgb)
    alone = token_weights(model, hs[1:2], rgb[1:2])
    assert together.bands is not None and alone.bands is not None
    torch.testing.assert_close(together.bands[1:2], alone.bands)
    assert torch.equal(together.classes, model(hs, rgb).argmax(dim=1))


def test_frozen_weights_and_inference_mode_do_not_matter() -> None:
    model = classifier()
    free = token_weights(model, *shown())
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    assert free.bands is not None
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            frozen = token_weights(model, *shown())
        assert frozen.bands is not None
        assert torch.equal(free.bands, frozen.bands)
        assert not frozen.probability.requires_grad
