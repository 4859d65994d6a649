"""The model: what it looks at, and its answers to samples of one sensor. One thread only.

A model of any sensor is turned to the bands of a sample, which changes it: whoever asks must be
alone with it, and ask for samples of one sensor at a time.

Shapes: N samples, K classes, C bands.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from bimae.data import DatasetInfo
from bimae.data.dataset import StoredImages
from bimae.data.given import GivenSamples
from bimae.data.importing.finish import in_steps
from bimae.data.loading import seed_loader
from bimae.errors import DataError, ModelError
from bimae.evaluate.answers import answers
from bimae.evaluate.looks import Looks, look
from bimae.evaluate.sensor import Learned, stored_as
from bimae.explain import Explanation, explain_sample
from bimae.model import SeedClassifier, model_folder
from bimae.predict.calibrated import Calibrated, Judged, find, load
from bimae.predict.shown import Shown
from bimae.predict.temperature import probabilities
from bimae.report.card import read_about
from bimae.report.purity import weights_fingerprint
from bimae.serve.limits import Refused
from bimae.serve.upload import HS, RGB, Upload, Wanted

Modality = Literal["bimodal", "hs", "rgb"]


@dataclass(frozen=True)
class Sensor:
    """With which cameras a sample was made: samples of one are answered together.

    Attributes:
        modality: The views that are there and looked at.
        bands: How many.
        wavelengths_nm: Their centres, or None where unknown.
        fwhm_nm: Their widths, or None where unknown.
        unit: Of the spectra that the model is shown; empty where unknown.
    """

    modality: Modality
    bands: int
    wavelengths_nm: tuple[float, ...] | None
    fwhm_nm: tuple[float, ...] | None
    unit: str = ""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a model says of a sample.

    Attributes:
        probabilities: [K], calibrated where `judged` is there.
        inside: bool [K] the conformal set; None where not calibrated.
        rejected: Whether it is taken to be of none of the classes; None where not calibrated.
        strangeness: What that is decided by; None where not calibrated.
        shown: The views, for people.
        notes: What a person should know.
    """

    probabilities: NDArray[np.float64]
    inside: NDArray[np.bool_] | None
    rejected: bool | None
    strangeness: float | None
    shown: str
    notes: tuple[str, ...]


