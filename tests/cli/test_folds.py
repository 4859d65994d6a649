"""`bimae data folds`: one data set, several splits, each tested on other samples."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from bimae.data import open_dataset, split_dataset
from tests.cli.run import mistakes, run
from tests.cli.test_split import data


def test_every_sample_is_tested_on_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = data(tmp_path / "data", copies=2), tmp_path / "some" / "folds"
    (folder / "dataset.json").write_text(json.dumps({"name": "mine", "sensor": "a camera"}))
    monkeypatch.chdir(tmp_path)  # links must not depend on where the command was given
    ran = run(capsys, "data", "folds", "data", "some/folds", "--folds=4")
    assert ran.code == 0, ran
    tested: Counter[str] = Counter()
    whole = open_dataset(folder)
    for number in range(4):
        samples = open_dataset(out / f"fold{number}")
        assert samples.fingerprint == whole.fingerprint and samples.info.sensor == "a camera"
        split = split_dataset(samples)
        assert f"fold {number} of 4" in split.how
        assert sorted(split.train + split.val + split.test) == list(range(len(samples)))
        groups = [{samples.groups[i] for i in part} for part in (split.train, split.val)]
        of_test = {samples.groups[i] for i in split.test}
        assert not of_test & (groups[0] | groups[1]) and not groups[0] & groups[1]
        tested.update(samples.keys[i] for i in split.test)
        sizes = f"{len(split.train)} train, {len(split.val)} val, {len(split.test)} test"
        assert f"fold{number}  {sizes}" in ran.out
        assert f"    fold{number}: {Path('some') / 'folds' / f'fold{number}'}" in ran.out
    assert tested == Counter(whole.keys)
    assert all(path.is_symlink() for path in out.rglob("*.tfrecord"))

    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(folder, moved / "data")
    (moved / "some").mkdir()
    shutil.move(out, moved / "some" / "folds")
    assert len(open_dataset(moved / "some" / "folds" / "fold0")) == len(whole)


def test_a_fold_is_a_data_set_like_any_other(
    tmp_path: Path, small_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "folds"
    assert run(capsys, "data", "folds", small_data, out, "--folds=3", "--seed=1").code == 0
    ran = run(capsys, "baselines", out / "fold2", "--methods=lda-spectra")
    assert ran.code == 0 and "fold 2 of 3" in ran.out


def test_links_leave_the_records_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data(tmp_path / "data")
    for shard in folder.glob("*.tfrecord"):
        shard.chmod(0o400)
    assert run(capsys, "data", "folds", folder, tmp_path / "folds").code == 0
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.tfrecord")} == {0o400}


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = data(tmp_path / "data"), tmp_path / "folds"
    lines = mistakes(run(capsys, "data", "folds", folder, out, "--folds=2", "--seed=-1"))
    assert "folds is 2; it must be at least 3" in lines[0] and "seed is -1" in lines[1]
    lines = mistakes(run(capsys, "data", "folds", folder, out, "--folds=11"))
    assert "folds of 11 would have nothing to test on" in lines[0] and "there are 10" in lines[0]
    assert not out.exists()
    assert run(capsys, "data", "folds", folder, tmp_path / "ten", "--folds=10").code == 0
    out.mkdir()
    assert "is there already" in mistakes(run(capsys, "data", "folds", folder, out))[0]
