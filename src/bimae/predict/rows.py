"""A classifier's answers as a table: one row for each sample, in order.

Shapes: N samples of a batch, K classes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bimae.predict.calibrated import Judged

DIGITS = 8  # significant ones; logits are float32 and tell no more
Value = str | int | float | None
Kind = Literal["text", "whole", "number"]


@dataclass(frozen=True)
class Known:
    """What a data set tells of a sample; None where it tells nothing.

    Attributes:
        id: A name that no other sample has.
        group: What it belongs to, such as a tray.
        number: Of the seed on its tray, as the tray's picture shows it.
        flags: What is odd about a seed of a tray, such as `touching cut`; `whole`: nothing.
        label: Its class.
    """

    id: str
    group: str | None = None
    number: int | None = None
    flags: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class Columns:
    """Which columns a table has.

    Attributes:
        classes: Of the model.
        group: Whether there is a column for the group.
        tray: Whether there are columns for the seed's number and flags.
        label: Whether there is a column for the label.
        judged: Whether answers are calibrated: sets, rejection and strangeness.
        simulated: What no camera was involved in, `data`, `model` or both; empty: neither.
    """

    classes: tuple[str, ...]
    group: bool = False
    tray: bool = False
    label: bool = False
    judged: bool = False
    simulated: str = ""

    def kinds(self) -> dict[str, Kind]:
        """Names of the columns, in order, and what they hold."""
        kinds: dict[str, Kind] = {"id": "text"}
        if self.group:
            kinds["group"] = "text"
        if self.tray:
            kinds |= {"number": "whole", "flags": "text"}
        if self.label:
            kinds["label"] = "text"
        kinds |= {"class": "text", "probability": "number"}
        if self.judged:
            kinds |= {"set": "text", "rejected": "text", "strangeness": "number"}
        kinds |= {f"p({name})": "number" for name in self.classes}
        return kinds | ({"simulated": "text"} if self.simulated else {})


@dataclass(frozen=True)
class Tally:
    """What all rows so far come to.

    Attributes:
        samples: How many there are.
        rejected: How many are taken to be of none of the classes.
        named: Classes in all sets together.
        classes: Samples by class, without those that are rejected.
    """

    samples: int = 0
    rejected: int = 0
    named: int = 0
    classes: Mapping[str, int] = field(default_factory=dict)

    def plus(self, columns: Columns, said: NDArray[Any], judged: Judged | None) -> "Tally":
        """With the samples of a batch, given their probabilities [N, K]."""
        taken = said.argmax(axis=1)
        rejected = named = 0
        if judged is not None:
            rejected, named = int(judged.rejected.sum()), int(judged.sets.sum())
            taken = taken[~judged.rejected]
        classes = Counter(self.classes)
        classes.update(columns.classes[number] for number in taken.tolist())
        return Tally(
            self.samples + len(said), self.rejected + rejected, self.named + named, dict(classes)
        )


def rows(
    columns: Columns, known: Sequence[Known], said: NDArray[Any], judged: Judged | None = None
) -> Iterator[list[Value]]:
    """The rows of a batch, values in the order of `Columns.kinds`.

    Args:
        columns: Of the table.
        known: [N] what the data tell.
        said: [N, K] probabilities.
        judged: What is known where the answers are calibrated.
    """
    assert (judged is not None) == columns.judged, "a table is calibrated as a whole"
    best = said.argmax(axis=1)
    for i, sample in enumerate(known):
        row: list[Value] = [sample.id]
        if columns.group:
            row.append(sample.group)
        if columns.tray:
            row += [sample.number, sample.flags]
        if columns.label:
            row.append(sample.label)
        row += [columns.classes[best[i]], rounded(said[i, best[i]])]
        if judged is not None:
            row += [
                joined(_by_probability(columns.classes, said[i], judged.sets[i])),
                "yes" if judged.rejected[i] else "no",
                rounded(judged.strangeness[i]),
            ]
        row += [rounded(value) for value in said[i]]
        yield [*row, columns.simulated] if columns.simulated else row


def rounded(value: float) -> float:
    """A number with as many digits as are worth writing down."""
    return float(f"{value:.{DIGITS}g}")


def joined(names: Sequence[str]) -> str:
    r"""Names as one text, separated by `|`; in a name, `|` becomes `\|` and `\` becomes `\\`."""
    return "|".join(name.replace("\\", "\\\\").replace("|", "\\|") for name in names)


def parted(text: str) -> tuple[str, ...]:
    """The names that `joined` put together; none for an empty text."""
    names = [""]
    letters = iter(text)
    for letter in letters:
        if letter == "|":
            names.append("")
        else:
            names[-1] += next(letters, "") if letter == "\\" else letter
    return tuple(names) if text else ()


def _by_probability(
    classes: Sequence[str], said: NDArray[Any], inside: NDArray[np.bool_]
) -> list[str]:
    """Names of the classes in a set, the likeliest first."""
    order = np.argsort(-said, kind="stable")
    return [classes[number] for number in order.tolist() if inside[number]]
