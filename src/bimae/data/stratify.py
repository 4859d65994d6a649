"""Drawing parts with the same mix of labels, whole groups at a time. Pure functions, seeded."""

from collections.abc import Sequence

import numpy as np

from bimae.data.deal import Floats, Ints, deal_groups


def stratify(
    labels: Sequence[str | None],
    groups: Sequence[str | None],
    shares: Sequence[float],
    seed: int,
) -> list[list[int]]:
    """Deals samples out to parts.

    Without groups each label is dealt out exactly (largest remainder). With groups, many deals
    are drawn, each is mended by moving and swapping groups while that helps, and the best one is
    kept: no part empty, no label missing from a part without need, and then near the shares in
    size and in every label. Where each group is of one label, a label of at least as many groups
    as parts is in every part, always.

    Args:
        labels: Label of each sample; None is a label like any other.
        groups: Group of each sample; None stands for the sample alone.
        shares: What each part should get, in proportion; a part of share 0 gets nothing.
        seed: Decides the draw.

    Returns:
        For each part the numbers of its samples, ascending.
    """
    if not labels:
        return [[] for _ in shares]
    share = np.array(shares, np.float64) / np.sum(shares)
    # None sorts behind every text, so that adding unlabelled samples renumbers nothing.
    ordered = sorted(set(labels), key=lambda label: (label is None, label or ""))
    number_of = {label: i for i, label in enumerate(ordered)}
    label_of = np.array([number_of[label] for label in labels], np.int64)
    members = _members(groups)
    counts = np.zeros((len(members), len(ordered)), np.int64)
    for group, samples in enumerate(members):
        np.add.at(counts[group], label_of[samples], 1)
    rng = np.random.default_rng(seed)
    if len(members) == len(labels):
        part_of = _spread(label_of, _deal_samples(label_of, share, rng), share)
    else:
        part_of = deal_groups(counts, share, rng)
    return [
        sorted(i for group in np.flatnonzero(part_of == part) for i in members[group])
        for part in range(len(share))
    ]


def at_random(
    together: Sequence[str | None], shares: Sequence[float], seed: int
) -> list[list[int]]:
    """Deals samples out without looking at labels: the naive way, to compare with.

    Args:
        together: Samples of one name stay in one part; None stands for the sample alone.
        shares: What each part should get; a part of share 0 gets nothing.
        seed: Decides the draw.

    Returns:
        For each part the numbers of its samples, ascending. None is empty that need not be.
    """
    members = _members(together)
    parts: list[list[int]] = [[] for _ in shares]
    named = [part for part, share in enumerate(shares) if share > 0]
    for turn, unit in enumerate(np.random.default_rng(seed).permutation(len(members))):
        if turn < len(named) <= len(members):
            part = named[turn]
        else:
            lacking = [round(shares[p] * len(together) - len(parts[p]), 9) for p in named]
            part = named[lacking.index(max(lacking))]
        parts[part] += members[unit]
    return [sorted(part) for part in parts]


def units(*ties: Sequence[object]) -> list[str | None]:
    """What must stay in one part: groups, and those that identical images tie to each other.

    Args:
        *ties: For each sample what ties it to others of the same value (its group, its set of
            identical images), or None where it is tied to none; any number of such sequences.

    Returns:
        For each sample the name of its unit; None where it is one of its own.
    """
    above = list(range(len(ties[0])))

    def first_of(i: int) -> int:
        while above[i] != i:
            above[i] = above[above[i]]
            i = above[i]
        return i

    seen: dict[tuple[int, object], int] = {}
    for kind, values in enumerate(ties):
        for i, value in enumerate(values):
            if value is not None:
                one, other = sorted((first_of(i), first_of(seen.setdefault((kind, value), i))))
                above[other] = one
    tied = [any(value is not None for value in values) for values in zip(*ties, strict=True)]
    return [str(first_of(i)) if tied[i] else None for i in range(len(above))]


def _members(groups: Sequence[str | None]) -> list[list[int]]:
    found: dict[str | int, list[int]] = {}
    for i, group in enumerate(groups):
        found.setdefault(i if group is None else group, []).append(i)
    return list(found.values())


def _deal_samples(label_of: Ints, share: Floats, rng: np.random.Generator) -> Ints:
    part_of = np.zeros(len(label_of), np.int64)
    lacking = np.zeros(len(share))  # over all labels so far: decides between equal remainders
    for label in range(int(label_of.max()) + 1):
        samples = rng.permutation(np.flatnonzero(label_of == label))
        wanted = len(samples) * share
        dealt = np.floor(wanted + 1e-9).astype(np.int64)
        lacking += wanted - dealt
        # Rounded, since 0.15 of 10 and 0.15 of 10 may differ in the last binary digit.
        remainder, total = np.round(wanted - dealt, 9), np.round(lacking, 9)
        fullest_first = np.lexsort((np.arange(len(share)), -total, -remainder))
        for part in fullest_first[: len(samples) - int(dealt.sum())]:
            dealt[part] += 1
            lacking[part] -= 1
        part_of[samples] = np.repeat(np.arange(len(share)), dealt)
    return part_of


def _spread(label_of: Ints, part_of: Ints, share: Floats) -> Ints:
    """Single samples, dealt exactly: a label of at least as many samples as parts is in each."""
    parts = np.flatnonzero(share > 0)
    part_of = part_of.copy()
    for label in np.unique(label_of):
        samples = np.flatnonzero(label_of == label)
        for part in parts:
            sizes = np.bincount(part_of[samples], minlength=len(share))
            if len(samples) >= len(parts) and sizes[part] == 0:
                giver = int(np.argmax(sizes))
                part_of[samples[part_of[samples] == giver][0]] = part
    for part in parts:  # only where no label has samples enough
        sizes = np.bincount(part_of, minlength=len(share))
        if sizes[part] == 0 and len(part_of) >= len(parts):
            part_of[np.flatnonzero(part_of == int(np.argmax(sizes)))[0]] = part
    return part_of
