import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bimae.data import Split, open_dataset, split_dataset, write_tfrecords
from bimae.train.prepare import split_for
from tests.cli.run import files, mistakes, run
from tests.data.small_samples import sample


def data(folder: Path, *, group: bool = True, copies: int = 0, split: str | None = None) -> Path:
    """Forty samples of four classes in ten trays, and copies of the first ones in tray 9."""
    made = [
        sample(i, label="abcd"[i // 4 % 4], group=f"tray{i // 4}" if group else None, rgb=24, hs=4)
        for i in range(40)
    ]
    made += [
        replace(made[i], id=f"copy{i}", group=made[39].group, label=made[39].label)
        for i in range(copies)
    ]
    if split:
        made = [replace(s, id=split + s.id) for s in made]
    write_tfrecords(folder, made, split=split)
    return folder


def test_it_is_written_beside_the_data_and_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data(tmp_path / "data")
    ran = run(capsys, "data", "split", folder, "--ratios", ".5", ".3", ".2", "--seed=3")
    assert ran.code == 0, ran
    told = json.loads((folder / "split.json").read_text())
    assert told["seed"] == 3 and told["ratios"] == [0.5, 0.3, 0.2]
    samples = open_dataset(folder)
    split = split_dataset(samples)
    assert split == Split.load(folder / "split.json", samples)
    assert {samples.groups[i] for i in split.train} & {samples.groups[i] for i in split.test} == (
        set()
    )
    assert split_for(samples, seed=99) == split  # what pretrain and finetune ask
    assert f"split    {folder / 'split.json'}" in ran.out
    assert "groups in more than one part: 0\n" in ran.out
    assert "identical images in more than one part: 0 of 0 sets" in ran.out
    leaked = told["leakage"]["random"]["test"]["either"]
    of = told["leakage"]["random"]["test"]["samples"]
    assert leaked > 0
    assert (
        f"a random split would put {leaked} of {of} test samples beside samples of their own "
        f"group in training; this split: 0 of {len(split.test)}"
    ) in ran.out


def test_the_same_bytes_again_and_no_other_without_overwrite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data(tmp_path / "data", copies=3)
    words = ("data", "split", folder)
    assert run(capsys, *words).code == 0
    text = (folder / "split.json").read_bytes()
    assert run(capsys, *words).code == 0  # the same split is no other one
    told = mistakes(run(capsys, *words, "--seed=1"))
    assert told == [
        f"bimae data split: {folder / 'split.json'}: found another split, expected none: replace "
        "it with --overwrite, or write to another place with --out"
    ]
    dry = run(capsys, *words, "--seed=1", "--dry-run")
    assert dry.code == 0 and "nothing is written" in dry.out and "found another split" in dry.out
    assert (folder / "split.json").read_bytes() == text
    assert run(capsys, *words, "--seed=1", "--overwrite").code == 0
    assert (folder / "split.json").read_bytes() != text
    assert run(capsys, *words, "--overwrite").code == 0
    assert (folder / "split.json").read_bytes() == text


def test_out_and_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(tmp_path / "data")
    before = files(folder)
    ran = run(capsys, "data", "split", folder, "--dry-run")
    assert ran.code == 0 and files(folder) == before
    out = tmp_path / "new" / "mine.json"
    ran = run(capsys, "data", "split", folder, "--out", out)
    assert ran.code == 0 and files(folder) == before
    assert f"note: runs follow {folder / 'split.json'} only" in ran.out
    shutil.copy(out, folder / "split.json")
    assert split_dataset(open_dataset(folder)).how.startswith("data split by group")


def test_random_says_what_it_leaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(tmp_path / "data", copies=4)
    ran = run(capsys, "data", "split", folder, "--by", "random")
    told = json.loads((folder / "split.json").read_text())["leakage"]
    assert f"groups in more than one part: {len(told['torn_groups'])} (tray" in ran.out
    assert "identical images in more than one part: 0 of 4 sets" in ran.out
    assert "test figures will flatter" in ran.out
    assert "or copies of themselves," in ran.out


def test_class_balanced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(tmp_path / "data")
    ran = run(capsys, "data", "split", folder, "--by=class-balanced", "--ratios=.5,.25,.25")
    assert ran.code == 0
    told = json.loads((folder / "split.json").read_text())["leakage"]["classes"]
    assert told["a"] == {"train": 6, "val": 3, "test": 3}
    assert told["c"] == {"train": 4, "val": 2, "test": 2}


def test_without_groups_and_without_looking_for_copies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data(tmp_path / "data", group=False)
    ran = run(capsys, "data", "split", folder, "--no-duplicates")
    assert ran.code == 0
    assert "note: no sample has a group" in ran.out and "no sample has a group, seed 0" in ran.out
    assert "identical images: nobody looked for them" in ran.out
    told = json.loads((folder / "split.json").read_text())["leakage"]
    assert told["copies"] is None and told["torn_copies"] is None


def test_declared_parts_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(data(tmp_path / "data", split="train"), split="test")
    ran = run(capsys, "data", "split", folder)
    assert "note: folders or file names declare train, test; this split goes before" in ran.out
    # each sample is there twice, so the copies were kept together
    samples = open_dataset(folder)
    split = split_dataset(samples)
    assert sorted(split.train + split.val + split.test) == list(range(80))


def test_simulated_data_is_called_simulated(
    small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "data", "split", small_data, "--out", tmp_path / "split.json")
    assert "76 samples (simulated)" in ran.out


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(tmp_path / "data")
    told = mistakes(run(capsys, "data", "split", "--by=tray", "--ratios", ".7", ".7", "0", "--x=1"))
    text = "\n".join(told)
    for part in (
        "--x is no option",
        "DATA is required",
        "--by 'tray'",
        "(0.7, 0.7, 0.0): expected",
    ):
        assert part in text
    assert len(mistakes(run(capsys, "data", "split", tmp_path / "none"))) == 1
    assert "a folder, a file" in mistakes(run(capsys, "data", "split", folder, "--out", folder))[0]
    (folder / "split.json").write_bytes(b"\xff")
    assert "cannot be read" in mistakes(run(capsys, "data", "split", folder))[0]


def test_a_stale_split_stops_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(tmp_path / "data")
    assert run(capsys, "data", "split", folder).code == 0
    data(folder, split="more")
    out = tmp_path / "run"
    words = ("pretrain", f"--data={folder}", f"--out={out}", "--epochs=1", "--patch-size=6")
    (told,) = mistakes(run(capsys, *words))
    assert "split.json: is of other data" in told and "split again" in told
    assert not out.exists()


def test_the_split_of_the_run_before_goes_first_and_is_told(tmp_path: Path) -> None:
    folder = data(tmp_path / "data")
    samples = open_dataset(folder)
    earlier = tmp_path / "split.json"
    split_for(samples, seed=5).save(earlier, samples)
    assert split_for(samples, 0, earlier) == split_dataset(samples, seed=5)
    split_dataset(samples, seed=6).save(folder / "split.json", samples)
    followed = split_for(samples, 0, earlier)
    assert followed.train == Split.load(earlier, samples).train
    assert followed.how.endswith("; as the run it starts from, not as split.json beside the data")
    assert split_for(samples, 0, earlier, resumed=True) == Split.load(earlier, samples)
