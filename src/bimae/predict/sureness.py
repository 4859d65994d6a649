"""How sure may a classifier be: a temperature, and a share of answers that may be anything.

No temperature makes a model humble that is beside itself with certainty: at any it says 1 - 1e-200,
and the one answer in a hundred that is wrong is impossible to it. And where one temperature is to
serve both, that one answer decides it, and all others are left far less sure than they are right.
So a share of all answers, the lapses, is spread over the classes (as psychophysics does with
people, who sometimes press any key: Wichmann & Hill 2001), and the temperature is for the rest.

Shapes: N samples, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bimae.errors import count
from bimae.predict.tables import check_labelled
from bimae.predict.temperature import (
    LEAST,
    MOST,
    fit_temperature,
    log_loss,
    loss_of,
    probabilities,
)

Floats = NDArray[np.float64]

MOST_LAPSE = 0.5  # so that the likeliest class stays so, also of a model that is worse than chance
FOLDS = 10
GRID = 61  # temperatures that are tried at first
FINER, NARROWED = 21, 5  # and around the best of them, so many times
HALVED = 40


@dataclass(frozen=True)
class Sureness:
    """A temperature and lapses that were fitted.

    Attributes:
        temperature: T in [`LEAST`, `MOST`], that logits are divided by.
        lapse: Share of answers that may be anything, in (0, `MOST_LAPSE`].
        samples: From how many samples.
        loss_before: Mean negative log-likelihood of these in nats, as the model said it.
        loss_after: The same with both.
        refused: Why T is 1, although another one was fitted; empty where it is not.
    """

    temperature: float
    lapse: float
    samples: int
    loss_before: float
    loss_after: float
    refused: str = ""

    @property
    def note(self) -> str:
        """What a person should know; empty where nothing."""
        if self.temperature in (LEAST, MOST) or self.lapse > 0.99 * MOST_LAPSE:
            return (
                f"temperature {self.temperature:g} and lapses of {self.lapse:.0%} are as far as it "
                f"goes: {count(self.samples, 'sample does', 'samples do')} not tell how sure these "
                "answers may be; calibrate with more, or train a better model"
            )
        return self.refused


def with_lapses(said: Floats, lapse: float) -> Floats:
    """Probabilities [N, K] of which a share of answers may be anything."""
    found: Floats = (1 - lapse) * said + lapse / said.shape[1]
    return found


def fit_lapse(said: ArrayLike, truth: ArrayLike) -> float:
    """The share of answers that may be anything, as far as some samples can tell.

    Of N samples that were all answered rightly nobody can know that the next one will be, to more
    than about 1 in 2 N. So it is the likeliest share for the samples and half of one more, which
    was answered by a class that was out of the question: where all N are right and sure, the
    likeliest class keeps N / (N + 1/2).

    Args:
        said: [N, K] probabilities.
        truth: [N] class numbers.

    Returns:
        In (0, `MOST_LAPSE`]; 0 where there is one class.

    Raises:
        DataError: There is no sample.
        ModelError: A probability is not finite.
    """
    table, numbers = check_labelled(said, truth, "probabilities")
    true, classes = table[np.arange(len(numbers)), numbers], table.shape[1]
    return 0.0 if classes == 1 else float(_lapses(true[None], classes)[0, 0])


def fit_sureness(
    logits: ArrayLike, truth: ArrayLike, check: tuple[ArrayLike, ArrayLike] | None = None
) -> Sureness:
    """Temperature and lapses, as far as samples bear them out that they were not fitted on.

    Tried are a temperature that is fitted together with the lapses, one that is fitted by itself
    (`fit_temperature`), and 1. Of few samples a fit may follow their luck: so each tenth of them is
    asked what the others' fit does to it, and that is taken under which they are likeliest. If the
    samples of the check are less likely with its temperature than with 1, it is 1 after all. The
    log loss decides and not the calibration error, which of few samples is mostly chance.

    Args:
        logits: [N, K] of samples that the model did not learn from.
        truth: [N] class numbers.
        check: The same of other samples; None: there are none.

    Raises:
        DataError: There is no sample.
        ModelError: A logit is not finite.
    """
    table, numbers = check_labelled(logits, truth, "logits")
    total, folds = len(numbers), min(FOLDS, len(numbers))
    fold = np.arange(total) % folds  # samples stand by class as often as not
    held = dict.fromkeys(_WAYS, 0.0)
    if folds > 1:
        for name, way in _WAYS.items():
            for one in range(folds):
                out = fold == one
                value = way(table[~out], numbers[~out])
                kept = fit_lapse(probabilities(table[~out], value), numbers[~out])
                held[name] += float(out.sum()) * _loss(table[out], numbers[out], value, kept)
    name = min(held, key=lambda way: held[way]) if folds > 1 else "alone"
    value = _WAYS[name](table, numbers)
    refused = ""
    if name == "none":
        fitted = min(("together", "alone"), key=lambda way: held[way])
        other = _WAYS[fitted](table, numbers)
        if other != value:
            where = f"cross-validated on the {count(total, 'sample')} that it was fitted on"
            refused = _refused(other, where, held[fitted] / total, held[name] / total)
    elif check is not None:
        rows, theirs = check_labelled(*check, "logits")
        told = _loss(rows, theirs, value, fit_lapse(probabilities(table, value), numbers))
        plain = _loss(rows, theirs, 1.0, fit_lapse(probabilities(table), numbers))
        if told > plain:
            where = f"on the {count(len(theirs), 'sample')} of the check"
            value, refused = 1.0, _refused(value, where, told, plain)
    lapse = fit_lapse(probabilities(table, value), numbers)
    before = _loss(table, numbers, 1.0, 0.0)
    return Sureness(value, lapse, total, before, _loss(table, numbers, value, lapse), refused)


def _refused(fitted: float, where: str, given: float, without: float) -> str:
    return (
        f"the temperature stays 1: fitted was {fitted:.3f}, which made answers worse ({where}: log "
        f"loss {given:.3f} with it, {without:.3f} without)"
    )


def _together(table: Floats, truth: NDArray[np.int64]) -> float:
    """The temperature at which samples are likeliest where some answers may be anything.

    As for `fit_temperature` and `fit_lapse`, half of one more sample each keeps either from
    following a few samples to the end.
    """
    below = table - table.max(axis=1, keepdims=True)
    if not below.any() or table.shape[1] == 1:
        return 1.0
    next_likeliest = np.partition(below, -2, axis=1)[:, -2]

    def losses(temperatures: Floats) -> Floats:
        normed = np.array([np.log(np.exp(below / t).sum(axis=1)) for t in temperatures])
        likely = below[np.arange(len(truth)), truth] / temperatures[:, None] - normed
        lapse = _lapses(np.exp(likely), table.shape[1])
        true = (1 - lapse) * np.exp(likely) + lapse / table.shape[1]
        found = -np.log(true).sum(axis=1) - 0.5 * np.log(lapse[:, 0])
        one_more: Floats = normed.mean(axis=1) - next_likeliest.mean() / (2 * temperatures)
        return np.asarray(found + one_more)

    # There may be several valleys: the best of many places, and then the bottom beside it.
    places = np.linspace(np.log(LEAST), np.log(MOST), GRID)
    for _ in range(NARROWED):
        best = int(np.argmin(losses(np.exp(places))))
        low, high = places[max(best - 1, 0)], places[min(best + 1, len(places) - 1)]
        places = np.linspace(low, high, FINER)
    return float(np.exp(places[FINER // 2]))


_WAYS: dict[str, Callable[[Floats, NDArray[np.int64]], float]] = {
    "none": lambda _table, _truth: 1.0,
    "alone": lambda table, truth: fit_temperature(table, truth).value,
    "together": _together,
}
"""How a temperature is come by, the plainest first."""


def _lapses(true: Floats, classes: int) -> Floats:
    """[G, 1] of G times as many probabilities [G, N] of two classes or more."""
    low, high = np.zeros((len(true), 1)), np.full((len(true), 1), MOST_LAPSE)
    for _ in range(HALVED):  # the slope of the likelihood falls all the way: halved until it is 0
        lapse = (low + high) / 2
        slope = (1 / classes - true) / ((1 - lapse) * true + lapse / classes)
        rises = slope.sum(axis=1, keepdims=True) + 0.5 / lapse > 0
        low, high = np.where(rises, lapse, low), np.where(rises, high, lapse)
    found: Floats = (low + high) / 2
    return found


def _loss(table: Floats, truth: NDArray[np.int64], temperature: float, lapse: float) -> float:
    if not lapse:  # finite for any finite logits
        return log_loss(table, truth, temperature)
    return loss_of(with_lapses(probabilities(table, temperature), lapse), truth)
