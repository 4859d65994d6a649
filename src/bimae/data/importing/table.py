"""Tables: files listed with labels and groups, and classes of single seeds."""

import re
from dataclasses import dataclass
from pathlib import Path

from bimae.data.csv_table import read_csv
from bimae.data.importing.items import Item, Plan
from bimae.data.importing.settings import ImportSettings
from bimae.data.scenes import read_boxes
from bimae.data.scenes.columns import columns_of
from bimae.data.scenes.table import SPLIT_WORDS
from bimae.errors import DataError

NAMES = (
    *("name", "id", "scan", "file", "filename", "file_name", "image", "image_id", "image_name"),
    *("sample", "sample_id"),
)
CLASSES = ("label", "class", "species", "variety", "category")
COLUMNS = ("path_hs", "path_rgb", "label", "group", "id", "split", "white", "dark")


@dataclass(frozen=True)
class Table:
    """Rows of a CSV file; column names in lower case, texts without blanks around them."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


def read_table(path: Path) -> Table:
    """Reads a table of files; column names in lower case.

    Raises:
        DataError: See `read_csv`.
    """
    header, lines = read_csv(path)
    columns = tuple(name.lower() for name in header)
    rows = tuple(dict(zip(columns, fields, strict=True)) for _, fields in lines)
    return Table(path, columns, rows)


def table_plan(path: Path, settings: ImportSettings) -> Plan | None:
    """The items of a table with the column path_hs; None where it has none.

    Paths are relative to the table's folder. A table with columns of boxes is of scenes.

    Raises:
        DataError: It cannot be read, has no rows, or a row names no file.
    """
    table = read_table(path)
    boxed = _has_boxes(table)
    if "path_hs" not in table.columns and not boxed:
        return None
    if not table.rows:
        raise DataError(f"{path}: a table without rows; a line per seed is expected")
    if settings.layout == "boxes" or (boxed and settings.layout == "auto"):
        return _boxes_plan(path, settings)
    items = []
    for number, row in enumerate(table.rows, start=2):
        where = f"{path}: line {number}"
        if not row.get("path_hs"):
            raise DataError(f"{where}: path_hs is empty; the spectral file is expected there")
        hs = _beside(path, row["path_hs"])
        name = row.get("id") or row["path_hs"].rpartition(".")[0] or row["path_hs"]
        items.append(
            Item(
                "zip" if hs.suffix.lower() == ".zip" else "seed",
                name,
                hs,
                rgb=_optional(path, row, "path_rgb"),
                label=row.get("label") or settings.label,
                group=settings.group_of(name, row.get("group") or None),
                split=_split(row.get("split", ""), where),
                white=_optional(path, row, "white"),
                dark=_optional(path, row, "dark"),
            )
        )
    unknown = [c for c in table.columns if c not in COLUMNS and c]
    notes = [f"columns not used: {', '.join(unknown)}"] if unknown else []
    return Plan("table", path.parent, items, notes=notes)


def _has_boxes(table: Table) -> bool:
    try:
        columns_of(table.columns)
    except ValueError as error:
        if "both mean" in str(error):
            raise DataError(f"{table.path}: {error}") from None
        return False
    return True


def _boxes_plan(path: Path, settings: ImportSettings) -> Plan:
    scenes: dict[Path, Path | None] = {}
    for row in read_boxes(path):
        scenes.setdefault(row.path_hs, row.path_rgb)
    items = [
        Item(
            "boxes",
            hs.stem,
            hs,
            rgb=rgb,
            label=settings.label,
            boxes=path,
            several=len(scenes) > 1,
        )
        for hs, rgb in scenes.items()
    ]
    return Plan("boxes", path.parent, items)


def columns_of_labels(table: Table) -> tuple[str, str] | None:
    """Its columns of names and of classes; None where it lacks one, or numbers single seeds."""
    name = next((c for c in NAMES if c in table.columns), None)
    label = next((c for c in CLASSES if c in table.columns), None)
    if name is None or label is None or "number" in table.columns:
        return None
    return name, label


def seed_labels(path: Path) -> dict[tuple[str, int], str]:
    """Classes of single seeds: (scan, number on the tray's picture) -> label.

    Empty for a table of whole items (`naming`).

    Raises:
        DataError: A column is missing, or a number is none.
    """
    table = read_table(path)
    if columns_of_labels(table) is not None:
        return {}
    missing = [c for c in ("scan", "number", "label") if c not in table.columns]
    if missing:
        raise DataError(
            f"{path}: found columns {', '.join(table.columns)}; a column of names "
            f"({', '.join(NAMES)}) and one of classes ({', '.join(CLASSES)}) are expected, or of "
            f"seeds on trays scan, number and label: {' and '.join(missing)} missing"
        )
    found: dict[tuple[str, int], str] = {}
    for line, row in enumerate(table.rows, start=2):
        try:
            number = int(row.get("number", ""))
        except ValueError:
            raise DataError(
                f"{path}: line {line}: number is {row.get('number')!r}, expected the seed's number "
                "on the tray's picture"
            ) from None
        scan = re.sub(r"\.(hdr|raw|bil|bip|bsq|img|dat)$", "", row["scan"], flags=re.IGNORECASE)
        label = row.get("label") or ""
        if found.setdefault((scan, number), label) != label:
            raise DataError(
                f"{path}: line {line}: seed {number} of {scan} is {label!r} here and "
                f"{found[scan, number]!r} above; one label per seed is expected"
            )
    return {seed: label for seed, label in found.items() if label}


def _beside(table: Path, name: str) -> Path:
    # Tables written under Windows name their files with backslashes.
    path = Path(name)
    if not path.is_absolute() and not (table.parent / path).exists():
        path = Path(name.replace("\\", "/"))
    return path if path.is_absolute() else table.parent / path


def _optional(table: Path, row: dict[str, str], column: str) -> Path | None:
    return _beside(table, row[column]) if row.get(column) else None


def _split(text: str, where: str) -> str | None:
    if not text:
        return None
    if (split := SPLIT_WORDS.get(text.lower())) is None:
        raise DataError(f"{where}: split is {text!r}, expected train, val or test")
    return split
