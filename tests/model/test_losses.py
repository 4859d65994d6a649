import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bimae.model import BiMAE, Views
from bimae.model.losses import denormalise, mean_and_deviation, normalise, spectral_angle
from bimae.model.patches import patchify_hs, patchify_rgb
from tests.model.small import CONFIG, images, masks

seeds = st.integers(0, 10_000)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@given(seeds, st.integers(1, 3), st.integers(1, 5), st.integers(8, 40))
def test_normalised_patches_have_mean_0_and_deviation_1(
    seed: int, batch: int, tokens: int, values: int
) -> None:
    patches = drawn(batch, tokens, values, seed=seed)
    found = normalise(patches)
    even = torch.zeros(batch, tokens)
    torch.testing.assert_close(found.mean(dim=-1), even, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.std(dim=-1, correction=0), even + 1, rtol=0, atol=1e-3)
    torch.testing.assert_close(denormalise(found, patches), patches, rtol=0, atol=1e-5)


def test_an_even_patch_becomes_zeros() -> None:
    assert not normalise(torch.full((1, 2, 9), 0.5)).any()


@given(seeds, st.integers(1, 3), st.integers(1, 20), st.integers(1, 9))
def test_equal_spectra_have_no_angle(seed: int, batch: int, bands: int, pixels: int) -> None:
    true = drawn(batch, bands, pixels, seed=seed)
    assert spectral_angle(true, true) == 0
    assert spectral_angle(true / 2, true) < 1e-3  # brightness is no angle


def test_orthogonal_and_opposite_spectra() -> None:
    true, made = torch.zeros(2, 4, 3), torch.zeros(2, 4, 3)
    true[:, :2], made[:, 2:] = 0.7, 0.2
    assert spectral_angle(made, true).item() == pytest.approx(math.pi / 2, rel=1e-6)
    assert spectral_angle(-true, true).item() == pytest.approx(math.pi, rel=1e-6)
    assert spectral_angle(true * 0, true).item() == pytest.approx(math.pi / 2, rel=1e-6)


@given(seeds)
def test_angles_are_those_of_the_definition(seed: int) -> None:
    made, true = drawn(2, 6, 5, seed=seed), drawn(2, 6, 5, seed=seed + 1)
    cosine = torch.nn.functional.cosine_similarity(made.double(), true.double(), dim=1)
    assert spectral_angle(made, true).item() == pytest.approx(cosine.acos().mean().item(), abs=1e-4)


def test_padding_is_left_out_wherever_zero_lies() -> None:
    made, true = drawn(2, 6, 5), drawn(2, 6, 5, seed=1)
    alone = spectral_angle(made[..., :3], true[..., :3])
    padded = true.clone()
    padded[..., 3:] = 0
    torch.testing.assert_close(spectral_angle(made, padded), alone)
    dark = drawn(2, 6, seed=2)
    moved = dark.unsqueeze(-1)
    torch.testing.assert_close(
        spectral_angle(made + moved, padded + moved, dark), alone, rtol=1e-4, atol=0
    )
    assert spectral_angle(made, true * 0) == 0


@pytest.mark.parametrize("how", ["equal", "near", "padding", "opposite", "nothing made"])
def test_the_gradient_is_finite_and_bounded(how: str) -> None:
    true = drawn(2, 8, 4, seed=3) + 0.1
    made = {
        "equal": true,
        "near": true + 1e-7 * drawn(2, 8, 4),
        "padding": true,
        "opposite": -true,
        "nothing made": true * 0,
    }[how].clone()
    if how == "padding":
        true[..., 1:] = 0
    made.requires_grad_()
    spectral_angle(made, true).backward()
    assert made.grad is not None
    assert torch.isfinite(made.grad).all()
    if how in ("equal", "near", "padding"):
        assert made.grad.norm() < 2  # at most 1 over the length of each spectrum, over their number
    if how == "padding":
        assert not made.grad[..., 1:].any()


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_parts_of_any_size_agree(cut: int) -> None:
    made, true = drawn(5, 6, 7), drawn(5, 6, 7, seed=1)
    true[1, :, 2:] = 0
    true[3] = 0
    parts = [spectral_angle(made[a], true[a]) * len(made[a]) for a in (slice(cut), slice(cut, 5))]
    torch.testing.assert_close(sum(parts) / 5, spectral_angle(made, true))


def taken(model: BiMAE) -> tuple[Views, Views, tuple]:  # type: ignore[type-arg]
    hs, rgb = images()
    both = model.draw_masks(3, generator=masks())
    patches = Views(patchify_hs(hs), patchify_rgb(rgb, CONFIG.patch_size))
    hidden = patches.take(both[0].targets, both[1].targets)
    return patches.take(both[0].keep, both[1].keep), hidden, both


def test_the_angle_has_its_weight_in_the_total() -> None:
    model = BiMAE(CONFIG).eval()
    with torch.no_grad():
        without, found = (model.losses(*taken(model), angle_weight=w) for w in (0.0, 0.1))
    assert without.angle is None
    assert found.angle is not None
    assert found.angle > 0.1
    torch.testing.assert_close(found.total, without.total + 0.1 * found.angle)
    assert found.hs.equal(without.hs)


def test_a_model_of_normalised_patches(tmp_path: Path) -> None:
    model = BiMAE(replace(CONFIG, normalised_patches=True)).eval()
    seen, hidden, both = taken(model)
    with torch.no_grad():
        made = model.reconstruct(seen, both)
        found = model.losses(seen, hidden, both, angle_weight=0.1)
    assert made.hs.min() < 0  # no sigmoid
    assert made.rgb.min() < 0
    mean, deviation = mean_and_deviation(hidden.hs)
    expected = (made.hs - (hidden.hs - mean) / deviation).square().mean()
    torch.testing.assert_close(found.hs, expected)
    spectra = made.hs * deviation + mean
    assert found.angle is not None
    torch.testing.assert_close(found.angle, spectral_angle(spectra, hidden.hs))
    again = BiMAE.from_pretrained(model.save_pretrained(tmp_path / "model"))
    assert again.config.normalised_patches
    with torch.no_grad():
        assert again.reconstruct(seen, both).hs.equal(made.hs)
