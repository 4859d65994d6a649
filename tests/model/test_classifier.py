from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bimae.errors import ModelError
from bimae.model import BiMAE, ClassifierConfig, SeedClassifier
from tests.model.small import CONFIG, images

BANDS = (0, 7, 19)


def test_takes_over_the_trunk() -> None:
    pretrained = BiMAE(CONFIG, generator=torch.Generator().manual_seed(5)).eval()
    model = SeedClassifier(ClassifierConfig(CONFIG, ("a", "b"), "bimodal", BANDS)).eval()
    hs, rgb = images()
    some = hs[:, list(BANDS)]
    expected = pretrained.encode(some, rgb, BANDS)
    assert not torch.allclose(model.encode(some, rgb), expected)
    model.load_trunk(pretrained)
    torch.testing.assert_close(model.encode(some, rgb), expected)


@pytest.mark.parametrize("pool", ["mean", "token"])
def test_pooling(pool: str) -> None:
    model = SeedClassifier(ClassifierConfig(CONFIG, ("a", "b"), "bimodal", BANDS, pool)).eval()  # type: ignore[arg-type]
    hs, rgb = images()
    some = hs[:, list(BANDS)]
    with torch.no_grad():
        if pool == "mean":
            pooled = model.norm(model.encode(some, rgb)).mean(dim=1)
        else:
            tokens = model.trunk.with_global(model.tokens(some, rgb))
            pooled = model.norm(model.trunk.encoder(tokens))[:, -1]
        torch.testing.assert_close(model(some, rgb), model.head(pooled))


def test_two_filters_of_one_centre_are_two_tokens_of_one_place(tmp_path: Path) -> None:
    weights = (((6, 0.25), (7, 0.5), (8, 0.25)), ((7, 1.0),))
    config = ClassifierConfig(CONFIG, ("a", "b"), "hs", (7, 7), band_weights=weights)
    model = SeedClassifier(config)
    again = SeedClassifier.from_pretrained(model.save_pretrained(tmp_path / "m"))
    assert again.config == config
    wide, narrow = images()[0][:, :2].unbind(1)
    tokens = again.tokens(torch.stack([wide, narrow], dim=1))
    swapped = again.tokens(torch.stack([narrow, wide], dim=1))
    assert tokens.shape[1] == 2
    torch.testing.assert_close(tokens.flip(1), swapped)


def test_a_view_that_is_not_looked_at_is_ignored() -> None:
    hs, rgb = images()
    model = SeedClassifier(ClassifierConfig(CONFIG, ("a", "b"), "rgb")).eval()
    assert torch.equal(model(hs, rgb), model(None, rgb))
    assert not hasattr(model.trunk, "hs")


def test_a_missing_view_is_told() -> None:
    model = SeedClassifier(ClassifierConfig(CONFIG, ("a", "b"), "bimodal", BANDS))
    with pytest.raises(ModelError, match="rgb is missing"):
        model(images()[0][:, list(BANDS)])


def test_weights_of_another_size_are_named() -> None:
    other = BiMAE(replace(CONFIG, bands=25, decoder_width=8))
    model = SeedClassifier(ClassifierConfig(CONFIG, ("a", "b"), "bimodal", BANDS))
    with pytest.raises(ModelError, match=r"hs.positions \[25, 32\] against \[20, 32\]"):
        model.load_trunk(other)
