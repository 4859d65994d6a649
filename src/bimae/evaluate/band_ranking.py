"""Which bands a classifier needs: importance of groups of bands, and a greedy choice of a few.

Both ask the same samples in memory many times (`held.py`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from bimae.evaluate.classification import score
from bimae.evaluate.held import Held, answers, log_loss, predictions

Watch = Callable[[Iterable[tuple[int, ...]]], Iterable[tuple[int, ...]]]
"""What sets of channels pass through on their way, such as a progress bar."""


@dataclass(frozen=True)
class Figures:
    """How well it goes, or how much worse: accuracy, macro-F1, and log-loss in nats."""

    accuracy: float
    macro_f1: float
    log_loss: float


@dataclass(frozen=True)
class Importance:
    """What is lost when a group of channels is exchanged between samples.

    Attributes:
        channels: The group.
        mean: Fall of accuracy and macro-F1, rise of log-loss, over the repeats.
        spread: Standard deviation of each over the repeats; 0 of a single one.
    """

    channels: tuple[int, ...]
    mean: Figures
    spread: Figures


def figures(held: Held, table: NDArray[np.float64]) -> Figures:
    """The three figures of a table of log-probabilities."""
    results = score(predictions(held, table))
    return Figures(results.accuracy, results.macro_f1, log_loss(held, table))


def importance(
    held: Held,
    groups: Sequence[tuple[int, ...]],
    *,
    repeats: int = 5,
    seed: int = 0,
    batch_size: int = 64,
    watch: Watch = iter,
) -> tuple[Figures, list[Importance]]:
    """Permutation importance of groups of channels (Breiman 2001, section 10).

    The permutations of a repeat are the same for every group.

    Args:
        held: The samples, at least two.
        groups: Channels of each group.
        repeats: Permutations of each group.
        seed: Seed of the permutations.
        batch_size: Samples at a time.
        watch: What the groups pass through, each once a repeat, after an empty one: nothing.

    Returns:
        The figures with nothing exchanged, and a row for each group, in order.
    """
    count = len(held.truth)
    turns = iter(watch([(), *(group for group in groups for _ in range(repeats))]))
    next(turns)
    before = figures(held, answers(held, batch_size=batch_size))
    start = np.array([before.accuracy, before.macro_f1, before.log_loss])
    orders = [np.random.default_rng([seed, repeat]).permutation(count) for repeat in range(repeats)]
    rows = []
    for group in groups:
        lost = np.empty((repeats, 3))
        for repeat, order in enumerate(orders):
            swap = (next(turns), order.tolist())
            after = figures(held, answers(held, exchange=swap, batch_size=batch_size))
            lost[repeat] = start - (after.accuracy, after.macro_f1, after.log_loss)
        lost[:, 2] *= -1  # a loss rises
        spread = lost.std(axis=0, ddof=1) if repeats > 1 else np.zeros(3)
        rows.append(
            Importance(group, Figures(*lost.mean(axis=0).tolist()), Figures(*spread.tolist()))
        )
    next(turns, None)  # so that a bar counts the last one too
    return before, rows


def band_groups(places: Sequence[float], groups: int) -> list[tuple[int, ...]]:
    """Channels in contiguous groups of about equal width.

    Args:
        places: [n] where each lies: nm, or the number of the band. In any order.
        groups: How many; a group in which nothing lies is left out.

    Returns:
        Groups in order of place, of which each channel is in one.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    low, high = places[order[0]], places[order[-1]]
    groups = min(groups, len(places))
    wide = (high - low) / groups
    # a channel on the last edge belongs to the last group
    number = [
        min(int((places[i] - low) / wide + 1e-9), groups - 1) if wide > 0 else 0 for i in order
    ]
    found: dict[int, list[int]] = {}
    for place, channel in zip(number, order, strict=True):
        found.setdefault(place, []).append(channel)
    return [tuple(channels) for channels in found.values()]


@dataclass(frozen=True)
class Choice:
    """One more channel in a greedy choice.

    Attributes:
        channel: Which.
        log_loss: Of the set with it, in nats; two that are chosen together share it.
    """

    channel: int
    log_loss: float


def choose(
    held: Held,
    k: int,
    *,
    pairs: bool = False,
    batch_size: int = 64,
    watch: Watch = iter,
) -> list[Choice]:
    """Greedy forward selection: each time the channel with which log-loss is least.

    Log-loss and not accuracy, which moves in steps of one sample. Of equals the first is taken.

    Args:
        held: The samples to choose by, with the candidates as channels.
        k: How many to choose, at most all; at least 2 with `pairs`.
        pairs: Whether the first two are chosen together, of all pairs: where pixels are scaled
            over the bands that are there, one band alone tells nothing.
        batch_size: Samples at a time.
        watch: What the sets pass through.

    Returns:
        The channels in the order chosen.
    """
    assert (2 if pairs else 1) <= k <= held.channels, k
    chosen: list[Choice] = []
    while len(chosen) < k:
        have = tuple(choice.channel for choice in chosen)
        left = [i for i in range(held.channels) if i not in have]
        more = list(combinations(left, 2)) if pairs and not have else [(i,) for i in left]
        losses = []
        for new in watch(more):
            table = answers(held, sorted((*have, *new)), batch_size=batch_size)
            losses.append(log_loss(held, table))
        best = int(np.argmin(losses))
        chosen += [Choice(channel, losses[best]) for channel in more[best]]
    return chosen


def evaluations(candidates: int, k: int, *, pairs: bool = False) -> int:
    """How many sets `choose` asks the model about."""
    first = 2 if pairs else 0
    return (comb(candidates, 2) if pairs else 0) + sum(candidates - i for i in range(first, k))
