"""Bands that are hidden or kept together."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimae.errors import ConfigError
from bimae.model import MaskCounts
from bimae.model.masking import Blocks, Groups, Mask, Together, draw_mask, draw_masks
from tests.model.small import CONFIG, masks

GROUPS = (0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 4, 4, 4, 4, 5, 5, 5)  # of the 20 bands of CONFIG


@st.composite
def cases(draw: st.DrawFn) -> tuple[Together, MaskCounts]:
    total = draw(st.integers(1, 60))
    there = draw(st.one_of(st.none(), st.sets(st.integers(0, total - 1), min_size=1).map(sorted)))
    count = total if there is None else len(there)
    counts = MaskCounts.of(count, draw(st.floats(0.05, 0.95)), draw(st.floats(0.05, 1)))
    if draw(st.booleans()):
        counts = counts.unseen()
    if draw(st.booleans()):
        bands = None if there is None else torch.tensor(there)
        return Blocks(draw(st.integers(1, 70)), total, bands), counts
    numbers = st.lists(st.integers(0, 5), min_size=count, max_size=count).map(sorted)
    return Groups.of(draw(numbers)), counts


@given(cases(), st.integers(1, 4), st.booleans(), st.integers(0, 1000))
def test_counts_are_those_of_a_random_mask_and_no_token_is_in_both(
    case: tuple[Together, MaskCounts], batch: int, everything: bool, seed: int
) -> None:
    together, counts = case

    def drawn() -> Mask:
        return draw_mask(
            counts, batch, generator=masks(seed), all_hidden=everything, together=together
        )

    mask, again = drawn(), drawn()
    plain = draw_mask(counts, batch, generator=masks(seed), all_hidden=everything)
    assert mask.keep.shape == plain.keep.shape
    assert mask.targets.shape == plain.targets.shape
    for keep, target in zip(mask.keep.tolist(), mask.targets.tolist(), strict=True):
        assert len(set(keep) | set(target)) == len(keep) + len(target)
        assert all(0 <= token < counts.total for token in keep + target)
        assert keep == sorted(keep)
        assert target == sorted(target)
    assert torch.equal(mask.keep, again.keep)
    assert torch.equal(mask.targets, again.targets)


def runs(kept: list[int], total: int) -> int:
    """Runs of kept bands where the last band is followed by the first; as many are hidden."""
    chosen = [band in set(kept) for band in range(total)]
    return sum(a and not b for a, b in pairwise([*chosen, chosen[0]]))


@given(st.integers(2, 300), st.integers(1, 40), st.floats(0.1, 0.95), st.integers(0, 1000))
def test_blocks_are_contiguous_runs(total: int, length: int, ratio: float, seed: int) -> None:
    counts = MaskCounts.of(total, ratio, 0.5)
    blocks = Blocks(length, total)
    mask = draw_mask(counts, 5, generator=masks(seed), together=blocks)
    for keep in mask.keep.tolist():
        # whole blocks, perhaps the short one that is left of the ring, and one that counts cut
        assert runs(keep, total) <= counts.keep // length + 2


def test_hidden_runs_are_long_where_random_ones_are_short() -> None:
    counts = MaskCounts.of(300, 0.9, 0.2)
    blocks, plain = (
        draw_mask(counts, 50, generator=masks(), together=together)
        for together in (Blocks(10, 300), None)
    )
    assert max(runs(keep, 300) for keep in blocks.keep.tolist()) <= 4
    assert min(runs(keep, 300) for keep in plain.keep.tolist()) >= 20
    assert len({tuple(keep) for keep in blocks.keep.tolist()}) == 50  # each sample has its own


@pytest.mark.parametrize(
    "together", [Blocks(4, 10), Blocks(3, 10), Groups.of([0] * 10), Groups.of([0] * 5 + [1] * 5)]
)
def test_every_band_is_as_likely_to_be_seen_and_to_be_a_target(together: Together) -> None:
    counts = MaskCounts.of(10, 0.7, 0.5)
    mask = draw_mask(counts, 20_000, generator=masks(), together=together)
    for tokens in (mask.keep, mask.targets):
        share = torch.bincount(tokens.flatten(), minlength=10) / 20_000
        expected = torch.full((10,), tokens.shape[1] / 10)
        assert torch.allclose(share, expected, atol=0.015)


@given(st.integers(0, 1000), st.integers(0, 20))
def test_groups_are_kept_whole_but_for_the_one_that_counts_cut(seed: int, keep: int) -> None:
    counts = MaskCounts(20, keep, 20 - keep, 0)
    mask = draw_mask(counts, 6, generator=masks(seed), together=Groups.of(GROUPS))
    for kept in mask.keep.tolist():
        shares = {
            group: sum(GROUPS[band] == group for band in kept) / GROUPS.count(group)
            for group in set(GROUPS)
        }
        assert sum(0 < share < 1 for share in shares.values()) <= 1


def test_bands_that_lie_far_apart_are_hidden_one_by_one() -> None:
    """A block is a piece of the spectrum: a camera with few bands has nothing to put in it."""
    there = torch.arange(0, 300, 30)
    counts = MaskCounts.of(10, 0.7, 1)
    mask = draw_mask(counts, 400, generator=masks(), together=Blocks(10, 300, there))
    alone = sum(runs(keep, 10) > 1 for keep in mask.keep.tolist())
    assert alone > 300  # three neighbours of ten, by chance, are rare


def test_a_config_says_how_its_bands_are_hidden() -> None:
    blocks = replace(CONFIG, hs_masking="block", hs_block=3)
    groups = replace(CONFIG, hs_masking="similarity", hs_groups=GROUPS)
    for config in (blocks, groups):
        hs, rgb = draw_masks(config, 8, generator=masks())
        assert hs.keep.shape == (8, config.hs_counts.keep)
        assert rgb.targets.shape == (8, config.rgb_counts.targets)
    hs, _ = draw_masks(blocks, 8, generator=masks())
    assert all(runs(keep, 20) <= 4 for keep in hs.keep.tolist())


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"hs_masking": "blocks"}, "hs_masking is 'blocks'; choose one of random, block"),
        ({"hs_block": 0}, "hs_block is 0"),
        ({"hs_masking": "similarity"}, "hs_masking similarity needs hs_groups"),
        ({"hs_masking": "similarity", "hs_groups": (0, 1)}, "hs_groups has 2 values for 20 bands"),
    ],
)
def test_configs_that_cannot_be(wrong: dict, told: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ConfigError, match=told):
        replace(CONFIG, **wrong)


def test_another_sensor_has_the_groups_of_the_nearest_bands() -> None:
    nm = tuple(400.0 + 10 * band for band in range(20))
    config = replace(
        CONFIG,
        band_positions="wavelength",
        wavelengths_nm=nm,
        widths_nm=(10.0,) * 20,
        hs_masking="similarity",
        hs_groups=GROUPS,
    )
    assert config.on((405.0 - 1, 452.0, 590.0)).hs_groups == (0, 2, 5)
    assert config.on(nm).hs_groups == GROUPS
