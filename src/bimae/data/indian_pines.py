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

import numpy as np
from numpy.typing import NDArray

from bimae.data.info import DatasetInfo
from bimae.data.sample import Sample
from bimae.data.scenes import Scene, labelled_windows
from bimae.data.tfrecord.writer import write_tfrecords
from bimae.errors import DataError
from bimae.spectra import neighbours
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


def load_scene() -> tuple[Scene, NDArray[np.uint8]]:
    """Indian Pines from the installed `tensorly`, with the mended, ascending wavelengths.

    Returns:
        The scene, [145, 145, 200] float32 at-sensor radiance in uW cm-2 nm-1 sr-1 with false
        colour; and its labels [145, 145]: 0 is unlabelled, 1-16 are `CLASSES`.

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
    ascending = tuple(nm[i] for i in order)
    scene = Scene("tensorly's Indian Pines", radiance, wavelengths_nm=ascending)
    return scene, np.asarray(labels, dtype=np.uint8)


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


def _averaged(scene: Scene, count: int) -> Scene:
    """The scene with `count` neighbouring bands as one; its colours are made before that."""
    if count == 1:
        return scene
    assert scene.wavelengths_nm is not None, "the scene is as `load_scene` makes it"
    groups = neighbours(scene.wavelengths_nm, count)
    nm = np.array(scene.wavelengths_nm)
    cube = np.stack([scene.cube[..., group].mean(axis=-1) for group in groups], axis=-1)
    centres = tuple(round(float(nm[group].mean()), 2) for group in groups)
    return Scene(scene.name, cube, scene.rgb, centres)


def indian_pines_dataset(
    out: Path,
    *,
    window: int = 7,
    block: int = 18,
    rgb_size: int = 48,
    average: int = 1,
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
        average: Neighbouring bands that are averaged to one, never over a gap in the spectrum.
        seed: Of the split.
        overwrite: Replace the shards of a data set that is already there.
        progress: Wraps the samples while they are cut (they know their number), for a bar.

    Returns:
        Counts of samples by split and class.

    Raises:
        DataError: `tensorly` is missing, window and block do not fit or leave a split empty, or
            `out` has shards already and `overwrite` is False.
    """
    scene, labels = load_scene()
    scene = _averaged(scene, average)
    windows = labelled_windows(
        scene,
        labels,
        class_names=CLASSES,
        window=window,
        block=block,
        seed=seed,
        rgb_size=rgb_size,
    )
    empty = [name for name, size in windows.sizes.items() if size == 0]
    if empty:
        raise DataError(
            f"windows of {window} pixels in blocks of {block} leave no sample for "
            f"{' and '.join(empty)}; use smaller windows or other blocks, such as 7 and 18"
        )
    info = DatasetInfo(
        "Indian Pines",
        wavelengths_nm=scene.wavelengths_nm,
        source=SOURCE,
        sensor="AVIRIS",
        unit="radiance",
        rgb="false colour",
    )
    samples = iter(windows if progress is None else progress(windows))
    # A new folder appears only when it is complete; in one that is there, shards are exchanged.
    there = out.exists()
    with nullcontext(out) if there else atomic_folder(out) as folder:
        for name, size in windows.sizes.items():
            write_tfrecords(folder, islice(samples, size), split=name, overwrite=overwrite)
        info.save(folder, window=window, block=block, seed=seed, samples=windows.counts)
        for _ in samples:  # none is left, but a progress bar closes only when it is told so
            raise AssertionError
    return SceneSummary(out, windows.counts)
