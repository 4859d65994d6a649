"""Which samples are trained on, validated on and tested on.

A split that leaks is worse than none: samples of one group (tray, plot, batch) share light, soil
and camera settings, so a group is never torn apart unless that is asked for (`by`).

`split.json` in a data set's folder is the split of everybody who uses these data; `split.json` in
a run's folder is what that run used.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bimae.data.dataset import SeedDataset
from bimae.data.stratify import stratify
from bimae.errors import ConfigError, DataError, count
from bimae.storage import write_text

FILE_NAME = "split.json"
RATIOS = (0.7, 0.15, 0.15)
PARTS = ("train", "val", "test")
Ratios = tuple[float, float, float]
_FORMAT = 1


class Keyed(Protocol):
    """What a split has to know of its data set."""

    @property
    def root(self) -> Path:
        """Folder of the shards."""

    @property
    def keys(self) -> Sequence[str]:
        """A name for each sample that no other has."""

    @property
    def fingerprint(self) -> str:
        """Stands for this content."""


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
    ratios: Ratios | None = None

    def summary(self) -> dict[str, Any]:
        """How it was made and how large its parts are, for `dataset.json`."""
        sizes = {part: len(getattr(self, part)) for part in PARTS}
        return {"how": self.how, "seed": self.seed} | sizes

    def save(self, path: Path, ds: Keyed, facts: Mapping[str, Any] | None = None) -> None:
        """Writes `split.json`: the key of every sample, so that it can be read and checked.

        Args:
            path: The file.
            ds: The data set that this is a split of.
            facts: What else is worth telling a person, as JSON; nothing reads it back.
        """
        write_text(path, self.as_json(ds, facts))

    def as_json(self, ds: Keyed, facts: Mapping[str, Any] | None = None) -> str:
        """The text of `split.json`; the same split makes the same text."""
        own: dict[str, Any] = {
            "format": _FORMAT,
            "how": self.how,
            "seed": self.seed,
            "ratios": self.ratios,
            "fingerprint": ds.fingerprint,
        }
        parts = {name: [ds.keys[i] for i in getattr(self, name)] for name in PARTS}
        told = own | dict(facts or {}) | parts
        return json.dumps(told, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def load(cls, path: Path, ds: Keyed) -> "Split":
        """Reads `split.json`; keys that it does not know are left alone.

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
        keys = [key for name in PARTS for key in found[name]]
        for key in keys:
            if key not in number_of:
                raise DataError(
                    f"{path}: names sample {key!r}, expected samples of {ds.root}: split again"
                )
        if len(set(keys)) < len(keys):
            raise DataError(f"{path}: a sample is named twice, expected once: split again")
        train, val, test = (tuple(number_of[key] for key in found[name]) for name in PARTS)
        ratios = found.get("ratios")
        return cls(train, val, test, found["how"], found.get("seed"), ratios and tuple(ratios))

    @staticmethod
    def matches(path: Path, ds: Keyed) -> bool:
        """Whether `path` is a split of exactly this data set."""
        try:
            return bool(_read(path)["fingerprint"] == ds.fingerprint)
        except DataError:
            return False


def split_dataset(ds: SeedDataset, *, seed: int = 0, ratios: Ratios = RATIOS) -> Split:
    """The split of a data set: the one that lies beside it, the declared one, or a new one.

    `split.json` in the folder of the records (`bimae data split`) is followed, whatever seed and
    ratios are. Else splits that folders or file names declare are kept. Where only train and test
    are declared, val is drawn from train, in proportion; where only train is, or nothing, all
    three are drawn. What is drawn is stratified by label (samples without one are a class of
    their own) and keeps groups whole.

    Args:
        ds: The data set.
        seed: Decides what is drawn; the same seed draws the same.
        ratios: Shares of train, val and test; they add up to 1, and train is not 0.

    Raises:
        ConfigError: The ratios are none.
        DataError: `split.json` is there, but cannot be read or was made for other data.
    """
    if problem := ratios_problem(ratios):
        raise ConfigError(problem)
    if (beside := split_file(ds)).is_file():
        if not Split.matches(beside, ds):
            _read(beside)
            raise DataError(
                f"{beside}: is of other data, expected a split of what is in {ds.root} now: split "
                "again (bimae data split, with --overwrite), or remove the file"
            )
        return Split.load(beside, ds)
    declared = {name: _numbers(ds, name) for name in PARTS}
    names = [name for name in PARTS if declared[name]]
    drawn = f"stratified by label, groups whole, seed {seed}"
    if names in ([], ["train"]):
        train, val, test = _stratified(ds, range(len(ds)), ratios, seed)
        return Split(train, val, test, f"drawn: {drawn}", seed, ratios)
    torn = _torn_groups(ds)
    lie = count(torn, "group lies", "groups lie")
    warning = f"; {lie} in more than one part" if torn else ""
    if names == ["train", "test"] and ratios[1] > 0:
        shares = (ratios[0], ratios[1])
        train, val = _stratified(ds, declared["train"], shares, seed)
        how = f"declared: train, test; val drawn from train: {drawn}{warning}"
        return Split(train, val, declared["test"], how, seed, ratios)
    how = f"declared: {', '.join(names)}{warning}"
    return Split(declared["train"], declared["val"], declared["test"], how)


def split_file(ds: SeedDataset) -> Path:
    """Where the split of a data set lies, if it has one: beside its records."""
    return ds.root / FILE_NAME


def ratios_problem(ratios: Sequence[float]) -> str | None:
    """What is wrong with shares of train, val and test; None where nothing is."""
    fine = len(ratios) == 3 and min(ratios) >= 0 and ratios[0] > 0
    if fine and abs(sum(ratios) - 1) <= 1e-6:  # not so for NaN
        return None
    return (
        f"ratios {tuple(ratios)}: expected three shares (train above 0) that add up to 1, such as "
        "(0.7, 0.15, 0.15)"
    )


def _numbers(ds: SeedDataset, name: str) -> tuple[int, ...]:
    return tuple(i for i, split in enumerate(ds.declared_splits) if split == name)


def _torn_groups(ds: SeedDataset) -> int:
    parts: dict[str, set[str | None]] = {}
    for group, split in zip(ds.groups, ds.declared_splits, strict=True):
        if group is not None:
            parts.setdefault(group, set()).add(split)
    return sum(len(found) > 1 for found in parts.values())


def _stratified(
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
        for name in PARTS
    )
    if not lists or not all(isinstance(found.get(key), str) for key in ("fingerprint", "how")):
        raise DataError(
            f"{path}: not a split, expected fingerprint, how, train, val and test: split again"
        )
    if found.get("format", _FORMAT) != _FORMAT:
        raise DataError(
            f"{path}: written as format {found['format']!r}, expected {_FORMAT}: use the version "
            "of bimae that wrote it, or split again"
        )
    if not _drawn_so(found.get("seed"), found.get("ratios")):
        raise DataError(
            f"{path}: not a split, expected a whole number or null as seed and three numbers or "
            "null as ratios: split again"
        )
    return dict(found)


def _drawn_so(seed: Any, ratios: Any) -> bool:
    whole = seed is None or (isinstance(seed, int) and not isinstance(seed, bool))
    three = isinstance(ratios, list) and len(ratios) == 3
    numbers = three and all(isinstance(x, int | float) and not isinstance(x, bool) for x in ratios)
    return whole and (ratios is None or numbers)
