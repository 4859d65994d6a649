"""A classifier in PyTorch as one who answers (`stream`)."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from bimae.data import SeedDataset
from bimae.evaluate.answers import answers
from bimae.evaluate.looks import Looks
from bimae.model import SeedClassifier
from bimae.predict.calibrated import Calibrated
from bimae.predict.shown import Shown
from bimae.predict.stream import Modality, Told, digest
from bimae.predict.temperature import probabilities

MODEL_FILES = ("config.json", "model.safetensors")


@dataclass(frozen=True)
class Network:
    """A classifier, turned to the sensor of some data.

    Attributes:
        model: The classifier.
        folder: Its model folder.
        shown: The sensor.
        looks: What that means for this model and these data; reads no labels.
        calibrated: Of the model for this sensor; None: answers as the network gives them.
        simulated: Whether the model learned from simulated images.
    """

    model: SeedClassifier
    folder: Path
    shown: Shown
    looks: Looks
    calibrated: Calibrated | None = None
    simulated: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in order."""
        return self.model.config.classes

    @property
    def modality(self) -> Modality:
        """See `Answerer`."""
        return self.looks.reading.modality

    @property
    def alpha(self) -> float | None:
        """See `Answerer`."""
        return None if self.calibrated is None else self.calibrated.conformal.alpha

    def identity(self) -> dict[str, str]:
        """See `Answerer`."""
        return {
            "model": model_digest(self.folder),
            "sensor": str(self.shown),
            "calibration": (
                "none" if self.calibrated is None else calibration_digest(self.calibrated)
            ),
            "device": "cuda" if torch.cuda.is_available() else "cpu",
        }

    def tell(self, samples: SeedDataset, indices: Sequence[int], batch_size: int) -> Iterator[Told]:
        """See `Answerer`."""
        for batch in answers(self.model, samples, indices, self.looks, batch_size=batch_size):
            if self.calibrated is None:
                yield Told(batch.index, probabilities(batch.logits))
                continue
            judged = self.calibrated.judge(batch.logits, batch.features)
            yield Told(batch.index, judged.probabilities, judged)


def model_digest(folder: Path) -> str:
    """16 hexadecimal digits that stand for a model folder's sizes and weights."""
    return digest(*(_of_file(folder / name) for name in MODEL_FILES))


def calibration_digest(made: Calibrated) -> str:
    """16 hexadecimal digits that stand for all that a calibration judges by."""
    facts = (made.shown, made.classes, made.temperature, made.conformal, made.score, made.reject,
             made.lapse)  # fmt: skip
    arrays = {} if made.distances is None else made.distances.arrays()
    return digest(
        repr(facts).encode(),
        *(part for name in sorted(arrays) for part in (name.encode(), arrays[name].tobytes())),
    )


def _of_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
