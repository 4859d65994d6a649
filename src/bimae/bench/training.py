"""Training steps timed beside the matrix products that limit them."""

import gc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch

from bimae.bench import steps
from bimae.bench.limits import DTYPES, NAMES, Limits, Peak, Product
from bimae.bench.machine import synchroniser
from bimae.bench.memory import Peaks, child_peaks, own_peaks
from bimae.bench.options import READS, BenchOptions
from bimae.bench.timing import Task, Timing, interleaved
from bimae.model import flops as counted
from bimae.model import preset
from bimae.train.options import Arithmetic
from bimae.train.precision import choose_precision

Row = dict[str, Any]
Tell = Callable[[str], None]
NO_BF16 = "bf16 is emulated here, many times slower; --precision bf16-mixed times it all the same"
QUICK_S, FULL_S = 15.0, 240.0  # no further round of one model begins after so many seconds
LEAST_S = 0.1  # of one measurement: of a product as of a step, and waiting for a GPU shows little


@dataclass(frozen=True)
class Cell:
    """One training step to be measured.

    Attributes:
        facts: What the row says of it besides its figures.
        precision: `32` or `bf16-mixed`.
        batch_size: Samples per step.
        flops: Operations per sample.
        make: Builds the step.
        words: Command line of `bimae bench` that measures it alone.
    """

    facts: Row
    precision: Arithmetic
    batch_size: int
    flops: float
    make: Callable[[], Task] = field(repr=False)
    words: tuple[str, ...]


def measure_training(
    task: Literal["pretrain", "finetune"],
    options: BenchOptions,
    device: torch.device,
    limits: Limits | None,
    tell: Tell,
) -> list[Row]:
    """Rows for every model, batch size and precision (and view) that is asked for.

    The steps of one model are timed in turn with the best matrix products found before, so that
    their share of the peak is one of the same minutes.

    Args:
        task: What to train.
        options: What is asked for.
        device: Where.
        limits: The machine's limits; None for steps alone.
        tell: Is told what is going on.
    """
    rows: list[Row] = []
    for name in options.models(task):
        cells = list((_pretraining if task == "pretrain" else _finetuning)(name, options, device))
        chosen = [cell for cell in cells if not _hopeless(cell, options, limits)]
        left_out = [cell.facts | {"skipped": NO_BF16} for cell in cells if cell not in chosen]
        tell(f"{task} {name}: {len(chosen)} kinds of step")
        rows += _timed(chosen, options, device, limits) + left_out
        gc.collect()
        if not options.alone:
            _weigh(rows, chosen, options, tell)
    return rows


def _pretraining(name: str, options: BenchOptions, device: torch.device) -> Iterator[Cell]:
    cost = counted.pretraining(preset(name)).total
    for size in options.batch_sizes("pretrain"):
        for precision in _precisions(name, options):
            yield Cell(
                {"task": "pretrain", "model": name, "batch_size": size, "precision": precision},
                precision,
                size,
                cost,
                partial(steps.pretraining_step, name, size, precision, device=device),
                _words("pretrain", name, size, precision, device),
            )


def _finetuning(name: str, options: BenchOptions, device: torch.device) -> Iterator[Cell]:
    for reads in options.reads:
        cost = counted.classifying(steps.classifier(name, reads)).total
        for size in options.batch_sizes("finetune"):
            for precision in _precisions(name, options):
                yield Cell(
                    {
                        "task": "finetune",
                        "model": name,
                        "reads": READS[reads],
                        "batch_size": size,
                        "precision": precision,
                    },
                    precision,
                    size,
                    cost,
                    partial(steps.finetuning_step, name, reads, size, precision, device=device),
                    (*_words("finetune", name, size, precision, device), "--reads", reads),
                )


def _words(
    task: str, name: str, size: int, precision: str, device: torch.device
) -> tuple[str, ...]:
    return (
        *(task, "--model", name, "--batch-size", str(size), "--precision", precision),
        *("--device", device.type, "--repeats", "1", "--threads", str(torch.get_num_threads())),
    )


def _precisions(name: str, options: BenchOptions) -> Iterable[Arithmetic]:
    """What is asked for, each once, with `auto` settled."""
    return dict.fromkeys(choose_precision(p, preset(name).width) for p in options.precision)


def _hopeless(cell: Cell, options: BenchOptions, limits: Limits | None) -> bool:
    emulated = limits is not None and not limits.bf16_usable
    return cell.precision == "bf16-mixed" and emulated and len(options.precision) > 1


def _timed(
    cells: list[Cell], options: BenchOptions, device: torch.device, limits: Limits | None
) -> list[Row]:
    """Times the steps, and the products between them."""
    tasks: dict[int | Product, Task] = {i: cell.make() for i, cell in enumerate(cells)}
    products = [peak.product for peak in limits.peaks] if limits else []
    tasks |= {product: product.task(device) for product in products}
    timings = interleaved(
        tasks,
        repeats=options.rounds,
        least_s=LEAST_S,
        most_s=QUICK_S if options.quick else FULL_S,
        synchronise=synchroniser(device),
    )
    peaks: dict[str, float | None] = dict.fromkeys(DTYPES)
    for product in products:
        rate = Peak(product, timings[product]).gflops
        peaks[product.precision] = max(rate, peaks[product.precision] or 0.0)
    own = own_peaks(device) if options.alone else Peaks(None, None)
    return [_row(cell, timings[i], peaks, own) | _told(own) for i, cell in enumerate(cells)]


def _row(cell: Cell, timing: Timing, peaks: dict[str, float | None], own: Peaks) -> Row:
    speed = cell.batch_size / timing.median
    peak = peaks[cell.precision]
    return {
        **cell.facts,
        "samples_per_s": speed,
        "flops_per_sample": cell.flops,
        "gflops": speed * cell.flops / 1e9,
        **{f"peak_gflops_{NAMES[precision]}": peaks[precision] for precision in DTYPES},
        "share_of_peak": speed * cell.flops / 1e9 / peak if peak else None,
        **timing.as_row("step"),
    }


def _weigh(rows: list[Row], cells: list[Cell], options: BenchOptions, tell: Tell) -> None:
    """Adds the peak memory of each step, of a process of its own, to its row."""
    for cell in cells:
        row = next(row for row in rows if row.items() >= cell.facts.items())
        if options.quick and cell.facts["task"] == "finetune":
            continue  # its processes would take half of the two minutes
        tell(f"memory of {' '.join(str(fact) for fact in cell.facts.values())}")
        row |= _told(child_peaks(cell.words))


def _told(peaks: Peaks) -> Row:
    told: Row = {"peak_rss_mb": peaks.rss_mb, "peak_device_mb": peaks.device_mb}
    return told | ({"memory_problem": peaks.problem} if peaks.problem else {})
