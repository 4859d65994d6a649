"""What lies in more than one part of a split, and what a careless split would have torn apart.

A test sample tells little where training saw another one of the same tray, or the same image.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bimae.data.dataset import SeedDataset
from bimae.data.splits import PARTS, RATIOS, Split
from bimae.data.stratify import at_random, units
from bimae.errors import count

Passing = Callable[[Iterable[int]], Iterable[int]]  # such as a progress bar
_DIGEST_BYTES = 16


class Digest(NamedTuple):
    """What an image pair is recognised by.

    Attributes:
        hs: Hash of the cube: its size, type and values.
        rgb: Hash of the RGB image.
        flat_hs: All pixels of the cube are alike: nothing is recognised by it.
        flat_rgb: All pixels of the RGB image are alike.
    """

    hs: bytes
    rgb: bytes
    flat_hs: bool
    flat_rgb: bool


def digest_of(rgb: NDArray[Any], hs: NDArray[Any]) -> Digest:
    """The digest of decoded images [h, w, channels]; however they are stored, it is the same."""
    return Digest(_hash(hs), _hash(rgb), is_flat(hs), is_flat(rgb))


def is_flat(image: NDArray[Any]) -> bool:
    """Whether all pixels of an image [h, w, channels] are alike."""
    first = image[0, 0]
    height, width = image.shape[:2]
    few = image[[-1, height // 2], [-1, width // 2]]  # spares most images the whole comparison
    return bool((few == first).all() and (image == first).all())


def identical_images(ds: SeedDataset, passing: Passing = iter) -> list[int | None]:
    """Finds samples with the same images; reads every image once.

    Args:
        ds: The data set; opened without sizes, images are compared as stored.
        passing: What the numbers of the samples go through (a progress bar).

    Returns:
        For each sample the number of its set of identical samples, None where there is no other.
    """
    digests = []
    for i in passing(range(len(ds))):
        sample = ds[i]
        digests.append(digest_of(sample.rgb, sample.hs))
    return alike(digests)


def alike(digests: Sequence[Digest]) -> list[int | None]:
    """Sets of samples that share an image, numbered as they first appear; None: no other has it.

    Sharing one view is enough, since a model may look at that one only; but a flat view, as a
    placeholder is, counts only where the other view is shared too.
    """
    merged = units(
        _shared([None if d.flat_hs else d.hs for d in digests]),
        _shared([None if d.flat_rgb else d.rgb for d in digests]),
        _shared([d.hs + d.rgb for d in digests]),
    )
    number_of: dict[str, int] = {}
    return [None if m is None else number_of.setdefault(m, len(number_of)) for m in merged]


def _shared(names: Sequence[bytes | None]) -> list[bytes | None]:
    often = Counter(names)
    return [name if often[name] > 1 else None for name in names]


def _hash(image: NDArray[Any]) -> bytes:
    image = np.ascontiguousarray(image)
    state = hashlib.sha256(f"{image.dtype.str} {image.shape}".encode(), usedforsecurity=False)
    state.update(image.data)
    return state.digest()[:_DIGEST_BYTES]


@dataclass(frozen=True)
class Beside:
    """Samples of a part that lie beside samples of training which they are no test of.

    Attributes:
        samples: Samples of the part.
        group: Of these, those whose group is in training too.
        copy: Those that share an image with training; 0 where nobody looked.
        either: Those of which one or both is true.
    """

    samples: int
    group: int
    copy: int
    either: int


@dataclass(frozen=True)
class Missing:
    """A class that a part has no sample of, and why."""

    label: str
    part: str
    why: str


@dataclass(frozen=True)
class Leakage:
    """What a split leaks, and what a random one would have.

    Attributes:
        parts: For each part its samples, its groups, and how many samples have no label.
        classes: For each class its samples in each part.
        torn_groups: Groups that lie in more than one part.
        copies: Sets of samples that share an image; None where nobody looked.
        torn_copies: Keys of those sets that lie in more than one part; None likewise.
        missing: Classes that are missing from a part.
        this: For val and test, what lies beside training.
        random: The same for samples drawn one by one, with the same shares and seed.
    """

    parts: dict[str, dict[str, int]]
    classes: dict[str, dict[str, int]]
    torn_groups: list[str]
    copies: int | None
    torn_copies: list[list[str]] | None
    missing: list[Missing]
    this: dict[str, Beside]
    random: dict[str, Beside]

    def as_json(self) -> dict[str, Any]:
        """What `split.json` tells under `leakage`, with the attributes' names."""
        return asdict(self)


