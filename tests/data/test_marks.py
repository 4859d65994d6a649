"""What is simulated stays so, however it is copied."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from bimae.data import open_dataset
from bimae.data.importing import ImportSettings, import_data
from bimae.data.marks import FILE, says_simulated, texts_of_picture
from bimae.data.simulate.raw import LAYOUTS, simulate_raw
from bimae.data.simulate.trays import write_simulated_tray
from tests.data.raw_files import png, scan

# Trays are of a size of their own, below; and arrays by themselves have no room for a note.
BARE = ("tray", "lot", "bisid-raw", "scene")


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in BARE])
def test_files_that_were_copied_without_the_note(tmp_path: Path, layout: str) -> None:
    simulate_raw(tmp_path / "raw" / "made", layout, per_class=1, bands=6)
    import_data(tmp_path / "raw", tmp_path / "above", workers=1, split=False)
    assert open_dataset(tmp_path / "above").info.simulated  # the note lies in a folder below
    (tmp_path / "raw" / "made" / FILE).unlink()
    import_data(tmp_path / "raw" / "made", tmp_path / "copied", workers=1, split=False)
    assert open_dataset(tmp_path / "copied").info.simulated


def test_a_tray_and_its_photo(tmp_path: Path) -> None:
    write_simulated_tray(
        tmp_path / "raw", "a", lines=120, samples=180, seeds=6, bands=8, photo_scale=2.0
    )
    (tmp_path / "photo").mkdir()
    shutil.copyfile(tmp_path / "raw" / "a.png", tmp_path / "photo" / "a.png")
    for name in ("raw", "photo"):
        import_data(tmp_path / name, tmp_path / f"{name}-data", workers=1, split=False)
        assert open_dataset(tmp_path / f"{name}-data").info.simulated


def test_others_are_not(tmp_path: Path) -> None:
    scan(tmp_path / "raw" / "a.hdr", description="not SIMULATED")
    png(tmp_path / "raw" / "a.png")
    import_data(tmp_path / "raw", tmp_path / "a", ImportSettings(layout="cubes"), split=False)
    assert not open_dataset(tmp_path / "a").info.simulated


def test_texts(tmp_path: Path) -> None:
    assert says_simulated(["", "{Simulated scan}"]) and says_simulated([b"SIMULATED: no camera"])
    assert not says_simulated([]) and not says_simulated(["a scan", b"\xff", 3])
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg", comment="SIMULATED")
    with Image.open(tmp_path / "a.jpg") as image:
        assert texts_of_picture(image.info) == [b"SIMULATED"]
