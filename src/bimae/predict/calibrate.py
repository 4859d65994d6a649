"""Calibration of a classifier on samples that it did not learn from.

Shapes: N samples, K classes, D width.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.errors import ConfigError, DataError
from bimae.evaluate.answers import Answers, answers
from bimae.evaluate.looks import Looks
from bimae.model import SeedClassifier
from bimae.predict.calibrated import SCORES, Calibrated, Judged, Score, strangeness
from bimae.predict.conformal import covered, covered_by, fit_conformal
from bimae.predict.mahalanobis import Mahalanobis, fit_mahalanobis
from bimae.predict.shown import Shown
from bimae.predict.sureness import fit_sureness, with_lapses
from bimae.predict.temperature import (
    calibration_error,
    log_loss,
    loss_of,
    probabilities,
)
from bimae.predict.unknown import Detection, detection, reject_threshold

Watch = Callable[[Iterable[Answers]], Iterable[Answers]]
USUAL: Score = "energy"  # where there are no strangers to choose by; docs/calibration.md


@dataclass(frozen=True)
class Said:
    """What a classifier said of a part of a data set.

    Attributes:
        logits: [N, K].
        features: [N, D].
        truth: [N] class numbers; -1 for a class that the model does not know.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32]
    truth: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True)
class Parts:
    """Samples by what they are for; none may be empty but `train`, `check` and `strangers`.

    Attributes:
        fit: What temperature and thresholds are fitted on.
        check: What they are checked on.
        train: What the model learned from, for distances in feature space.
        strangers: Samples of classes that the model does not know.
    """

    fit: Said
    check: Said | None = None
    train: Said | None = None
    strangers: Said | None = None


def listen(
    model: SeedClassifier,
    samples: SeedDataset,
    indices: Sequence[int],
    looks: Looks,
    *,
    batch_size: int = 64,
    watch: Watch = iter,
) -> Said:
    """Asks a classifier about labelled samples; `looks` is one that reads no labels.

    Args:
        model: The classifier.
        samples: The data.
        indices: Which of them, in this order.
        looks: What is shown.
        batch_size: Samples at a time.
        watch: What batches pass through on their way, such as a progress bar.

    Raises:
        DataError: A record cannot be read, or there is no sample.
    """
    if not len(indices):
        raise DataError(f"{samples.root}: there is no sample to ask about")
    said = list(watch(answers(model, samples, indices, looks, batch_size=batch_size)))
    number = {name: n for n, name in enumerate(model.config.classes)}
    return Said(
        np.concatenate([one.logits for one in said]),
        np.concatenate([one.features for one in said]),
        np.array([number.get(str(samples.labels[i]), -1) for i in indices], np.int64),
    )


