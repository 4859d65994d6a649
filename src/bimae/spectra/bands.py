"""The one way to say which bands are meant.

A selection decides which channels are read *and* which rows of the spectral positions are used:
one object with two readers, so that the two can never disagree.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bimae.errors import BandError
from bimae.spectra.wavelengths import band_reach, nearest_band

FORMS = "all, step_60, top_5, bottom_5, 0,60,120, 450-680nm or 480,550,670nm"


@dataclass(frozen=True)
class BandSelection:
    """A set of bands, as the user wrote it; `resolve` turns it into band numbers of a sensor.

    Forms: `all`; `step_N` (every Nth band from 0); `top_N` and `bottom_N` (the first and the last
    N bands, the names of the authors' code); `0,60,120` (band numbers); `450-680nm` (every band
    within, ends included); `480,550,670nm` (the nearest band to each).
    """

    text: str = "all"

    def __post_init__(self) -> None:
        # Born valid: a typo is told before any file is opened.
        if not any(re.fullmatch(form, self._plain) for form in _PATTERNS):
            raise BandError(f"band selection {self.text!r} is not understood; use {FORMS}")

    @property
    def _plain(self) -> str:
        return self.text.replace(" ", "").lower()

    def __str__(self) -> str:
        return self.text

    def resolve(self, bands: int, wavelengths: Sequence[float] | None = None) -> tuple[int, ...]:
        """Band numbers (from 0) that this selection means on a sensor.

        Args:
            bands: How many bands the sensor has.
            wavelengths: Their centres in nm, ascending, or None where unknown.

        Returns:
            Band numbers in the order asked for, at least one, none twice.

        Raises:
            BandError: The sensor has no such band, wavelengths are needed but unknown, two of the
                wavelengths asked for fall on one band, or nothing is left.
        """
        text = self._plain
        if text == "all":
            return tuple(range(bands))
        if text.endswith("nm"):
            return self._by_wavelength(text.removesuffix("nm"), bands, wavelengths)
        if text[0].isdigit():
            return self._checked([int(part) for part in text.split(",")], bands)
        name, number = text.split("_")
        n = int(number)
        if name == "step":
            if n < 1:
                raise BandError(f"band selection {self.text!r}: the step must be at least 1")
            return tuple(range(0, bands, n))
        if not 1 <= n <= bands:
            raise BandError(f"band selection {self.text!r}: N must be from 1 to {bands} bands")
        return tuple(range(n)) if name == "top" else tuple(range(bands - n, bands))

    def _by_wavelength(
        self, text: str, bands: int, wavelengths: Sequence[float] | None
    ) -> tuple[int, ...]:
        if wavelengths is None:
            raise BandError(
                f"band selection {self.text!r} is in nm, but the wavelengths of this sensor are "
                "unknown: add `wavelengths_nm` to dataset.json beside the data, or select by number"
            )
        first, last = wavelengths[0], wavelengths[-1]
        if "-" in text:
            low, high = (float(part) for part in text.split("-"))
            chosen = [i for i, nm in enumerate(wavelengths) if low <= nm <= high]
            if not chosen:
                raise BandError(
                    f"band selection {self.text!r}: no band lies there; "
                    f"the sensor has {bands} bands from {first:g} to {last:g} nm"
                )
            return tuple(chosen)
        reach = band_reach(wavelengths)
        chosen = []
        for nm in (float(part) for part in text.split(",")):
            band = nearest_band(wavelengths, nm)
            if abs(wavelengths[band] - nm) > reach + 1e-6:
                raise BandError(
                    f"band selection {self.text!r}: no band at {nm:g} nm (nearest: "
                    f"{wavelengths[band]:g} nm); the sensor has {bands} bands from {first:g} "
                    f"to {last:g} nm"
                )
            chosen.append(band)
        return self._checked(chosen, bands)

    def _checked(self, chosen: list[int], bands: int) -> tuple[int, ...]:
        beyond = [i for i in chosen if i >= bands]
        if beyond:
            raise BandError(
                f"band selection {self.text!r}: no band {', '.join(map(str, beyond))}; "
                f"the sensor has bands 0 to {bands - 1}"
            )
        twice = sorted({i for i in chosen if chosen.count(i) > 1})
        if twice:
            raise BandError(
                f"band selection {self.text!r} means band {', '.join(map(str, twice))} twice; "
                "name each band once"
            )
        return tuple(chosen)


_NUMBER = r"\d+(\.\d+)?"
_PATTERNS = (
    r"all",
    r"(step|top|bottom)_\d+",
    r"\d+(,\d+)*",
    rf"{_NUMBER}-{_NUMBER}nm",
    rf"{_NUMBER}(,{_NUMBER})*nm",
)
