"""Indian Pines as a data set: one window of a real scene for each labelled pixel.

AVIRIS flew over fields and woods of Indiana on 12 June 1992: 145x145 pixels of 20 m, 16 classes,
200 bands. It is not seeds, and its "RGB" is three of the bands. The scene ships with `tensorly`.

Three things about that copy, told in `dataset.json` as well:

* The counts are at-sensor radiance times 500 plus 1000 (Purdue's page on the scene), not
  reflectance; stored here as radiance, float32, since 8 bits would lose the dark bands.
* Its wavelength list has two slips. The scene lacks channels 104-108, 150-163 and 220 of 220,
  the list lacks 104-109 and 151-164, so everything beyond 1400 nm is one channel (10 nm) too long:
  carbon dioxide, at 2009 nm and 2061 nm, would lie at 2018 and 2068. And two centres were mistyped
  (2260.22 and 2270.15 for 2212.22 and 2222.15). Both are mended here.
* Spectrometers overlap near 690 and 1275 nm: bands and wavelengths are sorted together.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from bimae.data.info import DatasetInfo
from bimae.data.sample import Sample
from bimae.data.scenes import (
    SPLITS,
    SpatialSplit,
    cut_window,
    false_colour,
    resample_rgb,
    spatial_blocks,
)
from bimae.data.tfrecord.writer import write_tfrecords
from bimae.errors import DataError
from bimae.spectra import check_wavelengths
from bimae.storage import atomic_folder

CLASSES = (
    "Alfalfa",
    "Corn-notill",
    "Corn-mintill",
    "Corn",
    "Grass-pasture",
    "Grass-trees",
    "Grass-pasture-mowed",
    "Hay-windrowed",
    "Oats",
    "Soybean-notill",
    "Soybean-mintill",
    "Soybean-clean",
    "Wheat",
    "Woods",
    "Buildings-Grass-Trees-Drives",
    "Stone-Steel-Towers",
)
"""Class names in the order of the ground truth's numbers 1-16."""

SOURCE = (
    "Indian Pines, AVIRIS, 12 June 1992, Indiana, USA. Baumgardner, M. F., Biehl, L. L., "
    "Landgrebe, D. A. (2015), 220 Band AVIRIS Hyperspectral Image Data Set: June 12, 1992 Indian "
    "Pine Test Site 3, Purdue University Research Repository, doi:10.4231/R7RX991C. CC BY 3.0. "
    "200 bands as shipped with tensorly; changed here: counts turned into at-sensor radiance "
    "(uW cm-2 nm-1 sr-1), wavelengths mended and sorted, cut into windows. RGB is false colour "
    "from the bands nearest to 640, 550 and 460 nm. It is not seeds."
)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The whole scene.

    Attributes:
        cube: [145, 145, 200] float32, at-sensor radiance in uW cm-2 nm-1 sr-1.
        labels: [145, 145] uint8: 0 is unlabelled, 1-16 are `CLASSES`.
        wavelengths_nm: 200 band centres in nm, ascending.
    """

    cube: NDArray[np.float32]
    labels: NDArray[np.uint8]
    wavelengths_nm: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SceneSummary:
    """What was written.

    Attributes:
        folder: Where it lies.
        counts: Samples by split and class name; a class with none in a split has 0.
    """

    folder: Path
    counts: dict[str, dict[str, int]]

    def missing(self, split: str) -> list[str]:
        """Classes that have no sample in a split: their ground is too small for it."""
        return [name for name, n in self.counts[split].items() if n == 0]


def load_scene() -> Scene:
    """Indian Pines from the installed `tensorly`, with the mended, ascending wavelengths.

    Raises:
        DataError: `tensorly` or its copy of the scene is missing or not as known.
    """
    try:
        from tensorly.datasets import load_indian_pines  # noqa: PLC0415 - an optional extra

        bunch = load_indian_pines()
    except (ImportError, OSError) as error:
        raise DataError(
            f"Indian Pines comes with the package tensorly, which cannot be used here ({error}); "
            "install it: pip install 'bimae[pines]'"
        ) from error
    counts, (labels, shipped) = np.asarray(bunch.tensor), bunch.ticks
    if counts.shape != (145, 145, 200) or np.shape(labels) != (145, 145) or len(shipped) != 200:
        raise DataError(
            f"tensorly's Indian Pines has shape {list(counts.shape)} with {len(shipped)} "
            "wavelengths; [145, 145, 200] with 200 is expected: install tensorly 0.9"
        )
    nm = mended_wavelengths(shipped)
    order = np.argsort(nm, kind="stable")
    radiance = ((counts[:, :, order] - 1000.0) / 500.0).astype(np.float32)
    ascending = check_wavelengths([nm[i] for i in order], 200, "tensorly's Indian Pines")
    return Scene(radiance, np.asarray(labels, dtype=np.uint8), ascending)


def mended_wavelengths(shipped: Sequence[float]) -> list[float]:
    """Band centres in nm, in the order of the bands, without the shipped list's two slips.

    A list in which a slip has been mended is left as it is there.

    Args:
        shipped: The 200 centres that come with the scene.
    """
    nm = [float(x) for x in shipped]
    if nm[170:172] == [2260.22, 2270.15]:
        nm[170:172] = [2212.22, 2222.15]
    if nm[103] == 1422.34 and nm[144] == 1953.26:
        # Channels 109 and 164, which the list lacks, continue the even steps to their neighbours.
        nm = [*nm[:103], 1412.39, *nm[103:143], 1943.27, *nm[144:199]]
    return nm


class SceneWindows(Sequence[Sample]):
    """The samples of the scene, cut when they are asked for: train, then val, then test.

    Attributes:
        split: The split of the scene's pixels.
        sizes: Samples by split name, in that order.
    """

    def __init__(self, scene: Scene, split: SpatialSplit, rgb_size: int) -> None:
        """Prepares the false colour; `rgb_size` is the side of the RGB images in pixels."""
        self.split = split
        centres = [np.argwhere(split.split == number) for number in range(len(SPLITS))]
        self.sizes = {name: len(found) for name, found in zip(SPLITS, centres, strict=True)}
        self._centres = np.concatenate(centres)
        self._scene, self._rgb_size = scene, rgb_size
        self._rgb = false_colour(scene.cube, scene.wavelengths_nm)

    def __len__(self) -> int:
        return len(self._centres)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        """Cuts a sample, or a list of samples; IndexError where there is none."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row, column = (int(n) for n in self._centres[index])
        size = self.split.window
        top, left = row - size // 2, column - size // 2
        return Sample(
            id=f"r{row:03d}c{column:03d}",
            label=CLASSES[int(self._scene.labels[row, column]) - 1],
            group=self.split.group(row, column),
            rgb=resample_rgb(cut_window(self._rgb, top, left, size), self._rgb_size),
            hs=np.ascontiguousarray(cut_window(self._scene.cube, top, left, size)),
        )


