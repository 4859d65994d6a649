"""How well a classifier does on a part of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from bimae.data import SeedDataset
from bimae.data.reading import Reading
from bimae.evaluate.answers import answers
from bimae.evaluate.looks import Looks
from bimae.model import SeedClassifier


@dataclass(frozen=True)
class Predictions:
    """A classifier's answers, N samples of K classes.

    Attributes:
        classes: Class names.
        keys: [N] name of each sample.
        truth: [N] class numbers.
        probabilities: [N, K], rows sum to 1.
    """

    classes: tuple[str, ...]
    keys: list[str]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """[N] the likeliest class."""
        likeliest: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return likeliest


@dataclass(frozen=True)
class ClassResult:
    """Figures of one class; `support` is how many samples of it there are."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Results:
    """Figures of a part of a data set.

    Attributes:
        samples: How many.
        accuracy: Share classified rightly.
        macro_f1: Mean F1 over the classes that occur in the truth or in the answers.
        per_class: One row per class of the model.
        confusion: [K, K] counts, truth in rows.
    """

    samples: int
    accuracy: float
    macro_f1: float
    per_class: tuple[ClassResult, ...]
    confusion: NDArray[np.int64]


def classify(
    model: SeedClassifier,
    samples: SeedDataset,
    part: Sequence[int],
    *,
    batch_size: int = 64,
    looks: Looks | None = None,
) -> Predictions:
    """Runs a classifier over a labelled part of a data set, in order, nothing flipped.

    The model is moved to a GPU where there is one.

    Args:
        model: The classifier.
        samples: The data.
        part: Which of them.
        batch_size: Samples at a time.
        looks: What it is shown (`look`); default: all that it looks at.

    Raises:
        DataError: A label is missing, or is none of the model's classes.
    """
    looks = looks or Looks(Reading.of(model.config))
    truth, probabilities = [], []
    for said in answers(model, samples, part, looks, batch_size=batch_size):
        assert said.truth is not None
        truth.append(said.truth)
        probabilities.append(said.probabilities())
    return Predictions(
        classes=model.config.classes,
        keys=[samples.keys[i] for i in part],
        truth=np.concatenate(truth),
        probabilities=np.concatenate(probabilities),
    )


def score(predictions: Predictions) -> Results:
    """Accuracy, macro-F1, figures per class and the confusion matrix."""
    truth, predicted = predictions.truth, predictions.predicted
    numbers = np.arange(len(predictions.classes))
    rows = precision_recall_fscore_support(truth, predicted, labels=numbers, zero_division=0.0)
    per_class = tuple(
        ClassResult(name, float(p), float(r), float(f), int(n))
        for name, p, r, f, n in zip(predictions.classes, *rows, strict=True)
    )
    occurring = np.union1d(truth, predicted)
    return Results(
        samples=len(truth),
        accuracy=float((truth == predicted).mean()),
        macro_f1=float(np.mean([per_class[i].f1 for i in occurring])),
        per_class=per_class,
        confusion=confusion_matrix(truth, predicted, labels=numbers),
    )
