"""Photos without spectra: what folders of them are, and seeds found on photos of trays."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bimae.data import DatasetInfo, open_dataset
from bimae.data.importing import ImportSettings, import_data
from bimae.data.importing.photos import PhotoCube, photo_crop
from bimae.data.importing.pictures import read_photo
from bimae.data.importing.recognise import recognise
from bimae.data.info import COLOUR, check_has_spectra
from bimae.data.simulate.trays import write_simulated_tray
from bimae.errors import DataError
from tests.data.raw_files import npy, png

TRAY = {"lines": 120, "samples": 180, "seeds": 6, "bands": 8, "photo_scale": 3.0}
PHOTOS = ImportSettings(layout="photos")


def plan_of(root: Path, settings: ImportSettings = PHOTOS) -> dict[str, tuple[str | None, ...]]:
    plan = recognise(root, settings)
    assert plan.layout == "photos" and plan.photos_alone
    return {item.name: (item.label, item.group, item.split) for item in plan.items}


def test_folders_are_classes_groups_and_parts(tmp_path: Path) -> None:
    for number, name in enumerate(("train/wheat/1", "train/wheat/lot-2/2", "test/rye/3")):
        png(tmp_path / "a" / f"{name}.png", number)
    assert plan_of(tmp_path / "a") == {
        "train/wheat/1": ("wheat", None, "train"),
        "train/wheat/lot-2/2": ("wheat", "wheat/lot-2", "train"),
        "test/rye/3": ("rye", None, "test"),
    }
    for number, name in enumerate(("RGB/wheat/1", "RGB/rye/2")):
        png(tmp_path / "b" / f"{name}.jpg", number)
    assert plan_of(tmp_path / "b") == {
        "rye/2": ("rye", None, None),
        "wheat/1": ("wheat", None, None),
    }
    for number in range(5):
        png(tmp_path / "c" / "wheat" / f"{number}" / "photo.png", number)
    found = plan_of(tmp_path / "c")
    assert {label for label, _, _ in found.values()} == {"wheat"}
    assert "wheat/3" in found
    assert plan_of(tmp_path / "b" / "RGB" / "rye" / "2.jpg") == {"2": (None, None, None)}


def test_where_there_are_spectra_photos_belong_to_them(tmp_path: Path) -> None:
    npy(tmp_path / "wheat" / "1.npy")
    png(tmp_path / "wheat" / "1.png")
    plan = recognise(tmp_path, ImportSettings())
    assert plan.layout == "cubes" and not plan.photos_alone
    assert plan_of(tmp_path) == {"wheat/1": ("wheat", None, None)}, "asked for by name"


def test_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"found no photo in it or below it, expected \.bmp, \.jpeg"
    ):
        recognise(tmp_path, PHOTOS)
    png(tmp_path / "1.png")
    white = tmp_path / "white.hdr"
    with pytest.raises(DataError, match="--white says how spectra are read; leave it out"):
        recognise(tmp_path, ImportSettings(layout="photos", white=white))
    with pytest.raises(DataError, match="--white, --key say how spectra are read; leave them out"):
        recognise(tmp_path, ImportSettings(layout="photos", white=white, key="cube"))


def test_what_a_photo_becomes(tmp_path: Path) -> None:
    path = png(tmp_path / "wheat" / "1.png", size=(30, 20))
    (tmp_path / "rye").mkdir()
    (tmp_path / "rye" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    summary, _ = import_data(
        tmp_path,
        tmp_path / "out",
        ImportSettings(layout="photos", rgb_size=0, hs_size=0),
        workers=1,
    )
    (left_out,) = summary.left_out
    assert "broken.png: cannot be read as an RGB image" in left_out[1]
    samples = open_dataset(tmp_path / "out", hs_size=None, rgb_size=None)
    assert (samples.info.unit, samples.info.rgb) == (COLOUR, "camera")
    assert samples.info.photos_alone
    (sample,) = samples
    pixels = np.asarray(Image.open(path))
    np.testing.assert_array_equal(np.rint(sample.rgb * 255), pixels)
    assert sample.hs.dtype == np.uint8
    np.testing.assert_array_equal(sample.hs[:, :, ::-1], np.maximum(pixels, 1))
    with pytest.raises(DataError, match="x: holds photos without spectra, but y needs them"):
        check_has_spectra("x", samples.info, "y needs them")
    check_has_spectra("x", DatasetInfo(unit="reflectance"), "y needs them")


def test_black_is_no_padding(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "black.png")
    cube = PhotoCube(tmp_path / "black.png")
    assert (cube.lines, cube.samples) == (6, 8)
    part = cube.read(slice(1, 4), slice(2, 4))
    assert part.shape == (3, 2, 3) and (part == 1).all()
    part[0] = 0
    shown = photo_crop(part)
    assert (shown[0] == 1).all(), "white around a seed"
    assert (shown[1:] < 0.01).all()


@pytest.fixture(scope="module")
def trays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SIMULATED trays, and their photos alone in a folder of each class."""
    src = tmp_path_factory.mktemp("photos")
    for number, species in enumerate(("b. napus", "g. tetrahit")):
        write_simulated_tray(
            src / "both" / species, f"tray-{number}", species=(species,), seed=number, **TRAY
        )
        photo = src / "both" / species / f"tray-{number}.png"
        (src / "alone" / species).mkdir(parents=True)
        (src / "alone" / species / photo.name).write_bytes(photo.read_bytes())
    return src


