"""By what a sample is known again: its images, and the camera's files that they were made of.

A model that is asked about what it learned from answers better than it will ever do elsewhere. The
same images may lie in other records, without their labels; the same files may have been imported
anew, at another scale and so with other pixels. Both are remembered, as short hashes that say
nothing of an image.
"""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from bimae.data.dataset import SeedDataset, beside
from bimae.errors import DataError
from bimae.storage import write_text

SOURCES = "sources.csv"
"""Beside the records of an import: the files that each sample was made of."""

DIGITS = 12  # hexadecimal ones of a key: of a million images, no two are taken for each other
BLOCK, BLOCKS = 512, 64  # bytes that stand for all of it: a scan of a gigabyte takes no time
_COLUMNS = ("id", "scan", "photo")


@dataclass(frozen=True)
class Source:
    """What a sample was imported from.

    Attributes:
        id: The sample's.
        scan: Key of its spectral file (`file_key`), or of its window in one; empty: none.
        photo: Key of its photo; empty: none.
    """

    id: str
    scan: str = ""
    photo: str = ""


def file_key(path: Path) -> str:
    """A key for what a file holds, whatever it is called and wherever it lies.

    Raises:
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:

        def read(start: int, stop: int) -> bytes:
            file.seek(start)
            return file.read(stop - start)

        return _key(size, read)


def part_key(key: str, part: str) -> str:
    """The key of a part of a file; of all of it where no part is named, and none without a file."""
    return hashlib.sha256(f"{key}\0{part}".encode()).hexdigest()[:DIGITS] if key and part else key


def write_sources(folder: Path, sources: Iterable[Source]) -> None:
    """Writes `sources.csv`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((one.id, one.scan, one.photo) for one in sources)
    write_text(folder / SOURCES, text.getvalue())


def keys_of(samples: SeedDataset, numbers: Iterable[int]) -> list[frozenset[str]]:
    """By what samples of a data set are known again.

    Args:
        samples: The data set.
        numbers: Which samples.

    Raises:
        DataError: Its `sources.csv` is not what an import leaves.
    """
    path = beside(samples.root, SOURCES)
    sources = {} if path is None else {one.id: one for one in _read_sources(path)}
    chosen = list(numbers)
    images = [[_image_key(image) for image in samples.image_bytes(number)] for number in chosen]
    # An RGB image that several samples have is a placeholder: nothing is known again by it.
    pictures = Counter(rgb for _, rgb in images)
    found = []
    for number, (hs, rgb) in zip(chosen, images, strict=True):
        keys = {hs, rgb if pictures[rgb] == 1 else ""}
        if (source := sources.get(samples.ids[number])) is not None:
            keys |= {source.scan, source.photo}
        found.append(frozenset(keys - {""}))
    return found


def known_again(keys: Iterable[frozenset[str]], known: Collection[str]) -> list[int]:
    """Places of the samples, of keys as `keys_of` gives them, that some keys stand for."""
    return [i for i, mine in enumerate(keys) if not mine.isdisjoint(known)]


def _image_key(image: memoryview) -> str:
    return _key(len(image), lambda start, stop: bytes(image[start:stop]))


def _key(size: int, read: Callable[[int, int], bytes]) -> str:
    """Of that many bytes; empty where all are alike, as in an image that only fills a place."""
    if size <= BLOCK * BLOCKS:
        blocks = [read(0, size)]
    else:
        starts = [(size - BLOCK) * number // (BLOCKS - 1) for number in range(BLOCKS)]
        blocks = [read(start, start + BLOCK) for start in starts]
    held = b"".join(blocks)
    if held == held[:4] * (len(held) // 4):  # a number of four bytes, again and again
        return ""
    return hashlib.sha256(str(size).encode() + held).hexdigest()[:DIGITS]


def _read_sources(path: Path) -> list[Source]:
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not readable ({error}); mend or remove it") from error
    if not rows or tuple(rows[0]) != _COLUMNS or any(len(row) != len(_COLUMNS) for row in rows):
        raise DataError(
            f"{path}: the columns {', '.join(_COLUMNS)} are expected, as an import leaves them; "
            "mend or remove it"
        )
    return [Source(*row) for row in rows[1:]]
