"""What processes send each other makes up the step; with real ones in tests/cli/test_recipe.py."""

from collections import defaultdict
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimae.data.batch import Batch, Share
from bimae.data.loading import SeededPicks
from bimae.train import sharing
from bimae.train.recording import tensors_of
from bimae.train.sharing import gathered


@given(whole=st.integers(1, 9), ranks=st.integers(2, 4), resident=st.booleans())
def test_every_process_gets_the_whole_step(whole: int, ranks: int, resident: bool) -> None:
    step = Batch(
        torch.arange(whole),
        hs=torch.randint(0, 256, (whole, 2, 3, 3), dtype=torch.uint8),
        low=torch.zeros(whole, 1, 3, 3, dtype=torch.uint8),
        factor=torch.rand(whole, 1, 3, 3),
        reference=torch.rand(2, 2),
        turns=torch.rand(whole, 2) < 0.5,
        label=torch.arange(whole) % 3,
    )
    parts = []
    for rank in range(ranks):  # shared out by what shares out the data of a run
        (picks,) = SeededPicks(
            range(whole), batch_size=9, shuffle=False, flips=False, seed=0, rank=rank, ranks=ranks
        )
        part = step.take(torch.from_numpy(picks.indices))
        parts.append(replace(part if resident else part.alone(), share=picks.share))
    sent: dict[int, list[torch.Tensor]] = defaultdict(list)
    call = 0

    def note(received: list[torch.Tensor], own: torch.Tensor) -> None:
        nonlocal call
        sent[call].append(own)
        call += 1

    def deliver(received: list[torch.Tensor], own: torch.Tensor) -> None:
        nonlocal call
        assert own.dtype is not torch.bool
        for place, tensor in zip(received, sent[call], strict=True):
            place.copy_(tensor)  # fails unless all send as much
        call += 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharing.distributed, "all_gather", note)
        for part in parts:
            call = 0
            gathered(part, ranks)
        patch.setattr(sharing.distributed, "all_gather", deliver)
        for part in parts:
            call = 0
            found = gathered(part, ranks)
            for one, other in zip(tensors_of(found), tensors_of(step), strict=True):
                assert torch.equal(one, other)


def test_one_process_has_it_already() -> None:
    batch = Batch(torch.arange(3), share=Share(0, 3, 3))
    assert gathered(batch, 1) is batch
