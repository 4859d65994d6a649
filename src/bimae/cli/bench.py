"""`bimae bench`: how fast this machine is at what `bimae` does, and how near to its limits."""

import json
import sys
from pathlib import Path

from bimae.bench.options import BenchOptions
from bimae.cli.parse import parse

ABOUT = (
    "Measures how fast this machine trains, predicts, reads and starts, beside what it can do at "
    "most: limits (matrix products, copying), pretrain, finetune, inference, input, startup, or "
    "all. What is compared is timed in turn, after a warm-up; every figure is a median with its "
    "minimum and maximum."
)
EXAMPLE = "bimae bench pretrain --model mae_vit_tiny_patch24 --batch-size 32 --json -"
STDOUT = Path("-")


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    positionals = ("what", "data")
    run(parse(BenchOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=positionals))


def run(options: BenchOptions) -> None:
    """Measures, and prints a table or JSON."""
    from bimae.bench.suite import run as measure
    from bimae.storage import write_text

    report = measure(options, lambda line: print(f"... {line}", file=sys.stderr, flush=True))
    figures = json.dumps(report.as_json(), indent=1) + "\n"
    if options.json == STDOUT:
        sys.stdout.write(figures)
        return
    from bimae.bench.text import render

    print(render(report))
    if options.json is not None:
        write_text(options.json, figures)
        print(f"\nfigures  {options.json}")
