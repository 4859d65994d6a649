"""A scene -> samples: windows around its labelled pixels, or the boxes of a table."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spectral.io import envi

from bimae.data.cubes import read_plane
from bimae.data.cubes.array_files import ARRAY_SUFFIXES
from bimae.data.cubes.cube import Cube
from bimae.data.importing.finish import finished
from bimae.data.importing.items import Item
from bimae.data.importing.pictures import read_picture
from bimae.data.importing.readers import Read, colour_notes, open_scan, scan_notes
from bimae.data.importing.settings import ImportSettings
from bimae.data.sample import Sample
from bimae.data.scenes import LabelledWindows, Scene, box_samples, labelled_windows, read_boxes
from bimae.data.tfrecord.variants import HS_SIDE, RGB_SIDE
from bimae.errors import DataError, count

MOST_SCENE_BYTES = 8 << 30

SCENE_RGB_SIDE = 48
"""Two tiles of 24 along a side: an image has to have a few before some can be masked."""


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
