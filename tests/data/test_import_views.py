"""Views in folders of their own, and classes by names: from folders, patterns and lists."""

import numpy as np
import pytest

from bimae.data.importing import ImportSettings
from bimae.data.importing.listing import list_tree
from bimae.data.importing.recognise import recognise
from bimae.data.importing.views import by_views, view_of
from bimae.errors import DataError

from .raw_files import cube, npy, png
from .test_importing import by_id, imported


@pytest.mark.parametrize(
    ("folder", "view"),
    [
        ("RGB", "rgb"),
        ("rgb_images", "rgb"),
        ("Photos", "rgb"),
        ("HS", "hs"),
        ("hs data", "hs"),
        ("Hyperspectral-Cubes", "hyperspectral"),
        ("spectral images", "spectral"),
        ("VNIR", "vnir"),
        ("RGB_and_HS", None),  # "and" is no word of a view
        ("rgb hs", None),  # of both
        ("HS 12", None),  # a variety
        ("wheat", None),
        ("raw", None),
        ("data", None),
    ],
)
def test_names_of_folders(folder, view):
    assert view_of(folder) == view


PLACES = {
    "views alone": ("HS/{0}_{1}.npy", "RGB/{0}_{1}.png"),
    "classes below": ("HS/{0}/{1}.npy", "RGB/{0}/{1}.png"),
    "classes above": ("{0}/hs/{1}.npy", "{0}/rgb/{1}.png"),
    "words in names": ("cubes/{0}/{1}_hs.npy", "images/{0}/{1}_rgb.png"),
    "a folder around": ("set/HSI/{0}/{1}.npy", "set/RGB/{0}/{1}.png"),
    "parts above": ("{2}/HS/{0}/{1}.npy", "{2}/RGB/{0}/{1}.png"),
    "parts below": ("HS/{2}/{0}/{1}.npy", "RGB/{2}/{0}/{1}.png"),
}


@pytest.mark.parametrize("place", PLACES)
def test_views_are_laid_together(tmp_path, place):
    hs, rgb = PLACES[place]
    parts = ("train", "val", "test")
    for number, (label, part) in enumerate(zip(("oat", "rye", "rye"), parts, strict=True)):
        npy(tmp_path / "src" / hs.format(label, number, part), number)
        png(tmp_path / "src" / rgb.format(label, number, part), 10 + number)
    pattern = "^[a-z]+" if place == "views alone" else None
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out", label_pattern=pattern)
    assert summary.layout == "views"
    assert ds.info.rgb == "camera"
    assert sorted(ds.labels, key=str) == ["oat", "rye", "rye"]
    declared = dict(zip(ds.ids, ds.declared_splits, strict=True))
    for sample in ds:
        number = int(sample.id[-1] if sample.id[-1].isdigit() else sample.id[-4])
        assert sample.label == ("oat", "rye", "rye")[number]
        assert declared[sample.id] == (parts[number] if "parts" in place else None)
        assert np.array_equal(sample.hs, cube(number).astype(np.float32))
        expected = np.random.default_rng(10 + number).integers(0, 256, (12, 12, 3))
        assert np.array_equal(np.rint(sample.rgb * 255), expected)


def test_of_several_spectral_views_one_is_taken_and_the_others_are_told(tmp_path):
    for number in range(3):
        npy(tmp_path / "src" / "MS" / f"rye_{number}.npy", number, bands=2)
        npy(tmp_path / "src" / "HS" / f"rye_{number}.npy", number)
        png(tmp_path / "src" / "RGB" / f"rye_{number}.png", number)
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out", label="rye")
    assert len(ds) == 3
    assert ds.bands == 4
    assert [name for name, _ in summary.left_out] == [f"MS/rye_{n}.npy" for n in range(3)]
    assert "another spectral view of what HS shows" in summary.left_out[0][1]


def test_a_class_is_not_taken_for_a_view(tmp_path):
    for label in ("HS", "wheat"):  # a variety may be called so
        npy(tmp_path / "src" / label / "1.npy", len(label))
        png(tmp_path / "src" / label / "1.png")
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    assert summary.layout == "cubes"
    assert ds.labels == ["HS", "wheat"]


