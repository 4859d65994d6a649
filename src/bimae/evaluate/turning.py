"""Turns the discriminant beside a network to a camera.

Shapes: C stored bands of a sensor, n channels that a classifier was made for, m of the camera
that is looked through.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bimae.data.reading import Reading
from bimae.data.showing import blank, shows
from bimae.model import SeedClassifier
from bimae.model.mean_discriminant import Camera, MeanDiscriminant
from bimae.spectra import between

Floats = NDArray[np.float64]


def turn_discriminant(
    model: SeedClassifier, reading: Reading, wavelengths_nm: Sequence[float] | None,
    rows: Sequence[int] | None = None,
) -> None:  # fmt: skip
    """Turns the discriminant of a classifier, where it has one, to what is read of a sensor.

    Args:
        model: The classifier.
        reading: How the data are read.
        wavelengths_nm: Band centres of their sensor in nm; None: the one that it learned from.
        rows: As of `Camera`.
    """
    made = model.discriminant
    if made is None or reading.modality == "rgb" or made.own.modality == "rgb":
        return
    own = Reading.of(made.own)
    nm = made.own.wavelengths_nm
    there = nm if wavelengths_nm is None else tuple(wavelengths_nm)
    if there == nm and _same(reading, own):
        made.turn_back()
        return
    made.turn(_camera(made, own, reading, there, rows))


def _same(reading: Reading, own: Reading) -> bool:
    return (reading.bands, reading.weights) == (own.bands, own.weights)


def _camera(
    made: MeanDiscriminant,
    own: Reading,
    reading: Reading,
    there: Sequence[float] | None,
    rows: Sequence[int] | None,
) -> Camera:
    """What a sensor shows of what the own one shows."""
    nm = made.own.wavelengths_nm
    bands = made.own.model.bands if nm is None else len(nm)
    between_bands = np.eye(bands)
    if nm is not None and there is not None and tuple(there) != nm:
        between_bands = np.array(between(nm, tuple(map(tuple, np.eye(bands))), there))
    known, asked = shows(own, bands), shows(reading, len(between_bands))
    if known is None or asked is None:  # scaled by each pixel's range: bands are what they are
        known, asked = _picked(own, bands), _picked(reading, len(between_bands))
    with threadpool_limits(1):
        found = asked @ between_bands @ np.linalg.pinv(known, rcond=1e-6)
    channels = reading.weights or reading.bands
    return Camera(
        found,
        blank(reading, len(found)),
        None if rows is None else tuple(rows),
        len(between_bands) if channels is None else len(channels),
    )


def _picked(reading: Reading, bands: int) -> Floats:
    """[n, C] the bands or averages of bands that are read."""
    if reading.weights is not None:
        found = np.zeros((len(reading.weights), bands))
        for row, pairs in zip(found, reading.weights, strict=True):
            for band, weight in pairs:
                row[band] = weight
        return found
    return np.eye(bands) if reading.bands is None else np.eye(bands)[list(reading.bands)]


def of_channels(reading: Reading, channels: Sequence[int]) -> Reading:
    """What is read where of the channels that are read only some are there."""
    bands, weights = reading.bands, reading.weights
    return replace(
        reading,
        bands=tuple(channels) if bands is None else tuple(bands[c] for c in channels),
        weights=None if weights is None else tuple(weights[c] for c in channels),
    )
