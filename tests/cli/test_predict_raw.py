"""`bimae predict` of a camera's files: trays, folders, single scans."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bimae.cli import main
from bimae.data import DatasetInfo, open_dataset
from bimae.data.importing import work
from bimae.data.simulate.trays import write_simulated_tray
from tests.cli.run import mistakes, rows, run

TRAY = {"lines": 200, "samples": 260, "seeds": 12, "bands": 12, "photo_scale": 2.0}


@pytest.fixture(scope="module")
def trays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trays, one of them with seeds that touch or lie across the edge."""
    folder = tmp_path_factory.mktemp("raw") / "trays"
    for number, odd in enumerate(({}, {"touching": 1, "cut": 1})):
        write_simulated_tray(
            folder, f"tray-{number}", species=("g. tetrahit",), seed=number, **TRAY | odd
        )
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("raw") / "folders"
    words = ["data", "simulate", str(out), "--layout=folders", "--per-class=1", "--bands=12"]
    assert main.run(words) == 0
    return out


def test_every_seed_of_a_tray_has_a_row(
    capsys: pytest.CaptureFixture[str], finetuned: Path, trays: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.csv"
    ran = run(capsys, "predict", finetuned, trays, "--out", out, "--workers=1", "--keep-import")
    assert ran.code == 0, ran.err
    assert "found    scans of many seeds" in ran.err
    assert ran.out.splitlines()[-1] == f"written  {out}"
    assert len(ran.out.splitlines()) == 3
    kept = tmp_path / "a.csv.import"
    samples, seeds = open_dataset(kept), rows(kept / "seeds.csv")
    assert len(list((kept / "trays").glob("*.png"))) == 2  # where the numbers are drawn
    assert samples.hs_size == 8 and samples.rgb_size == 48  # as the model has them
    found = rows(out)
    assert [row["id"] for row in found] == samples.ids
    assert len(found) == len(seeds) > 20
    for row, seed in zip(found, seeds, strict=True):
        assert row["id"] == f"{seed['scan']}/{int(seed['number']):03d}"
        assert row["group"] == seed["scan"]
        assert row["number"] == seed["number"]
        assert row["flags"] == (seed["flags"] or "whole")
    flags = {flag for row in found for flag in row["flags"].split()}
    assert flags >= {"whole", "touching", "cut"}
    # the same from what was kept, as TFRecords
    again = tmp_path / "again.csv"
    assert run(capsys, "predict", finetuned, kept, "--out", again).code == 0
    assert again.read_bytes() == out.read_bytes()


def test_seeds_are_cut_as_those_that_the_model_learned_from(
    capsys: pytest.CaptureFixture[str], finetuned: Path, trays: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(finetuned / "model", model)
    about = json.loads((model / "about.json").read_text())
    assert about["data"]["seed_side"] is None  # it learned from no trays
    about["data"]["seed_side"] = 61
    (model / "about.json").write_text(json.dumps(about))
    words = ("predict", model, trays, "--out", tmp_path / "a.csv", "--workers=1", "--keep-import")
    assert run(capsys, *words).code == 0
    assert open_dataset(tmp_path / "a.csv.import").info.seed_side == 61


def test_a_scan_by_itself_and_nothing_is_left(
    capsys: pytest.CaptureFixture[str], finetuned: Path, trays: Path, tmp_path: Path
) -> None:
    for file in trays.glob("*tray-0.*"):
        shutil.copy(file, tmp_path)
    scan, out = tmp_path / "tray-0.hdr", tmp_path / "a.jsonl"  # beside it, as one would
    before = {path.name for path in tmp_path.iterdir()}
    ran = run(capsys, "predict", finetuned, scan, "--out", out, "--workers=1")
    assert ran.code == 0, ran.err
    assert "--keep-import keeps it" in ran.err
    assert {path.name for path in tmp_path.iterdir()} == {*before, "a.jsonl"}
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == 12
    assert {line["group"] for line in lines} == {"tray-0"}
    assert [line["number"] for line in lines] == list(range(1, 13))


def test_a_folder_of_seeds_and_one_that_cannot_be_read(
    capsys: pytest.CaptureFixture[str], finetuned: Path, folders: Path, tmp_path: Path
) -> None:
    src, out = tmp_path / "src", tmp_path / "a.csv"
    shutil.copytree(folders, src)
    broken = next(iter(sorted(src.rglob("*.png"))))
    broken.write_bytes(b"no picture")
    ran = run(capsys, "predict", finetuned, src, "--out", out, "--workers=1")
    assert ran.code == 0, ran.err
    assert f"{broken}: cannot be read as an RGB image" in ran.err
    assert "answers  18 SIMULATED samples" in ran.out
    assert "left out 1 item: " in ran.out
    found = rows(out)
    assert len(found) == 18
    assert "flags" not in found[0]  # these lay on no tray
    assert {row["label"] for row in found} <= {path.name for path in src.iterdir()}


def test_a_folder_s_name_is_no_truth_unless_it_is_a_class(
    capsys: pytest.CaptureFixture[str],
    finetuned: Path,
    trays: Path,
    tmp_path: Path,
) -> None:
    """A scan in a folder of its own, as a camera leaves it; and seeds, some of them in classes."""
    lot = tmp_path / "lot"
    lot.mkdir()
    for file in trays.glob("*tray-0.*"):
        shutil.copy(file, lot / file.name.replace("tray-0", "lot"))
    out = tmp_path / "a.csv"
    ran = run(capsys, "predict", finetuned, lot, "--out", out, "--workers=1")
    assert ran.code == 0, ran.err
    assert "note: the folder lot is no class of this model, so no label is taken" in ran.err
    found = rows(out)
    assert "label" not in found[0] and {row["group"] for row in found} == {"lot"}

    cubes = tmp_path / "cubes"
    for name in ("b. napus", "tuesday"):
        (cubes / name).mkdir(parents=True)
        np.save(cubes / name / "1.npy", np.full((8, 8, 12), 7, np.uint8))
    table = tmp_path / "seeds.csv"
    table.write_text("path_hs,label\ncubes/tuesday/1.npy,tuesday\n")
    for src, labels in ((cubes, ["b. napus", ""]), (table, ["tuesday"])):
        ran = run(capsys, "predict", finetuned, src, "--out", out, "--workers=1", "--overwrite")
        assert ran.code == 0, ran.err
        assert [row["label"] for row in rows(out)] == labels
        assert ("the folder tuesday is no class" in ran.err) == (src is cubes)


def test_stopped_while_importing_and_while_answering(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    finetuned: Path,
    folders: Path,
    tmp_path: Path,
) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "a.csv"
    assert run(capsys, "predict", finetuned, folders, "--out", whole, "--workers=1").code == 0
    words = ("predict", finetuned, folders, "--out", out, "--workers=1", "--batch-size=64")

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "do_unit", stop)
    ran = run(capsys, *words)
    assert ran.code == 130
    assert "stopped; the same command goes on where it was" in ran.err
    assert not (tmp_path / "a.csv.part").exists()
    monkeypatch.undo()
    monkeypatch.setattr("bimae.predict.network.answers", stop)
    ran = run(capsys, *words)
    assert ran.code == 130
    assert "stopped; the same command goes on where it was" in ran.err
    assert (tmp_path / "a.csv.import").is_dir()
    monkeypatch.undo()
    monkeypatch.setattr(work, "do_unit", stop)  # nothing is read a second time
    ran = run(capsys, *words)
    assert ran.code == 0, ran.err
    assert "the files were imported by an earlier run" in ran.err
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "whole.csv"]


