import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.data.resize import bring_hs_to_size, bring_rgb_to_size

SIDE = st.integers(1, 40)


def test_identity_is_no_copy():
    rgb, hs = np.zeros((8, 8, 3), np.float32), np.zeros((4, 4, 7), np.uint8)
    assert bring_rgb_to_size(rgb, 8) is rgb
    assert bring_hs_to_size(hs, 4) is hs


@given(SIDE, SIDE, SIDE, st.floats(0, 1, width=32))
def test_a_plain_image_stays_plain(height, width, size, value):
    rgb = bring_rgb_to_size(np.full((height, width, 3), value, np.float32), size)
    assert rgb.shape == (size, size, 3) and rgb.dtype == np.float32
    assert rgb.min() >= value - 1e-5 and rgb.max() <= 1 + 1e-5
    if height == width:
        np.testing.assert_allclose(rgb, value, atol=1e-6)


@given(SIDE, SIDE, SIDE, st.integers(1, 5), st.sampled_from([np.uint8, np.float32]))
def test_a_plain_cube_is_padded_with_zeros(height, width, size, bands, dtype):
    hs = bring_hs_to_size(np.full((height, width, bands), 7, dtype), size)
    assert hs.shape == (size, size, bands) and hs.dtype == dtype
    seen = np.abs(hs.astype(float)).max(axis=2)
    rows = max(1, size * height // max(height, width))
    columns = max(1, size * width // max(height, width))
    assert np.isin(np.round(seen, 4), (0, 7)).all()
    assert (seen > 0).sum() == rows * columns


def test_rgb_is_padded_with_white_in_the_middle():
    rgb = bring_rgb_to_size(np.zeros((2, 6, 3), np.float32), 6)
    assert (rgb[:2] == 1).all() and (rgb[2:4] == 0).all() and (rgb[4:] == 1).all()


def test_hs_lies_where_tensorflow_puts_it():
    hs = bring_hs_to_size(np.ones((30, 26, 2), np.float32), 24)
    # tf.image.resize_with_pad: 26 / 1.25 = 20.8 -> 20 columns, (24 - 20.8) / 2 = 1.6 -> 1 before.
    assert hs.any(axis=(0, 2)).nonzero()[0].tolist() == list(range(1, 21))


def test_enlarging_is_bilinear_with_half_pixel_centres():
    row = np.array([0, 1], np.float32)[None, :, None].repeat(2, 0)
    got = bring_hs_to_size(row, 4)[0, :, 0]
    np.testing.assert_allclose(got, [0, 0.25, 0.75, 1])


def test_shrinking():
    """RGB averages what it skips; spectra take the two nearest pixels, as the authors' code."""
    stripes = np.zeros((8, 8, 3), np.float32)
    stripes[:, ::4] = 1
    assert np.ptp(bring_rgb_to_size(stripes, 2)) == pytest.approx(0, abs=0.13)
    ramp = np.arange(8, dtype=np.float32)[None, :, None].repeat(8, 0)
    np.testing.assert_allclose(bring_hs_to_size(ramp, 4)[0, :, 0], [0.5, 2.5, 4.5, 6.5])
    np.testing.assert_allclose(bring_hs_to_size(ramp, 2)[0, :, 0], [1.5, 5.5])


def test_agrees_with_torch():
    torch = pytest.importorskip("torch")
    rgb = np.random.default_rng(0).random((31, 31, 3), np.float32)
    for size in (7, 24, 31, 50):
        expected = torch.nn.functional.interpolate(
            torch.from_numpy(rgb).permute(2, 0, 1)[None],
            (size, size),
            mode="bilinear",
            antialias=True,
        )[0].permute(1, 2, 0)
        np.testing.assert_allclose(bring_rgb_to_size(rgb, size), expected.numpy(), atol=1e-5)
        expected = torch.nn.functional.interpolate(
            torch.from_numpy(rgb).permute(2, 0, 1)[None], (size, size), mode="bilinear"
        )[0].permute(1, 2, 0)
        np.testing.assert_allclose(bring_hs_to_size(rgb, size), expected.numpy(), atol=1e-5)


def test_uint8_is_rounded():
    row = np.array([0, 255], np.uint8)[None, :, None].repeat(2, 0)
    assert bring_hs_to_size(row, 4)[0, :, 0].tolist() == [0, 64, 191, 255]
