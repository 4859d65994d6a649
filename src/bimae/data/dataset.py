"""A data set as a sequence of samples, whatever files it is made of."""

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from bimae.data.info import FILE_NAME, DatasetInfo
from bimae.data.locate import SPLIT_OF, Located, locate
from bimae.data.resize import bring_hs_to_size, bring_rgb_to_size
from bimae.data.sample import Sample
from bimae.data.tfrecord.shard import Shard, fit_in_cache, open_shards
from bimae.data.tfrecord.variants import HS_SIDE, RGB_SIDE
from bimae.errors import ConfigError, DataError
from bimae.spectra import check_wavelengths

Size = int | Literal["auto"] | None


class StoredImages(NamedTuple):
    """The two images of a sample as stored; None for a view that was not asked for.

    Attributes:
        rgb: [H, W, 3] uint8, or float32 in [0, 1].
        hs: [h, w, C] uint8 or float32.
    """

    rgb: NDArray[np.uint8] | NDArray[np.float32] | None
    hs: NDArray[np.uint8] | NDArray[np.float32] | None


def open_dataset(
    path: Path | str, *, hs_size: Size = "auto", rgb_size: Size = "auto"
) -> "SeedDataset":
    """Opens TFRecords for random access.

    The first time, every record is checked and indexed; the index is kept in the cache folder
    ($BIMAE_CACHE, else ~/.cache/bimae) until a shard changes.

    Args:
        path: A file, a glob, a folder with train/, val/ and test/ or files of these prefixes, or
            a flat folder; each also as an address that fsspec reads, such as `s3://bucket/data`.
        hs_size: Side of the cubes in pixels; None leaves each as stored; `auto` leaves them where
            all are square and of one size, and makes them 24 elsewhere.
        rgb_size: Side of the RGB images in pixels, likewise; `auto` makes them 192 elsewhere.

    Raises:
        DataError: Nothing is found, a file is damaged, a record is not what it should be, or
            records differ in their number of bands.
        BandError: The wavelengths in `dataset.json` do not fit the bands.
        ConfigError: A size is not positive.
    """
    return SeedDataset(locate(path), hs_size=hs_size, rgb_size=rgb_size)


