"""Samples that show nothing: dead files, images that only fill a place. All of them are rejected.

A network gives any input a class, and one that it never saw, such as zeros everywhere, often with
certainty; and none of the scores of strangeness is made for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.data.leakage import is_flat
from bimae.errors import count
from bimae.predict.calibrated import Judged


def blank(samples: SeedDataset, index: Iterable[int], modality: str) -> NDArray[np.bool_]:
    """[N] whether a view that is looked at shows nothing.

    Of spectra that is zeros everywhere: a single spectrum, repeated, is a measurement. Of an RGB
    image it is one colour.

    Args:
        samples: The data set.
        index: Which samples.
        modality: What is looked at: `bimodal`, `hs` or `rgb`.
    """
    found = []
    for number in index:
        shown = samples.stored(number)
        dark = modality != "rgb" and shown.hs is not None and not shown.hs.any()
        plain = modality != "hs" and shown.rgb is not None and is_flat(shown.rgb)
        found.append(dark or plain)
    return np.array(found, bool)


def without_blank(judged: Judged, nothing: NDArray[np.bool_]) -> Judged:
    """Answers in which samples that show nothing are rejected, and may be of any class."""
    if not nothing.any():
        return judged
    sets = judged.sets | nothing[:, None]
    return replace(judged, sets=sets, rejected=judged.rejected | nothing)


def blank_words(ids: Sequence[str], *, rejected: bool) -> str:
    """What to say of samples that show nothing; empty where there are none."""
    if not ids:
        return ""
    one = len(ids) == 1
    return (
        f"{count(len(ids), 'sample')}, such as {ids[0]}, {'shows' if one else 'show'} nothing "
        f"(spectra all zero, or an RGB image of one colour): {'it is' if one else 'they are'} "
        + ("rejected" if rejected else "not to be relied on")
    )
