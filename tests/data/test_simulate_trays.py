"""Simulated trays: seeds lie where the truth says, and the files are such as a scanner writes."""

import csv
import hashlib
import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from bimae.data.simulate.raw import simulate_raw
from bimae.data.simulate.tray_plan import TrayPlan
from bimae.data.simulate.trays import simulate_tray, write_simulated_tray
from bimae.errors import ConfigError, DataError
from tests.data.small_trays import tray

SMALL = {"seeds": 6, "lines": 90, "samples": 150, "bands": 8, "photo_scale": 3.0}


def contrast_at(picture, spot):
    """Mean difference from the picture's median inside a seed's box, and all around it."""
    away = np.abs(picture - np.median(picture, axis=(0, 1))).mean(axis=2)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    near = np.hypot(rows - spot.y, columns - spot.x)
    radius = np.sqrt(spot.area / np.pi)
    return away[near < 0.4 * radius].mean(), away[(near > 3 * radius) & (near < 4 * radius)].mean()


def test_shapes_and_kinds():
    drawn = simulate_tray(**SMALL)
    assert drawn.raw.shape == (90, 150, 8)
    assert drawn.raw.dtype == drawn.white.dtype == drawn.dark.dtype == np.uint16
    assert drawn.white.shape[1:] == drawn.dark.shape[1:] == (150, 8)
    assert drawn.photo is not None
    assert drawn.photo.dtype == np.uint8
    assert len(drawn.wavelengths_nm) == 8
    assert [seed.number for seed in drawn.seeds] == list(range(1, 7))


def test_the_same_plan_draws_the_same_tray():
    first, again = simulate_tray(**SMALL), simulate_tray(TrayPlan(**SMALL))
    assert np.array_equal(first.raw, again.raw)
    assert np.array_equal(first.photo, again.photo)
    other = simulate_tray(**SMALL, seed=1)
    assert not np.array_equal(first.raw, other.raw)


def test_the_scan_does_not_depend_on_whether_there_is_a_photo():
    with_photo, without = simulate_tray(**SMALL), simulate_tray(**SMALL, photo=False)
    assert without.photo is None
    assert np.array_equal(with_photo.raw, without.raw)
    assert without.seeds[0].photo is None


@pytest.mark.parametrize("background", ["white", "black", "blue"])
def test_seeds_are_where_the_truth_says_in_both_views(background):
    drawn = tray(background=background, photo_turn=8.0)
    for seed in drawn.seeds:
        for picture, spot in ((drawn.reflectance(), seed.scan), (drawn.photo / 255, seed.photo)):
            inside, outside = contrast_at(picture, spot)
            assert inside > 2 * outside, (seed, background)


def test_the_matrix_takes_the_scan_to_the_photo():
    for turn, mirror in ((0, False), (7, False), (90, False), (-100, True)):
        drawn = simulate_tray(**SMALL, photo_turn=turn, photo_mirror=mirror)
        for seed in drawn.seeds:
            x, y, _ = drawn.matrix @ (seed.scan.x, seed.scan.y, 1)
            assert np.hypot(x - seed.photo.x, y - seed.photo.y) < 0.5
        assert (np.linalg.det(drawn.matrix[:2, :2]) < 0) == mirror


def test_reflectance_of_the_white_tray_does_not_show_the_detector():
    drawn = tray(uneven=0.0)
    floor = np.median(drawn.reflectance(), axis=0)  # most of each column is tray
    raw = np.median(drawn.raw.astype(float), axis=0)
    band = 12
    assert np.std(raw[:, band]) / np.mean(raw[:, band]) > 0.05
    assert np.std(floor[:, band]) / np.mean(floor[:, band]) < 0.02
    assert 0.6 < np.median(floor[:, band]) < 1.0


def test_dead_columns_and_elements_are_dead_in_all_frames():
    drawn = simulate_tray(**SMALL, dead_columns=3)
    dead = (drawn.raw == 0).all(axis=(0, 2))
    assert dead.sum() == 3
    assert (drawn.white[:, dead] == 0).all()
    assert (drawn.dark[:, dead] == 0).all()


def test_touching_seeds_touch_and_cut_ones_are_cut():
    drawn = tray(touching=3, cut=2)
    pairs = [seed for seed in drawn.seeds if seed.touching]
    assert len(pairs) == 6
    for one, other in zip(pairs[::2], pairs[1::2], strict=True):
        # Boxes of seeds that touch overlap or meet.
        assert one.scan.box[3] >= other.scan.box[1] - 1
        assert one.scan.box[1] <= other.scan.box[3] + 1
    lines, samples = drawn.raw.shape[:2]
    for seed in drawn.seeds:
        top, left, bottom, right = seed.scan.box
        outside = top < 0 or left < 0 or bottom > lines or right > samples
        assert outside == seed.cut
    assert sum(seed.cut for seed in drawn.seeds) == 2


def test_a_surround_shows_rim_and_table():
    drawn = tray(surround=True, background="black")
    seen = drawn.reflectance().mean(axis=2)
    corner, middle = seen[:8, :8].mean(), np.median(seen[80:100, 120:160])
    assert corner > 3 * middle


