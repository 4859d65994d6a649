"""`bimae data import`: a camera's files to a checked, split data set."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bimae.cli.parse import parse
from bimae.errors import count

if TYPE_CHECKING:
    from bimae.data.importing import ImportSettings, ImportSummary
    from bimae.data.importing.items import Plan

ABOUT = (
    "Turns scans, folders of crops, tables, trays or scenes into TFRecords with dataset.json and a "
    "split (docs/bring-your-own-data.md has an example of each). Stopped, the same command goes on "
    "where it was."
)
EXAMPLE = "bimae data import scans/ data/my-seeds"


@dataclass(frozen=True)
class ImportOptions:
    """Options of the import."""

    src: Path
    """A scan (header or data file), a table (.csv), or a folder of files."""
    out: Path
    """Folder to write the data set to."""
    layout: Literal[
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
    ] = "auto"
    """How the files are laid out; auto finds out and says what it found."""
    white: Path | None = None
    """White reference of every scan; default: looked for beside each (WHITEREF_*, *_White)."""
    dark: Path | None = None
    """Dark reference of every scan; default: looked for beside each (DARKREF_*, *_Dark)."""
    wavelengths: str | None = None
    """For files without wavelengths: a file of band centres in nm, or a range like 400-1000nm."""
    bad_bands: Literal["drop", "keep"] = "drop"
    """Bands that a header calls bad (bbl)."""
    band_axis: Literal["auto", "first", "last"] = "auto"
    """Where the bands are in bare arrays (.npy, .mat, .tif)."""
    key: str | None = None
    """Which array of a .mat, .npz or .h5 file is the cube."""
    label: str | None = None
    """Class of everything, where no folder or table names one."""
    labels: Path | None = None
    """CSV with classes: columns name, label; of single seeds on trays scan, number, label."""
    label_pattern: str | None = None
    """Regular expression: what it (or its first bracket) finds in an item's name is its class."""
    group_pattern: str | None = None
    """Regular expression: what it (or its first bracket) finds in an item's name is its group."""
    hs_size: int | None = None
    """Side of the spectral images in pixels; 0: as they are; default: 24 (scenes: the window)."""
    rgb_size: int | None = None
    """Side of the RGB images in pixels; 0: as they are; default: 192 (scenes: 48)."""
    store: Literal["float32", "uint8"] = "float32"
    """Reflectance as it is, or in 255 steps (a quarter of the size)."""
    pairing: Literal["register", "order"] = "register"
    """Trays: how seeds find their partner in the photo, by its place or by reading order."""
    background: Literal["blank", "keep"] = "blank"
    """Trays and boxes: what is around a seed, blanked or kept as it was."""
    keep_flagged: bool = False
    """Trays: keep touching, cut and unpaired seeds too."""
    seed_side: int | None = None
    """Trays: side of the square around every seed, in pixels of the scan, or of the photo where
    there is no scan; default: what the largest whole seed takes. For trays that are to go with
    others give theirs (seed_side, of photos photo_side, in dataset.json)."""
    ground_truth: Path | None = None
    """Scenes: the class image; default: looked for beside the scene (*_gt)."""
    class_names: Path | None = None
    """Scenes: names of the classes 1, 2, ...: a text file, a name a line."""
    window: int = 7
    """Scenes: side of the windows in pixels, odd."""
    block: int = 18
    """Scenes: side of the blocks of ground that the scene is split by, in pixels."""
    name: str = ""
    """What to call the data set in reports; default: the source's name."""
    source: str = ""
    """Where the images come from: camera, citation, licence; kept in dataset.json."""
    seed: int = 0
    """Seed of the split."""
    workers: int = 0
    """Processes that read; 0: as many as there are processors."""
    strict: bool = False
    """Stop at the first file that cannot be read, rather than leaving it out."""
    overwrite: bool = False
    """Replace the data set that OUT holds already."""

    def settings(self) -> "ImportSettings":
        """Those that decide how files are read."""
        from bimae.data.importing import ImportSettings

        # whether trays are drawn is no option here: an import's pictures are there to be looked at
        asked = [f.name for f in fields(ImportSettings) if hasattr(self, f.name)]
        return ImportSettings(**{name: getattr(self, name) for name in asked})

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        found = list(self.settings().problems())
        found += [
            f"{name} is {getattr(self, name)}; it must be at least 0"
            for name in ("seed", "workers")
            if getattr(self, name) < 0
        ]
        return found


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    options = parse(
        ImportOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("src", "out")
    )
    run(options)


