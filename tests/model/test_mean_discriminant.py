"""Discriminant analysis beside a network: of all that is there, or of any part of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from bimae.errors import ModelError
from bimae.model import ClassifierConfig, SeedClassifier
from bimae.model.mean_discriminant import Camera, MeanDiscriminant
from bimae.model.mean_layer import _spots, colours_of, mean_spectrum
from tests.model.small import CONFIG

BANDS = 5
CONFIGURED = ClassifierConfig(
    replace(CONFIG, bands=BANDS, hs_size=3), ("a", "b", "c"), bands=tuple(range(BANDS))
)


def told(config: ClassifierConfig = CONFIGURED, seed: int = 0) -> MeanDiscriminant:
    """A discriminant that knows something."""
    rng = np.random.default_rng(seed)
    made = MeanDiscriminant(config)
    size = made.means.shape[1]
    root = rng.normal(0, 0.1, (size, size))
    made.learn(rng.normal(0.5, 0.1, (3, size)), root @ root.T, [-1.0, -0.5, -2.0])
    made.shares[1] = 1.0
    return made


def told_of_objects(classes: list[int], seed: int = 0) -> MeanDiscriminant:
    """One that knows objects of these class numbers."""
    rng = np.random.default_rng(seed)
    made = MeanDiscriminant(
        replace(CONFIGURED, discriminant=True, discriminant_objects=len(classes))
    )
    plain = told(seed=seed)
    of = np.array(classes)
    known = plain.means.numpy()[of] + rng.normal(0, 0.2, (len(of), plain.means.shape[1]))
    made.learn(plain.means.numpy(), plain.covariance.numpy(), plain.prior.tolist(), (known, of))
    made.shares[1] = 1.0
    return made


def views(seed: int = 0, count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return (
        torch.rand(count, BANDS, 9, generator=draw) * 0.8 + 0.1,
        torch.rand(count, 4, 48, generator=draw) * 0.9,
    )


def by_hand(features: np.ndarray, made: MeanDiscriminant, there: list[int]) -> np.ndarray:
    """Logarithms of Gaussian densities times priors, of some of the features."""
    means, prior = made.means.numpy()[:, there], made.prior.numpy()
    inverse = np.linalg.inv(made.covariance.numpy()[np.ix_(there, there)])
    off = features[:, None] - means
    return prior - 0.5 * np.einsum("nki,ij,nkj->nk", off, inverse, off)


def by_hand_of_objects(
    features: np.ndarray, made: MeanDiscriminant, there: list[int]
) -> np.ndarray:
    """Logarithms of sums of Gaussian densities around objects, times priors."""
    assert made.objects is not None
    assert made.of is not None
    known, of = made.objects.numpy()[:, there], made.of.numpy()
    means, prior = made.means.numpy()[:, there], made.prior.numpy()
    width = (len(of) / len(set(of.tolist()))) ** (-1 / (len(there) + 4))
    covariance = made.covariance.numpy()[np.ix_(there, there)] * width**2
    logs = []
    for label, mean in enumerate(means):
        own = known[of == label] if label in of else mean[None]
        spots = mean + np.sqrt(1 - width**2) * (own - mean)
        near = np.stack([multivariate_normal(s, covariance).logpdf(features) for s in spots])
        logs.append(logsumexp(near, axis=0) - np.log(len(spots)) + prior[label])
    return np.stack(logs, axis=1)


def softmax(logits: Any) -> np.ndarray:
    return torch.as_tensor(np.asarray(logits)).double().softmax(dim=1).numpy()


@pytest.mark.parametrize("shown", ["hs", "rgb", "both"])
def test_it_is_what_gaussians_of_the_views_that_are_there_say(shown: str) -> None:
    made, (hs, rgb) = told(), views(count=60)
    features = torch.cat([hs.mean(dim=2), colours_of(rgb)], dim=1).double().numpy()
    there = list(range(BANDS)) * (shown != "rgb") + list(range(BANDS, 11)) * (shown != "hs")
    said, _, _ = made(hs if shown != "rgb" else None, rgb if shown != "hs" else None)
    expected = softmax(by_hand(features[:, there], made, there))
    np.testing.assert_allclose(softmax(said), expected, atol=1e-4)
    assert shown == "rgb" or said.argmax(dim=1).unique().numel() > 1


def test_of_some_bands_it_is_as_if_made_for_these_alone() -> None:
    made, (hs, rgb) = told(), views()
    some = [0, 3, 4]
    features = torch.cat([hs[:, some].mean(dim=2), colours_of(rgb)], dim=1).double().numpy()
    there = [*some, *range(BANDS, 11)]
    for asked in (some, torch.tensor(some)):
        said, averages, _ = made(hs[:, some], rgb, asked)
        np.testing.assert_allclose(averages, features, rtol=1e-5)
        np.testing.assert_allclose(
            softmax(said), softmax(by_hand(features, made, there)), atol=1e-4
        )
    with pytest.raises(ModelError, match="hs shows 2 bands"):
        made(hs[:, :2], rgb, [0, 9])
    with pytest.raises(ModelError, match="say which bands"):
        made(hs[:, :2], rgb)


@pytest.mark.parametrize("there", [[0, 3, 4], list(range(BANDS))])
@pytest.mark.parametrize("shown", ["hs", "rgb", "both"])
def test_known_objects_are_gaussians_each(shown: str, there: list[int]) -> None:
    """As wide as Scott's rule says for what is there; a class of none has its mean."""
    made = told_of_objects([0, 0, 0, 2, 2, 2, 2, 0, 2])
    hs, rgb = views(count=60)
    features = torch.cat([hs[:, there].mean(dim=2), colours_of(rgb)], dim=1).double().numpy()
    columns = there * (shown != "rgb") + list(range(BANDS, 11)) * (shown != "hs")
    features = features[:, : len(there)] if shown == "hs" else features[:, -len(columns) :]
    said, _, _ = made(
        hs[:, there] if shown != "rgb" else None, rgb if shown != "hs" else None, there
    )
    expected = softmax(by_hand_of_objects(features, made, columns))
    np.testing.assert_allclose(softmax(said), expected, atol=2e-4)
    plain = told()
    other, _, _ = plain(
        hs[:, there] if shown != "rgb" else None, rgb if shown != "hs" else None, there
    )
    assert np.abs(softmax(other) - expected).max() > 0.05, "shape of the classes tells"


