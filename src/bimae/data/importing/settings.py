"""What decides how files are turned into samples."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from bimae.data.tfrecord.variants import HS_SIDE, RGB_SIDE

Layout = Literal[
    "auto",
    "folders",
    "bisid-raw",
    "cubes",
    "views",
    "table",
    "tray",
    "scene",
    "boxes",
    "photos",
]

LAYOUTS: dict[str, str] = {
    "folders": "one folder a seed (class/id/ with a spectral and an RGB file)",
    "bisid-raw": "BiSID-5k as published (class/number/RGB_Raw.jpg, HS_Raw.zip)",
    "cubes": "one spectral file a seed (class/name.npy, .npz, .mat, .tif, .hdr)",
    "views": "a folder a view (HS/name.tif, RGB/name.png, classes above or below)",
    "table": "a table of files (path_hs, path_rgb, label, group)",
    "tray": "scans of many seeds, to be cut apart",
    "scene": "a scene with a ground-truth image",
    "boxes": "scenes with a table of boxes",
    "photos": "photos without spectra, one a seed (class/name.jpg, .png, .tif)",
}


def described(layout: str, *, photos: bool) -> str:
    """What a layout is, in words; of photos without spectra too."""
    if photos and layout == "tray":
        return "photos of many seeds, to be cut apart"
    return LAYOUTS[layout]


@dataclass(frozen=True)
class ImportSettings:
    """How the files of a laboratory are read; see `bimae data import --help`.

    Attributes:
        layout: How the files are laid out; `auto` finds out.
        white: White reference for every scan; None looks beside each.
        dark: Dark reference for every scan; None looks beside each.
        wavelengths: A file of band centres in nm, or a range such as `400-1000nm`, for files that
            have none of their own.
        bad_bands: Whether bands that a header calls bad are left out.
        band_axis: Where the bands are in files that are bare arrays.
        key: Which array of an archive is the cube.
        label: Class of everything, where no folder or table names one.
        labels: CSV with classes: columns name and label, or of the single seeds on trays scan,
            number and label.
        label_pattern: Regular expression; what it finds in an item's name becomes its class.
        group_pattern: Regular expression; what it finds in an item's name becomes its group.
        hs_size: Side of the spectral images in pixels; 0 leaves them as they are. None is 24, and
            of a scene the window itself.
        rgb_size: Side of the RGB images in pixels; 0 leaves them as they are. None is 192, and 48
            of a scene.
        store: Reflectance as it is (`float32`) or in 255 steps (`uint8`, a quarter of the size).
        pairing: How seeds of a tray find their partner in the photo.
        background: What is around a seed on a tray: blanked, or kept as it was.
        pictures: Whether the trays are drawn with what was found on them, for people.
        keep_flagged: Whether touching, cut and unpaired seeds are kept.
        seed_side: Side of the square around every seed of a tray, in pixels of the scan (of the
            photo, where there is no scan); None: what the largest whole seed of all trays takes.
            Trays that are to be compared, such as those learned from and those asked about, need
            the same.
        ground_truth: The class image of a scene; None looks beside it.
        class_names: Names of a scene's classes 1, 2, ...: a text file, a name a line.
        window: Side of a scene's windows in pixels, odd.
        block: Side of the blocks of ground that a scene is split by, in pixels.
        seed: Of the split.
    """

    layout: Layout = "auto"
    white: Path | None = None
    dark: Path | None = None
    wavelengths: str | None = None
    bad_bands: Literal["drop", "keep"] = "drop"
    band_axis: Literal["auto", "first", "last"] = "auto"
    key: str | None = None
    label: str | None = None
    labels: Path | None = None
    label_pattern: str | None = None
    group_pattern: str | None = None
    hs_size: int | None = None
    rgb_size: int | None = None
    store: Literal["float32", "uint8"] = "float32"
    pairing: Literal["register", "order"] = "register"
    background: Literal["blank", "keep"] = "blank"
    pictures: bool = True
    keep_flagged: bool = False
    seed_side: int | None = None
    ground_truth: Path | None = None
    class_names: Path | None = None
    window: int = 7
    block: int = 18
    seed: int = 0

    def problems(self) -> Iterator[str]:
        """Everything about these settings that cannot be carried out, a line each."""
        for name, known in (("layout", get_args(Layout)),):
            if getattr(self, name) not in known:
                yield f"{name} is {getattr(self, name)!r}; expected one of {', '.join(known)}"
        for name in ("hs_size", "rgb_size"):
            if (getattr(self, name) or 0) < 0:
                yield f"{name} is {getattr(self, name)}; expected pixels, or 0 for as it is"
        if self.seed_side is not None and self.seed_side < 1:
            yield f"seed_side is {self.seed_side}; expected pixels, at least 1"
        for name in ("white", "dark", "labels", "ground_truth", "class_names"):
            path = getattr(self, name)
            if path is not None and not path.exists():
                yield f"{name}: {path} is not there; check the path"
        for name in ("label_pattern", "group_pattern"):
            if (pattern := getattr(self, name)) is not None:
                try:
                    re.compile(pattern)
                except re.error as error:
                    yield f"{name} {pattern!r} is no regular expression: {error}"
        if self.window < 1 or self.window % 2 == 0 or self.block < self.window:
            yield (
                f"windows of {self.window} pixels in blocks of {self.block}: the window must be "
                "odd and no larger than the block"
            )

    @property
    def hs_side(self) -> int:
        """Side of the spectral images of seeds; 0 for as they are."""
        return HS_SIDE if self.hs_size is None else self.hs_size

    @property
    def rgb_side(self) -> int:
        """Side of the RGB images of seeds; 0 for as they are."""
        return RGB_SIDE if self.rgb_size is None else self.rgb_size

    def label_of(self, name: str, otherwise: str | None) -> str | None:
        """The class of an item: what `label_pattern` finds in its name, if anything."""
        return _found(self.label_pattern, name) or otherwise

    def group_of(self, name: str, otherwise: str | None) -> str | None:
        """The group of an item: what `group_pattern` finds in its name, if anything."""
        return _found(self.group_pattern, name) or otherwise


def _found(pattern: str | None, name: str) -> str | None:
    """What a pattern, or its first bracket, finds."""
    found = None if pattern is None else re.search(pattern, name)
    if found is None:
        return None
    text: str | None = found[1] if found.re.groups else found[0]
    return text
