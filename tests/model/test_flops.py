"""The operations counted from the sizes are those that PyTorch carries out."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bimae.model import BiMAE, ClassifierConfig, ModelConfig, SeedClassifier, flops, preset
from tests.model.small import CONFIG, images, masks

BATCH = 3
CLASSES = tuple("abcdefghijklmnopqrs")
FIVE = (10, 75, 150, 220, 290)


def _counted(forward: Callable[[], Tensor]) -> tuple[float, float]:
    """Operations of both passes for one sample, as PyTorch does them."""
    counter = FlopCounterMode(display=False)
    # The kernel that the counter knows on a CPU, and which computes nothing twice.
    with counter, sdpa_kernel(SDPBackend.MATH):
        loss = forward()
        first = counter.get_total_flops()
        loss.backward()
    return first / BATCH, (counter.get_total_flops() - first) / BATCH


def _agree(counted: tuple[float, float], expected: flops.Flops) -> None:
    assert counted == pytest.approx((expected.forward, expected.backward), rel=0.01)
    assert expected.total == expected.forward + expected.backward


@pytest.mark.parametrize(
    "config",
    [
        preset("mae_vit_tiny_patch24"),
        preset("mae_vit_small_patch24"),
        replace(CONFIG, head_dim=32, mlp_ratio=2.5, fusion_heads=5),
    ],
    ids=["tiny", "small", "odd"],
)
def test_pretraining(config: ModelConfig) -> None:
    hs, rgb = images(BATCH, config=config)
    model = BiMAE(config)
    counted = _counted(lambda: model(hs, rgb, generator=masks()).total)
    _agree(counted, flops.pretraining(config))


@pytest.mark.parametrize("name", ["mae_vit_tiny_patch24", "mae_vit_small_patch24"])
@pytest.mark.parametrize(
    ("modality", "bands"),
    [("bimodal", tuple(range(300))), ("bimodal", FIVE), ("rgb", ()), ("hs", tuple(range(300)))],
    ids=["300 bands + RGB", "5 bands + RGB", "RGB", "spectra"],
)
def test_classifying(name: str, modality: str, bands: tuple[int, ...]) -> None:
    config = ClassifierConfig(preset(name, depth=3), CLASSES, modality, bands)  # type: ignore[arg-type]
    hs, rgb = images(BATCH, config=config.model)
    model = SeedClassifier(config)

    def loss() -> Tensor:
        logits: Tensor = model(hs[:, list(bands)] if bands else None, rgb)
        return torch.nn.functional.cross_entropy(logits, torch.zeros(BATCH, dtype=torch.long))

    _agree(_counted(loss), flops.classifying(config))


def test_a_pool_by_the_global_token_takes_one_token_more() -> None:
    config = ClassifierConfig(CONFIG, CLASSES, "bimodal", (0, 7, 19))
    mean, token = (flops.classifying(replace(config, pool=p)) for p in ("mean", "token"))
    assert token.parts["encoder"].forward > mean.parts["encoder"].forward
    assert token.parts["head"] == mean.parts["head"]


def test_an_image_needs_no_gradient() -> None:
    parts = flops.pretraining(preset("mae_vit_tiny_patch24")).parts
    assert list(parts) == ["tokenizers", "encoder", "fusion", "decoders"]
    assert parts["tokenizers"].backward == parts["tokenizers"].forward
    for name in ("encoder", "fusion", "decoders"):
        assert parts[name].backward == 2 * parts[name].forward
