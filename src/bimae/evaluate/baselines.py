"""What a network has to beat, on the same split: by name, `METHODS` and `run_method`.

Classical classifiers on mean spectra and colour statistics, seconds of scikit-learn each, and two
small convolutional networks on the images. The same seed gives the same answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bimae.data.sample import Sample
from bimae.data.splits import Split
from bimae.errors import ConfigError, DataError
from bimae.evaluate.classification import Predictions
from bimae.evaluate.classifiers import Answer, Labelled, Task, by_scikit, mlp, pls_da, shrunk_lda
from bimae.evaluate.small_networks import ColourNetwork, SpectralNetwork, by_network
from bimae.evaluate.views import Features, View, labels_of, mean_spectra, rgb_statistics

__all__ = ["METHODS", "classical_baselines", "judged", "labels_of", "linear", "mean_spectra"]
__all__ += ["method_problems", "rgb_statistics", "run_method", "split_problems", "svm"]


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


@dataclass(frozen=True, slots=True)
class Method:
    """A baseline.

    Attributes:
        title: What it is, in words.
        view: What it looks at.
        answer: How it learns and answers.
        draws: Whether its answers depend on the seed.
        weighs: Whether balanced training differs from plain.
    """

    title: str
    view: View
    answer: Answer
    draws: bool = False
    weighs: bool = True

    @property
    def spectral(self) -> bool:
        """Whether it looks at spectra."""
        return self.view not in ("nothing", "colours", "images")


def _linear(task: Task) -> Any:
    return linear(task.balanced)


def _svm(task: Task) -> Any:
    return svm(task.balanced)


def _majority(_: Task) -> Any:
    return DummyClassifier()


def _forest(task: Task) -> Any:
    weight = "balanced" if task.balanced else None
    return RandomForestClassifier(300, class_weight=weight, random_state=task.seed, n_jobs=1)


METHODS: dict[str, Method] = {
    "majority": Method("most frequent class", "nothing", by_scikit(_majority), weighs=False),
    "linear-spectra": Method(
        "logistic regression, mean spectra", "mean spectra", by_scikit(_linear)
    ),
    "svm-spectra": Method("SVM, mean spectra", "mean spectra", by_scikit(_svm)),
    "lda-spectra": Method("shrunken LDA, mean spectra", "mean spectra", shrunk_lda),
    "pls-spectra": Method("PLS-DA, mean spectra", "mean spectra", pls_da),
    "forest-spectra": Method(
        "random forest, mean spectra", "mean spectra", by_scikit(_forest), draws=True
    ),
    "mlp-spectra": Method("MLP, mean spectra", "mean spectra", mlp, draws=True),
    "linear-rgb": Method("logistic regression, RGB statistics", "colours", by_scikit(_linear)),
    "svm-rgb": Method("SVM, RGB statistics", "colours", by_scikit(_svm)),
    "linear-both": Method("logistic regression, both", "both", by_scikit(_linear)),
    "cnn-rgb": Method("2D CNN, RGB images", "images", by_network(ColourNetwork), draws=True),
    "cnn-spectra": Method("3D CNN, cubes", "cubes", by_network(SpectralNetwork), draws=True),
}


def run_method(
    name: str,
    samples: Sequence[Sample],
    split: Split,
    *,
    seed: int = 0,
    balanced: bool = False,
    features: Features | None = None,
) -> Predictions:
    """Trains a baseline on the train part and answers for the test part.

    The val part, where there is one, only chooses: components of PLS, when to stop the MLP, the
    best round of the networks. A class that the train part lacks is never the answer.

    Args:
        name: One of `METHODS`.
        samples: A data set or any other sequence; labels in all parts of the split.
        split: Its parts; the train part may be a few samples.
        seed: Of what the method draws; at least 0.
        balanced: Every class counts the same in training, which trades accuracy for macro-F1
            where classes are uneven.
        features: Of these samples, where several methods share them; None makes new ones.

    Returns:
        Answers on `split.test` in its order; classes are those of all its parts, sorted. One-hot
        where a method has no probabilities (SVM, PLS-DA).

    Raises:
        ConfigError: There is no such method, or the seed is negative.
        DataError: A part is empty, a label is missing, or images differ in size.
    """
    if wrong := method_problems([name], seed):
        raise ConfigError.of(wrong)
    if wrong := split_problems(samples, split):
        raise DataError("\n".join(wrong))
    features = features or Features(samples)
    classes = classes_of(samples, split)
    learnt = labels_of(samples, split.train)
    present, y = np.unique(learnt, return_inverse=True)  # sorted, as classes are
    columns = np.searchsorted(classes, present)
    answers = np.zeros((len(split.test), len(classes)), np.float32)
    if len(present) == 1:  # classifiers refuse to learn a single class
        answers[:, columns] = 1
    else:
        method = METHODS[name]
        task = Task(
            seen=_labelled(features, method.view, split.train, y),
            held=_held(features, method.view, split.val, present),
            unseen=features.of(method.view, split.test),
            classes=len(present),
            seed=seed,
            balanced=balanced,
        )
        answers[:, columns] = method.answer(task)
    keys = getattr(samples, "keys", None)
    return Predictions(
        classes=tuple(classes),
        keys=[keys[i] if keys is not None else samples[i].id for i in split.test],
        truth=np.searchsorted(classes, labels_of(samples, split.test)).astype(np.int64),
        probabilities=answers,
    )


def method_problems(names: Sequence[str], seed: int = 0) -> list[str]:
    """What is wrong with these names of methods and this seed, a line each."""
    known = ", ".join(METHODS)
    wrong = [f"method {name!r} is none of: {known}" for name in names if name not in METHODS]
    return wrong + ([f"seed is {seed}; it must be at least 0"] if seed < 0 else [])


def split_problems(samples: Sequence[Sample], split: Split) -> list[str]:
    """Why no baseline can be run on this split, a line each; empty where it can."""
    where = getattr(samples, "root", "these samples")
    wrong = [
        f"{where}: no {part} part, expected samples to {what}; add samples or split again "
        "(bimae data split)"
        for part, what in (("train", "learn from"), ("test", "test on"))
        if not getattr(split, part)
    ]
    known = getattr(samples, "labels", None)
    used = [*split.train, *split.val, *split.test]
    bare = [i for i in used if (samples[i].label if known is None else known[i]) is None]
    if bare:
        wrong.append(
            f"{where}: {len(bare)} of {len(used)} samples have no label (first: "
            f"{samples[bare[0]].id!r}); baselines need one on every sample of the split"
        )
    return wrong


def classes_of(samples: Sequence[Sample], split: Split) -> list[str]:
    """The class names that occur in any part, sorted."""
    found = labels_of(samples, [*split.train, *split.val, *split.test])
    return [str(name) for name in np.unique(found)]


def _labelled(
    features: Features, view: View, part: Sequence[int], y: NDArray[np.int64]
) -> Labelled:
    groups = getattr(features.samples, "groups", None)
    tied = (groups[i] if groups is not None else features.samples[i].group for i in part)
    return Labelled(features.of(view, part), y, tuple(tied))


def _held(
    features: Features, view: View, part: Sequence[int], present: NDArray[np.str_]
) -> Labelled | None:
    """The val samples of classes that are learned; None where there are none."""
    if not part:
        return None
    labels = labels_of(features.samples, part)
    kept = np.flatnonzero(np.isin(labels, present))
    if not len(kept):
        return None
    y = np.searchsorted(present, labels[kept]).astype(np.int64)
    return _labelled(features, view, [part[int(i)] for i in kept], y)
