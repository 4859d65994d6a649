"""Which cameras a step pretends to have, so that one model learns to answer for any of them."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from bimae.data.batch import Sensor

BOTH = 0.5  # of the steps have both views, the others one of them
FEWEST = 3  # bands
KINDS: tuple[Literal["all", "range", "random", "spaced"], ...] = (
    "all",
    "range",
    "random",
    "spaced",
)


def draw_sensor(rng: np.random.Generator, bands: int) -> Sensor:
    """A random sensor: one view or both; all bands, a range, some at random, or equally spaced.

    Numbers of bands come from a short list (3, 5, 10, 20, 40 ...), few as often as many, so that
    most steps are cheap. All samples of a step have the same sensor: nothing is padded.

    Args:
        rng: Source of the draw.
        bands: Bands of the data.

    Returns:
        The sensor; `bands` is None where all are there.
    """
    alone = rng.random() >= BOTH
    hs = not alone or rng.random() < 0.5
    kind = KINDS[rng.integers(len(KINDS))]
    counts = list(counts_up_to(bands))
    count = counts[rng.integers(len(counts))]
    if not hs or kind == "all" or count >= bands:
        return Sensor(hs=hs, rgb=not (alone and hs))
    return Sensor(hs=True, rgb=not alone, bands=torch.from_numpy(_bands(rng, kind, bands, count)))


def usual_sensors(bands: int) -> list[Sensor]:
    """What a model of any sensor is validated with: RGB, 5 and 20 bands, and both views."""
    few = [torch.from_numpy(spaced(bands, min(count, bands))) for count in (5, 20)]
    return [
        Sensor(hs=False),
        Sensor(rgb=False, bands=few[0]),
        Sensor(rgb=False, bands=few[1]),
        Sensor(bands=few[1]),
    ]


def counts_up_to(bands: int) -> Iterator[int]:
    """3, 5, 10, 20, 40 ... below `bands`; `bands` itself where it is no more than 3."""
    if bands <= FEWEST:
        yield bands
        return
    yield FEWEST
    count = 5
    while count < bands:
        yield count
        count *= 2


def spaced(bands: int, count: int, start: float = 0.5) -> NDArray[np.int64]:
    """`count` equally spaced band numbers of `bands`; `start` shifts them, from 0 to 1."""
    return np.floor((np.arange(count) + start) * bands / count).astype(np.int64)


def _bands(rng: np.random.Generator, kind: str, bands: int, count: int) -> NDArray[np.int64]:
    if kind == "random":
        return np.sort(rng.choice(bands, count, replace=False))
    if kind == "spaced":
        return spaced(bands, count, rng.random())
    # A range of the spectrum, of which every band or every n-th is there.
    step = int(rng.integers(1, max(2, bands // count + 1)))
    first = int(rng.integers(0, bands - step * (count - 1)))
    return first + step * np.arange(count, dtype=np.int64)
