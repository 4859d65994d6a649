"""Judges what the samples say about themselves: ids, labels, groups, parts, and copies."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bimae.data.check.findings import Problem, plain, some
from bimae.data.check.records import SampleFacts
from bimae.data.locate import Located
from bimae.errors import count

FEW = 3  # samples that a class needs to be in train, val and test
UNEVEN = 20  # a largest class of this many times the smallest is worth a note
SPLIT = "split again (bimae data split keeps groups whole)"


@dataclass(frozen=True, slots=True)
class Seen:
    """A sample that could be read.

    Attributes:
        where: `file: record n (id)`.
        key: What `split.json` calls it.
        part: train, val or test, or None where nothing says so.
        facts: What was read.
    """

    where: str
    key: str
    part: str | None
    facts: SampleFacts

    def moved(self, part: str | None) -> "Seen":
        """The same sample in another part."""
        return replace(self, part=part)


def see(located: Located, samples: Sequence[Sequence[SampleFacts]]) -> list[Seen]:
    """Samples with names and declared parts, in the order and by the names of `SeedDataset`."""
    ids = Counter(
        _id(path, f) for path, found in zip(located.shards, samples, strict=True) for f in found
    )
    seen = []
    for path, part, found in zip(located.shards, located.splits, samples, strict=True):
        shard = path.relative_to(located.root).as_posix()
        for facts in found:
            name = _id(path, facts)
            key = name if ids[name] == 1 else f"{name}@{shard}:{facts.record}"
            where = f"{path}: record {facts.record}"
            if facts.id is not None:
                where += f" ({plain(facts.id)})"
            seen.append(Seen(where, key, part, facts))
    return seen


def _id(path: Path, facts: SampleFacts) -> str:
    return facts.id if facts.id is not None else f"{path.name.split('.tfrec')[0]}:{facts.record}"


def judge_samples(root: Path, seen: Sequence[Seen]) -> Iterator[Problem]:
    """Everything that looks at samples side by side."""
    yield from _ids(seen)
    yield from _classes(root, seen)
    yield from _unlearned(root, seen)
    yield from _groups(root, seen)
    yield from _copies(seen)
    yield from _half_copies(seen)


def _ids(seen: Sequence[Seen]) -> Iterator[Problem]:
    nameless = [s for s in seen if s.facts.id is None]
    for s in nameless:
        text = "no id; it goes by its file and number"
        yield Problem("note", "no-id", s.where, text, "write the feature `id`")
    for name, members in _together(seen, lambda s: s.facts.id).items():
        for s in members[1:]:
            text = f"the id {plain(str(name))} is that of {members[0].where} too"
            remedy = "give each sample an id of its own, or leave out what is there twice"
            yield Problem("warning", "repeated-id", s.where, text, remedy)


def _classes(root: Path, seen: Sequence[Seen]) -> Iterator[Problem]:
    sizes = Counter(s.facts.label for s in seen if s.facts.label is not None)
    unlabelled = [s for s in seen if s.facts.label is None]
    where = str(root)
    if not sizes:
        text = "no sample has a label"
        remedy = "they are for pretraining only; add the feature `label` to classify"
        yield Problem("note", "no-labels", where, text, remedy, "sample", len(seen))
        return
    for s in unlabelled:
        text = "no label, while others have one"
        remedy = "label it; without one it is used for pretraining, and left aside in fine-tuning"
        yield Problem("note", "unlabelled", s.where, text, remedy, "sample")
    for label, often in sorted(sizes.items()):
        if often < FEW:
            text = f"class {plain(label)} has {count(often, 'sample')}"
            remedy = "train, val and test cannot each have one: add samples, or leave the class out"
            yield Problem("warning", "rare-class", where, text, remedy, "class", often)
    most, least = max(sizes, key=lambda x: sizes[x]), min(sizes, key=lambda x: sizes[x])
    if sizes[most] >= UNEVEN * sizes[least]:
        text = (
            f"{count(sizes[most], 'sample')} of {plain(most)}, but {sizes[least]} of {plain(least)}"
        )
        remedy = "look at macro-F1 rather than accuracy, or even the classes out"
        yield Problem("note", "uneven-classes", where, text, remedy, "data set", sizes[least])
    yield from _spelling(where, sizes)


def _spelling(where: str, sizes: Counter[str]) -> Iterator[Problem]:
    spelled = defaultdict(list)
    for label in sorted(sizes):
        spelled["".join(filter(str.isalnum, label.casefold()))].append(label)
    for labels in spelled.values():
        if len(labels) > 1:
            text = f"classes {some(map(repr, labels))} differ in spelling only"
            often = sum(sizes[label] for label in labels)
            remedy = "give one class one name"
            yield Problem("warning", "label-spelling", where, text, remedy, "set", often)


def _unlearned(root: Path, seen: Sequence[Seen]) -> Iterator[Problem]:
    learned = {s.facts.label for s in seen if s.part == "train"}
    if not learned:
        return
    members = defaultdict(list)
    for s in seen:
        if s.facts.label is not None and s.part is not None and s.facts.label not in learned:
            members[s.facts.label].append(s)
    for label, found in sorted(members.items()):
        text = f"class {plain(label)} is in {found[0].part}, but not in train"
        remedy = "split again (bimae data split), or leave the class out"
        yield Problem("warning", "class-not-in-train", str(root), text, remedy, "class", len(found))


def _groups(root: Path, seen: Sequence[Seen]) -> Iterator[Problem]:
    groups = _together(seen, lambda s: s.facts.group)
    for group, members in groups.items():
        if len(parts := _parts(members)) > 1:
            other = next(s for s in members if s.part == parts[1])
            text = f"its group {plain(str(group))} lies in {' and '.join(parts)}"
            yield Problem(
                "error", "group-across-splits", other.where, text, SPLIT, "group", len(members)
            )
    homes: dict[str, set[str | None]] = defaultdict(set)
    sizes: Counter[str] = Counter()
    for s in seen:
        if s.facts.label is not None:
            homes[s.facts.label].add(s.facts.group)
            sizes[s.facts.label] += 1
    for label, found in sorted(homes.items()):
        (group, *others) = found
        if group is not None and not others and sizes[label] > 1:
            text = f"all {sizes[label]} samples of {plain(label)} are of group {plain(group)}"
            remedy = "it cannot be learned and tested without a leak: add samples of another group"
            yield Problem(
                "warning", "class-in-one-group", str(root), text, remedy, "class", sizes[label]
            )


def _copies(seen: Sequence[Seen]) -> Iterator[Problem]:
    """The same cube and the same RGB image."""
    for members in _together(seen, lambda s: s.facts.digest and s.facts.digest[:2]).values():
        first, parts = members[0], _parts(members)
        labels = list(dict.fromkeys(s.facts.label for s in members if s.facts.label is not None))
        if len(labels) > 1:
            odd = next(s for s in members if s.facts.label == labels[1])
            text = f"the same images as {first.where}, but label {plain(labels[1])} instead of "
            yield Problem(
                "error",
                "duplicate-other-label",
                odd.where,
                text + plain(labels[0]),
                "find out which label is right, and keep one sample",
                "set",
                len(members),
            )
        if len(parts) > 1:
            one, other = (next(s for s in members if s.part == part) for part in parts[:2])
            text = f"in {other.part} with the same images as {one.where} in {one.part}"
            remedy = "keep one of them, or split again (bimae data split keeps them together)"
            yield Problem(
                "error", "duplicate-across-splits", other.where, text, remedy, "set", len(members)
            )
        elif len(labels) < 2:
            for s in members[1:]:
                text = f"the same images as {first.where}"
                yield Problem("warning", "duplicate", s.where, text, "keep one of them")


def _half_copies(seen: Sequence[Seen]) -> Iterator[Problem]:
    """One view is the same, the other is not; flat images, as placeholders are, do not count."""
    for code, view, what, other in (
        ("same-cube-other-rgb", _cube, "cube", "RGB image"),
        ("same-rgb-other-cube", _rgb, "RGB image", "cube"),
    ):
        for members in _together(seen, view).values():
            first, parts = members[0], _parts(members)
            lie = f", in {' and '.join(parts)}" if len(parts) > 1 else ""
            for s in members:
                if s.facts.digest != first.facts.digest:
                    text = f"the same {what} as {first.where}, but another {other}{lie}"
                    remedy = "look whether its views belong together"
                    yield Problem("warning", code, s.where, text, remedy)


def _cube(s: Seen) -> bytes | None:
    digest = s.facts.digest
    return None if digest is None or digest.flat_hs else digest.hs


def _rgb(s: Seen) -> bytes | None:
    digest = s.facts.digest
    return None if digest is None or digest.flat_rgb else digest.rgb


def _together(seen: Sequence[Seen], name: Callable[[Seen], Hashable]) -> dict[Hashable, list[Seen]]:
    """Samples of the same name, where there are several; those of None are left out."""
    found: dict[Hashable, list[Seen]] = defaultdict(list)
    for s in seen:
        if (own := name(s)) is not None:
            found[own].append(s)
    return {own: members for own, members in found.items() if len(members) > 1}


def _parts(members: Sequence[Seen]) -> list[str]:
    return list(dict.fromkeys(s.part for s in members if s.part is not None))
