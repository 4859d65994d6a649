"""What a data set says about itself: `dataset.json` beside the records.

TFRecords have no room for wavelengths or for where the images come from; this file has. It is
optional: without it, bands are known by number only.
"""

import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bimae.errors import DataError
from bimae.storage import write_text

FILE_NAME = "dataset.json"

COLOUR = "colour"
"""Unit of what stands where spectra are expected, where there are photos alone."""


@dataclass(frozen=True)
class DatasetInfo:
    """Facts about all samples of a data set.

    Attributes:
        name: What to call it in reports.
        simulated: True where no camera was involved; reports then say so everywhere.
        wavelengths_nm: Band centres in nm, ascending, or None where unknown.
        source: Where the images come from: scene, citation, licence.
        fwhm_nm: Width of each band in nm (full width at half maximum), or None where unknown.
        sensor: The spectral camera, as its files call it; empty where unknown.
        unit: What the spectra are: `reflectance`, `counts`, `radiance`, or empty where unknown;
            `colour` where there are none: blue, green and red of a photo stand in their place.
        rgb: What the RGB images are: `camera`, `false colour` (made from bands), `grey` (a camera's
            without colours), or empty where unknown.
        seed_side: Of seeds cut from trays: side of the square around each, in pixels of the scan,
            by which one data set's seeds compare in size with another's; else None.
        photo_side: The same in pixels of the photos; None also where these are of several scales.
        seed_areas: Of whole seeds of trays: a small one (1 of 100 is smaller), the middle one and a
            large one, in pixels of the scans, or of the photos where there are no scans; else None.
    """

    name: str = ""
    simulated: bool = False
    wavelengths_nm: tuple[float, ...] | None = None
    source: str = ""
    fwhm_nm: tuple[float, ...] | None = None
    sensor: str = ""
    unit: str = ""
    rgb: str = ""
    seed_side: int | None = None
    photo_side: int | None = None
    seed_areas: tuple[int, int, int] | None = None

    @property
    def photos_alone(self) -> bool:
        """Whether there are no spectra."""
        return self.unit == COLOUR

    def save(self, folder: Path, **facts: Any) -> None:
        """Writes `dataset.json` into `folder`.

        Args:
            folder: Where the records are.
            **facts: What else is worth telling a person (counts, options); nothing reads it back.
        """
        known = {key: value for key, value in asdict(self).items() if value not in ("", None)}
        known = {"name": self.name, "simulated": self.simulated} | known
        text = json.dumps(known | facts, indent=2, ensure_ascii=False)
        write_text(folder / FILE_NAME, _numbers_in_rows(text) + "\n")

    @staticmethod
    def add(folder: Path, **facts: Any) -> None:
        """Adds facts to the `dataset.json` of a folder, or replaces them; makes it if need be."""
        path = folder / FILE_NAME
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        text = json.dumps(known | facts, indent=2, ensure_ascii=False)
        write_text(path, _numbers_in_rows(text) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "DatasetInfo":
        """Reads `dataset.json` from `folder`; the defaults where there is none.

        Raises:
            DataError: The file is not JSON, or a known key has a value of another kind. Unknown
                keys are left alone: later versions and other programs may add their own.
        """
        path = folder / FILE_NAME
        try:
            found: Any = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not readable as JSON ({error}); mend or remove it") from error
        if not isinstance(found, dict):
            raise DataError(f"{path}: an object is expected, found {type(found).__name__}")
        known = {f.name: found[f.name] for f in fields(cls) if f.name in found}
        for key in ("wavelengths_nm", "fwhm_nm"):
            nm = known.get(key)
            if nm is None:
                continue
            numbers = isinstance(nm, list) and all(
                isinstance(x, int | float) and not isinstance(x, bool) for x in nm
            )
            if not numbers:
                raise DataError(f"{path}: {key} must be a list of numbers (nm) or null")
            known[key] = tuple(float(x) for x in nm)
        texts = ((key, str) for key in ("name", "source", "sensor", "unit", "rgb"))
        for key, kind in (("simulated", bool), *texts):
            if key in known and not isinstance(known[key], kind):
                raise DataError(f"{path}: {key} must be a {kind.__name__}, found {known[key]!r}")
        for key in ("seed_side", "photo_side"):
            side = known.get(key)
            if side is not None and (type(side) is not int or side < 1):
                raise DataError(f"{path}: {key} must be a number of pixels, found {side!r}")
        if (areas := known.get("seed_areas")) is not None:
            if not (isinstance(areas, list) and [type(a) for a in areas] == [int] * 3):
                raise DataError(f"{path}: seed_areas must be three numbers, found {areas!r}")
            known["seed_areas"] = tuple(areas)
        return cls(**known)


def check_has_spectra(name: str, info: DatasetInfo, but: str) -> None:
    """Refuses photos without spectra.

    Args:
        name: What the data are called.
        info: What is known of them.
        but: What needs spectra, and what to do: the end of the message.

    Raises:
        DataError: There are no spectra.
    """
    if info.photos_alone:
        raise DataError(f"{name}: holds photos without spectra, but {but}")


def _numbers_in_rows(text: str) -> str:
    """JSON with lists of plain numbers on one line: 300 wavelengths are no 300 lines."""
    return re.sub(
        r"\[([\s\d.,eE+-]+)\]", lambda found: "[" + " ".join(found[1].split()) + "]", text
    )