def test_one_object_of_each_class_is_its_mean() -> None:
    made, (hs, rgb) = told_of_objects([2, 0, 1]), views()
    torch.testing.assert_close(made(hs, rgb)[0], told()(hs, rgb)[0])


def test_the_whole_of_a_class_varies_as_the_class_does() -> None:
    """Objects move towards the mean by as much as Gaussians around them add."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (400, 3)) @ rng.normal(0, 1, (3, 3))
    means, covariance = x.mean(axis=0, keepdims=True), np.cov(x.T, bias=True)
    spots, of, width = _spots(means, (x, np.zeros(400, dtype=int)), 3)
    assert 0.3 < width < 0.6
    assert not of.any()
    np.testing.assert_allclose(spots.mean(axis=0), means[0])
    whole = np.cov(spots.T, bias=True) + width**2 * covariance
    np.testing.assert_allclose(whole, covariance)


def test_what_is_far_from_all_has_an_answer() -> None:
    made, (hs, rgb) = told_of_objects([0, 0, 1, 1, 2, 2, 2]), views()
    for far in (1e3, -1e6):
        said, _, _ = made(hs + far, rgb)
        assert torch.isfinite(said).all()


def test_it_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    truth = np.repeat(np.arange(3), 30)
    x = rng.normal(0.5, 0.05, (90, BANDS)) + rng.normal(0, 0.04, (3, BANDS))[truth]
    analysis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(x, truth)
    config = replace(CONFIGURED, modality="hs")
    made = MeanDiscriminant(config)
    made.learn(analysis.means_, analysis.covariance_, [float(np.log(1 / 3))] * 3)
    made.shares[1] = 1.0
    said, _, _ = made(torch.from_numpy(x).float()[:, :, None].expand(-1, -1, 9))
    np.testing.assert_allclose(softmax(said), analysis.predict_proba(x), atol=1e-4)


@given(st.integers(0, 2**20), st.integers(1, 30))
def test_padding_does_not_count(seed: int, more: int) -> None:
    hs, rgb = views(seed % 50)
    blank = torch.full((BANDS, 1), 0.5)
    padded = torch.cat([hs, blank.expand(len(hs), -1, more)], dim=2)
    torch.testing.assert_close(mean_spectrum(padded, blank), hs.mean(dim=2))
    white = torch.cat([rgb.flatten(1), torch.ones(len(rgb), 3 * more)], dim=1)[:, None]
    torch.testing.assert_close(colours_of(white), colours_of(rgb), atol=1e-5, rtol=1e-5)


def test_an_object_of_padding_only_has_an_answer() -> None:
    made = told()
    made.blank.fill_(0.5)
    said, _, _ = made(torch.full((2, BANDS, 9), 0.5), torch.ones(2, 4, 48))
    assert torch.isfinite(said).all()
    blank = torch.full((BANDS, 1), 0.5)
    assert torch.equal(mean_spectrum(blank.expand(1, -1, 9), blank), blank.T)


def test_directions_that_do_not_vary_do_not_count() -> None:
    """Whitening and shapes take the level of a pixel off: one direction has nothing."""
    made, (hs, _) = told(replace(CONFIGURED, modality="hs")), views()
    level = np.eye(BANDS) - 1 / BANDS
    whole = made.covariance.numpy().copy()
    made.learn((made.means.numpy() - 0.5) @ level + 0.5, level @ whole @ level, [0.0] * 3)
    shapes = hs - hs.mean(dim=1, keepdim=True) + 0.5
    off = shapes.mean(dim=2).double().numpy()[:, None] - made.means.numpy()
    inverse = np.linalg.pinv(made.covariance.numpy(), rcond=1e-9)
    expected = softmax(-0.5 * np.einsum("nki,ij,nkj->nk", off, inverse, off))
    np.testing.assert_allclose(softmax(made(shapes)[0]), expected, atol=1e-3)
    dead = whole.copy()
    dead[2] = dead[:, 2] = 0
    made.learn(made.means.numpy(), dead, [0.0] * 3)
    assert torch.isfinite(made(hs)[0]).all()


def test_another_camera_and_back() -> None:
    made, (hs, rgb) = told(), views()
    own, _, _ = made(hs, rgb)
    mixing = np.random.default_rng(5).normal(0, 1, (2, BANDS))
    made.turn(Camera(mixing, torch.full((2,), 0.5), (4, 9), 2))
    shown = torch.einsum("mn,bnp->bmp", torch.from_numpy(mixing).float(), hs - 0.5) + 0.5
    features = torch.cat([shown.mean(dim=2), colours_of(rgb)], dim=1).double().numpy()
    looks = np.zeros((8, 11))
    looks[:2, :BANDS], looks[2:, BANDS:] = mixing, np.eye(6)
    moved = MeanDiscriminant(replace(CONFIGURED, bands=(0, 1)))
    middle = np.array([0.5] * BANDS + [0] * 6)
    there = np.array([0.5] * 2 + [0] * 6)
    moved.learn(
        (made.means.numpy() - middle) @ looks.T + there,
        looks @ made.covariance.numpy() @ looks.T,
        made.prior.tolist(),
    )
    expected = softmax(by_hand(features, moved, list(range(8))))
    np.testing.assert_allclose(softmax(made(shown, rgb)[0]), expected, atol=1e-4)
    one, _, _ = made(shown[:, 1:], rgb, [9])
    assert torch.isfinite(one).all()
    made.turn_back()
    assert torch.equal(made(hs, rgb)[0], own)


def test_a_folder_keeps_it(tmp_path: Path) -> None:
    model = SeedClassifier(replace(CONFIGURED, model=replace(CONFIG, bands=BANDS)))
    assert not any("discriminant" in name for name in model.state_dict())
    hs = torch.rand(2, BANDS, CONFIG.hs_size, CONFIG.hs_size)
    rgb = torch.rand(2, 3, CONFIG.rgb_size, CONFIG.rgb_size)
    plain = model(hs, rgb)
    made = model.add_discriminant()
    assert torch.equal(model(hs, rgb), plain), "it has learned nothing yet"
    known = told(model.config)
    made.load_state_dict(known.state_dict())
    both = model(hs, rgb)
    assert not torch.equal(both, plain)
    torch.testing.assert_close(model.answer(hs, rgb)[0], both)
    model.save_pretrained(tmp_path / "m")
    back = SeedClassifier.from_pretrained(tmp_path / "m")
    assert back.config.discriminant
    assert torch.equal(back(hs, rgb), both)
    made.shares[1] = 0.0
    made.turn_back()
    torch.testing.assert_close(model(hs, rgb), plain)
    objects = told_of_objects([0, 0, 1, 1, 2])
    model.add_discriminant(5).load_state_dict(objects.state_dict())
    by_objects = model(hs, rgb)
    assert not torch.equal(by_objects, both)
    model.save_pretrained(tmp_path / "n")
    assert torch.equal(SeedClassifier.from_pretrained(tmp_path / "n")(hs, rgb), by_objects)


def test_what_the_network_counts_is_known_without_asking_it() -> None:
    model = SeedClassifier(
        replace(CONFIGURED, model=replace(CONFIG, bands=BANDS), any_sensor=True, scale="after")
    )
    hs = torch.rand(2, BANDS, CONFIG.hs_size, CONFIG.hs_size)
    rgb = torch.rand(2, 3, CONFIG.rgb_size, CONFIG.rgb_size)
    assert model.network_counts(hs, rgb) == 1
    model.discriminant = told()
    model.discriminant.shares.copy_(torch.tensor([[0.1, 0.2, 0.3, 0.4], [1.0] * 4]))
    for shown in ((hs, None, None), (None, rgb, None), (hs, rgb, None), (hs[:, :2], None, [0, 3])):
        found = model.beside(*shown)
        assert found is not None
        assert model.network_counts(*shown) == found[2]
    assert model.network_counts(hs, rgb) == pytest.approx(0.4)
