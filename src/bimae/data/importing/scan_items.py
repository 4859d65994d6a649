"""Spectral files -> items: folders above a file say its class, group and part."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bimae.data.importing.items import Item
from bimae.data.importing.listing import Scan
from bimae.data.importing.settings import ImportSettings
from bimae.data.scenes.table import SPLIT_WORDS

SEED_NAME = re.compile(r"hs[-_ ]?seed", re.IGNORECASE)
FEW = 3  # folders with a file of one name, beyond which they are seeds and not classes


def stripped(scans: Iterable[Scan], needed: int) -> tuple[Scan, ...]:
    """Without leading folders that all have in common and that name no class."""
    scans = tuple(scans)
    while all(len(s.parts) > needed for s in scans) and len({s.parts[0] for s in scans}) == 1:
        scans = tuple(replace(s, parts=s.parts[1:]) for s in scans)
    return scans


def declared(parts: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """A leading folder train, val or test declares the part; what follows is as ever."""
    if parts and (split := SPLIT_WORDS.get(parts[0].lower())):
        return split, parts[1:]
    return None, parts


def folder_item(scan: Scan, settings: ImportSettings) -> Item:
    """A spectral file in a folder of its own: `class/0001/`, or `class/tray/0001/`."""
    split, parts = declared(scan.parts)
    name = "/".join(scan.parts) or scan.stem
    label = parts[0] if len(parts) > 1 else None
    return Item(
        "seed",
        name,
        scan.cube,
        rgb=scan.rgb,
        label=label or settings.label,
        group=settings.group_of(name, "/".join(parts[:-1]) if len(parts) > 2 else None),
        split=split,
        meta=scan.meta,
    )


def file_item(scan: Scan, settings: ImportSettings) -> Item:
    """One of the spectral files in the folder of a class."""
    split, parts = declared(scan.parts)
    name = "/".join((*scan.parts, scan.stem))
    return Item(
        "seed",
        name,
        scan.cube,
        rgb=scan.rgb,
        label=parts[0] if parts else settings.label,
        group=settings.group_of(name, "/".join(parts) if len(parts) > 1 else None),
        split=split,
        meta=scan.meta,
    )


def archive_item(scan: Scan, settings: ImportSettings) -> Item:
    """An archive in a folder of its own."""
    item = replace(folder_item(replace(scan, alone=True), settings), kind="zip")
    meta = [p for p in scan.cube.parent.iterdir() if p.name.lower() == "meta.json"]
    return replace(item, meta=meta[0] if meta else None)


def folder_each(scans: Sequence[Scan]) -> bool:
    """Whether every seed has a folder of its own, rather than every class."""
    parts = [declared(s.parts)[1] for s in scans]
    if not (all(parts) and all(s.alone for s in scans)):
        return False
    # Files of one name in many folders: then it is the folders that tell seeds apart.
    alike = len({s.stem.lower() for s in scans}) == 1 and len(scans) > FEW
    return all(len(p) >= 2 for p in parts) or all(SEED_NAME.match(s.stem) for s in scans) or alike
