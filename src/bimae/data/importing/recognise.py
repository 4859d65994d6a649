"""A path -> what it is: the layout, and the items to read."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bimae.data.cubes import cubes_in, find_references, is_cube, open_cube
from bimae.data.importing.items import Item, Plan
from bimae.data.importing.listing import (
    Listing,
    Scan,
    is_simulated,
    list_tree,
    scan_of,
    wavelengths_in,
)
from bimae.data.importing.naming import labelled
from bimae.data.importing.partners import stem_of
from bimae.data.importing.photos import photo_plan
from bimae.data.importing.pictures import is_picture
from bimae.data.importing.probing import many_on_a_photo, tray_told
from bimae.data.importing.scan_items import (
    archive_item,
    file_item,
    folder_each,
    folder_item,
    stripped,
)
from bimae.data.importing.settings import ImportSettings
from bimae.data.importing.table import table_plan
from bimae.data.importing.views import by_views
from bimae.data.info import FILE_NAME
from bimae.data.locate import are_records
from bimae.data.scenes.table import unique_ids
from bimae.errors import DataError, count

EXPECTED = (
    "expected an ENVI scan (.hdr), a cube (.npy, .npz, .mat, .tif, .h5), a table (.csv with the "
    "column path_hs), photos (.jpg, .png, .tif), or a folder of these"
)


def recognise(src: Path, settings: ImportSettings) -> Plan:
    """Finds out what a path holds.

    Raises:
        DataError: There is nothing that can be imported.
    """
    if not src.exists():
        raise DataError(f"{src}: found no such file or folder; {EXPECTED}: check the path")
    if src.is_file():
        found = _file(src, settings)
        found.name = (
            "" if found.layout == "table" else src.stem if found.photos_alone else stem_of(src)
        )
        found.simulated = is_simulated(src.parent)
        found.wavelengths_file = wavelengths_in(src.parent)
        return found
    return _folder(src, settings)


def _folder(src: Path, settings: ImportSettings) -> Plan:
    if (src / FILE_NAME).is_file() and are_records(src):
        raise DataError(
            f"{src}: is a data set already (TFRecords with {FILE_NAME}), not a camera's files: use "
            "it as it is, or name the folder that it was made from"
        )
    listing = list_tree(src)
    table = settings.layout in ("table", "boxes")
    if listing.tables and (table or (settings.layout == "auto" and not _classes(listing))):
        for path in listing.tables:
            if (plan := _table(path, settings, listing)) is not None:
                return _with_facts(_settled(plan, settings), listing)
    if table:
        raise DataError(f"{src}: found no .csv table with a column path_hs; {EXPECTED}")
    if settings.layout == "photos":
        plan = photo_plan(listing.pictures, src, settings)
    elif listing.archives and settings.layout in ("auto", "bisid-raw"):
        items = [archive_item(scan, settings) for scan in stripped(listing.archives, 2)]
        plan = Plan("bisid-raw", src, items)
    elif listing.scans:
        plan = _scans_plan(listing.scans, src, settings, listing.pictures)
    elif listing.pictures and settings.layout in ("auto", "tray"):
        plan = photo_plan(listing.pictures, src, settings)
    elif listing.pictures:
        raise DataError(
            f"{src}: holds photos and no spectral file, which --layout {settings.layout} is for; "
            "say --layout tray (photos of trays) or --layout photos (each of one seed)"
        )
    else:
        photo = " and no photo" * (not listing.pictures)
        raise DataError(f"{src}: found no spectral file{photo} in it or below it; {EXPECTED}")
    return _with_facts(_settled(plan, settings, listing.tables), listing)


def _table(path: Path, settings: ImportSettings, listing: Listing) -> Plan | None:
    """A table found on the way; where there are scans, one that cannot be read is left alone."""
    try:
        return table_plan(path, settings)
    except DataError:
        if settings.layout == "auto" and listing.scans and not _names_files(path):
            return None
        raise


def _names_files(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return "path_hs" in file.read(4096).lower()


def _classes(listing: Listing) -> bool:
    """Whether there are folders with spectral files: then a table beside them is a mere list."""
    return any(scan.parts for scan in (*listing.scans, *listing.archives)) and not any(
        _names_files(path) for path in listing.tables
    )


def _file(src: Path, settings: ImportSettings) -> Plan:
    if src.suffix.lower() in (".csv", ".tsv"):
        plan = table_plan(src, settings)
        if plan is None:
            raise DataError(
                f"{src}: found no column path_hs in its first line; a table with the columns "
                "path_hs, path_rgb, label, group is expected"
            )
        return _settled(plan, settings)
    if src.suffix.lower() == ".zip":
        item = Item("zip", src.parent.name or src.stem, src, label=settings.label)
        return Plan("bisid-raw", src.parent, [item])
    if is_picture(src) and (settings.layout == "photos" or not is_cube(src)):
        return _settled(photo_plan([src], src.parent, settings), settings)
    if not is_cube(src):
        # Opening says why: a header without data, data without a header, or no cube at all.
        open_cube(src, key=settings.key, band_axis=settings.band_axis)
    return _settled(_scans_plan((scan_of(src),), src.parent, settings), settings)


def _with_facts(plan: Plan, listing: Listing) -> Plan:
    plan.simulated = listing.simulated
    plan.wavelengths_file = listing.wavelengths
    plan.notes += [f"{folder}: background images, left alone" for folder in listing.backgrounds]
    plan.left_out += [
        (path.relative_to(listing.root).as_posix(), f"{path}: {why}")
        for path, why in listing.left_out
    ]
    return plan


def _scans_plan(
    scans: tuple[Scan, ...],
    root: Path,
    settings: ImportSettings,
    pictures: tuple[Path, ...] = (),
) -> Plan:
    views = by_views(root, scans, pictures)
    if settings.layout == "views" and not views.paired:
        raise DataError(
            f"{root}: found no picture of a spectral file's name in another folder; a folder such "
            "as RGB beside one such as HS is expected, with files of the same names"
        )
    scans = views.scans
    left_out = [
        (path.relative_to(root).as_posix(), f"{path}: {why}") for path, why in views.left_out
    ]
    # Specim cameras write <scan>/capture/<scan>.hdr: the folder above is the scan's own.
    captured = [s for s in scans if s.parts and s.parts[-1].lower() == "capture"]
    scans = tuple(replace(s, parts=s.parts[:-1], alone=True) if s in captured else s for s in scans)
    own_folder = bool(captured) or folder_each(scans)
    if settings.layout in ("folders", "cubes"):
        own_folder = settings.layout == "folders"
    truths = [s for s in scans if s.truth is not None]
    if (
        settings.layout == "scene"
        or settings.ground_truth
        or (settings.layout == "auto" and truths)
    ):
        return _scene_plan(scans, root, settings)
    scans = stripped(scans, 2 if own_folder else 1)
    items = [folder_item(s, settings) if own_folder else file_item(s, settings) for s in scans]
    layout = "views" if views.paired else "folders" if own_folder else "cubes"
    lonely = views.lonely
    if not any(item.rgb is not None for item in items):
        lonely = pictures
    elif not views.paired and not own_folder:  # else anything may lie beside a seed
        lonely = tuple(path for path in pictures if path not in {item.rgb for item in items})
    return Plan(layout, root, items, notes=_unused(lonely, root), left_out=left_out)


def _unused(pictures: Sequence[Path], root: Path) -> list[str]:
    """A line where pictures are nobody's: most likely of other names."""
    if not pictures:
        return []
    return [
        f"{count(len(pictures), 'picture belongs', 'pictures belong')} to no spectral file, such "
        f"as {pictures[0].relative_to(root).as_posix()}: call a picture as its spectral file, "
        "beside it or in a folder RGB beside HS, or write a table (path_hs, path_rgb)"
    ]


