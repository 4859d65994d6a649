"""Positions by wavelength: the same weights on any sensor."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bimae.errors import ConfigError
from bimae.model import BiMAE, ClassifierConfig, ModelConfig, SeedClassifier
from bimae.model.positions import WavelengthPositions
from bimae.spectra import BandSelection
from tests.model.small import CONFIG, images, masks

NM = tuple(400.0 + 10 * n for n in range(20))
WIDE = (10.0,) * 20
ANYWHERE = replace(CONFIG, band_positions="wavelength", wavelengths_nm=NM, widths_nm=WIDE)


def learned(positions: WavelengthPositions) -> WavelengthPositions:
    """As after some training: weights that are not zero."""
    for parameter in positions.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(1))
    return positions


def test_a_band_is_where_it_is_whatever_others_there_are() -> None:
    positions = learned(WavelengthPositions(32))
    positions.look_at(NM, WIDE)
    every = positions()
    positions.look_at((420.0, 500.0), (10.0, 10.0))
    assert torch.equal(positions(), every[[2, 10]])
    positions.look_at((420.0,), (80.0,))
    assert not torch.allclose(positions()[0], every[2])  # a filter is not a narrow band


def test_near_wavelengths_have_near_positions() -> None:
    positions = learned(WavelengthPositions(32))
    positions.look_at((550.0, 552.0, 700.0), (5.0,) * 3)
    here, beside, far = positions()
    assert (here - beside).norm() < 0.3 * (here - far).norm()


def test_a_pretrained_model_turns_to_another_sensor(tmp_path: Path) -> None:
    BiMAE(ANYWHERE).save_pretrained(tmp_path)
    model = BiMAE.from_pretrained(tmp_path)
    hs, rgb = images()
    before = model.encode(hs=hs, rgb=rgb)
    some = (3, 8, 15)
    few = model.encode(hs=hs[:, list(some)], bands=some)
    model.look_at([NM[b] for b in some], [WIDE[b] for b in some])
    assert model.config.bands == 3
    torch.testing.assert_close(model.encode(hs=hs[:, list(some)]), few)
    model.look_at(NM, WIDE)
    torch.testing.assert_close(model.encode(hs=hs, rgb=rgb), before)
    model.look_at([405.0 + 4 * n for n in range(45)])
    more = torch.rand(2, 45, CONFIG.hs_size, CONFIG.hs_size)
    loss = model(more, rgb[:2], generator=masks()).total
    loss.backward()
    hidden = model.trunk.hs.positions.hidden  # type: ignore[union-attr]
    assert hidden.weight.grad is not None


def test_learned_positions_stay_where_they_are() -> None:
    with pytest.raises(ConfigError, match="of one sensor"):
        BiMAE(CONFIG).look_at(NM)
    with pytest.raises(ConfigError, match="wavelengths_nm"):
        BiMAE(ANYWHERE).look_at(None)
    with pytest.raises(ConfigError, match="needs wavelengths_nm"):
        replace(CONFIG, band_positions="wavelength")


def test_the_standard_goes_along() -> None:
    standard = tuple((float(n), 1.0 + n) for n in range(20))
    config = replace(ANYWHERE, standard=standard)
    found = config.on((400.0, 425.0, 590.0, 700.0)).standard
    assert found == ((0.0, 1.0), (2.5, 3.5), (19.0, 20.0), (19.0, 20.0))
    assert config.on(NM).standard == standard


def test_a_classifier_turns_and_pretraining_sees_no_spectra_at_all() -> None:
    config = ClassifierConfig(
        ANYWHERE, ("a", "b"), bands=tuple(range(20)), scale="after", any_sensor=True,
        wavelengths_nm=NM,
    )  # fmt: skip
    model = SeedClassifier(config).eval()
    hs, rgb = images()
    rows = torch.tensor([2, 10])
    expected = model(hs[:, rows], None, rows)
    assert not torch.allclose(expected, model(hs[:, rows], rgb, rows))
    model(None, rgb)
    nm = tuple(NM[r] for r in rows)
    model.look_at(BandSelection("all").channels(2, nm), nm, (10.0, 10.0))
    torch.testing.assert_close(model(hs[:, rows], None), expected)


@pytest.mark.parametrize("base", [CONFIG, ANYWHERE])
def test_products_start_as_a_reading_of_mean_spectra(base: ModelConfig) -> None:
    """Two images of one mean are nearly one token; two bands of one image are not."""
    config = replace(base, band_tokens="product")
    model = BiMAE(config, generator=torch.Generator().manual_seed(1))
    hs, _ = images()
    even = hs.mean(dim=(2, 3), keepdim=True).expand_as(hs)
    tokens, flat = (
        model.trunk.tokens(x) - model.trunk.hs.position(torch.arange(config.bands))
        for x in (hs, even)
    )
    assert (tokens - flat).norm() < 0.5 * flat.norm()
    same = torch.full_like(hs, 0.9)
    first, second = model.trunk.tokens(same)[0, [2, 15]]
    assert torch.cosine_similarity(first, second, dim=0) < 0.5


def test_products_follow_the_wavelength(tmp_path: Path) -> None:
    config = replace(ANYWHERE, band_tokens="product")
    BiMAE(config).save_pretrained(tmp_path)
    model = BiMAE.from_pretrained(tmp_path)
    hs, _ = images()
    some = [3, 8, 15]
    expected = model.trunk.tokens(hs[:, some], bands=some)
    model.look_at([NM[i] for i in some], [10.0] * 3)
    assert torch.equal(model.trunk.tokens(hs[:, some]), expected)


def test_normalising_after_the_mean() -> None:
    """Tokens count by their size there, and the encoder's norm is used, so that it learns."""
    config = ClassifierConfig(
        CONFIG, ("a", "b"), modality="hs", bands=tuple(range(CONFIG.bands)), pool="raw_mean"
    )
    model = SeedClassifier(config)
    hs, _ = images()
    raw = model.trunk.encoder(model.tokens(hs), normed=False)
    expected = model.head(model.norm(model.trunk.encoder.norm(raw.mean(dim=1))))
    torch.testing.assert_close(model(hs), expected)
    model(hs).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_what_varies_within_is_looked_up_for_another_sensor() -> None:
    within = tuple((float(n), 1.0) for n in range(20))
    config = replace(ANYWHERE, standard=((0.0, 1.0),) * 20, log_floor=0.01, within=within)
    turned = config.on((420.0, 425.0, 900.0))
    assert turned.within == ((2.0, 1.0), (2.5, 1.0), (19.0, 1.0))
    with pytest.raises(ConfigError, match="within has 19 values for 20 bands"):
        replace(config, within=within[1:])
    with pytest.raises(ConfigError, match="which need log_floor"):
        replace(config, log_floor=None)
