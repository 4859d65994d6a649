"""What a classifier is shown of a data set: the views and bands that somebody has."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bimae.data import SeedDataset
from bimae.data.reading import ALONE, Reading, Standard, Within
from bimae.errors import ConfigError
from bimae.evaluate.asked import Asked, check_data, turns
from bimae.evaluate.level import check_level
from bimae.evaluate.sensor import (
    UNRELIABLE,
    Learned,
    Sensed,
    check_range,
    check_sensor,
    check_values,
    same_places,
)
from bimae.evaluate.turning import turn_discriminant
from bimae.model import ClassifierConfig, SeedClassifier
from bimae.model.positions import WavelengthPositions
from bimae.spectra import BandSelection, BandWeights, Channels, between, place_of

ROUNDED = 0.1  # nm: what headers leave out of a band's centre


@dataclass(frozen=True)
class Looks:
    """How samples are read and shown to a classifier.

    Attributes:
        reading: How they are read.
        rows: [n] the row of the spectral positions of each channel; None: as the model says.
        note: What a person should know of it; empty where nothing.
    """

    reading: Reading
    rows: Tensor | None = None
    note: str = ""


def look(
    model: SeedClassifier,
    samples: Sensed,
    *,
    modality: Asked = "auto",
    bands: str = "auto",
    labels: bool = True,
    learned: Learned | None = None,
) -> Looks:
    """Makes a classifier ready for a data set and what is to be read of it.

    A model whose positions are by wavelength is turned to the sensor of the data, and so is what it
    has of a discriminant.

    Args:
        model: The classifier.
        samples: The data, at its image sizes.
        modality: Views to show; `auto`: all that it looks at.
        bands: A `BandSelection`; `auto`: those that it was trained with, or of another sensor all.
        labels: Whether labels are read.
        learned: What the model learned from, which its configuration does not tell; None: whether
            the data are alike is not looked at.

    Raises:
        ModelError: The data are of another sensor than the model, which knows only one; or in
            another unit than `learned`.
        ConfigError: A model of one sensor is asked for other views or bands than its own.
        BandError: The sensor lacks the bands.
    """
    looks = _looks(model, samples, (modality, bands), labels=labels, learned=learned)
    rows = None if looks.rows is None else looks.rows.tolist()
    turn_discriminant(model, looks.reading, samples.wavelengths_nm, rows)
    return looks


def _looks(
    model: SeedClassifier,
    samples: Sensed,
    asked: tuple[Asked, str],
    *,
    labels: bool,
    learned: Learned | None,
) -> Looks:
    modality, bands = asked
    config = model.config
    shown = check_data(config, modality, bands, str(samples.root), samples.info)
    note = ""
    if shown != "rgb":
        note = _turned(model, samples, bands)
        config = model.config
    if learned is not None:
        told = check_values(samples, learned, modality=shown, scale=config.scale)
        if shown != "rgb" and isinstance(samples, SeedDataset):
            check_level(samples, config, learned)
        note = "; ".join(filter(None, (note, *told)))
    reading = Reading.of(config, labels=labels)
    if not config.any_sensor:
        return Looks(reading, note=note)
    channels = BandSelection("all" if bands == "auto" else bands).channels(
        samples.bands, samples.wavelengths_nm
    )
    if shown != "rgb" and config.scale in ALONE and len(channels) == 1:
        raise ConfigError(
            f"bands{'' if bands == 'auto' else f' {bands!r}'}: a single one here, and this model "
            "scales each pixel over the bands that are there, which of one gives nothing; show two "
            "or more"
        )
    sees = shown != "rgb"
    standard, among = _measured_there(config, samples) if sees else (config.standard, config.among)
    reading = Reading(
        shown,
        channels.bands if sees else None,
        config.scale,
        config.classes if labels else None,
        channels.weights if sees else None,
        standard,
        config.log_floor,
        config.within,
        Reading.completion_of(config),
        among,
    )
    if not sees or among is not None:  # completed, all bands of the model are shown
        return Looks(reading, note=note)
    rows = torch.tensor(channels.bands)
    if turns(model.config) and channels.weights is not None:
        rows = torch.arange(len(channels))
        _stand_where_filters_are(model, channels.weights)
    return Looks(reading, rows, note)


def _measured_there(
    config: ClassifierConfig, samples: Sensed
) -> tuple[Standard | None, Within | None]:
    """Standard and `among` of the bands of the data.

    A model that is turned to their sensor has these already; one whose missing bands are made up is
    not turned, and what it knows of its own bands is taken to lie on lines between them.
    """
    own, nm = config.wavelengths_nm, samples.wavelengths_nm
    if config.among is None or nm is None or own == nm:
        return config.standard, config.among
    assert own is not None and config.standard is not None, "checked before"
    standard = tuple((m, d) for m, d in between(own, config.standard, nm))
    return standard, between(own, config.among, nm)


def _stand_where_filters_are(model: SeedClassifier, filters: Sequence[BandWeights]) -> None:
    """Gives each filter the position of its own centre and width, not of a band near it."""
    sizes = model.config.model
    assert sizes.wavelengths_nm is not None, "positions are by wavelength"
    assert sizes.widths_nm is not None, "positions are by wavelength"
    places = [place_of(pairs, sizes.wavelengths_nm, sizes.widths_nm) for pairs in filters]
    positions = model.trunk.hs.positions
    assert isinstance(positions, WavelengthPositions)
    positions.look_at([nm for nm, _ in places], [width for _, width in places])


def _alike(one: Sequence[float] | None, other: Sequence[float] | None) -> bool:
    """Whether wavelengths are the same but for what a header rounds off."""
    if one is None or other is None:
        return one is other
    return len(one) == len(other) and all(
        abs(a - b) <= ROUNDED for a, b in zip(one, other, strict=True)
    )


def _places(samples: Sensed, config: ClassifierConfig, channels: Channels) -> str:
    """What to say of bands that lie where the model learned nothing.

    Raises:
        ModelError: All of them do.
    """
    nm, learned = samples.wavelengths_nm, config.wavelengths_nm
    if nm is None or learned is None:
        return ""
    return check_range(str(samples.root), [nm[band] for band in channels.bands], learned)


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _made_up(name: str, nm: Sequence[float], own: Sequence[float]) -> str:
    """What to say where missing bands are made up, which needs some that the model knows."""
    if _alike(nm, own):
        return ""
    note = "the model was trained with another sensor; its bands are made up"
    return _joined(note, check_range(name, nm, own))


def _turned(model: SeedClassifier, samples: Sensed, bands: str) -> str:
    """Turns the model to the sensor of the data, or refuses it; a note for people."""
    config, nm = model.config, samples.wavelengths_nm
    if config.among is not None and nm is not None and config.wavelengths_nm is not None:
        return _made_up(str(samples.root), nm, config.wavelengths_nm)
    if turns(model.config) and config.among is None:
        if nm is None:
            raise ConfigError(
                f"{samples.root}: tells no wavelengths, and this model knows bands by nothing "
                "else; give them: --wavelengths 400-1000nm or a file (with a camera's files), in "
                "the ENVI header, or as wavelengths_nm in dataset.json"
            )
        same = _alike(nm, config.wavelengths_nm)
        if same and bands == "auto" and not config.any_sensor:
            return ""
        channels = BandSelection("all" if bands == "auto" else bands).channels(samples.bands, nm)
        told = _places(samples, config, channels)
        every = BandSelection("all").channels(samples.bands, nm)
        model.look_at(every if config.any_sensor else channels, nm, samples.info.fwhm_nm)
        if not same:
            note = "the model was trained with another sensor; bands go by wavelength"
            if not config.any_sensor and not same_places(nm, config.wavelengths_nm):
                note += (
                    f", which a model of one sensor never learned: its answers are {UNRELIABLE} "
                    "(docs/any-sensor.md)"
                )
            return _joined(note, told)
        own = Channels(config.bands, config.band_weights)
        if config.any_sensor or channels == own:
            return ""
        return (
            f"the model learned with {own} and is shown another choice ({channels}); it is no "
            "model of any sensor (docs/any-sensor.md)"
        )
    return check_sensor(samples, config.model.bands, config.wavelengths_nm)
