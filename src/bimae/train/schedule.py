"""Learning rate as a pure function of the step."""

import math


def learning_rate(
    step: int, *, steps: int, peak: float, warmup: float, start: float = 1e-6
) -> float:
    """Linear warm-up from `start` to `peak`, then a cosine to zero (paper, section 4.1).

    Args:
        step: From 0 to `steps - 1`.
        steps: Steps of the whole run.
        peak: Highest learning rate.
        warmup: Share of the steps that it rises.
        start: Learning rate of step 0 where there is a warm-up.

    Returns:
        The learning rate of that step; 0 from `steps` on.
    """
    rising = round(steps * warmup)
    if step < rising:
        return start + (peak - start) * step / rising
    if step >= steps:
        return 0.0
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rising) / (steps - rising)))
