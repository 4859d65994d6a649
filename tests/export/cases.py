"""Models of every kind that can be exported, with fresh weights, and a calibration of each."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bimae.data import SeedDataset
from bimae.evaluate.looks import look
from bimae.export.deployed import Deployed
from bimae.export.nameplate import Nameplate
from bimae.export.program import runs
from bimae.export.runtime import Exported
from bimae.export.sensor import Turned
from bimae.model import ClassifierConfig, SeedClassifier
from bimae.predict.calibrate import listen
from bimae.predict.calibrated import Calibrated, Score
from bimae.predict.conformal import fit_conformal
from bimae.predict.mahalanobis import fit_mahalanobis
from bimae.predict.network import Network
from bimae.predict.temperature import probabilities
from bimae.predict.unknown import reject_threshold
from bimae.spectra import band_shares
from tests.model.small import CONFIG

BANDS = 12
PICKED = (7, 2, 10)
FILTERS = (((3, 0.25), (4, 0.5), (5, 0.25)), ((9, 1.0),), ((6, 0.5), (7, 0.5)))


def classifier(data: SeedDataset, scale: str = "after", **changes: Any) -> SeedClassifier:
    """A classifier of these data; `positions` and `tokens` are those of its sizes."""
    nm = data.wavelengths_nm
    assert nm is not None
    sizes = replace(
        CONFIG,
        bands=BANDS,
        hs_size=8,
        rgb_size=48,
        band_positions=changes.pop("positions", "learned"),
        band_tokens=changes.pop("tokens", "sum"),
        wavelengths_nm=nm,
        widths_nm=tuple(band_shares(nm)),
        **measured(scale),
    )
    reads = changes.get("modality") != "rgb"
    own: dict[str, Any] = {
        "bands": tuple(range(BANDS)) if reads else (),
        "scale": scale,
        "wavelengths_nm": nm,
    }
    return SeedClassifier(ClassifierConfig(sizes, tuple(data.classes), **(own | changes))).eval()


def told_apart(model: SeedClassifier, data: SeedDataset, bands: str) -> SeedClassifier:
    """With a head for which samples differ: a fresh one calls all of them the same."""
    looks = look(model, data, bands=bands, labels=False)
    said = listen(model, data, range(0, len(data), 3), looks).features
    weight, bias = model.head.weight.data, model.head.bias.data  # type: ignore[union-attr]
    weight *= 2 / float((said - said.mean(axis=0)).std() * weight.std() * said.shape[1] ** 0.5)
    bias[:] = -weight @ torch.from_numpy(said.mean(axis=0))  # type: ignore[operator]
    look(model, data)  # turned back
    return model


def measured(scale: str) -> dict[str, Any]:
    """What a scale needs to know, made up; in bytes, which the simulated spectra are."""
    rng = np.random.default_rng(7)
    means = rng.normal(0, 0.3, BANDS) if scale in ("shape", "whitened") else [90.0] * BANDS
    deviations = rng.uniform(0.2, 0.5, BANDS) * (1 if scale in ("shape", "whitened") else 90)
    known: dict[str, Any] = {}
    if scale in ("standard", "shape", "whitened"):
        known["standard"] = tuple(zip(map(float, means), map(float, deviations), strict=True))
    if scale in ("shape", "whitened"):
        known["log_floor"] = 1.5
    if scale == "whitened":
        known["within"] = rows(rng.normal(0, 0.4, (BANDS, 4)))
    return known


def among() -> tuple[tuple[float, ...], ...]:
    """What moves shapes from object to object, made up."""
    return rows(np.random.default_rng(8).normal(0, 1.0, (BANDS, 5)))


def rows(table: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in table)


def calibration(turned: Turned, data: SeedDataset, score: Score = "relative") -> Calibrated:
    """A calibration that has something to say: sets of several classes, some seeds rejected."""
    said = listen(turned.model, data, range(len(data)), turned.looks)
    odds = probabilities(said.logits, 0.5)
    distances = fit_mahalanobis(said.features, said.truth)
    network = Network(turned.model, Path(), turned.shown, turned.looks)
    made = Calibrated(
        turned.shown,
        network.classes,
        0.5,
        fit_conformal(odds, said.truth, alpha=0.4),
        score,
        reject_threshold(np.zeros(100), 0.1),
        distances=distances if score in ("mahalanobis", "relative") else None,
    )
    strange = made.judge(said.logits, said.features).strangeness
    return replace(made, reject=reject_threshold(strange, 0.3))


def eager(turned: Turned, plate: Nameplate, calibrated: Calibrated | None) -> Exported:
    """What will be exported, run by PyTorch as it is."""
    deployed = Deployed(turned.model, turned.looks, len(turned.picks), calibrated)
    return Exported(Path("deployed"), plate, runs(deployed), device="cpu")
