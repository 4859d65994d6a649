import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.train.sensors import counts_up_to, draw_sensor, spaced, usual_sensors


@given(bands=st.integers(1, 400), seed=st.integers(0, 10_000))
def test_a_sensor_has_a_view_and_bands_in_order(bands: int, seed: int) -> None:
    sensor = draw_sensor(np.random.default_rng(seed), bands)
    assert sensor.hs or sensor.rgb
    if sensor.bands is not None:
        found = sensor.bands.tolist()
        assert sensor.hs
        assert found == sorted(set(found))
        assert 0 <= found[0] <= found[-1] < bands
        assert len(found) in set(counts_up_to(bands))


def test_all_kinds_of_sensors_occur() -> None:
    drawn = [draw_sensor(np.random.default_rng(seed), 300) for seed in range(400)]
    views = [(s.hs, s.rgb) for s in drawn]
    assert {views.count(kind) > 60 for kind in ((True, True), (True, False), (False, True))} == {
        True
    }
    counts = {len(s.bands) for s in drawn if s.bands is not None}
    assert counts == {3, 5, 10, 20, 40, 80, 160}
    assert any(s.hs and s.bands is None for s in drawn)


def test_counts() -> None:
    assert list(counts_up_to(300)) == [3, 5, 10, 20, 40, 80, 160]
    assert list(counts_up_to(4)) == [3]
    assert list(counts_up_to(2)) == [2]


@given(bands=st.integers(1, 400), count=st.integers(1, 400), start=st.floats(0, 0.999))
def test_spaced(bands: int, count: int, start: float) -> None:
    count = min(count, bands)
    found = spaced(bands, count, start)
    assert len(set(found.tolist())) == count
    assert 0 <= found.min() <= found.max() < bands


@pytest.mark.parametrize("bands", [1, 2, 4, 300])
def test_usual_sensors(bands: int) -> None:
    for sensor in usual_sensors(bands):
        assert sensor.hs or sensor.rgb
