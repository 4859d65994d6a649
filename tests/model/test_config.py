import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.errors import ConfigError
from bimae.model import PRESETS, ClassifierConfig, MaskCounts, ModelConfig, preset
from bimae.model.classifier_config import config_from_dict, config_to_dict
from tests.model.small import CONFIG


def test_the_papers_counts() -> None:
    config = preset("mae_vit_tiny_patch24")
    assert config.hs_counts == MaskCounts(total=300, keep=30, hidden=270, targets=54)
    assert config.rgb_counts == MaskCounts(total=64, keep=16, hidden=48, targets=24)


def test_presets_are_the_papers_sizes() -> None:
    sizes = {
        n: (c["width"], c["depth"], c["heads"], c["decoder_width"]) for n, c in PRESETS.items()
    }
    assert sizes == {
        "mae_vit_tiny_patch24": (192, 12, 3, 128),
        "mae_vit_small_patch24": (384, 12, 6, 192),
        "mae_vit_base_patch24": (768, 12, 12, 384),
    }


@given(st.integers(1, 2000), st.floats(0.01, 0.99), st.floats(0.01, 1))
def test_counts_add_up(total: int, mask: float, target: float) -> None:
    counts = MaskCounts.of(total, mask, target)
    assert counts.keep + counts.hidden == total
    assert 0 <= counts.targets <= counts.hidden
    assert abs(counts.hidden - total * mask) <= 0.5


def test_all_problems_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(heads=5, rgb_size=190, hs_mask_ratio=1.5)
    assert len(str(caught.value).splitlines()) == 3


def test_masks_that_leave_nothing_are_told() -> None:
    config = preset("mae_vit_tiny_patch24", bands=3, hs_mask_ratio=0.95)
    assert "3 bands" in config.pretraining_problems()[0]


def test_an_unknown_preset_lists_the_known() -> None:
    with pytest.raises(ConfigError, match="mae_vit_small_patch24"):
        preset("mae_vit_huge")


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        ClassifierConfig(CONFIG, ("a", "b"), "hs", (1, 3), "token", "after", (400.0, 500.0)),
        ClassifierConfig(CONFIG, ("ä", "b"), "rgb"),
        ClassifierConfig(
            CONFIG, ("a", "b"), "hs", (1, 3), band_weights=(((0, 0.1), (1, 0.9)), ((3, 1.0),))
        ),
    ],
)
def test_configs_survive_json(config: ModelConfig | ClassifierConfig) -> None:
    text = json.dumps(config_to_dict(config))
    assert config_from_dict(type(config), json.loads(text)) == config


def test_a_config_from_before_there_were_filters() -> None:
    old = config_to_dict(ClassifierConfig(CONFIG, ("a", "b"), "hs", (1, 3)))
    del old["band_weights"]
    assert config_from_dict(ClassifierConfig, old).band_weights is None


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ([[[1, 1.0]]], "1 channels for 2 bands"),
        ([[[0, 0.5], [1, 0.4]], [[3, 1.0]]], "channel 0 sum to 0.9"),
        ([[[1, 1.0]], []], "channel 1 sum to 0"),
        ([[[0, 1.5], [1, -0.5]], [[3, 1.0]]], "channel 0 sum to 1; weights above 0"),
        ([[[1, float("nan")]], [[3, 1.0]]], "weights above 0"),
        ([[[1, 1.0]], [[20, 1.0]]], "channel 1 names bands that are not among the model's 20"),
        ([[[1.5, 1.0]], [[3, 1.0]]], "channel 0 names bands"),
        ([[1, 1.0], [3, 1.0]], "a value of a wrong kind"),
        ([[[1]], [[3]]], "a value of a wrong kind"),
        ([[[1, "a lot"]], [[3, 1.0]]], "a value of a wrong kind"),
        (0.5, "a value of a wrong kind"),
    ],
)
def test_weights_that_are_no_averages(weights: object, told: str) -> None:
    config = config_to_dict(ClassifierConfig(CONFIG, ("a", "b"), "hs", (1, 3)))
    with pytest.raises(ConfigError, match=told):
        config_from_dict(ClassifierConfig, config | {"band_weights": weights})


def test_unknown_and_missing_keys_are_refused_together() -> None:
    with pytest.raises(ConfigError) as caught:
        config_from_dict(ClassifierConfig, {"model": {}, "colour": 1, "smell": 2})
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"modality": "lidar", "bands": (1,)},
        {"modality": "rgb", "bands": (1,)},
        {"modality": "hs", "bands": ()},
        {"modality": "hs", "bands": (20,)},
        {"modality": "rgb", "pool": "max"},
        {"modality": "rgb", "classes": ()},
    ],
)
def test_a_classifier_that_cannot_be_is_not_born(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        ClassifierConfig(**{"model": CONFIG, "classes": ("a",), **wrong})  # type: ignore[arg-type]
