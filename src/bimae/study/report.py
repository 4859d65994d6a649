"""What a study leaves for people and programs: table, figures, CSV and JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bimae.storage import write_text
from bimae.study.cells import CellFolder
from bimae.study.config import Study
from bimae.study.plan import Plan, Wanted
from bimae.study.records import Records
from bimae.study.table import Table
from bimae.study.text import markdown

TABLE, CSV, JSON = "table.md", "results.csv", "results.json"


def collect(root: Path, plan: Plan) -> dict[Wanted, Mapping[str, Any]]:
    """What came out at each place whose cell is done.

    Raises:
        DataError: A result is damaged.
    """
    by_key = {cell.key: CellFolder(root, cell).result() for cell in plan.cells}
    found: dict[Wanted, Mapping[str, Any]] = {}
    for place in plan.wanted:
        result = by_key[place.key]
        if result is not None:
            found[place] = result["rows"][place.row] if place.row else result
    return found


def write_report(root: Path, study: Study, plan: Plan, records: Records) -> Table:
    """Writes the table and the figures of what is done, over those of an earlier call.

    Args:
        root: The study's folder.
        study: What was declared.
        plan: All of its cells.
        records: Its data.
    """
    results = collect(root, plan)
    simulated = {
        fold.data
        for fold in study.folds
        if records.simulated(fold.path)
        or any(records.simulated(p.path(fold)) for p in study.pretrain)
    }
    failed = []
    for cell in plan.cells:
        if error := CellFolder(root, cell).error():
            lines = error.splitlines()
            failed.append((cell.title, ": ".join(dict.fromkeys((lines[0], lines[-1])))))
    table = Table.of(study, plan.wanted, results, simulated, failed)
    write_text(root / CSV, table.as_csv())
    write_text(root / JSON, table.as_json(plan.wanted, results))
    write_text(root / TABLE, markdown(table, _draw(root, table, results)))
    return table


def _draw(root: Path, table: Table, results: Mapping[Wanted, Mapping[str, Any]]) -> dict[str, str]:
    """Draws what there is to be drawn; returns captions by file name."""
    from bimae.report.figures import save  # noqa: PLC0415 - imports torch
    from bimae.study.figures import against_labels, confusions, sensor_grid  # noqa: PLC0415

    captions = {}
    for data in table.study.data_sets():
        grid = table.study.grid
        pictures = {
            "labels": (against_labels(table, data), "score against labels"),
            "grid": (sensor_grid(table, data, grid) if grid else None, "any-sensor grid"),
            "confusion": (confusions(table, data, results), "confusion"),
        }
        for name, (figure, caption) in pictures.items():
            file = f"{name}-{_plain(data)}.png"
            if figure is None:
                (root / file).unlink(missing_ok=True)  # of an earlier call
                continue
            save(figure, root / file)
            simulated = "SIMULATED, " * (data in table.simulated)
            captions[file] = f"{simulated}{data}: {caption}"
    return captions


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
