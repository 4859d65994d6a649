"""A path that a user gives -> the TFRecord shards it means, and the splits they declare."""

import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bimae.data.remote import RemotePath, as_path
from bimae.errors import DataError

SPLITS = ("train", "val", "test")
SUFFIXES = ".tfrecord, .tfrecords, .tfrec (also .gz, .zlib)"
_SHARD = re.compile(
    r"[^.].*\.(tfrecord|tfrecords|tfrec)(-\d+-of-\d+)?(\.(gz|zlib))?", re.IGNORECASE
)
SPLIT_OF = {"train": "train", "val": "val", "validation": "val", "test": "test"}
# The word must end there: "test-00000-of-00002" and "test.tfrecord", but not "testa.tfrecord".
_PREFIX = re.compile(r"(train|validation|val|test)(?![^\W\d_])", re.IGNORECASE)


@dataclass(frozen=True)
class Located:
    """The shards of a data set.

    Attributes:
        root: The folder that holds them; shard names are relative to it.
        shards: Files, ordered by split (train, val, test) and name.
        splits: For each shard `train`, `val` or `test`, or None where undeclared.
    """

    root: Path
    shards: tuple[Path, ...]
    splits: tuple[str | None, ...]


def locate(path: Path | str) -> Located:
    """Finds the shards that a path means.

    Args:
        path: A file (whatever its suffix), a glob, a folder with the subfolders train, val
            (or validation) and test, a folder with files of these prefixes, or a flat folder;
            each also as an address such as `s3://bucket/folder`.

    Raises:
        DataError: There is nothing there, or some shards declare a split and others none; or an
            address cannot be read.
    """
    path = as_path(path)
    if isinstance(path, RemotePath):
        path.refresh()
        if path.is_file():  # asked first: over HTTP, whether it is a folder is a download
            return _declared(path.parent, [path], path)
    if path.is_dir():
        try:
            return _in_folder(path)
        except OSError as error:
            raise DataError(f"{path}: cannot be listed ({error}); check its permissions") from error
    if path.exists():
        return _declared(path.parent, [path], path)
    if not glob.has_magic(str(path)):
        raise DataError(
            f"{path}: found no such file or folder, expected TFRecords ({SUFFIXES}): check the path"
        )
    files = [file for file in _matching(path) if file.is_file()]
    if not files:
        raise DataError(f"{path}: found no file that matches, expected TFRecords: check the glob")
    return _declared(_common_folder(files), files, path)


def are_records(path: Path | str) -> bool:
    """Whether a path means TFRecords by the names that are there; no file is opened.

    True also for an address and for a glob, which mean nothing else.
    """
    path = as_path(path)
    if isinstance(path, RemotePath) or (not path.exists() and glob.has_magic(str(path))):
        return True
    if not path.is_dir():
        return _SHARD.fullmatch(path.name) is not None
    inside = (p for p in path.iterdir() if p.name.lower() in SPLIT_OF and p.is_dir())
    return any(_shards_in(folder) for folder in (path, *inside))


def _matching(path: Path) -> list[Path]:
    if isinstance(path, RemotePath):
        return list(path.matching())
    return [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207


def _in_folder(folder: Path) -> Located:
    loose = _shards_in(folder)
    by_split: dict[str, list[Path]] = {}
    for child in sorted(folder.iterdir()):
        split = SPLIT_OF.get(child.name.lower())
        if split is not None and child.is_dir():
            by_split.setdefault(split, []).extend(_shards_in(child))
    nested = [(file, split) for split in SPLITS for file in by_split.get(split, [])]
    if nested and loose:
        raise DataError(
            f"{folder}: found shards in {nested[0][0].parent.name}/ and beside it "
            f"({loose[0].name}), expected one or the other: move them, or name files with a glob"
        )
    if nested:
        return Located(folder, tuple(f for f, _ in nested), tuple(s for _, s in nested))
    if not loose:
        files = sum(1 for child in folder.iterdir() if child.is_file())
        raise DataError(
            f"{folder}: found no TFRecords among {files} files, expected files ending in "
            f"{SUFFIXES} here or in train/, val/ and test/: check the path, or give a glob; scans "
            "and photos become TFRecords with bimae data import"
        )
    return _declared(folder, loose, folder)


def _shards_in(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if _SHARD.fullmatch(f.name) and f.is_file())


def _declared(root: Path, files: Sequence[Path], asked: Path) -> Located:
    split_of = {file: _split_named(file, root) for file in files}
    undeclared = [file for file, split in split_of.items() if split is None]
    if undeclared and len(undeclared) < len(files):
        named = next(file for file, split in split_of.items() if split is not None)
        raise DataError(
            f"{asked}: found {named.name}, which names a split, beside {undeclared[0].name}, which "
            "names none; expected all or none: rename them, or name the files with a glob"
        )
    order = sorted(files, key=lambda f: (SPLITS.index(split_of[f] or "train"), str(f)))
    return Located(root, tuple(order), tuple(split_of[file] for file in order))


def _split_named(file: Path, root: Path) -> str | None:
    if match := _PREFIX.match(file.name):
        return SPLIT_OF[match[1].lower()]
    return SPLIT_OF.get(file.parent.name.lower()) if file.parent != root else None


def _common_folder(files: Sequence[Path]) -> Path:
    parents = [file.parent for file in files]
    common = parents[0]
    while not all(parent.is_relative_to(common) for parent in parents):
        common = common.parent
    return common
