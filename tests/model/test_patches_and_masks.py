import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimae.model import MaskCounts
from bimae.model.masking import draw_mask, take_tokens
from bimae.model.patches import (
    patchify_hs,
    patchify_rgb,
    patchify_rgb_last,
    unpatchify_hs,
    unpatchify_rgb,
)


@settings(deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6))
def test_rgb_tiles_round_trip(batch: int, grid: int, patch: int) -> None:
    rgb = torch.rand(batch, 3, grid * patch, grid * patch)
    tiles = patchify_rgb(rgb, patch)
    assert tiles.shape == (batch, grid * grid, patch * patch * 3)
    assert torch.equal(unpatchify_rgb(tiles, patch), rgb)


@settings(deadline=None)
@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 6))
def test_bands_round_trip(batch: int, bands: int, size: int) -> None:
    hs = torch.rand(batch, bands, size, size)
    assert torch.equal(unpatchify_hs(patchify_hs(hs), size), hs)


def test_a_tile_is_row_column_channel_and_tiles_run_row_by_row() -> None:
    rgb = torch.arange(3 * 4 * 4, dtype=torch.float32).view(1, 3, 4, 4)
    tiles = patchify_rgb(rgb, 2)
    expected = [rgb[0, c, y, 2 + x] for y in range(2) for x in range(2) for c in range(3)]
    assert torch.equal(tiles[0, 1], torch.stack(expected))


@settings(deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 80), st.floats(0.05, 0.95), st.floats(0.05, 1), st.booleans()
)
def test_a_mask_is_a_partition(
    batch: int, total: int, ratio: float, share: float, everything: bool
) -> None:
    counts = MaskCounts.of(total, ratio, share)
    generator = torch.Generator().manual_seed(total)
    mask = draw_mask(counts, batch, generator=generator, all_hidden=everything)
    targets = counts.hidden if everything else counts.targets
    assert mask.keep.shape == (batch, counts.keep)
    assert mask.targets.shape == (batch, targets)
    for keep, target in zip(mask.keep.tolist(), mask.targets.tolist(), strict=True):
        assert len(set(keep) | set(target)) == counts.keep + targets  # none twice, none in both
        assert all(0 <= token < total for token in keep + target)


def test_masks_follow_the_generator_and_differ_between_samples() -> None:
    counts = MaskCounts.of(64, 0.75, 0.5)
    first, again, other = (
        draw_mask(counts, 8, generator=torch.Generator().manual_seed(s)).keep for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len({tuple(row) for row in first.tolist()}) == 8


def test_every_token_is_as_likely_to_be_seen() -> None:
    counts = MaskCounts.of(10, 0.7, 0.5)
    generator = torch.Generator().manual_seed(0)
    mask = draw_mask(counts, 20_000, generator=generator)
    share = torch.bincount(mask.keep.flatten(), minlength=10) / 20_000
    assert torch.allclose(share, torch.full((10,), 0.3), atol=0.015)


def test_take_tokens() -> None:
    tokens = torch.arange(2 * 5 * 3).view(2, 5, 3)
    index = torch.tensor([[4, 0], [1, 1]])
    assert torch.equal(
        take_tokens(tokens, index), torch.stack([tokens[0, [4, 0]], tokens[1, [1, 1]]])
    )


def test_channels_may_lie_last() -> None:
    image = torch.arange(2 * 3 * 12 * 12.0).reshape(2, 3, 12, 12)
    last = image.permute(0, 2, 3, 1)
    assert torch.equal(patchify_rgb_last(last, 4), patchify_rgb(image, 4))
