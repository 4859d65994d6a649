"""The data of a study, opened once: what a cell's key and a study's checks have to know of them."""

import hashlib
from pathlib import Path

from bimae.data import SeedDataset, Split, open_dataset, split_dataset


class Records:
    """Opened data sets and their splits, by path."""

    def __init__(self) -> None:
        self._open: dict[Path, SeedDataset] = {}
        self._splits: dict[tuple[Path, int], Split] = {}

    def open(self, path: Path) -> SeedDataset:
        """The data set at a path.

        Raises:
            DataError: See `open_dataset`.
        """
        if path not in self._open:
            self._open[path] = open_dataset(path)
        return self._open[path]

    def split(self, path: Path, seed: int) -> Split:
        """The split that a run of this seed makes (`split_dataset`).

        Raises:
            DataError: `split.json` is of other data.
        """
        if (path, seed) not in self._splits:
            self._splits[path, seed] = split_dataset(self.open(path), seed=seed)
        return self._splits[path, seed]

    def state(self, path: Path, seed: int) -> str:
        """Stands for all of the data that a run of this seed depends on: 16 hexadecimal digits.

        The records, the parts that they are split into, and what is known of the bands.
        """
        samples, split = self.open(path), self.split(path, seed)
        parts = (split.train, split.val, split.test)
        told = (samples.fingerprint, parts, samples.wavelengths_nm, samples.info.fwhm_nm)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]

    def simulated(self, path: Path) -> bool:
        """Whether `dataset.json` says that no camera was involved."""
        return self.open(path).info.simulated
