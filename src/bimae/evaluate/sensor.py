"""Whether data are of the sensor that a model knows. No torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from bimae.data import DatasetInfo
from bimae.errors import ModelError
from bimae.spectra import band_reach


class Sensed(Protocol):
    """Whatever says with which sensor it was made; a `SeedDataset` does."""

    @property
    def root(self) -> Path:
        """What messages call it."""

    @property
    def bands(self) -> int:
        """How many bands there are."""

    @property
    def wavelengths_nm(self) -> tuple[float, ...] | None:
        """Their centres in nm, or None where unknown."""

    @property
    def info(self) -> DatasetInfo:
        """What else is known of the sensor."""


def check_sensor(
    samples: Sensed,
    bands: int,
    expected: Sequence[float] | None,
    name: str = "this model",
) -> str:
    """Refuses data of another sensor than the one that a model knows.

    Args:
        samples: The data.
        bands: Bands of the model's sensor.
        expected: Their wavelengths in nm, or None where unknown.
        name: What the model is called in the message.

    Returns:
        What a person should know: that wavelengths could not be compared; empty where they were.

    Raises:
        ModelError: Another number of bands, or a band that lies elsewhere.
    """
    if samples.bands != bands:
        raise ModelError(
            f"{samples.root}: images have {samples.bands} bands, {name} was made for {bands}; use "
            "data of the same sensor"
        )
    found = samples.wavelengths_nm
    if expected is None:
        return ""
    if found is None:
        return "these data do not tell their wavelengths; bands are taken by number"
    far = max(range(bands), key=lambda i: abs(expected[i] - found[i]))
    if abs(expected[far] - found[far]) > band_reach(expected):
        raise ModelError(
            f"{samples.root}: band {far} lies at {found[far]:g} nm, in {name} at "
            f"{expected[far]:g} nm; use data of the same sensor"
        )
    return ""
