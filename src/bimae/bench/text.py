"""The report as a person reads it: what it was measured on, then a table for each section."""

from bimae.bench.suite import Report
from bimae.bench.table import (
    Column,
    giga,
    milliseconds,
    number,
    per_cent,
    plain_columns,
    table,
    timing,
)

SPEED = Column("samples_per_s", "samples/s", number)
TITLES = {
    "limits": "Limits of the machine (best of several sizes; median)",
    "pretrain": "Pretraining step, random images (share of the matrix peak of the same precision)",
    "finetune": "Fine-tuning step, random images, 19 classes",
    "inference": "Inference on the CPU: a classifier of 5 bands + RGB, 19 classes",
    "input": "Input pipeline alone: one core, files in the system's memory",
    "waiting": "Waiting for data in a short pretraining run: from a batch's end to the next one",
    "startup": "From the start of a process to its answer",
}
STEP = (
    Column("model", "model"),
    Column("reads", "reads"),
    Column("batch_size", "batch"),
    Column("precision", "precision"),
    SPEED,
    Column("flops_per_sample", "GFLOP/sample", giga),
    Column("gflops", "GFLOP/s", number),
    Column("share_of_peak", "of peak", per_cent),
    Column("peak_rss_mb", "peak MB", number),
    Column("peak_device_mb", "device MB", number),
    *timing("step"),
)
COLUMNS = {
    "limits": (
        Column("what", "what"),
        Column("rate", "rate", number),
        Column("unit", "unit"),
        Column("best_of", "size"),
        *timing("once"),
    ),
    "pretrain": STEP,
    "finetune": STEP,
    "input": (
        Column("source", "source"),
        Column("what", "what"),
        SPEED,
        Column("mb_per_s", "MB/s", number),
        Column("samples", "samples"),
        *timing("pass"),
    ),
    "waiting": (
        Column("source", "source"),
        Column("resident", "resident"),
        Column("model", "model"),
        Column("batch_size", "batch"),
        Column("precision", "precision"),
        Column("waiting_share", "waiting", per_cent),
        *timing("wait"),
        Column("step_s_median", "step ms", milliseconds),
    ),
    "startup": (Column("what", "what"), *timing("answer")),
}


def render(report: Report) -> str:
    """The report as text."""
    parts = [_machine(report)]
    for name, rows in report.sections.items():
        title = TITLES[name]
        if any(row.get("simulated") for row in rows):
            title += "; SIMULATED seeds"
        parts.append(f"{title}\n{table(rows, COLUMNS.get(name) or plain_columns(rows))}")
        parts += [
            f"memory of {row['model']} at batch {row['batch_size']}: {row['memory_problem']}"
            for row in rows
            if "memory_problem" in row
        ]
    return "\n\n".join(parts)


def _machine(report: Report) -> str:
    found = report.machine
    threads = f"{found['threads']} thread{'s' * (found['threads'] != 1)}"
    lines = [
        f"bimae {found['bimae']}, torch {found['torch']}, lightning {found['lightning']}, "
        f"python {found['python']}, {found['started']}",
        f"{found['cpu_name']}, {found['processors']} processors, {threads}; training on "
        f"{found['device']}" + f" ({found['device_name']})" * (found["device"] == "cuda"),
    ]
    load = found["load_average"]
    if load is not None:
        lines.append(f"load average {load:.2f} at the start")
    if found["busy"]:
        lines.append("warning: others are working on this machine; rates are too low, ratios less")
    if found["preloaded"]:
        lines.append(f"preloaded: {found['preloaded']}")
    return "\n".join(lines)
