"""How far the maps of a model are to be believed, over samples.

Shapes: C cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bimae.explain.explainer import Key
from bimae.explain.many import Explained

SURE = 2.0  # standard errors that a gain has to lie above 0
FEW = 5  # samples; fewer tell nothing
MOST = 2 / 3  # of the samples, in which a map has to beat chance
ALIKE = 0.5  # rank correlation with a model that learned nothing, from which on a map says little

Reason = Literal["chance", "random", "few"]


@dataclass(frozen=True)
class Trust:
    """In one kind of map.

    Attributes:
        samples: How many were checked.
        gain: Mean of `Deletion.gain` over them.
        error: Its standard error; NaN of a single sample.
        better: Share of samples in which the map beats chance.
        alike: Mean rank correlation with the maps of a model with random weights: 1 where they
            are the same, so that training has nothing to do with them.
    """

    samples: int
    gain: float
    error: float
    better: float
    alike: float

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why not to believe these maps, in a word each; empty where nothing speaks against them.

        `chance`: no better than that; `random`: much like those of random weights; `few`: samples.
        """
        least = SURE * self.error if np.isfinite(self.error) else 0.0
        found: list[Reason] = []
        if self.gain <= least or self.better < MOST:
            found.append("chance")
        if self.alike > ALIKE:
            found.append("random")
        if self.samples < FEW:
            found.append("few")
        return tuple(found)

    @property
    def doubts(self) -> tuple[str, ...]:
        """The same in sentences."""
        told: dict[Reason, str] = {
            "chance": "what it names carries the answers no more than chance would have it",
            "random": "a model that learned nothing has nearly the same map",
            "few": f"checked on too few samples ({self.samples}) to tell",
        }
        return tuple(told[reason] for reason in self.reasons)


def trust(explained: Sequence[Explained]) -> dict[Key, Trust]:
    """How far each kind of map is to be believed; without those that were not checked."""
    checked = [one for one in explained if one.deletions]
    keys = checked[0].maps if checked else {}
    found = {}
    for key in keys:
        gains = np.array([one.deletions[key].gain for one in checked])
        alike = [rank_correlation(one.maps[key], one.at_random[key]) for one in checked]
        spread = gains.std(ddof=1) if len(gains) > 1 else np.nan
        found[key] = Trust(
            len(gains),
            float(gains.mean()),
            float(spread / len(gains) ** 0.5),
            float((gains > 0).mean()),
            float(np.mean(alike)),
        )
    return found


def rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Spearman's, of two maps [C]; 0 where one of them is the same everywhere."""
    first, second = (rankdata(values) - (len(values) + 1) / 2 for values in (one, other))
    size = float((first @ first * (second @ second)) ** 0.5)
    return float(first @ second) / size if size else 0.0
