"""Pieces, and what stands in for them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimae.explain.expected import Between, Expected
from bimae.explain.pieces import band_pieces, region_pieces, tile_pieces, usual_width

PLACES = st.lists(st.integers(350, 2500), min_size=1, max_size=30, unique=True)


@given(PLACES, st.floats(1, 900))
def test_every_channel_is_in_one_cell_and_every_cell_in_a_window(
    places: list[int], width: float
) -> None:
    pieces = band_pieces(places, width)
    inside = pieces.cells.flatten(1)
    assert (inside.sum(dim=0) == 1).all() and inside.any(dim=1).all()
    assert pieces.windows.any(dim=0).all() and (pieces.windows.sum(dim=1) <= 2).all()
    for window in pieces.masks(pieces.windows).flatten(1):
        there = np.array(places)[window.numpy()]
        assert there.max() - there.min() < width
    ones = torch.ones(len(pieces.windows))
    torch.testing.assert_close(pieces.of_windows(ones), torch.ones(len(pieces)))


@given(st.integers(1, 30), st.integers(1, 8))
def test_regions_part_an_image(side: int, across: int) -> None:
    pieces = region_pieces(side, across)
    assert len(pieces) == min(side, across) ** 2
    assert (pieces.cells.sum(dim=0) == 1).all() and pieces.cells.flatten(1).any(dim=1).all()
    whole = pieces.masks(torch.ones(1, len(pieces), dtype=torch.bool))
    assert whole.all() and not pieces.masks(torch.zeros(1, len(pieces), dtype=torch.bool)).any()


def test_tiles_lie_as_the_model_cuts_them() -> None:
    pieces = tile_pieces(32, 4)
    assert pieces.cells[6, 0, 8:16, 16:24].all() and pieces.cells[6].sum() == 64
    assert pieces.windows.sum(dim=1).tolist() == [4] * 9
    values = torch.arange(16.0)
    assert torch.equal(pieces.of_channels(values), values)


def test_a_tiny_window_takes_a_band_at_a_time() -> None:
    pieces = band_pieces([400.0, 400.5, 2500.0], 1e-6)  # and in no time
    assert torch.equal(pieces.windows, torch.eye(3, dtype=torch.bool))
    assert usual_width([400.0, 1000.0]) == 1200 and usual_width([5.0]) == 1


def test_expected_is_the_regression_on_the_other_bands() -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.rand(6, 2, 5, 5, generator=generator)
    third = 0.2 + 0.3 * base[:, :1] + 0.4 * base[:, 1:]
    images = torch.cat([base, third], dim=1)
    expected = Expected.of(images.split(4), "six")  # type: ignore[no-untyped-call]
    gone = torch.tensor([False, False, True])
    changed = expected.without(images[0], gone)
    assert torch.equal(changed[:2], images[0, :2])
    torch.testing.assert_close(changed[2], images[0, 2], atol=2e-3, rtol=0)
    all_gone = expected.without(images[0], torch.ones(3, dtype=torch.bool))
    mean = images.mean((0, 2, 3)).view(3, 1, 1).expand(3, 5, 5)
    torch.testing.assert_close(all_gone, mean)
    assert torch.equal(expected.without(images[0], torch.zeros(3, dtype=torch.bool)), images[0])


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [2, 0, 3, 1]])
def test_the_line_between_neighbours(order: list[int]) -> None:
    nm = np.array([400.0, 500.0, 700.0, 800.0])
    image = torch.tensor([0.1, 0.9, 0.9, 0.5]).view(4, 1, 1)
    places = nm[order].tolist()
    shown = image[order]
    gone = torch.tensor([place in (500.0, 700.0) for place in places])
    found = Between(places).without(shown, gone)
    expected = torch.tensor([0.1, 0.2, 0.4, 0.5]).view(4, 1, 1)[order]
    torch.testing.assert_close(found, expected)
    end = Between(places).without(shown, torch.tensor([place > 600 for place in places]))
    torch.testing.assert_close(end[order.index(3)], torch.full((1, 1), 0.9))
    assert (Between(places).without(shown, torch.ones(4, dtype=torch.bool)) == 0.5).all()
