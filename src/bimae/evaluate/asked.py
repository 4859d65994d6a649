"""Whether a classifier can be asked what it is asked: its views, its bands, photos alone. No torch.

All of it can be told before a sample is read.
"""

from typing import Literal

from bimae.data import DatasetInfo
from bimae.data.info import check_has_spectra
from bimae.errors import ConfigError
from bimae.model import ClassifierConfig

Asked = Literal["auto", "bimodal", "hs", "rgb"]
Views = Literal["bimodal", "hs", "rgb"]
VIEWS = {"bimodal": "both views", "hs": "spectra", "rgb": "RGB"}
"""The views that a model looks at, for people."""
AVERAGED = {
    "bimodal": "mean spectrum and mean colour",
    "hs": "mean spectrum",
    "rgb": "mean colour",
}
"""What a discriminant looks at."""


def views_shown(config: ClassifierConfig, modality: Asked, info: DatasetInfo) -> Views:
    """The views that a classifier is shown of data.

    Args:
        config: Of the classifier.
        modality: Views asked for; `auto`: all that it looks at and the data have.
        info: What is known of the data.

    Returns:
        The views.
    """
    if modality != "auto":
        return modality
    if info.photos_alone and config.any_sensor and config.modality == "bimodal":
        return "rgb"
    return config.modality


def check_asked(config: ClassifierConfig, modality: str, bands: str) -> None:
    """Refuses views or bands that a classifier does not look at.

    Args:
        config: Of the classifier.
        modality: Views asked for; `auto`: what it looks at.
        bands: A `BandSelection`; `auto`: those that it was trained with, or of another sensor all.

    Raises:
        ConfigError: A model of one sensor is asked for others than its own, or bands for RGB.
    """
    found = []
    own = VIEWS[config.modality]
    if not config.any_sensor and modality not in ("auto", config.modality):
        found.append(f"--modality {modality} is asked for, but this model reads {own}{_ONLY}")
    shown = config.modality if modality == "auto" else modality
    if bands != "auto" and shown == "rgb":
        found.append(f"--bands {bands!r} is asked for, but RGB images have none; leave it out")
    elif bands != "auto" and not config.any_sensor and not turns(config):
        number = len(config.bands)
        found.append(
            f"--bands {bands} is asked for, but this model reads {number} bands of its own{_ONLY}"
        )
    if found:
        raise ConfigError.of(found)


_ONLY = "; only a model of any sensor (bimae finetune --any-sensor true) answers for others"


def check_data(
    config: ClassifierConfig, modality: Asked, bands: str, name: str, info: DatasetInfo
) -> Views:
    """Refuses what a classifier cannot be asked of data, such as spectra of photos alone.

    Args:
        config: Of the classifier.
        modality: Views asked for.
        bands: A `BandSelection`, or `auto`.
        name: What the data are called.
        info: What is known of them.

    Returns:
        The views that it is shown.

    Raises:
        ConfigError: As `check_asked`, of the views that are shown.
        DataError: There are no spectra, and some are needed.
    """
    shown = views_shown(config, modality, info)
    check_asked(config, shown, bands)
    if shown == "rgb":
        return shown
    if config.any_sensor and config.modality == "bimodal":
        but = f"--modality {shown} shows the model spectra; use --modality rgb"
    else:
        but = (
            f"this model looks at {VIEWS[config.modality]}; ask one of RGB (bimae finetune "
            "--modality rgb) or of any sensor (--any-sensor true)"
        )
    check_has_spectra(name, info, but)
    return shown


def turns(config: ClassifierConfig) -> bool:
    """Whether a classifier's positions are by wavelength, so that it turns to other bands."""
    return config.model.band_positions == "wavelength"
