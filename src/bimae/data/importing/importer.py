"""`import_data`: the whole way from a path to a data set."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from math import prod
from pathlib import Path
from statistics import median
from typing import IO, Any

import numpy as np

from bimae.data.dataset import open_dataset
from bimae.data.drawing import draw_split
from bimae.data.identity import SOURCES
from bimae.data.importing.assemble import PICTURES, REPORT, SEEDS, assemble
from bimae.data.importing.axes import common_axis
from bimae.data.importing.items import Plan
from bimae.data.importing.recognise import recognise
from bimae.data.importing.settings import ImportSettings
from bimae.data.importing.summary import ImportSummary
from bimae.data.importing.table import seed_labels
from bimae.data.importing.tray_items import forget_look
from bimae.data.importing.work import SEEDS_PER_UNIT, Unit, default_workers, run_units
from bimae.data.info import FILE_NAME, DatasetInfo
from bimae.data.leakage import alike, find_leaks
from bimae.data.splits import FILE_NAME as SPLIT_NAME
from bimae.data.splits import Split, split_dataset, split_file
from bimae.errors import ConfigError, DataError, count

OURS = {FILE_NAME, REPORT, SEEDS, SOURCES, PICTURES, SPLIT_NAME, "inspect.html"}
"""What a data set's folder may hold besides shards; anything else is not ours to replace."""

SEEDS_PER_CUT = 64  # of a tray, by one process at a time
OTHER_PIXELS = 1.5  # times as many pixels, and a photo is likely of another resolution
ONE_SCALE = 1.05  # by which photos of one camera at one height may differ

Stage = Callable[[str, str, int], Callable[[int], None]]
"""Begins a stage (what, unit, how many); what it returns is told how many more are done."""


def work_folder(out: Path) -> Path:
    """Where an import keeps what it has done until it is complete."""
    return out.parent / f"{out.name}.importing"


def import_data(
    src: Path,
    out: Path,
    settings: ImportSettings | None = None,
    *,
    name: str = "",
    source: str = "",
    workers: int = 0,
    strict: bool = False,
    overwrite: bool = False,
    split: bool = True,
    plan: Plan | None = None,
    recognised: Callable[[Plan], None] | None = None,
    stage: Stage | None = None,
) -> tuple[ImportSummary, Split | None]:
    """Turns a laboratory's files into TFRecords with `dataset.json` and `split.json`.

    What has been read is kept in `<out>.importing` until all is done: the same call after a stop
    goes on there.

    Args:
        src: A scan, a table, or a folder of files.
        out: The folder to write; it appears when it is complete.
        settings: How files are read.
        name: What to call the data set; default: as the source.
        source: Where the images come from: citation, licence.
        workers: Processes that read; 0 for as many as there are processors.
        strict: Whether a file that cannot be read ends the import, rather than being left out.
        overwrite: Whether a data set that is there already is replaced.
        split: Whether parts are drawn (or the declared ones counted) for a training.
        plan: What `src` holds, where that is known already; default: `recognise` finds out.
        recognised: Is told what was recognised, before anything is read.
        stage: Is told of each stage, for a progress bar.

    Returns:
        What came of it, and the split; None where the files declare one, or none is wanted.

    Raises:
        DataError: There is nothing to import, nothing could be read, `out` holds other things, or
            a file cannot be read and `strict` is set.
        ConfigError: A setting cannot be carried out.
    """
    settings = settings or ImportSettings()
    if problems := list(settings.problems()):
        raise ConfigError.of(problems)
    src, out = Path(src), Path(out)
    _check_out(src, out, overwrite)
    plan = plan or recognise(src, settings)
    if plan.wavelengths_file is not None and settings.wavelengths is None:
        settings = replace(settings, wavelengths=str(plan.wavelengths_file))
        plan.notes.append(f"{plan.wavelengths_file.name}: wavelengths for files without any")
    if settings.band_axis == "auto" and (axis := common_axis(plan.items)) is not None:
        settings = replace(settings, band_axis=axis)
    if recognised is not None:
        recognised(plan)
    work = work_folder(out)
    work.mkdir(parents=True, exist_ok=True)
    lock = _locked(work)

    def run(units: list[Unit], title: str, unit: str) -> list[dict[str, Any]]:
        told = stage(title, unit, sum(len(u.items) for u in units)) if stage else None
        return run_units(
            units,
            settings,
            work,
            workers=workers or default_workers(),
            strict=strict,
            told=told,
        )

    trays = [Unit((item,), "find") for item in plan.items if item.kind == "tray"]
    found = run(trays, "looking for seeds", "tray") if trays else []
    forget_look()
    plan.notes += _about_trays(found, settings)
    plan.notes += _of_other_sizes(found) if plan.photos_alone else []
    side = _side(found, settings)
    plan.notes += _too_large(found, side)
    results = run(_units(plan, trays, found, side), "reading", "unit" if trays else "item")
    try:
        summary = assemble(
            plan,
            results,
            found,
            work=work,
            out=out,
            settings=settings,
            name=name,
            source=source,
            scale=_scale(found, side, photos_alone=plan.photos_alone),
        )
    except DataError:
        shutil.rmtree(work)  # nothing that was read is of use
        raise
    shutil.rmtree(work)
    lock.close()
    return summary, _split(out, settings.seed, summary) if split else None


