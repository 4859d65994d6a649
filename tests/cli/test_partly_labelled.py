"""A laboratory's data: a few labelled samples among many that nobody named."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bimae.cli import main
from bimae.data import DatasetInfo, open_dataset, write_tfrecords
from bimae.data.labels import labelled
from bimae.data.simulate import simulate_samples, wavelengths
from bimae.data.splits import split_dataset
from bimae.train.prepare import split_for
from tests.cli.run import FAST, mistakes, run

TOLD = "note: 24 of 48 samples have no label and are left aside"
SIZES = {"per_class": 12, "bands": 12, "hs_size": 8, "rgb_size": 48, "seeds_per_tray": 1}


@pytest.fixture(scope="module")
def partly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 seeds of four classes; every other one has no label."""
    folder = tmp_path_factory.mktemp("partly") / "data"
    known = [s for s in simulate_samples(**SIZES) if s.label]
    classes = sorted({str(s.label) for s in known})[:4]
    seeds = [s for s in known if s.label in classes]
    assert len(seeds) == 48
    write_tfrecords(
        folder, [replace(s, label=s.label if i % 2 else None) for i, s in enumerate(seeds)]
    )
    DatasetInfo("partly", simulated=True, wavelengths_nm=wavelengths(12)).save(folder)
    return folder


@pytest.fixture(scope="module")
def runs(partly: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pretraining run `a` on all of it."""
    out = tmp_path_factory.mktemp("runs")
    assert main.run(["pretrain", f"--data={partly}", f"--out={out / 'a'}", *FAST]) == 0
    return out


def test_the_labelled_ones_are_learned_and_all_are_pretrained_on(
    capsys: pytest.CaptureFixture[str], partly: Path, runs: Path
) -> None:
    labels = dict(zip(open_dataset(partly).keys, open_dataset(partly).labels, strict=True))
    pretrained = json.loads((runs / "a" / "split.json").read_text())
    assert sum(len(pretrained[part]) for part in ("train", "val", "test")) == 48
    out = runs / "b"
    words = (f"--data={partly}", f"--weights={runs / 'a'}", "--modality=hs", *FAST)
    ran = run(capsys, "finetune", *words, f"--out={out}")
    assert ran.code == 0, ran.err
    assert ran.out.count(TOLD) == 1
    split = json.loads((out / "split.json").read_text())
    for part in ("train", "val", "test"):
        assert split[part] == [key for key in pretrained[part] if labels[key] is not None]
        assert split[part]
    for verb, asked in {
        "evaluate": [f"--weights={out}", f"--data={partly}", "--part=all"],
        "calibrate": [out, partly, "--alpha=0.4", "--reject=0.4"],
        "bands": [out, partly, "--repeats=1"],
        "probe": [f"--weights={runs / 'a'}", f"--data={partly}", "--control=false"],
        "baselines": [partly, "--methods=majority,lda-spectra"],
    }.items():
        ran = run(capsys, verb, *asked)
        assert ran.code == 0, (verb, ran.err)
        assert ran.out.count(TOLD) == 1, (verb, ran.out)


def test_the_same_samples_are_no_other_split(partly: Path, tmp_path: Path) -> None:
    shutil.copytree(partly, tmp_path / "data")
    samples = open_dataset(tmp_path / "data")
    whole = split_dataset(samples)
    whole.save(tmp_path / "data" / "split.json", samples)
    labelled(whole, samples).save(tmp_path / "earlier.json", samples)
    found = split_for(samples, 0, tmp_path / "earlier.json")
    assert found.how == f"{whole.how}; labelled samples alone"


def test_a_part_without_a_label_is_refused(
    capsys: pytest.CaptureFixture[str], partly: Path, tmp_path: Path
) -> None:
    samples = open_dataset(partly)
    known = [s for s in samples if s.label is not None]
    write_tfrecords(tmp_path / "d" / "train", known[:16])
    write_tfrecords(tmp_path / "d" / "val", [s for s in samples if s.label is None])
    write_tfrecords(tmp_path / "d" / "test", known[16:])
    words = (f"--data={tmp_path / 'd'}", f"--out={tmp_path / 'run'}", *FAST)
    (line,) = mistakes(run(capsys, "finetune", *words))
    assert "none of 24 val samples has a label (declared: train, val, test)" in line
    assert not (tmp_path / "run").exists()
