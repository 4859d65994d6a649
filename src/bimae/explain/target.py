"""The number that is explained: how much a model favours a class.

Shapes: B batch, K classes.
"""

import torch
from torch import Tensor


def log_odds(logits: Tensor, classes: Tensor, against: Tensor | None = None) -> Tensor:
    """Log-odds of a class: 0 at a probability of one half, 2.2 at 0.9, 4.6 at 0.99.

    Not the probability, which hardly moves where a model is very sure; 0.7 less halves the odds.

    Args:
        logits: [B, K].
        classes: [B] of whom.
        against: [B] against which single class; None: against all others together.

    Returns:
        [B]; of a model with a single class, and without `against`, its logit.
    """
    own = logits.gather(1, classes[:, None])[:, 0]
    if against is not None:
        return own - logits.gather(1, against[:, None])[:, 0]
    if logits.shape[1] == 1:
        return own
    others = torch.arange(logits.shape[1], device=logits.device) != classes[:, None]
    return own - logits.masked_fill(~others, -torch.inf).logsumexp(dim=1)
