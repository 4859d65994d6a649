"""An item -> samples: one reader for each kind of item."""

import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spectral.io import envi

from bimae.data.cubes import (
    calibrate,
    cubes_in,
    find_references,
    is_reference,
    open_cube,
    read_plane,
    read_wavelengths,
)
from bimae.data.cubes.array_files import ARRAY_SUFFIXES
from bimae.data.cubes.cube import Bands, Blanked, Cube
from bimae.data.importing.finish import finished, read_meta
from bimae.data.importing.items import Item
from bimae.data.importing.photos import PhotoCube
from bimae.data.importing.pictures import false_colour_of, read_picture
from bimae.data.importing.settings import ImportSettings
from bimae.data.sample import Sample
from bimae.data.scenes import LabelledWindows, Scene, box_samples, labelled_windows, read_boxes
from bimae.data.scenes.colour import colour_bands
from bimae.data.tfrecord.variants import HS_SIDE, RGB_SIDE
from bimae.errors import DataError, count

MOST_SEED_BYTES = 1 << 30
"""A cube beyond this is no single seed; it would have to be held in memory whole."""

MOST_SCENE_BYTES = 8 << 30

SCENE_RGB_SIDE = 48
"""Two tiles of 24 along a side: an image has to have a few before some can be masked."""


@dataclass
class Read:
    """What an item holds.

    Attributes:
        samples: With the part that they are declared to belong to, or None.
        bands: What the bands are.
        sensor: The camera's name, or empty.
        unit: Unit of the spectra, or empty.
        rgb: `camera` or `false colour`.
        notes: What was assumed or mended.
        left_out: Name of each object of the item that cannot be used, and why.
        blanked: What is no number in it; known when all samples were taken.
    """

    samples: Iterable[tuple[Sample, str | None]]
    bands: Bands
    sensor: str
    unit: str
    rgb: str
    notes: list[str]
    left_out: list[tuple[str, str]]
    blanked: Blanked

    @classmethod
    def of(
        cls,
        cube: Cube,
        item: Item,
        samples: Iterable[tuple[Sample, str | None]],
        notes: list[str],
        left_out: Sequence[tuple[str, str]] = (),
    ) -> "Read":
        """What was read of a cube and of the item's RGB image, if it has one."""
        rgb = "camera" if item.photo or item.rgb is not None else "false colour"
        return cls(
            samples, cube.bands, cube.sensor, cube.unit, rgb, notes, [*left_out], cube.blanked
        )


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
        raise DataError(
            f"{item.hs}: {cube.lines} lines x {cube.samples} samples x {cube.bands.count} bands "
            "are too many for one seed; if it is a tray of seeds, use --layout tray"
        )
    hs, notes = cube.read(), scan_notes(cube)
    cube.blanked.check(item.hs)
    photo = item.hs if item.photo else item.rgb
    if photo is not None:
        rgb = read_picture(photo)
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
    return Read.of(cube, item, [(sample, item.split)], notes)


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


def read_scene(item: Item, settings: ImportSettings) -> Read:
    """Windows around the labelled pixels of a scene, split by ground.

    Their spectra are the window's own pixels, unless another size is asked for.
    """
    cube = open_scan(item, settings)
    scene = _scene(item, cube)
    assert item.truth is not None
    labels = _class_map(item.truth)
    notes = scan_notes(cube)
    names = None
    if settings.class_names is not None:
        names = read_names(settings.class_names)
        notes += _surplus(names, int(labels.max(initial=0)), settings.class_names)
    windows = labelled_windows(
        scene,
        labels,
        class_names=names,
        window=settings.window,
        block=settings.block,
        seed=settings.seed,
        rgb_size=settings.rgb_size or SCENE_RGB_SIDE,
        several=item.several,
    )
    notes += _unused(windows, labels, settings)
    if item.rgb is None:
        notes += colour_notes(cube.bands)
    samples = (_sized(sample, cube.unit, settings, str(item.hs)) for sample in windows)
    return Read.of(cube, item, zip(samples, windows.splits, strict=True), notes)


def _class_map(path: Path) -> NDArray[Any]:
    """A ground truth of any kind, ENVI too (a classification, or a band of whole numbers)."""
    if path.suffix.lower() in (*ARRAY_SUFFIXES, ".png"):
        return read_plane(path, None)
    try:
        image = envi.open(str(path))
        bands, plane = image.nbands, np.asarray(image.read_band(0))
    except Exception as error:  # spectral raises many kinds
        raise DataError(
            f"{path}: cannot be read as a map of classes ({error}); save it as .npy or .png"
        ) from error
    if bands != 1:
        raise DataError(
            f"{path}: has {bands} bands, a map of classes has one; name it: --ground-truth FILE"
        )
    whole: NDArray[Any] = np.rint(plane).astype(np.int64)
    return whole


