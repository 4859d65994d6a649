"""Items read in processes, each unit kept as soon as it is done, so that a stop loses little.

A unit's results lie in the work folder as `<key>.rec` (framed records) and `<key>.json` (what they
are); the key stands for the files as they are now and for the settings. Whatever is there already
need not be read again, and a file that changed is.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from bimae.data.cubes.cube import Bands
from bimae.data.identity import part_key
from bimae.data.importing.items import Item, fingerprint
from bimae.data.importing.one_thread import one_thread
from bimae.data.importing.readers import Read, read_seed
from bimae.data.importing.scene_items import read_boxed, read_scene
from bimae.data.importing.settings import ImportSettings
from bimae.data.importing.tray_items import cut_tray, find_tray, read_archive
from bimae.data.leakage import Digest, digest_of
from bimae.data.tfrecord.writer import record
from bimae.errors import BimaeError, DataError
from bimae.storage import atomic_path, write_text

VERSION = 5  # raised whenever the same files would make other records
SEEDS_PER_UNIT = 32
"""Single seeds that are read, and kept, together."""

Told = Callable[[int], None]
"""Is told how many items more are done."""


@dataclass(frozen=True)
class Unit:
    """What one process does at a time.

    Attributes:
        items: Single seeds, or one tray or scene.
        step: `read` makes records; `find` only looks for the seeds of a tray.
        numbers: Seeds of the tray to cut, where it is not all at once.
        side: Side of the tray's crops in pixels; 0 where there are none.
        found: What `find` kept about the tray, or None.
    """

    items: tuple[Item, ...]
    step: str = "read"
    numbers: tuple[int, ...] = ()
    side: int = 0
    found: str | None = None

    def key(self, settings: ImportSettings) -> str:
        """Name of its results."""
        stamps = [item.stamp() for item in self.items]
        facts = [[VERSION, self.step, list(self.numbers), self.side]]
        return f"{self.step}-{fingerprint([*stamps, *facts], settings)}"


def run_units(
    units: Sequence[Unit],
    settings: ImportSettings,
    folder: Path,
    *,
    workers: int,
    strict: bool,
    told: Told | None = None,
) -> list[dict[str, Any]]:
    """Does what is not done yet.

    Args:
        units: What to do.
        settings: How.
        folder: The work folder.
        workers: Processes; 1 does everything in this one.
        strict: Whether the first item that cannot be read ends it all.
        told: Is called with the number of items of every unit that is done.

    Returns:
        The facts of every unit, in order; `key` names its files.

    Raises:
        DataError: An item cannot be read and `strict` is set, or a process was killed.
    """
    results: dict[int, dict[str, Any]] = {}

    def keep(number: int, facts: dict[str, Any]) -> None:
        results[number] = facts
        if strict:
            for item in facts["items"]:
                outside = [why for _, why in item.get("left_out", ())]
                if item["error"] or outside:
                    raise DataError(
                        f"{item['error'] or outside[0]} (--strict stops here; what was read is "
                        f"kept in {folder}, and the same command goes on there)"
                    )
        if told is not None:
            told(len(units[number].items))

    waiting = []
    for number, unit in enumerate(units):
        if (kept := _kept(unit, settings, folder)) is not None:
            keep(number, kept)
        else:
            waiting.append(number)
    jobs = ((number, (units[number], settings, folder)) for number in waiting)
    for number, facts in _done(list(jobs), min(workers, len(waiting))):
        keep(number, facts)
    return [results[number] for number in range(len(units))]


def default_workers() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


Job = tuple[Unit, ImportSettings, Path]


def _done(jobs: list[tuple[int, Job]], workers: int) -> Iterator[tuple[int, dict[str, Any]]]:
    if workers <= 1:
        for number, job in jobs:
            yield number, do_unit(*job)
        return
    # Spawned, not forked: the parent may have threads, and Windows and macOS know nothing else.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_quiet)
    try:
        futures = {pool.submit(do_unit, *job): number for number, job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise DataError(
            "a reading process was killed, most likely for lack of memory; run the same command "
            "again with --workers 1, it goes on where this one stopped"
        ) from error
    finally:
        # What is being read is finished and kept; what has not begun is not begun.
        pool.shutdown(wait=True, cancel_futures=True)


def _quiet() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A parent that is killed cannot tell its processes to end: they would wait for ever.
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _kept(unit: Unit, settings: ImportSettings, folder: Path) -> dict[str, Any] | None:
    path = folder / f"{unit.key(settings)}.json"
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    # What failed is tried again: the disk may be back, the rights given.
    return None if any(item["error"] for item in facts["items"]) else facts


def do_unit(unit: Unit, settings: ImportSettings, folder: Path) -> dict[str, Any]:
    """Reads the items of a unit and keeps what came of it; returns its facts."""
    with one_thread():
        return _do_unit(unit, settings, folder)


def _do_unit(unit: Unit, settings: ImportSettings, folder: Path) -> dict[str, Any]:
    key = unit.key(settings)
    facts: dict[str, Any] = {"key": key, "items": []}
    with atomic_path(folder / f"{key}.rec") as temporary, temporary.open("wb") as file:
        for item in unit.items:
            start = file.tell()
            told: dict[str, Any] = {"name": item.name, "file": str(item.hs), "error": None}
            try:
                if unit.step == "find":
                    told |= find_tray(item, settings, folder / f"{key}.npz")
                else:
                    read = _read(unit, item, settings, folder)
                    told |= _facts(read)
                    told |= {"samples": [], "digests": [], "sizes": {"hs": [], "rgb": []}}
                    told["sources"], keys = [], item.keys()
                    for sample, split in read.samples:
                        file.write(record(sample, str(item.hs)))
                        told["samples"].append([sample.id, sample.label, sample.group, split])
                        part = sample.id if item.of_many else ""
                        told["sources"].append([part_key(key, part) for key in keys])
                        told["digests"].append(as_text(digest_of(sample.rgb, sample.hs)))
                        for view, image in (("hs", sample.hs), ("rgb", sample.rgb)):
                            size = list(image.shape[:2])
                            if size not in told["sizes"][view]:
                                told["sizes"][view].append(size)
                    told["not_finite"] = [read.blanked.unexpected, read.blanked.values]
            except BimaeError as error:
                told = _failed(told, str(error))
            except MemoryError:
                told = _failed(told, f"{item.hs}: not enough memory to read it")
            except OSError as error:
                told = _failed(told, f"{error.filename or item.hs}: {error.strerror or error}")
            if told["error"]:
                file.seek(start)
                file.truncate()
            facts["items"].append(told)
    write_text(folder / f"{key}.json", json.dumps(facts))
    return facts


def _failed(told: dict[str, Any], reason: str) -> dict[str, Any]:
    return {"name": told["name"], "file": told["file"], "error": reason}


def _read(unit: Unit, item: Item, settings: ImportSettings, folder: Path) -> Read:
    if item.kind == "tray":
        assert unit.found is not None
        return cut_tray(item, settings, folder / f"{unit.found}.npz", unit.numbers, unit.side)
    if item.kind == "zip":
        return read_archive(item, settings)
    if item.kind == "scene":
        return read_scene(item, settings)
    if item.kind == "boxes":
        return read_boxed(item, settings)
    return read_seed(item, settings)


def _facts(read: Read) -> dict[str, Any]:
    return {
        "bands": asdict(read.bands),
        "sensor": read.sensor,
        "unit": read.unit,
        "rgb": read.rgb,
        "notes": read.notes,
        "left_out": read.left_out,
        "simulated": read.simulated,
    }


def as_text(digest: Digest) -> list[Any]:
    """A digest as JSON; `digests_of` goes back."""
    return [digest.hs.hex(), digest.rgb.hex(), digest.flat_hs, digest.flat_rgb]


def digests_of(told: dict[str, Any]) -> list[Digest]:
    """Digests of the samples of an item, from its facts."""
    return [
        Digest(bytes.fromhex(hs), bytes.fromhex(rgb), flat_hs, flat_rgb)
        for hs, rgb, flat_hs, flat_rgb in told["digests"]
    ]


def bands_of(told: dict[str, Any]) -> Bands:
    """The bands of an item, from its facts."""
    found = told["bands"]
    lists = (found["wavelengths_nm"], found["fwhm_nm"])
    return Bands(found["count"], *(None if nm is None else tuple(nm) for nm in lists))