def test_spectra_alone_in_the_folder_of_their_view(tmp_path):
    for label in ("oat", "rye"):
        npy(tmp_path / "HS" / label / "1.npy", len(label))
    listing = list_tree(tmp_path)
    found = by_views(tmp_path, listing.scans, listing.pictures)
    assert found.paired == 0
    assert [scan.parts for scan in found.scans] == [("oat",), ("rye",)]


def test_a_seed_without_its_picture_is_no_class(tmp_path):
    for number in range(3):
        npy(tmp_path / "src" / "HS" / f"{number}.npy", number)
    png(tmp_path / "src" / "RGB" / "1.png")
    ds, _, _ = imported(tmp_path / "src", tmp_path / "out")
    assert ds.ids == ["0", "1", "2"]
    assert ds.labels == [None] * 3


def test_pictures_that_are_nobodys_are_told(tmp_path):
    npy(tmp_path / "HS" / "a.npy")
    npy(tmp_path / "HS" / "b.npy", 1)
    png(tmp_path / "RGB" / "c.png")
    (note,) = [n for n in recognise(tmp_path, ImportSettings()).notes if "picture" in n]
    assert "1 picture belongs to no spectral file, such as RGB/c.png" in note


def seeds(folder, names=("a-1", "a-2", "b-1")):
    for number, name in enumerate(names):
        npy(folder / f"{name}.npy", number)
    return folder


def test_classes_by_a_pattern(tmp_path):
    ds, _, _ = imported(seeds(tmp_path / "src"), tmp_path / "out", label_pattern="^(.)-")
    assert ds.labels == ["a", "a", "b"]
    ds, _, _ = imported(tmp_path / "src", tmp_path / "some", label_pattern="b")
    assert ds.labels == [None, None, "b"]


@pytest.mark.parametrize(
    ("pattern", "told"),
    [("b", "is not found in 2 of 3 names, such as 'a-1'"), ("-1", "is not found in 1 of 3 names")],
)
def test_a_pattern_that_misses_is_told(tmp_path, pattern, told):
    plan = recognise(seeds(tmp_path), ImportSettings(label_pattern=pattern))
    assert any(told in note for note in plan.notes)


def test_a_pattern_that_is_found_nowhere_is_refused(tmp_path):
    with pytest.raises(DataError, match="'z' is found in none of 3 names, such as 'a-1'"):
        recognise(seeds(tmp_path), ImportSettings(label_pattern="z"))


def test_a_pattern_does_not_see_the_folder_of_a_part(tmp_path):
    seeds(tmp_path / "train", ("oat_1", "rye_1"))
    seeds(tmp_path / "val", ("17", "18"))
    plan = recognise(tmp_path, ImportSettings(label_pattern="^(.+)_"))
    assert [(item.split, item.label) for item in plan.items] == [
        ("train", "oat"),
        ("train", "rye"),
        ("val", None),
        ("val", None),
    ]


def test_a_pattern_sees_every_other_folder(tmp_path):
    seeds(tmp_path / "tray-3", ("oat_1", "rye_1"))
    seeds(tmp_path / "tray-4", ("oat_1", "rye_1"))
    plan = recognise(tmp_path, ImportSettings(label_pattern=r"tray-(\d)"))
    assert [item.label for item in plan.items] == ["3", "3", "4", "4"]


def test_views_can_be_asked_for(tmp_path):
    npy(tmp_path / "HS" / "1.npy")
    with pytest.raises(DataError, match="found no picture of a spectral file's name in another"):
        recognise(tmp_path, ImportSettings(layout="views"))
    png(tmp_path / "RGB" / "1.png")
    plan = recognise(tmp_path, ImportSettings(layout="views"))
    assert not list(ImportSettings(layout="views").problems())
    assert plan.layout == "views"


