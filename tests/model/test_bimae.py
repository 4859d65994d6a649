"""Proofs that the model is what the picture says."""

import json
from pathlib import Path

import pytest
import torch

from bimae.errors import ConfigError, ModelError
from bimae.model import BiMAE, ClassifierConfig, SeedClassifier, Views, preset
from bimae.model.patches import patchify_hs, patchify_rgb
from tests.model.small import CONFIG, images, masks

GOLDEN = Path(__file__).with_name("golden_losses.json")


def test_every_parameter_gets_a_gradient() -> None:
    model = BiMAE(CONFIG)
    model(*images(), generator=masks()).total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("pool", ["mean", "token"])
@pytest.mark.parametrize("modality", ["bimodal", "hs", "rgb"])
def test_every_parameter_of_a_classifier_gets_a_gradient(modality: str, pool: str) -> None:
    bands = () if modality == "rgb" else tuple(range(20))
    model = SeedClassifier(ClassifierConfig(CONFIG, ("a", "b"), modality, bands, pool))  # type: ignore[arg-type]
    hs, rgb = images()
    loss = torch.nn.functional.cross_entropy(model(hs, rgb), torch.tensor([0, 1, 0]))
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_tiny_has_millions_not_hundreds_of_millions_of_weights() -> None:
    model = BiMAE(preset("mae_vit_tiny_patch24"))
    assert sum(p.numel() for p in model.parameters()) == 6_762_368


def test_only_what_is_kept_is_read() -> None:
    """What is hidden cannot leak into the reconstruction."""
    model = BiMAE(CONFIG).eval()
    hs, rgb = images()
    hidden = model.draw_masks(3, generator=masks(), all_hidden=True)
    patches = Views(patchify_hs(hs), patchify_rgb(rgb, CONFIG.patch_size))
    spoiled = Views(
        patches.hs.scatter(
            1, hidden[0].targets.unsqueeze(-1).expand(-1, -1, CONFIG.hs_patch), torch.nan
        ),
        patches.rgb.scatter(
            1, hidden[1].targets.unsqueeze(-1).expand(-1, -1, CONFIG.rgb_patch), torch.nan
        ),
    )
    with torch.no_grad():
        clean, dirty = (
            model.reconstruct(p.take(hidden[0].keep, hidden[1].keep), hidden)
            for p in (patches, spoiled)
        )
    assert torch.equal(clean.hs, dirty.hs)
    assert torch.equal(clean.rgb, dirty.rgb)


def test_the_views_speak_to_each_other() -> None:
    """Bands are reconstructed from RGB tiles too: that is what makes it bimodal."""
    model = BiMAE(CONFIG).eval()
    hs, rgb = images()
    both = model.draw_masks(3, generator=masks())
    patches = Views(patchify_hs(hs), patchify_rgb(rgb, CONFIG.patch_size))
    other = Views(patches.hs, patches.rgb.flip(0))
    with torch.no_grad():
        found, elsewhere = (
            model.reconstruct(p.take(both[0].keep, both[1].keep), both).hs for p in (patches, other)
        )
        difference = found - elsewhere
    assert difference.abs().max() > 1e-6


def test_the_loss_is_over_the_targets_only() -> None:
    model = BiMAE(CONFIG).eval()
    hs, rgb = images()
    with torch.no_grad():
        parts = model(hs, rgb, generator=masks())
        drawn = model.draw_masks(3, generator=masks())
        patches = Views(patchify_hs(hs), patchify_rgb(rgb, CONFIG.patch_size))
        found = model.reconstruct(patches.take(drawn[0].keep, drawn[1].keep), drawn)
    hs_error, rgb_error = torch.zeros(()), torch.zeros(())
    for i in range(3):
        hs_error += (found.hs[i] - patches.hs[i][drawn[0].targets[i]]).square().mean() / 3
        rgb_error += (found.rgb[i] - patches.rgb[i][drawn[1].targets[i]]).square().mean() / 3
    torch.testing.assert_close(parts.hs, hs_error)
    torch.testing.assert_close(parts.rgb, rgb_error)
    torch.testing.assert_close(parts.total, hs_error + rgb_error)


