"""Drawing parts with the same mix of labels, whole groups at a time. Pure functions, seeded."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def stratify(
    labels: Sequence[str | None],
    groups: Sequence[str | None],
    shares: Sequence[float],
    seed: int,
) -> list[list[int]]:
    """Deals samples out to parts.

    Without groups each label is dealt out exactly (largest remainder). With groups, many deals
    are drawn, each is mended by moving single groups while that helps, and the best one is kept:
    near the shares in size and in every label, no part empty, no label missing from a part
    without need.

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
        part_of = _deal_groups(counts, share, rng)
    return [
        sorted(i for group in np.flatnonzero(part_of == part) for i in members[group])
        for part in range(len(share))
    ]


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


def _deal_groups(counts: Ints, share: Floats, rng: np.random.Generator) -> Ints:
    """The best of some deals of groups [groups, labels] to parts; returns each group's part."""
    judge = _Judge(counts, share)
    draws = max(1, min(32, 3_000 // len(counts)))  # many groups need no luck
    deals = [judge.mended(_drawn(counts, share, rng)) for _ in range(draws)]
    return min(deals, key=judge.badness)


def _drawn(counts: Ints, share: Floats, rng: np.random.Generator) -> Ints:
    """The largest groups first, in a jittered order, each to where its labels lack most."""
    sizes = counts.sum(axis=1) * rng.uniform(0.8, 1.2, len(counts))
    lacking = counts.sum(axis=0)[:, None] * share  # [labels, parts]
    part_of = np.zeros(len(counts), np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        gain = np.where(share > 0, counts[group] @ lacking, -np.inf)
        part_of[group] = int(np.argmax(gain))
        lacking[:, part_of[group]] -= counts[group]
    return part_of


class _Judge:
    """How bad a deal is, in one number.

    Squared distance from the wanted number over that number (chi-square), of every part's size
    and of every label in every part. A label that a part lacks although there are groups enough
    counts four usual groups of it more; a part without groups counts more than anything.
    """

    def __init__(self, counts: Ints, share: Floats) -> None:
        self._counts = counts
        self._parts = np.flatnonzero(share > 0)
        share = share[self._parts]
        self._wanted = np.vstack([counts.T, counts.sum(axis=1)]).sum(axis=1)[:, None] * share
        groups = (counts > 0).sum(axis=0)
        self._missing = np.where(
            groups >= len(self._parts), 4 * counts.sum(axis=0) / np.maximum(groups, 1), 0.0
        )
        self._empty = 0.0 if len(counts) < len(self._parts) else 4.0 * counts.sum()

    def badness(self, part_of: Ints) -> float:
        """The number; smaller is better."""
        here = part_of[:, None] == self._parts  # [groups, parts]
        labels = self._counts.T @ here  # [labels, parts]
        found = np.vstack([labels, labels.sum(axis=0)])
        distance = (np.square(found - self._wanted) / np.maximum(self._wanted, 1e-9)).sum()
        lacking = ((labels == 0) * self._missing[:, None]).sum()
        return float(distance + lacking + self._empty * (~here.any(axis=0)).sum())

    def mended(self, part_of: Ints) -> Ints:
        """Moves one group at a time while that makes the deal better; two rounds at most."""
        part_of, best = part_of.copy(), self.badness(part_of)
        for _ in range(2):
            before = best
            for group in range(len(part_of)):
                for part in self._parts:
                    old = part_of[group]
                    part_of[group] = part
                    now = self.badness(part_of)
                    if now < best - 1e-9:
                        best = now
                    else:
                        part_of[group] = old
            if best == before:
                break
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
