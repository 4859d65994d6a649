"""Seeds are cut out of both views: the right one, at the right place, and nothing else of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimae.data.trays import Tray, finding, read_tray
from bimae.data.trays.preview import preview
from bimae.errors import DataError
from tests.data.small_trays import MemoryCube, cube_of, tray


@pytest.fixture(scope="module")
def drawn():
    return tray(photo_turn=8.0, seed=6)


@pytest.fixture(scope="module")
def cut(drawn):
    return read_tray(cube_of(drawn), drawn.photo)


def truth_of(found, drawn):
    """The true seed of an object."""
    row, column = found.centroid
    return min(drawn.seeds, key=lambda seed: np.hypot(seed.scan.y - row, seed.scan.x - column))


def coverage(spot, shape):
    """Roughly where a seed lies: a disc of its area around its middle."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - spot.y, columns - spot.x) < 0.5 * np.sqrt(spot.area / np.pi)


# --- what is found ------------------------------------------------------------------------------


def test_all_seeds_are_whole_and_the_square_holds_the_largest(cut, drawn):
    assert len(cut.objects) == len(cut.whole) == 15
    longest = max(max(b[2] - b[0], b[3] - b[1]) for b in (one.box for one in cut.objects))
    assert longest * 1.1 <= cut.side < longest * 1.1 + 1


def test_a_seed_that_the_photo_lacks_is_unpaired(drawn):
    photo = drawn.photo.copy()
    hidden = drawn.seeds[4]
    top, left, bottom, right = (int(edge) for edge in hidden.photo.box)
    photo[top - 8 : bottom + 12, left - 8 : right + 12] = np.median(photo, axis=(0, 1))
    found = read_tray(cube_of(drawn), photo)
    alone = [one for one in found.objects if "unpaired" in one.flags]
    assert len(alone) == 1
    assert truth_of(alone[0], drawn).number == hidden.number
    assert len(found.whole) == 14
    hs, rgb = found.crop(alone[0].number, found.side)
    assert hs.any()
    assert rgb is None


def test_a_photo_of_another_tray_is_refused(drawn):
    with pytest.raises(DataError, match="--pairing order"):
        read_tray(cube_of(drawn), tray(seed=11, seeds=20, lines=220).photo)


def test_pairs_by_order_need_the_same_number(drawn):
    other = tray(seed=11, seeds=12)
    with pytest.raises(DataError, match="15 seeds in the scan and 12 in the photo"):
        read_tray(cube_of(drawn), other.photo, pairing="order")


def test_an_empty_tray_has_no_seeds():
    empty = tray(seeds=0)
    found = read_tray(cube_of(empty), empty.photo)
    assert found.objects == ()
    assert found.picture().ndim == 3


# --- the crops ----------------------------------------------------------------------------------