class SeedDataset(Sequence[Sample]):
    """Samples of TFRecord shards, by number; made by `open_dataset`.

    Reading is safe from several threads, and a copy sent to another process (a DataLoader's
    worker) maps the files there.

    Attributes:
        root: The folder of the shards.
        shard_paths: The shards, in the order of the samples.
        ids: Name of each sample; `<file>:<record>` where a record has none.
        labels: Class of each sample, or None.
        groups: Group of each sample, or None.
        declared_splits: `train`, `val`, `test` or None for each sample, as folders and files say.
        classes: The labels that occur, in alphabetical order.
        keys: A name for each sample that no other has: its id, or `id@shard:record`.
        bands: Bands of every cube.
        hs_size: Side of the cubes given out, or None where they come as stored.
        rgb_size: Side of the RGB images given out, or None likewise.
        info: What `dataset.json` says.
        wavelengths_nm: Band centres in nm, or None where unknown.
        fingerprint: 16 hexadecimal digits that stand for this content under these names; the same
            on every machine.
    """

    def __init__(
        self, located: Located, *, hs_size: Size = "auto", rgb_size: Size = "auto"
    ) -> None:
        """Opens the shards; see `open_dataset`."""
        for name, size in (("hs_size", hs_size), ("rgb_size", rgb_size)):
            if isinstance(size, int) and size < 1:
                raise ConfigError(f"{name}={size}: expected at least 1 pixel, None or 'auto'")
        self.root = located.root
        self.shard_paths = tuple(located.shards)
        self._shards = open_shards(located.shards)
        self._ends = list(accumulate(len(shard) for shard in self._shards))
        self._names = [p.relative_to(located.root).as_posix() for p in located.shards]
        self.ids = [
            name if name is not None else f"{_stem(shard.path)}:{record}"
            for shard in self._shards
            for record, name in enumerate(shard.index.ids)
        ]
        self.labels = [label for shard in self._shards for label in shard.index.labels]
        self.groups = [group for shard in self._shards for group in shard.index.groups]
        self.declared_splits = [
            split
            for shard, split in zip(self._shards, located.splits, strict=True)
            for _ in range(len(shard))
        ]
        self.classes = sorted({label for label in self.labels if label is not None})
        self.keys = self._unique_keys()
        self.fingerprint = self._fingerprint()
        self.bands = self._one_number_of_bands()
        self.hs_size = self._size(hs_size, [s.index.hs for s in self._shards], HS_SIDE)
        self.rgb_size = self._size(rgb_size, [s.index.rgb for s in self._shards], RGB_SIDE)
        self.info = _info(located)
        nm = self.info.wavelengths_nm
        self.wavelengths_nm = (
            None if nm is None else check_wavelengths(nm, self.bands, str(self.root / FILE_NAME))
        )

    def __len__(self) -> int:
        return self._ends[-1]

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        """Reads a sample, or a list of samples.

        Raises:
            IndexError: There is no such sample.
            DataError: An image cannot be decoded, or has values that are not finite or, for RGB,
                not in [0, 1].
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        shard, record = self._find(index)
        rgb, hs = shard.rgb(record), shard.hs(record)
        if self.rgb_size is not None:
            rgb = bring_rgb_to_size(rgb, self.rgb_size)
        if self.hs_size is not None:
            hs = bring_hs_to_size(hs, self.hs_size)
        return Sample(self.ids[index], self.labels[index], self.groups[index], rgb, hs)

    def stored(
        self,
        index: int,
        modality: Literal["bimodal", "hs", "rgb"] = "bimodal",
        *,
        sized: bool = True,
    ) -> StoredImages:
        """The images of a sample as the file holds them, at the sizes of this data set.

        For whoever wants many: bytes stay bytes, read-only views of the file where they can be.

        Args:
            index: Number of the sample.
            modality: The views that are wanted.
            sized: Whether images of other sizes are brought to those of this data set.

        Raises:
            IndexError: There is no such sample.
            DataError: An image cannot be decoded.
        """
        shard, record = self._find(index)
        rgb = hs = None
        if modality != "hs":
            rgb = shard.raw_rgb(record)
            if (
                sized
                and self.rgb_size is not None
                and rgb.shape[:2] != (self.rgb_size, self.rgb_size)
            ):
                rgb = bring_rgb_to_size(shard.rgb(record), self.rgb_size)
        if modality != "rgb":
            hs = shard.raw_hs(record)
            if sized and self.hs_size is not None:
                hs = bring_hs_to_size(hs, self.hs_size)
        return StoredImages(rgb, hs)

    def image_bytes(self, index: int) -> tuple[memoryview, memoryview]:
        """The cube and the RGB image of a sample as the file holds them, not decoded.

        Raises:
            IndexError: There is no such sample.
            DataError: The file is not what it was when it was opened.
        """
        shard, record = self._find(index)
        return shard.image_bytes(record)

    def __repr__(self) -> str:
        """What it holds, in a line."""
        return (
            f"SeedDataset({str(self.root)!r}: {len(self)} samples, {len(self.classes)} classes, "
            f"{self.bands} bands)"
        )

    @property
    def resized(self) -> tuple[str, ...]:
        """Which views are not given out as stored, one text each; empty where both are."""
        views = (("spectra", "hs", self.hs_size), ("RGB images", "rgb", self.rgb_size))
        found = []
        for what, column, size in views:
            sides = np.concatenate([getattr(s.index, column)[:, 3:5] for s in self._shards])
            if size is None:
                continue
            other = np.flatnonzero((sides != size).any(axis=1))
            if other.size:
                height, width = sides[other[0]]
                found.append(f"{what} such as {height}x{width} are brought to {size}x{size}")
        return tuple(found)

    @property
    def shards_at_once(self) -> int | None:
        """How many shards to draw samples from at a time, where not all copies fit into the cache.

        Compressed and remote shards are read from copies; None: all of them fit, or none is needed.
        """
        fitting = fit_in_cache(self._shards)
        return fitting if fitting < len(self._shards) else None

    def shard_of(self, index: int) -> int:
        """Number of the shard that holds a sample.

        Raises:
            IndexError: There is no such sample.
        """
        self._find(index)
        return bisect_right(self._ends, index % len(self))

    def where(self, index: int) -> str:
        """File and record of a sample, as messages begin.

        Raises:
            IndexError: There is no such sample.
        """
        shard, record = self._find(index)
        return shard.where(record)

    def _find(self, index: int) -> tuple[Shard, int]:
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"sample {index} of a data set of {count}")
        index = index + count if index < 0 else int(index)
        number = bisect_right(self._ends, index)
        return self._shards[number], index - (self._ends[number - 1] if number else 0)

    def _unique_keys(self) -> list[str]:
        seen = Counter(self.ids)
        places = (
            f"{name}:{record}"
            for name, shard in zip(self._names, self._shards, strict=True)
            for record in range(len(shard))
        )
        return [
            key if seen[key] == 1 else f"{key}@{place}"
            for key, place in zip(self.ids, places, strict=True)
        ]

    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for name, shard in zip(self._names, self._shards, strict=True):
            digest.update(name.encode() + b"\0")
            digest.update(shard.index.lengths.astype("<i8").tobytes())
            digest.update(shard.index.crcs.astype("<u4").tobytes())
        return digest.hexdigest()[:16]

    def _one_number_of_bands(self) -> int:
        bands = np.concatenate([shard.index.hs[:, 5] for shard in self._shards])
        other = np.flatnonzero(bands != bands[0])
        if other.size:
            raise DataError(
                f"{self.where(int(other[0]))}: hs_image has {bands[other[0]]} bands, expected "
                f"{bands[0]} as in {self.where(0)}: keep images of one sensor in one data set"
            )
        return int(bands[0])

    @staticmethod
    def _size(asked: Size, columns: list[np.ndarray], usual: int) -> int | None:
        if asked != "auto":
            return asked
        sides = np.concatenate([stored[:, 3:5] for stored in columns])
        return int(sides[0, 0]) if (sides == sides[0, 0]).all() else usual


def _stem(path: Path) -> str:
    return path.name.split(".tfrec")[0]


def beside(root: Path, name: str) -> Path | None:
    """A file that describes the records of a folder; None where there is none."""
    folders = [root]
    if root.name.lower() in SPLIT_OF:
        folders.append(root.parent)  # data/train is described by data/dataset.json
    return next((folder / name for folder in folders if (folder / name).exists()), None)


def _info(located: Located) -> DatasetInfo:
    found = beside(located.root, FILE_NAME)
    return DatasetInfo() if found is None else DatasetInfo.load(found.parent)