def test_files_that_changed_are_imported_anew(
    capsys: pytest.CaptureFixture[str], finetuned: Path, folders: Path, tmp_path: Path
) -> None:
    src, out = tmp_path / "src", tmp_path / "a.csv"
    shutil.copytree(folders, src)
    words = ("predict", finetuned, src, "--out", out, "--keep-import", "--workers=1", "--overwrite")
    assert run(capsys, *words).code == 0
    assert "imported by an earlier run" in run(capsys, *words).err
    assert "imported by an earlier run" not in run(capsys, *words, "--bad-bands=keep").err
    shutil.rmtree(next(path for path in sorted(src.iterdir()) if path.is_dir()))
    ran = run(capsys, *words)
    assert "imported by an earlier run" not in ran.err
    assert "answers  18 SIMULATED samples" in ran.out


def test_mistakes(
    capsys: pytest.CaptureFixture[str], finetuned: Path, folders: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out" / "a.csv"

    def line(*words: object) -> str:
        (found,) = mistakes(run(capsys, "predict", finetuned, *words, "--workers=1"))
        return found

    (tmp_path / "empty").mkdir()
    assert "expected TFRecords, an ENVI scan (.hdr)" in line(tmp_path / "empty", "--out", out)
    inside = folders / "answers.csv"
    assert "lies in" in line(folders, "--out", inside)
    assert not inside.exists()
    table = tmp_path / "seeds.csv"
    table.write_text("path_hs\nx.npy\n")
    assert "is the data themselves" in line(table, "--out", table, "--overwrite")
    assert table.read_text() == "path_hs\nx.npy\n"
    assert "white: nowhere.hdr is not there" in line(folders, "--out", out, "--white=nowhere.hdr")
    for number in range(2):
        seed = tmp_path / "src" / "oat" / f"{number}.npy"
        seed.parent.mkdir(parents=True, exist_ok=True)
        np.save(seed, np.full((8, 8, 5), number + 1, np.uint8))
    told = line(tmp_path / "src", "--out", out)
    # the user's name for the data, not that of the folder they were imported to
    assert told.endswith("use data of the same sensor")
    assert f"{tmp_path / 'src'}: images have 5 bands, this model was made for 12" in told
    assert "no declared parts" in line(folders, "--out", out, "--part=test")
    (tmp_path / "notes.txt").write_text("no records")
    assert "notes.txt" in line(tmp_path / "notes.txt", "--out", out)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_report_keeps_the_numbered_picture_of_its_tray(
    finetuned: Path, trays: Path, tmp_path: Path
) -> None:
    (scan,) = trays.rglob("tray-0.hdr")
    words = ["purity", str(finetuned), str(scan), "--crop=b. napus", "--calibrated=false"]
    out = tmp_path / "lot"
    assert main.run([*words, f"--out={out}", "--pdf=false", "--keep-import=true"]) == 0
    assert list((tmp_path / "lot.import" / "trays").glob("*.png"))


KILLED = """
import os, sys
from bimae.cli import main, predict_import
predict_import.Source.clear = lambda *_, **__: os._exit(9)
main.run(sys.argv[1:])
"""


@pytest.mark.parametrize("keep", [False, True])
def test_what_a_kill_after_the_last_row_leaves_is_removed_by_the_next_run(
    capsys: pytest.CaptureFixture[str], finetuned: Path, folders: Path, tmp_path: Path, keep: bool
) -> None:
    out, kept = tmp_path / "a.csv", tmp_path / "a.csv.import"
    words = ("predict", finetuned, folders, "--out", out, "--workers=1", f"--keep-import={keep}")
    killed = subprocess.run([sys.executable, "-c", KILLED, *map(str, words)], check=False)
    assert killed.returncode == 9
    assert out.is_file() and kept.is_dir()
    before = out.read_bytes()
    (tmp_path / "a.csv.part.json").write_text("{}")  # as a kill a moment earlier leaves it
    (line,) = mistakes(run(capsys, *words))
    assert "is there already" in line
    assert kept.exists() == keep
    assert out.read_bytes() == before
    names = ["a.csv", "a.csv.import"] if keep else ["a.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_what_is_being_written_anew_is_no_left_over(
    capsys: pytest.CaptureFixture[str], finetuned: Path, folders: Path, tmp_path: Path
) -> None:
    out, kept = tmp_path / "a.csv", tmp_path / "a.csv.import"
    words = ("predict", finetuned, folders, "--out", out, "--workers=1")
    assert run(capsys, *words, "--keep-import=true").code == 0
    DatasetInfo.add(kept, removed_at_end=True)
    (tmp_path / "a.csv.part").touch()  # of a run with --overwrite that was stopped, or goes on
    assert "is there already" in mistakes(run(capsys, *words))[0]
    assert kept.is_dir()