def _surplus(names: Sequence[str], most: int, path: Path) -> list[str]:
    if len(names) <= most:
        return []
    if names[0].lower() in ("background", "unlabelled", "unlabeled", "undefined", "none"):
        raise DataError(
            f"{path}: {len(names)} names for classes up to {most}, the first one is {names[0]!r}; "
            "the first line is class 1: remove the name of class 0"
        )
    return [f"{path.name} has {len(names)} names, but the classes end at {most}: check the order"]


def _unused(windows: LabelledWindows, labels: NDArray[Any], settings: ImportSettings) -> list[str]:
    """How many labelled pixels are no sample since their window leaves its block of ground."""
    labelled = int(np.count_nonzero(labels))
    notes = []
    if len(windows) < labelled:
        notes.append(
            f"{len(windows)} of {count(labelled, 'labelled pixel')} "
            f"{'is' if len(windows) == 1 else 'are'} used: the windows of "
            f"{settings.window} of the others reach out of their block of {settings.block}, and "
            "would share pixels with another part (--window, --block)"
        )
    parts = list(windows.counts.values())
    lost = [name for name in parts[0] if not any(part[name] for part in parts)]
    if lost:
        notes.append(f"no sample is left of {', '.join(lost[:5])}{', ...' * (len(lost) > 5)}")
    return notes


def _sized(sample: Sample, unit: str, settings: ImportSettings, where: str) -> Sample:
    """At the size and in the type that was asked for; the window's own pixels by default."""
    own = replace(settings, hs_size=settings.hs_size or 0, rgb_size=0)
    return finished(
        own,
        id=sample.id,
        label=sample.label,
        group=sample.group,
        rgb=sample.rgb,
        hs=sample.hs,
        unit=unit,
        where=where,
    )


def read_names(path: Path) -> tuple[str, ...]:
    """Names of the classes 1, 2, ...: a line each.

    Raises:
        DataError: The file cannot be read, or names none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}); a name a line") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not names:
        raise DataError(f"{path}: names no class; a line for each class 1, 2, ... is expected")
    return names


def read_boxed(item: Item, settings: ImportSettings) -> Read:
    """The boxes of a table that lie in one scene."""
    cube = open_scan(item, settings)
    scene = _scene(item, cube)
    assert item.boxes is not None
    rows, outside = [], []
    for row in read_boxes(item.boxes):
        if row.path_hs == item.hs:
            try:
                row.box.within(scene)
                rows.append(row)
            except DataError as error:
                outside.append((row.box.id, str(error)))
    samples = box_samples(
        scene,
        [row.box for row in rows],
        rgb_size=settings.rgb_side or RGB_SIDE,
        hs_size=settings.hs_side or HS_SIDE,
        blank=settings.background == "blank",
    )
    notes = scan_notes(cube)
    if item.rgb is None:
        notes += colour_notes(cube.bands)
    completed = (
        (_completed(sample, item, cube.unit, settings), row.split)
        for sample, row in zip(samples, rows, strict=True)
    )
    return Read.of(cube, item, completed, notes, outside)


def _completed(sample: Sample, item: Item, unit: str, settings: ImportSettings) -> Sample:
    """With what is known of the whole scene where the table says nothing."""
    # Objects of one scene share its light: with several scenes, a scene is a group.
    group = sample.group or (item.name if item.several else None)
    whole = replace(
        sample,
        label=sample.label or item.label,
        group=settings.group_of(sample.id, group),
    )
    return _sized(whole, unit, replace(settings, hs_size=0), str(item.hs))


def _scene(item: Item, cube: Cube) -> Scene:
    size = cube.lines * cube.samples * cube.bands.count * 4
    if size > MOST_SCENE_BYTES:
        raise DataError(
            f"{item.hs}: a scene of {size / 1e9:.1f} GB has to be held in memory; cut it into "
            f"parts of at most {MOST_SCENE_BYTES / 1e9:.0f} GB"
        )
    rgb = None if item.rgb is None else read_picture(item.rgb)
    hs = cube.read()
    cube.blanked.check(item.hs)
    return Scene(item.name, hs, rgb, cube.bands.wavelengths_nm)


def unpacked(item: Item) -> "tempfile.TemporaryDirectory[str]":
    """A folder of its own for what an archive holds; gone when it is closed."""
    return tempfile.TemporaryDirectory(prefix="bimae-zip-")
