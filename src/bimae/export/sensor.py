"""What a sensor means for a model that is exported: its channels, its calibration, its nameplate.

Shapes: n channels, C bands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from bimae import __version__
from bimae.data import DatasetInfo
from bimae.data.colours import RgbPixels
from bimae.evaluate.asked import Asked
from bimae.evaluate.looks import Looks, look
from bimae.evaluate.sensor import Learned, Sensed
from bimae.export.nameplate import Judging, Nameplate, Pixels, Spectra
from bimae.model import ClassifierConfig, SeedClassifier
from bimae.predict.calibrated import Calibrated
from bimae.predict.network import calibration_digest, model_digest
from bimae.predict.shown import Shown
from bimae.spectra import BandSelection, BandWeights, band_shares, place_of


@dataclass(frozen=True)
class OwnSensor:
    """The sensor that a model learned from, where no data tell of another.

    Attributes:
        root: What messages call it.
        bands: How many there are.
        wavelengths_nm: Their centres in nm, or None where unknown.
        info: What else is known.
    """

    root: Path
    bands: int
    wavelengths_nm: tuple[float, ...] | None
    info: DatasetInfo

    @classmethod
    def of(cls, config: ClassifierConfig, root: Path) -> "OwnSensor":
        """Of a model."""
        nm, widths = config.wavelengths_nm, config.model.widths_nm
        info = DatasetInfo(wavelengths_nm=nm, fwhm_nm=widths)
        return cls(root, config.model.bands, nm, info)


@dataclass(frozen=True)
class Turned:
    """A model that was turned to the sensor that it is exported for.

    Attributes:
        model: It.
        sensor: Where the channels are from.
        shown: The sensor, which a calibration is for.
        looks: What the model is shown.
    """

    model: SeedClassifier
    sensor: Sensed
    shown: Shown
    looks: Looks

    @classmethod
    def to(cls, model: SeedClassifier, sensor: Sensed, modality: Asked, bands: str) -> "Turned":
        """Turns a model to a sensor.

        Args:
            model: It is changed.
            sensor: All the bands that there are.
            modality: Views that go in; `auto`: all that the model looks at.
            bands: A `BandSelection`; `auto`: the model's own.

        Raises:
            BimaeError: As `look`.
        """
        bands = "auto" if _are_its_own(model.config, sensor, bands) else bands
        looks = look(model, sensor, modality=modality, bands=bands, labels=False)
        return cls(model, sensor, Shown.on(model.config, looks.reading, sensor, bands), looks)

    @property
    def picks(self) -> tuple[BandWeights, ...]:
        """[n] what of the sensor's bands each channel is that goes in.

        Where pixels are scaled over all bands before some are picked, all have to go in.
        """
        reading = self.looks.reading
        if reading.modality == "rgb":
            return ()
        if reading.scale == "before":
            return tuple(((band, 1.0),) for band in range(self.sensor.bands))
        assert reading.bands is not None, "a classifier has bands"
        return reading.weights or tuple(((band, 1.0),) for band in reading.bands)

    def plate(
        self,
        folder: Path,
        about: Mapping[str, Any],
        calibrated: Calibrated | None,
        hs_pixels: Pixels = "float32",
        rgb_pixels: RgbPixels = "uint8",
    ) -> Nameplate:
        """What the file says of itself.

        Args:
            folder: The model folder.
            about: What it says of itself; may be empty.
            calibrated: For this sensor, or None.
            hs_pixels: Type of spectra that go in.
            rgb_pixels: Type of RGB images that go in.
        """
        config, reading = self.model.config, self.looks.reading
        data: Mapping[str, Any] = about.get("data", {})
        learned = Learned.of(about)
        return Nameplate(
            bimae=__version__,
            model=model_digest(folder),
            learned_from=str(data.get("name", "")),
            simulated=bool(data.get("simulated")),
            classes=config.classes,
            modality=reading.modality,
            bands=self.shown.bands,
            shown=str(self.shown),
            scale=reading.scale,
            hs_size=config.model.hs_size,
            rgb_size=config.model.rgb_size,
            hs=None if reading.modality == "rgb" else self._spectra(learned.unit, hs_pixels),
            rgb_pixels=None if reading.modality == "hs" else rgb_pixels,
            judging=None if calibrated is None else _judging(calibrated),
            seed_side=learned.seed_side,
            photo_side=learned.photo_side,
            seed_areas=learned.seed_areas,
            rgb="" if reading.modality == "hs" else learned.rgb,
        )

    def _spectra(self, unit: str, pixels: Pixels) -> Spectra:
        nm = self.sensor.wavelengths_nm
        picks, places = self.picks, None
        if nm is not None:
            widths = self.sensor.info.fwhm_nm or band_shares(nm)
            places = [place_of(pairs, nm, widths) for pairs in picks]
        return Spectra(
            pixels,
            unit,
            picks,
            None if places is None else tuple(centre for centre, _ in places),
            None if places is None else tuple(width for _, width in places),
            self.sensor.bands,
            nm,
        )


def colours_learned(about: Mapping[str, Any]) -> RgbPixels | None:
    """Numbers that the RGB images came in that a model learned from; None where unknown.

    Args:
        about: What the model folder says of itself; may be empty.
    """
    found = about.get("data", {}).get("rgb_pixels")
    return found if found in get_args(RgbPixels) else None


def _are_its_own(config: ClassifierConfig, sensor: Sensed, bands: str) -> bool:
    """Whether a model of one sensor is asked for the very bands that it reads."""
    if bands == "auto" or config.any_sensor or config.modality == "rgb":
        return False
    if sensor.bands != config.model.bands:
        return False
    asked = BandSelection(bands).channels(sensor.bands, sensor.wavelengths_nm)
    return (asked.bands, asked.weights) == (config.bands, config.band_weights)


def _judging(made: Calibrated) -> Judging:
    data: Mapping[str, Any] = made.facts.get("data", {})
    return Judging(
        alpha=made.conformal.alpha,
        per_class=made.conformal.per_class,
        temperature=made.temperature,
        thresholds=made.conformal.thresholds,
        score=made.score,
        reject=made.reject.value,
        reject_share=made.reject.share,
        samples=sum(made.conformal.samples),
        data=str(data.get("name", "")),
        digest=calibration_digest(made),
        lapse=made.lapse,
    )
