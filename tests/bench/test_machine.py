import json

import pytest
import torch

from bimae.bench import machine
from bimae.bench.machine import choose_device, describe, synchroniser, threads_set
from bimae.errors import ConfigError

CPU = torch.device("cpu")


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == CPU
    with pytest.raises(ConfigError, match="sees no CUDA device; choose cpu, or install"):
        choose_device("cuda")


def test_a_device_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    assert choose_device("cpu") == CPU
    assert synchroniser(torch.device("cuda")) is torch.cuda.synchronize
    assert synchroniser(CPU) is None


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), threads_set(before + 1) as threads:
        assert threads == torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before
    with threads_set(0) as threads:
        assert threads == before


@pytest.mark.parametrize(("load", "busy"), [(0.0, False), (40.0, True), (None, False)])
def test_the_machine_says_what_it_is_and_who_else_works(
    monkeypatch: pytest.MonkeyPatch, load: float | None, busy: bool
) -> None:
    monkeypatch.setattr(machine, "_load", lambda: load)
    monkeypatch.setattr(machine, "processors", lambda: 4)
    monkeypatch.setenv("LD_PRELOAD", "")
    found = describe(CPU)
    assert (found["busy"], found["load_average"], found["preloaded"]) == (busy, load, None)
    assert found["device_name"] == found["cpu_name"] != ""
    assert found["threads"] == torch.get_num_threads()
    assert {"bimae", "python", "torch", "numpy", "lightning", "started"} <= set(found)
    assert json.loads(json.dumps(found)) == found
