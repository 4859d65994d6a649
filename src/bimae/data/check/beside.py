"""Judges what should be there with the records: all shards of a numbered set, a fitting split."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bimae.data.check.findings import Problem, some
from bimae.data.locate import Located
from bimae.data.splits import FILE_NAME, PARTS, Split
from bimae.errors import DataError, count

_NUMBERED = re.compile(r"(.*)-(\d+)-of-(\d+)(\D.*)?")


@dataclass(frozen=True)
class Known:
    """What `Split.load` has to know of a data set, without opening it."""

    root: Path
    keys: Sequence[str]
    fingerprint: str


def fingerprint(located: Located, frames: Sequence[Sequence[tuple[int, int]]]) -> str:
    """The fingerprint that `SeedDataset` has of the same shards.

    Args:
        located: The shards.
        frames: For each shard the payload bytes and masked CRC32C of its records.
    """
    digest = hashlib.sha256()
    for path, found in zip(located.shards, frames, strict=True):
        digest.update(path.relative_to(located.root).as_posix().encode() + b"\0")
        digest.update(np.array([size for size, _ in found], "<i8").tobytes())
        digest.update(np.array([crc for _, crc in found], "<u4").tobytes())
    return digest.hexdigest()[:16]


def missing_shards(located: Located) -> Iterator[Problem]:
    """Numbers that no shard has in a set such as `train-00000-of-00008.tfrecord`.

    A shard that is there, but was not asked for, is not missing.
    """
    found: dict[tuple[Path, str, str, str], set[int]] = defaultdict(set)
    for path in located.shards:
        if match := _NUMBERED.fullmatch(path.name):
            name, number, total, suffix = match.groups()
            found[path.parent, name, total, suffix or ""].add(int(number))
    for (folder, name, total, suffix), numbers in found.items():
        first = 1 if 0 not in numbers and int(total) in numbers else 0
        width = len(total)
        lost = [
            shard
            for number in range(first, int(total) + first)
            if number not in numbers
            and not (shard := folder / f"{name}-{number:0{width}}-of-{total}{suffix}").exists()
        ]
        for shard in lost:
            are = "is" if len(numbers) == 1 else "are"
            text = f"is missing; {len(numbers)} of the {int(total)} shards of {name} {are} there"
            remedy = "copy it too, or write the data set again"
            yield Problem("error", "missing-shard", str(shard), text, remedy, "file", 0)


def written_split(known: Known) -> tuple[dict[str, str] | None, list[Problem]]:
    """`split.json` beside the records: the part of each key, and what is wrong with the file."""
    path = known.root / FILE_NAME
    if not path.is_file():
        return None, []
    try:
        split = Split.load(path, known)
    except DataError as error:
        told = str(error).removeprefix(f"{path}: ")
        text, _, _ = told.rpartition(": ")
        stale = "fingerprint" in text and "made for" in text
        code = "split-of-other-data" if stale else "split-json"
        remedy = "split again (bimae data split, with --overwrite), or remove it"
        return None, [
            Problem("error", code, str(path), text or told, remedy, "file", len(known.keys))
        ]
    part_of = {known.keys[i]: name for name in PARTS for i in getattr(split, name)}
    problems = []
    left = [key for key in known.keys if key not in part_of]
    if left:
        text = f"{count(len(left), 'sample is', 'samples are')} in no part ({some(left)})"
        remedy = "split again, if that is not meant"
        problems.append(Problem("note", "in-no-part", str(path), text, remedy, "file", len(left)))
    return part_of, problems
