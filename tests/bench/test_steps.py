"""The steps that are timed do the operations that are counted."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from bimae.bench import steps
from bimae.bench.machine import threads_set
from bimae.bench.options import Reads
from bimae.model import flops, preset

TINY = "mae_vit_tiny_patch24"
BATCH = 4


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A counter sees only what its own thread does."""
    with threads_set(1):
        yield


class Counter(TorchDispatchMode):
    """Counts by the formulas of `FlopCounterMode`, which itself does not bear `autograd.grad`."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


def _operations(step: Callable[[], None]) -> float:
    counter = Counter()
    with counter, sdpa_kernel(SDPBackend.MATH):
        step()
    return counter.total / BATCH


def test_pretraining_step() -> None:
    step = steps.pretraining_step(TINY, BATCH, "32")
    step()
    assert _operations(step) == pytest.approx(flops.pretraining(preset(TINY)).total, rel=0.01)


@pytest.mark.parametrize("reads", ["bimodal", "bimodal-5", "rgb", "hs"])
def test_finetuning_step(reads: Reads) -> None:
    step = steps.finetuning_step(TINY, reads, BATCH, "32")
    expected = flops.classifying(steps.classifier(TINY, reads))
    assert _operations(step) == pytest.approx(expected.total, rel=0.01)


def test_a_step_in_bf16_is_done() -> None:
    steps.finetuning_step(TINY, "bimodal-5", 1, "bf16-mixed")()


def test_a_step_draws_nothing_from_the_global_state() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    steps.pretraining_step(TINY, 1, "32")()
    assert torch.equal(torch.rand(3), expected)
