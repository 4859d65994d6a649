"""Answers for any number of samples, a batch at a time, into a file. No torch.

Who answers is one of two: a classifier in PyTorch (`network`), or an exported file in a runtime of
its own (the room `export`).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bimae.data import SeedDataset
from bimae.data.csv_table import read_csv
from bimae.predict.blank import blank, without_blank
from bimae.predict.calibrated import Judged
from bimae.predict.part import Part
from bimae.predict.rows import Columns, Known, rows
from bimae.predict.writers import Format, encoded

Modality = Literal["bimodal", "hs", "rgb"]
SEEDS = "seeds.csv"  # what an import of trays leaves beside the records


@dataclass(frozen=True)
class Told:
    """What is said of a batch.

    Attributes:
        index: [N] which samples of the data set these are.
        odds: [N, K] probabilities, calibrated where `judged` is there.
        judged: What is known where answers are calibrated.
    """

    index: NDArray[np.int64]
    odds: NDArray[np.float32] | NDArray[np.float64]
    judged: Judged | None = None


Watch = Callable[[Iterable[Told]], Iterable[Told]]


class Answerer(Protocol):
    """Who can be asked about samples."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What the columns of `odds` stand for."""

    @property
    def modality(self) -> Modality:
        """What is looked at."""

    @property
    def simulated(self) -> bool:
        """Whether it learned from simulated images."""

    @property
    def alpha(self) -> float | None:
        """Share of new samples whose set may miss the truth; None: answers are not calibrated."""

    def identity(self) -> dict[str, str]:
        """All that decides what is answered: `model`, `sensor`, `calibration`, `device`."""

    def tell(self, samples: SeedDataset, indices: Sequence[int], batch_size: int) -> Iterator[Told]:
        """Answers, in order.

        Raises:
            DataError: A record cannot be read.
            ModelError: What is said is not finite.
        """


@dataclass(frozen=True)
class Table:
    """What the answers are written as.

    Attributes:
        columns: Of the table.
        form: Of the file.
        seeds: Number and flags of seeds of trays, by their ids (`seeds_on_trays`).
    """

    columns: Columns
    form: Format
    seeds: Mapping[str, tuple[int, str]]


@dataclass(frozen=True)
class Question:
    """What is asked, and of whom.

    Attributes:
        answerer: Who is asked.
        samples: The data.
        chosen: Which of them, in this order.
        batch_size: Samples at a time.
    """

    answerer: Answerer
    samples: SeedDataset
    chosen: Sequence[int]
    batch_size: int = 64

    def table(self, form: Format) -> Table:
        """A table of all that is known of these samples."""
        samples, chosen = self.samples, self.chosen
        seeds = seeds_on_trays(samples.root)
        columns = Columns(
            self.answerer.classes,
            group=any(samples.groups[i] is not None for i in chosen),
            tray=any(samples.ids[i] in seeds for i in chosen),
            label=any(samples.labels[i] is not None for i in chosen),
            judged=self.answerer.alpha is not None,
            simulated=" and ".join(
                name
                for name, is_so in (
                    ("data", samples.info.simulated),
                    ("model", self.answerer.simulated),
                )
                if is_so
            ),
        )
        return Table(columns, form, seeds)

    def key(self, table: Table) -> dict[str, str]:
        """All that decides what is written, by names for people.

        Batches are part of it: of another size they are rounded otherwise.
        """
        chosen = np.asarray(self.chosen, dtype="<i8").tobytes()
        who = self.answerer.identity()
        return {
            "model": who["model"],
            "data": self.samples.fingerprint,
            "trays": digest(repr(table.seeds).encode()) if table.columns.tray else "none",
            "samples": f"{len(self.chosen)} {digest(chosen)}",
            "sensor": who["sensor"],
            "calibration": who["calibration"],
            "format": table.form,
            "columns": digest("\0".join(table.columns.kinds()).encode()),
            "batch size": str(self.batch_size),
            "device": who["device"],
        }


def answer(question: Question, table: Table, part: Part, watch: Watch = iter) -> tuple[int, str]:
    """Writes a row for each sample that has none yet.

    Args:
        question: What is asked.
        table: What is written.
        part: The file; begun.
        watch: What batches pass through on their way, such as a progress bar.

    Returns:
        How many of these show nothing (`blank`), and the id of the first.

    Raises:
        DataError: A record cannot be read.
        ModelError: The model says something that is not finite.
    """
    nothing, first = 0, ""
    left = question.chosen[part.tally.samples :]
    if not len(left):
        return nothing, first
    columns = table.columns
    names = tuple(columns.kinds())
    said = question.answerer.tell(question.samples, left, question.batch_size)
    for told in watch(said):
        index = told.index.tolist()
        known = [_known(question.samples, i, table.seeds) for i in index]
        empty = blank(question.samples, index, question.answerer.modality)
        nothing += int(empty.sum())
        if empty.any():
            first = first or known[int(empty.argmax())].id
        judged = None if told.judged is None else without_blank(told.judged, empty)
        part.add(
            encoded(table.form, names, rows(columns, known, told.odds, judged)),
            part.tally.plus(columns, told.odds, judged),
        )
    return nothing, first


def seeds_on_trays(folder: Path) -> dict[str, tuple[int, str]]:
    """Number and flags of the seeds that an import cut out of trays, by their ids.

    Args:
        folder: Of the records; empty where it holds no `seeds.csv`, or another table of this name.
    """
    if not (folder / SEEDS).is_file():
        return {}
    header, lines = read_csv(folder / SEEDS)
    if not {"scan", "number", "flags", "kept"} <= set(header):
        return {}
    told = [dict(zip(header, fields, strict=True)) for _, fields in lines]
    return {
        f"{row['scan']}/{int(row['number']):03d}": (int(row["number"]), row["flags"] or "whole")
        for row in told
        if row["number"].isdecimal()
    }


def digest(*parts: bytes) -> str:
    """16 hexadecimal digits that stand for these bytes."""
    made = hashlib.sha256()
    for one in parts:
        made.update(len(one).to_bytes(8, "little") + one)
    return made.hexdigest()[:16]


def _known(samples: SeedDataset, i: int, seeds: Mapping[str, tuple[int, str]]) -> Known:
    number, flags = seeds.get(samples.ids[i], (None, None))
    return Known(samples.keys[i], samples.groups[i], number, flags, samples.labels[i])
