"""Colours between a photo's pixels, against `scipy.ndimage`."""

import numpy as np
from scipy import ndimage

from bimae.data.trays.colours import colours_at


def test_colours_are_those_of_map_coordinates():
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (30, 41, 3), dtype=np.uint8)
    places = rng.uniform(-3, 44, (3000, 2))
    places[:4] = [(0, 0), (40, 29), (40, 3.5), (12.25, 29)]  # on the border
    channels = photo.astype(np.float32) / np.float32(255)
    expected = [
        ndimage.map_coordinates(channels[..., i], places.T[::-1], order=1, cval=1.0)
        for i in range(3)
    ]
    np.testing.assert_array_equal(colours_at(photo, places), np.stack(expected, axis=1))


def test_beyond_the_photo_is_white():
    photo = np.zeros((4, 4, 3), np.uint8)
    assert (colours_at(photo, np.array([[9.0, 1.0], [-1.0, 2.0]])) == 1).all()
    assert colours_at(photo, np.zeros((0, 2))).shape == (0, 3)
