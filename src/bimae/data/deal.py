"""Whole groups dealt to parts: no label missing without need, then the shares. Seeded."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_SWAPPED = 3  # deals that swaps are tried on
_MOST_TO_SWAP = 400  # groups; pairs of them are looked at, and with more groups moves are enough
_MOST_STEPS = 200


def deal_groups(counts: Ints, share: Floats, rng: np.random.Generator) -> Ints:
    """The best of some deals of groups to parts.

    Args:
        counts: [groups, labels] samples of each label in each group; no row is empty.
        share: [parts] what each part should get; adds up to 1, a part of 0 gets nothing.
        rng: Decides the draw.

    Returns:
        [groups] the part of each group.
    """
    draws = max(1, min(32, 3_000 // len(counts)))  # many groups need no luck
    deals = [_Deal(counts, share, _drawn(counts, share, rng)) for _ in range(draws)]
    for deal in deals:
        deal.mend()
    best = sorted(deals, key=_Deal.badness)[:_SWAPPED]
    for deal in best:
        deal.mend(swaps=True)
    return min(best, key=_Deal.badness).part_of


def _drawn(counts: Ints, share: Floats, rng: np.random.Generator) -> Ints:
    """The largest groups first, in a jittered order, each to where its labels lack most."""
    sizes = counts.sum(axis=1) * rng.uniform(0.8, 1.2, len(counts))
    lacking = counts.sum(axis=0)[:, None] * share  # [labels, parts]
    part_of = np.zeros(len(counts), np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        gain = np.where(share > 0, np.round(counts[group] @ lacking, 9), -np.inf)
        part_of[group] = int(np.argmax(gain))
        lacking[:, part_of[group]] -= counts[group]
    return part_of


class _Deal:
    """Groups in parts, and how bad that is; mended step by step.

    Badness is looked at in this order:

    1. parts without groups (of two groups, training and the last part get one each);
    2. labels of at least two groups that training lacks (the part of the largest share): what is
       not learned is not worth a test;
    3. labels that a part lacks although they have groups of their own enough, of no other label:
       one of these can always be brought, since two of them lie in another part;
    4. the shares: squared distance from the wanted number over that number (chi-square), of every
       part's size and of every label in every part; a label that a part lacks although it has
       groups enough, mixed ones, costs four usual groups of it more.

    Were all that weighed in one sum, a label of kind 3 could stay missing since the way to bring
    it leads over worse shares. Those of kind 4 are not worth any price: to bring every label
    everywhere in a handful of mixed groups would leave little to learn from.

    G groups, R labels and their sum, P parts; counts are whole numbers, exact as floats.
    """

    def __init__(self, counts: Ints, share: Floats, part_of: Ints) -> None:
        self._named = np.flatnonzero(share > 0)  # parts of share 0 do not take part
        self._counts = np.column_stack([counts, counts.sum(axis=1)]).astype(np.float64)  # [G, R]
        self._has = (self._counts > 0).astype(np.float64)
        total = self._counts.sum(axis=0)[:, None]
        self._per_wanted = 1 / np.maximum(total * share[self._named], 1e-9)  # [R, P]
        self._wanted = total * share[self._named]
        self._dire, self._dear = self._prices(int(np.argmax(share[self._named])))
        self._part = np.searchsorted(self._named, part_of)
        self._found = self._counts.T @ (
            self._part[:, None] == np.arange(len(self._named))
        )  # [R, P]
        self._tally()

    def _prices(self, training: int) -> tuple[Floats, Floats]:
        """[R, P] What it costs if a part has none of a label: before all shares, and among them."""
        rows, parts = self._wanted.shape
        groups = self._has.sum(axis=0)
        own = (self._has * (self._has[:, :-1].sum(axis=1) == 1)[:, None]).sum(axis=0)
        dire, dear = np.zeros((rows, parts)), np.zeros((rows, parts))
        dire[own >= parts] = 1
        usual = self._counts.sum(axis=0) / np.maximum(groups, 1)
        mixed = (groups >= parts) & (own < parts)
        dear[mixed] = 4 * usual[mixed, None]
        dire[groups >= 2, training] = rows * parts
        # The last row is the size, which only an empty part lacks: the worst of all.
        # With too few groups for all parts, training and the last part (test) come first.
        enough = len(self._counts) >= parts
        needed = np.full(parts, enough)
        needed[[training, -1]] |= len(self._counts) >= 2
        dire[-1] = rows**2 * parts * needed
        dear[-1] = 0
        return dire, dear

    @property
    def part_of(self) -> Ints:
        """The part of each group."""
        return self._named[self._part]

    def badness(self) -> tuple[float, float]:
        """What is direly lacking, and the distance from the shares; smaller is better."""
        distance = (np.square(self._found - self._wanted) * self._per_wanted).sum()
        lacking = self._found == 0
        return float((lacking * self._dire).sum()), round(
            float(distance + (lacking * self._dear).sum()), 9
        )

    def mend(self, *, swaps: bool = False) -> None:
        """Moves groups while that helps; then swaps two, and again."""
        swaps = swaps and len(self._part) <= _MOST_TO_SWAP
        for _ in range(_MOST_STEPS):
            if not (self._move() or (swaps and self._swap())):
                break

    def _tally(self) -> None:
        # What one sample more costs, and what the square of a step adds to that.
        self._slope = 2 * (self._found - self._wanted) * self._per_wanted

    def _put(self, group: int, part: int) -> None:
        self._found[:, self._part[group]] -= self._counts[group]
        self._found[:, part] += self._counts[group]
        self._part[group] = part
        self._tally()

    def _move(self) -> bool:
        """Goes through the groups whose move would help, those that help most first."""
        dire, shares = self._changes(np.arange(len(self._part)))
        least = dire.min(axis=1)
        helped = np.where(dire == least[:, None], np.round(shares, 9), np.inf).min(axis=1)
        moved = False
        for group in np.lexsort((helped, least)):
            if not _helps(least[group], helped[group]):
                break
            # Those before it may have changed what this move is worth.
            now = self._changes(np.array([group]))
            _, part = _best(*now)
            if _helps(now[0][0, part], now[1][0, part]):
                self._put(group, part)
                moved = True
        return moved

    def _changes(self, groups: Ints) -> tuple[Floats, Floats]:
        """What moving each of these groups to each part would change: dire, shares [g, P]."""
        counts, has, own = self._counts[groups], self._has[groups], self._part[groups]
        only = (counts == self._found.T[own]) * has  # [g, R] what no other group of its part has
        lacking = self._found == 0
        dire, dear = (
            (only * price.T[own]).sum(axis=1)[:, None] - has @ (lacking * price)
            for price in (self._dire, self._dear)
        )
        square = np.square(counts) @ self._per_wanted
        linear = counts @ self._slope
        mine = np.arange(len(own)), own
        shares = linear + square - (linear - square)[mine][:, None] + dear
        dire[mine], shares[mine] = 0, 0
        return dire, shares

    def _swap(self) -> bool:
        """The best swap of two groups in different parts, if any helps."""
        found = [
            (*self._swaps_between(a, b), a, b)
            for a in range(len(self._named))
            for b in range(a + 1, len(self._named))
            if (self._part == a).any() and (self._part == b).any()
        ]
        if not found:
            return False
        dire, shares, one, other, a, b = min(found)
        if not _helps(dire, shares):
            return False
        self._put(one, b)
        self._put(other, a)
        return True

    def _swaps_between(self, a: int, b: int) -> tuple[float, float, int, int]:
        """The best swap of a group of part `a` with one of part `b`, and what it changes."""
        ones, others = np.flatnonzero(self._part == a), np.flatnonzero(self._part == b)
        C, D = self._counts[ones], self._counts[others]
        slope = self._slope[:, a] - self._slope[:, b]
        bend = self._per_wanted[:, a] + self._per_wanted[:, b]
        square = (np.square(C) @ bend)[:, None] + np.square(D) @ bend - 2 * (C * bend) @ D.T
        shares = D @ slope - (C @ slope)[:, None] + square
        # What leaves with the last samples of a label comes back if the other group has some.
        hasC, hasD = self._has[ones], self._has[others]
        lastC, lastD = hasC * (self._found[:, a] == C), hasD * (self._found[:, b] == D)
        lacking = self._found == 0
        dire, dear = (
            (lastC * price[:, a]) @ (1 - hasD).T
            + (1 - hasC) @ (lastD * price[:, b]).T
            - hasD @ (lacking * price)[:, a]
            - (hasC @ (lacking * price)[:, b])[:, None]
            for price in (self._dire, self._dear)
        )
        shares += dear
        one, other = _best(dire, shares)
        here = one, other
        return float(dire[here]), float(shares[here]), int(ones[one]), int(others[other])


def _best(dire: Floats, shares: Floats) -> tuple[int, int]:
    """Place of the smallest change: what is direly lacking first, then the shares.

    Rounded, so that a last binary digit, which differs between machines, decides nothing.
    """
    least = np.where(dire == dire.min(), np.round(shares, 9), np.inf)
    row, column = np.unravel_index(int(np.argmin(least)), least.shape)
    return int(row), int(column)


def _helps(dire: float, shares: float) -> bool:
    return dire < 0 or (dire == 0 and shares < -1e-9)
