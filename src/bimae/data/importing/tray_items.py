"""Trays: their seeds are found in one step and cut in another; archives of one seed: both at once.

Between the steps all trays of an import have been seen, so that all seeds are cut at one scale.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bimae.data.cubes import open_cube
from bimae.data.cubes.cube import Cube, Values
from bimae.data.importing.finish import finished, read_meta
from bimae.data.importing.items import Item, fingerprint
from bimae.data.importing.one_thread import one_thread
from bimae.data.importing.photos import PhotoCube, photo_crop
from bimae.data.importing.pictures import is_grey, read_photo
from bimae.data.importing.readers import (
    GREY,
    Read,
    colour_notes,
    extracted,
    open_scan,
    scan_notes,
    unpacked,
)
from bimae.data.importing.settings import ImportSettings
from bimae.data.importing.table import seed_labels
from bimae.data.sample import Sample
from bimae.data.trays import Look, PhotoLook, Tray, look_at, look_at_alone, look_at_photo, read_tray
from bimae.errors import DataError
from bimae.storage import atomic_path

PACKED = 1  # of 9: the file becomes a fifth larger and is written five times as fast
OUTLINE = 0.015  # of a square's side, by which outlines in photos are smoothed
SMALL = 48  # no tray is narrower, in pixels
_UNNAMED = {"unlabelled", "none", ""}


@dataclass(frozen=True, eq=False)
class _Looks:
    """What is seen on a scan, and on its photo if that was looked at as well."""

    scan: Look
    photo: PhotoLook | None


# At most one: the scan by which trays were told from single seeds, until its seeds are looked for.
_LOOKS: dict[str, _Looks] = {}


def find_tray(item: Item, settings: ImportSettings, kept: Path) -> dict[str, Any]:
    """Looks for the seeds of a tray and keeps what was found.

    Args:
        item: The tray.
        settings: How it is read.
        kept: Where the outlines are kept (.npz); the picture for people goes beside it (.png), if
            one is wanted.

    Returns:
        Facts for a person and for the next step: `side` of the largest whole seed (0 where there
        is none), `any_side` of the largest object where none is whole, `photo_scale` in pixels of
        the photo along one of `side` (None without a photo), `objects` with their place, flags and
        whether they are kept, and `notes`.

    Raises:
        DataError: Scan or photo cannot be read, or do not show the same tray.
    """
    tray = _tray(item, settings, kept)
    state: dict[str, Any] = tray.state()
    with atomic_path(kept) as temporary:
        np.savez(temporary, **state)  # it is read again in seconds: packing would take longer
    if settings.pictures:
        with atomic_path(kept.with_suffix(".png")) as temporary:
            Image.fromarray(tray.picture()).save(temporary, compress_level=PACKED)
    labels = {} if settings.labels is None else seed_labels(settings.labels)
    rows = []
    for found in tray.objects:
        top, left, bottom, right = found.box
        rows.append(
            {
                "number": found.number,
                "flags": " ".join(found.flags),
                "kept": not found.flags or settings.keep_flagged,
                "label": _label(item, labels, found.number) or "",
                "area_px": found.area,
                "top": top,
                "left": left,
                "bottom": bottom,
                "right": right,
            }
        )
    side = tray.side if tray.whole else 0
    return {
        "side": side,
        "any_side": tray.side,
        "pixels": [tray.cube.samples, tray.cube.lines],
        "photo_scale": 1.0 if item.photo else tray.photo_scale,
        "objects": rows,
        "notes": list(tray.notes),
    }


def cut_tray(
    item: Item, settings: ImportSettings, kept: Path, numbers: tuple[int, ...], side: int
) -> Read:
    """Cuts seeds of a tray out of both views.

    Args:
        item: The tray.
        settings: How it is read.
        kept: What `find_tray` kept.
        numbers: The seeds to cut.
        side: Of the crops, in pixels of the scan.

    Raises:
        DataError: Scan or photo cannot be read.
    """
    cube = open_scan(item, settings)
    photo, state = _kept(item.rgb, kept)
    tray = Tray.restored(cube, photo, state)
    labels = {} if settings.labels is None else seed_labels(settings.labels)

    def cut() -> Iterator[tuple[Sample, str | None]]:
        for number in numbers:
            rounding = OUTLINE * side if item.photo else 0.0
            hs, rgb = tray.crop(number, side, background=settings.background, rounding=rounding)
            sample = finished(
                settings,
                id=f"{item.name}/{number:03d}",
                label=_label(item, labels, number),
                group=item.group,
                rgb=_shown(tray, item, number, hs, side) if rgb is None else rgb,
                hs=hs,
                unit=cube.unit,
                where=f"{item.hs}, seed {number}",
            )
            yield sample, item.split

    shown = cube.photo if isinstance(cube, PhotoCube) else photo
    grey = shown is not None and is_grey(shown)
    notes = [*scan_notes(cube), *(colour_notes(cube.bands) if shown is None else [GREY] * grey)]
    return Read.of(cube, item, cut(), notes, grey=grey)


def _shown(tray: Tray, item: Item, number: int, hs: Values, side: int) -> NDArray[np.float32]:
    """[side, side, 3] of a seed on white: of a photo as it is, of spectra in false colour."""
    return photo_crop(hs) if item.photo else tray.false_crop(number, side)


def read_archive(item: Item, settings: ImportSettings) -> Read:
    """One seed out of a raw scan in an archive and a raw photo, found and cut in each.

    The two cameras see the seed at different places and scales: each view is cut around what
    stands out from its background.

    Raises:
        DataError: The archive or the photo cannot be read, or no seed is seen in one of them.
    """
    with unpacked(item) as folder:
        path = extracted(item, Path(folder))
        cube = open_scan(item, settings, path)
        photo = None if item.rgb is None else read_photo(item.rgb)
        tray = read_tray(cube, photo, pairing="largest")
        if not tray.objects:
            raise DataError(f"{item.hs}: no seed is seen in the scan; one is expected")
        (found,) = tray.objects
        hs, rgb = tray.crop(found.number, tray.side, background=settings.background)
        label, group, notes = item.label, item.group, [*scan_notes(cube), *tray.notes]
        if item.meta is not None:
            told = read_meta(item.meta)
            label, group = told.get("label", label), group or told.get("group")
        sample = finished(
            settings,
            id=item.name,
            label=label,
            group=group,
            rgb=tray.false_crop(found.number, tray.side) if rgb is None else rgb,
            hs=hs,
            unit=cube.unit,
            where=str(item.hs),
        )
    if photo is None:
        notes += colour_notes(cube.bands)
    return Read.of(cube, item, [(sample, item.split)], notes)


def count_objects(item: Item, settings: ImportSettings, *, alone: bool = False) -> int:
    """How many things are seen on a scan, whole or not.

    What was seen is remembered for `find_tray`: going through a scan is a third of its work.

    Args:
        item: The scan and what belongs to it.
        settings: How it is read.
        alone: Whether it is all there is. Then it most likely is a tray, and its photo is looked
            at in the same time.

    Raises:
        DataError: The scan cannot be read.
    """
    try:
        cube = open_scan(item, settings)
    except DataError:  # references that do not fit are told when the scan is read in earnest
        cube = open_cube(item.hs)
    forget_look()
    if min(cube.lines, cube.samples) < SMALL:
        return 0
    with one_thread():
        looks = _looks(cube, item.rgb if alone else None)
    _LOOKS[_scan_of(item, settings)] = looks
    return len(looks.scan.scan.objects)


def forget_look() -> None:
    """Frees what `count_objects` remembers: of a large scan it is a hundred MB."""
    _LOOKS.clear()


def _scan_of(item: Item, settings: ImportSettings) -> str:
    """Stands for a scan with its references as they are now, whatever else belongs to the item."""
    bare = Item("tray", "", item.hs, white=item.white, dark=item.dark, named=item.named)
    return fingerprint([bare.stamp()], settings)


@lru_cache(maxsize=1)
def _kept(photo: Path | None, kept: Path) -> tuple[NDArray[np.uint8] | None, dict[str, Any]]:
    """The photo and what was found: a process cuts many seeds of one tray after each other."""
    with np.load(kept, allow_pickle=False) as arrays:
        return None if photo is None else _photo(photo, kept), dict(arrays)


def _photo(path: Path, kept: Path, pixels: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """The photo, unpacked into the work folder: all processes look at one copy of it."""
    unpacked_photo = kept.with_suffix(".photo.npy")
    if not unpacked_photo.exists():
        with atomic_path(unpacked_photo) as temporary:
            np.save(temporary, read_photo(path) if pixels is None else pixels)
    mapped: NDArray[np.uint8] = np.load(unpacked_photo, mmap_mode="r", allow_pickle=False)
    return mapped


def _tray(item: Item, settings: ImportSettings, kept: Path) -> Tray:
    cube = open_scan(item, settings)
    looks = _LOOKS.pop(_scan_of(item, settings), None) or _looks(cube, item.rgb)
    photo: NDArray[np.uint8] | PhotoLook | None = None
    if item.rgb is not None:
        photo = _photo(item.rgb, kept, looks.photo.photo if looks.photo else None)
    try:
        return read_tray(cube, looks.photo or photo, pairing=settings.pairing, look=looks.scan)
    except DataError as error:  # both views have been read: they do not fit each other
        raise DataError(f"{item.rgb or item.hs}: {error}") from error


def _looks(cube: Cube, photo: Path | None) -> _Looks:
    """Looks at a scan, and at its photo in the same time, where processors are not shared out.

    Most of either is spent in loops that leave Python to the other. What is wrong with the photo
    is told when it is read in earnest.

    Raises:
        DataError: The scan cannot be read.
    """
    if isinstance(cube, PhotoCube):
        return _Looks(look_at_alone(cube, cube.photo), None)
    if photo is None or parent_process() is not None:
        return _Looks(look_at(cube), None)
    with ThreadPoolExecutor(1) as beside:
        other = beside.submit(lambda: look_at_photo(read_photo(photo)))
        scan = look_at(cube)
        return _Looks(scan, None if other.exception() is not None else other.result())


def _label(item: Item, labels: dict[tuple[str, int], str], number: int) -> str | None:
    """The class of a seed: by its number where a table of labels knows it, else the tray's."""
    for name in (item.name, item.name.rpartition("/")[2]):
        if (name, number) in labels:
            label = labels[name, number]
            return None if label.lower() in _UNNAMED else label
    return item.label
