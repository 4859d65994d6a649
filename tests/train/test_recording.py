"""What of a recording needs no GPU; the rest is in test_gpu.py."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bimae.train.lesson import draw_lesson
from bimae.train.options import FinetuneOptions
from bimae.train.recording import tensors_of, with_tensors
from tests.train.test_engine import batch_of


def test_tensors_of_a_batch_and_back() -> None:
    masked = batch_of(3, torch.device("cpu"))
    tensors = tensors_of(masked)
    expected = [masked.batch.index, masked.batch.hs, masked.batch.rgb, masked.batch.turns]
    expected += [masked.hs.keep, masked.hs.targets, masked.rgb.keep, masked.rgb.targets]
    assert all(one is other for one, other in zip(tensors, expected, strict=True))
    copies = [tensor.clone() for tensor in tensors]
    left = iter(copies)
    again = with_tensors(masked, lambda _: next(left))
    assert type(again) is type(masked)
    assert again.batch.low is None
    assert all(one is other for one, other in zip(tensors_of(again), copies, strict=True))


@pytest.mark.parametrize(
    "options",
    [{}, {"mixup": 0.2, "cutmix": 1.0, "rotate": True, "drop_path": 0.1}, {"any_sensor": True}],
)
def test_what_is_no_tensor_can_be_a_key(options: dict[str, Any]) -> None:
    """Steps of two sensors may have the same tensors, and are recorded apart all the same."""
    batch = replace(batch_of(6, torch.device("cpu")).batch, label=torch.zeros(6, dtype=torch.long))
    recipe = FinetuneOptions(Path("none"), **options)
    keys = {
        hash(with_tensors(draw_lesson(batch, recipe, depth=2, epoch=0, number=n), lambda _: None))
        for n in range(20)
    }
    assert (len(keys) > 1) == bool(options.get("any_sensor"))
