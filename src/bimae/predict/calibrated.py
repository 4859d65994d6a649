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
from bimae.model import ClassifierConfig
from bimae.predict.conformal import Conformal
from bimae.predict.mahalanobis import Mahalanobis
from bimae.predict.temperature import probabilities
from bimae.predict.unknown import RejectThreshold, energy, unsureness
from bimae.storage import atomic_path

FILE = "calibration.safetensors"
FORMAT = "1"
Score = Literal["energy", "unsureness", "mahalanobis", "relative"]
SCORES: tuple[Score, ...] = get_args(Score)


@dataclass(frozen=True)
class Shown:
    """The sensor that a calibration is for.

    Attributes:
        modality: `bimodal`, `hs` or `rgb`.
        bands: As asked for; `auto`: those of the model, of any sensor all that there are.
    """

    modality: str
    bands: str = "auto"

    @classmethod
    def of(cls, config: ClassifierConfig, modality: str, bands: str) -> "Shown":
        """What a model is shown; modality `auto` is all that it looks at."""
        return cls(config.modality if modality == "auto" else modality, bands)

    def __str__(self) -> str:
        """For people: `both views`, `RGB`, `spectra of 490nm,560nm`."""
        few = "" if self.bands == "auto" else f" of {self.bands}"
        return {"bimodal": f"both views{few}", "hs": f"spectra{few}", "rgb": "RGB"}[self.modality]


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
    """

    shown: Shown
    classes: tuple[str, ...]
    temperature: float
    conformal: Conformal
    score: Score
    reject: RejectThreshold
    facts: dict[str, Any] = field(default_factory=dict)
    distances: Mahalanobis | None = None

    def judge(self, logits: NDArray[Any], features: NDArray[Any]) -> Judged:
        """Answers from what the classifier said.

        Args:
            logits: [N, K].
            features: [N, D] what its head read.

        Raises:
            ModelError: A number is not finite.
        """
        said = probabilities(logits, self.temperature)
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


def save(folder: Path, calibrated: Calibrated) -> None:
    """Keeps a calibration in a model folder; it replaces an older one for the same sensor.

    Raises:
        ModelError: What lies there already cannot be read.
    """
    others = [known for known in load(folder) if known.shown != calibrated.shown]
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
    if header.get("format") != FORMAT:
        raise ModelError(
            f"{file}: has format {header.get('format')!r}, expected {FORMAT!r}; use the version of "
            "bimae that made it, or calibrate the model again"
        )
    try:
        described = json.loads(header["calibrations"])
        return [_read(plain, number, arrays) for number, plain in enumerate(described)]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{file}: is damaged ({error}); calibrate the model again") from error


def calibration_for(known: Sequence[Calibrated], shown: Shown, where: Path) -> Calibrated | None:
    """The calibration for a sensor; None where the model has none at all.

    Args:
        known: Of the model.
        shown: What it is going to be shown.
        where: The model, for the message.

    Raises:
        ConfigError: It was calibrated, but with other sensors, whose temperature and thresholds say
            nothing about this one.
    """
    if not known:
        return None
    found = next((one for one in known if one.shown == shown), None)
    if found is None:
        others = "; ".join(str(one.shown) for one in known)
        bands = "" if shown.bands == "auto" else f" --bands {shown.bands}"
        raise ConfigError(
            f"{where}: is calibrated for {others}, but is shown {shown}; calibrate it for that too "
            f"(bimae calibrate {where} DATA --modality {shown.modality}{bands}), or ask for "
            "answers that are not calibrated (--calibrated false)"
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


def _read(plain: Mapping[str, Any], number: int, arrays: Mapping[str, Any]) -> Calibrated:
    conformal: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in plain["conformal"].items()
    }
    value = plain["reject"]["value"]
    score: Score = plain["score"]
    if score not in SCORES:
        raise ValueError(f"score {score!r}")
    own = {k.partition(".")[2]: v for k, v in arrays.items() if k.startswith(f"{number}.")}
    return Calibrated(
        Shown(**plain["shown"]),
        tuple(plain["classes"]),
        float(plain["temperature"]),
        Conformal(**conformal),
        score,
        RejectThreshold(**{**plain["reject"], "value": inf if value is None else value}),
        dict(plain["facts"]),
        Mahalanobis.of(own) if score in ("mahalanobis", "relative") else None,
    )