def find_leaks(ds: SeedDataset, split: Split, copies: Sequence[int | None] | None) -> Leakage:
    """What a split leaks.

    Args:
        ds: The data set.
        split: A split of it; the random one has its ratios and seed, or the usual ones where
            nothing was drawn.
        copies: What `identical_images` found, or None where nobody looked.
    """
    part_of = {i: name for name in PARTS for i in getattr(split, name)}
    torn_groups = _torn(ds.groups, part_of)
    torn_copies = None
    if copies is not None:
        torn_copies = [[ds.keys[i] for i in members] for members in _torn(copies, part_of).values()]
    found = Counter((ds.labels[i], name) for i, name in part_of.items())
    ratios = split.ratios or RATIOS
    drawn = at_random([None] * len(ds), ratios, split.seed or 0)
    random_part_of = {i: name for name, part in zip(PARTS, drawn, strict=True) for i in part}
    return Leakage(
        parts={name: _counted(ds, getattr(split, name)) for name in PARTS},
        classes={label: {name: found[label, name] for name in PARTS} for label in ds.classes},
        torn_groups=sorted(str(group) for group in torn_groups),
        copies=None if copies is None else len({c for c in copies if c is not None}),
        torn_copies=torn_copies,
        missing=_missing(ds, split, copies),
        this=_beside(ds.groups, copies, part_of),
        random=_beside(ds.groups, copies, random_part_of),
    )


def _counted(ds: SeedDataset, part: Sequence[int]) -> dict[str, int]:
    return {
        "samples": len(part),
        "groups": len({ds.groups[i] for i in part} - {None}),
        "unlabelled": sum(ds.labels[i] is None for i in part),
    }


def _torn(names: Sequence[object], part_of: dict[int, str]) -> dict[object, list[int]]:
    """Members of each name that lies in more than one part."""
    members: dict[object, list[int]] = defaultdict(list)
    for i in sorted(part_of):
        if names[i] is not None:
            members[names[i]].append(i)
    return {n: found for n, found in members.items() if len({part_of[i] for i in found}) > 1}


def _beside(
    groups: Sequence[str | None], copies: Sequence[int | None] | None, part_of: dict[int, str]
) -> dict[str, Beside]:
    learned = [i for i, part in part_of.items() if part == "train"]
    seen = {groups[i] for i in learned} - {None}
    copied = {copies[i] for i in learned} - {None} if copies is not None else set()
    found = {}
    for name in PARTS[1:]:
        part = [i for i, other in part_of.items() if other == name]
        group = {i for i in part if groups[i] in seen}
        copy = {i for i in part if copies is not None and copies[i] in copied}
        found[name] = Beside(len(part), len(group), len(copy), len(group | copy))
    return found


def _missing(ds: SeedDataset, split: Split, copies: Sequence[int | None] | None) -> list[Missing]:
    named = [name for name in PARTS if getattr(split, name)]
    present = {(ds.labels[i], name) for name in named for i in getattr(split, name)}
    alone: list[int | None] = [None] * len(ds)
    unit_of = units(ds.groups, alone if copies is None else copies)
    samples = Counter(ds.labels)
    homes: dict[str | None, set[str | int]] = defaultdict(set)
    for i, label in enumerate(ds.labels):
        homes[label].add(unit_of[i] or i)
    return [
        Missing(label, name, _why(samples[label], len(homes[label]), len(named)))
        for label in ds.classes
        for name in named
        if (label, name) not in present
    ]


def _why(samples: int, homes: int, parts: int) -> str:
    if samples < parts:
        return f"only {count(samples, 'sample')}"
    if homes < parts:
        return f"its {samples} samples lie in only {count(homes, 'group')}"
    return "so it was drawn"