class Answerer:
    """A classifier and its calibrations, ready to be asked.

    Attributes:
        name: Of the model, for people.
        fingerprint: First 12 hexadecimal digits of the SHA-256 of its weights.
        config: As it was trained; turning to a sensor does not change this one.
        about: Facts of its model folder.
        calibrations: One for each sensor that it was calibrated for.
        learned: What the images were that it learned from.
        wanted: What it looks at.
    """

    def __init__(self, path: Path | str) -> None:
        """Loads a model.

        Args:
            path: A run folder, a model folder, or an address on the Hub.

        Raises:
            ModelError: There is none, it is damaged, or its calibration is of another model.
        """
        folder = model_folder(path)
        self._model = SeedClassifier.from_pretrained(folder)
        self.config = self._model.config
        self.about = read_about(folder)
        self.learned = Learned.of(self.about)
        self.name = folder.parent.name if folder.name == "model" else folder.name
        self.fingerprint = weights_fingerprint(folder)
        self.calibrations = load(folder)
        if any(one.classes != self.config.classes for one in self.calibrations):
            raise ModelError(
                f"{folder}: its calibration is of another model (other classes); calibrate it again"
            )
        sizes = self.config.model
        views = {"bimodal": (RGB, HS), "hs": (HS,), "rgb": (RGB,)}[self.config.modality]
        self.wanted = Wanted(
            views,
            not self.config.any_sensor,
            sizes.rgb_size,
            sizes.hs_size,
            sizes.bands,
            sizes.band_positions == "wavelength",
        )
        self._turned: tuple[Sensor, Looks] | None = None
        self._thread = threading.get_ident()

    def adopt(self) -> None:
        """The thread that calls this is the one that asks from now on."""
        self._thread = threading.get_ident()

    def sensor_of(self, upload: Upload) -> Sensor:
        """With which cameras a sample was made."""
        views = upload.views
        modality: Modality = "bimodal" if len(views) == 2 else "hs" if HS in views else "rgb"
        if upload.spectra is None:
            return Sensor(modality, self.config.model.bands, self.config.wavelengths_nm, None)
        bands, unit = upload.spectra.bands, upload.spectra.unit
        return Sensor(modality, bands.count, bands.wavelengths_nm, bands.fwhm_nm, unit)

    def as_learned(self, upload: Upload) -> Upload:
        """Reflectance in 255 steps, where the model learned from such and holds values to them.

        Raises:
            Refused: It is no reflectance in [0, 1] (422).
        """
        spectra, unit = upload.spectra, self.learned.unit
        if spectra is None or spectra.unit != "reflectance":
            return upload
        if stored_as(unit, self.config.scale) != "uint8" or spectra.hs.dtype == np.uint8:
            return upload
        try:
            hs = in_steps(spectra.hs)
        except DataError as error:
            raise Refused(422, f"hs: {error}") from error
        return replace(upload, spectra=replace(spectra, hs=hs, unit=unit))

    def answer(self, sensor: Sensor, uploads: Sequence[Upload]) -> list[Verdict]:
        """Answers to samples of one sensor.

        Raises:
            BimaeError: The model cannot look at what that sensor sees.
        """
        samples = self._samples(sensor, uploads)
        looks = self._looks(sensor, samples)
        shown = Shown.on(self._model.config, looks.reading, samples)
        made, note = self._calibration(shown)
        notes = tuple(text for text in (looks.note, note) if text)
        found: list[Verdict] = []
        for said in answers(
            self._model, samples, range(len(uploads)), looks, batch_size=len(uploads)
        ):
            judged = None if made is None else made.judge(said.logits, said.features)
            odds = probabilities(said.logits) if judged is None else judged.probabilities
            found += [_verdict(i, odds, judged, str(shown), notes) for i in range(len(odds))]
        return found

    def explain(self, sensor: Sensor, upload: Upload) -> tuple[Explanation, Looks]:
        """What carried the answer to one sample, of the class that is likeliest.

        Raises:
            BimaeError: As `answer`.
        """
        samples = self._samples(sensor, [upload])
        looks = self._looks(sensor, samples)
        device = next(self._model.parameters()).device
        rows = None if looks.rows is None else looks.rows.to(device)
        (batch,) = seed_loader(samples, [0], looks.reading, batch_size=1)
        with torch.no_grad():
            hs, rgb = batch.to(device).images(cut=False)
        return explain_sample(self._model, hs, rgb, rows, places=places_of(looks, upload)), looks

    def _samples(self, sensor: Sensor, uploads: Sequence[Upload]) -> GivenSamples:
        def images(number: int) -> StoredImages:
            spectra = uploads[number].spectra
            return StoredImages(uploads[number].rgb, None if spectra is None else spectra.hs)

        return GivenSamples(
            images,
            [None] * len(uploads),
            bands=sensor.bands,
            hs_size=self.wanted.hs_size,
            rgb_size=self.wanted.rgb_size,
            info=DatasetInfo(
                wavelengths_nm=sensor.wavelengths_nm, fwhm_nm=sensor.fwhm_nm, unit=sensor.unit
            ),
            name=HS,
        )

    def _looks(self, sensor: Sensor, samples: GivenSamples) -> Looks:
        """What the model is shown of a sensor; turned to it where it is not yet."""
        assert threading.get_ident() == self._thread, "another thread may be turning the model"
        if self._turned is None or self._turned[0] != sensor:
            self._turn_back()
            looks = look(
                self._model, samples, modality=sensor.modality, labels=False, learned=self.learned
            )
            self._turned = sensor, looks
        return self._turned[1]

    def _turn_back(self) -> None:
        """To the sensor that it was trained with: what is known of bands is known of that one."""
        self._turned = None
        model = self._model
        if model.config is self.config:
            return
        model.config = self.config
        model.bands = torch.tensor(self.config.bands, dtype=torch.long, device=model.bands.device)
        model.trunk.look_at(self.config.model)
        if model.discriminant is not None:
            model.discriminant.turn_back()

    def _calibration(self, shown: Shown) -> tuple[Calibrated | None, str]:
        """For what is shown, and what to say where there is none."""
        if (found := find(self.calibrations, shown)) is not None:
            return found, ""
        if not self.calibrations:
            return None, (
                "the model is not calibrated: its probabilities are mostly too sure, and nothing "
                "is rejected (bimae calibrate)"
            )
        others = "; ".join(one.shown.whole for one in self.calibrations)
        return None, (
            f"the model is calibrated for {others}, not for {shown.whole}: these probabilities "
            "are the model's own, and nothing is rejected"
        )


def _verdict(
    i: int, odds: NDArray[np.float64], judged: Judged | None, shown: str, notes: tuple[str, ...]
) -> Verdict:
    if judged is None:
        return Verdict(odds[i], None, None, None, shown, notes)
    return Verdict(
        odds[i],
        judged.sets[i],
        bool(judged.rejected[i]),
        float(judged.strangeness[i]),
        shown,
        notes,
    )


def places_of(looks: Looks, upload: Upload) -> list[float] | None:
    """Where the channels lie that are read of a cube, in nm; None where that is unknown."""
    spectra = upload.spectra
    if spectra is None or spectra.bands.wavelengths_nm is None:
        return None
    nm = spectra.bands.wavelengths_nm
    return [nm[number] for number in looks.reading.bands or range(len(nm))]


def facts_of(answerer: Answerer) -> dict[str, Any]:
    """What `GET /model` tells, from the model folder alone."""
    config, about = answerer.config, answerer.about
    data = about.get("data", {})
    return {
        "name": answerer.name,
        "fingerprint": answerer.fingerprint,
        "classes": list(config.classes),
        "views": list(answerer.wanted.views),
        "all_views_needed": answerer.wanted.needed,
        "any_sensor": config.any_sensor,
        "bands": config.model.bands,
        "bands_read": len(config.bands),
        "wavelengths_nm": None if config.wavelengths_nm is None else list(config.wavelengths_nm),
        "hs_size": config.model.hs_size,
        "rgb_size": config.model.rgb_size,
        "scale": config.scale,
        "unit": data.get("unit") or None,
        "simulated": bool(data.get("simulated")),
        "calibration": [
            {"shown": str(row["shown"]), "told": str(row["told"])}
            for row in about.get("calibration", [])
        ],
        "tested": about.get("tested"),
        "made": about.get("made"),
        "versions": about.get("versions", {}),
    }
