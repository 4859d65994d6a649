"""AdamW with decay where it belongs, and the schedule tied to it."""

from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from bimae.model.blocks import EncoderBlock
from bimae.model.trunk import Trunk
from bimae.train.schedule import learning_rate


def parameter_groups(
    module: nn.Module, weight_decay: float, layer_decay: float = 1.0
) -> list[dict[str, Any]]:
    """The matrices of linear layers decay; norms, biases, tokens and positions do not.

    Args:
        module: What learns; parameters that need no gradient are left out.
        weight_decay: Of the matrices.
        layer_decay: Share of the learning rate that each layer of the trunk has of the one above
            it: head and norms have all of it, the last block this share, the tokenizers the least
            (Bao et al. 2022). 1: all learn alike.

    Returns:
        For each layer, the uppermost first, a group that decays and one that does not; `share` is
        what they have of the learning rate.
    """
    decayed = {id(part.weight) for part in module.modules() if isinstance(part, nn.Linear)}
    below = {} if layer_decay == 1 else layers_below(module)
    layers: dict[int, tuple[list[nn.Parameter], list[nn.Parameter]]] = {0: ([], [])}
    for parameter in module.parameters():
        if parameter.requires_grad:
            layer = layers.setdefault(below.get(id(parameter), 0), ([], []))
            layer[id(parameter) not in decayed].append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "share": layer_decay**number}
        for number, layer in sorted(layers.items())
        for parameters, decay in zip(layer, (weight_decay, 0.0), strict=True)
        if parameters or number == 0
    ]


def layers_below(module: nn.Module) -> dict[int, int]:
    """How many layers each parameter of a trunk lies below the head, by its `id`.

    The encoder's final norm 0, its last block 1, its first block its depth, what comes before the
    encoder one more.
    """
    below: dict[int, int] = {}
    for trunk in module.modules():
        if not isinstance(trunk, Trunk):
            continue
        blocks = [part for part in trunk.encoder if isinstance(part, EncoderBlock)]
        below |= {id(parameter): len(blocks) + 1 for parameter in trunk.parameters()}
        below |= {id(parameter): 0 for parameter in trunk.encoder.parameters()}
        for number, block in enumerate(blocks):
            below |= {id(parameter): len(blocks) - number for parameter in block.parameters()}
    return below


def adamw(
    module: nn.Module,
    *,
    steps: int,
    peak: float,
    weight_decay: float,
    warmup: float,
    start: float,
    betas: tuple[float, float],
    layer_decay: float = 1.0,
) -> tuple[torch.optim.AdamW, LambdaLR]:
    """The optimiser and its schedule for a run of `steps` steps; see `learning_rate`."""
    groups = parameter_groups(module, weight_decay, layer_decay)
    for group in groups:
        group["lr"] = peak * group.pop("share")
    optimiser = torch.optim.AdamW(groups, lr=peak, betas=betas, fused=True)

    def share(step: int) -> float:
        return learning_rate(step, steps=steps, peak=peak, warmup=warmup, start=start) / peak

    return optimiser, LambdaLR(optimiser, share)
