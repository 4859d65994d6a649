"""From the attention of all blocks to one weight for each token.

Shapes: B batch, N tokens, K classes, h heads, L blocks.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from bimae.explain.attention import Attended


def rollout(attention: Sequence[Tensor]) -> Tensor:
    """Attention rollout (Abnar and Zuidema 2020, section 4): how tokens got mixed on the way up.

    Half of each token goes around the attention of a block (the residual), the other half is mixed
    as the mean over heads says; the product over the blocks is what is left of each token at the
    end. It knows nothing of the answer: the same for every class.

    Args:
        attention: [B, h, N, N] of each block, the first one first; rows sum to 1.

    Returns:
        [B, N, N]: how much of each final token (row) comes from each first one; rows sum to 1.
    """
    count = attention[0].shape[-1]
    once = torch.eye(count, device=attention[0].device)
    mixed = once.expand(len(attention[0]), -1, -1)
    for weights in attention:
        mixed = (weights.detach().float().mean(dim=1) + once) / 2 @ mixed
    return mixed


def relevance(found: Attended, wanted: Tensor) -> Tensor:
    """Relevance of tokens for an answer (Chefer et al. 2021, equations 5 and 6).

    As rollout, but of each attention weight only as much as the answer hangs on it: weight times
    gradient, where that is positive, and what goes around is not halved.

    Args:
        found: The pass.
        wanted: [B] the number that is explained, such as a logit, computed from `found.logits`.

    Returns:
        [B, N, N]: what reached each final token (row) from each first one over attention; the
        token's own self is not in it.
    """
    gradients = torch.autograd.grad(wanted.sum(), found.weights)
    count = found.weights[0].shape[-1]
    once = torch.eye(count, device=wanted.device)
    reached = once.expand(len(wanted), -1, -1)
    for weights, gradient in zip(found.weights, gradients, strict=True):
        useful = (weights * gradient).detach().float().clamp(min=0).mean(dim=1)
        reached = reached + useful @ reached
    return reached - once
