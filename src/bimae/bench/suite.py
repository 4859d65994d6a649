"""One run of what was asked for, as figures for JSON and as a table."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, get_args

import torch

from bimae.bench.limits import Limits, measure_limits
from bimae.bench.machine import choose_device, describe, threads_set
from bimae.bench.options import BenchOptions, What

Row = dict[str, Any]
Tell = Callable[[str], None]
SECTIONS: tuple[What, ...] = tuple(what for what in get_args(What) if what != "all")


@dataclass(frozen=True)
class Report:
    """What was measured.

    Attributes:
        asked: What was asked for.
        quick: Whether in haste.
        machine: On what; see `describe`.
        sections: Rows of each kind of measurement.
    """

    asked: What
    quick: bool
    machine: Row
    sections: dict[str, list[Row]]

    def as_json(self) -> Row:
        """All figures; the keys are explained in docs/performance.md.

        Where one training step was asked for, its figures stand at the top too.
        """
        steps = self.sections.get(self.asked, []) if self.asked in ("pretrain", "finetune") else []
        only = {k: v for k, v in steps[0].items() if k != "skipped"} if len(steps) == 1 else {}
        return {"asked": self.asked, "quick": self.quick, **self.machine, **only, **self.sections}


def run(options: BenchOptions, tell: Tell) -> Report:
    """Measures what is asked for.

    Args:
        options: What to measure, and how.
        tell: Is told what is going on, a line at a time.

    Raises:
        ConfigError: A device is asked for that is not there.
        DataError: The data that were given cannot be read.
    """
    device = choose_device(options.device)
    with threads_set(options.threads):
        machine = describe(device)
        asked = SECTIONS if options.what == "all" else (options.what,)
        limits = None
        sections: dict[str, list[Row]] = {}
        if not options.alone and {"limits", "pretrain", "finetune"} & set(asked):
            tell("limits of the machine")
            limits = measure_limits(device, repeats=options.rounds)
            sections["limits"] = limits.rows()
        for what in asked:
            if what == "input":
                sections |= _input(options, tell)
            elif what != "limits":
                sections[what] = _rows(what, options, limits, device, tell)
    return Report(options.what, options.quick, machine, sections)


# Each is imported when it is asked for: the peak memory of one is not to hold the others.
# ruff: noqa: PLC0415


def _rows(
    what: What, options: BenchOptions, limits: Limits | None, device: torch.device, tell: Tell
) -> list[Row]:
    if what in ("pretrain", "finetune"):
        from bimae.bench.training import measure_training

        return measure_training(what, options, device, limits, tell)
    if what == "startup":
        from bimae.bench.startup import measure_startup

        tell("start-up of processes")
        return measure_startup(repeats=options.rounds)
    return _inference(options, tell)


def _input(options: BenchOptions, tell: Tell) -> dict[str, list[Row]]:
    from bimae.bench.input import measure_input

    return measure_input(options, tell)


def _inference(options: BenchOptions, tell: Tell) -> list[Row]:
    name = "bimae.bench.inference"
    if find_spec(name) is None:
        return [{"what": "inference", "skipped": f"{name} is not there"}]
    rows: list[Row] = []
    for model in options.models("finetune"):
        tell(f"inference {model}")
        measured: list[Row] = import_module(name).measure_inference(
            model, quick=options.quick, threads=torch.get_num_threads()
        )
        rows += [{"model": model} | row for row in measured]
    return rows
