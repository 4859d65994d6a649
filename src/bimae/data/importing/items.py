"""One unit of work: files that are read together, and what is known about them."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["seed", "zip", "tray", "scene", "boxes"]


@dataclass(frozen=True)
class Item:
    """A seed, a tray, or a scene to import.

    Attributes:
        kind: How it is read.
        name: Unique name, such as `wheat/0012`; samples are called after it.
        hs: The spectral file (for ENVI its header), or the archive that holds it.
        rgb: The RGB image of the same thing, or None.
        label: Its class, or None.
        group: What must not be torn apart, or None.
        split: Part that the files declare (train, val, test), or None.
        white: White reference named for it, or None.
        dark: Dark reference named for it, or None.
        meta: Meta.JSON beside it, or None.
        truth: Ground-truth image of a scene, or None.
        boxes: Table of boxes of a scene, or None.
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
    several: bool = False

    def files(self) -> list[Path]:
        """Every file that it is made of."""
        named = (self.hs, self.rgb, self.white, self.dark, self.meta, self.truth, self.boxes)
        return [path for path in named if path is not None]

    def stamp(self) -> list[Any]:
        """What changes whenever a file of it does: texts and numbers for JSON."""
        facts: list[Any] = [str(value) for value in asdict(self).values()]
        for path in self.files():
            # An ENVI header stands for its data file, whose name only the reader knows.
            beside = sorted(path.parent.glob(f"{_glob_safe(path.name.split('.')[0])}*"))
            for file in {path, *beside} if path.suffix.lower() == ".hdr" else {path}:
                facts.append(_state(file))
        return sorted(facts, key=json.dumps)


def _glob_safe(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def fingerprint(stamps: list[list[Any]], settings: Any) -> str:
    """16 hexadecimal digits that stand for these files, as they are now, read in this way."""
    facts = {key: str(value) for key, value in asdict(settings).items()}
    files = [_state(value) for value in asdict(settings).values() if isinstance(value, Path)]
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
    """

    layout: str
    root: Path
    items: list[Item]
    simulated: bool = False
    notes: list[str] = field(default_factory=list)
    wavelengths_file: Path | None = None
