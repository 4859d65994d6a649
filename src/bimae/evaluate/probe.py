"""How good are frozen features? Three simple classifiers on what an encoder says.

A linear probe, nearest neighbours and a discriminant analysis. Nothing of the network learns. Each
chooses its one setting on the validation part, or where there is none by cross-validation within
the training part; each learns from the training part and is judged on the test part. All are
deterministic.

Shapes: N samples, K classes.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bimae.data.stratify import stratify
from bimae.evaluate.classification import Predictions
from bimae.evaluate.discriminant import AUTO, Discriminant, Shrinkage, most_of_a_class
from bimae.evaluate.frozen import Part, Parts

Method = Literal["linear", "knn", "lda"]

# The setting wanted first stands first: it is taken where others do no better.
PENALTIES = (1.0, 0.1, 10.0, 0.01, 100.0)
NEIGHBOURS = (5, 3, 10, 1, 20)
SHRINKAGES: tuple[Shrinkage, ...] = (AUTO, 0.1, 0.01, 0.5, 0.9)
FOLDS = 5
STEPS = 1000


@dataclass(frozen=True)
class Probed:
    """A probe that has learned, and what it answers.

    Attributes:
        method: `linear`, `knn` or `lda`.
        setting: What was chosen: C, the inverse penalty; k, how many neighbours vote; or the
            shrinkage of the covariance, `auto` where Ledoit and Wolf reckon it.
        chosen_by: `val`, `cross-validation`, or `default` where nothing could tell.
        tried: Macro-F1 of each setting tried, there where it was chosen.
        predictions: Answers on the test part.
    """

    method: Method
    setting: Shrinkage
    chosen_by: Literal["val", "cross-validation", "default"]
    tried: dict[Shrinkage, float]
    predictions: Predictions


def linear_probe(parts: Parts, *, balanced: bool = False, seed: int = 0) -> Probed:
    """Logistic regression on standardised features; C is chosen among 0.01 to 100.

    Args:
        parts: Features.
        balanced: Weigh samples so that every class counts the same in training.
        seed: Deals out the folds, where there is no val part.
    """
    weight = "balanced" if balanced else None

    def make(penalty: float, _: int) -> Any:
        regression = LogisticRegression(C=penalty, max_iter=STEPS, class_weight=weight)
        return make_pipeline(StandardScaler(), regression)

    return _probed("linear", parts, PENALTIES, make, seed)


def knn_probe(parts: Parts, *, seed: int = 0) -> Probed:
    """The k nearest training samples vote, the nearer the more (one over the cosine distance).

    Args:
        parts: Features.
        seed: Deals out the folds, where there is no val part.
    """

    def make(k: float, known: int) -> Any:
        return KNeighborsClassifier(
            min(int(k), known), metric="cosine", weights="distance", algorithm="brute"
        )

    count = len(parts.train)
    settings = [float(k) for k in NEIGHBOURS if k <= count] or [float(count)]
    return _probed("knn", parts, settings, make, seed)


def lda_probe(parts: Parts, *, balanced: bool = False, seed: int = 0) -> Probed:
    """Discriminant analysis on standardised features; see `Discriminant`.

    Few labels go far: they tell a mean of each class, and together what all classes share.

    Args:
        parts: Features.
        balanced: Let every class be equally likely before a sample is seen.
        seed: Deals out the folds, where there is no val part.
    """

    def make(shrinkage: Shrinkage, _: int) -> Any:
        return Discriminant(shrinkage, balanced=balanced)

    most = most_of_a_class(parts.train.truth)
    # Of two samples Ledoit and Wolf find no shrinkage at all: both deviate alike. Of one sample of
    # each class there is nothing to shrink, and all is what shrinkage leads to.
    settings: Sequence[Shrinkage] = SHRINKAGES if most > 2 else SHRINKAGES[1:]
    return _probed("lda", parts, settings if most > 1 else (1.0,), make, seed)


def _probed(
    method: Method,
    parts: Parts,
    settings: Sequence[Shrinkage],
    make: Callable[[Any, int], Any],
    seed: int,
) -> Probed:
    """Chooses a setting, learns from the whole training part with it, and answers.

    Args:
        method: What it is called.
        parts: Features.
        settings: To choose from, the one wanted first first.
        make: A classifier, from a setting and how many samples it will learn from.
        seed: Deals out the folds.
    """
    train, count = parts.train, len(parts.classes)
    tried: dict[Shrinkage, float] = {}
    folds = [] if len(parts.val) else _folds(train, seed)
    for setting in settings:
        if len(parts.val):
            said = _answers(make(setting, len(train)), train, parts.val, count)
            tried[setting] = _macro_f1(parts.val.truth, said)
        elif folds:
            said = np.zeros((len(train), count))
            for held in folds:
                rest = train.take(np.setdiff1d(np.arange(len(train)), held))
                said[held] = _answers(make(setting, len(rest)), rest, train.take(held), count)
            tried[setting] = _macro_f1(train.truth, said)
    best = max(settings, key=lambda setting: tried.get(setting, 0.0))  # the first of equals
    probabilities = _answers(make(best, len(train)), train, parts.test, count)
    return Probed(
        method,
        best,
        "val" if len(parts.val) else "cross-validation" if folds else "default",
        dict(sorted(tried.items(), key=lambda pair: _rank(pair[0]))),
        Predictions(
            parts.classes, parts.test.keys, parts.test.truth, probabilities.astype(np.float32)
        ),
    )


def _rank(setting: Shrinkage) -> float:
    """Settings in order: `auto` first, then the least."""
    return -1.0 if isinstance(setting, str) else setting


def _answers(classifier: Any, known: Part, asked: Part, count: int) -> NDArray[np.float64]:
    """Probabilities [N, K] of the samples asked for; 0 for a class that was never seen."""
    if len(np.unique(known.truth)) < 2:
        classifier = DummyClassifier()  # others refuse a single class
    with threadpool_limits(1), undisturbed():
        classifier.fit(known.features, known.truth)
        said = classifier.predict_proba(asked.features)
    found = np.zeros((len(asked), count))
    found[:, classifier.classes_] = said
    return found


def _folds(part: Part, seed: int) -> list[NDArray[np.int64]]:
    """Samples of a part dealt out to at most five folds, each label evenly, groups whole.

    None where every class has one sample: whatever is held out was then never seen.
    """
    groups = part.groups
    units = len({i if group is None else group for i, group in enumerate(groups)})
    if units < 2:
        groups, units = [None] * len(part), len(part)
    count = min(FOLDS, units, int(np.bincount(part.truth).max()))
    if count < 2:
        return []
    labels = [f"{number:09d}" for number in part.truth]
    dealt = stratify(labels, groups, [1.0] * count, seed)
    return [np.array(fold, np.int64) for fold in dealt if 0 < len(fold) < len(part)]


def _macro_f1(truth: NDArray[np.int64], said: NDArray[np.float64]) -> float:
    with undisturbed():
        return float(f1_score(truth, said.argmax(axis=1), average="macro", zero_division=0))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Without three warnings of scikit-learn that tell a user of a probe nothing."""
    with warnings.catch_warnings():
        # What has not converged was stopped early: a setting like any other.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Few shots of many classes, which it takes for a regression.
        warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
        # A class of one sample, which tells its mean and nothing else.
        warnings.filterwarnings("ignore", "Only one sample available", UserWarning)
        yield
