"""How a camera's files are read by verbs that answer for them: predict, purity, explain."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class CameraFiles:
    """Options of reading a camera's files on the way to answers.

    Those that are called as options of `bimae data import` mean what they mean there.
    """

    keep_import: bool = False
    """Camera's files: keep what they were imported to (<out>.import), with pictures of trays on
    which seeds are numbered."""
    layout: Literal[
        "auto",
        "folders",
        "views",
        "bisid-raw",
        "cubes",
        "table",
        "tray",
        "scene",
        "boxes",
        "photos",
    ] = "auto"
    """Camera's files: how they are laid out; this and what follows as in `bimae data import`."""
    white: Path | None = None
    """Camera's files: white reference of every scan; default: looked for beside each."""
    dark: Path | None = None
    """Camera's files: dark reference of every scan; default: looked for beside each."""
    wavelengths: str | None = None
    """Camera's files without wavelengths: a file of band centres in nm, or a range."""
    bad_bands: Literal["drop", "keep"] = "drop"
    """Camera's files: bands that a header calls bad (bbl)."""
    band_axis: Literal["auto", "first", "last"] = "auto"
    """Camera's files: where the bands are in bare arrays."""
    key: str | None = None
    """Camera's files: which array of a .mat, .npz or .h5 file is the cube."""
    group_pattern: str | None = None
    """Camera's files: what this regular expression finds in an item's name is its group."""
    pairing: Literal["register", "order"] = "register"
    """Trays: how seeds find their partner in the photo."""
    background: Literal["blank", "keep"] = "blank"
    """Trays and boxes: what is around a seed; as where the model learned."""
    workers: int = 0
    """Camera's files: processes that import; 0: as many as there are processors."""

    @property
    def reading(self) -> dict[str, Any]:
        """What says how files are read, by the names of `ImportSettings`."""
        return {name: getattr(self, name) for name in READING}

    def given(self) -> list[str]:
        """Options that say how files are read, as they are spelled, where they are no defaults."""
        defaults = {f.name: f.default for f in fields(CameraFiles)}
        names = [name for name in READING if getattr(self, name) != defaults[name]]
        return [f"--{name.replace('_', '-')}" for name in names]

    def camera_problems(self) -> Iterator[str]:
        """What of these options cannot be carried out, whatever the files are."""
        if self.workers < 0:
            yield f"workers is {self.workers}; it must be at least 0"


READING = tuple(f.name for f in fields(CameraFiles) if f.name not in ("keep_import", "workers"))
