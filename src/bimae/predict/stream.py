"""Answers of a classifier for any number of samples, a batch at a time, into a file."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bimae.data import SeedDataset
from bimae.data.csv_table import read_csv
from bimae.evaluate.answers import Answers, answers
from bimae.evaluate.looks import Looks
from bimae.model import SeedClassifier
from bimae.predict.calibrated import Calibrated, Shown
from bimae.predict.part import Part
from bimae.predict.rows import Columns, Known, rows
from bimae.predict.temperature import probabilities
from bimae.predict.writers import Format, encoded

Watch = Callable[[Iterable[Answers]], Iterable[Answers]]
MODEL_FILES = ("config.json", "model.safetensors")
SEEDS = "seeds.csv"  # what an import of trays leaves beside the records


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
        model: The classifier.
        samples: The data.
        chosen: Which of them, in this order.
        shown: The sensor.
        looks: What that means for this model and these data; reads no labels.
        calibrated: Of the model for this sensor; None: answers as the network gives them.
        batch_size: Samples at a time.
    """

    model: SeedClassifier
    samples: SeedDataset
    chosen: Sequence[int]
    shown: Shown
    looks: Looks
    calibrated: Calibrated | None = None
    batch_size: int = 64

    def table(self, form: Format) -> Table:
        """A table of all that is known of these samples."""
        samples, chosen = self.samples, self.chosen
        seeds = seeds_on_trays(samples.root)
        columns = Columns(
            self.model.config.classes,
            group=any(samples.groups[i] is not None for i in chosen),
            tray=any(samples.ids[i] in seeds for i in chosen),
            label=any(samples.labels[i] is not None for i in chosen),
            judged=self.calibrated is not None,
        )
        return Table(columns, form, seeds)

    def key(self, table: Table, folder: Path) -> dict[str, str]:
        """All that decides what is written, by names for people.

        Batches are part of it: of another size they are rounded otherwise.

        Args:
            table: What is written.
            folder: The model folder.
        """
        chosen = np.asarray(self.chosen, dtype="<i8").tobytes()
        return {
            "model": _digest(*(_of_file(folder / name) for name in MODEL_FILES)),
            "data": self.samples.fingerprint,
            "trays": _digest(repr(table.seeds).encode()) if table.columns.tray else "none",
            "samples": f"{len(self.chosen)} {_digest(chosen)}",
            "sensor": str(self.shown),
            "calibration": "none" if self.calibrated is None else digest(self.calibrated),
            "format": table.form,
            "columns": _digest("\0".join(table.columns.kinds()).encode()),
            "batch size": str(self.batch_size),
            "device": "cuda" if torch.cuda.is_available() else "cpu",
        }


def answer(question: Question, table: Table, part: Part, watch: Watch = iter) -> None:
    """Writes a row for each sample that has none yet.

    Args:
        question: What is asked.
        table: What is written.
        part: The file; begun.
        watch: What batches pass through on their way, such as a progress bar.

    Raises:
        DataError: A record cannot be read.
        ModelError: The model says something that is not finite.
    """
    left = question.chosen[part.tally.samples :]
    if not len(left):
        return
    columns = table.columns
    names = tuple(columns.kinds())
    calibrated = question.calibrated
    said = answers(
        question.model, question.samples, left, question.looks, batch_size=question.batch_size
    )
    for batch in watch(said):
        judged = None if calibrated is None else calibrated.judge(batch.logits, batch.features)
        odds = probabilities(batch.logits) if judged is None else judged.probabilities
        known = [_known(question.samples, i, table.seeds) for i in batch.index.tolist()]
        part.add(
            encoded(table.form, names, rows(columns, known, odds, judged)),
            part.tally.plus(columns, odds, judged),
        )


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


def digest(calibrated: Calibrated) -> str:
    """16 hexadecimal digits that stand for all that a calibration judges by."""
    made = calibrated
    facts = (made.shown, made.classes, made.temperature, made.conformal, made.score, made.reject)
    arrays = {} if made.distances is None else made.distances.arrays()
    return _digest(
        repr(facts).encode(),
        *(part for name in sorted(arrays) for part in (name.encode(), arrays[name].tobytes())),
    )


def _digest(*parts: bytes) -> str:
    made = hashlib.sha256()
    for one in parts:
        made.update(len(one).to_bytes(8, "little") + one)
    return made.hexdigest()[:16]


def _of_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _known(samples: SeedDataset, i: int, seeds: Mapping[str, tuple[int, str]]) -> Known:
    number, flags = seeds.get(samples.ids[i], (None, None))
    return Known(samples.keys[i], samples.groups[i], number, flags, samples.labels[i])
