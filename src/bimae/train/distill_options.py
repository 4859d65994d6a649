"""Options of pretraining with a teacher. No torch, as `options.py`."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from bimae.train.options import PretrainOptions


@dataclass(frozen=True)
class DistillOptions(PretrainOptions):
    """Options of pretraining with a teacher; the model and its masks are the student's."""

    teacher: Path = field(kw_only=True)
    """Pretraining run (or model folder) of a larger model; the student reads images and tells
    bands apart as it does."""
    feature_weight: float = 1.0
    """What the mean squared error from the teacher's features counts in the loss, beside those of
    the reconstructions."""

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if not 0 < self.feature_weight < inf:
            yield f"feature_weight is {self.feature_weight}; it must be above 0 and finite"
