"""`bimae data folds`: a data set as several, each split another way, for cross-validation."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bimae.cli.parse import parse
from bimae.errors import ConfigError, DataError, count

if TYPE_CHECKING:
    from bimae.data import SeedDataset, Split

ABOUT = (
    "Makes a folder for each of some folds: the same records (links to them) with a split of its "
    "own, so that every sample is tested on in exactly one. Whatever takes a data set takes a "
    "fold; a study takes all of them and tells means and spread."
)
EXAMPLE = "bimae data folds data/mine data/folds --folds 5"
NAMED = 5  # classes in a note; the others are counted


@dataclass(frozen=True)
class FoldsOptions:
    """Options of the folds."""

    data: Path
    """TFRecords: a file, a glob, or a folder."""
    out: Path
    """Folder to make, with fold0, fold1 and so on in it."""
    folds: int = 5
    """How many; each tests on one part, validates on the next and learns from the rest."""
    by: Literal["group", "random", "class-balanced"] = "group"
    """Groups whole and labels in proportion; single samples whatever they are; or single samples,
    each class in proportion."""
    seed: int = 0
    """The same number makes the same folds."""
    no_duplicates: bool = False
    """Do not look for identical images (which reads all of them); else these stay in one part."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        from bimae.data.drawing import LEAST_FOLDS

        few = f"folds is {self.folds}; it must be at least {LEAST_FOLDS}"
        negative = f"seed is {self.seed}; it must be at least 0"
        return [few] * (self.folds < LEAST_FOLDS) + [negative] * (self.seed < 0)


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    places = ("data", "out")
    run(parse(FoldsOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=places))


def run(options: FoldsOptions) -> None:
    """Deals the samples out, says what each fold is, and writes."""
    from bimae.cli.progress import progress
    from bimae.data import open_dataset
    from bimae.data.drawing import draw_folds
    from bimae.data.leakage import identical_images
    from bimae.data.remote import RemotePath
    from bimae.storage import atomic_folder

    if options.out.exists():
        raise ConfigError(f"{options.out}: is there already; name another folder")
    samples = open_dataset(options.data, hs_size=None, rgb_size=None)
    if isinstance(samples.root, RemotePath):
        raise DataError(f"{samples.root}: an address, local records are expected: copy them first")
    copies = None
    if not options.no_duplicates:
        with progress("looking for identical images", "sample") as counted:
            copies = identical_images(samples, counted)
    splits = draw_folds(samples, options.folds, by=options.by, seed=options.seed, copies=copies)
    if empty := sum(not split.test for split in splits):
        raise DataError(
            f"{samples.root}: {count(empty, 'fold')} of {options.folds} would have nothing to test "
            f"on, since groups stay whole and there are {len(set(samples.groups))}; ask for fewer "
            "folds, or say --by class-balanced"
        )
    width = len(f"fold{options.folds - 1}")
    simulated = " (SIMULATED)" if samples.info.simulated else ""
    print(f"{count(len(samples), 'sample')}{simulated}, {splits[0].how.partition(', ')[2]}")
    with atomic_folder(options.out) as folder:
        for number, split in enumerate(splits):
            name = f"fold{number}"
            _write(samples, split, folder / name, options.out / name)
            sizes = (len(getattr(split, part)) for part in ("train", "val", "test"))
            print(f"{name:<{width}}  " + "{} train, {} val, {} test".format(*sizes))
            for line in _lacking(samples, split):
                print(f"{'':<{width}}  note: {line}")
    print(f"written  {options.out}")
    print("for a study:")
    print(f"data:\n  {samples.root.name}:")
    for number in range(options.folds):
        print(f"    fold{number}: {options.out / f'fold{number}'}")


def _write(samples: "SeedDataset", split: "Split", folder: Path, final: Path) -> None:
    """Links to the records, their facts, and the split.

    Links are relative, so that data and folds may be moved together.
    """
    from bimae.data.info import FILE_NAME as INFO_NAME
    from bimae.data.info import DatasetInfo
    from bimae.data.splits import FILE_NAME

    for shard in samples.shard_paths:
        link = folder / shard.relative_to(samples.root)
        link.parent.mkdir(parents=True, exist_ok=True)
        there = (final / shard.relative_to(samples.root)).parent.resolve()
        try:
            link.symlink_to(os.path.relpath(shard.resolve(), there))
        except OSError:  # a file system, or a user, that has no links
            shutil.copy2(shard, link)
    if (samples.root / INFO_NAME).is_file():
        shutil.copy2(samples.root / INFO_NAME, folder / INFO_NAME)
        DatasetInfo.add(folder, split=split.summary())
    split.save(folder / FILE_NAME, samples)


def _lacking(samples: "SeedDataset", split: "Split") -> list[str]:
    """Classes that are not learned, or not tested on."""
    learned, tested = (
        {name for name in samples.classes if name in {samples.labels[i] for i in part}}
        for part in (split.train, split.test)
    )
    found = []
    if unknown := sorted(tested - learned):
        found.append(f"{_named(unknown)} in the test part only, so that it cannot be told")
    if untested := sorted(set(samples.classes) - tested):
        found.append(f"no test sample of {_named(untested)}")
    return found


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
