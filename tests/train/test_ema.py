from pathlib import Path

import pytest
import torch
from torch import nn

from bimae.train.ema import Averaged, decay_at


def begun(model: nn.Module, decay: float) -> Averaged:
    averaged = Averaged(model, decay)
    averaged.on_train_start(None, None)  # type: ignore[arg-type]
    return averaged


def test_the_memory_grows_to_what_is_asked_for() -> None:
    assert decay_at(0, 0.999) == pytest.approx(0.1)
    assert decay_at(90, 0.999) == pytest.approx(0.91)
    assert decay_at(10**6, 0.999) == 0.999
    assert decay_at(90, 0.5) == 0.5


def test_it_is_the_average_by_its_definition() -> None:
    model = nn.Linear(1, 1, bias=False)
    averaged = begun(model, 0.6)
    expected = model.weight.item()
    for step, value in enumerate([3.0, -1.0, 4.0, 1.0, 5.0, 9.0]):
        with torch.no_grad():
            model.weight.fill_(value)
        averaged.add()
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    averaged.lend()
    assert model.weight.item() == pytest.approx(expected, rel=1e-6)
    averaged.lend()  # lent already: the weights are not forgotten
    averaged.take_back()
    assert model.weight.item() == 9


def test_weights_stay_where_they_are() -> None:
    model = nn.Linear(2, 2)
    averaged = begun(model, 0.9)
    place = model.weight.data_ptr()
    with torch.inference_mode():  # as Lightning validates
        averaged.lend()
        assert model.weight.data_ptr() == place
    averaged.take_back()
    assert model.weight.data_ptr() == place
    model(torch.ones(1, 2)).sum().backward()
    assert model.weight.grad is not None


def test_it_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    averaged = begun(model, 0.9)
    with torch.no_grad():
        model.weight.add_(1)
    averaged.add()
    torch.save(averaged.state_dict(), tmp_path / "x")
    again = Averaged(model, 0.9)
    again.load_state_dict(torch.load(tmp_path / "x", weights_only=True))
    again.on_train_start(None, None)  # type: ignore[arg-type]
    assert again.steps == 1
    for one in (averaged, again):
        with torch.no_grad():
            model.weight.fill_(7)
        one.add()
        one.lend()
    expected = averaged.state_dict()["average"]
    for name, value in again.state_dict()["average"].items():
        assert torch.equal(value, expected[name])


def test_what_does_not_learn_is_left_alone() -> None:
    model = nn.Sequential(nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 2))
    assert begun(model, 0.9).state_dict()["average"].keys() == {"1.weight", "1.bias"}
