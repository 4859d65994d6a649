"""Who is asked about a lot in `bimae purity`: all that is refused before a seed is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bimae.errors import ConfigError

if TYPE_CHECKING:
    from bimae.cli.purity import PurityOptions
    from bimae.model import ClassifierConfig, SeedClassifier
    from bimae.predict.calibrated import Calibrated


@dataclass(frozen=True)
class Asked:
    """Who is asked, and how: all that can be refused before a seed is read."""

    model: "SeedClassifier"
    folder: Path
    crop: int
    weights: Mapping[str, float] | None
    known: "tuple[Calibrated, ...]" = ()


def asked_for(options: "PurityOptions") -> Asked:
    """The model, and what is asked of it.

    Raises:
        BimaeError: The model cannot be read, or the options do not fit it.
    """
    from bimae.evaluate.asked import check_asked
    from bimae.model import SeedClassifier, model_folder
    from bimae.predict.lot import crop_number
    from bimae.predict.purity_weight import purity_by_weight
    from bimae.predict.weight_table import read_weights

    folder = model_folder(options.model)
    model = SeedClassifier.from_pretrained(folder)
    config = model.config
    check_asked(config, options.modality, options.bands)
    crop = crop_number(options.crop, config.classes)
    weights = None if options.weights is None else read_weights(options.weights)
    if weights is not None:  # whether the crop is there can be told before the seeds are read
        try:
            purity_by_weight({options.crop: 1}, options.crop, weights)
        except ConfigError as error:
            raise ConfigError(f"{options.weights}: {error}") from error
    return Asked(model, folder, crop, weights)


def calibrations(
    options: "PurityOptions", folder: Path, config: "ClassifierConfig", modality: str
) -> "tuple[Calibrated, ...]":
    """What is known of this model, where it is wanted.

    Raises:
        ConfigError: None can be for what is shown, and the user did not say that it may be so.
    """
    from bimae.predict.calibrated import calibration_for, check_classes, load
    from bimae.predict.shown import Shown

    if not options.calibrated:
        return ()
    known = load(folder)
    found = calibration_for(known, Shown.of(config, modality, options.bands), options.model)
    if found is None:
        raise ConfigError(
            f"{options.model}: is not calibrated, so neither how often it errs is known nor what "
            f"is strange to it; calibrate it first (bimae calibrate {options.model} "
            "LABELLED_DATA), or take its answers as they are (--calibrated false)"
        )
    check_classes(found, config.classes, folder)
    return tuple(known)
