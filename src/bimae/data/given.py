"""Samples that a program holds, behind the face of a data set of records.

So whoever reads a `SeedDataset` - the loaders, training, answering - reads arrays too, without a
copy on disk.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from bimae.data.dataset import SeedDataset, StoredImages
from bimae.data.info import DatasetInfo
from bimae.data.resize import bring_hs_to_size, bring_rgb_to_size
from bimae.data.sample import Sample
from bimae.spectra import check_wavelengths

NO_VIEW = 1  # side that stands for a view that is not there


class GivenSamples(SeedDataset):
    """Samples by number, from wherever a function finds them.

    Attributes are those of a `SeedDataset`; there is no file, so `root` is a name for messages, and
    `fingerprint` says nothing.
    """

    def __init__(
        self,
        images: Callable[[int], StoredImages],
        labels: Sequence[str | None],
        *,
        bands: int,
        hs_size: int | None,
        rgb_size: int | None,
        classes: Sequence[str] | None = None,
        info: DatasetInfo | None = None,
        name: str = "X",
    ) -> None:
        """Takes samples over; nothing is read yet.

        Args:
            images: The images of sample i, one of them None where no sample has that view.
            labels: Class of each, or None.
            bands: Of every cube.
            hs_size: Side that cubes are brought to; None where there are none.
            rgb_size: The same of RGB images.
            classes: Class names in the order that is wanted; default: alphabetical.
            info: What is known of all of them.
            name: What messages call them.

        Raises:
            BandError: The wavelengths of `info` do not fit the bands.
        """
        self._images = images
        self.root = Path(name)
        self.labels = list(labels)
        self.ids = [str(number) for number in range(len(self.labels))]
        self.keys = self.ids
        self.groups = [None] * len(self.labels)
        self.declared_splits = [None] * len(self.labels)
        known = sorted({label for label in self.labels if label is not None})
        self.classes = known if classes is None else list(classes)
        self.bands = bands
        self.hs_size = hs_size or NO_VIEW
        self.rgb_size = rgb_size or NO_VIEW
        self.info = info or DatasetInfo()
        nm = self.info.wavelengths_nm
        self.wavelengths_nm = None if nm is None else check_wavelengths(nm, bands, name)
        self.fingerprint = "in memory"

    def __len__(self) -> int:
        return len(self.labels)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        """A sample, or a list of samples; a view that is not there has no pixel."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        found = self.stored(index)
        rgb = np.empty((0, 0, 3), np.float32) if found.rgb is None else _unit(found.rgb)
        hs = np.empty((0, 0, self.bands), np.float32) if found.hs is None else found.hs
        return Sample(self.ids[index], self.labels[index], self.groups[index], rgb, hs)

    def stored(
        self,
        index: int,
        modality: Literal["bimodal", "hs", "rgb"] = "bimodal",
        *,
        sized: bool = True,
    ) -> StoredImages:
        """The images of a sample, at the sizes of this data set, or unless `sized` as they are.

        Raises:
            IndexError: There is no such sample.
        """
        rgb, hs = self._images(range(len(self))[index])
        if modality == "hs" or rgb is None:
            rgb = None
        elif sized and rgb.shape[:2] != (self.rgb_size, self.rgb_size):
            rgb = bring_rgb_to_size(_unit(rgb), self.rgb_size or NO_VIEW)
        if modality == "rgb" or hs is None:
            hs = None
        elif sized:
            hs = bring_hs_to_size(hs, self.hs_size or NO_VIEW)
        return StoredImages(rgb, hs)

    def __repr__(self) -> str:
        """What it holds, in a line."""
        return f"GivenSamples({len(self)} samples, {len(self.classes)} classes, {self.bands} bands)"

    @property
    def resized(self) -> tuple[str, ...]:
        """Nobody keeps account of it here."""
        return ()

    @property
    def shards_at_once(self) -> None:
        """There are no shards to draw from."""
        return

    def shard_of(self, index: int) -> int:
        """All are of one.

        Raises:
            IndexError: There is no such sample.
        """
        return 0 * range(len(self))[index]

    def where(self, index: int) -> str:
        """A sample, as messages begin.

        Raises:
            IndexError: There is no such sample.
        """
        return f"{self.root}[{range(len(self))[index]}]"


def _unit(rgb: NDArray[Any]) -> NDArray[np.float32]:
    """Bytes to float32 in [0, 1]; float32 as it is."""
    found: NDArray[np.float32] = rgb.astype(np.float32, copy=False)
    return found / np.float32(255) if rgb.dtype == np.uint8 else found
