"""Whether an exported file says what the model says, on the same samples.

Shapes: N samples, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.predict.stream import Answerer

MOST = 1e-4  # of a probability
MOST_LOST = 0.005  # of accuracy, by 8 bits
# Of strangeness, as a share of its size: distances in feature space are taken in units of how much
# features vary within classes, which for some is a hundredth of their size or less, so that the
# rounding of float32 counts a hundred times.
MOST_STRANGE = 1e-3


@dataclass(frozen=True)
class Answers:
    """What was said of samples.

    Attributes:
        odds: [N, K] probabilities.
        sets: [N, K], or None where nothing is calibrated.
        strangeness: [N], or None likewise.
        rejected: [N], or None likewise.
    """

    odds: NDArray[np.float64]
    sets: NDArray[np.bool_] | None = None
    strangeness: NDArray[np.float64] | None = None
    rejected: NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls, answerer: Answerer, samples: SeedDataset, indices: Sequence[int], batch_size: int
    ) -> "Answers":
        """Asks about at least one sample.

        Raises:
            BimaeError: As `Answerer.tell`.
        """
        told = list(answerer.tell(samples, indices, batch_size))
        odds = np.concatenate([one.odds for one in told]).astype(np.float64)
        judged = [one.judged for one in told if one.judged is not None]
        if not judged:
            return cls(odds)
        return cls(
            odds,
            np.concatenate([one.sets for one in judged]),
            np.concatenate([one.strangeness for one in judged]).astype(np.float64),
            np.concatenate([one.rejected for one in judged]),
        )


@dataclass(frozen=True)
class Agreement:
    """How far two are apart.

    Attributes:
        samples: How many they were asked about.
        probabilities: Largest difference of a probability.
        strangeness: Largest difference of strangeness, as a share of its size or of the median's,
            whichever is larger; 0 where nothing is calibrated.
        same_class: Share of the samples with the same likeliest class.
        sets: Classes that are in one's set and not in the other's, though neither their
            probability is within `MOST` of the threshold nor two are equally likely.
        rejected: Samples that one rejects, though their strangeness is not that near to the limit.
    """

    samples: int
    probabilities: float
    strangeness: float
    same_class: float
    sets: int
    rejected: int

    @property
    def holds(self) -> bool:
        """Whether it is rounding, and nothing else."""
        # not `>`: what is not a number does not hold, either
        near = self.probabilities <= MOST and self.strangeness <= MOST_STRANGE
        return near and not self.sets and not self.rejected

    def __str__(self) -> str:
        """For people."""
        told = f"probabilities differ by {self.probabilities:.1e} at most"
        if self.strangeness:
            told += f", strangeness by {self.strangeness:.1e} of its size"
        for count, what in ((self.sets, "classes in sets"), (self.rejected, "rejections")):
            told += f", {count} {what} are others" * bool(count)
        return told


def compared(
    true: Answers,
    found: Answers,
    thresholds: Sequence[float] = (),
    limit: float = np.inf,
) -> Agreement:
    """Holds answers against the true ones.

    Args:
        true: Of the model.
        found: Of the file.
        thresholds: [K] of the sets.
        limit: Of strangeness.
    """
    gap = np.abs(true.odds - found.odds)
    far, sets, rejected = 0.0, 0, 0
    if true.sets is not None:
        assert found.sets is not None and found.strangeness is not None, "both are calibrated"
        assert true.strangeness is not None and true.rejected is not None, "all or nothing"
        scale = np.abs(true.strangeness)
        scale = np.maximum(scale, np.median(scale)).clip(min=1e-12)
        far = float((np.abs(true.strangeness - found.strangeness) / scale).max())
        sets = int((_clear(true.odds, thresholds) & (true.sets != found.sets)).sum())
        clear = np.abs(true.strangeness - limit) > MOST_STRANGE * scale
        rejected = int((clear & (true.rejected != found.rejected)).sum())
    same = true.odds.argmax(axis=1) == found.odds.argmax(axis=1)
    return Agreement(len(gap), float(gap.max()), far, float(same.mean()), sets, rejected)


def _clear(odds: NDArray[np.float64], thresholds: Sequence[float]) -> NDArray[np.bool_]:
    """[N, K] whether a class is in a set or not whatever rounding does."""
    away = np.abs(odds - np.asarray(thresholds)) > MOST
    # the likeliest class is always in; of two that are equally likely either may be
    first, second = np.sort(odds, axis=1)[:, [-1, -2]].T if odds.shape[1] > 1 else (odds[:, 0], 0)
    clear: NDArray[np.bool_] = away & ((first - second) > MOST)[:, None]
    return clear


def accuracy(answers: Answers, truth: NDArray[np.int64]) -> float:
    """Share of samples whose likeliest class is the true one."""
    return float((answers.odds.argmax(axis=1) == truth).mean())


def as_accurate(before: float, after: float, samples: int) -> bool:
    """Whether accuracy moved by 0.5 points at most; of few samples one may change, more may not."""
    return round(abs(before - after) * samples) <= max(1, MOST_LOST * samples)