def test_groups_from_a_list(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text(
        "image_id,label,group,weather\na-1,oat,t1,dry\na-2,rye,t1,wet\nb-1,rye,,wet\n",
        encoding="utf-8",
    )
    plan = recognise(seeds(tmp_path / "src"), ImportSettings(labels=table))
    assert [item.group for item in plan.items] == ["t1", "t1", None]
    assert [item.label for item in plan.items] == ["oat", "rye", "rye"]
    assert "labels.csv: columns not used: weather" in plan.notes


def test_a_picture_of_no_cube_is_told_where_others_have_theirs(tmp_path):
    for name in ("1", "2"):
        npy(tmp_path / "HS" / "rye" / f"{name}.npy", int(name))
        png(tmp_path / "RGB" / "rye" / f"{name}.png")
    png(tmp_path / "RGB" / "rye" / "77.png")
    notes = recognise(tmp_path, ImportSettings()).notes
    assert any("1 picture belongs to no spectral file, such as RGB/rye/77.png" in n for n in notes)


@pytest.mark.parametrize("header", ["name,label", "file,species", "id;class", "Image\tLabel"])
def test_classes_from_a_list(tmp_path, header):
    seeds(tmp_path / "src" / "x", ("a-1", "a-2"))
    seeds(tmp_path / "src" / "y", ("a-2", "b.5"))
    separator = next(c for c in ",;\t" if c in header)
    rows = ("a-1.png", "oat"), ("x/a-2.npy", "rye"), ("y\\a-2", "oat"), ("elsewhere/b.5", "rye")
    table = tmp_path / "labels.csv"
    lines = [header, *(separator.join(row) for row in rows)]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out", labels=table)
    labels = {i: sample.label for i, sample in by_id(ds).items()}
    assert labels == {"x/a-1": "oat", "x/a-2": "rye", "y/a-2": "oat", "y/b.5": "rye"}
    assert not any("labels.csv" in text for text, _, _ in summary.notes)


def test_what_a_list_lacks_or_has_too_much_is_told(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("name,label\na-1,oat\nz-9,oat\n", encoding="utf-8")
    plan = recognise(seeds(tmp_path / "src"), ImportSettings(labels=table))
    assert [item.label for item in plan.items] == ["oat", None, None]
    assert "labels.csv: 1 of 2 names is of nothing here, such as 'z-9'" in plan.notes
    assert "labels.csv: does not name 2 of 3 items, such as 'a-2'" in plan.notes


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "name,label\nz,oat\n",
            "found 1 name, such as 'z', none of them here; names such as 'a-1",
        ),
        ("name,label\n", "found 0 names, none of them here"),
        ("name,label\na-1,oat\na-1.npy,rye\n", "line 3: a-1 is 'rye' here and 'oat' above"),
        (
            "name,size\na-1,3\n",
            r"found columns name, size; a column of names \(name, id, .* of classes \(label",
        ),
    ],
)
def test_a_list_with_a_mistake(tmp_path, text, told):
    table = tmp_path / "labels.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        recognise(seeds(tmp_path / "src"), ImportSettings(labels=table))


def test_a_list_that_lies_there_is_offered(tmp_path):
    seeds(tmp_path)
    (tmp_path / "train.csv").write_text("id,label\na-1,oat\n", encoding="utf-8")
    notes = recognise(tmp_path, ImportSettings()).notes
    assert any(f"train.csv is not used; --labels {tmp_path / 'train.csv'}" in n for n in notes)


def test_wavelengths_that_lie_with_the_spectra(tmp_path):
    for label in ("oat", "rye"):
        npy(tmp_path / "HS" / label / "1.npy", len(label))
        png(tmp_path / "RGB" / label / "1.png")
    (tmp_path / "HS" / "wavelengths.txt").write_text("450\n550\n650\n750\n", encoding="utf-8")
    ds, _, _ = imported(tmp_path, tmp_path.parent / "out")
    assert ds.wavelengths_nm == (450, 550, 650, 750)


def test_a_file_that_holds_all_seeds_is_told_how_to_go_in(tmp_path):
    np.savez(tmp_path / "all.npz", hs=np.zeros((5, 6, 6, 4)), label=np.arange(5))
    with pytest.raises(DataError, match=r"float64 \[5, 6, 6, 4\].*write_tfrecords \(README"):
        imported(tmp_path, tmp_path.parent / "everything")
