"""`bimae predict` through the front door, on TFRecords."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bimae.cli import main
from bimae.data import DatasetInfo, Split, open_dataset, write_tfrecords
from bimae.evaluate.answers import Answers, answers
from bimae.evaluate.looks import look
from bimae.model import SeedClassifier
from bimae.predict.calibrated import load
from bimae.predict.rows import joined, parted, rounded
from tests.cli.run import FAST, mistakes, rows, run

BATCH = "--batch-size=10"


def said(model: Path, data: Path, batch_size: int = 64) -> list[Answers]:
    loaded = SeedClassifier.from_pretrained(model)
    samples = open_dataset(data, hs_size=8, rgb_size=48)
    looks = look(loaded, samples, labels=False)
    return list(answers(loaded, samples, range(len(samples)), looks, batch_size=batch_size))


def test_a_row_for_each_sample(
    capsys: pytest.CaptureFixture[str], finetuned: Path, small_data: Path, tmp_path: Path
) -> None:
    ran = run(capsys, "predict", finetuned, small_data, "--out", tmp_path / "new" / "a.csv")
    assert ran.code == 0, ran.err
    assert "not calibrated" in ran.err and f"bimae calibrate {finetuned}" in ran.err
    first, second, last = ran.out.splitlines()
    assert first == "answers  76 SIMULATED samples"
    assert second.startswith("classes  ")
    assert last == f"written  {tmp_path / 'new' / 'a.csv'}"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.csv"]
    found, samples = rows(tmp_path / "new" / "a.csv"), open_dataset(small_data)
    classes = SeedClassifier.from_pretrained(finetuned).config.classes
    odds_of = [f"p({name})" for name in classes]
    assert list(found[0]) == ["id", "group", "label", "class", "probability", *odds_of, "simulated"]
    assert [row["id"] for row in found] == samples.ids
    assert [row["group"] for row in found] == samples.groups
    assert [row["label"] for row in found] == samples.labels
    told = [one for batch in said(finetuned, small_data) for one in batch.probabilities()]
    for row, one in zip(found, told, strict=True):
        odds = [float(row[name]) for name in odds_of]
        assert odds == pytest.approx(one.tolist(), rel=1e-6)
        assert float(row["probability"]) == max(odds)
        assert row["class"] == classes[int(np.argmax(odds))]


def test_calibrated_answers_are_what_the_calibration_makes_of_logits(
    capsys: pytest.CaptureFixture[str], calibrated: Path, small_data: Path, tmp_path: Path
) -> None:
    ran = run(capsys, "predict", calibrated, small_data, "--out", tmp_path / "a.csv")
    assert ran.code == 0, ran.err
    assert "not calibrated" not in ran.err
    (made,) = load(calibrated / "model")
    found = iter(rows(tmp_path / "a.csv"))
    rejected = named = 0
    for batch in said(calibrated, small_data):
        judged = made.judge(batch.logits, batch.features)
        for i in range(len(batch.index)):
            row, odds = next(found), judged.probabilities[i]
            best = sorted(np.flatnonzero(judged.sets[i]).tolist(), key=lambda n: -odds[n])
            assert row["set"] == joined([made.classes[number] for number in best])
            assert row["class"] == made.classes[best[0]]
            assert row["rejected"] == ("yes" if judged.rejected[i] else "no")
            assert float(row["strangeness"]) == rounded(judged.strangeness[i])
            assert [float(row[f"p({name})"]) for name in made.classes] == [
                rounded(value) for value in odds
            ]
            rejected += int(judged.rejected[i])
            named += len(best)
    assert next(found, None) is None
    assert rejected > 0
    assert f"76 SIMULATED samples, {rejected} rejected as strange" in ran.out
    assert f"sets     of 70%: {named / 76:.2f} classes on average" in ran.out
    counted = re.findall(r"(?:  |, )([a-z]\. [\w-]+) (\d+)", ran.out)
    taken = [row["class"] for row in rows(tmp_path / "a.csv") if row["rejected"] == "no"]
    for name, number in counted:
        assert taken.count(name) == int(number)


def test_without_its_calibration(
    capsys: pytest.CaptureFixture[str],
    calibrated: Path,
    finetuned: Path,
    small_data: Path,
    tmp_path: Path,
) -> None:
    ran = run(capsys, "predict", calibrated, small_data, "--out", tmp_path / "a.csv",
              "--calibrated=false")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "not calibrated" not in ran.err  # the user knows
    assert run(capsys, "predict", finetuned, small_data, "--out", tmp_path / "b.csv").code == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def _formats(model: Path, data: Path, folder: Path, names: tuple[str, ...]) -> dict[str, Any]:
    for name in names:
        out = folder / f"a.{name}"
        assert main.run(["predict", str(model), str(data), "--out", str(out), BATCH]) == 0
        assert not (folder / f"a.{name}.part").exists()
    lines = (folder / "a.jsonl").read_text().splitlines()
    return {"csv": rows(folder / "a.csv"), "jsonl": [json.loads(line) for line in lines]}


def test_formats_tell_the_same(calibrated: Path, small_data: Path, tmp_path: Path) -> None:
    found = _formats(calibrated, small_data, tmp_path, ("csv", "jsonl"))
    assert len(found["csv"]) == len(found["jsonl"]) == 76
    for one, other in zip(found["csv"], found["jsonl"], strict=True):
        assert list(one) == list(other)
        for name, value in other.items():
            assert one[name] == value if isinstance(value, str) else float(one[name]) == value


def test_parquet_tells_the_same(calibrated: Path, small_data: Path, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    found = _formats(calibrated, small_data, tmp_path, ("csv", "jsonl", "parquet"))
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == found["jsonl"]


def test_labels_are_not_needed(
    capsys: pytest.CaptureFixture[str], finetuned: Path, small_data: Path, tmp_path: Path
) -> None:
    samples = open_dataset(small_data)
    some = [replace(samples[i], label=None, group=None) for i in range(5)]
    write_tfrecords(tmp_path / "none", some)
    some[2] = replace(some[2], label='moss, "dry"')  # of no class of the model
    write_tfrecords(tmp_path / "one", some)
    for name in ("none", "one"):
        out = tmp_path / f"{name}.csv"
        assert run(capsys, "predict", finetuned, tmp_path / name, "--out", out).code == 0
    assert list(rows(tmp_path / "none.csv")[0])[:3] == ["id", "class", "probability"]
    labels = [row["label"] for row in rows(tmp_path / "one.csv")]
    assert labels == ["", "", 'moss, "dry"', "", ""]
    out = tmp_path / "one.jsonl"
    assert run(capsys, "predict", finetuned, tmp_path / "one", "--out", out).code == 0
    told = [json.loads(line)["label"] for line in out.read_text().splitlines()]
    assert told == [None, None, 'moss, "dry"', None, None]


def test_a_sample_that_shows_nothing_is_rejected(
    capsys: pytest.CaptureFixture[str], calibrated: Path, small_data: Path, tmp_path: Path
) -> None:
    samples = open_dataset(small_data)
    some = [samples[i] for i in range(4)]
    some[2] = replace(some[2], hs=np.zeros_like(some[2].hs))
    write_tfrecords(tmp_path / "lot", some)
    shutil.copyfile(small_data / "dataset.json", tmp_path / "lot" / "dataset.json")
    note = f"note: 1 sample, such as {some[2].id}, shows nothing (spectra all zero, or an"
    for words, end in (("--calibrated=true", "rejected"), ("--calibrated=false", "relied on")):
        out = tmp_path / f"{end}.csv"
        ran = run(capsys, "predict", calibrated, tmp_path / "lot", f"--out={out}", words)
        assert ran.code == 0 and note in ran.err, ran.err
        assert ran.err.split(note)[1].splitlines()[0].endswith(end)
    found = rows(tmp_path / "rejected.csv")
    assert found[2]["rejected"] == "yes"
    assert len(parted(found[2]["set"])) == len(samples.classes)
    purity = ("--crop=b. napus", f"--out={tmp_path / 'p'}", "--pdf=false")
    ran = run(capsys, "purity", calibrated, tmp_path / "lot", *purity)
    assert ran.code == 0 and "shows nothing" in " ".join(ran.out.split()), ran.err
    told = json.loads((tmp_path / "p" / "report.json").read_text())
    assert told["counts"]["rejected"] >= 1


def test_a_model_of_simulated_seeds_says_so_of_others(
    capsys: pytest.CaptureFixture[str], calibrated: Path, small_data: Path, tmp_path: Path
) -> None:
    samples = open_dataset(small_data)
    write_tfrecords(tmp_path / "real", [samples[i] for i in range(4)])
    info = DatasetInfo("a lot", wavelengths_nm=samples.wavelengths_nm)
    info.save(tmp_path / "real")
    note = "note: the model learned from SIMULATED seeds; of real ones its answers say nothing"
    for data, told in ((small_data, False), (tmp_path / "real", True)):
        ran = run(capsys, "predict", calibrated, data, f"--out={tmp_path / data.name}.csv")
        assert ran.code == 0, ran.err
        assert (note in ran.err) == told


def test_a_part_where_one_is_asked_for(
    capsys: pytest.CaptureFixture[str], finetuned: Path, small_data: Path, tmp_path: Path
) -> None:
    samples = open_dataset(small_data)
    split = Split.load(finetuned / "split.json", samples)
    for part, expected in (("test", split.test), ("auto", split.test), ("val", split.val)):
        out = tmp_path / f"{part}.csv"
        ran = run(capsys, "predict", finetuned, small_data, "--out", out, "--part", part)
        assert ran.code == 0, ran.err
        assert "its own split is used" in ran.err
        assert [row["id"] for row in rows(out)] == [samples.ids[i] for i in expected]


def test_a_calibration_is_for_one_sensor(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    model, out = tmp_path / "r", tmp_path / "a.csv"
    words = ["finetune", f"--data={small_data}", f"--out={model}", "--any-sensor=true", *FAST]
    assert main.run(words) == 0
    assert main.run(["calibrate", str(model), str(small_data), "--modality=rgb"]) == 0
    (line,) = mistakes(run(capsys, "predict", model, small_data, "--out", out))
    assert "is calibrated for RGB, but is shown both views" in line
    assert "--calibrated false" in line
    ran = run(capsys, "predict", model, small_data, "--out", out, "--modality=rgb")
    assert ran.code == 0, ran.err
    assert "rejected" in rows(out)[0]
    words = ["predict", model, small_data, "--modality=hs", "--bands=step_4", "--calibrated=false"]
    assert run(capsys, *words, "--out", tmp_path / "b.csv").code == 0
    assert [p.name for p in tmp_path.iterdir() if "part" in p.name] == []


def test_mistakes(
    capsys: pytest.CaptureFixture[str],
    finetuned: Path,
    calibrated: Path,
    pretrained: Path,
    small_data: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "a.csv"

    def line(*words: object) -> str:
        *found, last = mistakes(run(capsys, "predict", *words))
        return "\n".join([*found, last])

    assert "--out is required" in line(finetuned, small_data)
    several = line(finetuned, small_data, "--out", out, "--batch-size=0", "--bands=x", "--worker=1")
    for text in ("batch_size is 0", "'x' is not understood", "did you mean --workers"):
        assert text in several
    assert "the name tells no format" in line(finetuned, small_data, "--out", tmp_path / "a.xls")
    assert "is a folder; name a file" in line(finetuned, small_data, "--out", tmp_path,
                                               "--format=csv")  # fmt: skip
    assert "does not exist; a run folder" in line(tmp_path / "no", small_data, "--out", out)
    assert "a pretrained model (BiMAE), but" in line(pretrained, small_data, "--out", out)
    assert "found no such file or folder, expected TFRecords or a camera's files" in line(
        finetuned, tmp_path / "no", "--out", out
    )
    assert "but --calibrated true asks for it" in line(
        finetuned, small_data, "--out", out, "--calibrated=true"
    )
    assert "modality rgb is asked for, but this model reads both views" in line(
        finetuned, small_data, "--out", out, "--modality=rgb"
    )
    assert "--layout, --pairing says how a camera's files are read" in line(
        finetuned, small_data, "--out", out, "--pairing=order", "--layout=tray"
    )
    samples = open_dataset(small_data)
    write_tfrecords(tmp_path / "few", [replace(samples[0], hs=samples[0].hs[:, :, :5])])
    assert "images have 5 bands, this model was made for 12" in line(
        finetuned, tmp_path / "few", "--out", out
    )
    write_tfrecords(tmp_path / "other", [samples[i] for i in range(3)])
    assert "no declared parts" in line(finetuned, tmp_path / "other", "--out", out, "--part=test")
    other = Path(shutil.copytree(calibrated / "model", tmp_path / "model"))
    config = other / "config.json"
    config.write_text(config.read_text().replace("a. arvensis", "a. other"))
    assert "its calibration is of another model" in line(other, small_data, "--out", out)
    # nothing half-written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few", "model", "other"]
    out.write_text("mine")
    assert "is there already; choose another --out, or --overwrite it" in line(
        finetuned, small_data, "--out", out
    )
    assert out.read_text() == "mine"
    assert run(capsys, "predict", finetuned, small_data, "--out", out, "--overwrite").code == 0
    assert len(rows(out)) == 76
