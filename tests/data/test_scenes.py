"""Windows, false colour, and splits by ground that cannot leak."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimae.data.scenes import cut_window, false_colour, resample_rgb, spatial_blocks
from bimae.data.scenes.colour import colour_bands
from bimae.errors import DataError


def ground(split, number, window):
    """[H, W]: which pixels the windows of a split see."""
    seen = np.zeros(split.shape, dtype=bool)
    reach = window // 2
    for row, column in np.argwhere(split == number):
        assert row >= reach and column >= reach  # no window leaves the scene
        assert row + reach < split.shape[0] and column + reach < split.shape[1]
        seen[row - reach : row + reach + 1, column - reach : column + reach + 1] = True
    return seen


@given(
    height=st.integers(8, 40),
    width=st.integers(8, 40),
    reach=st.integers(0, 3),
    extra=st.integers(0, 8),
    classes=st.integers(1, 5),
    seed=st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_no_window_of_a_split_touches_anothers(height, width, reach, extra, classes, seed):
    window = 2 * reach + 1
    labels = np.random.default_rng(seed).integers(0, classes + 1, (height, width))
    try:
        made = spatial_blocks(labels, window=window, block=window + extra, seed=seed)
    except DataError:
        return  # nothing usable in so small a scene: told, not split badly
    train, val, test = (ground(made.split, n, window) for n in range(3))
    assert not (train & val).any() and not (train & test).any() and not (val & test).any()
    assert not (made.split[labels == 0] >= 0).any()
    groups = {}
    for row, column in np.argwhere(made.split >= 0):
        groups.setdefault(made.group(row, column), set()).add(made.split[row, column])
    assert all(len(splits) == 1 for splits in groups.values())


def test_the_split_is_repeatable_and_near_the_shares_asked_for():
    labels = np.random.default_rng(0).integers(1, 4, (120, 120))
    made = spatial_blocks(labels, window=5, block=12, seed=3)
    again = spatial_blocks(labels, window=5, block=12, seed=3)
    np.testing.assert_array_equal(made.split, again.split)
    used = made.split[made.split >= 0]
    np.testing.assert_allclose(np.bincount(used) / used.size, (0.6, 0.1, 0.3), atol=0.03)
    for number in (0, 1, 2):
        assert set(labels[made.split == number]) == {1, 2, 3}


def test_seeds_test_on_other_ground():
    # classes in patches, as on ground: one best deal of fixed blocks would be everybody's
    patches = np.random.default_rng(0).integers(1, 9, (12, 12))
    labels = np.kron(patches, np.ones((10, 10), dtype=int))
    tests = [spatial_blocks(labels, window=5, block=20, seed=s).split == 2 for s in range(6)]
    shared = [
        (one & other).sum() / one.sum()
        for number, one in enumerate(tests)
        for other in tests[:number]
    ]
    assert np.mean(shared) < 0.3  # what chance alone gives


def test_the_first_seed_begins_at_the_corner():
    made = spatial_blocks(np.ones((40, 40), dtype=int), window=3, block=10)
    assert made.above == (0, 0)
    assert (made.split[[0, 9, 10, 19]] == -1).all() and (made.split[1:9, 1:9] >= 0).all()
    assert made.group(9, 10) == "block-00-01"


def test_a_class_of_two_blocks_is_learnt_and_tested():
    labels = np.ones((60, 60), dtype=int)
    labels[2:8, 2:8] = labels[42:48, 22:28] = 2
    made = spatial_blocks(labels, window=3, block=10)
    assert (made.split[labels == 2] == 0).any() and (made.split[labels == 2] == 2).any()


@pytest.mark.parametrize(
    ("window", "block", "shares"),
    [(4, 10, (0.6, 0.1, 0.3)), (7, 5, (0.6, 0.1, 0.3)), (3, 9, (0.6, 0.6, 0.3))],
)
def test_settings_without_sense_are_refused(window, block, shares):
    with pytest.raises(DataError):
        spatial_blocks(np.ones((30, 30)), window=window, block=block, fractions=shares)


def test_nothing_labelled_is_refused():
    with pytest.raises(DataError, match="no labelled pixel"):
        spatial_blocks(np.zeros((30, 30)), window=3, block=9)


def test_windows_are_cut_and_refused_beyond_the_edge():
    image = np.arange(5 * 6 * 2).reshape(5, 6, 2)
    np.testing.assert_array_equal(cut_window(image, 1, 3, 3), image[1:4, 3:6])
    for top, left in ((-1, 0), (3, 0), (0, 4)):
        with pytest.raises(DataError, match="does not lie within an image of 5x6"):
            cut_window(image, top, left, 3)


def test_false_colour_takes_the_nearest_bands_and_stretches_once():
    nm = [450.0, 500.0, 550.0, 600.0, 650.0]
    cube = np.random.default_rng(0).normal(size=(20, 20, 5)) + np.arange(5)
    rgb = false_colour(cube, nm, percentiles=(0, 100))
    assert rgb.dtype == np.float32 and rgb.min() == 0.0 and rgb.max() == 1.0
    for channel, band in enumerate((4, 2, 0)):
        x = cube[:, :, band]
        np.testing.assert_allclose(
            rgb[:, :, channel], (x - x.min()) / (x.max() - x.min()), atol=1e-6
        )
    with pytest.raises(DataError, match="one wavelength per band"):
        false_colour(cube, nm[:4])


@pytest.mark.parametrize(
    ("bands", "nm", "expected"),
    [
        (300, [400 + 2.0 * i for i in range(300)], (120, 75, 30)),
        (6, [500.0, 550, 600, 650, 700, 750], (3, 1, 0)),  # 40 nm from blue is near enough
        (12, [900.0 + 50 * i for i in range(12)], (10, 6, 2)),  # short-wave infrared
        (12, [560.0 + 10 * i for i in range(12)], (10, 6, 2)),  # no blue
        (12, None, (10, 6, 2)),
        (1, None, (0, 0, 0)),
        (2, None, (1, 1, 0)),
        (3, None, (2, 1, 0)),
    ],
)
def test_bands_for_false_colour_lie_near_the_colours_or_are_spread(bands, nm, expected):
    assert colour_bands(bands, nm) == expected
    assert false_colour(np.ones((2, 2, bands), np.uint8), nm).shape == (2, 2, 3)


def test_pixels_that_are_not_finite_are_black_and_do_not_count():
    cube = np.random.default_rng(0).normal(size=(9, 9, 3)).astype(np.float32)
    whole = false_colour(cube, None)
    cube[4, 4, 1], cube[0, 0, 2] = np.nan, np.inf
    rgb = false_colour(cube, None, percentiles=(0, 100))
    assert np.isfinite(rgb).all() and (rgb[4, 4] == 0).all() and (rgb[0, 0] == 0).all()
    np.testing.assert_allclose(false_colour(cube, None)[1:4], whole[1:4], atol=0.2)
    with pytest.raises(DataError, match="no pixel is finite"):
        false_colour(cube * np.nan, None)


def test_resampling_keeps_a_plain_colour_and_takes_a_part():
    rgb = np.zeros((10, 10, 3), dtype=np.float32)
    rgb[:, 5:] = (1.0, 0.5, 0.25)
    right = resample_rgb(rgb, 24, (5.5, 0.0, 10.0, 4.5))
    assert right.shape == (24, 24, 3) and right.dtype == np.float32
    np.testing.assert_allclose(right[:, 2:], np.broadcast_to((1.0, 0.5, 0.25), (24, 22, 3)))
