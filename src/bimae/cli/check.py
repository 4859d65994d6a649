"""`bimae data check`: reads a data set once and says what is wrong with it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bimae.cli.parse import parse
from bimae.errors import count

if TYPE_CHECKING:
    from bimae.data.check import CheckReport

ABOUT = (
    "Reads every record of a data set once and says what is wrong with its files, images, labels, "
    "groups, splits and dataset.json: one line each, what matters most first. Exit code 0: "
    "nothing, or warnings and notes only; 1: warnings, with --strict; 2: errors."
)
EXAMPLE = "bimae data check data/simulated --strict"
CLASSES = 8  # that are named in the printed figures; --json has them all


@dataclass(frozen=True)
class CheckOptions:
    """Options of checking."""

    data: Path
    """TFRecords: a file, a glob, or a folder."""
    strict: bool = False
    """Exit with 1 if there are warnings."""
    json: bool = False
    """Print JSON only: format, counts, figures and findings (docs of bimae.data.check)."""
    workers: int = 0
    """Processes that read; 0: as many as there are processors."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        negative = f"workers is {self.workers}; it must be at least 0"
        return [negative] if self.workers < 0 else []


def main(argv: list[str], prog: str) -> int:
    """Runs the verb; its exit code says what was found."""
    options = parse(
        CheckOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("data",)
    )
    return run(options)


def run(options: CheckOptions) -> int:
    """Checks, and says what was found."""
    from bimae.cli.progress import progress
    from bimae.data.check import check_dataset

    own = getattr(os, "sched_getaffinity", None)  # not on every system
    workers = options.workers or (len(own(0)) if own else os.cpu_count()) or 1
    with progress("checking", "record") as counted:
        report = check_dataset(options.data, workers=workers, passing=counted)
    if options.json:
        print(json.dumps(report.as_json(), indent=1, ensure_ascii=False))
    else:
        _tell(report)
    if report.worst == "error":
        return 2
    return 1 if options.strict and report.worst == "warning" else 0


def _tell(report: "CheckReport") -> None:
    for line in _figures(report.figures):
        print(line)
    for finding in report.findings:
        print(finding.line)
    if not report.findings:
        print("OK")
        return
    counts = [f"{count(n, 'kind')} of {name}" for name, n in report.counts.items() if n]
    print(f"{'' if report.worst in ('error', 'warning') else 'OK, '}{', '.join(counts)}")


def _figures(told: dict[str, Any]) -> list[str]:
    from bimae.data.check.findings import some

    simulated = " (simulated)" if told["simulated"] else ""
    broken = told["records"] - told["samples"]
    lost = f"; {count(broken, 'record')} could not be read" if broken else ""
    lines = [
        f"{told['path']}: {count(told['samples'], 'sample')}{simulated} in "
        f"{count(told['shards'], 'file')}, {told['bytes'] / 1e6:.1f} MB{lost}"
    ]
    if told["samples"]:
        nm = told["wavelengths_nm"]
        nm_told = f" from {nm[0]:g} to {nm[1]:g} nm" if nm else ""
        values = told["hs_range"]
        values_told = f", values {values[0]:g} to {values[1]:g}" if values else ""
        lines.append(
            f"spectra  {_bands(told['bands'])}{nm_told}, {_all(told['hs_sizes'])} pixels, "
            f"{_all(told['hs_types'])}{values_told}"
        )
        lines.append(f"RGB      {_all(told['rgb_sizes'])} pixels")
        classes = told["classes"]
        if classes:
            named = some((f"{label} {n}" for label, n in classes.items()), CLASSES)
            lines.append(f"classes  {len(classes)}: {named}")
        if told["groups"]:
            lines.append(f"groups   {told['groups']}")
        if told["parts"]:
            parts = ", ".join(f"{n} {name}" for name, n in told["parts"].items())
            lines.append(f"parts    {parts} (from {told['parts_from']})")
    return lines


def _bands(counts: dict[str, int]) -> str:
    """`1 band`, `60 bands`, `60 (90), 12 (10) bands`."""
    return "1 band" if list(counts) == ["1"] else f"{_all(counts)} bands"


def _all(counts: dict[str, int]) -> str:
    """`24x24`, or `24x24 (90), 30x26 (10)`."""
    if len(counts) == 1:
        return next(iter(counts))
    most_first = sorted(counts.items(), key=lambda item: -item[1])
    named = ", ".join(f"{name} ({often})" for name, often in most_first[:3])
    return named + ", ..." * (len(counts) > 3)
