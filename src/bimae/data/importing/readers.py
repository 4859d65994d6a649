"""An item -> samples: one reader for each kind of item."""

import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bimae.data.cubes import (
    calibrate,
    cubes_in,
    find_references,
    is_reference,
    open_cube,
    read_wavelengths,
)
from bimae.data.cubes.cube import Bands, Blanked, Cube
from bimae.data.importing.finish import finished, read_meta
from bimae.data.importing.items import Item
from bimae.data.importing.photos import PhotoCube
from bimae.data.importing.pictures import false_colour_of, is_grey, is_marked, read_picture
from bimae.data.importing.settings import ImportSettings
from bimae.data.sample import Sample
from bimae.data.scenes.colour import colour_bands
from bimae.errors import DataError

GREY = "a grey photo: red, green and blue are the same in every pixel"
LEAST_SIDE = 16
"""Pixels along the shorter side of a photo that shows anything of a seed."""
MOST_SEED_BYTES = 1 << 30
"""A cube beyond this is no single seed; it would have to be held in memory whole."""


@dataclass
class Read:
    """What an item holds.

    Attributes:
        samples: With the part that they are declared to belong to, or None.
        bands: What the bands are.
        sensor: The camera's name, or empty.
        unit: Unit of the spectra, or empty.
        rgb: As of `DatasetInfo`.
        notes: What was assumed or mended.
        left_out: Name of each object of the item that cannot be used, and why.
        blanked: What is no number in it; known when all samples were taken.
        simulated: Whether its files say that no camera was involved.
    """

    samples: Iterable[tuple[Sample, str | None]]
    bands: Bands
    sensor: str
    unit: str
    rgb: str
    notes: list[str]
    left_out: list[tuple[str, str]]
    blanked: Blanked
    simulated: bool

    @classmethod
    def of(
        cls,
        cube: Cube,
        item: Item,
        samples: Iterable[tuple[Sample, str | None]],
        notes: list[str],
        left_out: Sequence[tuple[str, str]] = (),
        *,
        grey: bool = False,
    ) -> "Read":
        """What was read of a cube and of the item's RGB image, if it has one, which may be grey."""
        rgb = "camera" if item.photo or item.rgb is not None else "false colour"
        rgb = "grey" if grey else rgb
        photo = item.hs if item.photo else item.rgb
        simulated = cube.simulated or (photo is not None and is_marked(photo))
        return cls(
            samples, cube.bands, cube.sensor, cube.unit, rgb, notes, [*left_out], cube.blanked,
            simulated,
        )  # fmt: skip


def open_scan(item: Item, settings: ImportSettings, path: Path | None = None) -> Cube:
    """The item's cube, with wavelengths and references as far as they are there.

    Args:
        item: The item.
        settings: How it is read.
        path: Its spectral file, where that was unpacked.

    Raises:
        DataError: It, or a reference, cannot be read or does not fit.
    """
    path = path or item.hs
    if not path.exists():
        raise DataError(f"{path}: found no such file; check the path")
    if item.photo:
        return PhotoCube(path)
    axis = settings.band_axis
    given = None if settings.wavelengths is None else read_wavelengths(settings.wavelengths)
    cube = open_cube(
        path,
        keep_bad_bands=settings.bad_bands == "keep",
        key=settings.key,
        band_axis=axis,
        wavelengths=given,
    )
    white, dark = item.white, item.dark
    if path != item.hs and white is None and dark is None:
        beside = find_references(path)  # an archive may hold its own
        white, dark = beside.white, beside.dark
    return calibrate(cube, white, dark, explicit=item.named, band_axis=axis)


def scan_notes(cube: Cube) -> list[str]:
    """What a person should know about a scan."""
    notes = list(cube.notes)
    if cube.unit == "counts":
        notes.append("no white reference: raw counts are kept, which are no reflectance")
    return notes


