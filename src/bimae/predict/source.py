"""A camera's files on their way to answers: a data set beside these, for as long as it is needed.

The data set lies in `<out>.import`. A stop of the import loses little (`import_data`); a stop after
it loses nothing, since the folder says for which files and settings it was made.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from bimae import __version__
from bimae.data import DatasetInfo
from bimae.data.cubes import CUBE_SUFFIXES, is_cube
from bimae.data.importing.assemble import REPORT
from bimae.data.importing.importer import Stage, import_data
from bimae.data.importing.items import Plan, fingerprint
from bimae.data.importing.pictures import IMAGE_SUFFIXES
from bimae.data.importing.recognise import recognise
from bimae.data.importing.settings import ImportSettings
from bimae.data.importing.summary import ImportSummary
from bimae.data.info import FILE_NAME
from bimae.errors import DataError

MADE_FOR = "imported_for"  # in dataset.json
BY_FOLDER = (
    "folders",
    "cubes",
    "views",
    "bisid-raw",
    "tray",
    "photos",
)  # layouts whose folders may be classes
NAMED = 5  # folders in a note
LISTS = (".csv", ".tsv", ".zip")  # other files than cubes that can be imported


def importable(path: Path) -> bool:
    """Whether a path is one that an import would try: a folder, or a file of a known name."""
    suffix = path.suffix.lower()
    known = (*LISTS, *CUBE_SUFFIXES, *IMAGE_SUFFIXES)
    return path.is_dir() or suffix in known or is_cube(path)


def drop_folder_labels(plan: Plan, classes: Collection[str]) -> None:
    """Takes labels off that only a folder's name gives and that are no class of the model.

    For training, folders are classes. What is asked about lies in folders of any name: `lot`,
    `tuesday`, `new`; as a label that would pose as the truth. What a table or Meta.JSON says is
    kept, whatever the model knows.

    Args:
        plan: What is to be imported; changed, and told in its notes.
        classes: Of the model.
    """
    if plan.layout not in BY_FOLDER:
        return
    dropped: dict[str, None] = {}
    for number, item in enumerate(plan.items):
        if item.label is None or item.label in classes or item.label not in item.hs.parts[:-1]:
            continue
        dropped[item.label] = None
        plan.items[number] = replace(item, label=None)
    if dropped:
        named = ", ".join([*dropped][:NAMED]) + ", ..." * (len(dropped) > NAMED)
        several = len(dropped) > 1
        plan.notes.append(
            f"the folder{'s' * several} {named} {'are' if several else 'is'} no class of this "
            "model, so no label is taken from there; ids and groups keep the name"
        )


@dataclass(frozen=True)
class Raw:
    """Raw files, recognised; nothing is read yet.

    Attributes:
        src: A scan, a table, or a folder of files.
        folder: Where the data set goes.
        settings: How they are read.
        plan: What they are.
    """

    src: Path
    folder: Path
    settings: ImportSettings
    plan: Plan

    @classmethod
    def of(
        cls,
        src: Path,
        out: Path,
        settings: ImportSettings,
        classes: Collection[str],
        *,
        photo_side: int | None = None,
    ) -> "Raw":
        """Finds out what raw files are.

        Args:
            src: The files.
            out: The file that answers go to.
            settings: How they are to be read; the side of seeds is in pixels of scans.
            classes: Of the model: only these are believed where a folder's name says so.
            photo_side: The side of seeds in pixels of photos, for photos without scans.

        Raises:
            DataError: There is nothing that can be imported, or `out` lies among the files, where
                what is written beside it would be taken for a camera's.
        """
        if src.is_dir() and out.resolve().is_relative_to(src.resolve()):
            raise DataError(
                f"{out}: lies in {src}, where it would be taken for one of the files to import; "
                "choose another --out"
            )
        plan = recognise(src, settings)
        if src.suffix.lower() not in LISTS:
            drop_folder_labels(plan, classes)
        sides = {"scans": settings.seed_side, "photos": photo_side}
        mine, other = ("photos", "scans") if plan.photos_alone else ("scans", "photos")
        settings = replace(settings, seed_side=sides[mine])
        if plan.layout == "tray" and sides[mine] is None and sides[other] is not None:
            plan.notes.append(
                f"how wide seeds were cut out of {other} to learn from says nothing of {mine}: the "
                "largest seed here decides"
            )
        return cls(src, out.with_name(f"{out.name}.import"), settings, plan)

    @property
    def key(self) -> str:
        """Stands for these files as they are now, read with these settings by this version."""
        settings = self.settings
        if settings.wavelengths is None and self.plan.wavelengths_file is not None:
            settings = replace(settings, wavelengths=str(self.plan.wavelengths_file))
        return fingerprint([*(item.stamp() for item in self.plan.items), [__version__]], settings)

    @property
    def ready(self) -> bool:
        """Whether the data set is there already, from these files and settings."""
        try:
            told = json.loads((self.folder / FILE_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(told, dict) and told.get(MADE_FOR) == self.key

    def left_out(self) -> list[tuple[str, str]]:
        """Of the data set that is there: the name of each item that is not in, and why."""
        told = json.loads((self.folder / REPORT).read_text(encoding="utf-8"))
        return [(one["name"], one["why"]) for one in told["left_out"]]

    def bring_in(self, *, workers: int = 0, stage: Stage | None = None) -> ImportSummary:
        """Makes the data set; one that is there is replaced.

        Args:
            workers: Processes that read; 0 for as many as there are processors.
            stage: Is told of each stage, for a progress bar.

        Raises:
            DataError: Nothing could be read, or the folder holds other things.
        """
        key = self.key  # of the files as they are before they are read
        summary, _ = import_data(
            self.src,
            self.folder,
            self.settings,
            workers=workers,
            overwrite=True,
            split=False,  # parts that are drawn for a training mean nothing here
            plan=self.plan,
            stage=stage,
        )
        DatasetInfo.add(self.folder, **{MADE_FOR: key})
        return summary
