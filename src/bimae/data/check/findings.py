"""What is found: like findings folded into one, and these in the order of what matters."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
_PLACES = 100  # places that are kept of one kind of finding
_TEXT = 120  # characters of a name that somebody else chose
_FORMAT = 1


@dataclass(frozen=True)
class Finding:
    """Something found, once or many times.

    Attributes:
        severity: `error` (the data cannot be used, or would deceive), `warning` (probably a
            mistake) or `note` (worth knowing).
        code: What kind of thing it is, such as `duplicate-across-splits`.
        count: How often it was found.
        unit: What is counted, in the singular: record, sample, band, class, group, file.
        samples: How many samples it concerns.
        where: The first place: a file, `file: record n (id)`, or the data set.
        text: What was found there.
        remedy: What to do about it.
        places: The first places, at most 100.
    """

    severity: Severity
    code: str
    count: int
    unit: str
    samples: int
    where: str
    text: str
    remedy: str
    places: tuple[str, ...]

    @property
    def line(self) -> str:
        """The finding in one line."""
        more = self.count - 1
        plural = {"class": "classes"}.get(self.unit, f"{self.unit}s") if more > 1 else self.unit
        others = f" (and {more} more {plural})" if more else ""
        return f"{self.severity}: {self.where}: {self.text}{others}: {self.remedy}"


@dataclass(frozen=True)
class Problem:
    """One thing found, before it is folded with others of its code."""

    severity: Severity
    code: str
    where: str
    text: str
    remedy: str
    unit: str = "record"
    samples: int = 1


@dataclass
class _Folded:
    first: Problem
    count: int = 0
    samples: int = 0
    places: list[str] = field(default_factory=list)


class Findings:
    """Folds problems of one code as they come, so that a million of them are no burden."""

    def __init__(self) -> None:
        self._folded: dict[tuple[Severity, str], _Folded] = {}

    def add(self, problem: Problem) -> None:
        """Takes one problem in."""
        folded = self._folded.setdefault((problem.severity, problem.code), _Folded(problem))
        folded.count += 1
        folded.samples += problem.samples
        if len(folded.places) < _PLACES:
            folded.places.append(problem.where)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Takes problems in."""
        for problem in problems:
            self.add(problem)

    def sorted(self) -> tuple[Finding, ...]:
        """Errors first, then what concerns most samples."""
        found = [
            Finding(
                severity=severity,
                code=code,
                count=folded.count,
                unit=folded.first.unit,
                samples=folded.samples,
                where=folded.first.where,
                text=folded.first.text,
                remedy=folded.first.remedy,
                places=tuple(folded.places),
            )
            for (severity, code), folded in self._folded.items()
        ]
        return tuple(
            sorted(found, key=lambda f: (SEVERITIES.index(f.severity), -f.samples, f.code))
        )


@dataclass(frozen=True)
class CheckReport:
    """What `check_dataset` found.

    Attributes:
        findings: Errors first, then what concerns most samples.
        figures: What the data set holds, in plain JSON values; see `check_dataset`.
    """

    findings: tuple[Finding, ...]
    figures: dict[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        """How many kinds of error, warning and note there are."""
        return {name: sum(f.severity == name for f in self.findings) for name in SEVERITIES}

    @property
    def worst(self) -> Severity | None:
        """The worst severity found; None where nothing was found."""
        return self.findings[0].severity if self.findings else None

    def as_json(self) -> dict[str, Any]:
        """`format`, `counts`, `figures` and `findings`, all of plain JSON values."""
        return {
            "format": _FORMAT,
            "counts": self.counts,
            "figures": self.figures,
            "findings": [asdict(finding) for finding in self.findings],
        }


def plain(name: str) -> str:
    """A name out of the data as it can stand in a line: no control characters, not endless."""
    short = name if len(name) <= _TEXT else name[: _TEXT - 3] + "..."
    return short if short.isprintable() else ascii(short)[1:-1]


def some(names: Iterable[str], most: int = 5) -> str:
    """The first few names, and whether there are more."""
    listed = [plain(name) for name in names]
    return ", ".join(listed[:most]) + ", ..." * (len(listed) > most)
