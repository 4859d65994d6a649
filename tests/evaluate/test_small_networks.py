"""The small networks: size, learning, determinism."""

import numpy as np
import pytest
import torch

from bimae.evaluate import small_networks
from bimae.evaluate.classifiers import Labelled, Task
from bimae.evaluate.small_networks import (
    ColourNetwork,
    FirstConvolution,
    SpectralNetwork,
    _batches,
    by_network,
    rate,
)

NETWORKS = [ColourNetwork, SpectralNetwork]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(small_networks, "ROUNDS", 4)
    monkeypatch.setattr(small_networks, "STEPS_A_ROUND", 10)


def labelled(count, seed, channels=3, dtype=np.float32):
    """Three classes, each brighter in one channel."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    x = 90 + 10 * rng.normal(size=(count, channels, 8, 8))
    x[np.arange(count), y] += 40
    return Labelled(x.astype(dtype), y, (None,) * count)


def task(count=30, *, held=True, balanced=False, seed=0, dtype=np.float32):
    unseen = labelled(30, 1, dtype=dtype)
    judged = labelled(12, 2, dtype=dtype) if held else None
    return Task(labelled(count, 0, dtype=dtype), judged, unseen.x, 3, seed, balanced), unseen.y


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize(
    "shape", [(3, 192, 192), (50, 24, 24), (74, 40, 40), (12, 8, 8), (1, 1, 1)]
)
def test_any_size_fits_and_they_are_small(make, shape):
    if make is ColourNetwork:
        shape = (3, *shape[1:])
    network = make(shape, 100)
    assert network(torch.zeros(2, *shape)).shape == (2, 100)
    assert sum(p.numel() for p in network.parameters()) < 200_000


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize(("held", "balanced"), [(True, False), (False, True)])
def test_they_learn_the_same_each_time(make, held, balanced):
    given, truth = task(held=held, balanced=balanced)
    before = torch.get_rng_state()
    found = by_network(make)(given)
    assert torch.equal(before, torch.get_rng_state())  # nobody else's numbers are drawn
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == truth).mean() > 0.8
    torch.rand(1)
    np.testing.assert_array_equal(found, by_network(make)(given))
    other = by_network(make)(task(held=held, balanced=balanced, seed=1)[0])
    assert (other != found).any()


@pytest.mark.parametrize("make", NETWORKS)
def test_one_sample_of_each_class_is_enough_to_run(make):
    found = by_network(make)(task(3, held=False)[0])
    assert found.shape == (30, 3) and np.isfinite(found).all()


def test_bytes_and_numbers_are_read_alike():
    answer = by_network(ColourNetwork)
    found = answer(task(dtype=np.uint8)[0]).argmax(axis=1)
    assert (found == task()[1]).mean() > 0.8


def test_the_best_round_is_kept(monkeypatch):
    scores = iter([0.1, 0.9, 0.9, 0.2])
    states = []

    def judged(network, *_):
        states.append(network.head.bias.detach().clone())
        return next(scores)

    loaded = []
    load = ColourNetwork.load_state_dict
    monkeypatch.setattr(small_networks, "_judged", judged)
    monkeypatch.setattr(
        ColourNetwork,
        "load_state_dict",
        lambda self, state: (loaded.append(state["head.bias"]), load(self, state)),
    )
    by_network(ColourNetwork)(task()[0])
    assert len(states) == 4 and torch.equal(loaded[0], states[2])  # the latest of equals


def test_an_even_channel_is_no_division_by_zero():
    images = np.zeros((4, 3, 8, 8), np.float32)
    images[:, 0] = np.random.default_rng(0).normal(size=(4, 8, 8))
    _, deviation = small_networks._scale_of(images)
    assert deviation.ravel()[1:].tolist() == [1, 1]
    mean, deviation = small_networks._scale_of(images[:, :1])
    assert float(mean) == pytest.approx(images[:, 0].mean(), abs=1e-6)
    assert float(deviation) == pytest.approx(images[:, 0].std(), rel=1e-5)


def test_the_rate_rises_then_falls():
    values = [rate(i / 100) for i in range(1, 101)]
    top = int(np.argmax(values))
    assert values[top] == pytest.approx(1) and values[-1] == pytest.approx(0, abs=1e-9)
    assert values[:top] == sorted(values[:top])
    assert values[top:] == sorted(values[top:], reverse=True)


@pytest.mark.parametrize("shape", [(6, 4, 4), (50, 24, 24), (1, 1, 1)])
def test_the_first_convolution_is_that_of_torch(shape):
    ours = FirstConvolution(12, (7, 3, 3), (2, 2, 2))
    cubes = torch.randn(4, 1, *shape, generator=torch.Generator().manual_seed(0))
    theirs = torch.nn.functional.conv3d(
        cubes, ours.weight.view(12, 1, 7, 3, 3), stride=2, padding=(3, 1, 1)
    )
    torch.testing.assert_close(ours(cubes), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize("batch", [2, 3, 8, 32])
def test_gradients_are_the_same_each_time(make, batch):
    network = make((6, 4, 4), 3)
    images = torch.randn(batch, 6, 4, 4, generator=torch.Generator().manual_seed(0))
    found = []
    for _ in range(12):
        waste = [torch.full((n,), float("nan")) for n in (500, 756, 5000, 12960, 31104, 82944)]
        del waste  # what is read without having been written shows
        network.zero_grad()
        network(images).square().sum().backward()
        found.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
    assert found[0].isfinite().all()
    assert all(torch.equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize("count", [1, 2, 32, 33, 65, 70])
def test_no_sample_is_learned_from_alone(count):
    batches = _batches(count, torch.Generator().manual_seed(0))
    found = [next(batches) for _ in range(40)]
    assert all(len(rows) > 1 or count == 1 for rows in found)
    assert set(torch.cat(found).tolist()) == set(range(count))