def _about_trays(found: list[dict[str, Any]], settings: ImportSettings) -> list[str]:
    """What only all trays together tell: labels that belong to none, trays that are none."""
    items = [item for facts in found for item in facts["items"] if not item["error"]]
    notes = []
    if len(items) > 1 and all(len(item["objects"]) <= 1 for item in items):
        notes.append(
            "no tray holds more than one object: if these are single seeds, --layout cubes or "
            "folders is meant (as trays, each is a group of its own)"
        )
    if settings.labels is not None:
        names = {item["name"]: {row["number"] for row in item["objects"]} for item in items}
        for name in list(names):
            names.setdefault(name.rpartition("/")[2], names[name])
        lost = [key for key in seed_labels(settings.labels) if key[1] not in names.get(key[0], ())]
        if lost:
            known = items[0]["name"] if items else "none"
            are = "is" if len(lost) == 1 else "are"
            notes.append(
                f"{settings.labels.name}: {len(lost)} of its seeds {are} "
                "on no tray, such as "
                f"number {lost[0][1]} of {lost[0][0]!r} (scans are called as in seeds.csv: {known})"
            )
    return notes


def _of_other_sizes(found: list[dict[str, Any]]) -> list[str]:
    """A line where photos of trays have so unlike sizes that they are likely of other scales."""
    told = [facts["items"][0] for facts in found]
    sizes = sorted((item["pixels"] for item in told if not item["error"]), key=prod)
    if not sizes or prod(sizes[-1]) <= OTHER_PIXELS * prod(sizes[0]):
        return []
    few, many = (f"{width}x{height}" for width, height in (sizes[0], sizes[-1]))
    return [
        f"photos have from {few} to {many} pixels, and all seeds are cut with one square: where a "
        "photo is not merely a part of another, its seeds look too small or large"
    ]


def _locked(work: Path) -> IO[bytes]:
    """Held as long as the file is open: two imports into one folder would undo each other."""
    lock = (work / ".lock").open("wb")
    try:
        import fcntl  # noqa: PLC0415 - not on Windows, where two imports are the user's to avoid

        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        pass
    except OSError as error:
        lock.close()
        raise DataError(
            f"{work}: another import is at work there; wait until it is done"
        ) from error
    return lock


