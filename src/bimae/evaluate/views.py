"""What the baselines look at: mean spectra, colour statistics, or whole images."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bimae.data.sample import Sample
from bimae.errors import DataError

View = Literal["nothing", "mean spectra", "colours", "both", "images", "cubes"]
GROUPS = 50  # about so many bands remain of a cube


def mean_spectra(
    samples: Sequence[Sample], indices: Sequence[int], *, object_only: bool = True
) -> NDArray[np.float64]:
    """Mean spectrum of each sample.

    Args:
        samples: A data set or any other sequence.
        indices: Which of them.
        object_only: Leave out the background, pixels that are zero in every band. A sample that
            is background only has a spectrum of zeros.

    Returns:
        [N, C] in the unit of the images.

    Raises:
        DataError: The samples have different numbers of bands.
    """
    rows: list[NDArray[np.float64]] = []
    for i in indices:
        sample = samples[i]
        pixels = sample.hs.reshape(-1, sample.hs.shape[-1])
        if object_only and pixels.any():
            pixels = pixels[pixels.any(axis=1)]
        if rows and pixels.shape[1] != rows[0].size:
            raise DataError(
                f"sample {sample.id!r} has {pixels.shape[1]} bands, the ones before it "
                f"{rows[0].size}; mean spectra need the same bands everywhere"
            )
        rows.append(pixels.mean(axis=0, dtype=np.float64))
    return np.stack(rows)


def rgb_statistics(
    samples: Sequence[Sample], indices: Sequence[int], *, object_only: bool = True
) -> NDArray[np.float64]:
    """Colour statistics of each sample: mean, standard deviation, 10 %, 50 % and 90 % by channel.

    Args:
        samples: A data set or any other sequence.
        indices: Which of them.
        object_only: Leave out the background, pixels that are pure white (the padding of this
            package). An image that is white only is taken whole.

    Returns:
        [N, 15].
    """
    rows = []
    for i in indices:
        pixels = samples[i].rgb.reshape(-1, 3).astype(np.float64)
        kept = pixels[(pixels < 1.0).any(axis=1)]
        if object_only and len(kept):
            pixels = kept
        quantiles = np.percentile(pixels, [10, 50, 90], axis=0)
        rows.append(np.concatenate([pixels.mean(axis=0), pixels.std(axis=0), quantiles.ravel()]))
    return np.stack(rows)


def labels_of(samples: Sequence[Sample], indices: Sequence[int]) -> NDArray[np.str_]:
    """[N] class names.

    Raises:
        DataError: A sample has none, or `indices` is empty.
    """
    if not len(indices):
        raise DataError("a baseline needs samples to learn from and samples to test on; found none")
    known = getattr(samples, "labels", None)  # a data set has them at hand, without the images
    names = [known[i] if known is not None else samples[i].label for i in indices]
    for i, name in zip(indices, names, strict=True):
        if name is None:
            raise DataError(
                f"sample {samples[i].id!r} has no label; baselines need one on every sample"
            )
    return np.array(names, dtype=np.str_)


def grouped_cube(hs: NDArray[Any]) -> NDArray[np.float32]:
    """A cube whose neighbouring bands are averaged, so that about 50 remain.

    Args:
        hs: [h, w, C] as stored.

    Returns:
        [n, h, w]; bands stay as they are where there are fewer than 75.
    """
    bands = hs.shape[-1]
    size = max(round(bands / GROUPS), 1)
    groups = np.array_split(np.arange(bands), -(-bands // size))
    means = [hs[..., group].mean(axis=-1, dtype=np.float32) for group in groups]
    return np.stack(means)


class Features:
    """Views of samples; the small ones are made once per sample and kept.

    Attributes:
        samples: What they are made of.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        """Reads nothing yet."""
        self.samples = samples
        self._kept: dict[tuple[str, int], NDArray[np.float64]] = {}

    def of(self, view: View, part: Sequence[int]) -> NDArray[Any]:
        """A view of some samples.

        Args:
            view: `nothing` [N, 1] zeros; `mean spectra` [N, C]; `colours` [N, 15]; `both`
                [N, C + 15]; `images` [N, 3, H, W] uint8; `cubes` [N, n, h, w] float32, bands
                averaged in groups.
            part: Which samples.

        Raises:
            DataError: The samples differ in bands or in size.
        """
        assert view in get_args(View), view
        if view == "nothing":
            return np.zeros((len(part), 1))
        if view == "images":
            return self._stacked(part, lambda s: np.rint(s.rgb * 255).astype(np.uint8))
        if view == "cubes":
            return self._stacked(part, lambda s: grouped_cube(s.hs))
        if view == "both":
            return np.hstack([self.of("mean spectra", part), self.of("colours", part)])
        make = mean_spectra if view == "mean spectra" else rgb_statistics
        for i in part:
            if (view, i) not in self._kept:
                self._kept[view, i] = make(self.samples, [i])[0]
        return self._one_shape(part, [self._kept[view, i] for i in part])

    def _stacked(self, part: Sequence[int], make: Callable[[Sample], NDArray[Any]]) -> NDArray[Any]:
        found = self._one_shape(part, [make(self.samples[i]) for i in part])
        return found if found.dtype != np.uint8 else found.transpose(0, 3, 1, 2)

    def _one_shape(self, part: Sequence[int], rows: list[NDArray[Any]]) -> NDArray[Any]:
        for i, row in zip(part, rows, strict=True):
            if row.shape != rows[0].shape:
                raise DataError(
                    f"sample {self.samples[i].id!r} is {row.shape}, the ones before it "
                    f"{rows[0].shape}; baselines need the same bands and sizes everywhere"
                )
        return np.stack(rows)
