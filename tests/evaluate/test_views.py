"""What the baselines look at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.data.sample import Sample
from bimae.errors import DataError
from bimae.evaluate.views import Features, grouped_cube, mean_spectra, rgb_statistics


def samples(count=4, bands=6, side=8):
    rng = np.random.default_rng(0)
    return [
        Sample(
            f"s{i}",
            "a",
            None,
            rng.integers(0, 256, (side, side, 3)).astype(np.float32) / np.float32(255),
            rng.random((4, 4, bands), dtype=np.float32),
        )
        for i in range(count)
    ]


@given(st.integers(1, 420))
def test_bands_are_averaged_to_about_fifty(bands):
    cube = np.random.default_rng(0).random((2, 3, bands), dtype=np.float32)
    found = grouped_cube(cube)
    assert found.shape[1:] == (2, 3)
    assert len(found) == bands if bands < 75 else 34 <= len(found) <= 74
    size = -(-bands // len(found))
    np.testing.assert_allclose(found[0], cube[..., :size].mean(axis=-1), rtol=1e-5)


def test_each_view_has_its_shape_and_order():
    seen, part = samples(), [2, 0]
    features = Features(seen)
    np.testing.assert_array_equal(features.of("mean spectra", part), mean_spectra(seen, part))
    np.testing.assert_array_equal(features.of("colours", part), rgb_statistics(seen, part))
    assert features.of("both", part).shape == (2, 6 + 15)
    assert features.of("nothing", part).shape == (2, 1)
    images = features.of("images", part)
    assert images.shape == (2, 3, 8, 8) and images.dtype == np.uint8
    np.testing.assert_allclose(images[0] / 255, seen[2].rgb.transpose(2, 0, 1), atol=1e-6)
    np.testing.assert_allclose(features.of("cubes", part)[1], seen[0].hs.transpose(2, 0, 1))


def test_small_views_are_made_once():
    seen = samples()
    features = Features(seen)
    first = features.of("both", [0, 1])
    features.samples = []
    np.testing.assert_array_equal(features.of("both", [0, 1]), first)


def test_other_bands_or_sizes_are_refused():
    mixed = [*samples(1), *samples(1, bands=5, side=9)]
    for view in ("mean spectra", "cubes", "images"):
        with pytest.raises(DataError, match="the same bands and sizes everywhere"):
            Features(mixed).of(view, [0, 1])
