"""What was sent -> the views that a model is shown, at its sizes.

Files are told apart by what they begin with, never by their names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes import WavelengthSource, read_wavelengths
from bimae.data.cubes.wavelength_lists import WAVELENGTH_NAME
from bimae.data.leakage import is_flat
from bimae.errors import DataError
from bimae.serve.archive import ZIP, opened, safe_name
from bimae.serve.arrays import NPY, SUFFIX, array_of, arrays_in
from bimae.serve.limits import Limits, Refused
from bimae.serve.pictures import looks_like_picture, rgb_of_array, rgb_of_file
from bimae.serve.receive import Part, Received
from bimae.serve.spectra import HEADER, Spectra, cube_of_array, cube_of_envi, wavelengths_of_text

RGB, HS = "rgb", "hs"
SENT = (
    "`rgb` (PNG, JPEG or TIFF), `hs` (.npy, .npz, an ENVI image zipped or as two files), or "
    "`sample` (.npz with both)"
)


@dataclass(frozen=True)
class Wanted:
    """What a model looks at.

    Attributes:
        views: `rgb`, `hs`, or both.
        needed: Whether all of them have to be there.
        rgb_size: Side of its RGB images in pixels.
        hs_size: Side of its spectral images in pixels.
        bands: Of the sensor that it learned from.
        by_wavelength: Whether it knows bands by their wavelengths.
    """

    views: tuple[str, ...]
    needed: bool
    rgb_size: int
    hs_size: int
    bands: int
    by_wavelength: bool


@dataclass(frozen=True, eq=False)
class Upload:
    """A sample that was sent, as far as the model looks at it.

    Attributes:
        rgb: [H, H, 3] float32 in [0, 1]; None where it was not sent or is not looked at.
        spectra: The cube, likewise.
        notes: What was assumed or mended.
    """

    rgb: NDArray[np.float32] | None
    spectra: Spectra | None
    notes: tuple[str, ...] = ()

    @property
    def views(self) -> tuple[str, ...]:
        """The views that are there."""
        there = ((RGB, self.rgb), (HS, self.spectra))
        return tuple(name for name, view in there if view is not None)


@dataclass
class _Sorted:
    """Files and arrays by what they are."""

    picture: Path | None = None
    rgb: NDArray[Any] | None = None
    cube: NDArray[Any] | None = None
    envi: Path | None = None
    given: WavelengthSource | None = None


def read_upload(received: Received, folder: Path, wanted: Wanted, limits: Limits) -> Upload:
    """Makes a sample of what was sent.

    Args:
        received: What was sent.
        folder: Where it lies; more may be unpacked there.
        wanted: What the model looks at.
        limits: Of the server.

    Raises:
        Refused: It cannot be read, is too large, or a view is missing.
    """
    found = _Sorted()
    if received.wavelengths is not None:
        found.given = wavelengths_of_text(received.wavelengths)
    hs = received.named(HS)
    for name in (RGB, "sample"):
        if len(received.named(name)) > 1:
            raise Refused(422, f"{name}: found several files, expected one: send one object a time")
    if len(hs) > 1:
        _take_envi_files(found, hs, folder)
    for part in received.files:
        if part.name != HS or len(hs) == 1:
            _sort(found, part, folder, limits)
    return _read(found, wanted, limits)


def _sort(found: _Sorted, part: Part, folder: Path, limits: Limits) -> None:
    """Puts a file where it belongs, unpacking it where it is an archive."""
    where = part.name
    with part.path.open("rb") as file:
        start = file.read(16)
    if not start:
        raise Refused(422, f"{where}: found an empty file, expected {SENT}")
    if looks_like_picture(start):
        _check_part(part, RGB, "a picture")
        _once(found.picture is None and found.rgb is None, RGB)
        found.picture = part.path
    elif start.startswith(NPY):
        _check_part(part, HS, "one array")
        _once(found.cube is None and found.envi is None, HS)
        found.cube = _single(part.path, where, limits)
    elif start.startswith(ZIP):
        _sort_archive(found, part, folder, limits)
    elif start.startswith(HEADER):
        raise Refused(
            422, f"{where}: found an ENVI header alone, expected its data too: send both as `hs`"
        )
    else:
        raise Refused(415, f"{where}: found a file that begins with {start[:8]!r}, expected {SENT}")


def _check_part(part: Part, view: str, what: str) -> None:
    """A picture sent as spectra is a slip that must not pass as a missing view."""
    if part.name not in (view, "sample"):
        raise Refused(422, f"{part.name}: found {what}, expected {SENT}: send it as `{view}`")


def _once(free: bool, view: str) -> None:
    if not free:
        raise Refused(422, f"{view}: found it twice, expected it once: leave one out")


def _single(path: Path, where: str, limits: Limits) -> NDArray[Any]:
    size = path.stat().st_size
    if size > limits.inflated_bytes:
        raise Refused(413, f"{where}: found {size} bytes, at most {limits.inflated_bytes} are read")
    return array_of(path.read_bytes(), where)


def _sort_archive(found: _Sorted, part: Part, folder: Path, limits: Limits) -> None:
    where = part.name
    with opened(part.path, where, limits) as archive:
        names = list(archive.members)
        if not any(name.endswith(SUFFIX) for name in names):
            if not names:
                raise Refused(422, f"{where}: found an empty archive, expected {SENT}")
            _check_part(part, HS, "an archive without arrays")
            _once(found.cube is None and found.envi is None, HS)
            found.envi = folder / "envi"
            found.envi.mkdir()
            archive.unpack(found.envi)
            return
    with arrays_in(part.path, where, limits) as arrays:
        _take_arrays(found, arrays, where)


def _take_arrays(found: _Sorted, arrays: Mapping[str, NDArray[Any]], where: str) -> None:
    """`rgb`, `hs` (or the only other array) and wavelengths out of a `.npz`."""
    listed = [name for name in arrays if WAVELENGTH_NAME.fullmatch(name)]
    others = [name for name in arrays if name not in (RGB, HS, *listed)]
    cube = HS if HS in arrays else others[0] if len(others) == 1 and where != RGB else None
    if cube is None and RGB not in arrays:
        raise Refused(
            422,
            f"{where}: found the arrays {', '.join(list(arrays)[:8])}, expected `hs` [height, "
            "width, bands], `rgb` [height, width, 3] or both: rename them",
        )
    if cube is not None and where != RGB:
        _once(found.cube is None and found.envi is None, HS)
        found.cube = arrays[cube]
    if RGB in arrays:
        _once(found.picture is None and found.rgb is None, RGB)
        found.rgb = arrays[RGB]
    if listed and found.given is None:
        found.given = _list_of(arrays[listed[0]], f"{where}: array {listed[0]!r}")


def _list_of(values: NDArray[Any], where: str) -> WavelengthSource:
    try:
        return read_wavelengths([float(value) for value in values.ravel()[: 1 << 16]])
    except DataError as error:
        raise Refused(422, f"{where}: {error}") from error


def _take_envi_files(found: _Sorted, parts: list[Part], folder: Path) -> None:
    """A header and its data that were sent as two files: their names say what belongs together."""
    found.envi = folder / "envi"
    found.envi.mkdir()
    for part in parts:
        name = safe_name(part.filename)
        if name is None or (found.envi / name).exists():
            raise Refused(
                422,
                f"hs: found several files, one of them called {part.filename[:60]!r}, expected an "
                "ENVI header and its data by their plain names",
            )
        part.path.rename(found.envi / name)


def _read(found: _Sorted, wanted: Wanted, limits: Limits) -> Upload:
    there = {
        RGB: found.picture is not None or found.rgb is not None,
        HS: found.cube is not None or found.envi is not None,
    }
    missing = [view for view in wanted.views if not there[view]]
    if missing and (wanted.needed or len(missing) == len(wanted.views)):
        sent = ", ".join(view for view, is_there in there.items() if is_there) or "nothing"
        either = " and " if wanted.needed else " or "
        raise Refused(
            422,
            f"{missing[0]}: is missing (found {sent}); this model looks at "
            f"{either.join(wanted.views)}; send {SENT}",
        )
    notes = [
        f"{view} was sent, but this model does not look at it"
        for view, is_there in there.items()
        if is_there and view not in wanted.views
    ]
    rgb = spectra = None
    if there[RGB] and RGB in wanted.views:
        size = wanted.rgb_size
        if found.picture is not None:
            rgb = rgb_of_file(found.picture, size, limits)
        elif found.rgb is not None:
            rgb = rgb_of_array(found.rgb, size, limits)
    if there[HS] and HS in wanted.views:
        spectra = _spectra(found, wanted, limits)
        notes += spectra.notes
    told = ""
    if spectra is not None and not spectra.hs.any():
        told = f"{HS}: every value is zero"
    elif rgb is not None and is_flat(rgb):
        told = f"{RGB}: all pixels are alike"
    if told:
        raise Refused(422, f"{told}, so there is nothing to see; send an image of a seed")
    return Upload(rgb, spectra, tuple(notes))


def _spectra(found: _Sorted, wanted: Wanted, limits: Limits) -> Spectra:
    if found.envi is not None:
        spectra = cube_of_envi(found.envi, found.given, wanted.hs_size, limits)
    else:
        assert found.cube is not None, "one of the two is there"
        spectra = cube_of_array(found.cube, found.given, wanted.bands, wanted.hs_size, limits)
    if wanted.by_wavelength and spectra.bands.wavelengths_nm is None:
        raise Refused(
            422,
            f"hs: found {spectra.bands.count} bands without wavelengths, expected them, as this "
            "model knows bands by nothing else: send `wavelengths` (450,550,650 or 400-1000nm)",
        )
    return spectra
