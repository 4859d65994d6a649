"""Which of several processes this one is, as torchrun or SLURM tell it."""

import os
from dataclasses import dataclass

import torch

from bimae.errors import ConfigError


@dataclass(frozen=True)
class Processes:
    """The processes that train together.

    Attributes:
        rank: Number of this one.
        count: How many there are.
        nodes: Machines that they are spread over.
        local_rank: Number of this one on its machine.
    """

    rank: int = 0
    count: int = 1
    nodes: int = 1
    local_rank: int = 0

    @classmethod
    def of_environment(cls) -> "Processes":
        """What torchrun or `srun` has put into the environment; one process without either.

        Raises:
            ConfigError: The numbers there do not go together.
        """
        for names in _LAUNCHERS:
            if all(name in os.environ for name in names[:2]):
                rank, count, on_this, local_rank = map(_number, names, _ALONE)
                if not 0 <= rank < count or not 0 < on_this <= count or count % on_this:
                    told = ", ".join(f"{n}={os.environ.get(n)}" for n in names)
                    raise ConfigError(
                        f"{told}: no set of processes looks like that; start them all with "
                        "torchrun or srun, as many on each machine"
                    )
                return cls(rank, count, count // on_this, local_rank)
        return cls()

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        if torch.cuda.is_available():
            return torch.device("cuda", self.local_rank % torch.cuda.device_count())
        return torch.device("cpu")


# rank, processes, processes on this machine, rank on this machine
_LAUNCHERS = (
    ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "LOCAL_RANK"),
    ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_LOCALID"),
)
_ALONE = (0, 1, 1, 0)


def _number(name: str, default: int) -> int:
    value = os.environ.get(name, str(default))
    try:
        return int(value)
    except ValueError as error:
        raise ConfigError(f"{name}={value}: a whole number is expected") from error
