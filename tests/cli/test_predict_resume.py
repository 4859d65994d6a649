"""`bimae predict` stopped in any way: the same command goes on, and the file does not show it."""

import csv
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bimae.cli import main
from bimae.data import SeedDataset, open_dataset, write_tfrecords
from bimae.errors import DataError
from bimae.evaluate.answers import Answers, answers
from bimae.model import SeedClassifier
from bimae.predict import network
from tests.cli.run import mistakes, run

BATCH = "--batch-size=10"


def _stopped(monkeypatch: pytest.MonkeyPatch, after: int, error: BaseException) -> None:
    """Lets the next prediction stop after so many batches."""

    def few(*words: Any, **options: Any) -> Iterator[Answers]:
        for number, batch in enumerate(answers(*words, **options)):
            if number == after:
                raise error
            yield batch

    monkeypatch.setattr(network, "answers", few)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_stopped_and_gone_on_with(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    calibrated: Path,
    small_data: Path,
    tmp_path: Path,
    form: str,
) -> None:
    whole, out = tmp_path / f"whole.{form}", tmp_path / f"a.{form}"
    assert run(capsys, "predict", calibrated, small_data, "--out", whole, BATCH).code == 0
    words = ("predict", calibrated, small_data, "--out", out, BATCH)
    _stopped(monkeypatch, 3, KeyboardInterrupt())
    ran = run(capsys, *words)
    assert ran.code == 130
    assert ran.out == ""
    line = "stopped; 30 of 76 samples are answered, the same command goes on there"
    assert line in ran.err
    assert not out.exists()
    _stopped(monkeypatch, 2, OSError(28, "No space left on device"))
    ran = run(capsys, *words)
    assert ran.code == 2
    assert "going on after 30 of 76" in ran.err
    assert "note: 50 of 76 samples are answered" in ran.err
    monkeypatch.undo()
    ran = run(capsys, *words)
    assert ran.code == 0, ran.err
    assert f"going on after 50 of 76 samples ({out}.part)" in ran.err
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{form}", f"whole.{form}"]
    # what is told at the end is about all samples, not only the last ones
    assert ran.out.splitlines()[:-1] == run(
        capsys, *words, "--overwrite"
    ).out.splitlines()[:-1]  # fmt: skip


KILLED = """
import itertools, os, sys
from bimae.cli import main
from bimae.predict import network, part
real, part.EVERY_S = network.answers, 0.0
def few(*words, **options):
    yield from itertools.islice(real(*words, **options), 3)
    with open(sys.argv[1] + ".part", "ab") as file:
        file.write(b"half a ro")
    os._exit(9)
network.answers = few
main.run(sys.argv[2:])
"""


def test_a_killed_run_ends_as_if_it_had_not_been(
    capsys: pytest.CaptureFixture[str], calibrated: Path, small_data: Path, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "a.csv"
    assert run(capsys, "predict", calibrated, small_data, "--out", whole, BATCH).code == 0
    words = ["predict", str(calibrated), str(small_data), "--out", str(out), BATCH]
    died = subprocess.run([sys.executable, "-c", KILLED, str(out), *words], check=False)
    assert died.returncode == 9
    assert (tmp_path / "a.csv.part").read_bytes().endswith(b"half a ro")
    ran = run(capsys, *words)
    assert ran.code == 0, ran.err
    assert "going on after 30 of 76" in ran.err
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("--batch-size=11", "other batch size"),
        ("--calibrated=false", "other calibration, columns"),
        ("--format=jsonl", "other format"),
        ("--part=test", "other samples"),
        ("data", "other data"),
        ("model", "other model"),
        ("calibration", "other calibration;"),
    ],
)
def test_what_was_begun_otherwise_is_begun_anew(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    calibrated: Path,
    small_data: Path,
    tmp_path: Path,
    change: str,
    told: str,
) -> None:
    model, data = tmp_path / "run", tmp_path / "data"
    shutil.copytree(calibrated, model)
    shutil.copytree(small_data, data)
    words = ["predict", model, data, "--out", tmp_path / "a.csv", BATCH]
    _stopped(monkeypatch, 3, KeyboardInterrupt())
    assert run(capsys, *words).code == 130
    monkeypatch.undo()
    if change == "data":
        samples = list(open_dataset(data))
        samples[5] = replace(samples[5], rgb=1 - samples[5].rgb)
        shutil.rmtree(data)
        write_tfrecords(data, samples)
        shutil.copy(small_data / "dataset.json", data)
    elif change == "model":
        loaded = SeedClassifier.from_pretrained(model)
        bias = loaded.head.bias
        assert bias is not None
        bias.data[0] += 1
        loaded.save_pretrained(tmp_path / "other")
        shutil.copy(tmp_path / "other" / "model.safetensors", model / "model")
    elif change == "calibration":
        assert main.run(["calibrate", str(model), str(data), "--alpha=0.4", "--reject=0.3"]) == 0
    else:
        words.append(change)
    ran = run(capsys, *words)
    assert ran.code == 0, ran.err
    assert f"a.csv.part was begun with {told}" in ran.err
    assert run(capsys, *words, "--out", tmp_path / "b.csv").code == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_record_that_cannot_be_read(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    finetuned: Path,
    small_data: Path,
    tmp_path: Path,
) -> None:
    """What was answered before it stays, for files that come back."""
    real = SeedDataset.stored

    def lost(self: SeedDataset, index: int, *words: Any, **named: Any) -> Any:
        if index == 25:
            raise DataError("data.tfrecord: record 25 is gone; copy the file again")
        return real(self, index, *words, **named)

    monkeypatch.setattr(SeedDataset, "stored", lost)
    words = ("predict", finetuned, small_data, "--out", tmp_path / "a.csv", BATCH)
    ran = run(capsys, *words)
    (line,) = mistakes(ran)
    assert "record 25 is gone" in line
    assert "20 of 76 samples are answered" in ran.err
    monkeypatch.undo()
    assert "going on after 20" in run(capsys, *words).err
    with (tmp_path / "a.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 77
