import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.errors import BandError
from bimae.spectra import BandSelection, Channels, filter_weights

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
    assert BandSelection("480nm,550 nm").resolve(301, NM) == (40, 75)
    assert BandSelection("450-452,550nm,650-652nm").resolve(301, NM) == (25, 26, 75, 125, 126)


def test_by_filter() -> None:
    found = BandSelection("490nm@30, 560nm@20nm, 668nm@14").channels(301, NM)
    assert found.bands == (45, 80, 134)
    assert found.weights == tuple(
        filter_weights(NM, nm, width) for nm, width in ((490, 30), (560, 20), (668, 14))
    )
    mixed = BandSelection("480nm,560nm@20,900-902nm").channels(301, NM)
    assert mixed.bands == (40, 80, 250, 251)
    assert mixed.weights is not None
    assert mixed.weights[0] == ((40, 1.0),)
    assert len(mixed.weights[1]) > 10
    wide_and_narrow = BandSelection("560nm@20,560nm@60").channels(301, NM)
    assert wide_and_narrow.bands == (80, 80)  # one place in the spectrum, seen twice


def test_filters_of_single_bands_are_picks() -> None:
    narrow = BandSelection("480.3nm@0.5,561nm@0.2")
    assert narrow.channels(301, NM) == Channels((40, 80))
    assert narrow.resolve(301, NM) == (40, 80)


def test_an_average_has_no_number() -> None:
    with pytest.raises(BandError, match="has filters, which average several bands"):
        BandSelection("480nm,560nm@20").resolve(301, NM)


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
    "text",
    [
        "",
        "every",
        "top5",
        "step_",
        "480,550",
        "1-5",
        "-1",
        "560@20",
        "560nm@",
        "490,560nm@20",
        "450-500nm@20",
        "480nm,",
        "480nm,all",
        "nm",
    ],
)
def test_typos_are_told_at_birth(text: str) -> None:
    if text == "480,550":  # numbers without nm are band numbers: fine until a sensor lacks them
        with pytest.raises(BandError, match="no band 480, 550"):
            BandSelection(text).resolve(300)
        return
    with pytest.raises(BandError, match="is not understood"):
        BandSelection(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [("680-450nm", "450-680nm"), ("480nm,560nm@0", "filter at 560 nm needs a width above 0")],
)
def test_what_no_sensor_can_have_is_told_at_birth(text: str, told: str) -> None:
    with pytest.raises(BandError, match=told):
        BandSelection(text)


def test_wavelengths_are_never_guessed() -> None:
    for text in ("480nm", "450-680nm", "560nm@20", "480nm,560nm@20"):
        with pytest.raises(BandError, match="wavelengths of this sensor are unknown"):
            BandSelection(text).channels(300)


def test_a_wavelength_beyond_the_sensor_lists_what_it_has() -> None:
    with pytest.raises(BandError, match=r"400-1000 nm in 301 bands every 2\.0 nm"):
        BandSelection("1200nm").resolve(301, NM)
    with pytest.raises(BandError, match="no band lies there"):
        BandSelection("1100-1200nm").resolve(301, NM)
    with pytest.raises(BandError, match=r"nearest: 550 nm.*3 bands at 480, 550, 670 nm"):
        BandSelection("600nm").resolve(3, (480.0, 550.0, 670.0))


def test_a_filter_beyond_the_sensor_or_in_its_gap() -> None:
    gap = tuple(nm for nm in NM if not 700 < nm < 800)
    for text in ("1002nm@50", "390nm@500"):  # however wide: its centre is not there
        with pytest.raises(BandError, match=r"no band at .* for a filter"):
            BandSelection(text).channels(301, NM)
    with pytest.raises(BandError, match=r"400-700 nm in 151 bands every 2.0 nm, 800-1000 nm in"):
        BandSelection("750nm@60").channels(len(gap), gap)
    with pytest.raises(BandError, match=r"no band at 750 nm \(nearest: 700 nm\)"):
        BandSelection("750nm").channels(len(gap), gap)
    assert BandSelection("750nm@120").channels(len(gap), gap).bands == (150,)
    assert BandSelection("710nm@20").channels(len(gap), gap).bands == (150,)


def test_two_wavelengths_on_one_band() -> None:
    with pytest.raises(BandError, match="twice"):
        BandSelection("480.2,480.4nm").resolve(301, NM)
    with pytest.raises(BandError, match="band 40 twice"):
        BandSelection("450-500,480nm").resolve(301, NM)
    with pytest.raises(BandError, match="band 40 twice"):
        BandSelection("480nm,480nm@0.1").channels(301, NM)


def test_a_filter_twice() -> None:
    with pytest.raises(BandError, match="the filter around band 80 twice"):
        BandSelection("560nm@20,480nm,560.0nm@20nm").channels(301, NM)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("490nm@30,560nm@20,668nm@14", "3 filters (490, 560, 668 nm)"),
        ("480.9nm,560.9nm@20", "1 band and 1 filter (480, 560.9 nm)"),
        ("0,60", "2 bands (400, 520 nm)"),
        ("561nm@0.2", "1 band (560 nm)"),
        ("all", "301 bands"),
    ],
)
def test_in_words(text: str, told: str) -> None:
    assert BandSelection(text).describe(301, NM) == told
    assert told.startswith(str(BandSelection(text).channels(301, NM)))


def test_in_words_without_wavelengths() -> None:
    assert BandSelection("0,60").describe(301) == "2 bands (0, 60)"


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


@given(
    st.sampled_from(["all", "step_7", "top_5", "bottom_5", "0,60,120", "480,550,670nm"])
    | st.builds("{}-{}nm".format, st.integers(400, 600), st.integers(602, 1000))
)
def test_picks_are_the_same_both_ways(text: str) -> None:
    selection = BandSelection(text)
    assert selection.channels(301, NM) == Channels(selection.resolve(301, NM))
