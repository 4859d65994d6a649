from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.data import Sample, open_dataset, write_tfrecords
from bimae.data.similarity import alike_bands, band_correlation
from bimae.data.transforms import scale_spectra
from bimae.errors import DataError


@pytest.mark.parametrize("scaled", [True, False])
def test_correlation_of_band_means_over_objects(small_data: Path, scaled: bool) -> None:
    samples = open_dataset(small_data)
    found = band_correlation(samples, range(30), scaled=scaled)
    means = []
    for number in range(30):
        cube = samples[number].hs
        bands = scale_spectra(cube).transpose(1, 2, 0) if scaled else cube
        means.append(bands[cube.any(axis=-1)].mean(axis=0, dtype=float))
    np.testing.assert_allclose(found, np.corrcoef(np.stack(means).T), atol=1e-6)


def cubes(folder: Path, *cubes: np.ndarray) -> Path:
    rgb = np.zeros((24, 24, 3), np.float32)
    write_tfrecords(folder, [Sample(str(i), None, None, rgb, cube) for i, cube in enumerate(cubes)])
    return folder


def test_a_dead_band_is_alike_to_none(tmp_path: Path) -> None:
    source = np.random.default_rng(0)
    made = source.integers(1, 255, (6, 1, 1, 3), dtype=np.uint8) * np.ones((4, 4, 1), np.uint8)
    made[..., 1] = 7
    made[..., 2] = made[..., 0]
    samples = open_dataset(cubes(tmp_path, *made))
    found = band_correlation(samples, range(6), scaled=False)
    np.testing.assert_allclose(found, [[1, 0, 1], [0, 0, 0], [1, 0, 1]], atol=1e-9)
    assert alike_bands(found, 0.9) == (0, 1, 2)


def test_too_few_samples_to_tell(tmp_path: Path) -> None:
    full, empty = np.ones((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)
    samples = open_dataset(cubes(tmp_path, full, 2 * full, empty))
    with pytest.raises(DataError, match=r"2 training samples have pixels .* at least 3"):
        band_correlation(samples, range(3), scaled=False)


@given(st.integers(0, 1000), st.integers(1, 30), st.floats(0.1, 0.9))
def test_groups_are_runs_whose_bands_are_all_alike(seed: int, bands: int, least: float) -> None:
    source = np.random.default_rng(seed)
    values = np.cumsum(source.normal(size=(8, bands)), axis=1)
    correlation = np.atleast_2d(np.corrcoef(values.T))
    groups = np.array(alike_bands(correlation, least))
    assert groups[0] == 0
    assert set(np.diff(groups)) <= {0, 1}
    for number in set(groups.tolist()):
        (own,) = np.nonzero(groups == number)
        if len(own) > 1:
            assert correlation[np.ix_(own, own)].min() >= least - 1e-9
        if own[-1] + 1 < bands:  # and the next one is not alike to all of them
            assert correlation[own, own[-1] + 1].min() < least
