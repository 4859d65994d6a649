"""Intervals of shares: of one, exactly, and of what several unsure shares come to together.

Clopper & Pearson (1934) for one. For a figure made of several, their confidence distributions are
melded (Fay, Proschan & Brittain 2015; for a prevalence and an imperfect test Bayer, Fay & Graubard
2023): a lower limit is a quantile of the figure when every share that raises it is drawn from its
lower distribution and every share that lowers it from its upper one. The two distributions of k
of n are Beta(k, n - k + 1) and Beta(k + 1, n - k), whose quantiles are the limits of Clopper and
Pearson; so of one share alone the melded interval is theirs. The limits are reckoned from 4000
draws and good to about a thousandth; to a few hundredths where a handful of seeds, or a classifier
that hardly tells the crop, leaves nearly everything open.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from bimae.errors import ConfigError

LEVEL = 0.95
LEAST_LEVEL, MOST_LEVEL = 0.5, 0.999  # further out the draws say nothing
DRAWS = 4000
GOLDEN = 1.2207440846057596  # of three dimensions: its powers are far from any fractions
Side = Literal["low", "high"]


@dataclass(frozen=True)
class Share:
    """A share in [0, 1] and its confidence interval; `low` <= `value` <= `high`.

    Attributes:
        value: The estimate.
        low: Lower limit.
        high: Upper limit.
        level: Confidence in both limits together; each may be wrong in half of the rest.
    """

    value: float
    low: float
    high: float
    level: float

    @property
    def within(self) -> float:
        """The longer of the two arms: the share is `value` plus or minus this, at most."""
        return max(self.value - self.low, self.high - self.value)


def check_level(level: float) -> float:
    """A level of confidence.

    Raises:
        ConfigError: It is below 0.5 or above 0.999.
    """
    if not LEAST_LEVEL <= level <= MOST_LEVEL:
        raise ConfigError(f"level is {level:g}; it must lie from {LEAST_LEVEL:g} to {MOST_LEVEL:g}")
    return float(level)


def clopper_pearson(k: float, n: float, level: float = LEVEL) -> Share:
    """Exact interval of a share, of which n seeds were asked and k said yes.

    It covers at least as often as it says, for any share and any n.

    Args:
        k: How many, 0 to n; may be a fraction, for what is expected.
        n: Of how many, above 0.
        level: Confidence.

    Raises:
        ConfigError: There are no seeds, k lies outside 0 to n, or the level outside 0.5 to 0.999.
    """
    check_level(level)
    if not n > 0:
        raise ConfigError("a share of no seeds is not known; count at least one")
    if not 0 <= k <= n:
        raise ConfigError(f"{k:g} of {n:g} seeds: from 0 to {n:g} are possible")
    tail = (1 - level) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    # The upper limit of k is what the lower one of n - k leaves: so both are one, seen from 0 or 1.
    high = 1 - float(betaincinv(n - k, k + 1, tail)) if k < n else 1.0
    return Share(k / n, low, high, float(level))


def draws(k: float, n: float, side: Side, order: int) -> NDArray[np.float64]:
    """Draws [DRAWS] of the share of which k of n were seen; nothing is left to chance.

    One from the middle of each of as many equally likely parts of the distribution (as in a Latin
    hypercube, McKay, Beckman & Conover 1979), in an order that spreads several shares evenly over
    all that they can be together: by the ranks of multiples of an irrational number.

    Args:
        k: How many, 0 to n; may be a fraction.
        n: Of how many.
        side: Which of the two distributions: the lower or the upper one.
        order: 0, 1 or 2; shares that are melded need different ones.
    """
    return _quantiles(float(k), float(n), side)[_order(order)]


def quantile(drawn: NDArray[np.float64], share: float) -> float:
    """A quantile of what was made of draws; hazen: draws stand for the middles of their parts."""
    return float(np.quantile(drawn, share, method="hazen"))


@lru_cache(maxsize=256)
def _quantiles(k: float, n: float, side: Side) -> NDArray[np.float64]:
    middles = (np.arange(DRAWS) + 0.5) / DRAWS
    a, b = (k, n - k + 1) if side == "low" else (k + 1, n - k)
    if a <= 0 or b <= 0:
        return np.full(DRAWS, 0.0 if a <= 0 else 1.0)
    found: NDArray[np.float64] = betaincinv(a, b, middles)
    return found


@lru_cache(maxsize=3)
def _order(number: int) -> NDArray[np.int64]:
    """Ranks [DRAWS] of multiples of 1 / g, 1 / g^2 or 1 / g^3, less whole numbers; g^4 = g + 1."""
    multiples = np.arange(1, DRAWS + 1) * GOLDEN ** -(number + 1.0) % 1
    ranks: NDArray[np.int64] = multiples.argsort().argsort()
    return ranks
