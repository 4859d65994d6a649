import json
from dataclasses import replace
from pathlib import Path

import pytest

from bimae.data import DatasetInfo, open_dataset, write_tfrecords
from tests.cli.run import mistakes, run
from tests.data.small_samples import sample

KEYS = {"severity", "code", "count", "unit", "samples", "where", "text", "remedy", "places"}


def data(folder: Path, *, copies: int = 0, labelled: bool = True, describe: bool = True) -> Path:
    made = [
        sample(i, hs=24, label="ab"[i % 2] if labelled else None, group=f"g{i % 4}")
        for i in range(12)
    ]
    made += [replace(made[i], id=f"copy{i}") for i in range(copies)]
    write_tfrecords(folder, made, samples_per_shard=5)
    if describe:
        DatasetInfo("small", wavelengths_nm=(400, 450, 500, 550, 600)).save(folder)
    return folder


def test_nothing_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(tmp_path / "data")
    ran = run(capsys, "data", "check", folder, "--strict")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"{folder}: 12 samples in 3 files, ")
    assert lines[1] == "spectra  5 bands from 400 to 600 nm, 24x24 pixels, uint8, values 0 to 255"
    assert lines[2] == "RGB      4x4 pixels"
    assert lines[3] == "classes  2: a 6, b 6"
    assert lines[4] == "groups   4"
    assert lines[5:] == ["OK"]


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = data(tmp_path / "notes", describe=False)
    ran = run(capsys, "data", "check", notes, "--strict")
    assert ran.code == 0 and ran.out.splitlines()[-1] == "OK, 1 kind of note"
    warnings = data(tmp_path / "warnings", copies=2)
    assert run(capsys, "data", "check", warnings).code == 0
    ran = run(capsys, "data", "check", warnings, "--strict")
    assert ran.code == 1 and ran.err == ""
    assert ran.out.splitlines()[-2].startswith("warning: ")
    assert ran.out.splitlines()[-1] == "1 kind of warning"


def test_broken_files_are_told_all_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data(tmp_path / "data", copies=1, describe=False)
    first, second, third = sorted(folder.glob("*.tfrecord"))
    damaged = bytearray(first.read_bytes())
    damaged[500] ^= 8
    first.write_bytes(damaged)
    second.write_bytes(second.read_bytes()[:-100])
    third.unlink()
    ran = run(capsys, "data", "check", folder, "--strict")
    assert ran.code == 2 and "Traceback" not in ran.err + ran.out
    lines = ran.out.splitlines()
    assert "; 2 records could not be read" in lines[0]
    told = [line for line in lines if line.startswith("error: ")]
    assert len(told) == 3
    assert f"error: {first}: record 0: damaged bytes between" in ran.out
    assert f"error: {second}: record 4: the file is truncated" in ran.out
    assert f"error: {third}: is missing; 2 of the 3 shards of data are there" in ran.out
    severities = [
        line.split(":")[0] for line in lines if line.split(":")[0] in "error warning note"
    ]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_json_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(tmp_path / "data", copies=3)
    ran = run(capsys, "data", "check", folder, "--json", "--strict")
    assert ran.code == 1
    told = json.loads(ran.out)
    assert list(told) == ["format", "counts", "figures", "findings"]
    assert told["format"] == 1 and told["counts"] == {"error": 0, "warning": 1, "note": 0}
    assert told["figures"]["fingerprint"] == open_dataset(folder).fingerprint
    (finding,) = told["findings"]
    assert set(finding) == KEYS
    assert (finding["code"], finding["count"]) == ("duplicate", 3)
    assert len(finding["places"]) == 3


def test_after_a_split_that_leaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data(tmp_path / "data")
    assert run(capsys, "data", "split", folder, "--by", "random").code == 0
    ran = run(capsys, "data", "check", folder)
    assert ran.code == 2 and "its group g" in ran.out and "(from split.json)" in ran.out
    assert run(capsys, "data", "split", folder, "--overwrite").code == 0
    assert run(capsys, "data", "check", folder).code == 0


def test_simulated_data_is_called_simulated(
    small_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "data", "check", small_data, "--workers=1")
    assert "76 samples (simulated)" in ran.out and ran.code == 0


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "found no such file" in mistakes(run(capsys, "data", "check", tmp_path / "x"))[0]
    (tmp_path / "notes.txt").write_text("no records")
    for path in (tmp_path, tmp_path / "notes.txt"):
        ran = run(capsys, "data", "check", path, "--json")
        assert len(mistakes(ran)) == 1 and ran.out == ""
    told = mistakes(run(capsys, "data", "check", "--workers=-1", "--jsn=1"))
    assert any("did you mean --json" in line for line in told)
    assert any("DATA is required" in line for line in told)
    assert any("workers is -1" in line for line in told)
