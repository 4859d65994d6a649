"""What a data set says about itself: `dataset.json` beside the records.

TFRecords have no room for wavelengths or for where the images come from; this file has. It is
optional: without it, bands are known by number only.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bimae.errors import DataError
from bimae.storage import write_text

FILE_NAME = "dataset.json"


@dataclass(frozen=True)
class DatasetInfo:
    """Facts about all samples of a data set.

    Attributes:
        name: What to call it in reports.
        simulated: True where no camera was involved; reports then say so everywhere.
        wavelengths_nm: Band centres in nm, ascending, or None where unknown.
        source: Where the images come from: sensor, scene, citation, licence.
    """

    name: str = ""
    simulated: bool = False
    wavelengths_nm: tuple[float, ...] | None = None
    source: str = ""

    def save(self, folder: Path) -> None:
        """Writes `dataset.json` into `folder`."""
        write_text(folder / FILE_NAME, json.dumps(asdict(self), indent=2) + "\n")

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
        nm = known.get("wavelengths_nm")
        if nm is not None:
            numbers = isinstance(nm, list) and all(
                isinstance(x, int | float) and not isinstance(x, bool) for x in nm
            )
            if not numbers:
                raise DataError(f"{path}: wavelengths_nm must be a list of numbers (nm) or null")
            known["wavelengths_nm"] = tuple(float(x) for x in nm)
        for key, kind in (("name", str), ("simulated", bool), ("source", str)):
            if key in known and not isinstance(known[key], kind):
                raise DataError(f"{path}: {key} must be a {kind.__name__}, found {known[key]!r}")
        return cls(**known)
