"""Folders that hold one view each of all seeds: `RGB/wheat/17.png` and `HS/wheat/17.tif`.

A folder is one of a view if its name is made of words for it, and of nothing else but words that
say nothing (`RGB_images`, `hs data`): a class may be called `HS 12`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bimae.data.importing.listing import Scan

_RGB = {"rgb", "color", "colour", "colors", "colours"}
_PICTURES = {"image", "images", "img", "imgs", "photo", "photos", "picture", "pictures"}
_PICTURES |= {"png", "jpg", "jpeg"}
# Of several spectral views of one seed the first of these is taken.
_SPECTRA = (
    *("hs", "hsi", "hyper", "hyperspectral", "hypercube", "hypercubes", "spectral", "spectra"),
    *("cube", "cubes", "vnir", "swir", "nir", "ms", "msi", "multispectral", "npy", "npz", "mat"),
)
_ANYTHING = {"data", "file", "files", "raw", "crop", "crops", "seed", "seeds", "view", "camera"}
_AFFIX = r"(?:rgb|colou?r|photo|hs|hsi|hyper(?:spectral)?|cube|vnir|swir|nir|ms|msi)"
_NAMED = re.compile(rf"^{_AFFIX}[-_. ]|[-_. ]{_AFFIX}$", re.IGNORECASE)


@dataclass(frozen=True)
class Views:
    """Spectral files with the pictures that lie in another folder.

    Attributes:
        scans: The spectral files; those of folders of views without the name of their view among
            their folders.
        paired: How many were given a picture.
        left_out: Further spectral views of the same seeds, and why they are not used.
        lonely: Pictures in folders of views that belong to no spectral file.
    """

    scans: tuple[Scan, ...]
    paired: int = 0
    left_out: tuple[tuple[Path, str], ...] = ()
    lonely: tuple[Path, ...] = ()


def by_views(root: Path, scans: Sequence[Scan], pictures: Iterable[Path]) -> Views:
    """Lays views together that lie in folders of their own.

    Args:
        root: Where the folders are counted from.
        scans: Spectral files; those that have a picture beside them keep it.
        pictures: All pictures below the root.
    """
    shown: dict[tuple[tuple[str, ...], str], Path] = {}
    for path in pictures:
        parts, view = _parted(path.relative_to(root).parts[:-1])
        if view == "rgb":
            for stem in (path.stem.lower(), _plain(path.stem)):
                shown.setdefault((parts, stem), path)
    own = [_parted(scan.parts) for scan in scans]
    if not shown and any(view not in _SPECTRA for _, view in own):
        return Views(tuple(scans))  # among folders of classes it may be one of them
    best: dict[tuple[tuple[str, ...], str], str] = {}
    for scan, (parts, view) in zip(scans, own, strict=True):
        if view in _SPECTRA:
            key = (parts, _plain(scan.stem))
            best[key] = min(view, best.get(key, view), key=_SPECTRA.index)
    kept, left_out = [], []
    paired = 0
    for scan, (parts, view) in zip(scans, own, strict=True):
        if view not in _SPECTRA:
            kept.append(scan)
            continue
        if (used := best[parts, _plain(scan.stem)]) != view:
            why = f"another spectral view of what {used.upper()} shows; import it by itself"
            left_out.append((scan.cube, why))
            continue
        rgb = scan.rgb
        if rgb is None:
            keys = ((parts, scan.stem.lower()), (parts, _plain(scan.stem)))
            rgb = next((shown[key] for key in keys if key in shown), None)
            paired += rgb is not None
        kept.append(replace(scan, parts=parts, rgb=rgb))
    taken = {scan.rgb for scan in kept}
    lonely = [path for path in dict.fromkeys(shown.values()) if path not in taken]
    return Views(tuple(kept), paired, tuple(left_out), tuple(lonely))


def view_of(folder: str) -> str | None:
    """`rgb`, a word for spectra, or None for a folder that is no view's."""
    if not re.fullmatch(r"[A-Za-z]+(?:[-_. ]+[A-Za-z]+)*", folder):
        return None
    words = set(re.findall(r"[a-z]+", folder.lower()))
    if words - _RGB - _PICTURES - set(_SPECTRA) - _ANYTHING:
        return None
    spectral = next((word for word in _SPECTRA if word in words), None)
    if spectral is not None:
        return None if words & _RGB else spectral
    return "rgb" if words & (_RGB | _PICTURES) else None


def _parted(parts: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
    """Folders without the last one that is of a view, and that view."""
    at = _at(parts)
    return (parts, None) if at is None else ((*parts[:at], *parts[at + 1 :]), view_of(parts[at]))


def _at(parts: tuple[str, ...]) -> int | None:
    return max((i for i, name in enumerate(parts) if view_of(name)), default=None)


def _plain(stem: str) -> str:
    """What a file is called without a word for its view before or behind it."""
    return (_NAMED.sub("", stem) or stem).lower()
