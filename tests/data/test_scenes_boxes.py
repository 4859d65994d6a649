"""Objects in boxes: where their windows lie, what is blanked, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.data.scenes import Box, Scene, box_samples, cut_views, window_around
from bimae.errors import ConfigError, DataError
from tests.data.small_scenes import scene


def box(left, top, right, bottom, name="seed", **more):
    return Box(name, "a", "g", left, top, right, bottom, **more)


@st.composite
def boxes_in_scenes(draw):
    """A scene's height and width, and a box that has a part in it (and may stick out)."""
    height, width = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    edges = []
    for length in (width, height):
        start = draw(st.floats(-length, length - 0.01))
        end = draw(st.floats(max(start, 0.0) + 0.005, 2.0 * length + 1))
        edges.append((start, end))
    (left, right), (top, bottom) = edges
    return height, width, box(left, top, right, bottom)


@given(
    case=boxes_in_scenes(),
    margin=st.floats(1, 3),
    shortest=st.none() | st.floats(1, 10),
    more=st.none() | st.floats(0, 10),
)
def test_a_window_is_square_lies_in_the_scene_and_contains_the_box_where_it_fits(
    case, margin, shortest, more
):
    height, width, found = case
    made = scene(height, width, 1)
    longest = None if more is None else (shortest or 1) + more
    place = found.within(made)
    assert 0 <= place[0] < place[2] <= width and 0 <= place[1] < place[3] <= height
    left, top, right, bottom = window_around(
        made, place, margin=margin, shortest=shortest, longest=longest
    )
    side = right - left
    assert side == pytest.approx(bottom - top) and side > 0
    assert left >= 0 and top >= 0 and right <= width + 1e-9 and bottom <= height + 1e-9
    longer = max(place[2] - place[0], place[3] - place[1])
    most = min(height, width, longest or np.inf)
    assert side == pytest.approx(min(max(margin * longer, shortest or 1), most))
    if longer <= most:
        assert left <= place[0] + 1e-9 and top <= place[1] + 1e-9
        assert right >= place[2] - 1e-9 and bottom >= place[3] - 1e-9


@given(
    case=boxes_in_scenes(),
    scale=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    rgb_size=st.integers(1, 20),
    hs_size=st.integers(1, 12),
)
def test_blanking_touches_only_what_is_outside_the_box(case, scale, rgb_size, hs_size):
    height, width, found = case
    made = scene(height, width, 2, rgb=(height * scale[0], width * scale[1]))
    sizes = {"rgb_size": rgb_size, "hs_size": hs_size}
    (bare,) = box_samples(made, [found], blank=False, **sizes)
    (blanked,) = box_samples(made, [found], **sizes)
    assert blanked.hs.dtype == made.cube.dtype and blanked.rgb.dtype == np.float32
    place = found.within(made)
    window = window_around(made, place)
    for size, with_all, with_some, background in (
        (rgb_size, bare.rgb, blanked.rgb, 1.0),
        (hs_size, bare.hs, blanked.hs, 0.0),
    ):
        assert with_some.shape == with_all.shape == (size, size, with_all.shape[2])
        kept = (with_some == with_all).all(axis=2)
        gone = (with_some == background).all(axis=2)
        assert (kept | gone).all() and kept.any()
        # No value of the scene is a background, so a pixel is kept or gone, never both.
        assert not (kept & gone).any()
        step = (window[2] - window[0]) / size
        x = window[0] + (np.arange(size) + 0.5) * step
        y = window[1] + (np.arange(size) + 0.5) * step
        inside = np.logical_and.outer(
            (y > place[1] + 1e-9) & (y < place[3] - 1e-9),
            (x > place[0] + 1e-9) & (x < place[2] - 1e-9),
        )
        assert kept[inside].all()
        near = np.logical_and.outer(
            (y > place[1] - step) & (y < place[3] + step),
            (x > place[0] - step) & (x < place[2] + step),
        )
        assert gone[~near].all()  # a sliver keeps its nearest row and nothing farther


def test_every_spectrum_was_measured_and_bytes_stay_bytes():
    made = scene(dtype=np.uint8)
    (sample,) = box_samples(made, [box(2.3, 1.7, 8.1, 6.2)], rgb_size=9, hs_size=16)
    assert sample.hs.dtype == np.uint8
    measured = {tuple(s) for s in made.cube.reshape(-1, 5).tolist()} | {(0,) * 5}
    assert {tuple(s) for s in sample.hs.reshape(-1, 5).tolist()} <= measured


def test_views_show_the_same_ground_at_any_resolution():
    # A ramp from left to right, finer and not square in RGB.
    x = (np.arange(40) + 0.5) / 40
    cube = np.broadcast_to(x.astype(np.float32)[None, :, None], (20, 40, 1)).copy()
    fine = ((np.arange(100) + 0.5) / 100).astype(np.float32)
    made = Scene("ramp", cube, np.broadcast_to(fine[None, :, None], (70, 100, 3)).copy())
    assert made.rgb_scale == (2.5, 3.5)
    view, spectra = cut_views(made, (10.0, 5.0, 20.0, 15.0), rgb_size=30, hs_size=10)
    np.testing.assert_array_equal(spectra, cube[5:15, 10:20])
    expected = 0.25 + (np.arange(30) + 0.5) / 30 * 0.25
    np.testing.assert_allclose(view[:, :, 1], np.broadcast_to(expected, (30, 30)), atol=1e-3)


def test_samples_come_in_the_order_of_the_boxes_with_their_names():
    made = scene(rgb=(24, 28))
    found = [Box("b", None, None, 1, 1, 4, 4), Box("a", "x", "g", 5, 5, 9, 9)]
    samples = box_samples(made, found, margin=1, rgb_size=6, hs_size=3)
    first, second = samples
    assert [(s.id, s.label, s.group) for s in (first, second)] == [
        ("b", None, None),
        ("a", "x", "g"),
    ]
    np.testing.assert_array_equal(first.hs, made.cube[1:4, 1:4])
    np.testing.assert_allclose(first.rgb, made.rgb[2:8, 2:8], atol=1e-6)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ((14, 2, 16, 4), "lies outside, for the scene is 14 pixels wide and 12 high"),
        ((-3, 2, 0, 4), "lies outside"),
        ((2, 12.5, 4, 13), "lies outside"),
        ((5, 2, 3, 4), "left must be less than right"),
        ((3, 2, 3, 4), "left must be less than right"),
        ((3, 4, 5, 4), "top less than bottom"),
        ((float("nan"), 2, 3, 4), "left must be less than right"),
    ],
)
def test_a_box_without_ground_is_told_before_anything_is_cut(edges, message):
    good, bad = box(1, 1, 3, 3), box(*edges, name="seed-7", where="boxes.csv: line 9")
    with pytest.raises(DataError, match=message) as told:
        box_samples(scene(), [good, bad], rgb_size=4, hs_size=4)
    assert str(told.value).startswith("boxes.csv: line 9: box 'seed-7' in scene plot has left ")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "options",
    [
        {"margin": 0.9},
        {"margin": float("nan")},
        {"shortest": 0},
        {"longest": 0.5},
        {"shortest": 5, "longest": 4},
        {"rgb_size": 0},
        {"hs_size": -1},
    ],
)
def test_options_that_cannot_be_used_are_told(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        box_samples(scene(), [box(1, 1, 3, 3)], **{"rgb_size": 4, "hs_size": 4} | options)
