"""`bimae study`: a declared matrix of experiments, cell by cell, to one table and figures."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bimae.cli.parse import parse
from bimae.errors import ConfigError

if TYPE_CHECKING:
    from bimae.study.config import Study
    from bimae.study.plan import Plan
    from bimae.study.schedule import Outcome, Start

ABOUT = (
    "Runs the matrix of experiments that a YAML file declares (methods x folds x shots x seeds x "
    "sensors; docs/studies.md) and leaves table.md, results.csv, results.json and figures. The "
    "file is checked completely before anything runs. What is done is never run again: the same "
    "command goes on after a stop, and runs what is new after a change. Exit code 1: cells failed "
    "or are left."
)
EXAMPLE = "bimae study studies/simulated-small.yaml --jobs 2"
KEPT = "study.yaml"
# Where the options of a verb are declared.
OPTIONS = {
    "pretrain": "PretrainOptions",
    "distill": "DistillOptions",
    "finetune": "FinetuneOptions",
    "evaluate": "EvaluateOptions",
    "baselines": "BaselinesOptions",
    "probe": "ProbeOptions",
}


@dataclass(frozen=True)
class StudyOptions:
    """Options of a study."""

    study: Path
    """YAML file that declares it."""
    out: Path | None = None
    """Folder of its cells, table and figures; default: runs/<name of the study>."""
    dry_run: bool = False
    """Check the file and list the cells with what is done; run nothing."""
    jobs: int = 1
    """Cells at a time; the cores are shared out among them."""
    only: tuple[str, ...] = ()
    """Methods to run (with what they start from); default: all."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        return [] if self.jobs > 0 else [f"jobs is {self.jobs}; it must be at least 1"]


def main(argv: list[str], prog: str) -> int:
    """Runs the verb."""
    options = parse(
        StudyOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("study",)
    )
    return run(options)


def run(options: StudyOptions, start: "Start | None" = None) -> int:
    """Checks, runs, and writes what came out; returns the exit code.

    Args:
        options: Of the study.
        start: Starts a cell's command; default: a process of its own.
    """
    from bimae.study.cells import CellFolder, alone
    from bimae.study.check import check
    from bimae.study.plan import plan
    from bimae.study.read import read_study
    from bimae.study.records import Records
    from bimae.study.report import write_report
    from bimae.study.schedule import Schedule

    study, problems = read_study(options.study)
    records = Records()
    problems += check(study, records, judge)
    problems = [f"{options.study}: {problem}" for problem in problems]
    only, unknown = _only(options, study)
    root = options.out or Path("runs") / study.name
    problems += unknown + _out_problems(root)
    if problems:
        raise ConfigError.of(problems)

    whole = plan(study, records)
    chosen = whole.only(only)
    states = {cell.key: CellFolder(root, cell).state for cell in chosen.cells}
    simulated = sorted({str(fold) for fold in study.folds if records.simulated(fold.path)})
    if simulated:
        print(f"SIMULATED DATA: {', '.join(simulated)}")
    if options.dry_run:
        _list(root, chosen, states)
        return 0
    schedule = Schedule(
        root,
        jobs=options.jobs,
        minutes=study.minutes,
        cell_minutes=study.cell_minutes,
        start=start,
        tell=print,
    )
    done = Counter(states.values())["done"]
    print(
        f"study    {study.name} in {root}: {len(states)} cells, {done} done; {options.jobs} at a "
        f"time, threads each: {schedule.threads}"
    )
    with alone(root), _ended_like_ctrl_c():
        _keep(options.study, root)
        try:
            outcome = schedule.run(chosen.cells)
        except KeyboardInterrupt as interrupt:
            now = Counter(CellFolder(root, cell).state for cell in chosen.cells)["done"]
            raise KeyboardInterrupt(
                f"interrupted; {now} of {len(states)} cells are done, the same command goes on"
            ) from interrupt
        write_report(root, study, whole, records)
    return _told(root, outcome)


def judge(words: list[str]) -> list[str]:
    """What is wrong with a command line after `bimae`, as its verb would say; see `study.check`."""
    verb = words[0]
    kind: type[Any] = getattr(import_module(f"bimae.cli.{verb}"), OPTIONS[verb])
    try:
        parse(kind, words[1:], prog=f"bimae {verb}", about="", example="")
    except ConfigError as error:
        lines = str(error).splitlines()
        return [line for line in lines if not line.startswith(f"see bimae {verb}")]
    return []


def _only(options: StudyOptions, study: "Study") -> tuple[tuple[str, ...], list[str]]:
    """The rows meant by --only (an entry of several rows means them all), and what is unknown."""
    from bimae.study.fields import near

    rows = [method.name for method in study.methods]
    chosen: list[str] = []
    problems = []
    for name in options.only:
        meant = [row for row in rows if row == name or row.startswith(f"{name}: ")]
        if not meant and rows:
            problems.append(f"--only {name!r} is no method; {near(name, rows)}")
        chosen += meant
    return tuple(dict.fromkeys(chosen)), problems


def _out_problems(root: Path) -> list[str]:
    if root.exists() and not root.is_dir():
        return [f"{root}: is a file; name a folder as --out"]
    others = root.is_dir() and any(path.name != ".lock" for path in root.iterdir())
    if others and not (root / KEPT).is_file():
        return [f"{root}: holds other files than a study's; name another --out"]
    return []


def _keep(source: Path, root: Path) -> None:
    """The study's file beside what came of it."""
    from bimae.storage import write_text

    write_text(root / KEPT, source.read_text(encoding="utf-8"))


def _list(root: Path, plan: "Plan", states: dict[str, Any]) -> None:
    from bimae.study.cells import CellFolder

    for cell in plan.cells:
        print(f"{states[cell.key]:<7} {cell.key}  {cell.title}")
    counts = Counter(states.values())
    told = ", ".join(f"{counts[state]} {state}" for state in ("done", "failed", "open"))
    print(f"{len(states)} cells: {told}")
    following = next((cell for cell in plan.cells if states[cell.key] != "done"), None)
    if following is not None:
        print(f"next     bimae {' '.join(CellFolder(root, following).words)}")


def _told(root: Path, outcome: "Outcome") -> int:
    """Says where everything lies and what is missing; the exit code."""
    print(f"table    {root / 'table.md'}, {root / 'results.csv'}, {root / 'results.json'}")
    pictures = sorted(path.name for path in root.glob("*.png"))
    if pictures:
        print(f"pictures {', '.join(str(root / name) for name in pictures)}")
    if outcome.failed:
        print(
            f"{len(outcome.failed)} cells failed; why: table.md, and error.txt and log.txt in "
            f"{root / 'cells'}/<key>; the same command tries them again"
        )
    if outcome.left:
        print(f"{len(outcome.left)} cells are left, since time was up; the same command goes on")
    return 1 if outcome.failed or outcome.left else 0


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """A polite end (SIGTERM) ends the cells that run, as Ctrl-C does."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
