"""The photo is laid over the scan, however it lies; and where it cannot be, that is said."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bimae.data.trays.register import affine, mapped, pair_by_order, register, similar
from bimae.data.trays.segment import Found, Segmentation, segment
from bimae.errors import DataError
from tests.data.small_trays import groups_of, tray

RADIUS = 8.0  # of a seed in the made-up views, in pixels of the scan


def view(points, areas, shape, flags=None):
    """A segmentation that shows seeds at x, y."""
    flags = flags or [()] * len(points)
    objects = tuple(
        Found(i, (0, 0, 1, 1), int(area), (float(y), float(x)), flag)
        for i, ((x, y), area, flag) in enumerate(zip(points, areas, flags, strict=True), start=1)
    )
    return Segmentation(np.zeros(shape, np.int32), objects, None, 0)


def turned(degrees, scale, mirrored):
    turn = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return linear @ np.diag([-1.0 if mirrored else 1.0, 1.0])


def two_views(points, rng, *, degrees=0.0, scale=4.0, mirrored=False, noise=0.03, alike=False):
    """A scan with seeds at `points`, a photo of them in any order, and which is which."""
    count = len(points)
    spread = 0.0 if alike else 0.16
    areas = np.pi * RADIUS**2 * np.exp(spread * rng.standard_normal(count))
    shape = np.ceil(points.max(axis=0) + 30).astype(int)[::-1]
    linear = turned(degrees, scale, mirrored)
    frame = np.array([(0, 0), (shape[1], 0), (shape[1], shape[0]), (0, shape[0])]) @ linear.T
    there = points @ linear.T - frame.min(axis=0) + 20
    there += noise * RADIUS * scale * rng.standard_normal(there.shape)
    size = np.ceil(np.ptp(frame, axis=0) + 40).astype(int)[::-1]
    order = rng.permutation(count)
    larger = areas * scale**2 * np.exp(0.02 * rng.standard_normal(count))
    partner = {int(one) + 1: place + 1 for place, one in enumerate(order)}
    return (
        view(points, areas, tuple(shape)),
        view(there[order], larger[order], tuple(size)),
        partner,
        linear,
    )


def grid(rows, columns, rng, jitter=8.0):
    places = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    return 30 + 45.0 * places + rng.uniform(-jitter, jitter, (rows * columns, 2))


# --- simulated trays ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("degrees", "mirrored", "scale"),
    [(-10, False, 3), (7, False, 8), (93, False, 4), (-84, True, 3), (180, False, 3), (4, True, 5)],
)
def test_both_views_of_a_tray_lie_on_each_other(degrees, mirrored, scale):
    drawn = tray(photo_turn=degrees, photo_mirror=mirrored, photo_scale=scale)
    found = register(segment(groups_of(drawn)), segment(drawn.photo.astype(np.float32)))
    radius = np.median([np.sqrt(seed.photo.area / np.pi) for seed in drawn.seeds])
    for seed in drawn.seeds:
        x, y = mapped(found.matrix, np.array([[seed.scan.x, seed.scan.y]]))[0]
        assert np.hypot(x - seed.photo.x, y - seed.photo.y) < 0.25 * radius
    assert len(found.partner) == 15
    assert found.residual < 0.1
    assert found.mirrored == mirrored
    assert found.alone == ((), ())


def test_the_trays_outline_helps_where_it_is_seen():
    drawn = tray(surround=True, lines=220, samples=320, photo_turn=95.0, seed=3)
    found = register(segment(groups_of(drawn)), segment(drawn.photo.astype(np.float32)))
    assert np.abs(found.matrix[:2, :2] - drawn.matrix[:2, :2]).max() < 0.05


def test_a_scan_of_a_part_of_the_tray_finds_its_place_in_the_photo():
    drawn = tray(seeds=40, lines=260, samples=400, photo_turn=9.0, seed=1)
    part = segment(groups_of(drawn)[:, :240])
    found = register(part, segment(drawn.photo.astype(np.float32)))
    assert len(found.partner) >= 0.9 * len(part.objects)
    radius = np.median([np.sqrt(seed.photo.area / np.pi) for seed in drawn.seeds])
    for seed in drawn.seeds:
        x, y = mapped(found.matrix, np.array([[seed.scan.x, seed.scan.y]]))[0]
        assert np.hypot(x - seed.photo.x, y - seed.photo.y) < 0.25 * radius


# --- made-up views ------------------------------------------------------------------------------


@given(
    st.integers(0, 10**6),
    st.integers(3, 6),
    st.integers(3, 7),
    st.sampled_from([0, 90, 180, 270]),
    st.floats(-12, 12),
    st.booleans(),
    st.floats(2, 9),
)
@settings(max_examples=30)
def test_every_seed_finds_its_partner(seed, rows, columns, quarter, degrees, mirrored, scale):
    rng = np.random.default_rng(seed)
    scan, photo, partner, linear = two_views(
        grid(rows, columns, rng), rng, degrees=quarter + degrees, scale=scale, mirrored=mirrored
    )
    found = register(scan, photo)
    assert found.partner == partner
    assert np.abs(found.matrix[:2, :2] - linear).max() < 0.05 * scale


@pytest.mark.parametrize("shape", [(1, 5), (9, 1), (1, 3), (2, 2)])
@pytest.mark.parametrize("degrees", [0, 5, 90])
def test_a_row_of_seeds_and_very_few(shape, degrees):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        points = grid(*shape, rng, jitter=5.0)
        scan, photo, partner, linear = two_views(points, rng, degrees=degrees)
        found = register(scan, photo)
        assert found.partner == partner
        assert not found.mirrored
        # Across a row nothing is known, so the map turns and scales alone.
        assert np.abs(found.matrix[:2, :2] - linear).max() < 0.15 * 4


def test_a_regular_grid_is_told_by_the_seeds_sizes():
    for quarter, mirrored in ((0, False), (90, False), (180, False), (270, True)):
        rng = np.random.default_rng(4)
        scan, photo, partner, _ = two_views(
            grid(5, 5, rng, jitter=0.0), rng, degrees=quarter, mirrored=mirrored
        )
        found = register(scan, photo)
        assert found.partner == partner
        assert not any("regularly" in note for note in found.notes)
        assert any("mirror image" in note for note in found.notes) == mirrored


def test_what_fits_in_more_than_one_way_is_taken_upright_and_said():
    rng = np.random.default_rng(4)
    scan, photo, partner, _ = two_views(grid(5, 5, rng, jitter=0.0), rng, alike=True)
    found = register(scan, photo)
    assert found.partner == partner
    assert any("in more than one way" in note for note in found.notes)


def test_seeds_that_one_view_lacks_stay_alone():
    rng = np.random.default_rng(7)
    scan, photo, partner, _ = two_views(grid(5, 6, rng), rng, degrees=6)
    fewer = Segmentation(scan.labels, scan.objects[:3] + scan.objects[5:], None, 0)
    lost = {one.number for one in scan.objects} - {one.number for one in fewer.objects}
    found = register(fewer, photo)
    assert found.partner == {a: b for a, b in partner.items() if a not in lost}
    assert found.alone == ((), tuple(sorted(partner[number] for number in lost)))


def test_cut_seeds_do_not_pull():
    rng = np.random.default_rng(8)
    points = grid(4, 6, rng)
    scan, photo, _, linear = two_views(points, rng, noise=0.0)
    # The scan sees half of the seeds of its first column: their middles are off by half a radius.
    cut = [(("cut",) if i % 6 == 0 else ()) for i in range(24)]
    moved = points + np.array([[RADIUS / 2, 0] if flag else [0, 0] for flag in cut])
    areas = [one.area for one in scan.objects]
    found = register(view(moved, areas, scan.labels.shape, cut), photo)
    assert np.abs(found.matrix[:2, :2] - linear).max() < 1e-6


# --- what cannot be -----------------------------------------------------------------------------


def test_a_photo_of_another_tray_is_refused():
    rng = np.random.default_rng(9)
    scan = view(rng.uniform(0, 300, (30, 2)), np.full(30, 200.0), (300, 300))
    photo = view(rng.uniform(0, 1200, (30, 2)), np.full(30, 3200.0), (1200, 1200))
    with pytest.raises(DataError) as error:
        register(scan, photo)
    message = str(error.value)
    assert "of 30 seeds" in message
    assert "--pairing order" in message
    assert "\n" not in message


def test_two_seeds_are_too_few():
    points = np.array([(30.0, 30.0), (80.0, 40.0)])
    scan = view(points, [200, 200], (100, 120))
    with pytest.raises(DataError, match="2 seeds in the scan and 2 in the photo"):
        register(scan, scan)


def test_pairs_by_order():
    points = np.array([(30.0, 30.0), (80.0, 40.0), (130.0, 30.0)])
    scan = view(points, [200, 200, 200], (100, 160))
    assert pair_by_order(scan, scan) == {1: 1, 2: 2, 3: 3}
    fewer = view(points[:2], [200, 200], (100, 160))
    with pytest.raises(DataError, match="3 seeds in the scan and 2 in the photo"):
        pair_by_order(scan, fewer)


# --- maps ---------------------------------------------------------------------------------------


@given(
    st.integers(0, 10**6),
    st.floats(-180, 180),
    st.floats(0.2, 9),
    st.booleans(),
    st.floats(-500, 500),
)
def test_maps_are_found_from_points_that_they_took(seed, degrees, scale, mirrored, shift):
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 100, (6, 2))
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    assume(spread[1] > 0.1 * spread[0])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = turned(degrees, scale, mirrored), (shift, -shift / 3)
    there = mapped(matrix, points)
    assert np.allclose(affine(points, there), matrix, atol=1e-5)
    assert np.allclose(similar(points, there, mirrored), matrix, atol=1e-5)
