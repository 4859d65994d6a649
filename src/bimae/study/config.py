"""What a study declares, as values. `read.py` makes them of a YAML file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["finetune", "baseline", "probe"]
ALL = "all"
Options = tuple[tuple[str, str], ...]
"""Options of a verb, name and text, sorted by name; names have underscores."""


@dataclass(frozen=True)
class Fold:
    """One set of records that a study learns from and tests on.

    Attributes:
        data: The data set that it belongs to.
        name: Of the fold; empty where the data set is not divided.
        path: Where the records are.
    """

    data: str
    name: str
    path: Path

    def __str__(self) -> str:
        """As in tables: `crowns, fold0`."""
        return f"{self.data}, {self.name}" if self.name else self.data


@dataclass(frozen=True)
class Sensor:
    """What a classifier looks at.

    Attributes:
        name: A column of tables.
        modality: `bimodal`, `hs` or `rgb`.
        bands: A `BandSelection`, as text.
    """

    name: str
    modality: str = "bimodal"
    bands: str = ALL

    @property
    def words(self) -> tuple[str, ...]:
        """Options of a verb; RGB has no bands to choose from."""
        bands = () if self.modality == "rgb" else (f"--bands={self.bands}",)
        return (f"--modality={self.modality}", *bands)


@dataclass(frozen=True)
class Pretraining:
    """A pretraining that methods start from.

    Attributes:
        name: What methods call it.
        options: Of `bimae pretrain`, or with a teacher of `bimae distill`.
        seed: Of every run; None: that of the method's cell.
        data: For each fold of the study (its data set, its name) other records to learn from;
            empty: the fold's own.
        teacher: Name of the pretraining that it learns from; None: it learns by itself.
    """

    name: str
    options: Options
    seed: int | None = None
    data: tuple[tuple[tuple[str, str], Path], ...] = ()
    teacher: str | None = None

    @property
    def verb(self) -> str:
        """Of `bimae`."""
        return "distill" if self.teacher else "pretrain"

    def path(self, fold: Fold) -> Path:
        """The records that are learned from for a fold."""
        return dict(self.data).get((fold.data, fold.name), fold.path)


@dataclass(frozen=True)
class Method:
    """One row of the table.

    Attributes:
        name: What it is called.
        kind: What is run.
        source: Name of the pretraining that it starts from; None: none.
        options: Of `bimae finetune`, `baselines` or `probe`.
        sensors: Columns that it is run for; empty for a baseline, which reads its own.
        shots: Training samples per class, or `all`.
        seeds: Of the draw of these samples, the weights and the order.
        keep: Keep the model and the checkpoints of its cells.
        row: Which of the rows is meant that its cells leave: linear, knn or lda of a probe, the
            name of a baseline; empty for a fine-tuning.
    """

    name: str
    kind: Kind
    source: str | None
    options: Options
    sensors: tuple[Sensor, ...]
    shots: tuple[str, ...]
    seeds: tuple[int, ...]
    keep: bool = False
    row: str = ""

    @property
    def any_sensor(self) -> bool:
        """Whether one training serves every sensor."""
        asked = dict(self.options).get("any_sensor", "false").lower()
        return self.kind == "finetune" and asked not in ("false", "no", "off", "none", "null")


@dataclass(frozen=True)
class Grid:
    """The grid of methods and sensors: names of rows and columns, and the number of labels."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    shots: str


@dataclass(frozen=True)
class Study:
    """A matrix of experiments.

    Attributes:
        name: Of the study.
        source: The YAML file.
        folds: Data to learn from and test on.
        pretrain: Pretrainings by name.
        methods: Rows of the table.
        sensors: Columns.
        shots: Labels per class, in the order of the figures' axis.
        grid: What the heat map shows, or None.
        minutes: No cell starts later than this, in minutes from the start; None: no limit.
        cell_minutes: A cell that runs longer is stopped and has failed; None: no limit.
    """

    name: str
    source: Path
    folds: tuple[Fold, ...]
    pretrain: tuple[Pretraining, ...]
    methods: tuple[Method, ...]
    sensors: tuple[Sensor, ...]
    shots: tuple[str, ...]
    grid: Grid | None = None
    minutes: float | None = None
    cell_minutes: float | None = None

    def pretraining(self, name: str | None) -> Pretraining | None:
        """The pretraining of that name: what a method starts from, or learns from."""
        return next((p for p in self.pretrain if p.name == name), None)

    def data_sets(self) -> tuple[str, ...]:
        """Names of the data sets, in their order."""
        return tuple(dict.fromkeys(fold.data for fold in self.folds))
