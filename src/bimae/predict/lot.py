"""The seeds of one lot: what each was called, and whom to look at.

Shapes: N seeds, K classes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.errors import ConfigError
from bimae.evaluate import answers
from bimae.evaluate.looks import Looks
from bimae.model import SeedClassifier
from bimae.predict.calibrated import Calibrated, Judged
from bimae.predict.purity import Counts
from bimae.predict.temperature import probabilities

Watch = Callable[[Iterable[answers.Answers]], Iterable[answers.Answers]]


@dataclass(frozen=True)
class Lot:
    """What a classifier said of the seeds of a lot.

    Attributes:
        classes: Of the model, K names.
        crop: Number of the class that is the crop.
        judged: Answers to N seeds.
        sure: An answer of a lower probability is doubtful.
    """

    classes: tuple[str, ...]
    crop: int
    judged: Judged
    sure: float

    def __len__(self) -> int:
        return len(self.judged.rejected)

    @cached_property
    def called(self) -> NDArray[np.int64]:
        """[N] the likeliest class; what a rejected seed is most like, too."""
        found: NDArray[np.int64] = self.judged.probabilities.argmax(axis=1)
        return found

    @cached_property
    def probability(self) -> NDArray[np.float64]:
        """[N] of the likeliest class."""
        found: NDArray[np.float64] = self.judged.probabilities.max(axis=1)
        return found

    @cached_property
    def other(self) -> NDArray[np.bool_]:
        """[N] answered, and not called the crop."""
        found: NDArray[np.bool_] = (self.called != self.crop) & ~self.judged.rejected
        return found

    @cached_property
    def doubtful(self) -> NDArray[np.bool_]:
        """[N] answered, but several classes are possible or the likeliest is not likely enough."""
        several = self.judged.sets.sum(axis=1) > 1
        found: NDArray[np.bool_] = several | (self.probability < self.sure)
        return found & ~self.judged.rejected

    @cached_property
    def to_look_at(self) -> NDArray[np.bool_]:
        """[N] whom a person should look at: all but the seeds that are the crop without doubt."""
        return self.other | self.doubtful | self.judged.rejected

    @property
    def rejected(self) -> int:
        """How many were rejected."""
        return int(self.judged.rejected.sum())

    @property
    def counts(self) -> dict[str, int]:
        """Seeds by what they were called, rejected ones left out; classes without any too."""
        found = np.bincount(self.called[~self.judged.rejected], minlength=len(self.classes))
        return {name: int(n) for name, n in zip(self.classes, found, strict=True)}

    @property
    def answers(self) -> Counts:
        """Counts of crop, other and rejected."""
        crop, rejected = self.counts[self.classes[self.crop]], self.rejected
        return Counts(crop, len(self) - crop - rejected, rejected)


def judge_lot(
    model: SeedClassifier,
    samples: SeedDataset,
    looks: Looks,
    calibrated: Calibrated | None,
    *,
    batch_size: int = 64,
    watch: Watch = iter,
) -> Judged:
    """Asks a classifier about all seeds of a lot, a batch at a time.

    Args:
        model: The classifier.
        samples: The seeds.
        looks: What is shown; one that reads no labels.
        calibrated: How answers are judged; None: as the network says them, a set is the likeliest
            class alone, nothing is rejected, and strangeness is not known (NaN).
        batch_size: Seeds at a time.
        watch: What batches pass through on their way, such as a progress bar.

    Raises:
        DataError: A record cannot be read.
        ModelError: A number is not finite.
    """
    said = answers.answers(model, samples, range(len(samples)), looks, batch_size=batch_size)
    parts = [
        as_said(one.logits) if calibrated is None else calibrated.judge(one.logits, one.features)
        for one in watch(said)
    ]
    return Judged(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("probabilities", "sets", "strangeness", "rejected")
        )
    )


def as_said(logits: NDArray[Any]) -> Judged:
    """Answers without a calibration, from logits [N, K]."""
    said = probabilities(logits)
    sets = np.arange(said.shape[1]) == said.argmax(axis=1)[:, None]
    return Judged(said, sets, np.full(len(said), np.nan), np.zeros(len(said), bool))


def crop_number(crop: str, classes: tuple[str, ...]) -> int:
    """Number of the class that is the crop.

    Raises:
        ConfigError: It is none of the model's, or the only one.
    """
    if crop not in classes:
        by_letters = {name.lower(): name for name in classes}
        near = get_close_matches(crop.lower(), by_letters, n=1)
        meant = f"; did you mean {by_letters[near[0]]!r}?" if near else ""
        raise ConfigError(
            f"crop {crop!r} is no class of this model; its classes: {', '.join(classes)}{meant}"
        )
    if len(classes) == 1:
        raise ConfigError(f"this model knows {crop!r} alone and calls every seed that; use another")
    return classes.index(crop)
