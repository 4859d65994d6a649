"""How stored samples are read for one model.

Shapes: B batch, n channels (picked bands, or averages of bands), S side of a spectral image,
H side of the RGB image, C stored bands.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bimae.data.completion import Completion, Rows
from bimae.data.shapes import DEVIATIONS
from bimae.data.transforms import Mix
from bimae.spectra import BandWeights

Scale = Literal["before", "after", "standard", "shape", "whitened"]
ALONE = ("after", "shape", "whitened")
"""Scales that set a band against others: of a single one nothing is left."""
Standard = tuple[tuple[float, float], ...]
Within = Rows


class Standardised(Protocol):
    """What says how spectra are scaled; a `ModelConfig` does."""

    @property
    def standard(self) -> Standard | None:
        """Mean and deviation of every stored band, where spectra are brought to these."""

    @property
    def log_floor(self) -> float | None:
        """Least value that a logarithm is taken of, where the shape of spectra is read."""

    @property
    def within(self) -> Within | None:
        """What moves each band inside one object, where the shapes of spectra are whitened."""


class Reader(Protocol):
    """What a model's configuration says about how it reads; a `ClassifierConfig` does."""

    @property
    def modality(self) -> Literal["bimodal", "hs", "rgb"]:
        """Which views it looks at."""

    @property
    def bands(self) -> tuple[int, ...]:
        """The band of each channel; empty where it reads no spectra."""

    @property
    def scale(self) -> Scale:
        """Spectra are scaled before or after the bands are picked or averaged, or by a standard."""

    @property
    def standard(self) -> Standard | None:
        """Mean and deviation of every stored band, where spectra are brought to these."""

    @property
    def log_floor(self) -> float | None:
        """Least value that a logarithm is taken of, where the shape of spectra is read."""

    @property
    def within(self) -> Within | None:
        """What moves each band inside one object, where the shapes of spectra are whitened."""

    @property
    def among(self) -> Within | None:
        """What moves each band from object to object, where bands that lack are made up."""

    @property
    def band_weights(self) -> tuple[BandWeights, ...] | None:
        """What is averaged for each channel, or None where every one is a single band."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of their numbers."""


@dataclass(frozen=True)
class Reading:
    """How stored samples are read for one model.

    Attributes:
        modality: Which views are looked at.
        bands: The bands to pick, or None for all.
        scale: Min-max scaling `before` or `after` the bands are picked or averaged, or `standard`:
            each channel by its mean and deviation, whatever others there are; or `shape`: of each
            channel the logarithm, less its mean over the channels that are there; or that
            `whitened`.
        standard: Mean and deviation of every stored band, in the unit of the images; with
            `shape`, of the shapes of spectra.
        log_floor: With `shape`: values below it count as it.
        within: With `whitened`: for each stored band, in its deviations, by how much each of some
            causes moves it inside one object.
        completion: What is known of all bands of the model's sensor, which are then made up from
            those that are read; None: only these are shown.
        among: With `completion`: for each stored band, what moves it from object to object.
        classes: Class names in the order of their numbers; None: labels are not read.
        weights: Averages of bands to read in the place of single ones, (band, weight) pairs for
            each channel; None where every channel is one of `bands`.
    """

    modality: Literal["bimodal", "hs", "rgb"] = "bimodal"
    bands: tuple[int, ...] | None = None
    scale: Scale = "before"
    classes: tuple[str, ...] | None = None
    weights: tuple[BandWeights, ...] | None = None
    standard: Standard | None = None
    log_floor: float | None = None
    within: Within | None = None
    completion: Completion | None = None
    among: Within | None = None

    @classmethod
    def of(cls, config: Reader, *, labels: bool = True) -> "Reading":
        """How a classifier reads; the one place that knows, so that none forgets its filters.

        Args:
            config: The classifier's configuration.
            labels: Whether labels are read too.
        """
        classes = config.classes if labels else None
        bands = config.bands or None
        return cls(
            config.modality,
            bands,
            config.scale,
            classes,
            config.band_weights,
            config.standard,
            config.log_floor,
            config.within,
            cls.completion_of(config),
            config.among,
        )

    @staticmethod
    def completion_of(config: Reader) -> Completion | None:
        """What makes up the bands that lack; None for a model that is shown what is there."""
        if config.among is None:
            return None
        assert config.standard is not None, "the configuration was checked"
        assert config.within is not None, "the configuration was checked"
        return Completion(config.standard, config.within, config.among)

    @classmethod
    def whole(cls, model: Standardised) -> "Reading":
        """How a pretrained model reads: both views and every band, no labels."""
        scale: Scale = "standard" if model.standard else "before"
        if model.log_floor is not None:
            scale = "shape" if model.within is None else "whitened"
        return cls(
            scale=scale, standard=model.standard, log_floor=model.log_floor, within=model.within
        )

    def reference(self) -> Tensor | None:
        """[2, n] what is taken off each channel and what it is multiplied by; None: per pixel."""
        if self.scale in ("before", "after") or self.modality == "rgb":
            return None
        assert self.standard is not None, "a standard is needed to scale by"
        mean, deviation = self._of_channels(np.asarray(self.standard)).T
        # of shapes, the mean over the bands that are there goes off too before there is a middle
        least = mean if self.log_floor is not None else mean - DEVIATIONS * deviation
        found = np.stack([least, 1 / (2 * DEVIATIONS * deviation)])
        return torch.from_numpy(found.astype(np.float32))

    def factors(self) -> Tensor | None:
        """[n, F] `within` of each channel, in its own deviations; None: nothing is whitened.

        Where bands that lack are made up, `among` of each channel.
        """
        if self.within is None or self.modality == "rgb":
            return None
        if self.completion is not None:
            assert self.among is not None, "completion needs it"
            found = self._of_channels(np.asarray(self.among))
            return torch.from_numpy(found.astype(np.float32))
        deviation = np.asarray(self.standard)[:, 1:]
        found = self._of_channels(np.asarray(self.within) * deviation)
        return torch.from_numpy((found / self._of_channels(deviation)).astype(np.float32))

    def target(self) -> Tensor | None:
        """[C, F] see `Completion`; None where bands that lack are not made up."""
        if self.completion is None or self.modality == "rgb":
            return None
        return self.completion.target

    def _of_channels(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the stored bands [C, k] to those of the channels [n, k]."""
        if self.weights is not None:
            mix = Mix.of(self.weights)
            return np.asarray(mix.matrix.astype(np.float64) @ values[mix.bands])
        return values if self.bands is None else values[list(self.bands)]
