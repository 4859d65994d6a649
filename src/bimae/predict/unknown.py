"""Samples of classes never seen: how strange is each, and from where on is it rejected?

All scores are the higher the stranger. Energy and the likeliest class's probability look at logits
and need nothing fitted; distances in feature space are in `mahalanobis`.

Shapes: N samples, K classes.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from bimae.errors import ConfigError
from bimae.predict.conformal import fewest, may_fall_outside
from bimae.predict.tables import check_scores, check_share, check_table

REJECTED = 0.05


def energy(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Energy [N] of logits [N, K]: -T log sum exp(logit / T) (Liu et al. 2020, eq. 4).

    Unlike probabilities it tells two samples apart whose logits differ by the same in every class.
    T is 1 in the paper's comparisons; a temperature fitted for calibration is another matter.

    Raises:
        ConfigError: The temperature is not above 0.
        ModelError: A logit is not finite.
    """
    if not temperature > 0:
        raise ConfigError(f"temperature is {temperature:g}; it must be above 0")
    table = check_table(logits, "logits")
    found: NDArray[np.float64] = -temperature * logsumexp(table / temperature, axis=1)
    return found


def unsureness(logits: ArrayLike) -> NDArray[np.float64]:
    """-log of the largest probability [N] of logits [N, K], in nats, 0 or above.

    The control that others have to beat (Hendrycks & Gimpel 2017). It ranks samples as 1 - p does,
    and goes on telling them apart where p is 1 to rounding.

    Raises:
        ModelError: A logit is not finite.
    """
    table = check_table(logits, "logits")
    likeliest = table.argmax(axis=1)
    rest = np.exp(table - table.max(axis=1, keepdims=True))
    rest[np.arange(len(rest)), likeliest] = 0
    found: NDArray[np.float64] = np.log1p(rest.sum(axis=1))
    return found


@dataclass(frozen=True)
class RejectThreshold:
    """From where on a sample is taken for unknown.

    Attributes:
        value: A sample with a score above this is rejected; infinite where nothing is.
        share: Share of known samples that may be rejected.
        samples: How many known samples it was chosen from.
    """

    value: float
    share: float
    samples: int

    @property
    def note(self) -> str:
        """What a user should know about it; empty where all is as asked for."""
        if self.value < inf:
            return ""
        return (
            f"{self.samples} known samples are too few to reject a share of {self.share:g}, which "
            f"takes {fewest(self.share)}; nothing is rejected"
        )

    def rejects(self, scores: ArrayLike) -> NDArray[np.bool_]:
        """Which of the samples with these scores [N] are rejected."""
        found: NDArray[np.bool_] = np.asarray(scores, np.float64) > self.value
        return found


def reject_threshold(known: ArrayLike, share: float = REJECTED) -> RejectThreshold:
    """The threshold that rejects at most a given share of known samples.

    Of n scores it is the j-th highest, j = floor((n + 1) share): a new known sample is rejected
    with a probability of j / (n + 1) at most, if it is exchangeable with these, and not only in
    the limit. The plain quantile of the n rejects more of new samples than was asked for (Bates et
    al. 2023, conformal p-values). Of fewer than 1 / share - 1 samples nothing can be rejected.

    Args:
        known: [N] scores of samples of known classes, which neither the model nor the score
            learned from: those that it learned from lie too close.
        share: Share of known samples that may be rejected.

    Raises:
        ConfigError: `share` is not between 0 and 1.
        DataError: There is no sample.
        ModelError: A score is not finite.
    """
    share = check_share(share, "share")
    scores = check_scores(known, "known samples")
    j = may_fall_outside(len(scores), share)
    value = float(np.sort(scores)[len(scores) - j]) if j else inf
    return RejectThreshold(value, share, len(scores))


@dataclass(frozen=True)
class Detection:
    """How well a score tells unknown samples from known ones.

    Attributes:
        auroc: Probability that an unknown sample is stranger than a known one, ties counted half;
            0.5 says nothing, 1 is the best. It depends on no threshold.
        false_accept: Share of unknown samples that are not rejected.
        false_reject: Share of known samples that are rejected.
        known: How many known samples.
        unknown: How many unknown ones.
    """

    auroc: float
    false_accept: float
    false_reject: float
    known: int
    unknown: int


def detection(known: ArrayLike, unknown: ArrayLike, threshold: RejectThreshold) -> Detection:
    """How well scores tell samples apart, at a threshold chosen before.

    Args:
        known: [N] scores of samples of known classes, others than the threshold was chosen from.
        unknown: Scores of samples of classes never seen.
        threshold: From where on samples are rejected.

    Raises:
        DataError: There are no samples of one kind.
        ModelError: A score is not finite.
    """
    inside = check_scores(known, "known samples")
    outside = check_scores(unknown, "unknown samples")
    # Not above: it takes half a second to import, which whoever only asks need not wait for.
    from scipy.stats import rankdata  # noqa: PLC0415

    ranks = rankdata(np.concatenate([inside, outside]))[len(inside) :]
    # Mann & Whitney (1947): pairs in which the unknown one is stranger
    above = ranks.sum() - len(outside) * (len(outside) + 1) / 2
    return Detection(
        float(above / (len(inside) * len(outside))),
        float((~threshold.rejects(outside)).mean()),
        float(threshold.rejects(inside).mean()),
        len(inside),
        len(outside),
    )
