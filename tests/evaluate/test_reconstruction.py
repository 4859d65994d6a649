from pathlib import Path

import numpy as np
import torch

from bimae.data import open_dataset
from bimae.evaluate.reconstruction import reconstruct
from bimae.model import BiMAE, preset
from bimae.report.figures import reconstructions


def _model(bands: int = 12) -> BiMAE:
    config = preset("mae_vit_tiny_patch24", depth=2, bands=bands, hs_size=8, rgb_size=48)
    return BiMAE(config, generator=torch.Generator().manual_seed(1))


def test_what_was_seen_stays_and_what_was_hidden_changes(small_data: Path) -> None:
    samples = open_dataset(small_data)
    found = reconstruct(_model(), samples, range(5), seed=2)
    assert found.hs_hidden.sum(axis=1).tolist() == [11] * 5
    for i in range(5):
        hidden = found.hs_hidden[i]
        assert np.array_equal(found.hs[i][~hidden], found.hs_made[i][~hidden])
        assert not np.array_equal(found.hs[i][hidden], found.hs_made[i][hidden])
        seen = ~found.rgb_hidden[i]
        assert seen.sum() == 24 * 24
        assert np.array_equal(found.rgb[i][:, seen], found.rgb_made[i][:, seen])
    error = np.square(found.hs_made - found.hs)[found.hs_hidden].mean()
    np.testing.assert_allclose(found.errors.hs, error, rtol=1e-4)
    hidden = np.broadcast_to(found.rgb_hidden[:, None], found.rgb.shape)
    error = np.square(found.rgb.mean(axis=0) - found.rgb)[hidden].mean()
    np.testing.assert_allclose(found.errors.rgb_mean_image, error, rtol=1e-4)


def test_the_mean_image_can_be_that_of_other_samples(small_data: Path) -> None:
    samples = open_dataset(small_data)
    alone = reconstruct(_model(), samples, [0]).errors
    assert alone.hs_mean_image == 0  # the mean of one sample is that sample: it says nothing
    held = reconstruct(_model(), samples, [0], mean_of=range(5, 45)).errors
    assert held.hs_mean_image > 0
    assert held.hs == alone.hs


def test_the_same_seed_hides_the_same(small_data: Path) -> None:
    samples = open_dataset(small_data)
    model = _model()
    first, again, other = (reconstruct(model, samples, range(3), seed=s) for s in (1, 1, 2))
    assert np.array_equal(first.hs_made, again.hs_made)
    assert not np.array_equal(first.hs_hidden, other.hs_hidden)


def test_the_picture_has_a_row_for_each_sample(small_data: Path) -> None:
    samples = open_dataset(small_data)
    found = reconstruct(_model(), samples, range(2))
    assert len(reconstructions(found, "x", samples.wavelengths_nm).axes) == 12
    assert len(reconstructions(found, "x").axes) == 12


def test_pretraining_beats_the_mean_image() -> None:
    """On images that differ, and whose hidden parts follow from the seen ones."""
    config = preset(
        "mae_vit_tiny_patch24",
        depth=2,
        width=48,
        decoder_width=32,
        bands=20,
        hs_size=4,
        rgb_size=48,
    )
    model = BiMAE(config)
    generator = torch.Generator().manual_seed(0)
    colour = torch.rand(32, 1, 1, 1, generator=generator)
    hs, rgb = colour.expand(-1, 20, 4, 4), colour.expand(-1, 3, 48, 48)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0)
    for step in range(250):
        loss = model(hs[:24], rgb[:24], generator=torch.Generator().manual_seed(step)).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        unseen = model(hs[24:], rgb[24:], generator=torch.Generator().manual_seed(9999))
    mean_image = colour[24:].var(unbiased=False).item()
    assert unseen.hs.item() < 0.25 * mean_image
    assert unseen.rgb.item() < 0.25 * mean_image
