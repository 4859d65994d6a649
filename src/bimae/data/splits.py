"""Which samples are trained on, validated on and tested on.

A split that leaks is worse than none: samples of one group (tray, plot, batch) share light, soil
and camera settings, so a group is never torn apart by a split that is made here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bimae.data.dataset import SeedDataset
from bimae.data.stratify import stratify
from bimae.errors import ConfigError, DataError
from bimae.storage import write_text

RATIOS = (0.7, 0.15, 0.15)
_NAMES = ("train", "val", "test")
_FORMAT = 1


@dataclass(frozen=True)
class Split:
    """Numbers of the samples of each part; no sample is in two.

    Attributes:
        train: Samples to learn from.
        val: Samples to choose by.
        test: Samples to report on.
        how: Where the split comes from, in words.
        seed: What it was drawn with, or None where nothing was drawn.
        ratios: Shares asked for, or None where nothing was drawn.
    """

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    how: str
    seed: int | None = None
    ratios: tuple[float, float, float] | None = None

    def save(self, path: Path, ds: SeedDataset) -> None:
        """Writes `split.json`: the key of every sample, so that it can be read and checked.

        Args:
            path: The file.
            ds: The data set that this is a split of.
        """
        facts: dict[str, Any] = {
            "format": _FORMAT,
            "how": self.how,
            "seed": self.seed,
            "ratios": self.ratios,
            "fingerprint": ds.fingerprint,
        }
        parts = {name: [ds.keys[i] for i in getattr(self, name)] for name in _NAMES}
        write_text(path, json.dumps(facts | parts, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path, ds: SeedDataset) -> "Split":
        """Reads `split.json`.

        Raises:
            DataError: The file cannot be read, or was made for another data set.
        """
        found = _read(path)
        if found["fingerprint"] != ds.fingerprint:
            raise DataError(
                f"{path}: made for data with fingerprint {found['fingerprint']}, found "
                f"{ds.fingerprint} in {ds.root}: use the data it was made for, or split again"
            )
        number_of = {key: i for i, key in enumerate(ds.keys)}
        keys = [key for name in _NAMES for key in found[name]]
        for key in keys:
            if key not in number_of:
                raise DataError(
                    f"{path}: names sample {key!r}, expected samples of {ds.root}: split again"
                )
        if len(set(keys)) < len(keys):
            raise DataError(f"{path}: a sample is named twice, expected once: split again")
        train, val, test = (tuple(number_of[key] for key in found[name]) for name in _NAMES)
        ratios = found.get("ratios")
        return cls(train, val, test, found["how"], found.get("seed"), ratios and tuple(ratios))

    @staticmethod
    def matches(path: Path, ds: SeedDataset) -> bool:
        """Whether `path` is a split of exactly this data set."""
        try:
            return bool(_read(path)["fingerprint"] == ds.fingerprint)
        except DataError:
            return False


def split_dataset(
    ds: SeedDataset, *, seed: int = 0, ratios: tuple[float, float, float] = RATIOS
) -> Split:
    """Splits a data set into train, val and test.

    Splits that folders or file names declare are kept. Where only train and test are declared,
    val is drawn from train, in proportion; where only train is, or nothing, all three are drawn.
    What is drawn is stratified by label (samples without one are a class of their own) and keeps
    groups whole.

    Args:
        ds: The data set.
        seed: Decides what is drawn; the same seed draws the same.
        ratios: Shares of train, val and test; they add up to 1, and train is not 0.

    Raises:
        ConfigError: The ratios are none.
    """
    if len(ratios) != 3 or min(ratios) < 0 or ratios[0] <= 0 or abs(sum(ratios) - 1) > 1e-6:
        raise ConfigError(
            f"ratios {ratios}: expected three shares (train above 0) that add up to 1, such as "
            "(0.7, 0.15, 0.15)"
        )
    declared = {name: _numbers(ds, name) for name in _NAMES}
    names = [name for name in _NAMES if declared[name]]
    drawn = f"stratified by label, groups whole, seed {seed}"
    if names in ([], ["train"]):
        train, val, test = _draw(ds, range(len(ds)), ratios, seed)
        return Split(train, val, test, f"drawn: {drawn}", seed, ratios)
    torn = _torn_groups(ds)
    warning = f"; {torn} groups lie in more than one part" if torn else ""
    if names == ["train", "test"] and ratios[1] > 0:
        shares = (ratios[0], ratios[1])
        train, val = _draw(ds, declared["train"], shares, seed)
        how = f"declared: train, test; val drawn from train: {drawn}{warning}"
        return Split(train, val, declared["test"], how, seed, ratios)
    how = f"declared: {', '.join(names)}{warning}"
    return Split(declared["train"], declared["val"], declared["test"], how)


def _numbers(ds: SeedDataset, name: str) -> tuple[int, ...]:
    return tuple(i for i, split in enumerate(ds.declared_splits) if split == name)


def _torn_groups(ds: SeedDataset) -> int:
    parts: dict[str, set[str | None]] = {}
    for group, split in zip(ds.groups, ds.declared_splits, strict=True):
        if group is not None:
            parts.setdefault(group, set()).add(split)
    return sum(len(found) > 1 for found in parts.values())


def _draw(
    ds: SeedDataset, numbers: Sequence[int], shares: Sequence[float], seed: int
) -> list[tuple[int, ...]]:
    parts = stratify([ds.labels[i] for i in numbers], [ds.groups[i] for i in numbers], shares, seed)
    return [tuple(numbers[i] for i in part) for part in parts]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a split ({error}): split again") from error
    lists = isinstance(found, dict) and all(
        isinstance(found.get(name), list) and all(isinstance(key, str) for key in found[name])
        for name in _NAMES
    )
    if not lists or not all(isinstance(found.get(key), str) for key in ("fingerprint", "how")):
        raise DataError(
            f"{path}: not a split, expected fingerprint, how, train, val and test: split again"
        )
    return dict(found)
