"""Runs a command line in this process: the same code path as the real command, without the wait."""

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest

from bimae.cli import main

PRETRAIN_FILES = {
    "checkpoints/best.ckpt",
    "checkpoints/last.ckpt",
    "config.yaml",
    "environment.json",
    "loss.png",
    "metrics.csv",
    "model/README.md",
    "model/about.json",
    "model/config.json",
    "model/model.safetensors",
    "reconstructions.png",
    "split.json",
}
FAST = ("--epochs=2", "--batch-size=16", "--precision=32")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def run(capsys: pytest.CaptureFixture[str], *words: object) -> Ran:
    capsys.readouterr()
    code = main.run([str(word) for word in words])
    captured = capsys.readouterr()
    return Ran(code, captured.out, captured.err)


def mistakes(ran: Ran) -> list[str]:
    """The lines that a user sees after a mistake."""
    assert ran.code == 2, ran
    assert "Traceback" not in ran.err
    return [line for line in ran.err.splitlines() if line.startswith("bimae")]


def files(folder: Path) -> set[str]:
    found = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    return {name for name in found if not name.startswith("tensorboard/")}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def figures(path: Path) -> list[dict[str, str]]:
    """Rows of metrics.csv without what a clock says."""
    clock = ("seconds", "samples_per_second")
    return [{k: v for k, v in row.items() if k not in clock} for row in rows(path)]
