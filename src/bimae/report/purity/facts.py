"""What a purity report is made of."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import bimae
from bimae.data import SeedDataset
from bimae.errors import count
from bimae.predict.calibrated import Calibrated
from bimae.predict.lot import Lot
from bimae.predict.lot_figures import LotFigures
from bimae.report.purity.cautions import Caution, cautions
from bimae.report.purity.words import SIMULATED, percent, short

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Facts:
    """All that a report is made of.

    Attributes:
        samples: The seeds.
        lot: What they were called.
        figures: What that says of the lot.
        calibrated: What answers were judged by; None where the model was taken as it is.
        shown: The views and bands that the model was shown, in words.
        model: What the model is called.
        fingerprint: First 12 hexadecimal digits of the SHA-256 of its weights.
        about: What its folder tells (`report.card`).
        made: When, in UTC.
        level: Confidence of the intervals.
        notes: What else a person should know of how the seeds came here; sentences without a stop.
        learned: Numbers of the seeds that the model learned from.
        fitted: Of others that it was calibrated with.
    """

    samples: SeedDataset
    lot: Lot
    figures: LotFigures
    calibrated: Calibrated | None
    shown: str
    model: str
    fingerprint: str
    about: Mapping[str, Any]
    made: str
    level: float
    notes: tuple[str, ...] = ()
    learned: Sequence[int] = ()
    fitted: Sequence[int] = ()

    @property
    def name(self) -> str:
        """What the lot is called."""
        return self.samples.info.name or self.samples.root.resolve().name

    @cached_property
    def simulated(self) -> tuple[str, ...]:
        """What no camera was involved in: the lot, the model's training, its calibration."""
        learned = self.about.get("data", {}).get("simulated", False)
        calibration = self.calibration.get("simulated", False)
        found = (
            ("the seeds of this lot", self.samples.info.simulated),
            ("the images that the model learned from", learned),
            ("the images that it was calibrated with", calibration),
        )
        return tuple(name for name, is_so in found if is_so)

    @property
    def title(self) -> str:
        """Of every output."""
        mark = f"{SIMULATED}: " * bool(self.simulated)
        return f"{mark}purity of {self.name}, crop {self.figures.crop}"

    @property
    def calibration(self) -> dict[str, Any]:
        """The data of the calibration; empty without one."""
        return {} if self.calibrated is None else dict(self.calibrated.facts.get("data", {}))

    @property
    def checked(self) -> dict[str, Any]:
        """What the check of the calibration found; empty without one."""
        return {} if self.calibrated is None else dict(self.calibrated.facts.get("checked", {}))

    @cached_property
    def cautions(self) -> tuple[Caution, ...]:
        """What a reader must know, the grave ones first."""
        return cautions(self)

    @property
    def warnings(self) -> tuple[str, ...]:
        """All of that, in plain sentences."""
        return tuple(one.text for one in self.cautions)

    @property
    def grave(self) -> tuple[str, ...]:
        """Those for which the purity is not to be relied on: told before any figure."""
        return tuple(one.text for one in self.cautions if one.grave)

    @property
    def lesser(self) -> tuple[str, ...]:
        """The others."""
        return tuple(one.text for one in self.cautions if not one.grave)

    def model_facts(self) -> list[tuple[str, str]]:
        """About the model and its calibration: names and values, for people."""
        learned = self.about.get("data", {})
        told = [
            ("Model", self.model),
            ("Fingerprint of its weights (SHA-256)", self.fingerprint),
            ("Made", str(self.about.get("made", "unknown"))),
            ("Learned from", _data(learned)),
            ("Shown", self.shown),
            ("Classes", f"{len(self.lot.classes)}: {', '.join(self.lot.classes)}"),
        ]
        if self.calibrated is None:
            return [*told, ("Calibration", "none")]
        checked = self.checked
        told += [
            ("Calibrated on", f"{_data(self.calibration)}; {self.calibration.get('parts', '')}"),
            ("Calibrated at", str(self.calibration.get("made", "unknown"))),
            ("Temperature", f"{self.calibrated.temperature:.3f}"),
        ]
        if checked:
            cover = checked["coverage"]
            told += [
                (
                    "Sets in its check",
                    f"hold the true class in {percent(cover['coverage'])} of "
                    f"{count(cover['samples'], 'seed')}; "
                    f"{short(1 - self.calibrated.conformal.alpha)} asked for",
                ),
                (
                    "Rejected in its check",
                    f"{percent(checked['rejected'])} of {count(checked['samples'], 'known seed')}; "
                    f"{short(self.calibrated.reject.share)} asked for",
                ),
            ]
        return told

    def lot_facts(self) -> list[tuple[str, str]]:
        """About the seeds: names and values, for people."""
        samples, info = self.samples, self.samples.info
        nm = samples.wavelengths_nm
        groups = len({group for group in samples.groups if group is not None})
        told = [
            ("Lot", self.name),
            ("Seeds", f"{len(samples):,}" + f" in {count(groups, 'tray')}" * bool(groups)),
            ("Fingerprint of the data", samples.fingerprint),
        ]
        if info.photos_alone:
            told.append(("Spectra", "none: photos alone"))
        else:
            reach = f", {nm[0]:.0f} to {nm[-1]:.0f} nm" if nm else ""
            told.append(("Bands", f"{samples.bands}{reach}"))
        unit = "" if info.photos_alone else info.unit
        for name, value in (("Sensor", info.sensor), ("Values", unit), ("RGB", info.rgb),
                            ("Source", info.source)):  # fmt: skip
            told += [(name, value)] * bool(value)
        stated = "SIMULATED" if info.simulated else "not said to be simulated"
        told.append(("Real or simulated", stated))
        return [*told, ("Report made", f"{self.made} by bimae {bimae.__version__}")]


def weights_fingerprint(folder: Path) -> str:
    """First 12 hexadecimal digits of the SHA-256 of a model's weights."""
    with (folder / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _data(told: Mapping[str, Any]) -> str:
    """Name and fingerprint of a data set."""
    simulated = "SIMULATED " * bool(told.get("simulated"))
    name = f"{simulated}{told.get('name', 'unknown')}"
    return f"{name} ({told['fingerprint']})" if told.get("fingerprint") else name
