"""Samples that show nothing: dead files, images that only fill a place. All of them are rejected.

A network gives any input a class, and one that it never saw, such as zeros everywhere, often with
certainty; and none of the scores of strangeness is made for it.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.data.leakage import is_flat
from bimae.errors import count
from bimae.predict.calibrated import Judged


def blank(
    samples: SeedDataset, index: Iterable[int], modality: Literal["bimodal", "hs", "rgb"]
) -> NDArray[np.bool_]:
    """[N] whether a view that is looked at shows nothing.

    Of spectra that is zeros everywhere: a single spectrum, repeated, is a measurement. Of an RGB
    image it is one colour.

    Args:
        samples: The data set.
        index: Which samples.
        modality: What is looked at.
    """
    found = []
    for number in index:
        # as stored: what shows nothing shows nothing at any size, and resizing takes milliseconds
        shown = samples.stored(number, modality, sized=False)
        dark = shown.hs is not None and not shown.hs.any()
        found.append(dark or (shown.rgb is not None and is_flat(shown.rgb)))
    return np.array(found, bool)


def without_blank(judged: Judged, nothing: NDArray[np.bool_]) -> Judged:
    """Answers in which samples that show nothing are rejected, and may be of any class."""
    if not nothing.any():
        return judged
    sets = judged.sets | nothing[:, None]
    return replace(judged, sets=sets, rejected=judged.rejected | nothing)


def blank_words(number: int, first: str, *, rejected: bool) -> str:
    """What to say of so many samples that show nothing; empty where there are none."""
    if not number:
        return ""
    one = number == 1
    return (
        f"{count(number, 'sample')}, such as {first}, {'shows' if one else 'show'} nothing "
        f"(spectra all zero, or an RGB image of one colour): {'it is' if one else 'they are'} "
        + ("rejected" if rejected else "not to be relied on")
    )