def test_seeds_are_found_on_a_photo_of_a_tray(trays: Path, tmp_path: Path) -> None:
    """As many as with the scan beside it, in the same order, looking the same."""
    found, side = {}, None
    for kind in ("both", "alone"):
        settings = ImportSettings(seed_side=side)
        summary, _ = import_data(trays / kind, tmp_path / kind, settings, workers=1)
        assert summary.objects == {"whole": 12}
        side = open_dataset(tmp_path / kind).info.photo_side
        found[kind] = open_dataset(tmp_path / kind)
    both, alone = found["both"], found["alone"]
    assert alone.info.photos_alone and not both.info.photos_alone
    assert both.info.rgb == alone.info.rgb == "camera"
    assert both.info.seed_side is not None and alone.info.seed_side is None
    assert alone.info.photo_side == both.info.photo_side
    layouts = [
        json.loads((tmp_path / kind / "dataset.json").read_text())["layout"] for kind in found
    ]
    assert [layout.split()[0] for layout in layouts] == ["scans", "photos"]
    assert alone.ids == both.ids
    assert (alone.labels, alone.groups) == (both.labels, both.groups)
    for one, other in zip(both, alone, strict=True):
        seeds = [(sample.rgb < 1).any(axis=2) for sample in (one, other)]
        share = seeds[1].sum() / seeds[0].sum()
        assert 0.95 < share < 1.03, one.id
        colours = [
            sample.rgb[seed].mean(axis=0) for sample, seed in zip((one, other), seeds, strict=True)
        ]
        np.testing.assert_allclose(colours[1], colours[0], atol=0.1)
        assert other.hs.any(axis=2).mean() == pytest.approx(seeds[1].mean(), abs=0.1)


def test_each_photo_may_be_one_seed_all_the_same(trays: Path) -> None:
    assert recognise(trays / "alone", ImportSettings()).layout == "tray"
    plan = recognise(trays / "alone", PHOTOS)
    assert [item.kind for item in plan.items] == ["seed", "seed"]


def test_what_is_odd_about_photos_is_told(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (40, 30), dtype=np.uint8)
    for name, pixels in (("grey", noise), ("tiny", noise[:1, :1]), ("plain", noise[:, :, None])):
        colours = np.repeat(pixels, 3, axis=2) // (1, 2, 3) if name == "plain" else pixels
        Image.fromarray(colours.astype(np.uint8)).save(tmp_path / f"{name}.png")
    out = tmp_path.parent / f"{tmp_path.name}-out"
    summary, _ = import_data(tmp_path, out, PHOTOS, workers=1)
    told = {text: first for text, _, first in summary.notes}
    assert told == {
        "a grey photo: red, green and blue are the same in every pixel": "grey",
        "a photo of 1x1 pixels shows next to nothing": "tiny",
    }