def test_repeated_seeds_are_the_same_and_stand_on_whole_pixels():
    drawn = simulate_tray(**(SMALL | {"seeds": 8, "samples": 200}), distinct=2)
    areas = {round(seed.scan.area, 3) for seed in drawn.seeds}
    assert len(areas) == 2
    assert len({round(seed.scan.x % 1, 6) for seed in drawn.seeds}) <= 2


def test_all_mistakes_are_named_at_once():
    with pytest.raises(ConfigError) as error:
        TrayPlan(species=("oak",), background="green", lines=3, jitter=2.0)
    message = str(error.value)
    for word in ("oak", "green", "lines is 3", "jitter is 2.0"):
        assert word in message


def test_seeds_that_find_no_room_are_refused():
    with pytest.raises(ConfigError, match="ask for fewer seeds"):
        simulate_tray(**(SMALL | {"seeds": 60}))


# --- files --------------------------------------------------------------------------------------


def test_files_of_two_trays_in_one_folder(tmp_path):
    for number, name in enumerate(("one", "two")):
        header = write_simulated_tray(tmp_path, name, **SMALL, seed=number)
        assert header == tmp_path / f"{name}.hdr"
    views = ["one", "two", "WHITEREF_one", "WHITEREF_two", "DARKREF_one", "DARKREF_two"]
    expected = {f"{view}{suffix}" for view in views for suffix in (".hdr", ".raw")}
    expected |= {f"{name}{suffix}" for name in ("one", "two") for suffix in (".png", "_truth.csv")}
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_what_is_written_is_what_is_drawn(tmp_path):
    write_simulated_tray(tmp_path, "tray", **SMALL)
    drawn = simulate_tray(**SMALL)
    for name, values in (
        ("tray", drawn.raw),
        ("WHITEREF_tray", drawn.white),
        ("DARKREF_tray", drawn.dark),
    ):
        text = (tmp_path / f"{name}.hdr").read_text(encoding="utf-8")
        lines = int(re.search(r"lines = (\d+)", text)[1])
        stored = np.fromfile(tmp_path / f"{name}.raw", "<u2").reshape(lines, 8, 150)
        assert np.array_equal(stored.transpose(0, 2, 1), values)
        assert "SIMULATED" in text
        assert "interleave = bil" in text
        assert "data type = 12" in text
    wavelengths = re.search(r"wavelength = \{(.*?)\}", text, re.DOTALL)[1].split(",")
    assert np.allclose([float(nm) for nm in wavelengths], drawn.wavelengths_nm, atol=1e-3)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "tray.png")), drawn.photo)
    with (tmp_path / "tray_truth.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["species"] for row in rows] == [seed.species for seed in drawn.seeds]
    assert float(rows[2]["photo_x"]) == pytest.approx(drawn.seeds[2].photo.x, abs=1e-3)
    assert int(rows[2]["scan_left"]) == drawn.seeds[2].scan.box[1]


def test_the_package_spectral_reads_the_files(tmp_path):
    envi = pytest.importorskip("spectral.io.envi")
    header = write_simulated_tray(tmp_path, "tray", **SMALL)
    image = envi.open(str(header), str(header.with_suffix(".raw")))
    assert np.array_equal(np.asarray(image.load()), simulate_tray(**SMALL).raw)


def test_a_tray_is_not_overwritten_unasked(tmp_path):
    write_simulated_tray(tmp_path, "tray", **SMALL)
    before = hashlib.sha256((tmp_path / "tray.raw").read_bytes()).hexdigest()
    with pytest.raises(DataError, match=r"tray\.hdr: is there already"):
        write_simulated_tray(tmp_path, "tray", **SMALL, seed=9)
    assert hashlib.sha256((tmp_path / "tray.raw").read_bytes()).hexdigest() == before
    write_simulated_tray(tmp_path, "tray", **SMALL, seed=9, overwrite=True)
    assert hashlib.sha256((tmp_path / "tray.raw").read_bytes()).hexdigest() != before


def test_a_scan_is_drawn_in_blocks_that_do_not_show(tmp_path):
    # Blocks of 16 lines: a scan of other length begins with the same lines.
    plan = TrayPlan(**SMALL, distinct=3)
    write_simulated_tray(tmp_path, "tray", plan)
    assert (tmp_path / "tray.raw").stat().st_size == 90 * 150 * 8 * 2
    stored = np.fromfile(tmp_path / "tray.raw", "<u2").reshape(90, 8, 150).astype(float)
    floor = np.median(stored, axis=2).mean(axis=1)
    steps = np.abs(np.diff(floor))
    at_seams = steps[15::16]
    assert at_seams.max() <= steps.max()
    assert at_seams.mean() < 3 * steps.mean()


def test_a_lot_is_the_crop_but_for_a_tenth(tmp_path):
    simulate_raw(tmp_path / "lot", "lot", per_class=3, bands=4)
    with (tmp_path / "lot" / "lot_truth.csv").open(newline="") as file:
        seeds = list(csv.DictReader(file))
    named = Counter(seed["species"] for seed in seeds)
    assert named == {"b. napus": 18, "g. tetrahit": 1, "t. pratense": 1}
    assert sum(seed["touching"] == "1" for seed in seeds) == 2
    header = (tmp_path / "lot" / "lot.hdr").read_text()
    assert "SIMULATED" in header