def _scene_plan(scans: tuple[Scan, ...], root: Path, settings: ImportSettings) -> Plan:
    items = []
    for scan in scans:
        truth = settings.ground_truth or scan.truth
        if truth is None and settings.layout == "scene" and len(scans) > 1:
            raise DataError(
                f"{scan.cube}: found no ground truth beside it, expected {scan.stem}_gt.mat (or "
                ".npy, .png, .tif): add it, or name one scene and --ground-truth FILE"
            )
        if truth is not None and truth.resolve() == scan.cube.resolve():
            continue
        # None: the class image lies in the same archive as the cube.
        items.append(Item("scene", scan.stem, scan.cube, rgb=scan.rgb, truth=truth or scan.cube))
    items = [replace(item, several=len(items) > 1) for item in items]
    left = len(scans) - len(items)
    notes = (
        [count(left, "file is ground truth, not a scene", "files are ground truth, not scenes")]
        if left
        else []
    )
    return Plan("scene", root, items, notes=notes)


def _settled(plan: Plan, settings: ImportSettings, tables: Sequence[Path] = ()) -> Plan:
    """Unique names, their classes, and a decision: is each file a seed or a tray of seeds?"""
    names = unique_ids(item.name for item in plan.items)
    plan.items = [
        item if item.name == name else replace(item, name=name)
        for item, name in zip(plan.items, names, strict=True)
    ]
    if not plan.items:
        raise DataError(f"{plan.root}: found nothing to import; {EXPECTED}")
    _check_parts(plan)
    plan.items, notes = labelled(plan.items, settings, tables)
    plan.notes += notes
    plan.items = _with_references(plan.items, settings)
    if settings.group_pattern and all(
        settings.group_of(item.name, None) is None for item in plan.items
    ):
        plan.notes.append(
            f"the group pattern {settings.group_pattern!r} is found in no name, such as "
            f"{plan.items[0].name}"
        )
    single = [item for item in plan.items if item.kind == "seed"]
    trays = settings.layout == "tray"
    if settings.layout == "photos":
        plan.notes += many_on_a_photo(single, settings)
    if not trays and settings.layout == "auto" and (told := tray_told(single, settings)):
        trays = True
        plan.notes.append(told)
    if trays:
        plan.layout = "tray"
        plan.items = [_as_tray(item) for item in plan.items]
    return plan


