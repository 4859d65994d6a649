"""Several processes train as one does: started by torchrun, talking over gloo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bimae.cli import main
from tests.cli.run import figures

# Batches of 16 from 53 training samples: the last step has 5, which two processes cannot halve.
OPTIONS = ("--batch-size=16", "--precision=32", "--logger=none")


def together(*words: object, processes: int = 2) -> None:
    """Runs a command line in several processes, one thread each."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launcher, f"--nproc-per-node={processes}", "-m", "bimae", *map(str, words)]
    # Workers of a test run have ports and ranks of their own in the environment, not ours.
    ran = subprocess.run(
        command,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stdout.count("model    ") == 1  # one of them reports


def curves(folder: Path) -> list[dict[str, float]]:
    return [{k: float(v) for k, v in row.items()} for row in figures(folder / "metrics.csv")]


def assert_alike(one: Path, other: Path) -> None:
    expected, found = curves(one), curves(other)
    assert len(found) == len(expected)
    for row, like in zip(found, expected, strict=True):
        assert row == pytest.approx(like, rel=1e-4)


def test_two_processes_pretrain_as_one_and_take_over_from_it(
    small_data: Path, tmp_path: Path
) -> None:
    words = ["pretrain", f"--data={small_data}", *OPTIONS, "--epochs=2"]
    alone, two = tmp_path / "alone", tmp_path / "two"
    assert main.run([*words, f"--out={alone}"]) == 0
    together(*words, f"--out={two}")
    assert_alike(alone, two)
    together("pretrain", f"--resume={alone}", "--epochs=3")
    assert main.run(["pretrain", f"--resume={two}", "--epochs=3"]) == 0
    assert_alike(alone, two)
    assert len(curves(alone)) == 3


def test_two_processes_finetune_as_one(small_data: Path, pretrained: Path, tmp_path: Path) -> None:
    words = ["finetune", f"--data={small_data}", f"--weights={pretrained}", "--bands=step_4"]
    alone, two = tmp_path / "alone", tmp_path / "two"
    assert main.run([*words, *OPTIONS, "--epochs=2", f"--out={alone}"]) == 0
    together(*words, *OPTIONS, "--epochs=2", f"--out={two}")
    assert_alike(alone, two)
    one, other = ((folder / "predictions.csv").read_text().splitlines() for folder in (alone, two))
    assert [line.split(",")[0] for line in one] == [line.split(",")[0] for line in other]


def test_two_processes_learn_for_any_sensor_as_one(small_data: Path, tmp_path: Path) -> None:
    words = ["finetune", f"--data={small_data}", *OPTIONS, "--epochs=2", "--any-sensor=true"]
    alone, two = tmp_path / "alone", tmp_path / "two"
    assert main.run([*words, f"--out={alone}"]) == 0
    together(*words, f"--out={two}")  # steps without a view leave weights without a part
    assert_alike(alone, two)
