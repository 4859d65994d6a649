"""Seeds on trays are found where they are, none is made up, and doubtful ones are flagged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import data as pictures
from skimage.draw import ellipse

from bimae.data.simulate import LABELS
from bimae.data.trays.necks import parted
from bimae.data.trays.order import reading_order
from bimae.data.trays.outline import quadrilateral
from bimae.data.trays.segment import segment
from bimae.data.trays.typical import typical_area
from tests.data.small_trays import groups_of, score, tray

HAIRY = {"c. cyanus"}  # its tuft of bright hairs is no part of the body, which is the truth


def flags_of(found):
    return [one.flags for one in found.objects if one.flags]


def drawn_picture(shape, seeds, background=0.5, noise=0.02, seed=0):
    """[H, W, 2] ellipses (row, column, half height, half width, turn, value) with noise."""
    rng = np.random.default_rng(seed)
    picture = np.full((*shape, 2), background)
    for row, column, half, length, turn, value in seeds:
        picture[ellipse(row, column, half, length, shape=shape, rotation=turn)] = value
    picture = ndimage.gaussian_filter(picture, (0.7, 0.7, 0))
    return (picture + rng.normal(0, noise, picture.shape)).astype(np.float32)


def grid_of_seeds(rows, columns, pitch, half=6, length=8, value=0.9, seed=0):
    rng = np.random.default_rng(seed)
    return [
        (30 + i * pitch, 30 + j * pitch, half, length, rng.uniform(0, np.pi), value)
        for i in range(rows)
        for j in range(columns)
    ]


# --- against the truth --------------------------------------------------------------------------


@pytest.mark.parametrize("background", ["white", "black", "blue"])
@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_every_species_is_found_on_every_ground(background, part):
    species = tuple(label for label in LABELS[part::4] if label not in HAIRY)
    drawn = tray(
        background=background,
        species=species,
        seeds=20,
        lines=240,
        samples=360,
        seed=part,
        photo=False,
    )
    found = score(segment(groups_of(drawn)), drawn)
    assert found.found >= 19
    assert not found.invented
    assert np.mean(found.errors) < 0.8
    assert np.quantile(found.errors, 0.9) < 1.2
    if background == "white":
        assert max(found.errors) < 1
    assert 0.85 < np.median(found.areas) < 1.2


@pytest.mark.parametrize("background", ["white", "blue"])
def test_seeds_are_found_in_photos(background):
    drawn = tray(background=background)
    found = score(segment(drawn.photo.astype(np.float32)), drawn, "photo")
    assert found.found == 15
    assert not found.invented
    assert max(found.errors) < 3  # one pixel of the scan
    assert 0.9 < np.median(found.areas) < 1.1


@pytest.mark.parametrize("background", ["white", "black"])
def test_touching_and_cut_seeds_are_flagged_and_no_others(background):
    wrong = 0
    for seed in range(2):
        drawn = tray(background=background, touching=3, cut=3, seed=seed, photo=False)
        found = score(segment(groups_of(drawn)), drawn)
        assert len(found.missed) <= 1  # of two that touch along their sides
        for one in drawn.seeds:
            flags = set(found.flags.get(one.number, ("touching",)))
            wanted = {name for name in ("touching", "cut") if getattr(one, name)}
            wrong += flags != wanted
    assert wrong <= 2  # of 30


def test_light_dust_and_dead_columns_do_no_harm():
    drawn = tray(uneven=0.4, dust=30, dead_columns=4, seed=4, photo=False)
    result = segment(groups_of(drawn))
    found = score(result, drawn)
    assert found.found == 15
    assert not found.invented
    assert result.tray is None


def test_seeds_on_a_tray_with_its_rim_and_the_table_around_it():
    for background in ("white", "black", "blue"):
        drawn = tray(
            background=background, surround=True, lines=220, samples=320, photo_turn=-7.0, seed=2
        )
        for view, picture in (
            ("scan", groups_of(drawn)),
            ("photo", drawn.photo.astype(np.float32)),
        ):
            result = segment(picture)
            found = score(result, drawn, view)
            assert found.found == 15, (background, view)
            # Black seeds on a black tray: in the photo a dark side may look like a part of its own.
            if (background, view) != ("black", "photo"):
                assert not found.invented
                assert not flags_of(result)
            assert result.tray is not None
    # The outline is that of the rim, clockwise from the upper left, in either view.
    top, left, bottom, right = drawn.plan.edges
    rim = 0.9 / drawn.plan.pixel_mm
    corners = np.array(
        [
            (top - rim, left - rim),
            (top - rim, right + rim),
            (bottom + rim, right + rim),
            (bottom + rim, left - rim),
        ]
    )
    scan = segment(groups_of(drawn)).tray
    assert np.abs(scan - (corners - 0.5)).max() < 1.5
    photo = segment(drawn.photo.astype(np.float32)).tray
    there = (np.c_[corners[:, ::-1] - 0.5, np.ones(4)] @ drawn.matrix.T)[:, 1::-1]
    assert np.abs(photo - there).max() < 4.5


def test_seeds_that_lean_on_the_rim_are_cut():
    drawn = tray(surround=True, lines=240, samples=340, cut=2, seed=5)
    found = score(segment(groups_of(drawn)), drawn)
    for one in drawn.seeds:
        if one.number in found.flags:
            assert ("cut" in found.flags[one.number]) == one.cut


# --- nothing is made up -------------------------------------------------------------------------


@pytest.mark.parametrize("plan", [{}, {"surround": True, "dust": 20}, {"uneven": 0.5}])
@pytest.mark.parametrize("background", ["white", "black"])
def test_an_empty_tray_is_empty(background, plan):
    drawn = tray(seeds=0, background=background, **plan)
    assert segment(groups_of(drawn)).objects == ()
    assert segment(drawn.photo.astype(np.float32)).objects == ()


@given(st.integers(0, 2**31), st.sampled_from(["normal", "heavy", "counts"]), st.integers(1, 4))
@settings(max_examples=10)
def test_noise_is_no_seed(seed, kind, channels):
    rng = np.random.default_rng(seed)
    shape = (90, 120, channels)
    noise = {
        "normal": lambda: rng.normal(size=shape),
        "heavy": lambda: rng.standard_t(3, size=shape),
        "counts": lambda: rng.poisson(3, size=shape),
    }[kind]()
    assert segment(noise.astype(np.float32)).objects == ()


def test_a_picture_without_anything():
    assert segment(np.zeros((40, 60, 3), np.float32)).objects == ()
    assert segment(np.full((40, 60, 3), np.nan, np.float32)).objects == ()


# --- kinds of seeds -----------------------------------------------------------------------------


def test_seeds_brighter_and_darker_than_the_floor():
    seeds = [
        (*seed[:5], (0.1, 0.95)[number % 2]) for number, seed in enumerate(grid_of_seeds(4, 6, 40))
    ]
    assert len(segment(drawn_picture((180, 260), seeds)).objects) == 24


@pytest.mark.parametrize("half", [2.5, 4.0, 7.0])
@pytest.mark.parametrize("value", [0.1, 0.9])
def test_long_seeds_are_not_parted(half, value):
    pitch = 16 * half
    rng = np.random.default_rng(3)
    seeds = [
        (pitch * (i + 0.6), pitch * (j + 0.6), half, 6 * half, rng.uniform(0, np.pi), value)
        for i in range(3)
        for j in range(4)
    ]
    shape = (int(3.2 * pitch), int(4.2 * pitch))
    found = segment(drawn_picture(shape, seeds))
    assert len(found.objects) == 12
    assert not flags_of(found)


def test_a_pale_seed_beside_dark_ones():
    seeds = grid_of_seeds(3, 4, 40, value=0.1)
    seeds[5] = (*seeds[5][:5], 0.40)
    found = segment(drawn_picture((140, 180), seeds, noise=0.01))
    assert len(found.objects) == 12
    pale = min(found.objects, key=lambda one: abs(one.centroid[0] - 70) + abs(one.centroid[1] - 70))
    assert pale.area == pytest.approx(np.pi * 6 * 8, rel=0.2)


def test_a_blob_far_larger_than_the_rest_is_two():
    seeds = grid_of_seeds(3, 5, 40)
    seeds[7] = (*seeds[7][:2], 11, 11, 0.0, 0.9)
    found = segment(drawn_picture((140, 220), seeds))
    assert [one.flags for one in found.objects].count(("touching",)) == 1
    assert found.objects[7].flags == ("touching",)


def test_fragments_are_small_and_specks_are_counted():
    seeds = grid_of_seeds(3, 5, 40, half=9, length=12)
    seeds[4] = (*seeds[4][:2], 4, 4, 0.0, 0.9)
    specks = [(10.0, 20.0 + 25 * i, 1.2, 1.2, 0.0, 0.9) for i in range(6)]
    found = segment(drawn_picture((140, 220), seeds + specks))
    assert len(found.objects) == 15
    assert [one.flags for one in found.objects].count(("small",)) == 1
    assert found.dropped == 6


def test_pairs_of_discs_are_parted_and_a_kidney_is_not():
    rows, columns = np.mgrid[:60, :60]
    disc = np.hypot(rows - 30, columns - 22) < 12
    two = disc | (np.hypot(rows - 30, columns - 42) < 9)
    kidney = (np.hypot(rows - 30, (columns - 30) / 1.4) < 14) & (
        np.hypot(rows - 14, columns - 30) > 6
    )
    assert [len(parted(mask, 30)) for mask in (disc, two, kidney)] == [1, 2, 1]
    parts = parted(two, 30)
    assert np.array_equal(parts[0] | parts[1], two)
    assert not (parts[0] & parts[1]).any()


# --- real pictures ------------------------------------------------------------------------------


def test_the_maize_kernel_is_one_whole_seed(shared):
    raw = np.fromfile(shared / "data" / "corn-kernel" / "corn-kernel-hyperspectral.raw", "<u2")
    cube = raw.reshape(31, 580, 43).transpose(0, 2, 1).astype(np.float32)
    parts = [part.mean(axis=2) for part in np.array_split(cube, 4, axis=2)]
    found = segment(np.stack(parts, axis=2))
    assert len(found.objects) == 1
    assert found.objects[0].flags == ()
    assert 550 < found.objects[0].area < 1000


def test_a_photo_of_coins_with_uneven_light():
    found = segment(pictures.coins()[..., None].astype(np.float32))
    whole = [one for one in found.objects if not one.flags]
    assert len(whole) == 24
    # Four rows of six, numbered as one reads.
    assert [round(one.centroid[0] / 70) for one in whole] == sorted(
        round(one.centroid[0] / 70) for one in whole
    )
    for row in range(4):
        across = [one.centroid[1] for one in whole[6 * row : 6 * row + 6]]
        assert across == sorted(across)


# --- invariants ---------------------------------------------------------------------------------


@given(
    st.lists(st.floats(0.05, 50), min_size=2, max_size=2),
    st.lists(st.floats(-100, 100), min_size=2, max_size=2),
)
@settings(max_examples=8)
def test_gain_and_offset_of_a_channel_change_nothing(gains, offsets):
    picture = drawn_picture((100, 140), grid_of_seeds(2, 3, 40), seed=1)
    changed = (picture * np.array(gains) + np.array(offsets)).astype(np.float32)
    first, again = segment(picture), segment(changed)
    assert len(first.objects) == len(again.objects) == 6
    for one, other in zip(first.objects, again.objects, strict=True):
        assert one.centroid == pytest.approx(other.centroid, abs=0.15)
        assert one.flags == other.flags


def test_a_turned_picture_holds_the_turned_seeds():
    picture = drawn_picture((110, 150), grid_of_seeds(2, 3, 40, length=10))
    first, turned = segment(picture), segment(np.ascontiguousarray(np.rot90(picture)))
    expected = sorted((149 - one.centroid[1], one.centroid[0]) for one in first.objects)
    for place, other in zip(expected, sorted(one.centroid for one in turned.objects), strict=True):
        assert place == pytest.approx(other, abs=0.3)


def test_labels_boxes_and_areas_agree():
    drawn = tray(touching=2)
    for picture in (groups_of(drawn), drawn.photo.astype(np.float32)):
        found = segment(picture)
        assert found.labels.shape == picture.shape[:2]
        assert [one.number for one in found.objects] == list(range(1, len(found.objects) + 1))
        assert set(np.unique(found.labels)) == {0, *range(1, len(found.objects) + 1)}
        for one, box in zip(found.objects, ndimage.find_objects(found.labels), strict=True):
            rows, columns = box
            assert (rows.start, columns.start, rows.stop, columns.stop) == one.box
            inside = found.labels == one.number
            assert inside.sum() == one.area
            assert ndimage.center_of_mass(inside) == pytest.approx(one.centroid, abs=1e-6)


def test_a_large_picture_is_segmented_at_reduced_size():
    small = drawn_picture((200, 260), grid_of_seeds(3, 4, 50))
    large = np.kron(small, np.ones((12, 12, 1), np.float32))
    few, many = segment(small), segment(large)
    assert many.labels.shape == (2400, 3120)
    assert len(few.objects) == len(many.objects) == 12
    for one, other in zip(few.objects, many.objects, strict=True):
        assert (np.array(other.centroid) + 0.5) / 12 - 0.5 == pytest.approx(
            np.array(one.centroid), abs=0.5
        )


# --- reading order and the like -----------------------------------------------------------------


@given(
    st.integers(1, 7), st.integers(2, 8), st.floats(-12, 12), st.floats(0, 0.3), st.integers(0, 99)
)
@settings(max_examples=40)
def test_a_grid_is_read_row_by_row_however_it_lies(rows, columns, degrees, jitter, seed):
    rng = np.random.default_rng(seed)
    grid = np.stack(np.mgrid[:rows, :columns], axis=-1).reshape(-1, 2) * 40.0
    grid += rng.uniform(-jitter, jitter, grid.shape) * 20
    turn = np.deg2rad(degrees if rows > 1 and columns > 2 else 0)
    turned = grid @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shuffled = rng.permutation(len(grid))
    order = reading_order(turned[shuffled], 16.0)
    assert shuffled[order].tolist() == list(range(len(grid)))


def test_corners_of_a_turned_rectangle():
    rows, columns = np.mgrid[:200, :300]
    turn = np.deg2rad(9)
    down = (rows - 100) * np.cos(turn) - (columns - 150) * np.sin(turn)
    right = (rows - 100) * np.sin(turn) + (columns - 150) * np.cos(turn)
    corners = quadrilateral((np.abs(down) < 60) & (np.abs(right) < 100))
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    expected = np.array([(-60, -100), (-60, 100), (60, 100), (60, -100)]) @ back.T + (100, 150)
    assert np.abs(corners - expected).max() < 1.5


def test_typical_is_the_seed_and_neither_dust_nor_the_lump():
    assert typical_area([]) == 0
    assert typical_area([100] * 20 + [8] * 60 + [2000]) == 100
    assert typical_area([500]) == 500
