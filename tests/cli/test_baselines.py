"""`bimae baselines`, through the front door."""

import json
from pathlib import Path

import pytest

from bimae.data import open_dataset, split_dataset, write_tfrecords
from bimae.evaluate import classifiers, small_networks
from bimae.evaluate.baselines import METHODS
from tests.cli.run import files, mistakes, rows, run
from tests.data.small_samples import sample

QUICK = "majority,lda-spectra,forest-spectra"
PER_RUN = {"results.json", "confusion_matrix.png", "predictions.csv"}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_networks, "ROUNDS", 1)
    monkeypatch.setattr(small_networks, "STEPS_A_ROUND", 1)
    monkeypatch.setattr(classifiers, "ROUNDS", 2)


def told(folder: Path) -> dict:
    return json.loads((folder / "baselines.json").read_text(encoding="utf-8"))


def without_clock(found: dict) -> dict:
    for row in found["rows"]:
        row.pop("seconds")
        for each in row["runs"]:
            each.pop("seconds")
    return found


def test_all_methods_in_one_table(
    small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "baselines", small_data, "--seeds=1", "--out", tmp_path / "out")
    assert ran.code == 0, ran
    found = told(tmp_path / "out")
    assert [row["method"] for row in found["rows"]] == list(METHODS)
    assert found["simulated"] is True and found["shots"] == "all"
    split = split_dataset(open_dataset(small_data))
    assert found["split"] == split.summary()
    for row in found["rows"]:
        line = next(text for text in ran.out.splitlines() if text.startswith(row["method"] + " "))
        assert f"{row['accuracy']:.3f}" in line and f"{row['macro_f1']:.3f}" in line
        assert row["samples"] == len(split.test) == sum(map(sum, row["confusion_matrix"]))
        assert row["accuracy_std"] is None
    assert "simulated data: these figures say nothing" in ran.out


def test_both_ways_with_seeds_and_what_is_left_behind(
    small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["baselines", f"--data={small_data}", f"--methods={QUICK}", "--balanced=both"]
    out = tmp_path / "out"
    ran = run(capsys, *words, "--seeds=2", "--seed=5", f"--out={out}")
    assert ran.code == 0, ran
    forest = ("forest-spectra", "forest-spectra-balanced")
    folders = ["majority", "lda-spectra", "lda-spectra-balanced"]
    folders += [f"{name}/seed-{seed}" for name in forest for seed in (5, 6)]
    assert files(out) == {"baselines.json"} | {f"{f}/{name}" for f in folders for name in PER_RUN}
    found = told(out)
    assert [(row["method"], row["balanced"]) for row in found["rows"]] == [
        ("majority", False),
        ("lda-spectra", False),
        ("lda-spectra", True),
        ("forest-spectra", False),
        ("forest-spectra", True),
    ]
    drawn = found["rows"][3]
    assert [each["seed"] for each in drawn["runs"]] == [5, 6]
    values = [each["accuracy"] for each in drawn["runs"]]
    assert drawn["accuracy"] == pytest.approx(sum(values) / 2)
    assert drawn["accuracy_std"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert " ± " in ran.out
    for each in drawn["runs"]:
        answers = rows(out / each["folder"] / "predictions.csv")
        right = sum(row["correct"] == "yes" for row in answers)
        assert right / len(answers) == pytest.approx(each["accuracy"])
    # Again over the same folder: the same figures.
    assert run(capsys, *words, "--seeds=2", "--seed=5", f"--out={out}").code == 0
    assert without_clock(told(out)) == without_clock(found)


def labelled(folder: Path, **other: object) -> Path:
    made = [sample(i, label="abc"[i % 3], group=None, rgb=24, hs=4) for i in range(45)]
    write_tfrecords(folder, made, **other)
    return folder


def test_shots_are_drawn_anew_with_each_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = labelled(tmp_path / "data"), tmp_path / "out"
    ran = run(
        capsys, "baselines", data, "--methods=lda-spectra", "--shots=2", "--seeds=3", "--out", out
    )
    assert ran.code == 0, ran
    assert "shots    2 training samples of each class" in ran.out
    found = told(out)
    assert found["shots"] == 2
    assert [each["seed"] for each in found["rows"][0]["runs"]] == [0, 1, 2]
    texts = {(out / f"lda-spectra/seed-{s}/predictions.csv").read_text() for s in range(3)}
    assert len(texts) == 3


def test_classes_left_out_are_in_no_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = labelled(tmp_path / "data"), tmp_path / "out"
    words = ("baselines", data, "--methods=lda-spectra", "--leave-out=b", f"--out={out}")
    assert run(capsys, *words).code == 0
    found = told(out)
    assert found["rows"][0]["classes"] == ["a", "c"]
    assert found["rows"][0]["samples"] > 0 and "without b" in found["split"]["how"]
    lines = mistakes(run(capsys, "baselines", data, "--leave-out=a,b"))
    assert "leave_out names 'a,b', which is no class" in lines[0]
    assert "several are words of their own: 'a' 'b'" in lines[0]
    lines = mistakes(run(capsys, "baselines", data, "--leave-out=d"))
    assert "leave_out names 'd', which is no class of these data; they have a, b, c" in lines[0]


def test_mistakes_in_options_are_told_at_once(
    small_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(
        capsys,
        *("baselines", small_data, "--methods=majority,svn-spectra", "--shots=few", "--seed=-1"),
        *("--seeds=0", "--balanced=perhaps"),
    )
    lines = mistakes(ran)
    for text in ("'svn-spectra' is none of: majority, ", "seed is -1", "seeds is 0"):
        assert any(text in line for line in lines), (text, lines)
    assert any("shots is 'few'; a whole number from 1, or all" in line for line in lines)
    assert any("--balanced 'perhaps'" in line for line in lines)
    assert ran.out == ""
    assert "at least one name" in mistakes(run(capsys, "baselines", small_data, "--methods=,"))[0]


def test_too_many_shots_name_the_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = labelled(tmp_path / "data")
    lines = mistakes(run(capsys, "baselines", data, "--shots=14", "--out", tmp_path / "out"))
    assert "fewer training samples (a " in lines[0] and "at most " in lines[0]
    assert len(lines) == 1 and not (tmp_path / "out").exists()


def test_no_test_part_no_labels_and_a_full_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = [sample(i, label=None, group="only", rgb=24, hs=4) for i in range(6)]
    write_tfrecords(tmp_path / "bare", bare)
    lines = mistakes(run(capsys, "baselines", tmp_path / "bare", "--methods", QUICK))
    assert len(lines) == 1
    assert "none of 6 samples has a label" in lines[0]
    named = [sample(i, label="ab"[i % 2], group="only", rgb=24, hs=4) for i in range(6)]
    write_tfrecords(tmp_path / "named", named)
    (line,) = mistakes(run(capsys, "baselines", tmp_path / "named", "--methods", QUICK))
    assert "no test part, expected samples to test on" in line
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    data = labelled(tmp_path / "data")
    (line,) = mistakes(run(capsys, "baselines", data, "--methods", QUICK, "--out", full))
    assert line.endswith(f"{full}: holds other files; name another --out")
    (line,) = mistakes(run(capsys, "baselines", data, "--out", full / "mine.txt"))
    assert "a file, a folder is expected" in line


def test_help_lists_every_method(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(capsys, "baselines", "--help")
    text = "".join(capsys.readouterr().out.split())
    assert all(name in text for name in METHODS)
