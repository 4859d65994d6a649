"""Whether data are of the scale and the framing that a model learned from."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bimae.data import DatasetInfo
from bimae.errors import ModelError
from bimae.evaluate.sensor import UNRELIABLE, Learned, check_range, check_values, same_places

SCANS = DatasetInfo(rgb="camera", seed_side=40, photo_side=120, seed_areas=(50, 100, 200))
PHOTOS = DatasetInfo(rgb="camera", unit="colour", photo_side=120, seed_areas=(450, 900, 1800))


@dataclass
class Data:
    """As much of a data set as is looked at."""

    info: DatasetInfo
    root: Path = Path("lot")
    bands: int = 3
    wavelengths_nm: tuple[float, ...] | None = None


def learned(info: DatasetInfo) -> Learned:
    return Learned(info.unit, info.rgb, info.seed_side, info.photo_side, info.seed_areas)


def notes(info: DatasetInfo, known: DatasetInfo, modality: str = "rgb") -> list[str]:
    return check_values(Data(info), learned(known), modality=modality, scale="after")


def larger(info: DatasetInfo, times: float) -> DatasetInfo:
    areas = tuple(round(times * area) for area in info.seed_areas or ())
    return replace(info, seed_areas=areas)  # type: ignore[arg-type]


@pytest.mark.parametrize("known", [SCANS, PHOTOS], ids=["scans", "photos"])
@pytest.mark.parametrize("info", [SCANS, PHOTOS], ids=["scans", "photos"])
def test_seeds_of_a_size_that_was_never_learned_are_told(
    info: DatasetInfo, known: DatasetInfo
) -> None:
    assert notes(info, known) == []
    assert notes(larger(info, 2.9), known) == [], "a lot of large seeds"
    assert notes(larger(info, 0.35), known) == [], "a lot of small ones"
    for times in (0.25, 4):
        (note,) = notes(larger(info, times), known)
        assert "taken from another distance, or at another resolution?" in note
        assert note.endswith(UNRELIABLE)
    told = "seeds cover 25.0% of their images here, and those that the model learned from 3.1% to"
    assert told in notes(larger(info, 4), known)[0]


def test_squares_of_another_side_are_told() -> None:
    """Seeds look larger in smaller squares, whatever their sizes are."""
    for side, told in ((60, True), (110, False), (120, False), (131, False), (140, True)):
        for known in (PHOTOS, SCANS):
            found = notes(replace(PHOTOS, photo_side=side), known)
            assert [f"squares of {side} pixels here" in note for note in found] == [True] * told
            assert all("--seed-side 120" in note and UNRELIABLE in note for note in found)
    other = replace(SCANS, seed_side=20)
    (note,) = notes(other, SCANS, "hs")
    assert "squares of 20 pixels here, and of 40 where the model learned" in note


def test_grey_images_are_of_a_kind_of_their_own() -> None:
    (note,) = notes(replace(PHOTOS, rgb="grey"), PHOTOS)
    assert "RGB images are grey, but the model learned from a camera's" in note


def test_where_no_size_is_known_none_is_compared() -> None:
    unknown = replace(SCANS, seed_areas=None)
    for info, known in ((unknown, SCANS), (SCANS, unknown), (unknown, unknown)):
        assert notes(info, known) == []


def test_seeds_cut_out_of_trays_are_framed_otherwise_than_single_ones() -> None:
    single = DatasetInfo(rgb="camera")
    (note,) = notes(single, PHOTOS)
    assert "framed as they were taken, but the model learned from such as are cut out" in note
    (note,) = notes(SCANS, single, "bimodal")
    assert "are cut out of trays, but the model learned from such as are of one seed" in note
    assert UNRELIABLE in note
    assert notes(single, PHOTOS, "hs") == []
    assert notes(DatasetInfo(), PHOTOS) == notes(PHOTOS, DatasetInfo()) == []


def test_what_a_model_folder_tells() -> None:
    data = {"unit": "counts", "rgb": "camera", "seed_side": 40, "seed_areas": [1, 2, 3]}
    assert Learned.of({"data": data}) == Learned("counts", "camera", 40, None, (1, 2, 3))
    assert Learned.of({}) == Learned()


def test_bands_where_nothing_was_learned() -> None:
    learned = (400.0, 500.0, 600.0, 700.0)  # and so it is taken to know 350 to 750 nm
    assert check_range("lot", learned, learned) == ""
    assert check_range("lot", (360.0, 740.0), learned) == ""
    assert check_range("lot", (455.0, 760.0, 900.0), learned) == (
        "2 of 3 bands lie outside of 400 to 700 nm, where the model learned: leave them out "
        f"(--bands 400-700nm), or its answers are {UNRELIABLE}"
    )
    with pytest.raises(ModelError, match=r"lot: its bands lie from 1000 to 1700 nm, but the model"):
        check_range("lot", (1000.0, 1700.0), learned)
    assert check_range("lot", (509.0,), (500.0,)) == ""  # by a single band 10 nm


def test_bands_in_the_same_places() -> None:
    learned = (400.0, 500.0, 600.0)
    assert same_places((410.0, 455.0, 640.0), learned)
    assert not same_places((410.0, 455.0, 660.0), learned)
    assert not same_places(learned[:2], learned)
    assert not same_places(None, learned) and not same_places(learned, None)
