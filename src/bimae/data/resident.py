"""A part of a data set held in memory as it is stored, on the device that trains.

Reading a sample from its file costs more than copying it from memory, since files have their bands
last; and a GPU must not wait for either.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from bimae.data.batch import Batch
from bimae.data.dataset import SeedDataset
from bimae.data.reading import Reading
from bimae.data.stacking import read_batch
from bimae.data.transforms import Mix

SHARE_OF_HOST = 0.25  # of the free memory of the machine
SHARE_OF_DEVICE = 0.5  # of the free memory of a GPU, where the step needs the rest


class Resident:
    """Samples in memory.

    Attributes:
        device: Where they lie.
        whole: All of them as one batch.
    """

    def __init__(
        self,
        samples: SeedDataset,
        indices: Sequence[int],
        reading: Reading,
        device: torch.device | str = "cpu",
    ) -> None:
        """Reads samples; `resident_bytes` says what that takes."""
        mix = None if reading.weights is None else Mix.of(reading.weights)
        self.device = torch.device(device)
        self.whole = read_batch(samples, indices, reading, mix, compact=True).to(self.device)
        self._row = {int(index): row for row, index in enumerate(indices)}

    def take(self, indices: Sequence[int]) -> Batch:
        """Some of the samples, in this order."""
        return self.whole.take(sent(torch.tensor([self._row[i] for i in indices]), self.device))


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A small tensor on another device, without waiting for what that has to do before."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def resident_bytes(samples: SeedDataset, count: int, reading: Reading) -> int:
    """Bytes of memory that `count` samples take when held as they are stored."""
    if not count:
        return 0
    mix = None if reading.weights is None else Mix.of(reading.weights)
    return count * read_batch(samples, [0], reading, mix, compact=True).nbytes


def fits(needed: int, device: torch.device) -> bool:
    """Whether so many bytes can be held on a device without crowding out what else is there."""
    if device.type == "cuda":
        return needed <= SHARE_OF_DEVICE * torch.cuda.mem_get_info(device)[0]
    return needed <= SHARE_OF_HOST * free_memory()


def free_memory() -> int:
    """Bytes of memory that this process could still take: the machine's, or its container's."""
    free = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2]
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = [int(line.split()[1]) * 1024]
        group = Path("/sys/fs/cgroup")
        limit, used = ((group / name).read_text("ascii").strip() for name in _CGROUP)
        free.append(int(limit) - int(used))
    except (OSError, ValueError):
        pass  # no such file here, or no limit ("max"): what is known already has to do
    return max(0, min(free))


_CGROUP = ("memory.max", "memory.current")
