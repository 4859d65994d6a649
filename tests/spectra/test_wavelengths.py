import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.errors import BandError
from bimae.spectra import check_wavelengths, nearest_band, tell_bands
from bimae.spectra.wavelengths import band_reach, band_shares, covers, neighbours, stretches

NM = tuple(400 + 2.0 * i for i in range(301))
DETECTORS = tuple(400.0 + 5 * i for i in range(101)) + tuple(910.0 + 10 * i for i in range(80))
WATER = tuple(nm for nm in DETECTORS if not 1340 < nm < 1450)


def test_wavelengths_are_checked() -> None:
    assert check_wavelengths([400, 500], 2, "x") == (400.0, 500.0)
    with pytest.raises(BandError, match="2 wavelengths for images of 3 bands"):
        check_wavelengths([400, 500], 3, "x")
    with pytest.raises(BandError, match="do not ascend"):
        check_wavelengths([400, 400], 2, "x")


def test_nearest_band() -> None:
    assert nearest_band(NM, 401) == 0
    assert nearest_band(NM, 999) == 299


def test_a_gap_is_no_step_between_detectors() -> None:
    assert stretches(DETECTORS) == [range(181)]
    assert stretches(WATER) == [range(145), range(145, 171)]
    assert stretches((5.0,)) == [range(1)]
    assert stretches((400.0, 500.0)) == [range(2)]


def test_rounded_wavelengths_have_no_gaps() -> None:
    rounded = [float(round(400 + 1.4 * i)) for i in range(100)]  # steps of 1 and of 2 nm
    assert stretches(rounded) == [range(100)]
    assert all(covers(rounded, nm + 1) for nm in rounded[:-1])


def test_what_a_sensor_covers() -> None:
    assert covers(DETECTORS, 1004.9)
    assert covers(DETECTORS, 903)
    assert not covers(WATER, 1350)
    assert covers(WATER, 1342)
    assert not covers(NM, 1002)
    assert not covers((480.0, 550.0, 670.0), 600)
    assert covers((480.0, 550.0, 670.0), 590)


@given(st.lists(st.floats(0.5, 30), min_size=1, max_size=60))
def test_shares_add_up_to_the_stretches(steps: list[float]) -> None:
    nm = [400.0]
    for step in steps:
        nm.append(nm[-1] + step)
    shares = band_shares(nm)
    assert len(shares) == len(nm)
    for stretch in stretches(nm):
        own = shares[stretch[0] : stretch[-1] + 1]
        ends = 2 * band_reach(nm) if len(stretch) == 1 else (own[0] + own[-1]) / 2
        assert sum(own) == pytest.approx(nm[stretch[-1]] - nm[stretch[0]] + ends)


@pytest.mark.parametrize(
    ("nm", "told"),
    [
        (NM, "400-1000 nm in 301 bands every 2.0 nm"),
        (WATER, "400-1340 nm in 145 bands every 5.0-10.0 nm, 1450-1700 nm in 26 bands "
         "every 10.0 nm"),
        ((480.0, 550.5), "2 bands at 480, 550.5 nm"),
        ((550.0,), "band at 550 nm"),
        ((380.0, *NM), "380 nm, 400-1000 nm in 301 bands every 2.0 nm"),
    ],
)  # fmt: skip
def test_a_sensor_in_words(nm: tuple[float, ...], told: str) -> None:
    assert tell_bands(nm) == told


def test_a_sensor_of_many_stretches_is_cut_short() -> None:
    islands = [400.0 + 100 * island + i for island in range(11) for i in range(6)]
    assert tell_bands(islands).endswith("1100-1105 nm in 6 bands every 1.0 nm and 3 stretches more")


@given(st.integers(1, 60), st.integers(1, 20))
def test_groups_of_neighbours_hold_every_band_once(bands: int, count: int) -> None:
    groups = neighbours(tuple(400.0 + 5 * b for b in range(bands)), count)
    assert [b for group in groups for b in group] == list(range(bands))
    sizes = {len(group) for group in groups}
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= min(count, bands)


def test_groups_of_neighbours_end_at_gaps() -> None:
    assert neighbours(WATER, 100) == [range(145), range(145, 171)]
    assert neighbours(WATER, 10)[13:15] == [range(135, 145), range(145, 158)]
