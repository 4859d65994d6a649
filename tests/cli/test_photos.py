"""An RGB camera alone, through the front door: photos in, answers out."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from bimae.data.simulate.trays import write_simulated_tray
from tests.cli.run import FAST, mistakes, rows, run

TRAY = {"lines": 120, "samples": 180, "seeds": 4, "bands": 8, "photo_scale": 2.0}
SMALL = ("--rgb-size=48", "--hs-size=8")
ALONE = ("--discriminant=true", "--epochs=0", "--logger=none", "--precision=32")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SIMULATED photos of trays, three of each of two species; no scans."""
    both, alone = (tmp_path_factory.mktemp(name) for name in ("both", "photos"))
    for number in range(6):
        species = ("b. napus", "g. tetrahit")[number % 2]
        write_simulated_tray(both, f"tray-{number}", species=(species,), seed=number, **TRAY)
        (alone / species).mkdir(exist_ok=True)
        shutil.copy(both / f"tray-{number}.png", alone / species)
    return alone


def test_from_photos_to_the_purity_of_a_lot(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path
) -> None:
    data, model = tmp_path / "data", tmp_path / "model"
    ran = run(capsys, "data", "import", photos, data, "--workers=1", *SMALL)
    assert ran.code == 0, ran.err
    assert "found    photos of many seeds, to be cut apart: 6 photos, 2 classes" in ran.out
    assert "spectra  none: photos alone" in ran.out
    ran = run(capsys, "data", "check", data)
    assert ran.code == 0 and "photos without spectra" in ran.out and "nm" not in ran.out
    assert run(capsys, "data", "inspect", data).code == 0
    page = (data / "inspect.html").read_text()
    assert "none: photos alone" in page and "Mean colours" in page
    assert "avelengths" not in page.split("</style>")[-1]

    size = ("--patch-size=24", "--logger=none")
    for words in (
        ("pretrain", "--data", data),
        ("finetune", data),
        ("finetune", data, "--modality=hs"),
    ):
        (line,) = mistakes(run(capsys, *words, f"--out={tmp_path / 'no'}", *size))
        assert "holds photos without spectra" in line and "--modality rgb" in line
    assert not (tmp_path / "no").exists()
    ran = run(capsys, "finetune", data, f"--out={model}", "--modality=rgb", *ALONE, *size)
    assert ran.code == 0, ran.err
    ran = run(capsys, "baselines", data, "--methods=pls-spectra,linear-rgb")
    assert "but pls-spectra need them" in mistakes(ran)[0]
    ran = run(capsys, "bands", model, data)
    assert ran.code == 2

    (line,) = mistakes(
        run(capsys, "evaluate", f"--weights={model}", f"--data={data}", "--modality=hs")
    )
    assert "--modality hs is asked for, but this model reads RGB; only" in line

    lot = photos / "b. napus"
    out = tmp_path / "a.csv"
    ran = run(capsys, "predict", model, lot, f"--out={out}", "--workers=1")
    assert ran.code == 0, ran.err
    assert "the largest seed here decides" not in ran.err, "it learned from photos"
    assert "not to be relied on" not in ran.err
    found = rows(out)
    assert [row["id"] for row in found] == [
        f"tray-{t}/00{n}" for t in (0, 2, 4) for n in (1, 2, 3, 4)
    ]
    right = sum(row["class"] == "b. napus" for row in found)
    assert right >= 9, "of 12, most of them learned from"
    photo = next(lot.iterdir())
    ran = run(capsys, "purity", model, photo, "--crop=b. napus", f"--out={tmp_path / 'lot'}",
              "--pdf=false", "--workers=1", "--calibrated=false")  # fmt: skip
    assert ran.code == 0, ran.err
    assert (tmp_path / "lot" / "report.html").is_file()


