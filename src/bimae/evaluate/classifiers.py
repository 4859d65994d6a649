"""Classifiers that a network has to beat, each as one function of a task. All are deterministic.

Shapes: N samples learned from, M samples to answer for, F features, K classes learned.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from sklearn.cross_decomposition import PLSRegression
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bimae.data.stratify import stratify

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

FOLDS = 5  # of the cross-validation within the training part
MOST_COMPONENTS = 20  # PLS: spectra of one kind of object rarely have more that hold
HELD_OUT = 0.15  # share of the training part that stops the MLP where there is no val part
HIDDEN = 128
ROUNDS, PATIENCE = 100, 20  # of MLP training; a round is one pass, or more where samples are few
STEPS_A_ROUND = 10
BATCH = 32


@dataclass(frozen=True, eq=False)
class Labelled:
    """Samples with their classes.

    Attributes:
        x: [N, F] features, or [N, channels, h, w] images.
        y: [N] class numbers.
        groups: [N] what must not be torn apart, or None for a sample alone.
    """

    x: NDArray[Any]
    y: Numbers
    groups: tuple[str | None, ...]

    def take(self, rows: Numbers) -> "Labelled":
        """Some of the samples, in this order."""
        return Labelled(self.x[rows], self.y[rows], tuple(self.groups[i] for i in rows))


@dataclass(frozen=True, eq=False)
class Task:
    """What to learn from, and what to answer for.

    Attributes:
        seen: [N] samples to learn from; every one of the K classes occurs.
        held: Samples to choose by, of the same classes; None where there are none.
        unseen: [M, ...] features or images to answer for.
        classes: K, at least 2.
        seed: Of everything drawn.
        balanced: Whether every class counts the same in training.
    """

    seen: Labelled
    held: Labelled | None
    unseen: NDArray[Any]
    classes: int
    seed: int
    balanced: bool


Answer = Callable[[Task], Floats]  # a task -> [M, K] probabilities, rows sum to 1


def by_scikit(make: Callable[[Task], Any]) -> Answer:
    """A scikit-learn classifier as an answer; one-hot where it has no probabilities."""

    def answer(task: Task) -> Floats:
        # One thread: these problems are small, and threads that wait for busy cores made the
        # linear baseline a hundred times slower.
        with threadpool_limits(1):
            model = make(task).fit(task.seen.x, task.seen.y)
            if hasattr(model, "predict_proba"):
                return np.asarray(model.predict_proba(task.unseen), np.float64)
            return one_hot(model.predict(task.unseen), task.classes)

    return answer


def shrunk_lda(task: Task) -> Floats:
    """Linear discriminant analysis with a shrunken covariance (Ledoit and Wolf, 2004).

    The covariance is pooled over the classes before it is shrunk, so that classes of one sample
    do; where all are, it is the identity (nearest mean of standardised features). Balanced means
    equal priors.
    """
    with threadpool_limits(1):
        seen, unseen = standardised(task.seen.x, task.unseen)
        y, K = task.seen.y, task.classes
        counts = np.bincount(y, minlength=K)
        means = np.stack([seen[y == k].mean(axis=0) for k in range(K)])  # [K, F]
        within = seen - means[y]
        if np.allclose(within, 0):
            covariance = np.eye(seen.shape[1])
        else:
            covariance, _ = ledoit_wolf(within, assume_centered=True)
            covariance *= len(y) / (len(y) - K)
        weights = np.linalg.lstsq(covariance, means.T, rcond=None)[0]  # [F, K]
        priors = np.full(K, 1 / K) if task.balanced else counts / len(y)
        logits = unseen @ weights - 0.5 * (means.T * weights).sum(axis=0) + np.log(priors)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def pls_da(task: Task) -> Floats:
    """Partial least squares on one-hot classes; the highest column is the answer (one-hot).

    The number of components, up to 20, is the one with the best macro-F1 on the samples to choose
    by; without these, in a cross-validation of the training part that keeps groups whole; the
    fewest of equals. Where neither can tell (one sample of each class), as many as classes less
    one. Balanced repeats samples of the rarer classes.
    """
    with threadpool_limits(1):
        scores = _scores_held(task, task.held) if task.held is not None else _scores_crossed(task)
        answers = _pls_answers(task, task.seen, task.unseen)
    if len(answers) == 0:  # features that are the same everywhere
        return one_hot(np.full(len(task.unseen), np.bincount(task.seen.y).argmax()), task.classes)
    told = len(scores) > 0 and scores.max() > scores.min()
    chosen = int(scores.argmax()) if told else task.classes - 2
    return one_hot(answers[min(chosen, len(answers) - 1)], task.classes)


def _scores_held(task: Task, held: Labelled) -> Floats:
    return np.array([macro_f1(held.y, said) for said in _pls_answers(task, task.seen, held.x)])


def _scores_crossed(task: Task) -> Floats:
    """Macro-F1 of 1, 2, ... components, each sample answered for by the folds it is not in."""
    seen = task.seen
    alone = {i if group is None else group for i, group in enumerate(seen.groups)}
    folds = min(FOLDS, len(alone))
    if folds < 2:
        return np.zeros(0)
    parts = stratify([str(k) for k in seen.y], seen.groups, [1.0] * folds, task.seed)
    said = np.full((MOST_COMPONENTS, len(seen.y)), -1)
    most = MOST_COMPONENTS
    for part in parts:
        out = np.array(part, np.int64)
        rest = np.setdiff1d(np.arange(len(seen.y)), out)
        answers = _pls_answers(task, seen.take(rest), seen.x[out])
        most = min(most, len(answers))
        said[:most, out] = answers[:most]
    return np.array([macro_f1(seen.y, row) for row in said[:most]])


def _pls_answers(task: Task, seen: Labelled, x: NDArray[Any]) -> Numbers:
    """[n, M] answers with 1 to n components, from one fit: each adds to those before it."""
    seen = evened(seen) if task.balanced else seen
    known, unknown = standardised(seen.x, x)
    size = np.linalg.svd(known, compute_uv=False)
    rank = int((size > 1e-6 * max(size[0], 1e-6)).sum())
    most = min(MOST_COMPONENTS, rank)
    targets = one_hot(seen.y, task.classes)
    if most == 0 or (targets == targets[0]).all():
        return np.zeros((0, len(x)), np.int64)
    model = PLSRegression(n_components=most, scale=False, max_iter=1000)
    with warnings.catch_warnings():
        # Late components explain next to nothing, which is told; the choice then leaves them out.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)
        model.fit(known, targets)
    parts = unknown @ model.x_rotations_  # [M, n]
    each = parts.T[:, :, None] * model.y_loadings_.T[:, None, :]  # [n, M, K]
    return np.asarray((targets.mean(axis=0) + each.cumsum(axis=0)).argmax(axis=2), np.int64)


def mlp(task: Task) -> Floats:
    """A perceptron with one hidden layer of 128, stopped by the best macro-F1.

    Judged on the samples to choose by; without these, on 15 % of the training part, groups whole,
    which it then does not learn from; where that would take a class away, trained to the end.
    Balanced repeats samples of the rarer classes.
    """
    task = _with_held(task)
    seen = evened(task.seen) if task.balanced else task.seen
    known, unknown = standardised(seen.x, task.unseen)
    held = task.held
    model = MLPClassifier(
        (HIDDEN,), alpha=1e-3, batch_size=min(BATCH, len(known)), random_state=task.seed
    )
    passes = max(ceil(STEPS_A_ROUND / ceil(len(known) / BATCH)), 1)
    best, kept, since = -1.0, None, 0
    with threadpool_limits(1):
        judged = standardised(seen.x, held.x)[1] if held is not None else None
        for _ in range(ROUNDS):
            for _ in range(passes):
                model.partial_fit(known, seen.y, classes=np.arange(task.classes))
            if held is None or judged is None:
                continue
            score, since = macro_f1(held.y, model.predict(judged)), since + 1
            if score > best:
                best, since = score, 0
                kept = [w.copy() for w in model.coefs_], [w.copy() for w in model.intercepts_]
            if since >= PATIENCE:
                break
        if kept is not None:
            model.coefs_, model.intercepts_ = kept
        return np.asarray(model.predict_proba(unknown), np.float64)


def _with_held(task: Task) -> Task:
    """With a share of the training samples to choose by, where there are none and it can be."""
    if task.held is not None:
        return task
    seen = task.seen
    labels = [str(k) for k in seen.y]
    kept, out = stratify(labels, seen.groups, (1 - HELD_OUT, HELD_OUT), task.seed)
    if not out or len(np.unique(seen.y[kept])) < task.classes:
        return task
    if len(np.unique(seen.y[out])) < task.classes:
        return task  # a class that is not judged would be given up for the others
    rows = np.array(kept, np.int64), np.array(out, np.int64)
    return replace(task, seen=seen.take(rows[0]), held=seen.take(rows[1]))


def standardised(seen: NDArray[Any], *others: NDArray[Any]) -> list[Floats]:
    """Features with mean 0 and deviation 1 on `seen`; the others by the same numbers."""
    scaler = StandardScaler().fit(seen)
    return [np.asarray(scaler.transform(x), np.float64) for x in (seen, *others)]


def evened(samples: Labelled) -> Labelled:
    """Samples of the rarer classes repeated in turn, until every class has as many."""
    most = int(np.bincount(samples.y).max())
    rows = [np.resize(np.flatnonzero(samples.y == k), most) for k in np.unique(samples.y)]
    return samples.take(np.concatenate(rows))


def one_hot(answers: NDArray[Any], classes: int) -> Floats:
    """[M, K] rows with a single 1."""
    return np.asarray(np.eye(classes)[answers], np.float64)


def macro_f1(truth: NDArray[Any], said: NDArray[Any]) -> float:
    """Mean F1 over the classes that occur in the truth or in the answers."""
    return float(f1_score(truth, said, average="macro", zero_division=0))