def indian_pines_dataset(
    out: Path,
    *,
    window: int = 7,
    block: int = 18,
    rgb_size: int = 48,
    seed: int = 0,
    overwrite: bool = False,
    progress: Callable[[Iterable[Sample]], Iterable[Sample]] | None = None,
) -> SceneSummary:
    """Writes Indian Pines as train, val and test shards with `dataset.json`.

    A sample is the window around a labelled pixel, with that pixel's class; its id is `r012c034`
    and its group the block that it lies in. Spectra keep the window's own pixels; the false-colour
    RGB is enlarged (bilinear) to `rgb_size`, by default 2x2 tiles of 24, since an image has to
    have a few tiles before some can be masked. With a window of 7 in blocks of 18 every class
    whose ground reaches into two blocks is in train and test; three small ones are in train only.

    Args:
        out: Folder to write to.
        window: Side of the windows in pixels of 20 m, odd.
        block: Side of the blocks of ground in pixels, see `scenes.spatial_blocks`.
        rgb_size: Side of the RGB images in pixels.
        seed: Of the split.
        overwrite: Replace the shards of a data set that is already there.
        progress: Wraps the samples while they are cut (they know their number), for a bar.

    Returns:
        Counts of samples by split and class.

    Raises:
        DataError: `tensorly` is missing, window and block do not fit or leave a split empty, or
            `out` has shards already and `overwrite` is False.
    """
    scene = load_scene()
    split = spatial_blocks(scene.labels, window=window, block=block, seed=seed)
    windows = SceneWindows(scene, split, rgb_size)
    empty = [name for name, size in windows.sizes.items() if size == 0]
    if empty:
        raise DataError(
            f"windows of {window} pixels in blocks of {block} leave no sample for "
            f"{' and '.join(empty)}; use smaller windows or other blocks, such as 7 and 18"
        )
    samples = iter(windows if progress is None else progress(windows))
    # A new folder appears only when it is complete; in one that is there, shards are exchanged.
    there = out.exists()
    with nullcontext(out) if there else atomic_folder(out) as folder:
        for name, size in windows.sizes.items():
            write_tfrecords(folder, islice(samples, size), split=name, overwrite=overwrite)
        DatasetInfo("Indian Pines", False, scene.wavelengths_nm, SOURCE).save(folder)
        for _ in samples:  # none is left, but a progress bar closes only when it is told so
            raise AssertionError
    return SceneSummary(out, _counts(scene, split))


def _counts(scene: Scene, split: SpatialSplit) -> dict[str, dict[str, int]]:
    return {
        name: {
            label: int(((split.split == number) & (scene.labels == k)).sum())
            for k, label in enumerate(CLASSES, start=1)
        }
        for number, name in enumerate(SPLITS)
    }