def test_the_square_shows_the_seed_and_nothing_else(cut, drawn):
    reflectance = drawn.reflectance()
    side = cut.side
    for one in cut.objects:
        hs, rgb = cut.crop(one.number, side)
        assert hs.shape == (side, side, 24)
        top, left, bottom, right = one.box
        row, column = (top + bottom - side) // 2, (left + right - side) // 2
        seen = hs.any(axis=2)
        assert seen.sum() == one.area
        # What is not blank is the scan as it was.
        places = np.argwhere(seen) + np.array([row, column])
        assert np.array_equal(hs[seen], reflectance[places[:, 0], places[:, 1]])
        assert seen[side // 2 - 1 : side // 2 + 1, side // 2 - 1 : side // 2 + 1].all()
        assert rgb.shape[0] == rgb.shape[1] == pytest.approx(side * 3, abs=2)
        assert rgb.dtype == np.float32
        assert (rgb[:3] == 1).all()
        assert (rgb[:, -3:] == 1).all()


def test_both_crops_cover_the_same_ground(cut, drawn):
    side = cut.side
    for one in cut.objects:
        hs, rgb = cut.crop(one.number, side)
        coarse = (rgb < 0.999).any(axis=2)
        size = coarse.shape[0]
        at = ((np.arange(side) + 0.5) * size / side).astype(int)
        in_photo, in_scan = coarse[np.ix_(at, at)], hs.any(axis=2)
        both = (in_photo & in_scan).sum() / (in_photo | in_scan).sum()
        assert both > 0.85


def test_keeping_the_background_takes_away_other_seeds_only():
    drawn = tray(touching=3, seed=8)
    cut = read_tray(cube_of(drawn), drawn.photo)
    reflectance = drawn.reflectance()
    touching = [one for one in cut.objects if "touching" in one.flags]
    assert len(touching) >= 4
    one = touching[0]
    hs, rgb = cut.crop(one.number, 40, background="keep")
    blank = ~hs.any(axis=2)
    assert 0 < blank.sum() < 0.5 * blank.size
    assert (rgb == 1).all(axis=2).any()
    top, left, bottom, right = one.box
    row, column = (top + bottom - 40) // 2, (left + right - 40) // 2
    places = np.argwhere(~blank) + np.array([row, column])
    assert np.array_equal(hs[~blank], reflectance[places[:, 0], places[:, 1]])


def test_a_square_that_sticks_out_is_filled_up(cut):
    corner = cut.objects[0]
    hs, rgb = cut.crop(corner.number, 2 * (corner.box[0] + 60), background="keep")
    assert not hs[0].any()
    assert (rgb[0] == 1).all()


def test_only_the_square_is_read_and_the_scan_once(drawn):
    cube = cube_of(drawn)
    cut = read_tray(cube, drawn.photo)
    assert cube.pixels_read == cube.lines * cube.samples
    cube.pixels_read = 0
    cut.crop(3, 24)
    assert cube.pixels_read <= 24 * 24


def test_false_colour_is_on_one_scale_for_the_whole_tray(drawn):
    cut = read_tray(cube_of(drawn), None)
    crops = {one.number: cut.false_crop(one.number, 40) for one in cut.objects}
    assert all(crop.shape == (40, 40, 3) for crop in crops.values())
    brightness = {n: crop[(crop < 1).any(axis=2)].mean() for n, crop in crops.items()}
    truth = {one.number: truth_of(one, drawn).species for one in cut.objects}
    dark = [brightness[n] for n, species in truth.items() if species == "b. napus"]
    pale = [brightness[n] for n, species in truth.items() if species == "a. lappa"]
    assert max(dark) < min(pale)
    _, rgb = cut.crop(1, 40)
    assert rgb is None


def test_crops_by_order_are_those_by_place_on_a_straight_photo():
    drawn = tray(photo_turn=0.0, seed=6)
    by_place = read_tray(cube_of(drawn), drawn.photo)
    by_order = read_tray(cube_of(drawn), drawn.photo, pairing="order")
    for one, other in zip(by_place.objects, by_order.objects, strict=True):
        first, second = by_place.crop(one.number, 40)[1], by_order.crop(other.number, 40)[1]
        # By order the scale is guessed from the seeds' areas.
        assert first.shape[0] == pytest.approx(second.shape[0], rel=0.08)
        at = (np.arange(80) + 0.5) / 80
        seen = [
            (crop < 0.999).any(axis=2)[np.ix_(*2 * [(at * len(crop)).astype(int)])]
            for crop in (first, second)
        ]
        assert (seen[0] & seen[1]).sum() > 0.75 * (seen[0] | seen[1]).sum()


@given(st.integers(-6, 6), st.integers(-6, 6))
@settings(max_examples=3)
def test_the_crop_of_a_shifted_scan_is_the_same(down, right):
    drawn = tray(surround=True, uneven=0.0, seeds=8, lines=180, samples=240, bands=8, seed=2)
    values = drawn.reflectance()
    shifted = np.roll(values, (down, right), axis=(0, 1))
    first, second = read_tray(MemoryCube(values), None), read_tray(MemoryCube(shifted), None)
    assert len(first.objects) == len(second.objects) == 8
    same = 0
    for one, other in zip(first.objects, second.objects, strict=True):
        top, left, bottom, rightmost = one.box
        moved = (top + down, left + right, bottom + down, rightmost + right)
        assert np.abs(np.subtract(moved, other.box)).max() <= 1
        if moved == other.box:
            a = first.crop(one.number, 40, background="keep")[0]
            b = second.crop(other.number, 40, background="keep")[0]
            inside = a.any(axis=2) & b.any(axis=2)
            assert np.array_equal(a[inside], b[inside])
            same += 1
    assert same >= 5


# --- preview, picture and state -----------------------------------------------------------------


def test_a_preview_is_the_mean_of_the_scan():
    rng = np.random.default_rng(0)
    values = rng.random((50, 40, 8), dtype=np.float32)
    seen = preview(MemoryCube(values, tuple(np.linspace(400, 750, 8))))
    assert seen.factor == 1
    assert seen.groups == pytest.approx(values.reshape(50, 40, 4, 2).mean(axis=3), abs=1e-5)
    assert seen.colour.shape == (50, 40, 3)
    red, green, blue = seen.bands
    assert red > green > blue


def test_a_large_scan_is_reduced_while_it_is_read(monkeypatch):
    monkeypatch.setattr("bimae.data.trays.preview.MOST_PIXELS", 1000)
    rng = np.random.default_rng(0)
    values = rng.random((97, 65, 4), dtype=np.float32)
    seen = preview(MemoryCube(values))
    assert seen.factor == 3
    expected = values[:96, :63].reshape(32, 3, 21, 3, 4).mean(axis=(1, 3))
    assert seen.groups == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_a_photo_is_made_smaller_by_means(factor, monkeypatch):
    photo = np.random.default_rng(factor).integers(0, 256, (50, 37, 3), dtype=np.uint8)
    seen = []
    monkeypatch.setattr(finding, "segment", seen.append)
    monkeypatch.setattr(finding, "REDUCED_PIXELS", 37 * factor * 4)  # four lines at a time
    finding._segmented(photo, factor)
    height, width = 50 // factor, 37 // factor
    parts = photo[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
    assert np.array_equal(seen[0], parts.mean(axis=(1, 3)).astype(np.float32))


def test_seeds_of_a_reduced_scan_lie_where_they_were(drawn, monkeypatch):
    monkeypatch.setattr("bimae.data.trays.preview.MOST_PIXELS", 180 * 280 // 4)
    found = read_tray(cube_of(drawn), drawn.photo)
    assert any("1/2 of the scan's resolution" in note for note in found.notes)
    assert len(found.objects) == 15
    for one in found.objects:
        spot = truth_of(one, drawn).scan
        assert np.hypot(one.centroid[0] - spot.y, one.centroid[1] - spot.x) < 1.5
        hs, _ = found.crop(one.number, found.side)
        assert hs.any(axis=2).sum() == pytest.approx(one.area, rel=0.05)


def test_the_picture_marks_whole_and_flagged_seeds():
    drawn = tray(touching=3, cut=2, seed=9)
    cut = read_tray(cube_of(drawn), drawn.photo)
    picture = cut.picture()
    assert picture.dtype == np.uint8
    green, orange = (0, 158, 115), (213, 94, 0)
    assert (picture == green).all(axis=2).sum() > 500
    assert (picture == orange).all(axis=2).sum() > 200
    # Scan and photo stand side by side.
    middle = picture.shape[1] // 2
    for half in (picture[:, :middle], picture[:, middle:]):
        assert (half == green).all(axis=2).any()


def test_a_tray_comes_back_from_its_state(cut, drawn, tmp_path):
    np.savez(tmp_path / "tray.npz", **cut.state())
    with np.load(tmp_path / "tray.npz") as state:
        again = Tray.restored(cube_of(drawn), drawn.photo, dict(state))
    assert again.objects == cut.objects
    assert again.side == cut.side
    for number in (1, 7, 15):
        for one, other in zip(cut.crop(number, 40), again.crop(number, 40), strict=True):
            assert np.array_equal(one, other)
    assert np.array_equal(again.picture(), cut.picture())
