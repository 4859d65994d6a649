"""How sure is a classifier, and how sure should it be? One temperature, and the error left over.

Guo, Pleiss, Sun & Weinberger, "On Calibration of Modern Neural Networks" (2017): dividing all
logits by one number T changes no answer, only how sure the answers are.

Shapes: N samples, K classes.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bimae.errors import ConfigError, count
from bimae.predict.tables import check_labelled, check_table

LEAST, MOST = 0.05, 20.0  # of T; what is asked for beyond says that the model or the labels are odd
MOST_LAPSE = 0.5
BINS = 15  # Guo et al. (2017), section 5
FOLDS = 10


@dataclass(frozen=True)
class Temperature:
    """A temperature that was fitted.

    Attributes:
        value: T in [`LEAST`, `MOST`]; above 1 the model was too sure, below 1 not sure enough.
        samples: From how many samples.
        loss_before: Mean negative log-likelihood of these in nats, at T = 1.
        loss_after: The same at `value`. It may lie slightly above `loss_before` where few samples
            are all answered rightly, see `fit_temperature`.
        refused: Why it is 1, although another one was fitted; empty where it was not tried, or
            held (`kept_if_better`).
    """

    value: float
    samples: int
    loss_before: float
    loss_after: float
    refused: str = ""

    @property
    def at_bound(self) -> bool:
        """Whether a bound was met: T would have gone on."""
        return self.value in (LEAST, MOST)

    @property
    def note(self) -> str:
        """What a person should know; empty where nothing."""
        if not self.at_bound:
            return self.refused
        return (
            f"the temperature is {self.value:g}, as far as it goes: "
            f"{count(self.samples, 'sample does', 'samples do')} not tell how sure "
            "these answers may be; calibrate with more"
        )


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


def kept_if_better(
    found: Temperature,
    logits: ArrayLike,
    truth: ArrayLike,
    check: tuple[ArrayLike, ArrayLike] | None = None,
) -> Temperature:
    """A temperature that was fitted, or 1 where samples that it was not fitted on speak against it.

    Of few samples the fit may follow their luck. So each tenth of them is asked what the others'
    temperature does to it, and so are the samples of the check, where there are some: if either
    becomes less likely than at 1, nothing is divided. The log loss decides and not the calibration
    error, which of few samples is mostly chance.

    Args:
        found: What was fitted.
        logits: [N, K] that it was fitted on.
        truth: [N] class numbers.
        check: The same of other samples; None: there are none.

    Raises:
        DataError: There is no sample.
        ModelError: A logit is not finite.
    """
    table, numbers = check_labelled(logits, truth, "logits")
    total, folds = len(numbers), min(FOLDS, len(numbers))
    fold = np.arange(total) % folds  # samples stand by class as often as not
    held = 0.0
    for one in range(folds if folds > 1 else 0):
        out = fold == one
        value = fit_temperature(table[~out], numbers[~out]).value
        held += float(out.sum()) * log_loss(table[out], numbers[out], value) / total
    told = []
    if folds > 1:
        where = f"cross-validated on the {count(total, 'sample')} that it was fitted on"
        told.append((where, log_loss(table, numbers), held))
    if check is not None:
        asked = log_loss(*check), log_loss(*check, found.value)
        told.append((f"on the {count(len(np.asarray(check[1])), 'sample')} of the check", *asked))
    for where, without, given in told:
        if given > without:
            refused = (
                f"the temperature stays 1: fitted was {found.value:.3f}, which made answers worse "
                f"({where}: log loss {given:.3f} with it, {without:.3f} without)"
            )
            return replace(found, value=1.0, loss_after=found.loss_before, refused=refused)
    return found


def with_lapses(said: NDArray[np.float64], lapse: float) -> NDArray[np.float64]:
    """Probabilities [N, K] of which a share of answers may be anything."""
    found: NDArray[np.float64] = (1 - lapse) * said + lapse / said.shape[1]
    return found


def fit_lapse(said: ArrayLike, truth: ArrayLike) -> float:
    """The share of answers that may be anything, as far as some samples can tell.

    No temperature makes a model humble that is beside itself with certainty: at 1 it says
    1 - 1e-200, and the one answer in a thousand that is wrong is impossible to it. But of N samples
    that were all answered rightly nobody can know that the next one will be, to more than about
    1 in 2 N. So a share of all answers is spread over the classes. It is the likeliest share for
    the samples and half of one more, which was answered by a class that was out of the question:
    where all N are right and sure, the likeliest class keeps N / (N + 1/2).

    Args:
        said: [N, K] probabilities at the temperature that was fitted.
        truth: [N] class numbers.

    Returns:
        At most a half, so that the likeliest class stays so, also of a model that is worse than
        chance; 0 where there is one class.

    Raises:
        DataError: There is no sample.
        ModelError: A probability is not finite.
    """
    table, numbers = check_labelled(said, truth, "probabilities")
    classes = table.shape[1]
    if classes == 1:
        return 0.0
    true = table[np.arange(len(numbers)), numbers]
    low, high = 0.0, MOST_LAPSE
    for _ in range(60):  # the slope of the likelihood falls all the way: halved until it is 0
        lapse = (low + high) / 2
        rises = float(((1 / classes - true) / ((1 - lapse) * true + lapse / classes)).sum())
        low, high = (lapse, high) if rises + 0.5 / lapse > 0 else (low, lapse)
    return low


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
