import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.spectra import filter_weights, nearest_band

EVEN = tuple(400 + 2.0 * i for i in range(301))
TWO_DETECTORS = tuple(400.0 + 2 * i for i in range(151)) + tuple(710.0 + 10 * i for i in range(30))


@st.composite
def sensors(draw: st.DrawFn) -> list[float]:
    steps = draw(st.lists(st.floats(0.1, 100), min_size=1, max_size=40))
    return list(400 + np.cumsum(steps))


@given(sensors(), st.floats(0, 1), st.floats(0.001, 2000))
def test_weights_are_an_average(nm: list[float], at: float, fwhm: float) -> None:
    weights = filter_weights(nm, nm[0] + at * (nm[-1] - nm[0]), fwhm)
    bands = [band for band, _ in weights]
    assert bands == sorted(set(bands))
    assert set(bands) <= set(range(len(nm)))
    assert math.fsum(w for _, w in weights) == pytest.approx(1, abs=1e-12)
    assert all(w > 0 for _, w in weights)
    largest = max(w for _, w in weights)
    assert all(w >= 0.99e-4 * largest for _, w in weights)
    assert sum(3.5 * w for _, w in weights) == pytest.approx(3.5)  # an even spectrum stays so


@given(st.floats(500, 900), st.floats(3, 50))
def test_inside_it_looks_where_it_was_told_to(centre: float, fwhm: float) -> None:
    weights = filter_weights(EVEN, centre, fwhm)
    nm = np.array([EVEN[i] for i, _ in weights])
    w = np.array([weight for _, weight in weights])
    mean = float(w @ nm)
    assert mean == pytest.approx(centre, abs=0.01 + 1e-3 * fwhm)
    # and as wide: the standard deviation of a Gaussian is its FWHM / 2.355
    width = math.sqrt(8 * math.log(2) * float(w @ (nm - mean) ** 2))
    assert width == pytest.approx(fwhm, rel=0.02)


@given(st.floats(400, 1000))
def test_a_filter_much_narrower_than_the_bands_is_the_nearest(centre: float) -> None:
    assert filter_weights(EVEN, centre, 0.2) == ((nearest_band(EVEN, centre), 1.0),)


def test_half_of_the_maximum_lies_half_of_the_width_away() -> None:
    weights = dict(filter_weights(EVEN, 600, 20))
    assert weights[105] / weights[100] == pytest.approx(0.5)
    assert weights[95] == pytest.approx(weights[105])
    assert weights[110] / weights[100] == pytest.approx(1 / 16)


@pytest.mark.parametrize("centre", [640.0, 690.0, 703.0, 720.0, 800.0])
def test_bands_count_for_the_part_of_the_spectrum_they_stand_for(centre: float) -> None:
    """Against the integral, where narrow bands end and wide ones begin; a plain mean is far off."""
    fine = np.arange(400, 1000, 0.05)

    def spectrum(nm: np.ndarray) -> np.ndarray:
        return 0.2 + 0.5 / (1 + np.exp(-(nm - 715) / 12))  # a red edge

    gaussian = np.exp(-4 * math.log(2) * ((fine - centre) / 60) ** 2)
    expected = float(np.sum(gaussian * spectrum(fine)) / np.sum(gaussian))
    seen = spectrum(np.array(TWO_DETECTORS))
    found = sum(w * seen[i] for i, w in filter_weights(TWO_DETECTORS, centre, 60))
    assert found == pytest.approx(expected, abs=0.004)
    if centre == 703.0:
        plain = np.exp(-4 * math.log(2) * ((np.array(TWO_DETECTORS) - centre) / 60) ** 2)
        assert abs(float(plain @ seen / plain.sum()) - expected) > 0.05


def test_bands_at_a_gap_do_not_stand_for_the_gap() -> None:
    gap = [nm for nm in EVEN if not 700 < nm < 800]
    weights = dict(filter_weights(gap, 690, 40))
    at_gap, inside = gap.index(700.0), gap.index(680.0)
    assert weights[at_gap] == pytest.approx(weights[inside])  # both 10 nm away
    assert all(gap[i] < 750 for i in weights)


def test_far_from_every_band_it_is_an_average_all_the_same() -> None:
    """Narrow as it is beside its distance, nothing underflows."""
    nm = [400.0, 400.001, 400.002, 500.0, 600.0, 700.0]
    assert sum(w for _, w in filter_weights(nm, 430.0, 0.002)) == pytest.approx(1)
