"""What of a recording needs no GPU; the rest is in test_gpu.py."""

import torch

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
