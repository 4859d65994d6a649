"""The bands or filters that a camera of a few could have, spread over a sensor."""

from collections.abc import Sequence
from dataclasses import dataclass

from bimae.evaluate.band_cameras import spaced
from bimae.spectra import BandSelection, BandWeights, Channels, band_shares, filter_weights
from bimae.spectra.filters import is_seen


@dataclass(frozen=True)
class Candidates:
    """Channels to choose from, ascending.

    Attributes:
        channels: What is read of the sensor's bands, one channel each.
        texts: Each as a `BandSelection` names it: `60`, `560nm@20`.
        nm: Centre of each in nm, or None where unknown.
        widths_nm: Full width at half maximum of each in nm, or None where unknown.
    """

    channels: Channels
    texts: tuple[str, ...]
    nm: tuple[float, ...] | None
    widths_nm: tuple[float, ...] | None

    def __len__(self) -> int:
        return len(self.texts)

    def selection(self, numbers: Sequence[int]) -> str:
        """Some of them as the text of a `BandSelection`, ascending."""
        return ",".join(self.texts[i] for i in sorted(numbers))


def band_candidates(
    bands: int, nm: Sequence[float] | None, widths_nm: Sequence[float] | None, count: int
) -> Candidates:
    """Single bands, equally spaced by number; all of a sensor that has no more than `count`.

    Args:
        bands: How many bands the sensor has.
        nm: Their centres in nm, or None where unknown.
        widths_nm: Their widths in nm; None: half the way to either neighbour.
        count: How many to take.
    """
    numbers = spaced(bands, min(count, bands))
    wide = widths_nm if widths_nm is not None or nm is None else band_shares(nm)
    return Candidates(
        Channels(numbers),
        tuple(map(str, numbers)),
        None if nm is None else tuple(nm[b] for b in numbers),
        None if wide is None else tuple(wide[b] for b in numbers),
    )


def filter_candidates(nm: Sequence[float], width_nm: float, count: int) -> Candidates:
    """Filters of one width, equally spaced in nm from the first band to the last.

    Centres are rounded to 0.1 nm. Those in a gap of the sensor are left out, as are those that
    look at the same single band as the one before.

    Args:
        nm: Band centres of the sensor in nm, ascending.
        width_nm: Full width at half maximum of each filter in nm.
        count: How many to spread.

    Returns:
        At most `count`; none where the sensor can stand in for no such filter.
    """
    step = (nm[-1] - nm[0]) / count
    found: dict[BandWeights, float] = {}
    for i in range(count):
        centre = round(nm[0] + (i + 0.5) * step, 1)
        if is_seen(nm, centre, width_nm):
            found.setdefault(filter_weights(nm, centre, width_nm), centre)
    if not found:
        return Candidates(Channels(()), (), (), ())
    texts = tuple(f"{centre:.6g}nm@{width_nm:.6g}" for centre in found.values())
    # through the one door that says what a filter is, so that evaluate shows the same
    channels = BandSelection(",".join(texts)).channels(len(nm), nm)
    return Candidates(channels, texts, tuple(found.values()), (width_nm,) * len(texts))
