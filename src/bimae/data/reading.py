"""How stored samples are read for one model, and a batch of them as they are stored.

Shapes: B batch, n channels (picked bands, or averages of bands), S side of a spectral image,
H side of the RGB image, C stored bands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bimae.data.batch import Batch
from bimae.data.completion import Completion
from bimae.data.dataset import SeedDataset
from bimae.data.shapes import DEVIATIONS, above, level_of
from bimae.data.transforms import Mix, one_over, scale_spectra
from bimae.spectra import BandWeights

Scale = Literal["before", "after", "standard", "shape", "whitened"]
ALONE = ("after", "shape", "whitened")
"""Scales that set a band against others: of a single one nothing is left."""
Standard = tuple[tuple[float, float], ...]
Within = tuple[tuple[float, ...], ...]


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
        return self.completion.target()

    def _of_channels(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the stored bands [C, k] to those of the channels [n, k]."""
        if self.weights is not None:
            mix = Mix.of(self.weights)
            return np.asarray(mix.matrix.astype(np.float64) @ values[mix.bands])
        return values if self.bands is None else values[list(self.bands)]


class Stack:
    """Images of one kind, put together one by one; bytes until an image comes that is none.

    Attributes:
        values: [B, ...] uint8 or float32.
    """

    def __init__(self, count: int, top: float = 1.0) -> None:
        """Takes `count` images, of which a byte is `top` times the float32 number."""
        self.count, self.top = count, top
        self.values: NDArray[Any] = np.empty(0)

    def put(self, place: int, image: NDArray[Any]) -> None:
        """Puts an image in its place; the first one fixes the shape."""
        if place == 0:
            self.values = np.empty((self.count, *image.shape), image.dtype)
        elif image.dtype != self.values.dtype:
            self.values, image = self._numbers(self.values), self._numbers(image)
        self.values[place] = image

    @property
    def tensor(self) -> Tensor | None:
        """The same memory as a tensor; None where no image was put."""
        return torch.from_numpy(self.values) if self.values.size else None

    def _numbers(self, values: NDArray[Any]) -> NDArray[np.float32]:
        if values.dtype == np.float32:
            return values
        return values.astype(np.float32) / np.float32(self.top)


def read_batch(
    samples: SeedDataset,
    indices: Sequence[int],
    reading: Reading,
    mix: Mix | None = None,
    *,
    compact: bool = False,
) -> Batch:
    """Samples as they are stored, bands first, with what scales each pixel; no labels.

    Args:
        samples: The data set.
        indices: Which of its samples.
        reading: Views, bands and scaling.
        mix: `Mix.of(reading.weights)` where it has weights, made once for all batches.
        compact: Whether to look if RGB numbers are bytes over 255, as they mostly are, and to keep
            the bytes: a quarter of the memory, and the same numbers to the bit.
    """
    count = len(indices)
    hs, rgb = Stack(count), Stack(count, top=255)
    low, factor = Stack(count), Stack(count)
    reference = reading.reference()
    for place, index in enumerate(indices):
        stored = samples.stored(index, reading.modality)
        if stored.hs is not None:
            if reference is not None:
                images = _channels(stored.hs, reading, mix)
                hs.put(place, images)
                if reading.scale == "shape":
                    low.put(place, _level(images, reading, reference))
            elif mix is not None:
                assert reading.scale in ("before", "after"), "else there is a reference"
                hs.put(place, scale_spectra(stored.hs, scale=reading.scale, mix=mix))
            else:
                images, least, over = _bands_and_range(stored.hs, reading)
                hs.put(place, images)
                low.put(place, least)
                factor.put(place, over)
        if stored.rgb is not None:
            rgb.put(place, _bytes_of(stored.rgb) if compact else stored.rgb)
    return Batch(
        torch.tensor(indices),
        hs.tensor,
        low.tensor,
        factor.tensor,
        None if hs.tensor is None else reference,
        rgb.tensor,
        log_floor=None if hs.tensor is None else reading.log_floor,
        factors=None if hs.tensor is None else reading.factors(),
        target=None if hs.tensor is None else reading.target(),
    )


def _level(images: NDArray[Any], reading: Reading, reference: Tensor) -> NDArray[np.float32]:
    """How bright each pixel of an image [n, h, w] is over all channels: [1, h, w]."""
    assert reading.log_floor is not None, "shapes are read"
    stored = torch.from_numpy(images)[None]
    logs = above(stored, reference[0][:, None, None], reading.log_floor)
    level: NDArray[np.float32] = level_of(stored, logs)[0].numpy()
    return level


def _channels(cube: NDArray[Any], reading: Reading, mix: Mix | None) -> NDArray[Any]:
    """Picked or averaged bands [n, h, w], not scaled."""
    if mix is not None:
        flat = cube[..., mix.bands].astype(np.float32).reshape(-1, len(mix.bands))
        averages: NDArray[np.float32] = mix.matrix @ flat.T
        return averages.reshape(-1, *cube.shape[:2])
    return bands_first(cube if reading.bands is None else cube[..., list(reading.bands)])


def _bands_and_range(
    cube: NDArray[Any], reading: Reading
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float32]]:
    """Picked bands [n, h, w], and least value and one over the range of each pixel [1, h, w]."""
    if reading.bands is None:
        images = seen = bands_first(cube)
    else:
        images = bands_first(cube[..., list(reading.bands)])
        # `before`: the range is that of all bands, of which the last axis holds a pixel's together
        seen = images if reading.scale == "after" else np.moveaxis(cube, 2, 0)
    low, high = seen.min(axis=0, keepdims=True), seen.max(axis=0, keepdims=True)
    return images, low, one_over(high.astype(np.float32) - low)


def _bytes_of(rgb: NDArray[Any]) -> NDArray[Any]:
    """The bytes that an RGB image in [0, 1] was made of, or the image where it was not."""
    if rgb.dtype == np.uint8:
        return rgb
    found = np.rint(rgb * np.float32(255)).clip(0, 255).astype(np.uint8)
    return found if np.array_equal(found / np.float32(255), rgb) else rgb


def bands_first(cube: NDArray[Any]) -> NDArray[Any]:
    """A cube [h, w, C] with its bands first [C, h, w], side by side in memory."""
    height, width, bands = cube.shape
    if cube.dtype != np.uint8 or bands % 4 or not cube.flags.c_contiguous:
        return np.ascontiguousarray(np.moveaxis(cube, 2, 0))
    # Bytes move one at a time, words as quickly: four bands at once, then the bytes in each word.
    words = cube.reshape(-1, bands).view(np.uint32)  # [h*w, C/4]
    turned = np.ascontiguousarray(words.T).view(np.uint8).reshape(bands // 4, -1, 4)
    out = np.empty((bands // 4, 4, height * width), np.uint8)
    out[...] = turned.transpose(0, 2, 1)
    return out.reshape(bands, height, width)
