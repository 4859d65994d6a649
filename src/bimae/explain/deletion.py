"""Whether a map means anything: does the answer fall when what it names is taken out first?

Pieces are taken out one after another, those first that a map names most important (Samek et al.
2017; Petsiuk et al. 2018), and in random orders for comparison. A map that knows what carries the
answer makes it fall sooner than chance does.

Shapes: C cells, M moments on the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from bimae.explain.occlusion import Asked
from bimae.explain.pieces import Pieces

MOMENTS = 6  # after none at all; the way ends without any piece
ORDERS = 4  # random ones
Name = TypeVar("Name")


@dataclass(frozen=True)
class Deletion:
    """How the probability of a class falls on the way to an image without any piece.

    Attributes:
        share: [M] of the pieces that are gone, from 0 to 1.
        by_map: [M] probability when those go first that the map names.
        at_random: [M] when they go in random order, the mean over orders.
    """

    share: NDArray[np.float64]
    by_map: NDArray[np.float64]
    at_random: NDArray[np.float64]

    @property
    def gain(self) -> float:
        """Mean probability on the way at random, less that by the map; 0: no better than chance."""
        gap = self.at_random - self.by_map
        return float((np.diff(self.share) * (gap[1:] + gap[:-1]) / 2).sum())


def deletions(
    asked: Asked,
    pieces: Pieces,
    maps: Mapping[Name, NDArray[np.float64]],
    *,
    orders: int = ORDERS,
    seed: int = 0,
) -> dict[Name, Deletion]:
    """Takes pieces out by some maps, each for itself, and in the same random orders for all.

    Args:
        asked: The sample.
        pieces: Its pieces.
        maps: [C] what each says of the pieces; of equal ones the first goes first.
        orders: How many random orders.
        seed: Seed of these.
    """
    count = len(pieces)
    taken = np.unique(np.linspace(0, count, MOMENTS + 1).round().astype(int))
    rng = np.random.default_rng([seed, count])
    ways = [np.argsort(-worth, kind="stable") for worth in maps.values()]
    ways += [rng.permutation(count) for _ in range(orders)]
    gone = torch.zeros(len(ways), len(taken), count, dtype=torch.bool)
    for way, order in enumerate(ways):
        for moment, some in enumerate(taken):
            gone[way, moment, order[:some]] = True
    logits = asked.without(pieces, gone.flatten(0, 1))
    odds = logits.double().softmax(dim=1)[:, asked.target].view(len(ways), -1).cpu().numpy()
    chance = odds[len(maps) :].mean(axis=0)
    return {
        name: Deletion(taken / count, by_map, chance)
        for name, by_map in zip(maps, odds, strict=False)
    }
