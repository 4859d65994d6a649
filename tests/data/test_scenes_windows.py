"""Windows of a scene: around labelled pixels, without a leak in either view, and in a grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimae.data.scenes import SPLITS, Scene, grid_windows, labelled_windows, spatial_blocks
from bimae.errors import BandError, ConfigError, DataError
from tests.data.small_scenes import scene


def labels_for(made):
    return np.random.default_rng(1).integers(0, 4, (made.height, made.width))


def place(sample):
    """Row and column of the pixel in the middle, from the id `r012c034`."""
    return int(sample.id[1:4]), int(sample.id[5:8])


@given(
    height=st.integers(7, 24),
    width=st.integers(7, 24),
    scale=st.tuples(st.floats(0.5, 3.5), st.floats(0.5, 3.5)),
    reach=st.integers(1, 2),
    extra=st.integers(0, 4),
    seed=st.integers(0, 3),
)
@settings(max_examples=25)
def test_windows_of_different_splits_share_no_pixel_of_either_view(
    height, width, scale, reach, extra, seed
):
    window, block = 2 * reach + 1, 2 * reach + 1 + extra
    # Every spectral pixel has its own value, so that a sample tells which ones it holds.
    numbered = np.arange(height * width, dtype=np.float32).reshape(height, width, 1)
    rgb = scene(height, width, 1, rgb=(round(height * scale[0]), round(width * scale[1]))).rgb
    labels = np.random.default_rng(seed).integers(0, 4, (height, width))

    def cut(picture):
        made = Scene("numbered", numbered, picture)
        # The smaller RGB is made, the farther a resampling reaches.
        return labelled_windows(made, labels, window=window, block=block, rgb_size=2, seed=seed)

    try:
        windows = cut(rgb)
    except DataError:
        return  # nothing usable in so small a scene
    seen: dict[float, set[str]] = {}
    for split, sample in zip(windows.splits, windows, strict=True):
        row, column = place(sample)
        around = numbered[row - reach : row + reach + 1, column - reach : column + reach + 1]
        np.testing.assert_array_equal(sample.hs, around)  # within the scene, and centred
        assert sample.label == f"class-{labels[row, column]:02d}"
        for value in sample.hs.ravel().tolist():
            seen.setdefault(value, set()).add(split)
    assert all(len(splits) == 1 for splits in seen.values())
    # Blocks are kept apart by straight lines: what lies beyond one is not seen in RGB either.
    rng = np.random.default_rng(seed)
    for axis in (0, 1):
        line = block * rng.integers(1, max(1, numbered.shape[axis] // block) + 1)
        line -= windows.split.above[axis]
        along = np.arange(rgb.shape[axis]) + 0.5
        before = along < line * (rgb.shape[axis] / numbered.shape[axis])
        for beyond in (before, ~before):
            changed = np.moveaxis(rgb.copy(), axis, 0)
            changed[beyond] = 1.0
            for old, new in zip(windows, cut(np.moveaxis(changed, 0, axis)), strict=True):
                if (place(old)[axis] < line) != (beyond is before):
                    np.testing.assert_array_equal(old.rgb, new.rgb)


def test_sizes_splits_and_counts_are_those_of_the_blocks():
    made = scene(40, 40)
    labels = labels_for(made)
    windows = labelled_windows(made, labels, window=3, block=8, rgb_size=6, seed=2)
    split = spatial_blocks(labels, window=3, block=8, seed=2).split
    np.testing.assert_array_equal(windows.split.split, split)
    assert list(windows.sizes.values()) == [(split == n).sum() for n in range(3)]
    for number, name in enumerate(SPLITS):
        samples = list(windows.of(name))
        assert len(samples) == windows.sizes[name] == windows.splits.count(name)
        counted = {
            f"class-{k:02d}": int(((split == number) & (labels == k)).sum()) for k in (1, 2, 3)
        }
        assert windows.counts[name] == counted
        at = windows.splits.index(name)
        assert [s.id for s in samples] == [s.id for s in windows[at : at + len(samples)]]
    assert windows[-1].id == windows[len(windows) - 1].id
    assert windows[0].hs.flags.c_contiguous
    with pytest.raises(IndexError):
        windows[len(windows)]


def test_names_ids_and_groups():
    made = scene(9, 9, rgb=(27, 18), name="plot3", dtype=np.uint8)
    labels = np.zeros((9, 9), dtype=np.uint8)
    labels[4, 4], labels[7, 7] = 1, 3
    options = {"window": 3, "block": 9, "rgb_size": 4}
    windows = labelled_windows(made, labels, **options)
    assert [(s.id, s.label, s.group) for s in windows] == [
        ("r004c004", "class-01", "block-00-00"),
        ("r007c007", "class-03", "block-00-00"),
    ]
    assert windows[0].hs.dtype == np.uint8
    windows = labelled_windows(made, labels, class_names=["a", "b", "c"], several=True, **options)
    assert [(s.id, s.label, s.group) for s in windows] == [
        ("plot3-r004c004", "a", "plot3-block-00-00"),
        ("plot3-r007c007", "c", "plot3-block-00-00"),
    ]
    assert windows.counts["train"] == {"a": 1, "c": 1}
    one = labelled_windows(made, labels, class_names={1: "leaf", 3: "leaf"}, **options)
    assert one.counts["train"] == {"leaf": 2} and {s.label for s in one} == {"leaf"}


def test_rgb_of_a_window_is_that_ground():
    made = scene(9, 9, rgb=(27, 18))
    labels = np.zeros((9, 9), dtype=int)
    labels[4, 5] = 1
    (sample,) = labelled_windows(made, labels, window=3, block=9, rgb_size=9)
    # Rows 3-5 are RGB rows 9-17; columns 4-6 are RGB columns 8-13, six that become nine.
    np.testing.assert_allclose(sample.rgb.mean(axis=1), made.rgb[9:18, 8:14].mean(axis=1), atol=0.2)
    flat = Scene("flat", made.cube, np.zeros((27, 18, 3), np.float32))
    flat.rgb[9:18, 8:14] = 1.0
    (sample,) = labelled_windows(flat, labels, window=3, block=9, rgb_size=9)
    assert (sample.rgb == 1).all()  # not a bit of the pixels around it


def test_rgb_of_a_window_lies_where_the_window_does_at_a_scale_that_does_not_divide():
    # A ramp, 1.5 RGB pixels per spectral one: columns 3-9 are RGB pixels 4.5-15 of 30.
    ramp = (np.arange(30, dtype=np.float32) + 0.5) / 30
    made = Scene(
        "ramp", np.ones((20, 20, 1), np.uint8), np.broadcast_to(ramp[:, None], (30, 30, 3)).copy()
    )
    labels = np.zeros((20, 20), dtype=int)
    labels[6, 6] = 1
    (sample,) = labelled_windows(made, labels, window=7, block=20, rgb_size=70)
    expected = (4.5 + (np.arange(70) + 0.5) * 0.15) / 30
    np.testing.assert_allclose(sample.rgb[0, 8:-8, 0], expected[8:-8], atol=1e-5)


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        (np.ones((5, 6), int), None, "labels of 5x6 pixels for a cube of 12x14"),
        (np.ones((12, 14)), None, "labels are float64, expected whole numbers"),
        (np.full((12, 14), -1), None, "int64 with values from -1"),
        (np.full((12, 14), 3), ["a", "b"], "labels have class 3, but names are given for 1, 2"),
        (np.full((12, 14), 3), {3: ""}, "labels have class 3"),
        (np.zeros((12, 14), int), None, "no labelled pixel"),
    ],
)
def test_labels_that_do_not_fit_are_told(labels, names, message):
    with pytest.raises(DataError, match=message):
        labelled_windows(scene(), labels, class_names=names, window=3, block=6, rgb_size=6)


def test_an_rgb_image_too_coarse_for_windows_is_told():
    with pytest.raises(DataError, match=r"RGB image of 3x3 pixels for a cube of 12x14"):
        labelled_windows(scene(rgb=(3, 3)), np.ones((12, 14), int), window=3, block=6, rgb_size=6)


def test_options_that_cannot_be_used_are_told():
    labels = np.ones((12, 14), int)
    with pytest.raises(ConfigError, match="rgb_size is 0"):
        labelled_windows(scene(), labels, window=3, block=6, rgb_size=0)
    with pytest.raises(ConfigError, match="a list of names"):
        labelled_windows(scene(), labels, class_names="abc", window=3, block=6, rgb_size=6)


def test_a_scene_says_what_does_not_fit():
    cube, rgb = np.ones((4, 5, 3), np.float32), np.ones((8, 10, 3), np.float32)
    with pytest.raises(DataError, match=r"s: the cube is float64 \[4, 5, 3\]"):
        Scene("s", cube.astype(float))
    with pytest.raises(DataError, match=r"the cube is float32 \[4, 5\]"):
        Scene("s", cube[..., 0])
    with pytest.raises(DataError, match=r"the RGB image is uint8 \[8, 10, 3\]"):
        Scene("s", cube, rgb.astype(np.uint8))
    for wrong in (rgb * 255, rgb * np.nan):
        with pytest.raises(DataError, match="expected finite values"):
            Scene("s", cube, wrong)
    with pytest.raises(BandError, match="s: 2 wavelengths for images of 3 bands"):
        Scene("s", cube, rgb, (450.0, 550.0))


def test_a_scene_without_an_rgb_image_makes_false_colour_and_says_so():
    nm = (450.0, 500.0, 550.0, 600.0, 650.0)
    made, camera = scene(nm=nm), scene(nm=nm, rgb=(24, 28))
    assert made.rgb_made and not camera.rgb_made
    assert (made.rgb.shape, made.rgb_scale) == ((12, 14, 3), (1.0, 1.0))
    assert (camera.rgb_scale, camera.height, camera.width) == ((2.0, 2.0), 12, 14)
    darkest = made.cube[..., 4].argmin()
    assert made.rgb[..., 0].ravel()[darkest] == 0


@given(
    height=st.integers(3, 20),
    width=st.integers(3, 20),
    side=st.integers(1, 20),
    stride=st.integers(1, 7),
)
def test_a_grid_covers_the_scene_with_windows_that_lie_within(height, width, side, stride):
    made = scene(height, width, 2)
    if side > min(height, width):
        with pytest.raises(DataError, match=f"windows of {side} pixels"):
            grid_windows(made, side, stride, rgb_size=4)
        return
    samples = list(grid_windows(made, side, stride, rgb_size=4))
    down, across = (height - side) // stride + 1, (width - side) // stride + 1
    assert len(samples) == len({s.id for s in samples}) == down * across
    for number, sample in enumerate(samples):
        top, left = number // across * stride, number % across * stride
        assert sample.id == f"plot-x{left:02d}y{top:02d}"
        np.testing.assert_array_equal(sample.hs, made.cube[top : top + side, left : left + side])
        assert sample.hs.shape == (side, side, 2) and sample.rgb.shape == (4, 4, 3)


def test_windows_of_a_grid_stay_together_unless_a_group_is_given():
    made = scene(rgb=(24, 28))
    assert {(s.label, s.group) for s in grid_windows(made, 4, 4, rgb_size=4)} == {(None, "plot")}
    given_group = list(grid_windows(made, 4, 4, group="g", rgb_size=8, hs_size=6))
    assert {s.group for s in given_group} == {"g"}
    assert given_group[0].hs.shape == (6, 6, 5)
    np.testing.assert_allclose(given_group[0].rgb, made.rgb[:8, :8], atol=1e-6)
    with pytest.raises(ConfigError, match="stride is 0"):
        grid_windows(made, 4, 0, rgb_size=4)
