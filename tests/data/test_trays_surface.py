"""The surface under a tray's pixels, against the plain way to fit it."""

import numpy as np
import pytest
from scipy import ndimage

from bimae.data.trays.background import _median_of_seven
from bimae.data.trays.surface import Grid, powers


def plain(x, y, values, degree):
    """The same reweighting with a table of all terms at all pixels."""
    terms = np.stack([x**i * y**j for i, j in powers(degree)], axis=1)
    away = np.abs(values - np.median(values))
    for _ in range(12):
        share = np.maximum(away / np.median(away), 0.3)
        weight = share**-1.5
        normal = terms.T @ (terms * weight[:, None])
        solved = np.linalg.lstsq(normal, terms.T @ (weight * values), rcond=1e-12)[0]
        away = np.abs(values - terms @ solved)
    return solved


@pytest.mark.parametrize("degree", [1, 2, 4])
def test_a_fit_by_sums_of_powers_is_the_fit_by_terms(degree):
    rng = np.random.default_rng(degree)
    region = np.zeros((90, 130), dtype=bool)
    region[10:80, 5:120] = True
    grid = Grid.of(region, 1500)
    x, y = 2 * grid.columns / 129 - 1, 2 * grid.rows / 89 - 1
    values = 3 + x - 0.5 * y * y + rng.normal(size=(2, len(x))) * 0.01
    values[:, ::7] += 4  # seeds
    ground = rng.random(len(x)) < 0.8
    found = grid.fitted(values.T, ground, degree)
    expected = [plain(x[ground], y[ground], value[ground], degree) for value in values]
    np.testing.assert_allclose(found.T, expected, rtol=1e-8, atol=1e-8)
    surface = sum(c * x**i * y**j for (i, j), c in zip(powers(degree), found[:, 0], strict=True))
    np.testing.assert_allclose(grid.surface(found)[:, 0], surface, atol=1e-12)


def test_median_of_seven_is_that_of_a_filter():
    rows = np.random.default_rng(0).random((20, 33)).astype(np.float32)
    expected = ndimage.median_filter(rows, size=(1, 7), mode="nearest")
    np.testing.assert_array_equal(_median_of_seven(rows), expected)