def test_reconstructions_lie_in_the_unit_range() -> None:
    model = BiMAE(CONFIG).eval()
    hs, rgb = images()
    patches = Views(patchify_hs(hs), patchify_rgb(rgb, CONFIG.patch_size))
    drawn = model.draw_masks(3, generator=masks())
    found = model.reconstruct(patches.take(drawn[0].keep, drawn[1].keep), drawn)
    for view in (found.hs, found.rgb):
        assert view.min() >= 0
        assert view.max() <= 1


def _first_losses(steps: int) -> list[list[float]]:
    model = BiMAE(CONFIG, generator=torch.Generator().manual_seed(7))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    hs, rgb = images(8)
    losses = []
    for step in range(steps):
        parts = model(hs, rgb, generator=masks(step))
        optimiser.zero_grad()
        parts.total.backward()
        optimiser.step()
        losses.append([part.item() for part in (parts.total, parts.hs, parts.rgb)])
    return losses


def test_the_first_losses_are_the_recorded_ones() -> None:
    """Any drift of initialisation, masks, arithmetic or gradients shows here."""
    recorded = json.loads(GOLDEN.read_text(encoding="utf-8"))
    found = _first_losses(len(recorded))
    torch.testing.assert_close(torch.tensor(found), torch.tensor(recorded), rtol=1e-4, atol=0)


def test_a_tiny_set_is_learned_by_heart() -> None:
    """With positions and two images, nothing but the weights stands in the way of zero loss."""
    generator = torch.Generator().manual_seed(0)
    # smooth images: what a small decoder can hold
    hs = torch.rand(2, CONFIG.bands, 1, 1, generator=generator).expand(-1, -1, 6, 6)
    rgb = torch.rand(2, 3, 1, 1, generator=generator).expand(-1, -1, 32, 32)
    model = BiMAE(CONFIG)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=800)
    for step in range(800):
        loss = model(hs, rgb, generator=masks(step)).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        losses = [model(hs, rgb, generator=masks(9000 + i)).total.item() for i in range(10)]
        fresh = BiMAE(CONFIG)(hs, rgb, generator=masks()).total.item()
    assert max(losses) < 1e-3
    assert fresh > 0.1


def test_fresh_weights_follow_the_generator_and_leave_the_world_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = BiMAE(CONFIG, generator=torch.Generator().manual_seed(3)).state_dict()
    again = BiMAE(CONFIG, generator=torch.Generator().manual_seed(3)).state_dict()
    other = BiMAE(CONFIG, generator=torch.Generator().manual_seed(4)).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(
        first["global" if "global" in first else "hs_mask_patch"], other["hs_mask_patch"]
    )


def test_encode_and_tokens() -> None:
    model = BiMAE(CONFIG).eval()
    hs, rgb = images()
    assert model.tokens(hs, rgb).shape == (3, 20 + 16, 32)
    assert model.encode(hs).shape == (3, 20, 32)
    assert model.encode(rgb=rgb).shape == (3, 16, 32)
    some = model.tokens(hs[:, [4, 9]], bands=[4, 9])
    torch.testing.assert_close(some, model.tokens(hs)[:, [4, 9]])
    both = model.tokens(hs, rgb)
    torch.testing.assert_close(both, torch.cat([model.tokens(hs), model.tokens(rgb=rgb)], 1))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda m, hs, rgb: m.encode(), "at least one view"),
        (lambda m, hs, rgb: m.encode(hs[:, :5]), r"\[batch, 20, 6, 6\]"),
        (lambda m, hs, rgb: m.encode(hs[:, :2], bands=[3, 20]), "bands 0 to 19"),
        (lambda m, hs, rgb: m.encode(hs[..., :5]), r"shape \[3, 20, 6, 5\]"),
        (lambda m, hs, rgb: m.encode(rgb=rgb[0]), r"\[batch, 3, 32, 32\]"),
    ],
)
def test_wrong_shapes_are_told(call, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ModelError, match=told):
        call(BiMAE(CONFIG), *images())


def test_masks_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1 of each"):
        BiMAE(preset("mae_vit_tiny_patch24", bands=2, hs_mask_ratio=0.9))
