import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.errors import BandError
from bimae.spectra import BandSelection, check_wavelengths, nearest_band

NM = tuple(400 + 2.0 * i for i in range(301))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", tuple(range(300))),
        ("step_60", (0, 60, 120, 180, 240)),
        ("step_30", tuple(range(0, 300, 30))),
        ("top_5", (0, 1, 2, 3, 4)),
        ("bottom_5", (295, 296, 297, 298, 299)),
        ("0,60,120", (0, 60, 120)),
        ("7", (7,)),
        ("ALL", tuple(range(300))),
    ],
)
def test_by_name_and_number(text: str, expected: tuple[int, ...]) -> None:
    assert BandSelection(text).resolve(300) == expected


def test_by_wavelength() -> None:
    assert BandSelection("480,550,670nm").resolve(301, NM) == (40, 75, 135)
    assert BandSelection("480, 550, 670 nm").resolve(301, NM) == (40, 75, 135)
    assert BandSelection("450-454nm").resolve(301, NM) == (25, 26, 27)
    assert BandSelection("480.9nm").resolve(301, NM) == (40,)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("300", "bands 0 to 299"),
        ("3,3", "band 3 twice"),
        ("top_0", "from 1 to 300"),
        ("bottom_301", "from 1 to 300"),
        ("step_0", "at least 1"),
    ],
)
def test_what_a_sensor_does_not_have(text: str, told: str) -> None:
    with pytest.raises(BandError, match=told):
        BandSelection(text).resolve(300)


@pytest.mark.parametrize(
    "text", ["", "every", "top5", "step_", "480,550", "480nm,550nm", "1-5", "-1"]
)
def test_typos_are_told_at_birth(text: str) -> None:
    if text == "480,550":  # numbers without nm are band numbers: fine until a sensor lacks them
        with pytest.raises(BandError, match="no band 480, 550"):
            BandSelection(text).resolve(300)
        return
    with pytest.raises(BandError, match="is not understood"):
        BandSelection(text)


def test_wavelengths_are_never_guessed() -> None:
    with pytest.raises(BandError, match="wavelengths of this sensor are unknown"):
        BandSelection("480nm").resolve(300)


def test_a_wavelength_beyond_the_sensor_lists_what_it_has() -> None:
    with pytest.raises(BandError, match="301 bands from 400 to 1000 nm"):
        BandSelection("1200nm").resolve(301, NM)
    with pytest.raises(BandError, match="no band lies there"):
        BandSelection("1100-1200nm").resolve(301, NM)
    with pytest.raises(BandError, match=r"nearest: 550 nm"):
        BandSelection("600nm").resolve(3, (480.0, 550.0, 670.0))


def test_two_wavelengths_on_one_band() -> None:
    with pytest.raises(BandError, match="twice"):
        BandSelection("480.2,480.4nm").resolve(301, NM)


@given(st.integers(1, 400), st.integers(1, 400))
def test_every_selection_names_bands_that_exist_once(bands: int, n: int) -> None:
    for text in (f"step_{n}", f"top_{n}", f"bottom_{n}", "all"):
        try:
            chosen = BandSelection(text).resolve(bands)
        except BandError:
            assert n > bands
            continue
        assert chosen
        assert len(set(chosen)) == len(chosen)
        assert all(0 <= b < bands for b in chosen)


def test_wavelengths_are_checked() -> None:
    assert check_wavelengths([400, 500], 2, "x") == (400.0, 500.0)
    with pytest.raises(BandError, match="2 wavelengths for images of 3 bands"):
        check_wavelengths([400, 500], 3, "x")
    with pytest.raises(BandError, match="do not ascend"):
        check_wavelengths([400, 400], 2, "x")


def test_nearest_band() -> None:
    assert nearest_band(NM, 401) == 0
    assert nearest_band(NM, 999) == 299
