"""`bimae purity` through the front door."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bimae.cli import main
from bimae.data import DatasetInfo, Split, open_dataset, write_tfrecords
from bimae.predict.calibrated import load
from bimae.predict.melding import clopper_pearson
from bimae.report.purity.words import NOTICE
from tests.cli.run import files, mistakes, rows, run

CROP = "--crop=b. napus"


@pytest.fixture(scope="session")
def calibrated_run(
    finetuned: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy that is calibrated, since the shared one is not to be changed."""
    folder = tmp_path_factory.mktemp("calibrated") / "seeds-1"
    shutil.copytree(finetuned, folder, ignore=shutil.ignore_patterns("*.ckpt", "tensorboard"))
    assert main.run(["calibrate", str(folder), str(small_data)]) == 0
    return folder


@pytest.fixture
def lot(small_data: Path, tmp_path: Path) -> Path:
    """Seeds of many species, without labels."""
    samples = open_dataset(small_data)
    some = [samples[i] for i in range(0, len(samples), 2)]
    for sample in some:
        object.__setattr__(sample, "label", None)
    write_tfrecords(tmp_path / "lot", some)
    info = DatasetInfo("lot 7", simulated=True, wavelengths_nm=samples.wavelengths_nm)
    info.save(tmp_path / "lot")
    return tmp_path / "lot"


