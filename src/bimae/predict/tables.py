"""Tables of numbers as the rest of this room expects them.

Shapes: N samples, K classes, D features. That shapes fit is up to the caller and asserted; that
numbers are finite and samples are there depends on models and data, and is told.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bimae.errors import ConfigError, DataError, ModelError


def check_table(table: ArrayLike, what: str) -> NDArray[np.float64]:
    """A table [N, K] or [N, D] as float64.

    Args:
        table: Numbers.
        what: What they are, for the message: `logits`.

    Raises:
        ModelError: A number is not finite.
    """
    found = np.asarray(table, np.float64)
    assert found.ndim == 2 and found.shape[1] > 0, f"{what} of shape {found.shape}; [N, K] wanted"
    if not np.isfinite(found).all():
        raise ModelError(f"{what}: not all are finite; use other weights")
    return found


def check_scores(scores: ArrayLike, what: str) -> NDArray[np.float64]:
    """Scores [N] as float64, at least one.

    Args:
        scores: Numbers.
        what: Whose they are, for the message: `known samples`.

    Raises:
        DataError: There are none.
        ModelError: A score is not finite.
    """
    found = np.asarray(scores, np.float64)
    assert found.ndim == 1, f"scores of shape {found.shape}; [N] wanted"
    if not len(found):
        raise DataError(f"there are no {what}; at least one is needed")
    if not np.isfinite(found).all():
        raise ModelError(f"scores of {what}: not all are finite; use other weights")
    return found


def check_labelled(
    table: ArrayLike, truth: ArrayLike, what: str, *, classes: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A table [N, K] and class numbers [N] that belong together, N at least 1.

    Args:
        table: Numbers.
        truth: Class numbers from 0.
        what: What the numbers are, for the message.
        classes: How many classes there are; default: as many as the table has columns.

    Raises:
        DataError: There is no sample.
        ModelError: A number is not finite.
    """
    found, numbers = check_table(table, what), np.asarray(truth, np.int64)
    assert numbers.shape == found.shape[:1], f"truth {numbers.shape} for {what} {found.shape}"
    if not len(numbers):
        raise DataError(f"{what}: there is no labelled sample to learn from; label at least one")
    most = found.shape[1] if classes is None else classes
    assert numbers.min() >= 0 and numbers.max() < most, f"truth outside 0 to {most - 1}"
    return found, numbers


def check_share(share: float, name: str) -> float:
    """A share strictly between 0 and 1.

    Raises:
        ConfigError: It is not.
    """
    if not 0 < share < 1:
        raise ConfigError(f"{name} is {share:g}; it must lie between 0 and 1, ends excluded")
    return float(share)
