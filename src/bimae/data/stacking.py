"""Samples put together into a batch, as they are stored.

Shapes: B batch, n channels (picked bands, or averages of bands), S side of a spectral image,
H side of the RGB image, C stored bands.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bimae.data.batch import Batch
from bimae.data.dataset import SeedDataset
from bimae.data.reading import Reading
from bimae.data.shapes import above, level_of
from bimae.data.transforms import Mix, one_over, scale_spectra


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
