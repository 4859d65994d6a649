"""The cells of a study: what is run, in which order, and under which key.

A key stands for everything that a result depends on and for nothing else: not for the method's
name or its place in the file. So a cell that two methods share is run once, and a change
elsewhere in the file runs nothing again.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from bimae.study.commands import BASELINES
from bimae.study.config import ALL, Fold, Method, Options, Sensor, Study
from bimae.study.records import Records

FORMAT = 1  # of keys; a new number runs everything again


@dataclass(frozen=True)
class Cell:
    """One run of a verb.

    Attributes:
        key: 16 hexadecimal digits; the name of its folder.
        verb: Of `bimae`.
        title: For people.
        data: Records.
        options: Of the verb.
        shots: Training samples per class, or `all`.
        seed: None where the verb has none.
        sensor: None where the verb chooses.
        weights: Key of the cell whose model it starts from, or None.
        model: Whether other cells need its model, which is then kept.
        keep: Keep all that it leaves.
        rows: Names of the figures that are wanted of it, where it leaves those of several; they
            are not in the key.
    """

    key: str
    verb: str
    title: str
    data: Path
    options: Options = ()
    shots: str = ALL
    seed: int | None = None
    sensor: Sensor | None = None
    weights: str | None = None
    model: bool = False
    keep: bool = False
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """A place in the table, and the key of the cell that fills it.

    `sensor` is empty for a baseline; `row` says which of a cell's rows is meant, if it has some.
    """

    method: str
    fold: Fold
    shots: str
    seed: int
    sensor: str
    key: str
    row: str = ""


@dataclass(frozen=True)
class Plan:
    """Cells in the order in which they are run (what is needed first), and what they are for."""

    cells: tuple[Cell, ...]
    wanted: tuple[Wanted, ...]

    def only(self, methods: tuple[str, ...]) -> "Plan":
        """The part of it that these methods need; all of it where none is named."""
        if not methods:
            return self
        wanted = tuple(place for place in self.wanted if place.method in methods)
        by_key = {cell.key: cell for cell in self.cells}
        needed: set[str] = set()
        for place in wanted:
            key: str | None = place.key
            while key is not None:
                needed.add(key)
                key = by_key[key].weights
        return Plan(tuple(cell for cell in self.cells if cell.key in needed), wanted)


def plan(study: Study, records: Records) -> Plan:
    """All cells of a study.

    Seeds go outermost, so that a study that is stopped has compared all methods, on fewer seeds.

    Args:
        study: Checked.
        records: Its data.
    """
    maker = _Maker(study, records)
    seeds = sorted({seed for method in study.methods for seed in method.seeds})
    for seed in seeds:
        for fold in study.folds:
            for shots in reversed(study.shots):
                for method in study.methods:
                    if seed in method.seeds and shots in method.shots:
                        maker.add(method, fold, shots, seed)
    return Plan(tuple(maker.cells.values()), tuple(maker.wanted))


class _Maker:
    def __init__(self, study: Study, records: Records) -> None:
        self.study = study
        self.records = records
        self.cells: dict[str, Cell] = {}
        self.wanted: list[Wanted] = []

    def add(self, method: Method, fold: Fold, shots: str, seed: int) -> None:
        """The cells of one method, for each of its sensors."""
        labels = "all labels" if shots == ALL else f"{shots} shot{'s' * (shots != '1')}"
        entry = method.name.removesuffix(f": {method.row}")
        title = f"{entry}, {fold}, {labels}, seed {seed}"
        verb = BASELINES if method.kind == "baseline" else method.kind
        run = Cell(
            "", verb, title, fold.path, method.options, shots, seed, keep=method.keep,
            weights=self._pretrained(method.source, fold, seed),
            rows=(method.row,) if method.row else (),
        )  # fmt: skip
        place = Wanted(method.name, fold, shots, seed, "", "", method.row)
        if method.kind == "baseline":
            self._want(run, place)
            return
        tested = None
        if method.any_sensor:
            tested = self._put(replace(run, title=f"{title}: training", model=True))
        for sensor in method.sensors:
            cell = replace(run, sensor=sensor)
            if tested is not None:
                cell = Cell("", "evaluate", "", fold.path, sensor=sensor, weights=tested)
            cell = replace(cell, title=f"{title}, {sensor.name}", keep=method.keep)
            self._want(cell, replace(place, sensor=sensor.name))

    def _want(self, cell: Cell, place: Wanted) -> None:
        self.wanted.append(replace(place, key=self._put(cell, place.seed)))

    def _pretrained(self, name: str | None, fold: Fold, seed: int) -> str | None:
        """Key of the pretraining that a method, or another pretraining, starts from."""
        source = self.study.pretraining(name)
        if source is None:
            return None
        own = seed if source.seed is None else source.seed
        cell = Cell(
            "", source.verb, f"pretraining {source.name}, {fold}, seed {own}", source.path(fold),
            source.options, seed=own, weights=self._pretrained(source.teacher, fold, seed),
            model=True,
        )  # fmt: skip
        return self._put(cell)

    def _put(self, cell: Cell, seed: int | None = None) -> str:
        """Adds a cell unless it is there; returns its key."""
        split_by = cell.seed if cell.seed is not None else seed
        assert split_by is not None
        told = {
            "format": FORMAT,
            "verb": cell.verb,
            "data": self.records.state(cell.data, split_by),
            "options": cell.options,
            "shots": cell.shots,
            "seed": cell.seed,
            "sensor": cell.sensor and cell.sensor.words,
            "weights": cell.weights,
        }
        text = json.dumps(told, sort_keys=True, ensure_ascii=False)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        known = self.cells.get(key, cell)
        rows = tuple(dict.fromkeys((*known.rows, *cell.rows)))
        self.cells[key] = replace(known, key=key, keep=cell.keep or known.keep, rows=rows)
        return key
