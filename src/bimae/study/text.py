"""The table of a study in Markdown."""

from collections.abc import Iterator

from bimae.study.config import ALL
from bimae.study.table import AHEAD, METRICS, Row, Table, best_network, labels

NOTHING = "-"


def markdown(table: Table, pictures: dict[str, str]) -> str:
    """The page `table.md`.

    Args:
        table: What came out.
        pictures: Captions of pictures, by file name.
    """
    lines = [f"# {table.study.name}", ""]
    if table.simulated:
        names = ", ".join(sorted(table.simulated))
        lines += [f"**SIMULATED DATA: {names}. No camera was involved; these figures say nothing "
                  "about real seeds.**", ""]  # fmt: skip
    lines += [
        "Mean ± standard deviation (n - 1) over folds and seeds; columns: training samples per "
        "class.",
        "",
    ]
    for data in table.study.data_sets():
        lines += _data_set(table, data)
    if table.failed:
        lines += ["## Failed", "", *(f"- {title}: {why}" for title, why in table.failed), ""]
    lines += [f"![{caption}]({name})\n" for name, caption in pictures.items()]
    return "\n".join(lines).rstrip() + "\n"


def _data_set(table: Table, data: str) -> Iterator[str]:
    rows = [row for row in table.rows if row.data == data]
    simulated = " (SIMULATED)" * (data in table.simulated)
    done, planned = sum(row.n for row in rows), sum(row.planned for row in rows)
    yield f"## {data}{simulated}"
    yield ""
    if done < planned:
        yield f"{done} of {planned} cells are done; (k of n) stands where some are missing."
        yield ""
    shots = [s for s in table.study.shots if any(row.shots == s for row in rows)]
    for metric, title in METRICS.items():
        heads = ["all" if s == ALL else s for s in shots]
        yield f"**{title}**{simulated}"
        yield ""
        yield "| " + " | ".join(["method", "sensor", *heads, "n"]) + " |"
        yield "|---" * (len(heads) + 3) + "|"
        for method, sensor in table.lines(data):
            found = [table.find(data, method, sensor, s) for s in shots]
            counts = sorted({row.planned for row in found if row})
            told = "-".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
            values = [_value(row, metric) for row in found]
            yield "| " + " | ".join([_cell(method), _cell(sensor), *values, told]) + " |"
        yield ""
    yield from _ahead(table, rows)
    yield from _grid(table, data, simulated)


def _grid(table: Table, data: str, simulated: str) -> Iterator[str]:
    """The grid of methods and sensors, as the heat map shows it."""
    grid = table.study.grid
    if grid is None:
        return
    for metric, title in METRICS.items():
        yield f"**Any-sensor grid, {title}, {labels(grid.shots)}**{simulated}"
        yield ""
        yield "| trained with \\ sensor | " + " | ".join(map(_cell, grid.columns)) + " |"
        yield "|---" * (len(grid.columns) + 1) + "|"
        for method in grid.rows:
            found = [table.find(data, method, sensor, grid.shots) for sensor in grid.columns]
            yield f"| {_cell(method)} | " + " | ".join(_value(row, metric) for row in found) + " |"
        yield ""


def _ahead(table: Table, rows: list[Row]) -> Iterator[str]:
    """Where a baseline is ahead of every network, in words."""
    told = []
    for metric, title in METRICS.items():
        for row in rows:
            best = best_network(table, row, metric) if getattr(row, f"{metric}_ahead") else None
            if best is not None:
                told.append(
                    f"- {title}, {labels(row.shots)}: {row.method} {getattr(row, metric):.3f}; "
                    f"best network: {best.method}, {best.sensor} {getattr(best, metric):.3f}"
                )
    if told:
        yield f"{AHEAD} A baseline ahead of every network with as many labels:"
        yield ""
        yield from told
        yield ""


def _value(row: Row | None, metric: str) -> str:
    if row is None or getattr(row, metric) is None:
        return NOTHING
    spread = getattr(row, f"{metric}_std")
    told = f"{getattr(row, metric):.3f}" + (f" ± {spread:.3f}" if spread is not None else "")
    if row.n < row.planned:
        told += f" ({row.n} of {row.planned})"
    return f"**{told}** {AHEAD}" if getattr(row, f"{metric}_ahead") else told


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
