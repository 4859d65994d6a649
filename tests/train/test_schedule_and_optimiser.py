import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimae.model import BiMAE, ClassifierConfig, SeedClassifier
from bimae.train.optimiser import adamw, parameter_groups
from bimae.train.schedule import learning_rate
from tests.model.small import CONFIG


def test_known_points() -> None:
    rate = {s: learning_rate(s, steps=100, peak=1.0, warmup=0.1, start=0.5) for s in range(101)}
    assert rate[0] == 0.5
    assert rate[5] == pytest.approx(0.75)
    assert rate[10] == 1.0
    assert rate[55] == pytest.approx(0.5)
    assert rate[99] == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))
    assert rate[100] == 0


@given(st.integers(1, 500), st.floats(0, 0.99), st.floats(1e-5, 1))
def test_it_rises_then_falls_and_never_leaves_its_range(
    steps: int, warmup: float, peak: float
) -> None:
    start = peak / 10
    rates = [
        learning_rate(s, steps=steps, peak=peak, warmup=warmup, start=start) for s in range(steps)
    ]
    assert all(0 < rate <= peak * (1 + 1e-9) for rate in rates)
    top = rates.index(max(rates))
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_only_matrices_of_linear_layers_decay() -> None:
    model = BiMAE(CONFIG)
    names = {id(p): n for n, p in model.named_parameters()}
    decayed, rest = ([names[id(p)] for p in g["params"]] for g in parameter_groups(model, 0.05))
    assert len(decayed) + len(rest) == len(names)
    assert all(name.endswith("weight") for name in decayed)
    assert not any("norm" in name for name in decayed)
    for name in ("trunk.global_token", "trunk.hs.positions", "hs_mask_patch", "rgb_mask_patch"):
        assert name in rest


def test_the_schedule_drives_the_optimiser() -> None:
    model = torch.nn.Linear(2, 2)
    optimiser, schedule = adamw(
        model, steps=10, peak=0.1, weight_decay=0.0, warmup=0.5, start=0.01, betas=(0.9, 0.95)
    )
    seen = []
    for _ in range(10):
        seen.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    expected = [learning_rate(s, steps=10, peak=0.1, warmup=0.5, start=0.01) for s in range(10)]
    assert seen == pytest.approx(expected)


def test_layers_learn_the_slower_the_deeper_they_are() -> None:
    config = ClassifierConfig(CONFIG, classes=("a", "b"), bands=tuple(range(20)), pool="token")
    model = SeedClassifier(config)
    names = {id(p): n for n, p in model.named_parameters()}
    optimiser, schedule = adamw(
        model, steps=10, peak=0.1, weight_decay=0.05, warmup=0.5, start=0.1, betas=(0.9, 0.95),
        layer_decay=0.5,
    )  # fmt: skip
    rates = {names[id(p)]: g["lr"] for g in optimiser.param_groups for p in g["params"]}
    assert rates.keys() == set(names.values())
    for name, share in {
        "head.weight": 1,
        "norm.weight": 1,
        "trunk.encoder.2.weight": 1,
        "trunk.encoder.1.mlp.0.weight": 0.5,
        "trunk.encoder.1.norm1.bias": 0.5,
        "trunk.encoder.0.attention.qkv.weight": 0.25,
        "trunk.global_token": 0.125,
        "trunk.hs.positions": 0.125,
    }.items():
        assert rates[name] == pytest.approx(0.1 * share), name
    assert {n for n, rate in rates.items() if rate == pytest.approx(0.0125)} == {
        n for n in rates if n.startswith("trunk.") and "encoder" not in n
    }
    # the first group is that whose learning rate metrics.csv tells
    before = [g["lr"] for g in optimiser.param_groups]
    assert before[0] == 0.1
    for _ in range(8):
        optimiser.step()
        schedule.step()
    share = learning_rate(8, steps=10, peak=0.1, warmup=0.5, start=0.1) / 0.1
    assert [g["lr"] for g in optimiser.param_groups] == pytest.approx([r * share for r in before])


def test_what_is_frozen_is_no_business_of_the_optimiser() -> None:
    model = BiMAE(CONFIG)
    model.trunk.requires_grad_(False)
    learning = {id(p) for g in parameter_groups(model, 0.05, 0.75) for p in g["params"]}
    assert learning == {id(p) for p in model.parameters() if p.requires_grad}
