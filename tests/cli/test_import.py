"""`bimae data import` through the command line: what a person sees."""

import re

import numpy as np
import pytest

from bimae.data import open_dataset
from tests.data.raw_files import npy, png, scan, seed_folder

from .run import files, mistakes, run


def test_it_says_what_it_recognised_and_wrote(tmp_path, capsys):
    for number in range(4):
        seed_folder(tmp_path / "src" / ("rye", "oat")[number % 2] / str(number), number)
    broken = tmp_path / "src" / "rye" / "0" / "RGBSeed.png"
    broken.write_bytes(b"no picture")
    ran = run(capsys, "data", "import", tmp_path / "src", tmp_path / "out")
    assert ran.code == 0, ran
    assert "one folder a seed" in ran.out
    assert "4 items, 4 with an RGB image, 2 classes" in ran.out
    assert "4 bands, 450-750 nm, counts" in ran.out
    assert f"left out rye/0: {broken}: cannot be read as an RGB image" in ran.out
    assert "3 samples" in ran.out and "1 left out" in ran.out
    assert files(tmp_path / "out") == {
        "data-00000-of-00001.tfrecord",
        "dataset.json",
        "import.json",
        "sources.csv",
        "split.json",
    }


def test_strict_stops_and_leaves_nothing(tmp_path, capsys):
    (tmp_path / "src" / "rye").mkdir(parents=True)
    (tmp_path / "src" / "rye" / "a.npy").write_bytes(b"")
    npy(tmp_path / "src" / "rye" / "b.npy")
    ran = run(capsys, "data", "import", tmp_path / "src", tmp_path / "out", "--strict")
    assert len(mistakes(ran)) == 1
    assert "a.npy" in ran.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", ["hdr", "raw"])
def test_header_or_data_file(tmp_path, capsys, given):
    scan(tmp_path / "x.hdr", np.arange(100).reshape(5, 5, 4))
    ran = run(capsys, "data", "import", tmp_path / f"x.{given}", tmp_path / "out", "--hs-size", 0)
    assert ran.code == 0, ran
    [sample] = open_dataset(tmp_path / "out", hs_size=None)
    assert np.array_equal(sample.hs, np.arange(100).reshape(5, 5, 4))


def test_what_a_user_gets_wrong_is_told_at_once(tmp_path, capsys):
    ran = run(
        capsys, "data", "import", tmp_path, tmp_path / "out", "--layout", "trey", "--window", 4,
        "--white", tmp_path / "none.hdr", "--hs-sise", 3,
    )  # fmt: skip
    told = "\n".join(mistakes(ran))
    for text in ("trey", "odd", "none.hdr", "did you mean --hs-size"):
        assert text in told
    assert mistakes(run(capsys, "data", "import", tmp_path)) != []


def test_wavelengths_by_hand(tmp_path, capsys):
    npy(tmp_path / "src" / "rye" / "a.npy")
    png(tmp_path / "src" / "rye" / "a.png")
    words = ("data", "import", tmp_path / "src", tmp_path / "out", "--wavelengths")
    ran = run(capsys, *words, "400-1000nm")
    assert ran.code == 0, ran
    assert open_dataset(tmp_path / "out").wavelengths_nm == (400, 600, 800, 1000)
    (tmp_path / "nm.txt").write_text("400\n500\n600\n")
    ran = run(capsys, *words, tmp_path / "nm.txt", "--overwrite")
    [line] = mistakes(ran)
    assert "3" in line and "4" in line


def test_one_of_anything_is_no_plural(tmp_path, capsys):
    """One seed of one class on one tray, of one band."""
    rye = tmp_path / "src" / "rye"
    npy(rye / "t1-a.npy", bands=1)
    words = ("--group-pattern", "^rye/(t1)")
    told = run(capsys, "data", "import", tmp_path / "src", tmp_path / "out", *words).out
    assert "1 sample, 1 class, 1 group" in told
    for verb in ("check", "inspect"):
        told += run(capsys, "data", verb, tmp_path / "out").out
    told += run(capsys, "data", "split", tmp_path / "out", "--overwrite").out
    assert "1 sample, 1 class, 1 band; all read" in told
    assert not re.findall(r"(?<![\d.,x])1 (?:\w+ )?[a-z]+(?<!s)(?<!i)s\b(?! of)", told), told
