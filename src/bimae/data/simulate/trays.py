"""A SIMULATED tray of seeds: raw scan, white and dark reference, RGB photo and the truth.

It stands in for a measured tray in tests, in the demo and in benchmarks. The seeds are those of the
seed simulator (docs/simulator.md); the scanner is a push-broom camera whose raw counts are
`dark + gain * reflectance`, every detector column with a gain of its own.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bimae.data.simulate.marked import save_marked
from bimae.data.simulate.samples import wavelengths
from bimae.data.simulate.tray_cameras import (
    draw_detector,
    photograph_tray,
    references,
    scan_blocks,
)
from bimae.data.simulate.tray_plan import Place, TrayPlan, lay_out
from bimae.data.simulate.tray_views import Stamp, View, draw_stamp, photo_view, scan_view
from bimae.errors import DataError
from bimae.storage import atomic_path, write_text

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Spot:
    """Where a seed's body lies in a view, whether or not all of it is seen.

    Attributes:
        x: Its centroid in pixels, 0 in the middle of the first pixel.
        y: The same, downwards.
        box: First row, first column, row and column behind the last one; may reach beyond the view.
        area: Pixels that it covers.
    """

    x: float
    y: float
    box: Box
    area: float


@dataclass(frozen=True)
class TraySeed:
    """The truth about one seed; numbers run from 1, row by row of the grid."""

    number: int
    species: str
    scan: Spot
    photo: Spot | None
    touching: bool
    cut: bool


@dataclass(frozen=True)
class SimulatedTray:
    """A simulated tray.

    Attributes:
        plan: What it was made from.
        raw: [lines, samples, bands] uint16 counts.
        white: [32, samples, bands] counts of the white reference.
        dark: [32, samples, bands] counts of the dark reference.
        wavelengths_nm: Of the bands.
        photo: [H, W, 3] uint8, or None.
        seeds: The truth.
        matrix: [3, 3] x and y of the scan -> x and y of the photo.
    """

    plan: TrayPlan
    raw: NDArray[np.uint16]
    white: NDArray[np.uint16]
    dark: NDArray[np.uint16]
    wavelengths_nm: tuple[float, ...]
    photo: NDArray[np.uint8] | None
    seeds: tuple[TraySeed, ...]
    matrix: NDArray[np.float64]

    def reflectance(self) -> NDArray[np.float32]:
        """[lines, samples, bands] against the references; dead elements are 0."""
        white, dark = (part.mean(axis=0) for part in (self.white, self.dark))
        alive = white - dark > 1
        scale = np.where(alive, 1 / np.where(alive, white - dark, 1), 0)
        return np.asarray((self.raw - dark) * scale, dtype=np.float32)


def simulate_tray(plan: TrayPlan | None = None, **options: Any) -> SimulatedTray:
    """Draws a SIMULATED tray in memory.

    Args:
        plan: What it is to be; None for 24 seeds of four species on white plastic.
        options: Fields of `TrayPlan` that are to be different.

    Raises:
        ConfigError: A value is out of range, or a seed is larger than its share of the tray.
    """
    plan = replace(plan or TrayPlan(), **options)
    scene = _Scene(plan)
    return SimulatedTray(
        plan,
        np.concatenate(list(scene.blocks())),
        *references(plan, scene.detector),
        scene.wavelengths,
        scene.photo(),
        scene.truth(),
        np.asarray(np.linalg.inv(photo_view(plan).to_scan), np.float64),
    )


def write_simulated_tray(
    folder: Path | str,
    name: str,
    plan: TrayPlan | None = None,
    *,
    overwrite: bool = False,
    **options: Any,
) -> Path:
    """Writes a SIMULATED tray as a scanner's folder holds it; a folder may hold several.

    `<name>.hdr` and `.raw` (ENVI, BIL, uint16), `WHITEREF_<name>` and `DARKREF_<name>` in the same
    format, the photo `<name>.png` and the truth `<name>_truth.csv`. The scan is drawn and written
    16 lines at a time: a scan of many GB needs little memory.

    Args:
        folder: Where to write; made where it is missing.
        name: Of the tray; a file name without folders.
        plan: What it is to be; None for 24 seeds of four species on white plastic.
        overwrite: Replace a tray of that name.
        options: Fields of `TrayPlan` that are to be different.

    Returns:
        The scan's header.

    Raises:
        ConfigError: A value is out of range, or a seed is larger than its share of the tray.
        DataError: There is a tray of that name and `overwrite` is False.
    """
    folder, plan = Path(folder), replace(plan or TrayPlan(), **options)
    header = folder / f"{name}.hdr"
    if header.exists() and not overwrite:
        raise DataError(f"{header}: is there already; choose another name or allow overwriting")
    scene = _Scene(plan)
    about = f"SIMULATED tray {name} of {plan.seeds} seeds, seed {plan.seed}: not measured"
    white, dark = references(plan, scene.detector)
    _write_envi(folder / f"WHITEREF_{name}", f"{about}; white reference", scene, [white])
    _write_envi(folder / f"DARKREF_{name}", f"{about}; dark reference", scene, [dark])
    if (photo := scene.photo()) is not None:
        with atomic_path(folder / f"{name}.png") as path:
            save_marked(Image.fromarray(photo), path)
    write_text(folder / f"{name}_truth.csv", _table(scene.truth()))
    _write_envi(folder / name, about, scene, scene.blocks())
    return header


class _Scene:
    """A tray with its seeds in place, before anything is exposed."""

    def __init__(self, plan: TrayPlan) -> None:
        self.plan = plan
        self.wavelengths = wavelengths(plan.bands)
        self.nm = np.asarray(self.wavelengths)
        self.detector = draw_detector(plan, self.nm)
        self.places = lay_out(plan)
        self.scan = scan_view(plan)
        self.stamps = _stamps(plan, self.scan, self.places)
        self.photo_view = photo_view(plan) if plan.photo else None
        self.photo_stamps: list[Stamp | None] = [
            draw_stamp(place, plan, self.photo_view) if self.photo_view else None
            for place in self.places
        ]

    def blocks(self) -> Iterator[NDArray[np.uint16]]:
        """The scan's raw counts from top to bottom."""
        seeds = list(zip(self.places, self.stamps, strict=True))
        return scan_blocks(self.plan, self.scan, seeds, self.detector, self.nm)

    def photo(self) -> NDArray[np.uint8] | None:
        """The photo, where the plan has one."""
        if self.photo_view is None:
            return None
        both = zip(self.places, self.photo_stamps, strict=True)
        seeds = [(place, stamp) for place, stamp in both if stamp is not None]
        return photograph_tray(self.plan, self.photo_view, seeds)

    def truth(self) -> tuple[TraySeed, ...]:
        """Where every seed lies in both views."""
        seeds = zip(self.places, self.stamps, self.photo_stamps, strict=True)
        return tuple(
            TraySeed(
                number,
                place.species.name,
                _spot(stamp),
                _spot(in_photo) if in_photo else None,
                place.touching,
                place.cut,
            )
            for number, (place, stamp, in_photo) in enumerate(seeds, start=1)
        )


