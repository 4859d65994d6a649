"""One unit of work: files that are read together, and what is known about them."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from bimae.data.cubes.envi_pair import DATA_SUFFIXES
from bimae.data.identity import file_key

Kind = Literal["seed", "zip", "tray", "scene", "boxes"]


@dataclass(frozen=True)
class Item:
    """A seed, a tray, or a scene to import.

    Attributes:
        kind: How it is read.
        name: Unique name, such as `wheat/0012`; samples are called after it.
        hs: The spectral file (for ENVI its header), or the archive that holds it; or a photo.
        rgb: The RGB image of the same thing, or None.
        label: Its class, or None.
        group: What must not be torn apart, or None.
        split: Part that the files declare (train, val, test), or None.
        white: White reference named for it, or None.
        dark: Dark reference named for it, or None.
        meta: Meta.JSON beside it, or None.
        truth: Ground-truth image of a scene, or None.
        boxes: Table of boxes of a scene, or None.
        photo: Whether `hs` is a photo, and there are no spectra.
        named: Whether the references were named by the user, not found beside the scan.
        several: Whether there are other scenes, so that names of windows begin with this one's.
    """

    kind: Kind
    name: str
    hs: Path
    rgb: Path | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None
    white: Path | None = None
    dark: Path | None = None
    meta: Path | None = None
    truth: Path | None = None
    boxes: Path | None = None
    photo: bool = False
    named: bool = False
    several: bool = False

    def files(self) -> list[Path]:
        """Every file that it is made of."""
        named = (self.hs, self.rgb, self.white, self.dark, self.meta, self.truth, self.boxes)
        return [path for path in named if path is not None]

    def stamp(self) -> list[Any]:
        """What changes whenever a file of it does: texts and numbers for JSON."""
        facts: list[Any] = [str(value) for value in asdict(self).values()]
        facts += [_state(file) for path in self.files() for file in (path, *_beside(path))]
        return sorted(facts, key=json.dumps)

    def keys(self) -> tuple[str, str]:
        """Keys of its scan and of its photo (`file_key`); empty where there is none.

        Raises:
            OSError: A file cannot be read.
        """
        if self.photo:
            return "", file_key(self.hs)
        data = _beside(self.hs) if self.hs.suffix.lower() == ".hdr" else []
        scan = file_key(data[0] if data else self.hs)
        return scan, "" if self.rgb is None else file_key(self.rgb)

    @property
    def of_many(self) -> bool:
        """Whether its samples are windows that are learned from one by one."""
        return self.kind in ("scene", "boxes")


def _beside(path: Path) -> list[Path]:
    """An ENVI header stands for its data file, and the other way round."""
    stem = path.with_suffix("")
    if path.suffix.lower() != ".hdr":
        return [p for p in (stem.with_name(f"{stem.name}.hdr"), Path(f"{path}.hdr")) if p.exists()]
    found = []
    for suffix in ("", *DATA_SUFFIXES):
        for spelled in {suffix, suffix.upper()}:
            data = stem.with_name(f"{stem.name}{spelled}")
            if data.is_file():
                found.append(data)
    return found


def fingerprint(stamps: list[list[Any]], settings: Any) -> str:
    """16 hexadecimal digits that stand for these files, as they are now, read in this way."""
    facts = {key: str(value) for key, value in asdict(settings).items()}
    # A file of wavelengths is given as a text, like a range of them.
    paths = [v for v in asdict(settings).values() if isinstance(v, Path)]
    if settings.wavelengths:
        paths.append(Path(settings.wavelengths))
    files = [_state(path) for path in paths]
    text = json.dumps([stamps, facts, files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _state(path: Path) -> list[Any]:
    try:
        status = path.stat()
    except OSError:
        return [path.name]
    return [path.name, status.st_size, status.st_mtime_ns]


@dataclass
class Plan:
    """What is to be imported.

    Attributes:
        layout: The layout recognised, a key of `LAYOUTS`.
        root: Folder that names are relative to.
        items: What to read.
        simulated: Whether the files say that they are simulated.
        notes: What was noticed on the way, a line each.
        wavelengths_file: A list of wavelengths that was found, or None.
        left_out: Files that look spectral but cannot be used, and why.
        name: What to call it; empty: as its folder.
    """

    layout: str
    root: Path
    items: list[Item]
    simulated: bool = False
    notes: list[str] = field(default_factory=list)
    wavelengths_file: Path | None = None
    left_out: list[tuple[str, str]] = field(default_factory=list)
    name: str = ""

    @property
    def photos_alone(self) -> bool:
        """Whether there are no spectra."""
        return all(item.photo for item in self.items)
