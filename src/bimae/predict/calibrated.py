"""What turns raw answers of a classifier into answers to believe; kept in its model folder.

`calibration.safetensors` holds a calibration for each sensor that the model was calibrated with (a
model of any sensor answers for several): numbers as JSON in the file's header, arrays beside them.
One file, so that it is replaced whole.

Shapes: N samples, K classes, D width.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from bimae.errors import ConfigError, ModelError
from bimae.predict.conformal import Conformal
from bimae.predict.mahalanobis import Mahalanobis
from bimae.predict.shown import Shown
from bimae.predict.sureness import with_lapses
from bimae.predict.temperature import probabilities
from bimae.predict.unknown import RejectThreshold, energy, unsureness
from bimae.storage import atomic_path

FILE = "calibration.safetensors"
FORMAT = "2"
READ = ("1", FORMAT)  # the first did not say which channels a calibration is for
Score = Literal["energy", "unsureness", "mahalanobis", "relative"]
SCORES: tuple[Score, ...] = get_args(Score)


@dataclass(frozen=True)
class Judged:
    """Answers, N samples of K classes.

    Attributes:
        probabilities: [N, K] calibrated, rows sum to 1.
        sets: [N, K] which classes are in the conformal set.
        strangeness: [N] the higher, the less like anything learned.
        rejected: [N] whether a sample is taken to be of none of the classes.
    """

    probabilities: NDArray[np.float64]
    sets: NDArray[np.bool_]
    strangeness: NDArray[np.float64]
    rejected: NDArray[np.bool_]


@dataclass(frozen=True)
class Calibrated:
    """A calibration for one sensor.

    Attributes:
        shown: The sensor.
        classes: Of the model.
        temperature: That logits are divided by.
        conformal: Thresholds of the sets.
        score: What strangeness is measured by.
        reject: From where on a sample is rejected.
        facts: What was measured and on which data; for people and reports.
        distances: What `mahalanobis` and `relative` have learned; None for other scores.
        lapse: Share of answers that may be anything, so that none is surer than can be known
            (`fit_lapse`).
    """

    shown: Shown
    classes: tuple[str, ...]
    temperature: float
    conformal: Conformal
    score: Score
    reject: RejectThreshold
    facts: dict[str, Any] = field(default_factory=dict)
    distances: Mahalanobis | None = None
    lapse: float = 0.0

    def probabilities(self, logits: NDArray[Any]) -> NDArray[np.float64]:
        """[N, K] calibrated, of logits [N, K].

        Raises:
            ModelError: A number is not finite.
        """
        return with_lapses(probabilities(logits, self.temperature), self.lapse)

    def judge(self, logits: NDArray[Any], features: NDArray[Any]) -> Judged:
        """Answers from what the classifier said.

        Args:
            logits: [N, K].
            features: [N, D] what its head read.

        Raises:
            ModelError: A number is not finite.
        """
        said = self.probabilities(logits)
        strange = strangeness(self.score, logits, features, self.distances)
        return Judged(said, self.conformal.sets(said), strange, self.reject.rejects(strange))


def strangeness(
    score: Score, logits: NDArray[Any], features: NDArray[Any], distances: Mahalanobis | None
) -> NDArray[np.float64]:
    """[N] how little samples are like anything learned, by one of the scores."""
    if score == "energy":
        return energy(logits)
    if score == "unsureness":
        return unsureness(logits)
    assert distances is not None, "distances are learned where they are the score"
    return distances.score(features) if score == "mahalanobis" else distances.relative(features)


def save(folder: Path, calibrated: Calibrated) -> Calibrated | None:
    """Keeps a calibration in a model folder.

    Returns:
        An older one for the same sensor, which it replaces; None where there was none.

    Raises:
        ModelError: What lies there already cannot be read.
    """
    known = load(folder)
    replaced = replaced_by(calibrated, known)
    others = [one for one in known if one is not replaced]
    arrays: dict[str, NDArray[Any]] = {}
    described = []
    for number, one in enumerate([*others, calibrated]):
        plain = asdict(replace(one, distances=None))
        del plain["distances"]
        if one.reject.value == inf:  # JSON has no infinity
            plain["reject"]["value"] = None
        described.append(plain)
        if one.distances is not None:
            found = one.distances.arrays()
            arrays |= {f"{number}.{name}": np.ascontiguousarray(a) for name, a in found.items()}
    header = {"format": FORMAT, "calibrations": json.dumps(described, ensure_ascii=False)}
    # an array that says nothing: the library refuses to write a file without any
    arrays = arrays or {"none": np.zeros(1)}
    with atomic_path(folder / FILE) as temporary:
        save_file(arrays, temporary, metadata=header)
    return replaced


def replaced_by(new: Calibrated, known: Sequence[Calibrated]) -> Calibrated | None:
    """The calibration for the same sensor as a new one; None where none of those known is."""
    shown = new.shown
    for one in known:
        if one.shown.bands == shown.bands and shown.apart(one.shown) is not None:
            return one
    return None


def load(folder: Path) -> list[Calibrated]:
    """The calibrations of a model folder; none where it was never calibrated.

    Raises:
        ModelError: The file is damaged, or of a later version.
    """
    file = folder / FILE
    if not file.is_file():
        return []
    try:
        with safe_open(file, "numpy") as opened:
            header = opened.metadata() or {}
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file}: not readable ({error}); calibrate the model again") from error
    if header.get("format") not in READ:
        raise ModelError(
            f"{file}: has format {header.get('format')!r}, expected {' or '.join(READ)}; use the "
            "version of bimae that made it, or calibrate the model again"
        )
    try:
        described = json.loads(header["calibrations"])
        found = [_read(plain, number, arrays) for number, plain in enumerate(described)]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{file}: is damaged ({error}); calibrate the model again") from error
    return found if header["format"] == FORMAT else _of_own_sensor(found, folder)


def find(known: Sequence[Calibrated], shown: Shown) -> Calibrated | None:
    """The calibration for a sensor; of several that will do, the one asked for so, and nearest.

    Args:
        known: Of the model.
        shown: What it is shown.
    """
    far = [(shown.apart(one.shown), one) for one in known]
    alike = [(one.shown.bands != shown.bands, nm, one) for nm, one in far if nm is not None]
    return min(alike, key=lambda found: found[:2])[2] if alike else None


def calibration_for(known: Sequence[Calibrated], shown: Shown, where: Path) -> Calibrated | None:
    """The calibration for a sensor; None where the model has none at all.

    Args:
        known: Of the model.
        shown: What it is going to be shown; as long as the data are not known, what can be told.
        where: The model, for the message.

    Raises:
        ConfigError: It was calibrated, but with other sensors, whose temperature and thresholds say
            nothing about this one.
    """
    if not known:
        return None
    found = find(known, shown)
    if found is None:
        others = "; ".join(one.shown.whole for one in known)
        bands = "" if shown.bands == "auto" else f" --bands {shown.bands}"
        raise ConfigError(
            f"{where}: is calibrated for {others}, but is shown {shown.whole}; calibrate it for "
            f"that too (bimae calibrate {where} DATA --modality {shown.modality}{bands}), or ask "
            "for answers that are not calibrated (--calibrated false)"
        )
    return found


def check_classes(calibrated: Calibrated, classes: tuple[str, ...], folder: Path) -> None:
    """Refuses a calibration that is of another model than the one in whose folder it lies.

    Raises:
        ModelError: Its classes are others.
    """
    if calibrated.classes != classes:
        raise ModelError(
            f"{folder}: its calibration is of another model (other classes); calibrate it again"
        )


def _of_own_sensor(found: Sequence[Calibrated], folder: Path) -> list[Calibrated]:
    """Calibrations that did not say of which sensor they are: that of the model, most likely."""
    from bimae.model import SeedClassifier  # noqa: PLC0415 - imports PyTorch

    config = SeedClassifier.read_config(folder)
    return [replace(one, shown=one.shown.on_own(config)) for one in found]


def _read(plain: Mapping[str, Any], number: int, arrays: Mapping[str, Any]) -> Calibrated:
    conformal: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in plain["conformal"].items()
    }
    value = plain["reject"]["value"]
    score: Score = plain["score"]
    if score not in SCORES:
        raise ValueError(f"score {score!r}")
    shown: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in plain["shown"].items()
    }
    own = {k.partition(".")[2]: v for k, v in arrays.items() if k.startswith(f"{number}.")}
    return Calibrated(
        Shown(**shown),
        tuple(plain["classes"]),
        float(plain["temperature"]),
        Conformal(**conformal),
        score,
        RejectThreshold(**{**plain["reject"], "value": inf if value is None else value}),
        dict(plain["facts"]),
        Mahalanobis.of(own) if score in ("mahalanobis", "relative") else None,
        float(plain.get("lapse", 0)),  # the first of this format knew of none
    )
