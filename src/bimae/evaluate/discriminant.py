"""Linear discriminant analysis (Fisher 1936) that also learns from a single sample of each class.

Shapes: N samples, D features, K classes that occur.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Shrinkage = float | Literal["auto"]
AUTO: Literal["auto"] = "auto"
SURE = 4.0  # logarithm of how much likelier the nearest class is than one at the median distance


class Discriminant:
    """A mean for each class and one covariance for all, on standardised features.

    The covariance within classes is shrunk: by a given share, or as Ledoit and Wolf (2004) reckon
    from the samples of each class. Where no class has two samples that differ, nothing is known of
    it; the nearest sample then answers, which full shrinkage comes to. Features are not
    standardised for that: a few samples do not say which of them are noise, which would grow.

    Attributes:
        classes_: [K] class numbers that occurred.
    """

    def __init__(self, shrinkage: Shrinkage, *, balanced: bool = False) -> None:
        """Learns nothing yet.

        Args:
            shrinkage: Share in [0, 1] of equal variances without covariances in what the
                covariance is taken for; or `auto`.
            balanced: Take every class for equally likely; else as likely as it is frequent.
        """
        self.shrinkage = shrinkage
        self.balanced = balanced

    def fit(self, features: NDArray[np.float64], truth: NDArray[np.int64]) -> "Discriminant":
        """Learns from features [N, D] and class numbers [N] of two or more classes."""
        self.classes_ = np.unique(truth)
        count = len(self.classes_)
        self._found: Any = KNeighborsClassifier(1)
        self._means = np.stack([features[truth == k].mean(axis=0) for k in self.classes_])
        if _spread(features, truth):
            analysis = LinearDiscriminantAnalysis(
                solver="lsqr",
                shrinkage=self.shrinkage,
                priors=np.full(count, 1 / count) if self.balanced else None,
            )
            self._found = make_pipeline(StandardScaler(), analysis)
        self._found.fit(features, truth)
        return self

    def predict_proba(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities [N, K] of features [N, D]."""
        said: NDArray[np.float64] = self._found.predict_proba(features)
        return said

    def linear(self, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The same answers as one linear layer: weights [count, D] and biases [count].

        A class that did not occur is made a thousand times less likely than the least likely one.
        Where the nearest sample answers, the layer names the same class; how sure it is of that
        nothing tells (`SURE`).

        Args:
            count: Of all classes, those that did not occur too.
        """
        if isinstance(self._found, KNeighborsClassifier):
            rows, biases = _nearest(self._means)
        else:
            scaler, analysis = (step for _, step in self._found.steps)
            rows = analysis.coef_ / scaler.scale_
            biases = analysis.intercept_ - rows @ scaler.mean_
            if len(self.classes_) == 2:  # one row, for the second class against the first
                rows = np.concatenate([np.zeros_like(rows), rows])
                biases = np.concatenate([[0.0], biases])
        weights = np.zeros((count, rows.shape[1]))
        bias = np.full(count, biases.min() - np.log(1000))
        weights[self.classes_], bias[self.classes_] = rows, biases
        return weights, bias


def _nearest(means: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A linear layer by the distance to the mean of each class, whose samples are all alike."""
    gaps = np.square(means[:, None] - means).sum(axis=2)
    gap = np.median(gaps[np.triu_indices(len(means), 1)])
    scale = (gap or 1.0) / (2 * SURE)
    return means / scale, -np.square(means).sum(axis=1) / (2 * scale)


def most_of_a_class(truth: NDArray[np.int64]) -> int:
    """How many samples the largest class has; 0 where there is none."""
    return int(np.bincount(truth).max(initial=0))


def _spread(features: NDArray[np.float64], truth: NDArray[np.int64]) -> bool:
    """Whether any class has samples that differ."""
    return any(bool(np.ptp(features[truth == k], axis=0).any()) for k in np.unique(truth))