def _stamps(plan: TrayPlan, view: View, places: list[Place]) -> list[Stamp]:
    """The seeds on the scan's pixels; a seed that is repeated lies whole pixels further on."""
    drawn: dict[int, tuple[Place, Stamp]] = {}
    stamps = []
    for place in places:
        if place.draw not in drawn:
            drawn[place.draw] = (place, draw_stamp(place, plan, view))
        first, stamp = drawn[place.draw]
        down, right = round(place.y - first.y), round(place.x - first.x)
        stamps.append(replace(stamp, top=stamp.top + down, left=stamp.left + right))
    return stamps


def _spot(stamp: Stamp) -> Spot:
    """Centroid, box and area of a seed's body from the share of each pixel that it covers."""
    cover = stamp.cover
    area = float(cover.sum())
    y = float((cover.sum(axis=1) @ np.arange(cover.shape[0])) / area)
    x = float((cover.sum(axis=0) @ np.arange(cover.shape[1])) / area)
    rows, columns = (np.flatnonzero((cover >= 0.5).any(axis=axis)) for axis in (1, 0))
    top, left = stamp.top, stamp.left
    box = (top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1)
    return Spot(left + x, top + y, tuple(int(edge) for edge in box), area)  # type: ignore[arg-type]


COLUMNS = ["number", "species", "touching", "cut"] + [
    f"{view}_{what}"
    for view in ("scan", "photo")
    for what in ("x", "y", "top", "left", "bottom", "right", "area")
]


def _table(seeds: tuple[TraySeed, ...]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for seed in seeds:
        spots = [
            cell
            for spot in (seed.scan, seed.photo)
            for cell in (
                (f"{spot.x:.3f}", f"{spot.y:.3f}", *spot.box, f"{spot.area:.1f}")
                if spot
                else ("",) * 7
            )
        ]
        row = (seed.number, seed.species, int(seed.touching), int(seed.cut), *spots)
        writer.writerow(row)
    return text.getvalue()


def _write_envi(
    path: Path, about: str, scene: _Scene, blocks: Iterable[NDArray[np.uint16]]
) -> None:
    """Writes `path`.raw and then `path`.hdr, so that a header stands for a whole file."""
    lines = 0
    with atomic_path(path.with_name(f"{path.name}.raw")) as temporary, temporary.open("wb") as file:
        for block in blocks:
            file.write(np.ascontiguousarray(block.transpose(0, 2, 1)).astype("<u2").tobytes())
            lines += len(block)
    nm = ",\n".join(f"{value:.3f}" for value in scene.wavelengths)
    fields = {
        "description": f"{{{about}}}",
        "samples": scene.plan.samples,
        "lines": lines,
        "bands": scene.plan.bands,
        "header offset": 0,
        "file type": "ENVI Standard",
        "data type": 12,
        "interleave": "bil",
        "sensor type": "SIMULATED push-broom scanner",
        "byte order": 0,
        "wavelength units": "Nanometers",
        "wavelength": f"{{\n{nm}\n}}",
    }
    lines_of_text = [f"{key} = {value}" for key, value in fields.items()]
    write_text(path.with_name(f"{path.name}.hdr"), "\n".join(["ENVI", *lines_of_text, ""]))
