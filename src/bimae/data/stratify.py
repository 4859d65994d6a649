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

    Without groups each label is dealt out exactly (largest remainder). With groups, the largest
    goes first, each to the part that lacks its labels most. Then groups are moved where a part
    is empty, or lacks a label that has as many groups as there are parts.

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
        part_of = _deal_samples(label_of, share, rng)
    else:
        part_of = _deal_groups(counts, share, rng)
    deal = _Deal(part_of, counts, np.flatnonzero(share > 0), rng.permutation(len(members)))
    deal.fill_empty_parts()
    deal.spread_labels()
    return [
        sorted(i for group in np.flatnonzero(deal.part_of == part) for i in members[group])
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
    lacking = counts.sum(axis=0)[:, None] * share  # [labels, parts]
    part_of = np.zeros(len(counts), np.int64)
    for group in _by_size(counts, rng.permutation(len(counts)))[::-1]:
        gain = np.where(share > 0, counts[group] @ lacking, -np.inf)
        part_of[group] = int(np.argmax(gain))
        lacking[:, part_of[group]] -= counts[group]
    return part_of


def _by_size(counts: Ints, order: Ints) -> Ints:
    """Groups, the smallest first; equal ones stay in the given order."""
    return order[np.argsort(counts[order].sum(axis=1), kind="stable")]


class _Deal:
    """Groups dealt out to parts, and the moves that close gaps.

    A gap is an empty part, or a label that a part lacks although it has as many groups as there
    are parts. A move must close more gaps than it opens, so this ends.
    """

    def __init__(self, part_of: Ints, counts: Ints, parts: Ints, order: Ints) -> None:
        self.part_of = part_of
        self._parts = parts
        self._has_label = counts > 0  # [groups, labels]
        self._by_size = _by_size(counts, order)
        width = int(parts.max()) + 1
        self._sizes = np.bincount(part_of, minlength=width)  # groups of each part
        self._groups = np.zeros((counts.shape[1], width), np.int64)  # [labels, parts]
        np.add.at(self._groups.T, part_of, self._has_label)
        self._to_spread = self._groups.sum(axis=1) >= len(parts)

    def fill_empty_parts(self) -> None:
        """Gives every part a group, when there are as many groups as parts."""
        for part in self._parts:
            if self._sizes[part] == 0 and len(self.part_of) >= len(self._parts):
                giver = int(np.argmax(self._sizes))
                offered = [group for group in self._by_size if self.part_of[group] == giver]
                self._move(min(offered, key=self._opened), part)

    def spread_labels(self) -> None:
        """Gives every part each label that has groups enough, as far as moves can do it."""
        for label in np.flatnonzero(self._to_spread):
            for part in self._parts:
                if self._groups[label, part] == 0:
                    self._bring(int(label), int(part))

    def _bring(self, label: int, part: int) -> None:
        absent = self._to_spread & (self._groups[:, part] == 0)
        for group in self._by_size:
            if self._has_label[group, label] and self._sizes[self.part_of[group]] > 1:
                closed = int((absent & self._has_label[group]).sum())
                if closed > self._opened(group):
                    self._move(group, part)
                    return

    def _opened(self, group: int) -> int:
        """How many labels the part of a group would lack without it."""
        alone = self._groups[:, self.part_of[group]] == 1
        return int((self._to_spread & self._has_label[group] & alone).sum())

    def _move(self, group: int, part: int) -> None:
        giver = self.part_of[group]
        self._groups[:, giver] -= self._has_label[group]
        self._groups[:, part] += self._has_label[group]
        self._sizes[giver] -= 1
        self._sizes[part] += 1
        self.part_of[group] = part
