"""`bimae probe` through the front door."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bimae.data import DatasetInfo, Split, open_dataset, write_tfrecords
from bimae.evaluate.classification import score
from bimae.evaluate.frozen import parts_of
from bimae.evaluate.probe import lda_probe, linear_probe
from bimae.model import BiMAE
from bimae.spectra import BandSelection
from tests.cli.run import FAST, Ran, files, mistakes, run


def probe(capsys: pytest.CaptureFixture[str], weights: object, data: Path, *words: object) -> Ran:
    return run(capsys, "probe", "--weights", weights, "--data", data, *words)


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "probe.json").read_text())
    return found


def test_pretrained_beside_random_weights(
    capsys: pytest.CaptureFixture[str], pretrained: Path, small_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "p"
    ran = probe(capsys, pretrained, small_data, "--bands=step_4", "--out", out)
    assert ran.code == 0, ran.err
    assert files(out) == {"probe.json"}
    found = told(out)
    assert found["simulated"] is True
    assert "SIMULATED DATA" in ran.out
    pairs = [(row["features"], row["method"]) for row in found["rows"]]
    assert pairs == [
        ("frozen, pretrained", "linear"),
        ("frozen, pretrained", "knn"),
        ("frozen, pretrained", "lda"),
        ("frozen, random weights", "linear"),
        ("frozen, random weights", "knn"),
        ("frozen, random weights", "lda"),
    ]
    table = ran.out[ran.out.index("SIMULATED DATA") :].splitlines()[1:7]
    for line, row in zip(table, found["rows"], strict=True):
        assert line.startswith(row["features"])
        assert line.split()[-2:] == [f"{row['accuracy']:.3f}", f"{row['macro_f1']:.3f}"]
        name = {"linear": "C", "knn": "k", "lda": "shrinkage"}[row["method"]]
        setting = row[name] if row[name] == "auto" else f"{row[name]:g}"
        assert f" {name} {setting} " in line
        assert not row["tried"] or setting in row["tried"]
    # the figures are those of the library on the split that the run used
    samples = open_dataset(small_data)
    split = Split.load(pretrained / "split.json", samples)
    bands = BandSelection("step_4").channels(12)
    parts = parts_of(BiMAE.from_pretrained(pretrained), samples, split, bands=bands)
    for row, done in ((0, linear_probe(parts)), (2, lda_probe(parts))):
        expected = score(done.predictions)
        assert found["rows"][row]["macro_f1"] == pytest.approx(expected.macro_f1)
        assert found["rows"][row]["confusion_matrix"] == expected.confusion.tolist()
    assert next(iter(found["rows"][2]["tried"])) == "auto"
    assert found["samples"] == {p: len(getattr(split, p)) for p in ("train", "val", "test")}
    # and the same once more
    first = (out / "probe.json").read_text()
    assert probe(capsys, pretrained, small_data, "--bands=step_4", "--out", out).code == 0
    assert (out / "probe.json").read_text() == first


def test_the_runs_own_split_goes_before_that_of_the_data(
    capsys: pytest.CaptureFixture[str], pretrained: Path, small_data: Path, tmp_path: Path
) -> None:
    words = ("--modality=rgb", "--control=false")
    theirs = tmp_path / "r"
    shutil.copytree(pretrained, theirs)
    samples = open_dataset(small_data)
    order = tuple(range(len(samples)))
    Split(order[:50], order[50:60], order[60:], "by hand").save(theirs / "split.json", samples)
    assert probe(capsys, theirs, small_data, *words).code == 0
    found = told(theirs / "probe-data")
    assert (found["split"], found["samples"]["test"]) == ("by hand", 16)
    # other data: their own split is followed
    other = tmp_path / "other"
    write_tfrecords(other / "train", samples[:40])
    write_tfrecords(other / "test", samples[40:])
    assert probe(capsys, theirs, other, *words).code == 0
    assert told(theirs / "probe-other")["samples"]["test"] == 36


def test_random_weights_alone(
    capsys: pytest.CaptureFixture[str], pretrained: Path, small_data: Path, tmp_path: Path
) -> None:
    """They are those of the control beside a model of the same sizes."""
    words = ("--bands=step_4", "--seed=3", "--modality=hs")
    ran = probe(capsys, "none", small_data, *words, "--out", tmp_path / "none")
    assert ran.code == 0, ran.err
    alone = told(tmp_path / "none")
    assert {row["features"] for row in alone["rows"]} == {"frozen, random weights"}
    theirs = tmp_path / "m"
    shutil.copytree(pretrained / "model", theirs)  # without a split of its own
    assert probe(capsys, theirs, small_data, *words, "--out", tmp_path / "both").code == 0
    both = told(tmp_path / "both")
    assert both["split"] == alone["split"]
    assert both["rows"][3:] == alone["rows"]
    assert both["rows"][:3] != alone["rows"]
    before = files(tmp_path)
    assert probe(capsys, "none", small_data, *words).code == 0
    assert files(tmp_path) == before


def test_views_are_pooled_apart(
    capsys: pytest.CaptureFixture[str], pretrained: Path, small_data: Path, tmp_path: Path
) -> None:
    words = ("--bands=step_4", "--control=false", "--pool=views", "--out", tmp_path / "p")
    assert probe(capsys, pretrained, small_data, *words).code == 0
    assert told(tmp_path / "p")["dimensions"] == 2 * 192


def test_a_mean_is_taken_before_the_norm_where_asked_for(
    capsys: pytest.CaptureFixture[str], pretrained: Path, small_data: Path, tmp_path: Path
) -> None:
    """And where the head of a classifier sees that."""
    words = ("--modality=rgb", "--control=false", "--out", tmp_path / "p")
    rows = {}
    for asked in ("auto", "mean", "raw_mean"):
        ran = probe(capsys, pretrained, small_data, *words, f"--pool={asked}")
        assert ran.code == 0, ran.err
        found = told(tmp_path / "p")
        used = "mean" if asked == "auto" else asked
        assert found["pool"] == used
        assert f"pool     {used}: over all tokens" in ran.out
        rows[asked] = found["rows"]
    assert rows["auto"] == rows["mean"]
    samples = open_dataset(small_data)
    split = Split.load(pretrained / "split.json", samples)
    how = {"modality": "rgb", "pool": "raw_mean"}
    parts = parts_of(BiMAE.from_pretrained(pretrained), samples, split, **how)
    expected = score(linear_probe(parts).predictions)
    assert rows["raw_mean"][0]["confusion_matrix"] == expected.confusion.tolist()

    out = tmp_path / "b"
    tuned = ("finetune", "--data", small_data, "--out", out, "--weights", pretrained, *FAST)
    assert run(capsys, *tuned, "--bands=step_4", "--pool=raw_mean").code == 0
    assert probe(capsys, out, small_data, "--out", tmp_path / "q").code == 0
    assert told(tmp_path / "q")["pool"] == "raw_mean"
    assert probe(capsys, out, small_data, "--pool=mean", "--out", tmp_path / "q").code == 0
    assert told(tmp_path / "q")["pool"] == "mean"


def test_a_fine_tuned_classifier_sees_what_it_was_trained_with(
    capsys: pytest.CaptureFixture[str], finetuned: Path, small_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "p"
    ran = probe(capsys, finetuned, small_data, "--out", out)
    assert ran.code == 0, ran.err
    assert "read     RGB and 3 bands" in ran.out
    assert told(out)["rows"][0]["features"] == "frozen, fine-tuned"
    same = ("--bands=0,4,8", "--modality=bimodal", "--scale=before", "--control=false")
    assert probe(capsys, finetuned, small_data, *same, "--out", out).code == 0
    lines = mistakes(
        probe(capsys, finetuned, small_data, "--bands=0,4", "--modality=hs", "--scale=after")
    )
    assert [line.split()[2] for line in lines] == ["modality", "scale", "bands"]
    assert "was trained with bimodal" in lines[0]


def test_few_shots(
    capsys: pytest.CaptureFixture[str], pretrained: Path, small_data: Path, tmp_path: Path
) -> None:
    words = ("--modality=rgb", "--control=false")
    ran = probe(capsys, pretrained, small_data, *words, "--shots=1", "--out", tmp_path / "p")
    assert ran.code == 0, ran.err
    found = told(tmp_path / "p")
    assert (found["shots"], found["samples"]["train"]) == (1, 19)
    lines = mistakes(probe(capsys, pretrained, small_data, *words, "--shots=50"))
    assert "shots=50: 19 classes have fewer training samples" in lines[0]


def without_labels(data: Path, out: Path) -> None:
    write_tfrecords(out, [replace(s, label=None) for s in open_dataset(data)[:8]])


def without_test(data: Path, out: Path) -> None:
    write_tfrecords(out / "train", open_dataset(data)[:8])
    write_tfrecords(out / "val", open_dataset(data)[8:10])


def of_other_bands(data: Path, out: Path) -> None:
    write_tfrecords(out, [replace(s, hs=s.hs[..., :10]) for s in open_dataset(data)[:8]])


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (without_labels, "none of 8 samples has a label"),
        (without_test, "the test part is empty"),
        (of_other_bands, "images have 10 bands, the model"),
    ],
)
def test_data_that_cannot_be_probed(
    capsys: pytest.CaptureFixture[str],
    pretrained: Path,
    small_data: Path,
    tmp_path: Path,
    make: Any,
    expected: str,
) -> None:
    make(small_data, tmp_path / "d")
    ran = probe(capsys, pretrained, tmp_path / "d", "--out", tmp_path / "p")
    (line,) = mistakes(ran)
    assert expected in line
    assert str(tmp_path / "d") in line
    assert not ran.out
    assert not (tmp_path / "p").exists()


def test_a_classifiers_wavelengths_are_looked_at(
    capsys: pytest.CaptureFixture[str], finetuned: Path, small_data: Path, tmp_path: Path
) -> None:
    samples = open_dataset(small_data)
    assert samples.wavelengths_nm is not None
    shutil.copytree(small_data, tmp_path / "d")
    moved = tuple(nm + 400 for nm in samples.wavelengths_nm)
    DatasetInfo(simulated=True, wavelengths_nm=moved).save(tmp_path / "d")
    (line,) = mistakes(probe(capsys, finetuned, tmp_path / "d"))
    assert "use data of the same sensor" in line


def test_images_of_other_sizes_are_brought_to_the_models(
    capsys: pytest.CaptureFixture[str], pretrained: Path, small_data: Path, tmp_path: Path
) -> None:
    large = [
        replace(s, rgb=s.rgb.repeat(2, axis=0).repeat(2, axis=1)) for s in open_dataset(small_data)
    ]
    write_tfrecords(tmp_path / "d", large)
    words = ("--modality=rgb", "--control=false", "--out", tmp_path / "p")
    ran = probe(capsys, pretrained, tmp_path / "d", *words)
    assert ran.code == 0, ran.err
    assert "note: RGB images such as 96x96 are brought to 48x48" in ran.out


def test_every_mistake_is_told_before_any_work(
    capsys: pytest.CaptureFixture[str], small_data: Path, tmp_path: Path
) -> None:
    words = (
        "--modality=rgb", "--bands=step_x", "--pool=views", "--shots=0", "--batch-size=0",
        "--seed=-1", "--model=huge", "--patch-size=0",
    )  # fmt: skip
    lines = mistakes(probe(capsys, tmp_path / "missing", small_data, *words))
    for name in ("bands is", "band selection", "pool is", "shots is", "batch_size", "seed is"):
        assert any(name in line for line in lines), name
    assert sum("is of use with --weights none only" in line for line in lines) == 2
    (line,) = mistakes(probe(capsys, tmp_path / "missing", small_data))
    assert "does not exist" in line
    line, *_ = mistakes(probe(capsys, "none", small_data, "--shots=some"))
    assert "--shots 'some'" in line


def test_sizes_that_no_model_can_have(capsys: pytest.CaptureFixture[str], small_data: Path) -> None:
    (line,) = mistakes(probe(capsys, "none", small_data, "--patch-size=20"))
    assert "rgb_size 48 is not a multiple of patch_size 20" in line


def test_other_files_are_left_alone(
    capsys: pytest.CaptureFixture[str], pretrained: Path, small_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (line,) = mistakes(probe(capsys, pretrained, small_data, "--out", tmp_path))
    assert "holds other files" in line
    (line,) = mistakes(probe(capsys, pretrained, small_data, "--out", tmp_path / "notes.txt"))
    assert "is a file" in line
    assert files(tmp_path) == {"notes.txt"}
