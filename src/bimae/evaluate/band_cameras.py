"""How sets of bands do on a part of a data set, with bootstrap intervals.

Shapes: N samples, G units that are drawn together, B draws.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bimae.evaluate.band_ranking import Watch
from bimae.evaluate.classification import Predictions, score
from bimae.evaluate.held import Held, answers, predictions

DRAWS = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure and its interval; `low` and `high` are quantiles of the bootstrap."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Camera:
    """A set of channels and how it does.

    Attributes:
        channels: Which; None: every band of the sensor.
        accuracy: Share classified rightly.
        macro_f1: As `Results.macro_f1`.
    """

    channels: tuple[int, ...] | None
    accuracy: Estimate
    macro_f1: Estimate


@dataclass(frozen=True)
class Comparison:
    """The chosen channels beside others, all of the same samples and draws.

    Attributes:
        chosen: The set that was chosen.
        spaced: As many, equally spaced.
        random: As many, at random, each with its interval.
        whole: Every band.
        accuracy: Difference chosen - spaced, draw by draw.
        macro_f1: The same of macro-F1.
    """

    chosen: Camera
    spaced: Camera
    random: list[Camera]
    whole: Camera
    accuracy: Estimate
    macro_f1: Estimate


def spaced(total: int, count: int) -> tuple[int, ...]:
    """`count` of the numbers 0 to `total - 1`, equally spaced: the middles of equal shares."""
    return tuple(int((i + 0.5) * total / count) for i in range(min(total, count)))


def random_sets(total: int, count: int, sets: int, seed: int) -> list[tuple[int, ...]]:
    """Sets of `count` different numbers below `total`, ascending; the same seed, the same sets."""
    rng = np.random.default_rng([seed, total, count])
    drawn = (rng.choice(total, count, replace=False) for _ in range(sets))
    return [tuple(sorted(map(int, numbers))) for numbers in drawn]


def units(groups: Sequence[Hashable | None]) -> NDArray[np.int64]:
    """[N] what is drawn together: the group; of a sample without one, the sample alone.

    Where all are of a single group, nothing could be drawn but itself: then each sample is alone.
    """
    names = [("alone", i) if g is None else ("group", g) for i, g in enumerate(groups)]
    numbers: dict[Hashable, int] = {}
    found = [numbers.setdefault(name, len(numbers)) for name in names]
    return np.arange(len(names)) if len(numbers) < 2 else np.array(found, np.int64)


def bootstrap(
    given: Predictions, drawn_together: NDArray[np.int64], *, draws: int = DRAWS, seed: int = 0
) -> NDArray[np.float64]:
    """Accuracy and macro-F1 of samples drawn with replacement, [B, 2].

    The same units and seed draw the same samples, whatever the answers: two classifiers can be
    compared draw by draw.

    Args:
        given: A classifier's answers.
        drawn_together: [N] unit of each sample, 0 to G - 1 (`units`).
        draws: How many.
        seed: Seed of the draws.
    """
    rng = np.random.default_rng(seed)
    count, classes = int(drawn_together.max()) + 1, len(given.classes)
    truth, predicted = given.truth, given.predicted
    hit = truth == predicted
    found = np.empty((draws, 2))
    for row in found:
        weights = np.bincount(rng.integers(count, size=count), minlength=count)[drawn_together]
        right = np.bincount(truth[hit], weights[hit], minlength=classes)
        both = np.bincount(truth, weights, minlength=classes)
        both += np.bincount(predicted, weights, minlength=classes)
        occurring = both > 0
        row[0] = right.sum() / weights.sum()
        row[1] = (2 * right[occurring] / both[occurring]).mean()
    return found


def compare(
    held: Held,
    whole: Held,
    chosen: Sequence[int],
    *,
    groups: Sequence[str | None],
    random: int = 20,
    draws: int = DRAWS,
    seed: int = 0,
    batch_size: int = 64,
    watch: Watch = iter,
) -> Comparison:
    """Tests the chosen channels beside equally spaced and random ones, and all bands.

    Args:
        held: The samples with the candidates as channels.
        whole: The same samples with every band.
        chosen: Channels of `held`.
        groups: Group of each sample, or None.
        random: How many random sets, at least 1.
        draws: Draws of the bootstrap.
        seed: Seed of the random sets and of the draws.
        batch_size: Samples at a time.
        watch: What the sets pass through, `2 + random` and an empty one for all bands.
    """
    k, total = len(chosen), held.channels
    sets = [tuple(sorted(chosen)), spaced(total, k), *random_sets(total, k, random, seed)]
    together = units(groups)
    cameras, tables = [], []
    for channels in watch([*sets, ()]):
        shown = (held, channels) if channels else (whole, None)
        given = predictions(shown[0], answers(*shown, batch_size=batch_size))
        tables.append(bootstrap(given, together, draws=draws, seed=seed))
        results = score(given)
        cameras.append(
            Camera(
                shown[1],
                _estimate(results.accuracy, tables[-1][:, 0]),
                _estimate(results.macro_f1, tables[-1][:, 1]),
            )
        )
    one, other = cameras[:2]
    difference = tables[0] - tables[1]
    return Comparison(
        one,
        other,
        cameras[2:-1],
        cameras[-1],
        _estimate(one.accuracy.value - other.accuracy.value, difference[:, 0]),
        _estimate(one.macro_f1.value - other.macro_f1.value, difference[:, 1]),
    )


def _estimate(value: float, draws: NDArray[np.float64]) -> Estimate:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))
