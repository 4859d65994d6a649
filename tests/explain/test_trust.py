"""Occlusion, deletion, random weights: on a model of which it is known what it looks at."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bimae.explain.deletion import Deletion, deletions
from bimae.explain.expected import Absent, Expected
from bimae.explain.explainer import Explainer
from bimae.explain.many import Explained
from bimae.explain.occlusion import Asked, occlusion
from bimae.explain.pieces import band_pieces, region_pieces, tile_pieces
from bimae.explain.target import log_odds
from bimae.explain.trust import rank_correlation, trust
from tests.explain.test_weights import classifier, shown

NM = [400.0 + 60 * i for i in range(10)]


class Known(nn.Module):
    """Answers by bands 6 and 7 and by the upper left tile alone."""

    def forward(self, hs: Tensor, rgb: Tensor, rows: object = None) -> Tensor:
        up = 8 * hs[:, 6:8].mean((1, 2, 3)) + 8 * rgb[:, :, :8, :8].mean((1, 2, 3))
        return torch.stack([up, up.new_full(up.shape, 12.0), up.new_zeros(up.shape)], dim=1)


def asked(against: int | None = None) -> Asked:
    hs, rgb = shown(4, 5)
    others, rgb = hs.clone(), rgb.clone()
    hs[0, 6:8], rgb[0, :, :8, :8] = 0.9, 0.95
    expected = Expected.of([others], "others")
    return Asked(Known(), hs[0], rgb[0], None, 0, against, expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("against", [None, 1])
def test_what_is_taken_out_is_found(against: int | None) -> None:
    one = asked(against)
    bands = occlusion(one, band_pieces(NM, 60 * 2))
    assert set(bands.topk(2).indices.tolist()) == {6, 7}
    assert bands[:5].abs().max() < 0.2 * bands[6]
    tiles = occlusion(one, tile_pieces(32, 4))
    assert tiles.argmax() == 0 and tiles[0] > 1 > tiles[15].abs() == 0
    # a quarter of the image at a time: the mean over four windows, by hand
    image, whole = one.rgb, one.favour(one.model(one.hs[None], one.rgb[None]))  # type: ignore[index]
    assert image is not None
    changed = image.clone()
    changed[:, :16, :16] = image.mean((1, 2), keepdim=True)
    fall = whole - one.favour(one.model(one.hs[None], changed[None]))  # type: ignore[index]
    torch.testing.assert_close(tiles[:1], fall)


def test_the_mean_image_stands_in_for_tiles() -> None:
    one = asked()
    same = Asked(one.model, one.hs, one.rgb, None, 0, mean_rgb=one.rgb)
    assert occlusion(same, tile_pieces(32, 4)).abs().max() == 0


class Bag(nn.Module):
    """Adds up the bands that it is shown by their rows, and half a point where there is RGB."""

    def forward(self, hs: Tensor | None, rgb: Tensor | None, rows: Tensor | None = None) -> Tensor:
        up = torch.zeros(1) if rgb is None else torch.full((1,), 0.5)
        if hs is not None:
            assert rows is not None
            up = up + (hs.mean((2, 3)) * rows).sum(dim=1)
        return torch.stack([up, torch.zeros_like(up)], dim=1)


def test_bands_are_left_out_of_what_is_shown() -> None:
    rows = torch.arange(10)
    hs, rgb = shown(1, 5)
    expected = Expected.of([hs], "one")
    pieces = band_pieces(NM, 1)  # a band at a time
    one = Asked(Bag(), hs[0], rgb[0], rows, 0, stand_in=Absent(expected))  # type: ignore[arg-type]
    worth = hs[0].mean((1, 2)) * rows
    torch.testing.assert_close(occlusion(one, pieces), worth)
    every = torch.ones(1, 10, dtype=torch.bool)
    assert one.without(pieces, every)[0, 0] == 0.5  # RGB alone
    alone = replace(one, rgb=None)
    mean = (hs[0].mean((1, 2)) * rows).sum()  # no view is left: the mean spectrum stands in
    torch.testing.assert_close(alone.without(pieces, every)[0, 0], mean)


def test_deletion_tells_a_map_that_knows_from_one_that_does_not() -> None:
    pieces = band_pieces(NM, 60 * 2)
    right = np.array([0.0] * 6 + [2, 1, 0, 0])
    found = deletions(asked(), pieces, {"right": right, "wrong": -right}, seed=1)
    good, bad = found["right"], found["wrong"]
    assert good.gain > 0.1 > 0 > bad.gain
    for one in (good, bad):
        assert one.share[0] == 0 and one.share[-1] == 1
        assert (
            one.by_map[0] == one.at_random[0] > one.by_map[-1] == pytest.approx(one.at_random[-1])
        )
    assert good.by_map[2] < good.at_random[2]
    assert deletions(asked(), pieces, {"right": right}, seed=1)["right"].gain == good.gain
    shares = np.array([0, 0.5, 1])
    assert Deletion(shares, np.zeros(3), np.array([0, 1, 0.0])).gain == pytest.approx(0.5)


def test_log_odds() -> None:
    logits = torch.tensor([[2.0, 0.5, -1.0]]).double()
    odds = logits.softmax(dim=1)[0]
    found = log_odds(logits, torch.tensor([0]))
    torch.testing.assert_close(found[0].exp(), odds[0] / (1 - odds[0]))
    assert log_odds(logits, torch.tensor([0]), torch.tensor([2]))[0] == 3
    assert log_odds(logits[:, :1], torch.tensor([0]))[0] == 2


def test_with_random_weights_the_maps_change_and_with_the_same_they_do_not() -> None:
    """Adebayo et al. 2018."""
    model = classifier()
    hs, rgb = shown(4)
    explainer = Explainer.of(
        model, None, places=NM, width=120, stand_in=Expected.of([hs], "four"), rgb=True
    )
    fresh, again = explainer.at_random(1), explainer.at_random(1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    explained, repeated = [], []
    for i in range(4):
        maps, same, other = (
            one.maps(one.asked(hs[i], rgb[i], 1)) for one in (explainer, explainer, fresh)
        )
        fall = {key: Deletion(np.array([0, 1.0]), np.zeros(2), np.zeros(2)) for key in maps}
        explained.append(Explained(i, np.ones(3) / 3, 1, None, maps, fall, other))
        repeated.append(Explained(i, np.ones(3) / 3, 1, None, maps, fall, same))
    for name, value in model.state_dict().items():  # who is explained stays as it was
        assert torch.equal(value, before[name])
    twice = fresh.maps(fresh.asked(hs[0], rgb[0], 1)), again.maps(again.asked(hs[0], rgb[0], 1))
    random, own = trust(explained), trust(repeated)
    assert len(own) == 7
    for key, one in own.items():
        assert one.alike == pytest.approx(1) and random[key].alike < 0.7, key
        assert np.array_equal(twice[0][key], twice[1][key])
        assert "a model that learned nothing has nearly the same map" in one.doubts
        assert "what it names carries the answers no more than chance would have it" in one.doubts


def test_rank_correlation() -> None:
    a = np.array([1.0, 5, 2, 9])
    assert rank_correlation(a, a**3) == pytest.approx(1)
    assert rank_correlation(a, -a) == pytest.approx(-1)
    assert rank_correlation(a, np.ones(4)) == 0


def test_regions_of_an_even_image_are_worth_nothing() -> None:
    hs, rgb = shown(1)
    even = hs[0].mean((1, 2), keepdim=True).expand_as(hs[0])
    one = Asked(classifier(), even, rgb[0], None, 1)
    assert occlusion(one, region_pieces(6, 3)).abs().max() < 1e-5