def calibrate(
    parts: Parts,
    shown: Shown,
    classes: tuple[str, ...],
    *,
    alpha: float,
    share: float,
    per_class: bool = False,
    score: Score | None = None,
    usual: Score = USUAL,
    groups: Sequence[str | None] | None = None,
) -> Calibrated:
    """Fits temperature, set thresholds and reject threshold, and checks them on other samples.

    A temperature that does not hold there is 1, and a note of `facts` says so.

    Args:
        parts: What the classifier said.
        shown: The sensor.
        classes: Of the model.
        alpha: Share of new samples whose set may miss the truth.
        share: Share of known samples that may be rejected.
        per_class: Whether each class is to be covered by itself.
        score: What strangeness is measured by; None: the best by strangers where there are some.
        usual: What strangeness is measured by where there are no strangers to choose by.
        groups: Of the samples of `check` (trays, batches); coverage is then told for each.

    Raises:
        BimaeError: There is nothing to fit on, a number is not finite, or the score needs samples
            that the model learned from.
    """
    fit = parts.fit
    other = parts.check
    sure = fit_sureness(
        fit.logits, fit.truth, None if other is None else (other.logits, other.truth)
    )
    said = with_lapses(probabilities(fit.logits, sure.temperature), sure.lapse)
    conformal = fit_conformal(said, fit.truth, alpha=alpha, per_class=per_class)
    learned = parts.train
    distances = None if learned is None else fit_mahalanobis(learned.features, learned.truth)
    possible = [name for name in SCORES if distances is not None or name in SCORES[:2]]
    if score is not None and score not in possible:
        raise ConfigError(
            f"score {score} is asked for, but these data hold no samples that the model learned "
            "from, and distances are from those; calibrate on the data that it was trained on, or "
            f"choose {' or '.join(possible)}"
        )
    thresholds = {
        name: reject_threshold(_strange(name, fit, distances), share) for name in possible
    }
    found = {
        name: detection(
            _strange(name, parts.check or fit, distances),
            _strange(name, parts.strangers, distances),
            thresholds[name],
        )
        for name in possible
        if parts.strangers is not None
    }
    chosen = score or _best(found) or (usual if usual in possible else USUAL)
    made = Calibrated(
        shown,
        classes,
        sure.temperature,
        conformal,
        chosen,
        thresholds[chosen],
        distances=distances if chosen in SCORES[2:] else None,
        lapse=sure.lapse,
    )
    facts: dict[str, Any] = {
        "fitted": {"samples": len(fit), "sureness": asdict(sure)},
        "notes": [note for note in (sure.note, conformal.note, thresholds[chosen].note) if note]
        + [
            f"strangeness is measured by {chosen}: for {usual}, which is taken of this model where "
            "nothing tells which is best, samples that it learned from are needed, and these data "
            "hold none"
        ]
        * (score is None and not found and chosen != usual),
        "strangers": {name: asdict(one) for name, one in found.items()},
    }
    if parts.check is not None:
        facts["checked"] = check(made, parts.check, groups)
    return replace(made, facts=facts)


def check(
    made: Calibrated, said: Said, groups: Sequence[str | None] | None = None
) -> dict[str, Any]:
    """How well a calibration does on samples that it was not fitted on.

    Args:
        made: The calibration.
        said: What the classifier said of them; all of known classes.
        groups: [N] of the samples.
    """
    judged = made.judge(said.logits, said.features)
    plain = probabilities(said.logits)
    found: dict[str, Any] = {
        "samples": len(said),
        "accuracy": float((said.logits.argmax(axis=1) == said.truth).mean()),
        "calibration_error": {
            "before": calibration_error(plain, said.truth).error,
            "after": calibration_error(judged.probabilities, said.truth).error,
        },
        "log_loss": {
            "before": log_loss(said.logits, said.truth),
            "after": loss_of(judged.probabilities, said.truth),
        },
        "coverage": asdict(covered(judged.sets, said.truth)),
        "rejected": float(judged.rejected.mean()),
        "confusion": _confusion(judged, said.truth),
        "coverage_by_class": {
            made.classes[int(number)]: asdict(one)
            for number, one in covered_by(judged.sets, said.truth, said.truth.tolist()).items()
        },
    }
    if groups is not None and any(group is not None for group in groups):
        names = ["(none)" if group is None else group for group in groups]
        by_group = covered_by(judged.sets, said.truth, names)
        found["coverage_by_group"] = {name: asdict(one) for name, one in by_group.items()}
    return found


def _confusion(judged: Judged, truth: NDArray[np.int64]) -> list[list[int]]:
    """[K, K + 1] counts, truth in rows; the last column are the rejected ones."""
    classes = judged.probabilities.shape[1]
    answer = np.where(judged.rejected, classes, judged.probabilities.argmax(axis=1))
    found = np.zeros((classes, classes + 1), np.int64)
    np.add.at(found, (truth, answer), 1)
    return [[int(count) for count in row] for row in found]


def _strange(score: Score, said: Said | None, distances: Mahalanobis | None) -> NDArray[np.float64]:
    assert said is not None, "asked only where there are such samples"
    return strangeness(score, said.logits, said.features, distances)


def _best(found: dict[Score, Detection]) -> Score | None:
    """The score that tells strangers best; None where there are none."""
    if not found:
        return None
    return max(found, key=lambda name: found[name].auroc)
