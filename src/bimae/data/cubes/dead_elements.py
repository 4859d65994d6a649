"""Elements of a detector that give no signal, and what stands in for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class DeadElements:
    """Where a detector is dead, and which neighbours each dead element is filled from.

    Attributes:
        elements: [samples, bands] True where it is dead.
        sample: Of each dead element in a band that has good ones: where it is.
        band: The same.
        low: The nearest good sample to its left (or right, where there is none).
        high: The nearest good one to its right (or left).
        share: How much of `high` is taken, the rest of `low`.
        lost: Bands that are dead everywhere.
        below: For each of them the nearest band below that is not (or above).
        above: The nearest one above (or below).
        lost_share: How much of `above` is taken.
        notes: How many there are.
    """

    elements: NDArray[np.bool_]
    sample: Numbers
    band: Numbers
    low: Numbers
    high: Numbers
    share: NDArray[np.float32]
    lost: Numbers
    below: Numbers
    above: Numbers
    lost_share: NDArray[np.float32]
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls, span: NDArray[np.float64], wavelengths_nm: Sequence[float] | None
    ) -> "DeadElements":
        """The dead elements of a detector.

        Args:
            span: [samples, bands] white minus dark; dead is what is not above 0.
            wavelengths_nm: Of the bands, or None: then bands count as evenly spaced.
        """
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            usable = span.astype(np.float32)  # what calibration divides by
            dead = ~(np.isfinite(usable) & (usable > 0))
        lost = np.flatnonzero(dead.all(axis=0))
        single = dead & ~dead.all(axis=0)
        places: list[list[NDArray[np.intp]]] = [[], [], [], []]
        shares = []
        samples = np.arange(len(span), dtype=np.float64)
        for band in np.flatnonzero(single.any(axis=0)):
            at = np.flatnonzero(single[:, band])
            low, high, share = _neighbours(at, np.flatnonzero(~dead[:, band]), samples)
            for kept, numbers in zip(places, (at, np.full_like(at, band), low, high), strict=True):
                kept.append(numbers)
            shares.append(share)
        sample, of_band, low, high = (_joined(kept) for kept in places)
        living = np.flatnonzero(~dead.all(axis=0))
        scale = np.asarray(
            range(span.shape[1]) if wavelengths_nm is None else wavelengths_nm, np.float64
        )
        if living.size and lost.size:
            below, above, lost_share = _neighbours(lost, living, scale)
        else:
            below = above = np.zeros(0, np.intp)
            lost_share = np.zeros(0, np.float32)
        share = np.concatenate(shares) if shares else np.zeros(0, np.float32)
        return cls(
            *(dead, sample, of_band, low, high, share, lost, below, above, lost_share),
            notes=_notes(dead, lost.size),
        )

    def reach(self, left: int, right: int) -> tuple[int, int]:
        """The samples to read so that those from `left` to before `right` can be filled."""
        within = (self.sample >= left) & (self.sample < right)
        first = min(left, int(self.low[within].min(initial=left)))
        last = max(right, int(self.high[within].max(initial=right - 1)) + 1)
        return first, last

    def fill(self, values: NDArray[np.float32], first: int, left: int, right: int) -> None:
        """Fills the dead elements, in place.

        Args:
            values: [n, m, bands], of which the first sample is number `first`.
            first: See `reach`.
            left: The first sample to be filled.
            right: The one after the last.
        """
        within = (self.sample >= left) & (self.sample < right)
        if within.any():
            band, share = self.band[within], self.share[within]
            low = values[:, self.low[within] - first, band]
            high = values[:, self.high[within] - first, band]
            values[:, self.sample[within] - first, band] = low + (high - low) * share
        if self.lost.size:
            low, high = values[:, :, self.below], values[:, :, self.above]
            values[:, :, self.lost] = low + (high - low) * self.lost_share


def _neighbours(
    dead: Numbers, good: Numbers, scale: NDArray[np.float64]
) -> tuple[Numbers, Numbers, NDArray[np.float32]]:
    """For each dead place the good ones around it, and the share of the upper one."""
    after = np.searchsorted(good, dead)
    low = good[np.maximum(after - 1, 0)]
    high = good[np.minimum(after, len(good) - 1)]
    low, high = np.where(after == 0, high, low), np.where(after == len(good), low, high)
    width = scale[high] - scale[low]
    share = np.divide(scale[dead] - scale[low], width, out=np.zeros(len(dead)), where=width > 0)
    return low, high, share.astype(np.float32)


def _joined(parts: Sequence[Numbers]) -> Numbers:
    return np.concatenate(parts) if parts else np.zeros(0, np.intp)


def _notes(dead: NDArray[np.bool_], lost: int) -> tuple[str, ...]:
    count = int(dead.sum())
    if count == 0:
        return ()
    whole = f", {lost} bands entirely" if lost else ""
    return (
        f"{count} of {dead.size} detector elements are dead in the references (white not above "
        f"dark){whole}: filled from their neighbours",
    )
