"""What lies where: the spectral files of a folder tree, each with what belongs to it."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bimae.data.cubes import cubes_in, is_reference
from bimae.data.importing.partners import (
    belongs,
    is_truth,
    only_picture,
    partner,
    stem_of,
    truth_of,
)
from bimae.data.importing.pictures import is_class_map, is_picture
from bimae.data.info import FILE_NAME as DATASET
from bimae.data.locate import are_records
from bimae.data.marks import FILE
from bimae.errors import DataError

"""A file of this name in the source says that no camera was involved."""

_PREFERRED = (".hdr", ".npy", ".npz", ".mat", ".h5", ".hdf5", ".tif", ".tiff")
_DATA = {".raw", ".bil", ".bip", ".bsq", ".img", ".dat"}
_BACKGROUNDS = {"bg_images", "background", "backgrounds"}
_SKIPPED = {"__macosx", "lost+found"}
_WAVELENGTHS = re.compile(r"(wavelengths?|wl|bands|lambda)\.(txt|csv|npy|json)", re.IGNORECASE)


@dataclass(frozen=True)
class Scan:
    """A spectral file and what lies beside it.

    Attributes:
        cube: The file; for ENVI its header.
        parts: Names of the folders between the root and the file.
        stem: What the file is called, without suffixes.
        rgb: RGB image of the same thing, or None.
        meta: Meta.JSON beside it, or None.
        truth: Ground-truth image beside it, or None.
        alone: Whether it is the only spectral file of its folder.
    """

    cube: Path
    parts: tuple[str, ...]
    stem: str
    rgb: Path | None = None
    meta: Path | None = None
    truth: Path | None = None
    alone: bool = False


@dataclass(frozen=True)
class Listing:
    """A folder tree as an importer sees it.

    Attributes:
        root: Where it starts.
        scans: Spectral files, in natural order.
        archives: HS_Raw.zip files, likewise.
        pictures: RGB images, those that belong to a scan too.
        tables: CSV files at the root.
        wavelengths: A list of wavelengths in the nearest folder that holds all scans, or None.
        simulated: Whether the files say that they are simulated.
        backgrounds: Folders of background images, which were left alone.
        left_out: Files that look spectral but cannot be used, and why.
    """

    root: Path
    scans: tuple[Scan, ...]
    archives: tuple[Scan, ...]
    pictures: tuple[Path, ...]
    tables: tuple[Path, ...]
    wavelengths: Path | None
    simulated: bool
    backgrounds: tuple[Path, ...]
    left_out: tuple[tuple[Path, str], ...] = ()


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts `tray-2` before `tray-10`."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part.lower())
        for part in re.split(r"(\d+)", text)
        if part
    ]


def list_tree(root: Path) -> Listing:
    """Goes through a folder and all below it; opens nothing but a few headers.

    Raises:
        DataError: The folder cannot be listed.
    """
    scans: list[Scan] = []
    archives: list[Scan] = []
    pictures: list[Path] = []
    backgrounds: list[Path] = []
    left_out: list[tuple[Path, str]] = []
    simulated = is_simulated(root)
    for folder, names in _walk(root, backgrounds):
        simulated |= FILE in names
        parts = folder.relative_to(root).parts
        archives += [
            Scan(folder / name, parts, "HS_Raw", rgb=only_picture(folder, names, ()))
            for name in names
            if name.lower() == "hs_raw.zip"
        ]
        # A scanner's own result lies beside its capture: the same thing a second time.
        if folder.name.lower() == "results" and (folder.parent / "capture").is_dir():
            twice = [name for name in names if Path(name).suffix.lower() == ".hdr"]
            left_out += [(folder / n, "a result of the capture beside it") for n in twice]
            continue
        found, shown, unused = _scans_of(folder, names, parts)
        scans += found
        pictures += shown
        left_out += unused
    tables = [p for p in _sorted(root.glob("*")) if p.suffix.lower() in (".csv", ".tsv")]
    return Listing(
        root,
        tuple(scans),
        tuple(archives),
        tuple(pictures),
        tuple(p for p in tables if not _WAVELENGTHS.fullmatch(p.name)),
        _wavelengths_for(root, scans),
        simulated,
        tuple(backgrounds),
        tuple(left_out),
    )


def is_simulated(folder: Path) -> bool:
    """Whether a folder, or one that it lies in, is marked as simulated."""
    near = [folder, *folder.resolve().parents[:2]]
    return any((place / FILE).exists() for place in near)


def wavelengths_in(folder: Path) -> Path | None:
    """A list of wavelengths that lies in a folder, such as wavelengths.txt."""
    return next((p for p in _sorted(folder.glob("*")) if _WAVELENGTHS.fullmatch(p.name)), None)


def _wavelengths_for(root: Path, scans: Sequence[Scan]) -> Path | None:
    """A list of wavelengths beside or above all scans, such as HS/wavelengths.txt."""
    place = Path(os.path.commonpath([scan.cube.parent for scan in scans])) if scans else root
    while place not in (root, place.parent):
        if (found := wavelengths_in(place)) is not None:
            return found
        place = place.parent
    return wavelengths_in(root)


def scan_of(path: Path) -> Scan:
    """A single spectral file with what lies beside it."""
    names = sorted((p.name for p in path.parent.iterdir() if p.is_file()), key=natural)
    stem = stem_of(path)
    beside = [s for s in _scans_of(path.parent, names, ())[0] if s.stem == stem]
    found = beside[0] if beside else Scan(path, (), stem)
    return Scan(path, (), found.stem, found.rgb, found.meta, found.truth, found.alone)


def _walk(root: Path, backgrounds: list[Path]) -> Iterator[tuple[Path, list[str]]]:
    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be listed ({error.strerror}); check the path")

    been: set[Path] = set()
    for place, folders, files in os.walk(root, onerror=refuse, followlinks=True):
        folder = Path(place)
        if folder.resolve() in been:  # a link back to where we came from
            folders.clear()
            continue
        been.add(folder.resolve())
        backgrounds += [folder / f for f in folders if f.lower() in _BACKGROUNDS]
        folders[:] = sorted(
            (
                f
                for f in folders
                if not f.startswith(".")
                and f.lower() not in _BACKGROUNDS | _SKIPPED
                and not _is_ours(folder / f)
            ),
            key=natural,
        )
        yield folder, sorted((f for f in files if not f.startswith(".")), key=natural)


def _is_ours(folder: Path) -> bool:
    """Whether a folder is a data set, or an import that is not done: its pictures are no seeds."""
    if folder.name.endswith((".importing", ".import")):
        return True
    return (folder / DATASET).is_file() and are_records(folder)


def _scans_of(
    folder: Path, names: Sequence[str], parts: tuple[str, ...]
) -> tuple[list[Scan], list[Path], list[tuple[Path, str]]]:
    """The scans and pictures of a folder, and what looks like a scan but cannot be used."""
    if not names:
        return [], [], []
    listed = cubes_in(folder)
    cubes = [
        c
        for c in listed
        if not is_reference(c) and not is_picture(c) and not _WAVELENGTHS.fullmatch(c.name)
    ]
    cubes, left_out = _once(cubes)
    left_out += _orphans(folder, names, listed)
    stems = {stem_of(c).lower() for c in cubes}
    truths = [c for c in cubes if is_truth(stem_of(c), stems, len(cubes))]
    spectra = [c for c in cubes if c not in truths]
    pictures = [n for n in names if is_picture(folder / n)]
    maps = [folder / n for n in pictures if truth_of(Path(n).stem) is not None]
    truth_files = [*truths, *(path for path in maps if is_class_map(path))]
    alone = len(spectra) == 1
    metas = [folder / n for n in names if n.lower() in ("meta.json", "metadata.json")]
    found = []
    for cube in spectra:
        stem = stem_of(cube)
        picture = partner(stem, pictures)
        rgb = None if picture is None else folder / picture
        if rgb is None and alone:
            rgb = only_picture(folder, names, spectra)
        truth = next((t for t in truth_files if belongs(t, stem)), None)
        if truth is None and alone and len(truth_files) == 1:
            truth = truth_files[0]
        meta = metas[0] if alone and metas else None
        found.append(Scan(cube, parts, stem, rgb, meta, truth, alone))
    return found, [folder / name for name in pictures], left_out


def _once(cubes: list[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Each image once: the same one may lie there in several formats."""
    kept: dict[str, Path] = {}
    twice = []
    for cube in sorted(cubes, key=_preference):
        first = kept.setdefault(stem_of(cube).lower(), cube)
        if first is not cube:
            twice.append((cube, f"of the same name as {first.name}, which is used"))
    return [cube for cube in cubes if kept[stem_of(cube).lower()] == cube], twice


def _preference(path: Path) -> int:
    suffix = path.suffix.lower()
    return _PREFERRED.index(suffix) if suffix in _PREFERRED else len(_PREFERRED)


def _orphans(folder: Path, names: Sequence[str], listed: Sequence[Path]) -> list[tuple[Path, str]]:
    """Headers that are none, and data without a header."""
    headers = {stem_of(c).lower() for c in listed}
    known = {c.name for c in listed}
    found = []
    for name in names:
        path = folder / name
        suffix = path.suffix.lower()
        if suffix == ".hdr" and name not in known:
            found.append((path, "no ENVI header (its first word is not ENVI)"))
        elif suffix in _DATA and name not in known and stem_of(path).lower() not in headers:
            found.append((path, "no ENVI header beside it"))
    return found


def _sorted(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda p: natural(p.name))