def test_a_model_of_any_sensor_answers_by_rgb_alone(
    capsys: pytest.CaptureFixture[str], small_data: Path, photos: Path, tmp_path: Path
) -> None:
    model = tmp_path / "any"
    words = ("--any-sensor=true", "--scale=whitened", "--band-positions=wavelength")
    assert run(capsys, "finetune", small_data, f"--out={model}", *words, *ALONE).code == 0
    out = tmp_path / "a.csv"
    ran = run(capsys, "predict", model, photos / "b. napus", f"--out={out}", "--workers=1")
    assert ran.code == 0, ran.err
    assert len(rows(out)) == 12
    assert "not to be relied on" not in ran.err, "nobody tells how its images were framed"
    about = json.loads((model / "model" / "about.json").read_text())
    about["data"]["rgb"] = "camera"
    (model / "model" / "about.json").write_text(json.dumps(about))
    ran = run(capsys, "predict", model, photos / "b. napus", f"--out={out}", "--workers=1",
              "--overwrite=true")  # fmt: skip
    told = "images are cut out of trays, but the model learned from such as are of one seed"
    assert told in ran.err and "not to be relied on" in ran.err
    for modality in ("hs", "bimodal"):
        (line,) = mistakes(
            run(capsys, "predict", model, photos / "b. napus", f"--modality={modality}",
                f"--out={tmp_path / 'b.csv'}", "--workers=1")
        )  # fmt: skip
        assert f"--modality {modality} shows the model spectra; use --modality rgb" in line
    assert {path.name for path in tmp_path.iterdir()} == {"any", "a.csv"}


