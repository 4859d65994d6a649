"""Sets of classes that hold the truth as often as is asked for: split-conformal prediction.

A threshold is set on samples that the model did not learn from. If new samples are like these
(exchangeable with them), the set of a new one holds its truth with a probability of at least
1 - alpha, whatever the model (Vovk, Gammerman & Shafer 2005; Angelopoulos & Bates 2021). That is a
mean over calibration sets: one set of n samples gives a coverage that varies around it, for
n = 100 and alpha = 0.1 with a standard deviation of 0.03.

Which score. LAC (Sadinle, Lei & Wasserman 2019): a class is in the set where its probability is at
least a threshold. Of all such sets these are the smallest on average, and nothing is drawn or
tuned. APS (Romano, Sesia & Candes 2020) adds classes from the likeliest on until a sum is reached;
it holds its level only if ties are drawn at random, and otherwise makes large sets. RAPS
(Angelopoulos et al. 2021) mends that for hundreds of classes with two settings that cost samples
of their own. Seeds come in tens of classes and calibration samples are dear, so: LAC. Where its
coverage differs between classes, thresholds per class are the remedy.

LAC can name no class at all, for a sample unlike any. Here the likeliest class is always in the
set: a set is never empty, and what covers only covers more. Whether a sample is strange is asked
elsewhere (`unknown`).

Shapes: N samples, K classes.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bimae.predict.tables import check_labelled, check_share, check_table

ALPHA = 0.1
Label = TypeVar("Label", bound=Hashable)


def may_fall_outside(samples: int, share: float) -> int:
    """How many of n samples set the threshold that a share of new ones may fall outside of.

    Of n + 1 exchangeable samples each is equally likely to be the j-th strangest. So a new one is
    among the j strangest with probability j / (n + 1) at most, and j = floor((n + 1) share); the
    j-th strangest of the n is the threshold. It is the same as the ceil((n + 1)(1 - share)) / n
    quantile from below. 0 where n is too small for any threshold.

    The share is taken as it is written, 0.1 as a tenth: in binary, 10 of them may be less than 1.
    """
    return floor((samples + 1) * Fraction(str(share)))


def fewest(share: float) -> int:
    """How many samples are needed at least for a threshold at this share: 19 for 0.05."""
    return ceil(1 / Fraction(str(share))) - 1


@dataclass(frozen=True)
class Conformal:
    """Thresholds that were fitted; plain numbers, so that they can be written down.

    Attributes:
        alpha: Share of new samples whose set may miss the truth.
        per_class: Whether that holds for each class, and not only over all.
        threshold: The least probability of a class in a set, over all samples; 0 where there were
            too few of them.
        thresholds: [K] what each class is held to.
        samples: [K] calibration samples of each class.
        fallback: Numbers of the classes that had too few samples for a threshold of their own and
            are held to `threshold`; for each of these alone nothing is promised.
    """

    alpha: float
    per_class: bool
    threshold: float
    thresholds: tuple[float, ...]
    samples: tuple[int, ...]
    fallback: tuple[int, ...]

    @property
    def names_all(self) -> bool:
        """Whether there were too few samples for any threshold: every set names every class."""
        return sum(self.samples) < fewest(self.alpha)

    @property
    def note(self) -> str:
        """What a user should know about these thresholds; empty where all is as asked for."""
        told, needed = [], fewest(self.alpha)
        if self.names_all:
            told.append(
                f"{sum(self.samples)} calibration samples are too few for alpha {self.alpha:g}, "
                f"which takes {needed}; every set names every class"
            )
        elif self.fallback:
            told.append(
                f"{len(self.fallback)} of {len(self.samples)} classes have fewer than {needed} "
                "calibration samples and share the threshold of all"
            )
        return "; ".join(told)

    def sets(self, said: ArrayLike) -> NDArray[np.bool_]:
        """Which classes [N, K] are in the sets of samples with these probabilities [N, K].

        Always the likeliest (the first of equals), and each that reaches its threshold; a
        probability equal to it does.

        Raises:
            ModelError: A probability is not finite.
        """
        table = check_table(said, "probabilities")
        assert table.shape[1] == len(self.thresholds), "as many classes as in calibration"
        inside: NDArray[np.bool_] = table >= np.array(self.thresholds)
        inside[np.arange(len(table)), table.argmax(axis=1)] = True
        return inside


def fit_conformal(
    said: ArrayLike, truth: ArrayLike, *, alpha: float = ALPHA, per_class: bool = False
) -> Conformal:
    """Sets the threshold on samples that neither model nor temperature learned from.

    Where there are fewer than 1 / alpha - 1 samples no threshold can keep the promise but 0: then
    every set names every class, and `note` says so.

    Args:
        said: [N, K] probabilities.
        truth: [N] class numbers.
        alpha: Share of new samples whose set may miss the truth.
        per_class: A threshold for each class from its own samples (Mondrian; Vovk 2012): each class
            is then covered, and rare ones get larger sets. A class with too few samples is held to
            the threshold of all.

    Raises:
        ConfigError: `alpha` is not between 0 and 1.
        DataError: There is no sample.
        ModelError: A probability is not finite.
    """
    alpha = check_share(alpha, "alpha")
    table, numbers = check_labelled(said, truth, "probabilities")
    true = table[np.arange(len(numbers)), numbers]
    classes = table.shape[1]
    samples = np.bincount(numbers, minlength=classes)
    threshold = _threshold(true, alpha)
    thresholds, fallback = [threshold] * classes, []
    for number in range(classes) if per_class else ():
        if may_fall_outside(int(samples[number]), alpha):
            thresholds[number] = _threshold(true[numbers == number], alpha)
        else:
            fallback.append(number)
    return Conformal(
        alpha,
        per_class,
        threshold,
        tuple(thresholds),
        tuple(int(n) for n in samples),
        tuple(fallback),
    )


def _threshold(true: NDArray[np.float64], alpha: float) -> float:
    """The j-th smallest of the probabilities [n] of the truth; 0 where n is too small."""
    j = may_fall_outside(len(true), alpha)
    return float(np.sort(true)[j - 1]) if j else 0.0


@dataclass(frozen=True)
class Covered:
    """How sets do on samples whose truth is known.

    Attributes:
        samples: How many.
        coverage: Share of sets that hold the truth.
        size: Mean number of classes in a set.
        single: Share of sets of one class.
    """

    samples: int
    coverage: float
    size: float
    single: float


def covered(sets: NDArray[np.bool_], truth: ArrayLike) -> Covered:
    """How sets [N, K] do on truth [N].

    Raises:
        DataError: There is no sample.
    """
    _, numbers = check_labelled(sets, truth, "sets")
    sizes = sets.sum(axis=1)
    holds = sets[np.arange(len(numbers)), numbers]
    return Covered(
        len(numbers), float(holds.mean()), float(sizes.mean()), float((sizes == 1).mean())
    )


def covered_by(
    sets: NDArray[np.bool_], truth: ArrayLike, groups: Sequence[Label]
) -> dict[Label, Covered]:
    """As `covered`, for each group [N] of samples: a class, a tray, a year; in order of appearance.

    Raises:
        DataError: There is no sample.
    """
    _, numbers = check_labelled(sets, truth, "sets")
    assert len(groups) == len(numbers), "a group for each sample"
    where: dict[Label, list[int]] = {}
    for i, name in enumerate(groups):
        where.setdefault(name, []).append(i)
    return {name: covered(sets[rows], numbers[rows]) for name, rows in where.items()}