def test_photos_of_trays_as_single_seeds_are_told(trays: Path) -> None:
    (note,) = recognise(trays / "alone", PHOTOS).notes
    assert "seems to hold 6 objects, but --layout photos takes each photo for one seed" in note


def test_a_large_picture_is_read_or_refused_without_a_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.png"
    Image.new("L", (400, 300)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)  # Pillow warns beyond it
    assert read_photo(path).shape == (300, 400, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50_000)  # and raises beyond twice as many
    with pytest.raises(DataError, match="at most 178 million are read: save it smaller"):
        read_photo(path)
    assert not recwarn.list


def test_a_picture_that_belongs_to_no_scan_is_told(trays: Path, tmp_path: Path) -> None:
    src = tmp_path / "src"
    shutil.copytree(trays / "both", src)
    photo = next((src / "b. napus").glob("*.png"))
    shutil.copy(photo, photo.with_name("overview.png"))
    (note,) = (text for text in recognise(src, ImportSettings()).notes if "belongs" in text)
    assert note.startswith("1 picture belongs to no spectral file, such as b. napus/overview.png")


def test_a_data_set_is_nothing_to_import(trays: Path, tmp_path: Path) -> None:
    import_data(trays / "alone", tmp_path / "data", ImportSettings(), workers=1)
    with pytest.raises(DataError, match="is a data set already"):
        recognise(tmp_path / "data", ImportSettings())
    with pytest.raises(DataError, match="no spectral file and no photo"):
        (tmp_path / "empty").mkdir()
        recognise(tmp_path / "empty", ImportSettings())


def test_a_data_set_among_the_photos_is_none_of_them(trays: Path, tmp_path: Path) -> None:
    """The pictures that an import draws of trays would be taken for photos of trays."""
    src = tmp_path / "photos"
    shutil.copytree(trays / "alone", src)
    import_data(src, src / "out", ImportSettings(), workers=1)
    (src / "other.importing").mkdir()
    shutil.copy(next((src / "out" / "trays").glob("*.png")), src / "other.importing")
    plan = recognise(src, ImportSettings())
    assert len(plan.items) == 2 and {item.label for item in plan.items} == {
        "b. napus",
        "g. tetrahit",
    }


def test_grey_photos_of_trays_and_photos_of_other_sizes_are_told(
    trays: Path, tmp_path: Path
) -> None:
    src = tmp_path / "photos"
    shutil.copytree(trays / "alone", src)
    first, second = sorted(src.rglob("*.png"))
    with Image.open(first) as image:
        image.convert("L").save(first)
    with Image.open(second) as image:
        image.resize((image.width // 2, image.height // 2)).save(second)
        sizes = f"from {image.width // 2}x{image.height // 2} to {image.width}x{image.height}"
    summary, _ = import_data(src, tmp_path / "data", ImportSettings(), workers=1)
    told = [text for text, *_ in summary.notes]
    assert any(text.startswith("a grey photo") for text in told)
    assert any(text.startswith(f"photos have {sizes} pixels") for text in told)
    assert open_dataset(tmp_path / "data").info.rgb == "camera and grey"


def test_photos_are_no_cubes(trays: Path) -> None:
    with pytest.raises(DataError, match="which --layout cubes is for; say --layout tray"):
        recognise(trays / "alone", ImportSettings(layout="cubes"))


def test_one_photo_gives_the_data_their_name(trays: Path, tmp_path: Path) -> None:
    photo = next((trays / "alone").rglob("*.png"))
    import_data(photo, tmp_path / "data", ImportSettings(), workers=1)
    assert open_dataset(tmp_path / "data").info.name == photo.stem
