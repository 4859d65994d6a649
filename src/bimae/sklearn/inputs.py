"""What a user of scikit-learn calls X, as samples.

Shapes: N samples, C bands, h, w pixels of a cube, H, W pixels of an RGB image.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

from bimae.data import DatasetInfo, Sample, SeedDataset, open_dataset
from bimae.data.dataset import StoredImages
from bimae.data.given import GivenSamples
from bimae.data.tfrecord.variants import HS_SIDE, RGB_SIDE
from bimae.errors import ConfigError

VIEWS = ("hs", "rgb")


@dataclass(frozen=True)
class Seen:
    """Samples as they came.

    Attributes:
        images: Of sample i; None for a view that no sample has.
        count: Samples N.
        bands: Bands C of every cube; None where there are no cubes.
        hs_side: Side of the cubes in pixels, where all are squares of one size.
        rgb_side: The same of the RGB images.
        rgb: Whether there are RGB images.
        labels: Class of each sample, where the data know it; None where they do not.
        info: What else the data tell.
    """

    images: Callable[[int], StoredImages]
    count: int
    bands: int | None = None
    hs_side: int | None = None
    rgb_side: int | None = None
    rgb: bool = False
    labels: Sequence[str | None] | None = None
    info: DatasetInfo = field(default_factory=DatasetInfo)

    @property
    def modality(self) -> str:
        """Which views there are: `bimodal`, `hs` or `rgb`."""
        if self.bands is None:
            return "rgb"
        return "bimodal" if self.rgb else "hs"

    def samples(
        self,
        labels: Sequence[str | None],
        classes: Sequence[str],
        *,
        hs_size: int | None,
        rgb_size: int | None,
        wavelengths_nm: Sequence[float] | None,
    ) -> GivenSamples:
        """The same as a data set.

        Args:
            labels: Class name of each.
            classes: Class names in order.
            hs_size: Side to bring cubes to; None: their own, 24 where they differ.
            rgb_size: The same of RGB images; 192 where they differ.
            wavelengths_nm: Band centres in nm; None: as the data tell.

        Raises:
            BandError: The wavelengths do not fit the bands.
            ConfigError: Cubes are to be brought to one pixel, which would be any one of theirs.
        """
        if hs_size == 1 and self.bands is not None and self.hs_side != 1:
            raise ConfigError(
                "X holds cubes of several pixels, where spectra are expected; take their means: "
                "cubes.mean(axis=(1, 2))"
            )
        info = self.info
        if wavelengths_nm is not None and self.bands is not None:
            nm = tuple(float(centre) for centre in wavelengths_nm)
            info = info if nm == info.wavelengths_nm else replace(info, fwhm_nm=None)
            info = replace(info, wavelengths_nm=nm)
        return GivenSamples(
            self.images,
            labels,
            bands=self.bands or 1,
            hs_size=None if self.bands is None else hs_size or self.hs_side or HS_SIDE,
            rgb_size=(rgb_size or self.rgb_side or RGB_SIDE) if self.rgb else rgb_size,
            classes=classes,
            info=info,
        )


def is_table(X: Any, modality: str) -> bool:
    """Whether X is what scikit-learn expects everywhere: [N, C], here mean spectra.

    Whatever else it may be is left to scikit-learn to refuse.
    """
    if issparse(X):  # some sparse matrices are dictionaries
        return True
    if isinstance(X, str | Path | dict | SeedDataset) or _are_samples(X):
        return False
    return modality != "rgb" and getattr(X, "ndim", 2) != 4


def seen_table(table: NDArray[np.float32]) -> Seen:
    """Spectra [N, C]: each a cube of one pixel."""
    return seen_arrays(table[:, None, None, :], None)


def seen(X: Any, modality: str, sizes: Mapping[str, int]) -> Seen:
    """Everything that is no table.

    Args:
        X: Records (a path, a `SeedDataset`), a sequence of `Sample`, cubes or RGB images alone, or
            a mapping with one or both of `hs` and `rgb`; see `BiMAEClassifier`.
        modality: `rgb` where an array alone holds RGB images.
        sizes: `hs_size` and `rgb_size` to open records at, where these are known.

    Raises:
        DataError: Records cannot be read.
        ValueError: An array of another kind or shape than expected.
    """
    if isinstance(X, str | Path):
        X = open_dataset(X, **{name: size for name, size in sizes.items() if size > 1})
    if isinstance(X, SeedDataset):
        return Seen(X.stored, len(X), X.bands, X.hs_size, X.rgb_size, True, X.labels, info=X.info)
    if _are_samples(X):
        return _seen_samples(X)
    if not isinstance(X, dict):
        X = {"rgb" if modality == "rgb" else "hs": X}
    unknown = [name for name in X if name not in VIEWS]
    if unknown or not X:
        raise ValueError(f"X has the keys {list(X)}; one or both of 'hs' and 'rgb' are expected")
    hs, rgb = X.get("hs"), X.get("rgb")
    return seen_arrays(None if hs is None else _cubes(hs), None if rgb is None else _pictures(rgb))


def seen_arrays(hs: NDArray[Any] | None, rgb: NDArray[Any] | None) -> Seen:
    """Cubes [N, h, w, C], RGB images [N, H, W, 3], or both, checked already."""
    counts = {len(view) for view in (hs, rgb) if view is not None}
    if len(counts) != 1:
        raise ValueError(f"X holds different numbers of samples: hs {len(hs)}, rgb {len(rgb)}")  # type: ignore[arg-type]

    def images(number: int) -> StoredImages:
        return StoredImages(
            None if rgb is None else rgb[number], None if hs is None else hs[number]
        )

    return Seen(
        images,
        counts.pop(),
        None if hs is None else hs.shape[3],
        _side([] if hs is None else [hs.shape[1:3]]),
        _side([] if rgb is None else [rgb.shape[1:3]]),
        rgb is not None,
    )


def as_samples(hs: ArrayLike, rgb: ArrayLike, y: ArrayLike | None = None) -> list[Sample]:
    """Both views of seeds as a list, which scikit-learn can share out (`cross_val_score`).

    Args:
        hs: [N, h, w, C] cubes, or [N, C] spectra.
        rgb: [N, H, W, 3] RGB images.
        y: [N] classes; or None, where these are given beside the list.

    Raises:
        ValueError: An array of another kind or shape, or different numbers of samples.
    """
    both = seen_arrays(_cubes(hs), _pictures(rgb))
    labels = [None] * both.count if y is None else [str(one) for one in np.asarray(y)]
    if len(labels) != both.count:
        raise ValueError(f"y has {len(labels)} classes for {both.count} samples")
    held = both.samples(labels, (), hs_size=None, rgb_size=None, wavelengths_nm=None)
    return held[:]


def _seen_samples(samples: Sequence[Sample]) -> Seen:
    bands = {sample.hs.shape[2] for sample in samples}
    if len(bands) > 1:
        raise ValueError(
            f"X holds cubes of {min(bands)} and of {max(bands)} bands; one is expected"
        )
    return Seen(
        lambda number: StoredImages(samples[number].rgb, samples[number].hs),
        len(samples),
        bands.pop(),
        _side([sample.hs.shape[:2] for sample in samples]),
        _side([sample.rgb.shape[:2] for sample in samples]),
        True,
        [sample.label for sample in samples],
    )


def _are_samples(X: Any) -> bool:
    return isinstance(X, list | tuple) and len(X) > 0 and isinstance(X[0], Sample)


def _cubes(values: ArrayLike) -> NDArray[Any]:
    """[N, h, w, C], of spectra [N, C] one pixel each; bytes stay bytes, all else is float32."""
    found = np.asarray(values)
    if found.ndim == 2:
        found = found[:, None, None, :]
    if found.ndim != 4:
        raise ValueError(
            f"hs has shape {found.shape}; cubes [samples, height, width, bands] or spectra "
            "[samples, bands] are expected"
        )
    if found.shape[1] != found.shape[2] == found.shape[3]:
        raise ValueError(
            f"hs has shape {found.shape}, which looks as if bands came first; bands are expected "
            "last: np.moveaxis(cubes, 1, -1)"
        )
    return _numbers(found, "hs")


def _pictures(values: ArrayLike) -> NDArray[Any]:
    """[N, H, W, 3] uint8, or float32 in [0, 1]."""
    found = np.asarray(values)
    if found.ndim != 4 or found.shape[3] != 3:
        raise ValueError(
            f"rgb has shape {found.shape}; images [samples, height, width, 3] are expected"
        )
    found = _numbers(found, "rgb")
    if found.dtype != np.uint8 and found.size and not 0 <= found.min() <= found.max() <= 1:
        raise ValueError(
            f"rgb has values from {found.min():g} to {found.max():g}; uint8, or numbers from 0 to "
            "1 are expected"
        )
    return found


def _numbers(values: NDArray[Any], name: str) -> NDArray[Any]:
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{name} holds {values.dtype}; numbers are expected")
    found: NDArray[np.float32] = values.astype(np.float32, copy=False)
    if not np.isfinite(found).all():
        raise ValueError(f"{name} holds values that are not finite (NaN or infinity)")
    return found


def _side(sides: Sequence[tuple[int, ...]]) -> int | None:
    """The side of images that are all squares of one size."""
    found = {side for pair in sides for side in pair}
    return found.pop() if len(found) == 1 else None
