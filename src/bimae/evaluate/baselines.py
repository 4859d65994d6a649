"""What a network has to beat: classical classifiers on a handful of features.

Each is a few seconds of scikit-learn on the same split. All of them are deterministic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bimae.data.sample import Sample
from bimae.errors import DataError


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """One baseline on one split.

    Attributes:
        name: Such as `linear on mean spectra`.
        accuracy: Share of the test samples that are right.
        macro_f1: Mean F1 over the classes that occur in the truth or in the answers, as everywhere
            in this package; a class is worth the same however rare it is.
    """

    name: str
    accuracy: float
    macro_f1: float


def mean_spectra(
    samples: Sequence[Sample], indices: Sequence[int], *, object_only: bool = True
) -> NDArray[np.float64]:
    """Mean spectrum of each sample.

    Args:
        samples: A data set or any other sequence.
        indices: Which of them.
        object_only: Leave out the background, pixels that are zero in every band. A sample that
            is background only has a spectrum of zeros.

    Returns:
        [N, C] in the unit of the images.

    Raises:
        DataError: The samples have different numbers of bands.
    """
    rows: list[NDArray[np.float64]] = []
    for i in indices:
        sample = samples[i]
        pixels = sample.hs.reshape(-1, sample.hs.shape[-1])
        if object_only and pixels.any():
            pixels = pixels[pixels.any(axis=1)]
        if rows and pixels.shape[1] != rows[0].size:
            raise DataError(
                f"sample {sample.id!r} has {pixels.shape[1]} bands, the ones before it "
                f"{rows[0].size}; mean spectra need the same bands everywhere"
            )
        rows.append(pixels.mean(axis=0, dtype=np.float64))
    return np.stack(rows)


def rgb_statistics(
    samples: Sequence[Sample], indices: Sequence[int], *, object_only: bool = True
) -> NDArray[np.float64]:
    """Colour statistics of each sample: mean, standard deviation, 10 %, 50 % and 90 % by channel.

    Args:
        samples: A data set or any other sequence.
        indices: Which of them.
        object_only: Leave out the background, pixels that are pure white (the padding of this
            package). An image that is white only is taken whole.

    Returns:
        [N, 15].
    """
    rows = []
    for i in indices:
        pixels = samples[i].rgb.reshape(-1, 3).astype(np.float64)
        kept = pixels[(pixels < 1.0).any(axis=1)]
        if object_only and len(kept):
            pixels = kept
        quantiles = np.percentile(pixels, [10, 50, 90], axis=0)
        rows.append(np.concatenate([pixels.mean(axis=0), pixels.std(axis=0), quantiles.ravel()]))
    return np.stack(rows)


def classical_baselines(
    samples: Sequence[Sample],
    train: Sequence[int],
    test: Sequence[int],
    *,
    balanced: bool = False,
) -> list[BaselineResult]:
    """Majority class, and a linear classifier and an SVM on mean spectra and on RGB statistics.

    Args:
        samples: A data set or any other sequence, with labels.
        train: Indices to learn from.
        test: Indices to be judged on.
        balanced: Weigh samples so that every class counts the same in training, which trades
            accuracy for macro-F1 where classes are uneven.

    Returns:
        Five results, in the order of the text above.

    Raises:
        DataError: A sample has no label, or there is nothing to learn from or to test.
    """
    learnt, truth = labels_of(samples, train), labels_of(samples, test)
    nothing = np.zeros((len(train), 1)), np.zeros((len(test), 1))
    results = [judged("majority", DummyClassifier(), nothing, (learnt, truth))]
    for name, features_of in (("mean spectra", mean_spectra), ("RGB statistics", rgb_statistics)):
        features = features_of(samples, train), features_of(samples, test)
        for kind, model in (("linear", linear(balanced)), ("svm", svm(balanced))):
            results.append(judged(f"{kind} on {name}", model, features, (learnt, truth)))
    return results


def linear(balanced: bool = False) -> Any:
    """Standardised features, then logistic regression."""
    weight = "balanced" if balanced else None
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, class_weight=weight))


def svm(balanced: bool = False) -> Any:
    """Standardised features, then an SVM with an RBF kernel (C = 10)."""
    weight = "balanced" if balanced else None
    return make_pipeline(StandardScaler(), SVC(C=10.0, gamma="scale", class_weight=weight))


def judged(
    name: str,
    model: Any,
    features: tuple[NDArray[np.float64], NDArray[np.float64]],
    classes: tuple[NDArray[np.str_], NDArray[np.str_]],
) -> BaselineResult:
    """Fits a scikit-learn classifier and judges it.

    Args:
        name: What to call it.
        model: The classifier.
        features: [N, F] to learn from, [M, F] to test on.
        classes: [N] and [M] class names of the same samples.

    Returns:
        Accuracy and macro-F1 on the test samples. With a single class to learn, that class is
        the answer.
    """
    (seen, unseen), (learnt, truth) = features, classes
    if len(np.unique(learnt)) < 2:
        model = DummyClassifier()  # the other classifiers refuse a single class
    # One thread: these problems are small, and threads that wait for busy cores made the linear
    # baseline a hundred times slower.
    with threadpool_limits(1):
        said = model.fit(seen, learnt).predict(unseen)
    macro = f1_score(truth, said, average="macro", zero_division=0)
    return BaselineResult(name, float(accuracy_score(truth, said)), float(macro))


def labels_of(samples: Sequence[Sample], indices: Sequence[int]) -> NDArray[np.str_]:
    """[N] class names.

    Raises:
        DataError: A sample has none, or `indices` is empty.
    """
    if not len(indices):
        raise DataError("a baseline needs samples to learn from and samples to test on; found none")
    known = getattr(samples, "labels", None)  # a data set has them at hand, without the images
    names = [known[i] if known is not None else samples[i].label for i in indices]
    for i, name in zip(indices, names, strict=True):
        if name is None:
            raise DataError(
                f"sample {samples[i].id!r} has no label; baselines need one on every sample"
            )
    return np.array(names, dtype=np.str_)
