"""The sensor that a calibration is for: the one place that tells whether two are the same.

Shapes: n channels, C bands of a sensor. No torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bimae.errors import BandError
from bimae.evaluate.asked import VIEWS
from bimae.evaluate.sensor import Sensed
from bimae.model import ClassifierConfig
from bimae.spectra import BandSelection, BandWeights, band_reach, place_of

if TYPE_CHECKING:
    from bimae.data.reading import Reading  # imports PyTorch

MOST_NM = 5.0
"""Bands of two cameras of one make lie no farther apart. Half the distance between bands, which is
what a model of one sensor bears (`check_sensor`), is less where they are many, but tens of nm where
they are few: that would be another camera, and a model of any sensor answers otherwise for it."""
DIGITS = 1  # of what is kept in nm
FEW = 5  # as many channels are told one by one


@dataclass(frozen=True)
class Shown:
    """What a model is shown: views, and which channels of which sensor.

    Attributes:
        modality: `bimodal`, `hs` or `rgb`.
        bands: As asked for; `auto`: those of the model, of any sensor all that there are.
        channels: How many channels n are read; None where no spectra are, or as long as the data
            are not known.
        nm: [n] their centres in nm; None where unknown.
        widths_nm: [n] how far each averages bands, in nm, 0 for a single band; None where all are
            single bands, or centres are unknown.
    """

    modality: str
    bands: str = "auto"
    channels: int | None = None
    nm: tuple[float, ...] | None = None
    widths_nm: tuple[float, ...] | None = None

    @classmethod
    def of(cls, config: ClassifierConfig, modality: str, bands: str) -> "Shown":
        """What is asked for, before the data are known; modality `auto` is all it looks at."""
        return cls(config.modality if modality == "auto" else modality, bands)

    @classmethod
    def on(
        cls, config: ClassifierConfig, reading: "Reading", samples: Sensed, bands: str = "auto"
    ) -> "Shown":
        """What a model is shown of data.

        Args:
            config: Of the model after `look` has turned it to the data.
            reading: What `look` found is to be read.
            samples: The data.
            bands: As asked for.
        """
        asked = cls(reading.modality, bands)
        if reading.modality == "rgb":
            return asked
        # A model that is turned has the wavelengths of the data. One that is not knows where its
        # bands are, and these are its bands (`check_sensor`), unless it makes up those that lack.
        nm = samples.wavelengths_nm if config.among is not None else None
        return asked._reading(
            reading.bands or range(samples.bands), reading.weights, nm or config.wavelengths_nm
        )

    def on_own(self, config: ClassifierConfig) -> "Shown":
        """The same of the sensor that a model learned from; as it is where that lacks the bands.

        Args:
            config: Of the model as it was trained.
        """
        if self.modality == "rgb":
            return self
        nm = config.wavelengths_nm
        if self.bands == "auto" and not config.any_sensor:
            return self._reading(config.bands, config.band_weights, nm)
        asked = BandSelection("all" if self.bands == "auto" else self.bands)
        try:
            found = asked.channels(config.model.bands, nm)
        except BandError:
            return self
        return self._reading(found.bands, found.weights, nm)

    def _reading(
        self,
        bands: Sequence[int],
        weights: Sequence[BandWeights] | None,
        nm: Sequence[float] | None,
    ) -> "Shown":
        count = len(bands if weights is None else weights)
        if nm is None:
            return replace(self, channels=count)
        picks = weights or [((band, 1.0),) for band in bands]
        places = [place_of(pairs, nm, [0.0] * len(nm)) for pairs in picks]
        return replace(
            self,
            channels=count,
            nm=tuple(round(centre, DIGITS) for centre, _ in places),
            widths_nm=None
            if weights is None
            else tuple(round(width, DIGITS) for _, width in places),
        )

    def apart(self, other: "Shown") -> float | None:
        """How far channels lie from those of another, in nm at most; None: they are not the same.

        As long as the data are not known, any channels of the same views may turn out to be these.

        Args:
            other: What a calibration is for.
        """
        if self.modality != other.modality:
            return None
        if self.channels is None:
            return 0.0
        if self.channels != other.channels:
            return None
        if self.nm is None or other.nm is None:
            return 0.0 if self.bands == other.bands else None
        none = (0.0,) * self.channels
        pairs = (*zip(self.nm, other.nm, strict=True),
                 *zip(self.widths_nm or none, other.widths_nm or none, strict=True))  # fmt: skip
        far = max(abs(a - b) for a, b in pairs)
        return far if far <= min(band_reach(sorted(set(other.nm))), MOST_NM) + 1e-6 else None

    def __str__(self) -> str:
        """For people: `both views`, `RGB`, `spectra of 490nm,560nm`."""
        few = "" if self.bands == "auto" else f" of {self.bands}"
        return VIEWS[self.modality] + few * (self.modality != "rgb")

    @property
    def whole(self) -> str:
        """For people, so that sensors can be told apart: `both views, 20 bands 450-900 nm`."""
        if self.channels is None:
            return str(self)
        word = "band" if self.widths_nm is None else "channel"
        told = f"{self}, {self.channels} {word}{'s' * (self.channels > 1)}"
        if self.nm is None:
            return told
        if self.channels <= FEW:
            return f"{told} at {', '.join(f'{nm:g}' for nm in self.nm)} nm"
        return f"{told} {min(self.nm):g}-{max(self.nm):g} nm"
