from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bimae.bench import waiting
from bimae.bench.waiting import WaitingClock, measure_waiting

MODULE: Any = SimpleNamespace(device=torch.device("cpu"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    now = [0.0]
    monkeypatch.setattr(waiting.time, "perf_counter", lambda: now[0])
    return now


def _epoch(told: WaitingClock, clock: list[float], waits: list[float], step: float) -> None:
    trainer: Any = None
    told.on_train_epoch_start(trainer, MODULE)
    for number, wait in enumerate(waits):
        clock[0] += wait
        told.on_train_batch_start(trainer, MODULE, None, number)
        clock[0] += step
        told.on_train_batch_end(trainer, MODULE, None, None, number)


def test_the_share_of_waiting_within_epochs(clock: list[float]) -> None:
    told = WaitingClock()
    _epoch(told, clock, [100.0, 1.0, 2.0], step=7.0)
    _epoch(told, clock, [50.0, 3.0], step=7.0)
    # Not the first batches of the epochs, before which other things are done.
    assert told.waits == [1.0, 2.0, 3.0]
    assert told.steps == [7.0, 7.0, 7.0]
    assert told.share == pytest.approx(6 / 27)


def test_one_batch_has_waited_for_none(clock: list[float]) -> None:
    told = WaitingClock()
    _epoch(told, clock, [1.0], step=1.0)
    with pytest.raises(ValueError, match="no epoch had two batches"):
        _ = told.share


@pytest.mark.parametrize("resident", [True, False])
def test_a_real_run(small_data: Path, resident: bool) -> None:
    found = measure_waiting(
        small_data,
        model_name="mae_vit_tiny_patch24",
        batch_size=8,
        epochs=1,
        resident=resident,
    )
    assert 0 < found["waiting_share"] < 1
    assert found["wait_s_min"] <= found["wait_s_median"] <= found["wait_s_max"]


def test_a_run_of_one_batch(small_data: Path) -> None:
    found = measure_waiting(
        small_data,
        model_name="mae_vit_tiny_patch24",
        batch_size=76,
        epochs=1,
        resident=True,
    )
    assert found["skipped"] == "the training part holds fewer than two batches"
