"""Wavelengths of a sensor's bands, in nm: which part of the spectrum each one stands for."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from bimae.errors import BandError

FEW = 12  # as many bands are listed one by one, and each stands for itself
AROUND = 5  # distances on either side of one that say what is usual there
GAP = 2.0  # a distance of more than this many usual ones is a gap
RANGES = 8  # stretches that a message lists


def check_wavelengths(wavelengths: Sequence[float], bands: int, where: str) -> tuple[float, ...]:
    """Wavelengths as a tuple of floats, refused when they cannot be a sensor's.

    Args:
        wavelengths: Band centres in nm, one per band, ascending.
        bands: Number of bands that the images have.
        where: The file that they come from, for the message.

    Raises:
        BandError: Their number is not `bands`, or they do not ascend.
    """
    centres = tuple(float(w) for w in wavelengths)
    if len(centres) != bands:
        raise BandError(
            f"{where}: {len(centres)} wavelengths for images of {bands} bands; "
            "one wavelength in nm per band is expected: correct the list"
        )
    if any(not b > a for a, b in pairwise(centres)):
        raise BandError(f"{where}: wavelengths do not ascend; sort bands and wavelengths together")
    return centres


def nearest_band(wavelengths: Sequence[float], nm: float) -> int:
    """Index of the band whose centre lies nearest to `nm`; the lower one of two equally near."""
    return min(range(len(wavelengths)), key=lambda i: abs(wavelengths[i] - nm))


def band_reach(wavelengths: Sequence[float]) -> float:
    """How far from its centre a band can be said to reach: half the usual distance, in nm."""
    return median(b - a for a, b in pairwise(wavelengths)) / 2 if len(wavelengths) > 1 else 5.0


def stretches(wavelengths: Sequence[float]) -> list[range]:
    """Band numbers of each stretch of the spectrum that the sensor sees without a gap.

    A gap is a distance of more than twice what is usual beside it, on the side where the bands
    lie farther apart: a removed water band is one, the step from a detector with narrow bands to
    one with wide bands is none.
    """
    steps = [b - a for a, b in pairwise(wavelengths)]
    ends = []
    for i, step in enumerate(steps):
        sides = (steps[max(0, i - AROUND) : i], steps[i + 1 : i + 1 + AROUND])
        usual = [median(side) for side in sides if side]
        if usual and step > GAP * max(usual):
            ends.append(i + 1)
    return [range(a, b) for a, b in pairwise([0, *ends, len(wavelengths)])]


def neighbours(wavelengths: Sequence[float], count: int) -> list[range]:
    """Bands in groups of about `count` neighbours, to be averaged; none reaches over a gap.

    Args:
        wavelengths: Band centres in nm, ascending.
        count: Bands in a group; a stretch that does not divide has some of one more.
    """
    groups = []
    for stretch in stretches(wavelengths):
        parts = max(1, len(stretch) // count)
        size, more = divmod(len(stretch), parts)
        start = stretch[0]
        for part in range(parts):
            stop = start + size + (part < more)
            groups.append(range(start, stop))
            start = stop
    return groups


def band_shares(wavelengths: Sequence[float]) -> list[float]:
    """How many nm of the spectrum each band stands for: half the way to either neighbour.

    At the ends of the spectrum and of gaps, a band reaches as far outwards as inwards; a band
    alone between gaps stands for the sensor's usual distance.
    """
    shares = []
    for stretch in stretches(wavelengths):
        steps = [wavelengths[i + 1] - wavelengths[i] for i in stretch[:-1]]
        steps = steps or [2 * band_reach(wavelengths)]
        shares += [(a + b) / 2 for a, b in pairwise([steps[0], *steps, steps[-1]])][: len(stretch)]
    return shares


def between(
    known_nm: Sequence[float], values: Sequence[tuple[float, ...]], nm: Sequence[float]
) -> tuple[tuple[float, ...], ...]:
    """Values of bands at other wavelengths: on the line between the two beside, or the last one."""
    found: list[tuple[float, ...]] = []
    for centre in nm:
        after = bisect_left(known_nm, centre)
        if after < len(known_nm) and known_nm[after] == centre:
            found.append(values[after])  # the same number, not one beside it by rounding
        elif after in (0, len(known_nm)):
            found.append(values[max(0, after - 1)])
        else:
            low, high = known_nm[after - 1], known_nm[after]
            share = (centre - low) / (high - low)
            pair = zip(values[after - 1], values[after], strict=True)
            found.append(tuple((1 - share) * a + share * b for a, b in pair))
    return tuple(found)


def covers(wavelengths: Sequence[float], nm: float) -> bool:
    """Whether the sensor has a band at `nm`: within a band's reach, or between two neighbours.

    Bands of a sensor of `FEW` bands stand for themselves: between them lies nothing.
    """
    if abs(wavelengths[nearest_band(wavelengths, nm)] - nm) <= band_reach(wavelengths) + 1e-6:
        return True
    return len(wavelengths) > FEW and any(
        wavelengths[stretch[0]] <= nm <= wavelengths[stretch[-1]]
        for stretch in stretches(wavelengths)
    )


def tell_bands(wavelengths: Sequence[float]) -> str:
    """What a sensor has, for messages: `400-1000 nm in 300 bands every 2.0 nm`.

    Gaps cut it into several of these; `FEW` bands are told one by one.
    """
    if len(wavelengths) <= FEW:
        word = "band" if len(wavelengths) == 1 else f"{len(wavelengths)} bands"
        return f"{word} at {', '.join(f'{nm:g}' for nm in wavelengths)} nm"
    told = []
    for stretch in stretches(wavelengths):
        first, last = wavelengths[stretch[0]], wavelengths[stretch[-1]]
        if len(stretch) == 1:
            told.append(f"{first:g} nm")
            continue
        steps = [wavelengths[i + 1] - wavelengths[i] for i in stretch[:-1]]
        every = dict.fromkeys((_short(min(steps)), _short(max(steps))))
        told.append(f"{first:g}-{last:g} nm in {len(stretch)} bands every {'-'.join(every)} nm")
    more = len(told) - RANGES
    return ", ".join(told[:RANGES]) + (f" and {more} stretches more" if more > 0 else "")


def _short(nm: float) -> str:
    return f"{nm:.1f}" if nm >= 1 else f"{nm:.2g}"
