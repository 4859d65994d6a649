"""From what was read to a `Sample`: sizes, the stored type, the label that goes with it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes.cube import Values
from bimae.data.importing.settings import ImportSettings
from bimae.data.resize import bring_hs_to_size, bring_rgb_to_size
from bimae.data.sample import Sample
from bimae.errors import DataError

ABOVE, MANY = 0.05, 0.02
"""Glints reach a little above 1 here and there; more than 2 % of the values do not."""

_LABEL_KEYS = ("species", "label", "class")
_GROUP_KEYS = ("group", "tray", "batch", "plot")


def finished(
    settings: ImportSettings,
    *,
    id: str,
    label: str | None,
    group: str | None,
    rgb: NDArray[np.float32],
    hs: Values,
    unit: str,
    where: str,
) -> Sample:
    """A sample at the size and in the type that the settings ask for.

    Raises:
        DataError: Spectra that are no reflectance are to be stored in 255 steps.
    """
    if settings.hs_side:
        hs = bring_hs_to_size(hs, settings.hs_side)
    if settings.rgb_side:
        rgb = bring_rgb_to_size(rgb, settings.rgb_side)
    if settings.store == "uint8" and hs.dtype != np.uint8:
        if unit != "reflectance":
            raise DataError(
                f"{where}: spectra are {unit or 'of unknown unit'}, but only reflectance can be "
                "stored as uint8: give white and dark references, or use --store float32"
            )
        try:
            hs = in_steps(hs)
        except DataError as error:
            raise DataError(f"{where}: {error}: use --store float32") from error
    return Sample(id, label, group, rgb, hs)


def in_steps(hs: Values) -> NDArray[np.uint8]:
    """Reflectance [h, w, C] in [0, 1] as bytes, 255 for 1.

    Raises:
        DataError: Many values are far above 1.
    """
    above = float((hs > 1 + ABOVE).mean())
    if above > MANY:
        raise DataError(
            f"{100 * above:.0f} % of the values are above 1 (up to {hs.max():g}), so this is no "
            "reflectance in [0, 1] (percent? scaled by 10000?) and cannot be stored as uint8"
        )
    steps: NDArray[np.uint8] = np.rint(np.clip(hs, 0, 1) * 255).astype(np.uint8)
    return steps


def read_meta(path: Path) -> dict[str, str]:
    """`label` and `group` as far as Meta.JSON tells them (species, tray, ... in any spelling).

    Raises:
        DataError: The file is no JSON object.
    """
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable as JSON ({error}); mend or remove it") from error
    if not isinstance(found, dict):
        raise DataError(f'{path}: expected an object such as {{"species": "..."}}: mend it')
    texts = {
        str(key).lower(): str(value).strip()
        for key, value in found.items()
        if isinstance(value, str | int) and str(value).strip()
    }
    told = {}
    for name, keys in (("label", _LABEL_KEYS), ("group", _GROUP_KEYS)):
        value = next((texts[key] for key in keys if key in texts), None)
        if value is not None:
            told[name] = value
    return told
