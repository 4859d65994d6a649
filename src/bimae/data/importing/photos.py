"""Photos without spectra: one of each seed, or of whole trays.

A record has a spectral image in any case. That of a photo shows its blue, green and red, and the
data set's unit says so (`COLOUR`): whatever needs spectra refuses it (`check_has_spectra`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes.cube import Bands, Blanked, Cube, Values
from bimae.data.importing.items import Plan
from bimae.data.importing.listing import Scan
from bimae.data.importing.pictures import IMAGE_SUFFIXES, read_photo
from bimae.data.importing.scan_items import file_item, folder_each, folder_item, stripped
from bimae.data.importing.settings import ImportSettings
from bimae.data.importing.views import view_of
from bimae.data.info import COLOUR
from bimae.errors import DataError

NEEDLESS = ("white", "dark", "wavelengths", "key")
"""Options of an import that say how spectra are read."""


class PhotoCube(Cube):
    """A photo as an image of three bands, so that seeds are found on it as on any scan.

    Its black is 1 of 255: 0 in every band is padding.
    """

    def __init__(self, path: Path) -> None:
        """Unpacks the photo.

        Raises:
            DataError: It cannot be read as an image.
        """
        state = path.stat()
        self.photo = _unpacked(path, state.st_mtime_ns, state.st_size)
        self.path = path
        self.lines, self.samples = self.photo.shape[:2]
        self.bands = Bands(3)
        self.sensor, self.unit, self.notes = "", COLOUR, ()
        self.blanked = Blanked()

    def read(self, rows: slice = slice(None), columns: slice = slice(None)) -> Values:
        """[n, m, 3] bytes: blue, green and red, as bands go from short to long wavelengths."""
        part: Values = np.maximum(self.photo[rows, columns], 1)[:, :, ::-1]
        return part


@lru_cache(maxsize=1)
def _unpacked(path: Path, changed: int, size: int) -> NDArray[np.uint8]:
    """A photo, which is looked at, searched and cut one after the other: unpacked once."""
    del changed, size  # another file of this name is unpacked anew
    photo = read_photo(path)
    photo.flags.writeable = False
    return photo


def photo_crop(crop: Values) -> NDArray[np.float32]:
    """A seed that was cut from a `PhotoCube` [h, w, 3] as RGB in [0, 1]; padding is white."""
    rgb = crop[:, :, ::-1].astype(np.float32) / np.float32(255)
    rgb[~crop.any(axis=2)] = 1
    return rgb


def photo_plan(pictures: Sequence[Path], root: Path, settings: ImportSettings) -> Plan:
    """Photos as items; folders say class, group and part as those of spectral files do.

    Args:
        pictures: The photos.
        root: Where folders are counted from.
        settings: How they are read.

    Raises:
        DataError: There are none, or the settings say how spectra are read.
    """
    if not pictures:
        known = ", ".join(sorted(IMAGE_SUFFIXES))
        raise DataError(f"{root}: found no photo in it or below it, expected {known}")
    if given := [f"--{name}" for name in NEEDLESS if getattr(settings, name) is not None]:
        one = len(given) == 1
        raise DataError(
            f"{root}: holds photos without spectra, but {', '.join(given)} "
            f"{'says' if one else 'say'} how spectra are read; leave {'it' if one else 'them'} out"
        )
    scans = _scans(pictures, root)
    own_folder = folder_each(scans)
    item_of = folder_item if own_folder else file_item
    items = [item_of(scan, settings) for scan in stripped(scans, 2 if own_folder else 1)]
    return Plan("photos", root, [replace(item, photo=True) for item in items])


def _scans(pictures: Sequence[Path], root: Path) -> tuple[Scan, ...]:
    """Photos with the folders that they lie in; one called `RGB` or `photos` says nothing."""
    folders = Counter(path.parent for path in pictures)
    return tuple(
        Scan(
            path,
            tuple(name for name in path.relative_to(root).parts[:-1] if view_of(name) != "rgb"),
            path.stem,
            alone=folders[path.parent] == 1,
        )
        for path in pictures
    )
