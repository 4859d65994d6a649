"""Which files belong to a spectral file, by their names: its picture, its ground truth."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bimae.data.importing.pictures import IMAGE_SUFFIXES, is_picture

TRUTH = re.compile(r"(?:(.*?)[-_. ])?(?:gt|ground[-_ ]?truth|labels?|classes)", re.IGNORECASE)


def stem_of(path: Path) -> str:
    """`scan.bil.hdr` and `scan.hdr` are both called `scan`."""
    name = re.sub(r"\.hdr$", "", path.name, flags=re.IGNORECASE)
    known = r"\.(bil|bip|bsq|raw|img|dat|cube|bin|npy|npz|mat|tiff?|h5|hdf5)$"
    return re.sub(known, "", name, flags=re.IGNORECASE) or path.name


def is_truth(stem: str, stems: set[str], cubes: int) -> bool:
    """`salinas_gt` is the truth of `salinas` or `salinas_corrected`; `gt` that of all beside it."""
    base = truth_of(stem)
    if base is None or cubes < 2:
        return False
    return base == "" or any(s == base or s.startswith((f"{base}_", f"{base}-")) for s in stems)


def belongs(truth: Path, stem: str) -> bool:
    """Whether a ground truth is that of the scan of this name."""
    base = truth_of(stem_of(truth))
    stem = stem.lower()
    return base == "" or (
        base is not None and (stem == base or stem.startswith((f"{base}_", f"{base}-")))
    )


def truth_of(stem: str) -> str | None:
    """What a ground truth is the truth of, in lower case; None for any other name."""
    stem = re.sub(r"\.(png|tiff?|bmp)$", "", stem, flags=re.IGNORECASE)
    found = TRUTH.fullmatch(stem)
    return (found[1] or "").lower() if found else None


def partner(stem: str, pictures: Iterable[str]) -> str | None:
    """The picture of a spectral file: of the same name, or with `rgb` before or behind it."""
    wanted = stem.lower()
    bare = re.sub(r"[-_. ]?(hs|hsi|hyper(spectral)?|cube|vnir|swir|nir)$", "", wanted)
    for name in pictures:
        picture = Path(name).stem.lower()
        plain = re.sub(r"^(rgb|colou?r|photo)[-_. ]|[-_. ]?(rgb|colou?r|photo)$", "", picture)
        if picture == wanted or plain in (wanted, bare):
            return name
    return None


def only_picture(folder: Path, names: Iterable[str], cubes: Sequence[Path]) -> Path | None:
    """The RGB image of a folder of one seed: one called RGB..., else the only picture."""
    pictures = [
        n
        for n in names
        if Path(n).suffix.lower() in IMAGE_SUFFIXES
        and folder / n not in cubes
        and is_picture(folder / n)
        and truth_of(Path(n).stem) is None
    ]
    named = [n for n in pictures if n.lower().startswith("rgb")]
    # The raw photo and the cut-out may lie side by side.
    chosen = [n for n in named if "raw" not in n.lower()] or named or pictures
    return folder / chosen[0] if len(chosen) == 1 else None