def read_seed(item: Item, settings: ImportSettings) -> Read:
    """One seed: its whole cube, its RGB image or false colour, its label."""
    cube = open_scan(item, settings)
    size = cube.lines * cube.samples * cube.bands.count * 4
    if size > MOST_SEED_BYTES:
        lines, samples, bands = cube.lines, cube.samples, cube.bands.count
        has = f"{lines} lines x {samples} samples x {bands} bands"
        raise DataError(
            f"{item.hs}: {f'{samples}x{lines} pixels' if item.photo else has} are too many for one "
            "seed; if it is a tray of seeds, use --layout tray"
        )
    hs, notes = cube.read(), scan_notes(cube)
    cube.blanked.check(item.hs)
    photo = item.hs if item.photo else item.rgb
    grey = False
    if photo is not None:
        rgb = read_picture(photo)
        grey = is_grey(rgb)
        notes += _photo_notes(rgb)
    else:
        rgb = false_colour_of(hs, cube.bands, cube.unit)
        notes += colour_notes(cube.bands)
    label, group = _told(item, notes)
    sample = finished(
        settings,
        id=item.name,
        label=label,
        group=group,
        rgb=rgb,
        hs=hs,
        unit=cube.unit,
        where=str(item.hs),
    )
    return Read.of(cube, item, [(sample, item.split)], notes, grey=grey)


def _photo_notes(rgb: NDArray[np.float32]) -> list[str]:
    """What is odd about a photo of one seed [H, W, 3]."""
    notes = []
    if min(rgb.shape[:2]) < LEAST_SIDE:
        notes.append(f"a photo of {rgb.shape[1]}x{rgb.shape[0]} pixels shows next to nothing")
    elif is_grey(rgb):
        notes.append(GREY)
    return notes


def colour_notes(bands: Bands) -> list[str]:
    """Says that colours are false, and from which bands they are."""
    chosen = colour_bands(bands.count, bands.wavelengths_nm)
    if bands.wavelengths_nm is None:
        return [f"no RGB image: false colour from bands {', '.join(map(str, chosen))}"]
    places = ", ".join(f"{bands.wavelengths_nm[b]:.0f}" for b in chosen)
    return [f"no RGB image: false colour from the bands at {places} nm"]


def _told(item: Item, notes: list[str]) -> tuple[str | None, str | None]:
    label, group = item.label, item.group
    if item.meta is not None:
        told = read_meta(item.meta)
        species = told.get("label")
        if species is not None:
            if label is not None and _plain(species) != _plain(label):
                notes.append(f"Meta.JSON says {species}, the folder {label}: Meta.JSON is believed")
            label = species
        group = group or told.get("group")
    return label, group


def _plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def extracted(item: Item, folder: Path) -> Path:
    """The spectral file of an archive such as HS_Raw.zip, unpacked into `folder`.

    Raises:
        DataError: The archive is damaged, or does not hold exactly one scan.
    """
    try:
        with zipfile.ZipFile(item.hs) as archive:
            for member in archive.infolist():
                name = Path(member.filename).name  # never a path: archives come from strangers
                if member.is_dir() or name.startswith((".", "__")) or "__MACOSX" in member.filename:
                    continue
                with archive.open(member) as source, (folder / name).open("xb") as target:
                    while block := source.read(1 << 20):
                        target.write(block)
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise DataError(
            f"{item.hs}: cannot be unpacked ({error}); expected a ZIP archive with one scan: "
            "fetch it again"
        ) from error
    found = [cube for cube in cubes_in(folder) if not is_reference(cube)]
    if len(found) != 1:
        raise DataError(
            f"{item.hs}: holds {len(found)} spectral files, expected one (HsScan.bil with "
            "HsScan.bil.hdr)"
        )
    return found[0]


def unpacked(item: Item) -> "tempfile.TemporaryDirectory[str]":
    """A folder of its own for what an archive holds; gone when it is closed."""
    return tempfile.TemporaryDirectory(prefix="bimae-zip-")
