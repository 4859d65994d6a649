"""The one way to say which bands are meant.

A selection decides which channels are read *and* which rows of the spectral positions are used:
one object with two readers, so that the two can never disagree.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bimae.errors import BandError
from bimae.spectra.filters import BandWeights, filter_weights, is_seen
from bimae.spectra.wavelengths import FEW, covers, nearest_band, tell_bands

FORMS = (
    "all, step_60, top_5, bottom_5, 0,60,120, 450-680nm, 480,550,670nm "
    "or filters such as 490nm@30,560nm@20 (centre@width)"
)


@dataclass(frozen=True)
class Channels:
    """What is read of a sensor's bands; the answer to a `BandSelection`.

    Attributes:
        bands: For each channel the band nearest to its centre: the row of the spectral positions
            that stands for it. Two filters of one centre share a row.
        weights: For each channel (band, weight) pairs, whose weighted average it is; None where
            every channel is one band, the one in `bands`.
    """

    bands: tuple[int, ...]
    weights: tuple[BandWeights, ...] | None = None

    def __len__(self) -> int:
        return len(self.bands)

    def __str__(self) -> str:
        """How many there are: `3 filters`, `2 bands and 1 filter`."""
        filters = sum(len(pairs) > 1 for pairs in self.weights or ())
        counts = ((len(self) - filters, "band"), (filters, "filter"))
        return " and ".join(f"{n} {word}{'s' * (n > 1)}" for n, word in counts if n)


@dataclass(frozen=True)
class _Part:
    """One item of a selection in nm: a wavelength (`low` is `high`), a range, or a filter."""

    low: float
    high: float
    fwhm: float | None = None


@dataclass(frozen=True)
class _Channel:
    band: int
    weights: BandWeights
    nm: float | None  # where it was asked for, or its band lies; None where unknown


@dataclass(frozen=True)
class BandSelection:
    """A set of bands, as the user wrote it; `channels` turns it into what is read of a sensor.

    Forms: `all`; `step_N` (every Nth band from 0); `top_N` and `bottom_N` (the first and the last
    N bands, the names of the authors' code); `0,60,120` (band numbers); `450-680nm` (every band
    within, ends included); `480,550,670nm` (the nearest band to each); `560nm@20` (an optical
    filter: centre and full width at half maximum in nm, a weighted average of the bands, see
    `filter_weights`). What is in nm can be listed together: `450-500,670nm,720nm@20`.
    """

    text: str = "all"

    def __post_init__(self) -> None:
        # Born valid: a typo is told before any file is opened.
        if not any(re.fullmatch(form, self._plain) for form in _PATTERNS):
            raise BandError(f"band selection {self.text!r} is not understood; use {FORMS}")
        for part in self._parts() if self._in_nm else ():
            if part.low > part.high:
                raise self._error(f": a range goes from low to high: {part.high:g}-{part.low:g}nm")
            if part.fwhm is not None and not part.fwhm > 0:
                raise self._error(f": the filter at {part.low:g} nm needs a width above 0")

    @property
    def _plain(self) -> str:
        return self.text.replace(" ", "").lower()

    @property
    def _in_nm(self) -> bool:
        return "nm" in self._plain

    def __str__(self) -> str:
        return self.text

    def resolve(self, bands: int, wavelengths: Sequence[float] | None = None) -> tuple[int, ...]:
        """Band numbers (from 0) that this selection means on a sensor, where it has no filters.

        Args:
            bands: How many bands the sensor has.
            wavelengths: Their centres in nm, ascending, or None where unknown.

        Returns:
            Band numbers in the order asked for, at least one, none twice.

        Raises:
            BandError: As `channels`, and where a filter is asked for: the average of several
                bands has no number.
        """
        channels = self.channels(bands, wavelengths)
        if channels.weights is not None:
            raise self._error(" has filters, which average several bands; name single bands here")
        return channels.bands

    def channels(self, bands: int, wavelengths: Sequence[float] | None = None) -> Channels:
        """What this selection means on a sensor.

        Args:
            bands: How many bands the sensor has.
            wavelengths: Their centres in nm, ascending, or None where unknown.

        Returns:
            At least one channel, in the order asked for, none twice.

        Raises:
            BandError: The sensor has no such band, wavelengths are needed but unknown, two of the
                wavelengths or filters asked for are the same on this sensor, or nothing is left.
        """
        return _together(self._found(bands, wavelengths))

    def describe(self, bands: int, wavelengths: Sequence[float] | None = None) -> str:
        """What is read, for people: `3 filters (490, 560, 668 nm)`, `2 bands (0, 60)`.

        Many are only counted. A filter is told by the centre asked for, a band by its own; a
        filter that comes down to one band is told as a band.

        Raises:
            BandError: As `channels`.
        """
        found = self._found(bands, wavelengths)
        told = str(_together(found))
        if len(found) > FEW:
            return told
        if wavelengths is None:
            return f"{told} ({', '.join(str(channel.band) for channel in found)})"
        return f"{told} ({', '.join(f'{channel.nm:.4g}' for channel in found)} nm)"

    def _found(self, bands: int, wavelengths: Sequence[float] | None) -> list[_Channel]:
        if not self._in_nm:
            numbers = self._by_number(bands)
            nm = [None] * bands if wavelengths is None else wavelengths
            found = [_Channel(band, ((band, 1.0),), nm[band]) for band in numbers]
        elif wavelengths is None:
            raise self._error(
                " is in nm, but the wavelengths of this sensor are unknown: add `wavelengths_nm` "
                "to dataset.json beside the data, or select by number"
            )
        else:
            found = [c for part in self._parts() for c in self._by_wavelength(part, wavelengths)]
        self._check_once(found)
        return found

    def _by_number(self, bands: int) -> Sequence[int]:
        text = self._plain
        if text == "all":
            return range(bands)
        if text[0].isdigit():
            numbers = [int(part) for part in text.split(",")]
            if beyond := [str(i) for i in numbers if i >= bands]:
                raise self._error(
                    f": no band {', '.join(beyond)}; the sensor has bands 0 to {bands - 1}"
                )
            return numbers
        name, number = text.split("_")
        n = int(number)
        if name == "step":
            if n < 1:
                raise self._error(": the step must be at least 1")
            return range(0, bands, n)
        if not 1 <= n <= bands:
            raise self._error(f": N must be from 1 to {bands} bands")
        return range(n) if name == "top" else range(bands - n, bands)

    def _parts(self) -> Iterator[_Part]:
        for item in self._plain.split(","):
            low, high, fwhm = re.fullmatch(_ITEM, item).groups()  # type: ignore[union-attr]
            yield _Part(float(low), float(high or low), float(fwhm) if fwhm else None)

    def _by_wavelength(self, part: _Part, wavelengths: Sequence[float]) -> list[_Channel]:
        inside = [i for i, nm in enumerate(wavelengths) if part.low <= nm <= part.high]
        nearest = nearest_band(wavelengths, part.low)
        beside = f"no band at {part.low:g} nm (nearest: {wavelengths[nearest]:g} nm)"
        if part.fwhm is not None:
            if not is_seen(wavelengths, part.low, part.fwhm):
                raise self._lacking(f"{beside} for a filter {part.fwhm:g} nm wide", wavelengths)
            weights = filter_weights(wavelengths, part.low, part.fwhm)
            nm = part.low if len(weights) > 1 else wavelengths[nearest]
            return [_Channel(nearest, weights, nm)]
        if part.low < part.high:
            if not inside:
                raise self._lacking(
                    f"no band lies there, {part.low:g}-{part.high:g} nm", wavelengths
                )
        elif covers(wavelengths, part.low):
            inside = [nearest]
        else:
            raise self._lacking(beside, wavelengths)
        return [_Channel(i, ((i, 1.0),), wavelengths[i]) for i in inside]

    def _check_once(self, found: list[_Channel]) -> None:
        seen = set()
        for channel in found:
            if channel.weights in seen:
                what = "band" if len(channel.weights) == 1 else "the filter around band"
                raise self._error(f" means {what} {channel.band} twice; name each once")
            seen.add(channel.weights)

    def _lacking(self, what: str, wavelengths: Sequence[float]) -> BandError:
        return self._error(f": {what}; the sensor has {tell_bands(wavelengths)}")

    def _error(self, what: str) -> BandError:
        return BandError(f"band selection {self.text!r}{what}")


def _together(found: list[_Channel]) -> Channels:
    plain = all(len(channel.weights) == 1 for channel in found)
    return Channels(
        tuple(channel.band for channel in found),
        None if plain else tuple(channel.weights for channel in found),
    )


_NUMBER = r"\d+(?:\.\d+)?"
_FILTER = rf"{_NUMBER}nm@{_NUMBER}(?:nm)?"
_PICKS = rf"{_NUMBER}(?:-{_NUMBER})?(?:,{_NUMBER}(?:-{_NUMBER})?)*nm"  # one unit for all of them
_PATTERNS = (
    r"all",
    r"(step|top|bottom)_\d+",
    r"\d+(,\d+)*",
    rf"({_PICKS}|{_FILTER})(,({_PICKS}|{_FILTER}))*",
)
_ITEM = rf"({_NUMBER})(?:-({_NUMBER}))?(?:nm)?(?:@({_NUMBER})(?:nm)?)?"
