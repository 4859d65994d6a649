"""The samples of a whole step, where several processes share it."""

from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor, distributed

from bimae.data.batch import Batch

OF_ALL = ("reference",)  # what a batch has once for all of its samples


def gathered(batch: Batch, ranks: int) -> Batch:
    """The batch that one process alone would have, from those of all; each must call it.

    Args:
        batch: Samples of this process, with their `share`.
        ranks: Processes that share the step.
    """
    if ranks == 1 or batch.share is None:
        return batch
    alone, whole = batch.alone(), batch.share.whole
    # how `SeededPicks` shares a step out
    counts = [whole * (r + 1) // ranks - whole * r // ranks for r in range(ranks)]
    tensors = {f.name: getattr(alone, f.name) for f in fields(alone) if f.name not in OF_ALL}
    together: dict[str, Any] = {
        name: _gathered(t, counts) for name, t in tensors.items() if isinstance(t, Tensor)
    }
    return replace(alone, share=None, **together)


def _gathered(tensor: Tensor, counts: list[int]) -> Tensor:
    """Rows of all processes in order; `counts` are how many of each count."""
    # All must send as much. Whoever holds a sample that does not count sends that one.
    own = tensor.new_zeros(max(counts), *tensor.shape[1:])
    own[: len(tensor)] = tensor
    sendable = own.to(torch.uint8) if own.dtype is torch.bool else own
    received = [torch.empty_like(sendable) for _ in counts]
    distributed.all_gather(received, sendable)
    whole = torch.cat([rows[:count] for rows, count in zip(received, counts, strict=True)])
    return whole.to(tensor.dtype)
