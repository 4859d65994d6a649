"""How many seeds to count, so that a purity is known well enough."""

from collections.abc import Callable

from bimae.errors import ConfigError
from bimae.predict.melding import LEVEL, clopper_pearson
from bimae.predict.purity import Check, correct

MOST = 10_000_000  # seeds; nobody counts more


def seeds_needed(
    purity: float, half_width: float, *, check: Check | None = None, level: float = LEVEL
) -> int:
    """How many seeds of a lot to look at, so that its purity is known to plus or minus something.

    The fewest n for which the interval of the counts to be expected reaches no further than
    `half_width` from the estimate on its longer side: of a pure lot the interval goes one way only.
    About half of all lots come out a little wider than the one to be expected.

    Args:
        purity: By number, about; 0.5 asks for the most seeds.
        half_width: As a share: 0.01 for one percent.
        check: What the classifier answers to known seeds; None: it never errs. More seeds do not
            make up for a small check.
        level: Confidence.

    Raises:
        ConfigError: A share is impossible, even ten million seeds would not do, or as `correct`.
    """
    if not 0 <= purity <= 1:
        raise ConfigError(f"purity is {purity:g}; it must lie from 0 to 1")
    if not 0 < half_width < 1:
        raise ConfigError(f"half-width is {half_width:g}; it must lie between 0 and 1")
    reach: Callable[[int], float]
    if check is None:

        def reach(n: int) -> float:
            return clopper_pearson(purity * n, n, level).within

    else:
        sensitivity, specificity = (rate.value for rate in check.rates(level))
        called = purity * sensitivity + (1 - purity) * (1 - specificity)

        def reach(n: int) -> float:
            return correct(called * n, n, check, level).purity.within

    return _fewest(reach, half_width)


def _fewest(reach: Callable[[int], float], half_width: float) -> int:
    """The least n with reach(n) <= half_width, where `reach` falls with n."""
    if (best := reach(MOST)) > half_width:
        raise ConfigError(
            f"half-width {half_width:g} cannot be had: however many seeds are counted, it stays at "
            f"{best:.2g}; use a larger validation set, or ask for less"
        )
    low, high = 0, 1  # reach(low) is too wide, reach(high) is not, in the end
    while reach(high) > half_width:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reach(middle) <= half_width else (middle, high)
    return high