def test_a_model_of_spectra_refuses_photos(
    capsys: pytest.CaptureFixture[str], small_data: Path, photos: Path, tmp_path: Path
) -> None:
    model = tmp_path / "own"
    ran = run(capsys, "finetune", small_data, f"--out={model}", "--bands=step_4", *FAST[1:],
              "--epochs=1", "--logger=none")  # fmt: skip
    assert ran.code == 0, ran.err
    (line,) = mistakes(
        run(
            capsys,
            "predict",
            model,
            photos / "b. napus",
            f"--out={tmp_path / 'b.csv'}",
            "--workers=1",
        )
    )
    assert "this model looks at both views; ask one of RGB" in line
    assert {path.name for path in tmp_path.iterdir()} == {"own"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SIMULATED trays by both cameras, three of each of two species, and their photos alone."""
    folder = tmp_path_factory.mktemp("cameras")
    for number in range(6):
        species = ("b. napus", "g. tetrahit")[number % 2]
        scans, alone = folder / "scans" / species, folder / "photos" / species
        write_simulated_tray(scans, f"tray-{number}", species=(species,), seed=number, **TRAY)
        alone.mkdir(parents=True, exist_ok=True)
        shutil.copy(scans / f"tray-{number}.png", alone)
    return folder


def test_whoever_learned_from_both_cameras_answers_for_the_photos_of_one(
    capsys: pytest.CaptureFixture[str], both: Path, tmp_path: Path
) -> None:
    """Cut and outlined as beside a scan: as nearly the same answers as two crops of one photo."""
    pytest.importorskip("onnxscript", reason="bimae[export] is not installed")
    data, model = tmp_path / "data", tmp_path / "model"
    assert run(capsys, "data", "import", both / "scans", data, "--workers=1", *SMALL).code == 0
    words = ("--any-sensor=true", "--scale=whitened", "--band-positions=wavelength")
    assert run(capsys, "finetune", data, f"--out={model}", *words, *ALONE).code == 0
    scans, alone, exported = (tmp_path / f"{name}.csv" for name in ("scans", "alone", "exported"))
    ran = run(capsys, "predict", model, data, f"--out={scans}", "--modality=rgb", "--part=all")
    assert ran.code == 0, ran.err
    ran = run(capsys, "predict", model, both / "photos", f"--out={alone}", "--workers=1")
    assert ran.code == 0, ran.err
    assert "not to be relied on" not in ran.err and "largest seed here decides" not in ran.err
    one, other = ({row["id"]: row for row in rows(path)} for path in (scans, alone))
    assert one.keys() == other.keys() and len(one) == 24
    same = sum(one[seed]["class"] == other[seed]["class"] for seed in one)
    assert same >= 23

    # What came as float32 goes into an exported file as float32, if nothing else is asked for.
    ran = run(capsys, "export", model, "--calibrated=false", "--time=false", "--modality=rgb")
    assert ran.code == 0 and "takes    rgb [batch, 48, 48, 3] float32, 0 to 1" in ran.out
    ran = run(capsys, "predict", model / "model.onnx", data, f"--out={exported}", "--part=all")
    assert ran.code == 0 and "rounded" not in ran.err
    for seed, row in zip(one.values(), rows(exported), strict=True):
        assert float(row["probability"]) == pytest.approx(float(seed["probability"]), abs=1e-4)
    words = ("--rgb-pixels=uint8", f"--out={tmp_path / 'bytes.onnx'}")
    ran = run(capsys, "export", model, "--calibrated=false", "--time=false", *words)
    assert ran.code == 0, ran.err
    again = (f"--out={exported}", "--overwrite=true")
    ran = run(capsys, "predict", tmp_path / "bytes.onnx", data, *again)
    assert ran.code == 0 and "RGB images are no bytes here, and rounded" in ran.err
    (line,) = mistakes(run(capsys, "export", model, f"--data={data}", "--calibrated=false",
                           "--rgb-pixels=uint8", "--overwrite=true"))  # fmt: skip
    assert "RGB images are float32 with numbers that are no bytes" in line
    (line,) = mistakes(run(capsys, "predict", tmp_path / "bytes.onnx", both / "photos", *again))
    assert "bytes.onnx takes both views; use one that was exported for RGB" in line


def test_the_calibration_for_rgb_is_that_for_photos_alone(
    capsys: pytest.CaptureFixture[str], both: Path, tmp_path: Path
) -> None:
    data, model = tmp_path / "data", tmp_path / "model"
    assert run(capsys, "data", "import", both / "scans", data, "--workers=1", *SMALL).code == 0
    words = ("--any-sensor=true", "--scale=whitened", "--band-positions=wavelength")
    assert run(capsys, "finetune", data, f"--out={model}", *words, *ALONE).code == 0
    ran = run(capsys, "calibrate", model, data, "--modality=rgb", "--alpha=0.3")
    assert ran.code == 0, ran.err
    lot, crop = both / "photos" / "b. napus", "--crop=b. napus"
    ran = run(capsys, "predict", model, lot, f"--out={tmp_path / 'a.csv'}", "--workers=1")
    assert ran.code == 0 and "sets     of 70%" in ran.out
    ran = run(capsys, "purity", model, lot, crop, f"--out={tmp_path / 'lot'}", "--pdf=false",
              "--workers=1")  # fmt: skip
    assert ran.code == 0, ran.err
    (line,) = mistakes(run(capsys, "purity", model, data, crop, f"--out={tmp_path / 'no'}"))
    assert "is calibrated for RGB, but is shown both views" in line
    assert not (tmp_path / "no").exists()


def test_photos_of_single_seeds_are_framed_otherwise(
    capsys: pytest.CaptureFixture[str], both: Path, tmp_path: Path
) -> None:
    data, model = tmp_path / "data", tmp_path / "model"
    assert run(capsys, "data", "import", both / "photos", data, "--workers=1", *SMALL).code == 0
    recipe = ("--config=few-samples", "--modality=rgb", "--epochs=0", "--logger=none")
    ran = run(capsys, "finetune", data, f"--out={model}", *recipe)
    assert ran.code == 0, "a recipe asks for no wavelengths where no bands are read"
    card = (model / "model" / "README.md").read_text()
    assert "a discriminant analysis of mean colour answers alone" in card
    out = f"--out={tmp_path / 'a.csv'}"
    ran = run(capsys, "predict", model, both / "photos", "--layout=photos", "--workers=1", out)
    assert ran.code == 0, ran.err
    assert "tray-0.png seems to hold 4 objects, but --layout photos" in ran.err
    assert "framed as they were taken, but the model learned from such as are cut out" in ran.err
    (line,) = mistakes(run(capsys, "predict", model, both / "photos", "--bands=0,1", out,
                           "--overwrite=true"))  # fmt: skip
    assert "--bands '0,1' is asked for, but RGB images have none" in line


def test_a_report_of_photos_speaks_of_no_spectra(
    capsys: pytest.CaptureFixture[str], both: Path, tmp_path: Path
) -> None:
    data, model, out = (tmp_path / name for name in ("data", "model", "out"))
    assert run(capsys, "data", "import", both / "photos", data, "--workers=1", *SMALL).code == 0
    ran = run(capsys, "finetune", data, f"--out={model}", "--modality=rgb", *ALONE)
    assert ran.code == 0, ran.err
    photo = both / "photos" / "b. napus" / "tray-2.png"
    ran = run(capsys, "purity", model, photo, "--crop=g. tetrahit", f"--out={out}", "--pdf=false",
              "--workers=1", "--calibrated=false")  # fmt: skip
    assert ran.code == 0, ran.err
    page = (out / "report.html").read_text().partition("<body>")[2].partition("<script>")[0]
    assert "Purity of tray-2" in page and 'class="card"' in page
    for word in ("pectr", "alse colour", "alse-colour", "Bands"):
        assert word not in page.replace("<dt>Spectra</dt><dd>none: photos alone</dd>", ""), word
    assert run(capsys, "explain", model, data, f"--out={tmp_path / 'why'}").code == 0
    words = (f"--out={tmp_path / 'none'}", "--window=60nm")
    (line,) = mistakes(run(capsys, "explain", model, data, *words))
    assert "--window 60nm is a width of the spectrum, and only RGB is looked at here" in line
    assert not (tmp_path / "none").exists()
    page = (tmp_path / "why" / "report.html").read_text().partition("<body>")[2]
    assert "alse colour" not in page and "discriminant analysis of mean colour;" in page


def test_photos_from_another_distance_are_told(
    capsys: pytest.CaptureFixture[str], both: Path, tmp_path: Path
) -> None:
    data, model, far = (tmp_path / name for name in ("data", "model", "far"))
    assert run(capsys, "data", "import", both / "scans", data, "--workers=1", *SMALL).code == 0
    words = ("--any-sensor=true", "--scale=whitened", "--band-positions=wavelength")
    assert run(capsys, "finetune", data, f"--out={model}", *words, *ALONE).code == 0
    far.mkdir()
    for photo in (both / "photos" / "b. napus").iterdir():
        with Image.open(photo) as image:
            image.resize((image.width // 2, image.height // 2)).save(far / photo.name)
    ran = run(capsys, "predict", model, far, f"--out={tmp_path / 'a.csv'}", "--workers=1")
    assert ran.code == 0, ran.err
    assert "taken from another distance, or at another resolution? Its answers are not" in ran.err


@pytest.mark.parametrize("verb", ["purity", "explain"])
def test_a_report_reads_files_as_it_is_told(
    capsys: pytest.CaptureFixture[str], both: Path, tmp_path: Path, verb: str
) -> None:
    """Options of an import, as `predict` has them: here photos where scans lie beside them."""
    data, model, out = (tmp_path / name for name in ("data", "model", "out"))
    assert run(capsys, "data", "import", both / "photos", data, "--workers=1", *SMALL).code == 0
    ran = run(capsys, "finetune", data, f"--out={model}", "--modality=rgb", *ALONE)
    assert ran.code == 0, ran.err
    own = ("--crop=b. napus", "--calibrated=false", "--pdf=false") if verb == "purity" else ()
    lot = both / "scans" / "b. napus"
    ran = run(capsys, verb, model, lot, f"--out={out}", "--layout=photos", "--workers=1", *own)
    assert ran.code == 0, ran.err
    assert "found    photos without spectra, one a seed (class/name.jpg, .png, .tif): 3" in ran.err
    words = (f"--out={out}", "--overwrite=true", *own)
    (line,) = mistakes(run(capsys, verb, model, data, "--white=x.hdr", *words))
    assert "--white says how a camera's files are read, but these are TFRecords" in line
    assert mistakes(run(capsys, verb, model, data, "--workers=-1", *words))[0].endswith("least 0")
