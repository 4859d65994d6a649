"""AdamW with decay where it belongs, and the schedule tied to it."""

from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from bimae.train.schedule import learning_rate


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups: the matrices of linear layers decay; norms, biases, tokens and positions not."""
    decayed = [part.weight for part in module.modules() if isinstance(part, nn.Linear)]
    chosen = {id(parameter) for parameter in decayed}
    rest = [parameter for parameter in module.parameters() if id(parameter) not in chosen]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]


def adamw(
    module: nn.Module,
    *,
    steps: int,
    peak: float,
    weight_decay: float,
    warmup: float,
    start: float,
    betas: tuple[float, float],
) -> tuple[torch.optim.AdamW, LambdaLR]:
    """The optimiser and its schedule for a run of `steps` steps; see `learning_rate`."""
    optimiser = torch.optim.AdamW(
        parameter_groups(module, weight_decay), lr=peak, betas=betas, fused=True
    )

    def share(step: int) -> float:
        return learning_rate(step, steps=steps, peak=peak, warmup=warmup, start=start) / peak

    return optimiser, LambdaLR(optimiser, share)
