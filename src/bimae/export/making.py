"""A model to files that were run and found to say what it says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.errors import ModelError
from bimae.export.agreement import Agreement, Answers, accuracy, as_accurate, compared
from bimae.export.deployed import Deployed
from bimae.export.nameplate import Nameplate
from bimae.export.program import open_torch, runs, traced, write_onnx, write_torch
from bimae.export.quantised import quantise, with_thresholds
from bimae.export.runtime import Exported, open_onnx
from bimae.export.sensor import Turned
from bimae.predict.calibrated import Calibrated
from bimae.predict.conformal import Covered, covered, fit_conformal
from bimae.predict.network import Network
from bimae.predict.stream import Answerer
from bimae.predict.unknown import reject_threshold

BATCHES = (1, 7)  # samples at a time that a file is tried with


@dataclass(frozen=True)
class Chosen:
    """Some samples of a data set.

    Attributes:
        samples: The data set.
        indices: Which of them, in this order; at least one.
    """

    samples: SeedDataset
    indices: Sequence[int]

    def asked(self, answerer: Answerer, batch_size: int = 64) -> Answers:
        """What somebody says of them."""
        return Answers.of(answerer, self.samples, self.indices, batch_size)

    def of(self, exported: Exported, batch_size: int = 64) -> Answers:
        """What a file says of them."""
        return self.asked(exported.on(self.samples), batch_size)


@dataclass(frozen=True)
class Subject:
    """A model that is exported.

    Attributes:
        turned: It, turned to its sensor.
        folder: Its model folder.
        plate: What the file is to say of itself.
        calibrated: For the sensor; None: probabilities are all that comes out.
    """

    turned: Turned
    folder: Path
    plate: Nameplate
    calibrated: Calibrated | None

    def deployed(self) -> Deployed:
        """All of it as one module."""
        turned = self.turned
        return Deployed(turned.model, turned.looks, len(turned.picks), self.calibrated)

    def network(self) -> Network:
        """Who answers for `bimae predict` with the model folder."""
        turned = self.turned
        return Network(
            turned.model, self.folder, turned.shown, turned.looks, self.calibrated,
            self.plate.simulated,
        )  # fmt: skip


@dataclass(frozen=True)
class Rounded:
    """What 8 bits did, on calibration samples.

    Attributes:
        samples: How many.
        before: Accuracy of the model.
        after: Of the file.
        same_class: Share of the samples for which both name the same class.
        sets: How the file's sets do; None where it is not calibrated.
        rejected: Share that the file rejects; None likewise.
    """

    samples: int
    before: float
    after: float
    same_class: float
    sets: Covered | None = None
    rejected: float | None = None


def made(subject: Subject, path: Path, chosen: Chosen) -> tuple[Exported, Agreement]:
    """Writes a file, runs it on samples, and holds it against the model.

    Args:
        subject: The model.
        path: The file: `.onnx`, or any other name for one of torch.export.
        chosen: What it is tried with.

    Raises:
        ModelError: It says something else than the model.
    """
    program = traced(subject.deployed(), subject.plate)
    onnx = path.suffix == ".onnx"
    (write_onnx if onnx else write_torch)(program, subject.plate, path)
    exported = open_onnx(path) if onnx else open_torch(path)
    true = chosen.asked(subject.network())
    told = [_held(subject, true, chosen.of(exported, size)) for size in BATCHES]
    worst = max(told, key=lambda one: (not one.holds, one.probabilities))
    if not worst.holds:
        raise ModelError(
            f"the exported file disagrees with the model ({worst}); it is not kept. Please report "
            "this with the model's config.json and the versions of torch and onnxruntime"
        )
    return exported, worst


def _held(subject: Subject, true: Answers, found: Answers) -> Agreement:
    made = subject.calibrated
    if made is None:
        return compared(true, found)
    return compared(true, found, made.conformal.thresholds, made.reject.value)


def rounded(
    subject: Subject, source: Exported, path: Path, chosen: Chosen, truth: NDArray[np.int64]
) -> tuple[Exported, Rounded]:
    """Writes a file with products of 8 bits, and finds out what that did.

    Sets and rejections get thresholds from what the file itself says of the samples.

    Args:
        subject: The model.
        source: Its ONNX file.
        path: The new file.
        chosen: Calibration samples; not learned from.
        truth: [N] class numbers.

    Raises:
        ModelError: Accuracy moves by more than 0.5 points and by more than one sample.
    """
    plate = replace(source.plate, precision="int8")
    quantise(source.path, plate, path)
    true, found = chosen.asked(subject.network()), chosen.of(open_onnx(path))
    before, after = accuracy(true, truth), accuracy(found, truth)
    if not as_accurate(before, after, len(truth)):
        raise ModelError(
            f"with 8 bits accuracy on {len(truth)} calibration samples is {after:.3f}, and "
            f"{before:.3f} without; 0.5 points or one sample are allowed, and the file is not "
            "kept. Leave out --int8, or give more calibration data if these are few"
        )
    same = float((true.odds.argmax(axis=1) == found.odds.argmax(axis=1)).mean())
    told = Rounded(len(truth), before, after, same)
    made = subject.calibrated
    if made is None or found.strangeness is None:
        return open_onnx(path), told
    conformal = fit_conformal(
        found.odds, truth, alpha=made.conformal.alpha, per_class=made.conformal.per_class
    )
    reject = reject_threshold(found.strangeness, made.reject.share)
    with_thresholds(path, plate, conformal, reject)
    exported = open_onnx(path)
    again = chosen.of(exported)
    assert again.sets is not None and again.rejected is not None, "calibrated"
    rejected = float(again.rejected.mean())
    return exported, replace(told, sets=covered(again.sets, truth), rejected=rejected)


def as_it_is(subject: Subject) -> Exported:
    """The model in PyTorch, taking the same inputs as the file."""
    return Exported(subject.folder, subject.plate, runs(subject.deployed()), device="torch")
