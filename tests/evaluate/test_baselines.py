"""Classical baselines on samples made by hand."""

import numpy as np
import pytest

from bimae.data.sample import Sample
from bimae.errors import DataError
from bimae.evaluate.baselines import classical_baselines, mean_spectra, rgb_statistics


def seed(i, label, rng, bands=6):
    """Half background; label `b` differs in its spectrum, `c` in its colour."""
    hs = np.zeros((4, 4, bands), dtype=np.float32)
    hs[:2] = 0.5 + 0.02 * rng.normal(size=(2, 4, bands))
    hs[:2, :, 3] += 0.3 * (label == "b")
    rgb = np.ones((8, 8, 3), dtype=np.float32)
    rgb[:4] = 0.4 + 0.02 * rng.normal(size=(4, 8, 3))
    rgb[:4, :, 0] += 0.3 * (label == "c")
    return Sample(f"s{i}", label, None, rgb, hs)


@pytest.fixture
def seeds():
    rng = np.random.default_rng(0)
    return [seed(i, "aabc"[i % 4], rng) for i in range(80)]


def test_mean_spectra_leave_out_the_background(seeds):
    spectra = mean_spectra(seeds, [0, 2])
    assert spectra.shape == (2, 6)
    np.testing.assert_allclose(spectra[0], seeds[0].hs[:2].reshape(-1, 6).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(mean_spectra(seeds, [0], object_only=False), spectra[:1] / 2)


def test_an_object_of_zeros_is_not_a_division_by_zero(seeds):
    empty = Sample("e", "a", None, np.ones((8, 8, 3), np.float32), np.zeros((4, 4, 6), np.uint8))
    np.testing.assert_array_equal(mean_spectra([empty], [0]), np.zeros((1, 6)))
    assert np.isfinite(rgb_statistics([empty], [0])).all()


def test_rgb_statistics_leave_out_white(seeds):
    found = rgb_statistics(seeds, range(4))
    assert found.shape == (4, 15) and found[:, 0].max() < 0.8


def test_five_baselines_see_what_their_features_show(seeds):
    results = classical_baselines(seeds, range(40), range(40, 80))
    by_name = {r.name: r for r in results}
    assert list(by_name) == [
        "majority",
        "linear on mean spectra",
        "svm on mean spectra",
        "linear on RGB statistics",
        "svm on RGB statistics",
    ]
    assert by_name["majority"].accuracy == 0.5
    assert by_name["majority"].macro_f1 == pytest.approx((2 / 3) / 3)
    for kind in ("linear", "svm"):
        # b is told from the rest by spectra, c by colour; the rest stays a guess.
        assert by_name[f"{kind} on mean spectra"].accuracy > 0.6
        assert by_name[f"{kind} on RGB statistics"].accuracy > 0.6
    assert results == classical_baselines(seeds, range(40), range(40, 80))


def test_one_class_only_is_answered(seeds):
    ones = [i for i, s in enumerate(seeds) if s.label == "a"]
    assert {r.accuracy for r in classical_baselines(seeds, ones[:5], ones[5:])} == {1.0}


def test_mistakes_are_told(seeds):
    with pytest.raises(DataError, match="found none"):
        classical_baselines(seeds, [], [1])
    bare = Sample("bare", None, None, seeds[0].rgb, seeds[0].hs)
    with pytest.raises(DataError, match="'bare' has no label"):
        classical_baselines([*seeds, bare], [0, 1, 80], [2])
    other = seed(80, "a", np.random.default_rng(0), bands=5)
    with pytest.raises(DataError, match="'s80' has 5 bands"):
        mean_spectra([*seeds, other], [0, 80])
