"""Purity by weight of a lot, from counts and what a thousand seeds of each species weigh.

Laboratories state purity by weight (ISTA rules, chapter 3). One seed of a heavy weed counts for
many of the crop.
"""

from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from bimae.errors import ConfigError
from bimae.predict.melding import DRAWS, LEVEL, Share, check_level, quantile
from bimae.predict.purity import Check, correct, explained, purity_draws

SEED = 3  # of the draws of what the other seeds are


def purity_by_weight(
    counts: Mapping[str, int],
    crop: str,
    weights: Mapping[str, float],
    check: Check | None = None,
    level: float = LEVEL,
) -> Share:
    """Share of the crop in the weight of a lot.

    p w / (p w + (1 - p) v): p is purity by number, w what a seed of the crop weighs, and v the mean
    of the others by what they were called. The interval melds that of p with draws of which
    species the others are: Dirichlet, of their counts and of one more seed that may be any of the
    table, so that a heavy species which happened not to be found is not ruled out. A delta method
    would give a pure sample an interval of no width. Where the table holds no other species, others
    weigh what the crop weighs. Weights are taken for exact, and other seeds for what they are
    called.

    Args:
        counts: Seeds answered, by species; rejected ones have no weight and are left out.
        crop: The species that is the crop.
        weights: Grams per thousand seeds of each species.
        check: What the classifier answers to known seeds, see `correct`; rejected ones are left
            out, as in the lot.
        level: Confidence.

    Raises:
        ConfigError: A species that was found, or the crop, has no weight; a weight is not above 0;
            a count is below 0, or there are no seeds; or as `correct`. All problems of the table
            are told at once.
    """
    _check(counts, crop, weights)
    n = sum(counts.values())
    k = counts.get(crop, 0)
    tail = (1 - check_level(level)) / 2
    others = [name for name in weights if name != crop]
    found = np.array([counts.get(name, 0) for name in others], np.float64)
    each = np.array([weights[name] for name in others], np.float64) / weights[crop]
    known = None if check is None else check.answered
    p = k / n
    if known is not None:
        p = correct(k, n, known, level).purity.value
        known = explained(k, n, known, level)
    other = float(found @ each / found.sum()) if found.sum() else 1.0
    value = float(_by_weight(np.array(p), other))
    mean: NDArray[np.float64] | float = 1.0
    if others:
        alike = np.random.default_rng(SEED).dirichlet(found + 1 / len(found), DRAWS)
        mean = alike @ each
    low = quantile(_by_weight(purity_draws(k, n, known, "low"), mean), tail)
    high = quantile(_by_weight(purity_draws(k, n, known, "high"), mean), 1 - tail)
    return Share(value, min(low, value), max(high, value), float(level))


def _by_weight(
    number: NDArray[np.float64], other: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Purity by weight of purity by number; `other` is the weight of other seeds by the crop's."""
    return number / (number + (1 - number) * other)


def _check(counts: Mapping[str, int], crop: str, weights: Mapping[str, float]) -> None:
    wrong = []
    needed = [crop, *(name for name, count in counts.items() if count and name != crop)]
    if lacking := sorted(name for name in needed if name not in weights):
        near = {name: get_close_matches(name, weights, n=1) for name in lacking}
        meant = ", ".join(f"{found[0]!r} for {name!r}" for name, found in near.items() if found)
        wrong.append(
            f"no thousand-seed weight is known of {', '.join(lacking)}; add grams per thousand "
            f"seeds to the table{f' (there is {meant}: spell it as the class)' * bool(meant)}"
        )
    if bad := sorted(name for name, grams in weights.items() if not 0 < grams < np.inf):
        wrong.append(f"thousand-seed weight of {', '.join(bad)}: it must be above 0 g")
    if below := sorted(name for name, count in counts.items() if count < 0):
        wrong.append(f"count of {', '.join(below)}: it must be 0 or above")
    elif not sum(counts.values()):
        wrong.append("there are no answered seeds to weigh; count at least one")
    if wrong:
        raise ConfigError.of(wrong)