def _check_parts(plan: Plan) -> None:
    """Either every item declares its part, or none: a test item must not end in training."""
    without = [item for item in plan.items if item.split is None]
    if without and len(without) < len(plan.items):
        declared = sorted({item.split for item in plan.items if item.split is not None})
        raise DataError(
            f"{plan.root}: {len(without)} of {len(plan.items)} items, such as {without[0].name}, "
            f"{'is' if len(without) == 1 else 'are'} in no part, while others are in "
            f"{', '.join(declared)}: put every one into a part (train, val, test), or none"
        )


def _with_references(items: list[Item], settings: ImportSettings) -> list[Item]:
    """Items with the white and dark references that were named, or that lie beside them."""
    beside: dict[Path, list[Path]] = {}
    found = []
    for item in items:
        white, dark = item.white or settings.white, item.dark or settings.dark
        named = white is not None or dark is not None
        if item.kind != "zip" and not item.photo and not named and item.hs.parent.is_dir():
            folder = item.hs.parent
            if folder not in beside:
                # Only files with these words in their names can be references.
                cubes = cubes_in(folder) if _mentions_references(folder) else []
                beside[folder] = [c for c in cubes if "white" in c.name.lower()]
                beside[folder] += [c for c in cubes if "dark" in c.name.lower()]
            references = find_references(item.hs, list(dict.fromkeys(beside[folder])))
            white, dark = references.white, references.dark
        found.append(replace(item, white=white, dark=dark, named=named))
    return found


def _mentions_references(folder: Path) -> bool:
    names = [path.name.lower() for path in folder.iterdir()]
    return any("white" in name or "dark" in name for name in names)


def _as_tray(item: Item) -> Item:
    if item.kind != "seed":
        return item
    # A tray alone in its folder: the folder is its class, but for a scanner's own folder.
    alone = "/" not in item.name and item.hs.parent.name == item.name
    label = item.label or (item.name if alone else None)
    return replace(item, kind="tray", label=label, group=item.group or item.name)
