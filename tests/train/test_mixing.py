"""Mixup and cutmix: both views alike, and the labels as the pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimae.data.batch import Batch
from bimae.train.mixing import blended, draw_mix, mix_of, sides_of, taken


def boxes(seed: int, count: int = 6, sides: tuple[int, ...] = (6, 32)) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return list(draw_mix(rng, count, mixup=0, cutmix=1, sides=sides).boxes)


@given(seed=st.integers(0, 10**6), factor=st.integers(1, 8), side=st.integers(1, 24))
def test_the_same_rectangle_is_cut_out_of_both_views(seed: int, factor: int, side: int) -> None:
    coarse, fine = boxes(seed, sides=(side, side * factor))
    assert (coarse * factor == fine).all()
    assert (coarse >= 0).all()
    assert (coarse <= side).all()
    assert (coarse[:, 0] <= coarse[:, 1]).all()
    assert (coarse[:, 2] <= coarse[:, 3]).all()


@given(seed=st.integers(0, 10**6), sides=st.sampled_from([(6, 32), (6, 48), (7,), (24, 10)]))
def test_labels_are_shared_out_by_the_area_that_is_cut(seed: int, sides: tuple[int, ...]) -> None:
    draws = draw_mix(np.random.default_rng(seed), 5, mixup=0, cutmix=1, sides=sides)
    left = []
    for side, box in zip(sides, draws.boxes, strict=True):
        ones, zeros = torch.ones(5, 2, side, side), torch.zeros(5, 2, side, side)
        mixed = blended(ones, zeros, torch.from_numpy(draws.blend).float(), torch.from_numpy(box))
        assert set(mixed.unique().tolist()) <= {0.0, 1.0}
        left.append(mixed.mean(dim=(1, 2, 3)).numpy())
    np.testing.assert_allclose(np.mean(left, axis=0), draws.share, atol=1e-6)
    assert (np.ptp(np.array(left), axis=0) <= 0.34).all()  # of other grids nearly the same


def test_mixup_adds_up_pixels_and_labels_in_the_same_shares() -> None:
    draws = draw_mix(np.random.default_rng(0), 50, mixup=0.4, cutmix=0, sides=(6, 32))
    assert (draws.share == draws.blend).all()
    assert not np.concatenate(draws.boxes).any()
    assert sorted(draws.partner) == list(range(50))
    own, other = torch.rand(50, 3, 6, 6), torch.rand(50, 3, 6, 6)
    share = torch.from_numpy(draws.share).float()
    found = blended(own, other, share, torch.from_numpy(draws.boxes[0]))
    weight = share.view(-1, 1, 1, 1)
    torch.testing.assert_close(found, weight * own + (1 - weight) * other)


def test_where_both_are_on_each_batch_is_mixed_in_one_way() -> None:
    found = [
        draw_mix(np.random.default_rng([3, n]), 8, mixup=0.4, cutmix=1, sides=(24,))
        for n in range(40)
    ]
    cut = [(draws.blend == 1).all() for draws in found]
    assert 8 < sum(cut) < 32
    for draws, is_cut in zip(found, cut, strict=True):
        assert is_cut or not draws.boxes[0].any()


@pytest.mark.parametrize("resident", [False, True])
def test_partners_bring_their_images_turns_and_labels(resident: bool) -> None:
    batch = Batch(
        torch.arange(9),
        hs=torch.rand(9, 2, 6, 6),
        rgb=torch.rand(9, 12, 12, 3),
        turns=torch.rand(9, 2) < 0.5,
        label=torch.arange(9) % 4,
    )
    if resident:
        batch = replace(batch, index=batch.index[2:7], rows=torch.arange(2, 7),
                        turns=batch.turns[2:7], label=batch.label[2:7])  # fmt: skip
    assert sides_of(batch) == [6, 12]
    draws = draw_mix(np.random.default_rng(1), len(batch), mixup=0, cutmix=1, sides=(6, 12))
    mix = mix_of(draws, batch, batch, slice(0, len(batch)))
    order = torch.from_numpy(draws.partner)
    assert torch.equal(mix.partner.label, batch.label[order])
    for found, expected in zip(mix.partner.images(), batch.images(), strict=True):
        assert torch.equal(found, expected[order])
    assert torch.equal(taken(batch, order).alone().images()[0], batch.images()[0][order])


def test_one_view_alone_has_one_box() -> None:
    batch = Batch(torch.arange(3), rgb=torch.rand(3, 12, 12, 3), label=torch.arange(3))
    draws = draw_mix(np.random.default_rng(1), 3, mixup=0, cutmix=1, sides=sides_of(batch))
    mix = mix_of(draws, batch, batch, slice(0, 3))
    assert mix.hs_box is None
    assert mix.rgb_box is not None


def test_figures_are_shared_out() -> None:
    draws = draw_mix(np.random.default_rng(2), 4, mixup=0.5, cutmix=0, sides=(6,))
    batch = Batch(torch.arange(4), hs=torch.rand(4, 1, 6, 6), label=torch.arange(4))
    mix = mix_of(draws, batch, batch, slice(0, 4))
    own, others = torch.rand(4), torch.rand(4)
    expected = np.mean(draws.share * own.numpy() + (1 - draws.share) * others.numpy())
    assert mix.of(own, others).item() == pytest.approx(expected, rel=1e-5)