def run(options: ImportOptions) -> None:
    """Imports, and says what came of it."""
    from bimae.cli.parts import tell_parts
    from bimae.data import open_dataset
    from bimae.data.importing import import_data, work_folder

    with Bars() as bars:
        try:
            summary, split = import_data(
                options.src,
                options.out,
                options.settings(),
                name=options.name,
                source=options.source,
                workers=options.workers,
                strict=options.strict,
                overwrite=options.overwrite,
                recognised=tell_plan,
                stage=bars.stage,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "stopped; the same command goes on where it was (what is done lies in "
                f"{work_folder(options.out)})"
            ) from None
    _tell(summary)
    if split is not None:
        tell_parts(split, open_dataset(options.out, hs_size=None, rgb_size=None))
    print(f"next     bimae data check {options.out}; bimae data inspect {options.out}")


class Bars:
    """A progress bar for each stage, one after the other."""

    def __init__(self) -> None:
        self._bar: object = None

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stage(self, title: str, unit: str, total: int) -> Callable[[int], None]:
        """Begins a stage; what it returns is told how many more are done."""
        from tqdm import tqdm

        self.close()
        often = sys.stderr.isatty()
        bar = tqdm(total=total, desc=title, unit=unit, mininterval=0.1 if often else 10, delay=0.1)
        self._bar = bar

        def told(done: int) -> None:
            bar.update(done)

        return told

    def close(self) -> None:
        """Ends the bar that is there, if any."""
        if self._bar is not None:
            self._bar.close()  # type: ignore[attr-defined]
        self._bar = None


def tell_plan(plan: "Plan") -> None:
    """Prints what was recognised."""
    from bimae.data.importing.settings import described

    pictures = sum(item.rgb is not None for item in plan.items)
    labelled = {item.label for item in plan.items if item.label is not None}
    texts = [count(len(plan.items), "photo" if plan.photos_alone else "item")]
    if not plan.photos_alone:
        texts.append(f"{pictures} with an RGB image" if pictures else "no RGB images")
    if labelled:
        texts.append(
            count(len(labelled), "class") if len(labelled) > 1 else f"class {min(labelled)}"
        )
    print(f"found    {described(plan.layout, photos=plan.photos_alone)}: {', '.join(texts)}")
    if plan.simulated:
        print("note: these files say that they are SIMULATED; the data set will say so too")


def _tell(summary: "ImportSummary") -> None:
    from bimae.data.info import COLOUR

    nm = summary.bands.wavelengths_nm
    places = f"{nm[0]:g}-{nm[-1]:g} nm" if nm else "wavelengths unknown"
    sensor = f", {summary.sensor}" if summary.sensor else ""
    spectra = f"{count(summary.bands.count, 'band')}, {places}, {summary.unit or 'unit unknown'}"
    alone = summary.unit == COLOUR
    print(f"spectra  {'none: photos alone' if alone else f'{spectra}{sensor}'}")
    tell_oddities(summary)
    classes = len([label for label in summary.classes if label is not None])
    unlabelled = summary.classes[None]
    texts = [
        count(summary.samples, "sample"),
        count(classes, "class"),
        count(summary.groups, "group") if summary.groups else "no groups",
        f"{summary.bytes / 1e6:.1f} MB",
    ]
    if unlabelled:
        texts.insert(2, f"{unlabelled} without a label")
    if summary.left_out:
        texts.append(f"{len(summary.left_out)} left out")
    print(f"written  {summary.out}: {', '.join(texts)}")
    if summary.declared:
        parts = ", ".join(f"{n} {part}" for part, n in summary.declared.items())
        how = "by blocks of ground" if summary.layout == "scene" else "as the files declare"
        print(f"parts    {parts} ({how})")


def tell_oddities(summary: "ImportSummary") -> None:
    """Prints what was assumed or mended, what lay on trays, and what is left out."""
    for text, times, first in summary.notes:
        more = f" and {times - 1} more items" if times > 2 else " and one more" * (times == 2)
        where = f" ({first}{more})" if first else ""
        print(f"{'' if text.startswith('WARNING: ') else 'note: '}{text}{where}")
    if summary.objects:
        counts = ", ".join(f"{n} {state}" for state, n in summary.objects.most_common())
        pictures = summary.out / "trays"
        drawn = f"; drawn with their numbers in {pictures}" if pictures.is_dir() else ""
        print(f"trays    {counts}{drawn}")
    for name, why in summary.left_out[:10]:
        print(f"left out {name}: {why}")
    if len(summary.left_out) > 10:
        print(f"left out {len(summary.left_out) - 10} more: see {summary.out / 'import.json'}")
