"""What came out, as rows: mean and spread over seeds and folds, and who is ahead of whom."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean, stdev
from typing import Any

from bimae.study.config import ALL, Study
from bimae.study.plan import Wanted

METRICS = {"macro_f1": "Macro-F1", "accuracy": "Accuracy"}
AHEAD = "†"
OWN = "its own"  # what a baseline reads, in the column of the sensors
Results = Mapping[Wanted, Mapping[str, Any]]
"""What came out at each place of the table whose cell is done."""


@dataclass(frozen=True)
class Row:
    """One method on one data set with one sensor and one number of labels.

    Attributes:
        data: Data set.
        method: Name.
        kind: finetune, baseline or probe.
        sensor: Name; `its own` for a baseline.
        shots: Training samples per class, or `all`.
        n: Cells that are done, over folds and seeds.
        planned: Cells that there will be.
        accuracy: Mean over the cells; None where none is done.
        accuracy_std: Standard deviation (n - 1); None below two cells.
        macro_f1: Likewise.
        macro_f1_std: Likewise.
        accuracy_ahead: Whether this is a baseline whose mean is above every network's on these
            data with as many labels.
        macro_f1_ahead: Likewise.
        simulated: Whether any of the data is simulated.
    """

    data: str
    method: str
    kind: str
    sensor: str
    shots: str
    n: int
    planned: int
    accuracy: float | None
    accuracy_std: float | None
    macro_f1: float | None
    macro_f1_std: float | None
    accuracy_ahead: bool = False
    macro_f1_ahead: bool = False
    simulated: bool = False


@dataclass(frozen=True)
class Table:
    """All rows of a study.

    Attributes:
        study: What was declared.
        rows: By data set, method, sensor and number of labels, in the order of the declaration.
        simulated: Data sets that are simulated, wholly or in part.
        failed: What failed: title and the reason.
    """

    study: Study
    rows: tuple[Row, ...]
    simulated: frozenset[str]
    failed: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls,
        study: Study,
        wanted: Sequence[Wanted],
        results: Results,
        simulated: Iterable[str] = (),
        failed: Iterable[tuple[str, str]] = (),
    ) -> "Table":
        """Sums up what is done.

        Args:
            study: What was declared.
            wanted: Every place of the table.
            results: Of the places whose cells are done.
            simulated: Names of the simulated data sets.
            failed: Titles of failed cells and why they failed.
        """
        kinds = {method.name: method.kind for method in study.methods}
        named = frozenset(simulated)
        rows = []
        for row, places in _groups(study, wanted).items():
            data, method, sensor, shots = row
            found = [results[place] for place in places if place in results]
            accuracy = _mean_and_spread([cell["accuracy"] for cell in found])
            macro_f1 = _mean_and_spread([cell["macro_f1"] for cell in found])
            rows.append(
                Row(
                    data, method, kinds[method], sensor or OWN, shots, len(found), len(places),
                    *accuracy, *macro_f1,
                    simulated=data in named,
                )
            )  # fmt: skip
        return cls(study, tuple(_marked(row, rows) for row in rows), named, tuple(failed))

    def find(self, data: str, method: str, sensor: str, shots: str) -> Row | None:
        """The row of a place, or None."""
        place = (data, method, sensor, shots)
        return next((r for r in self.rows if (r.data, r.method, r.sensor, r.shots) == place), None)

    def lines(self, data: str) -> list[tuple[str, str]]:
        """Methods and sensors of a data set, in order: the lines of its tables and figures."""
        return list(dict.fromkeys((r.method, r.sensor) for r in self.rows if r.data == data))

    def as_csv(self) -> str:
        """One line a row."""
        text = io.StringIO()
        names = [field.name for field in fields(Row)]
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in self.rows)
        return text.getvalue()

    def as_json(self, wanted: Sequence[Wanted], results: Results) -> str:
        """The rows, and every cell that they are made of."""
        cells = [
            {
                "data": place.fold.data,
                "fold": place.fold.name,
                "method": place.method,
                "sensor": place.sensor or OWN,
                "shots": place.shots,
                "seed": place.seed,
                "key": place.key,
            }
            | {name: results.get(place, {}).get(name) for name in ("accuracy", "macro_f1")}
            for place in wanted
        ]
        told = {
            "study": self.study.name,
            "simulated": sorted(self.simulated),
            "spread": "standard deviation over folds and seeds (n - 1)",
            "rows": [asdict(row) for row in self.rows],
            "cells": cells,
            "failed": [{"cell": title, "why": why} for title, why in self.failed],
        }
        return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _groups(
    study: Study, wanted: Sequence[Wanted]
) -> dict[tuple[str, str, str, str], list[Wanted]]:
    """The places of each row, rows in the order of the declaration."""
    orders = (
        study.data_sets(),
        [method.name for method in study.methods],
        ["", *(sensor.name for sensor in study.sensors)],
        study.shots,
    )
    groups: dict[tuple[str, str, str, str], list[Wanted]] = {}
    for place in wanted:
        row = (place.fold.data, place.method, place.sensor, place.shots)
        groups.setdefault(row, []).append(place)
    ranks = [{name: i for i, name in enumerate(order)} for order in orders]
    ordered = sorted(
        groups, key=lambda row: [rank[name] for rank, name in zip(ranks, row, strict=True)]
    )
    return {row: groups[row] for row in ordered}


def _mean_and_spread(values: Sequence[float]) -> tuple[float | None, float | None]:
    return (fmean(values) if values else None, stdev(values) if len(values) > 1 else None)


def _marked(row: Row, rows: Sequence[Row]) -> Row:
    """The row, marked where it is a baseline ahead of every network."""
    rivals = [
        r for r in rows if r.kind != "baseline" and (r.data, r.shots) == (row.data, row.shots)
    ]
    marks = {}
    for metric in METRICS:
        own, theirs = getattr(row, metric), [getattr(r, metric) for r in rivals]
        known = [value for value in theirs if value is not None]
        ahead = row.kind == "baseline" and own is not None and bool(known) and own > max(known)
        marks[f"{metric}_ahead"] = ahead
    return Row(**(asdict(row) | marks))


def best_network(table: Table, row: Row, metric: str) -> Row | None:
    """The best network on the data of a row, with as many labels."""
    rivals = [
        r
        for r in table.rows
        if r.kind != "baseline"
        and (r.data, r.shots) == (row.data, row.shots)
        and getattr(r, metric) is not None
    ]
    return max(rivals, key=lambda r: float(getattr(r, metric)), default=None)


def labels(shots: str) -> str:
    """A number of labels, for people."""
    return "all labels" if shots == ALL else f"{shots} per class"