def _units(plan: Plan, trays: list[Unit], found: list[dict[str, Any]], side: int) -> list[Unit]:
    seeds = [item for item in plan.items if item.kind in ("seed", "zip")]
    units = [
        Unit(tuple(seeds[i : i + SEEDS_PER_UNIT])) for i in range(0, len(seeds), SEEDS_PER_UNIT)
    ]
    units += [Unit((item,)) for item in plan.items if item.kind in ("scene", "boxes")]
    for tray, facts in zip(trays, found, strict=True):
        (item,) = facts["items"]
        numbers = [row["number"] for row in item.get("objects", ()) if row["kept"]]
        units += [
            Unit(tray.items, "read", tuple(numbers[i : i + SEEDS_PER_CUT]), side, facts["key"])
            for i in range(0, len(numbers), SEEDS_PER_CUT)
        ]
    return units


def _side(found: list[dict[str, Any]], settings: ImportSettings) -> int:
    """One side for all trays: a seed that is twice as large is to look twice as large; 0: no tray.

    Where no seed of any tray is whole, those that are flagged decide.
    """
    told = [facts["items"][0] for facts in found]
    side = max((item.get("side", 0) for item in told), default=0)
    side = side or max((item.get("any_side", 0) for item in told), default=0)
    return settings.seed_side or side if told else 0


def _scale(found: list[dict[str, Any]], side: int, *, photos_alone: bool) -> dict[str, Any]:
    """How large seeds are, as `DatasetInfo` has it; nothing where there are no trays."""
    told = [facts["items"][0] for facts in found]
    scales = [item["photo_scale"] for item in told if item.get("photo_scale") is not None]
    scale: dict[str, Any] = {}
    if side and not photos_alone:
        scale["seed_side"] = side
    if side and scales and max(scales) <= ONE_SCALE * min(scales):
        scale["photo_side"] = round(side * float(median(scales)))
    rows = [row for item in told for row in item.get("objects", ())]
    if areas := [row["area_px"] for row in rows if not row["flags"]]:
        scale["seed_areas"] = tuple(int(a) for a in np.percentile(areas, (1, 50, 99)).round())
    return scale


def _too_large(found: list[dict[str, Any]], side: int) -> list[str]:
    """A line where whole seeds need more than the side that was given."""
    needed = max((facts["items"][0].get("side", 0) for facts in found), default=0)
    if needed <= side:
        return []
    return [
        f"the largest whole seed takes a square of {needed} pixels, but seeds are cut with "
        f"{side}: what is beyond is cut off"
    ]


def _split(out: Path, seed: int, summary: ImportSummary) -> Split | None:
    """Draws the split and writes it down, unless the files declare one."""
    samples = open_dataset(out, hs_size=None, rgb_size=None)
    if any(part is not None for part in samples.declared_splits):
        DatasetInfo.add(out, split=split_dataset(samples, seed=seed).summary())
        return None
    copies = alike(summary.digests)  # known from writing: no image is read again
    split = draw_split(samples, seed=seed, copies=copies)
    leakage = find_leaks(samples, split, copies)
    split.save(split_file(samples), samples, {"leakage": leakage.as_json()})
    DatasetInfo.add(out, split=split.summary())
    return split


def _check_out(src: Path, out: Path, overwrite: bool) -> None:
    if out.is_file():
        raise DataError(f"{out}: is a file, a folder to write is expected: choose another")
    if out.resolve() == src.resolve() or out.resolve() in src.resolve().parents:
        raise DataError(f"{out}: holds the files that are to be imported: choose another folder")
    there = list(out.iterdir()) if out.is_dir() else []
    if not there:
        return
    foreign = [p for p in there if p.name not in OURS and ".tfrec" not in p.name]
    if not any(p.name in (FILE_NAME, REPORT) or ".tfrec" in p.name for p in there):
        foreign = there  # a file called seeds.csv makes no data set
    if foreign:
        raise DataError(
            f"{out}: holds {foreign[0].name}, which is no part of a data set: choose another folder"
        )
    if not overwrite:
        raise DataError(
            f"{out}: holds a data set ({count(len(there), 'file')}) already: choose another "
            "folder, or --overwrite it"
        )