def test_a_report(
    capsys: pytest.CaptureFixture[str], calibrated_run: Path, lot: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    ran = run(capsys, "purity", calibrated_run, lot, CROP, f"--out={out}", "--pdf=false")
    assert ran.code == 0, ran.err
    assert files(out) == {"report.html", "report.json", "seeds.csv"}
    assert not (tmp_path / "report.import").exists()
    first = ran.out.splitlines()[0]
    assert first == f"SIMULATED DATA purity of lot 7, crop b. napus: {NOTICE}"
    for name in ("report.html", "report.json", "seeds.csv"):
        assert f"written  {out / name}" in ran.out
        assert "SIMULATED DATA" in (out / name).read_text()
        assert NOTICE in (out / name).read_text()
    found = json.loads((out / "report.json").read_text())
    seeds = rows(out / "seeds.csv")
    assert len(seeds) == 38 == found["counts"]["seeds"]
    crop = sum(row["class"] == "b. napus" and row["rejected"] == "no" for row in seeds)
    assert found["counts"]["crop"] == crop
    called = found["purity_by_number"]["rejected_not_the_crop"]["as_called"]
    assert called["low"] == clopper_pearson(crop, 38).low
    assert sum(one["seeds"] for one in found["species"]) == found["counts"]["other"]
    to_look_at = sum(row["look_at"] != "" for row in seeds)
    assert to_look_at == found["counts"]["to_look_at"]
    assert (out / "report.html").read_text().count('<li class="card"') == to_look_at
    # which model, which calibration
    weights = (calibrated_run / "model" / "model.safetensors").read_bytes()
    assert found["model"]["sha256_12"] == hashlib.sha256(weights).hexdigest()[:12]
    assert found["model"]["name"] == "seeds-1"
    (made,) = load(calibrated_run / "model")
    assert found["calibration"]["confusion"] == made.facts["checked"]["confusion"]
    assert found["calibration"]["data"]["name"] == "small simulated seeds"
    # the run still knows where its data are
    assert "known seeds each, from SIMULATED small simulated" in found["mean_spectra"]["of"]
    told = " ".join(ran.out.split())
    assert f"plus or minus {100 * found['sample_size']['half_width']:.1f} %" in told


def test_again_and_with_all_options(
    capsys: pytest.CaptureFixture[str],
    calibrated_run: Path,
    lot: Path,
    small_data: Path,
    tmp_path: Path,
) -> None:
    table = tmp_path / "weights.csv"
    names = open_dataset(small_data).classes
    weights = [f"{name},{i + 1}\n" for i, name in enumerate(names)]
    table.write_text("species,thousand_seed_weight_g\n" + "".join(weights))
    words = (
        "purity", calibrated_run, lot, CROP, f"--out={tmp_path / 'r'}", f"--weights={table}",
        f"--reference={small_data}", "--level=0.9", "--sure=0.5", "--most=3", "--pdf=false",
        "--batch-size=7",
    )  # fmt: skip
    assert run(capsys, *words).code == 0
    before = (tmp_path / "r" / "report.json").read_bytes()
    assert "holds a report already" in mistakes(run(capsys, *words))[0]
    assert (tmp_path / "r" / "report.json").read_bytes() == before
    ran = run(capsys, *words, "--overwrite=true")
    assert ran.code == 0, ran.err
    found = json.loads((tmp_path / "r" / "report.json").read_text())
    assert found["level"] == 0.9 and found["doubtful_below"] == 0.5
    if found["counts"]["rejected"] < 38:
        assert found["purity_by_weight"]["thousand_seed_weight_g"]["a. arvensis"] == 1
        assert "estimate by weight" in ran.out
    assert (tmp_path / "r" / "report.html").read_text().count('<li class="card"') == 3


def test_without_a_calibration(
    capsys: pytest.CaptureFixture[str],
    finetuned: Path,
    lot: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (line,) = mistakes(run(capsys, "purity", finetuned, lot, CROP))
    assert f"bimae calibrate {finetuned} LABELLED_DATA" in line and "--calibrated false" in line
    ran = run(capsys, "purity", finetuned, lot, CROP, "--calibrated=false", "--pdf=false")
    assert ran.code == 0, ran.err
    assert "caution: Not calibrated." in ran.out
    assert ran.out.index("caution: ") < ran.out.index("NOT TO BE RELIED ON AS IT STANDS")
    assert max(len(line) for line in ran.out.splitlines() if "written" not in line) <= 100
    page = (tmp_path / "purity-lot" / "report.html").read_text()
    assert page.index("Not calibrated.") < page.index('<p class="big">')
    found = json.loads((tmp_path / "purity-lot" / "report.json").read_text())
    assert found["counts"]["rejected"] == 0 and found["calibration"] is None
    assert "strangeness" not in (tmp_path / "purity-lot" / "seeds.csv").read_text()


def test_a_camera_s_files(
    capsys: pytest.CaptureFixture[str], calibrated_run: Path, tmp_path: Path
) -> None:
    """They are imported on the way, and what they were imported to goes again."""
    made = run(capsys, "data", "simulate", tmp_path / "raw", "--layout=cubes", "--per-class=1",
               "--bands=12")  # fmt: skip
    assert made.code == 0, made.err
    ran = run(capsys, "purity", calibrated_run, tmp_path / "raw", CROP, f"--out={tmp_path / 'r'}",
              "--pdf=false", "--workers=1")  # fmt: skip
    assert ran.code == 0, ran.err
    found = json.loads((tmp_path / "r" / "report.json").read_text())
    assert found["lot"]["name"] == "raw" and found["counts"]["seeds"] > 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r", "raw"]


def test_seeds_that_the_model_has_seen(
    capsys: pytest.CaptureFixture[str], calibrated_run: Path, small_data: Path, tmp_path: Path
) -> None:
    """In another file, and nobody says what they are."""
    samples = open_dataset(small_data)
    split = Split.load(calibrated_run / "split.json", samples)
    for name, numbers in (("lot", [*split.test, *split.train[:1], *split.val[:4]]),
                          ("new", split.test)):  # fmt: skip
        write_tfrecords(tmp_path / name, [replace(samples[i], label=None) for i in numbers])
        shutil.copyfile(small_data / "dataset.json", tmp_path / name / "dataset.json")
        ran = run(capsys, "purity", calibrated_run, tmp_path / name, CROP, "--pdf=false",
                  f"--out={tmp_path / 'r' / name}")  # fmt: skip
        assert ran.code == 0, ran.err
        told = " ".join(ran.out.split())
        seen = "are seeds that the model" in told
        assert seen == (name == "lot"), told
        if seen:
            n, first = len(split.test) + 5, samples.ids[split.val[0]]
            assert f"caution: 4 of {n} seeds, such as {first}, are seeds that the model was" in told
            learned = f"{samples.ids[split.train[0]]}, are seeds that the model learned from"
            assert f"1 of {n} seeds, such as {learned}" in told


def test_mistakes(
    capsys: pytest.CaptureFixture[str],
    calibrated_run: Path,
    pretrained: Path,
    lot: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = f"--out={tmp_path / 'r'}"

    def wrong(*words: object) -> list[str]:
        return mistakes(run(capsys, "purity", *words, out, "--pdf=false"))

    (line,) = wrong(calibrated_run, lot, "--crop=oats")
    assert "'oats' is no class of this model; its classes: a. arvensis, a. lappa" in line
    (line,) = wrong(pretrained, lot, CROP)
    assert "a pretrained model (BiMAE), but a fine-tuned classifier" in line
    (line,) = wrong(calibrated_run, tmp_path / "nothing", CROP)
    assert "nothing" in line
    (tmp_path / "empty").mkdir()
    (line,) = wrong(calibrated_run, tmp_path / "empty", CROP)
    assert str(tmp_path / "empty") in line
    most, sure, level, _ = wrong(calibrated_run, lot, CROP, "--most=-1", "--sure=2", "--level=1")
    assert "most is -1" in most and "sure is 2" in sure and "level is 1" in level
    table = tmp_path / "w.csv"
    table.write_text("species,thousand_seed_weight_g\na. lappa,3\n")
    (line,) = wrong(calibrated_run, lot, CROP, f"--weights={table}")
    assert "no thousand-seed weight is known of b. napus" in line
    table.write_text("species,thousand_seed_weight_g\nb. napus,3\n")
    (line,) = wrong(calibrated_run, lot, CROP, f"--weights={table}", "--reference=x")
    assert "no thousand-seed weight is known of " in line
    rng = np.random.default_rng(0)
    samples = open_dataset(lot)
    odd = samples[0]
    object.__setattr__(odd, "hs", rng.integers(0, 255, (8, 8, 5), dtype=np.uint8))
    write_tfrecords(tmp_path / "other", [odd])
    (line,) = wrong(calibrated_run, tmp_path / "other", CROP)
    assert "images have 5 bands, this model was made for 12" in line
    (line,) = wrong(calibrated_run, lot, CROP, f"--reference={tmp_path / 'other'}")
    assert "no reference for this lot: its cubes have 5 bands" in line
    (line,) = wrong(calibrated_run, lot, CROP, "--modality=rgb")
    assert "--modality rgb is asked for, but this model reads both views; only a model" in line
    assert not (tmp_path / "r").exists()  # nothing half-written
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "thesis.txt").write_text("x")
    (line,) = wrong(calibrated_run, lot, CROP)
    assert "holds other files; name another --out" in line
    monkeypatch.setenv("BIMAE_CHROMIUM", "/nowhere/chromium")
    (line,) = mistakes(run(capsys, "purity", calibrated_run, lot, CROP, f"--out={tmp_path / 's'}"))
    assert "$BIMAE_CHROMIUM is '/nowhere/chromium', which is no program" in line
    monkeypatch.delenv("BIMAE_CHROMIUM")
    monkeypatch.setenv("PATH", str(tmp_path))
    (line,) = mistakes(
        run(capsys, "purity", calibrated_run, lot, CROP, f"--out={tmp_path / 's'}", "--pdf=true")
    )
    assert "--pdf true needs Chromium or Chrome" in line
    ran = run(capsys, "purity", calibrated_run, lot, CROP, f"--out={tmp_path / 's'}")
    assert ran.code == 0 and "note: no PDF: no Chromium or Chrome is on PATH" in ran.out
