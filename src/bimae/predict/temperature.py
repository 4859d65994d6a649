"""How sure is a classifier, and how sure should it be? One temperature, and the error left over.

Guo, Pleiss, Sun & Weinberger, "On Calibration of Modern Neural Networks" (2017): dividing all
logits by one number T changes no answer, only how sure the answers are.

Shapes: N samples, K classes.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bimae.errors import ConfigError
from bimae.predict.tables import check_labelled, check_table

LEAST, MOST = 0.05, 20.0  # of T; what is asked for beyond says that the model or the labels are odd
BINS = 15  # Guo et al. (2017), section 5


@dataclass(frozen=True)
class Temperature:
    """A temperature that was fitted.

    Attributes:
        value: T in [`LEAST`, `MOST`]; above 1 the model was too sure, below 1 not sure enough.
        samples: From how many samples.
        loss_before: Mean negative log-likelihood of these in nats, at T = 1.
        loss_after: The same at `value`. It may lie slightly above `loss_before` where few samples
            are all answered rightly, see `fit_temperature`.
    """

    value: float
    samples: int
    loss_before: float
    loss_after: float

    @property
    def at_bound(self) -> bool:
        """Whether a bound was met: T would have gone on."""
        return self.value in (LEAST, MOST)


@dataclass(frozen=True)
class Bin:
    """Samples of about one confidence, in (`low`, `high`]; means are 0 where there is no sample."""

    low: float
    high: float
    samples: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """How far confidence and accuracy are apart.

    Attributes:
        error: Expected calibration error in [0, 1]; 0 is the best.
        bins: What it is the mean of, by ascending confidence; a reliability diagram.
    """

    error: float
    bins: tuple[Bin, ...]


def log_softmax(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Log-probabilities [N, K] of logits [N, K] at a temperature; finite for any finite logits.

    Raises:
        ConfigError: The temperature is not above 0.
        ModelError: A logit is not finite.
    """
    if not temperature > 0:
        raise ConfigError(f"temperature is {temperature:g}; it must be above 0")
    table = check_table(logits, "logits")
    # The largest goes first: no exponential is above 1, and their sum is at least 1.
    below = (table - table.max(axis=1, keepdims=True)) / temperature
    found: NDArray[np.float64] = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
    return found


def probabilities(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities [N, K] of logits [N, K] at a temperature; raises as `log_softmax`."""
    found: NDArray[np.float64] = np.exp(log_softmax(logits, temperature))
    return found


def log_loss(logits: ArrayLike, truth: ArrayLike, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood in nats of truth [N] under logits [N, K]."""
    table, numbers = check_labelled(logits, truth, "logits")
    likely = log_softmax(table, temperature)[np.arange(len(numbers)), numbers].mean()
    return max(0.0, float(-likely))  # rounding leaves -1e-17 where every answer is sure and right


def loss_of(said: ArrayLike, truth: ArrayLike) -> float:
    """The same of probabilities [N, K]; infinite where a truth was called impossible."""
    table, numbers = check_labelled(said, truth, "probabilities")
    with np.errstate(divide="ignore"):
        return max(0.0, float(-np.log(table[np.arange(len(numbers)), numbers]).mean()))


def fit_temperature(logits: ArrayLike, truth: ArrayLike) -> Temperature:
    """The temperature at which samples that the model did not learn from are likeliest.

    Minimised is the mean negative log-likelihood of the N samples and of one more, of which as much
    speaks for the likeliest class as for the next: its loss is the mean over the samples' logits.
    (Were every class its truth to the same part, one that is out of the question would count more
    than all the samples.) Without that one, T would go to 0 where every sample is answered rightly,
    and thirty seeds would make a model sure to ten digits. With it the model may be as sure as N
    samples bear out, as in Platt (1999): of N answers of one margin, R right and two classes, it
    becomes (R + 1/2) / (N + 1). For many samples it makes no difference.

    The loss is convex in 1 / T, so its slope has one root. T is kept within 0.05 and 20: the least
    is met by logits on a scale of hundredths, the most by a model that is wrong more often than
    chance. Where all logits of each sample are equal T says nothing and is 1.

    Args:
        logits: [N, K].
        truth: [N] class numbers.

    Raises:
        DataError: There is no sample.
        ModelError: A logit is not finite.
    """
    table, numbers = check_labelled(logits, truth, "logits")
    total = len(numbers)
    table = table - table.max(axis=1, keepdims=True)
    value = 1.0
    if table.any():
        true = table[np.arange(total), numbers].mean()
        next_likeliest = np.partition(table, -2, axis=1)[:, -2] if table.shape[1] > 1 else 0 * table
        target = (total * true + next_likeliest.mean() / 2) / (total + 1)

        def slope(log_sharpness: float) -> float:
            """Of the loss by 1 / T; rises with it."""
            weights = np.exp(table * np.exp(log_sharpness))
            expected = (weights * table).sum(axis=1) / weights.sum(axis=1)
            return float(expected.mean() - target)

        low, high = -np.log(MOST), -np.log(LEAST)
        if slope(low) >= 0:
            value = MOST
        elif slope(high) <= 0:
            value = LEAST
        else:
            # Not above: it takes long to import, which whoever only asks need not wait for.
            from scipy.optimize import brentq  # noqa: PLC0415

            value = float(np.exp(-brentq(slope, low, high, xtol=1e-10)))
    return Temperature(value, total, log_loss(table, numbers), log_loss(table, numbers, value))


def calibration_error(
    said: ArrayLike,
    truth: ArrayLike,
    *,
    bins: int = BINS,
    by: Literal["width", "mass"] = "width",
) -> Calibration:
    """Expected calibration error of the likeliest class.

    The sum over bins of |accuracy - mean confidence|, each weighted by its share of the samples;
    confidence is the probability of the likeliest class (Guo et al. 2017, eq. 3).

    Args:
        said: [N, K] probabilities.
        truth: [N] class numbers.
        bins: How many.
        by: `width`: bins of equal width in (0, 1]. `mass`: of about equally many samples (Nguyen
            & O'Connor 2015), which says more where nearly all are sure; samples of one confidence
            stay together, so there may be fewer bins, and the order of samples never matters.

    Raises:
        ConfigError: There is not even one bin.
        DataError: There is no sample.
        ModelError: A probability is not finite.
    """
    if bins < 1:
        raise ConfigError(f"bins is {bins}; at least 1 is needed")
    table, numbers = check_labelled(said, truth, "probabilities")
    confidence = table.max(axis=1)
    right = table.argmax(axis=1) == numbers
    edges = np.linspace(0, 1, bins + 1)
    if by == "mass":
        edges = np.unique(np.quantile(confidence, edges[1:], method="inverted_cdf"))
        edges = np.concatenate([[0.0], edges])
    # Sums of probabilities may be a rounding above 1.
    which = np.minimum(np.searchsorted(edges[1:], confidence), len(edges) - 2)
    found = []
    for number, (low, high) in enumerate(pairwise(edges)):
        inside = which == number
        samples = int(inside.sum())
        means = (confidence[inside].mean(), right[inside].mean()) if samples else (0.0, 0.0)
        found.append(Bin(float(low), float(high), samples, float(means[0]), float(means[1])))
    error = sum(b.samples * abs(b.accuracy - b.confidence) for b in found) / len(numbers)
    return Calibration(float(error), tuple(found))
