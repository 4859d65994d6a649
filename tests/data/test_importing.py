"""The import, layout by layout, from raw files to a data set that is read back."""

import json
import shutil
import zipfile

import numpy as np
import pytest
import tifffile
from scipy.io import savemat

from bimae.data import open_dataset
from bimae.data.importing import ImportSettings, import_data, work_folder
from bimae.data.importing import work as work_module
from bimae.data.importing.listing import natural
from bimae.errors import ConfigError, DataError

from .raw_files import NM, cube, npy, png, scan, seed_folder

AS_FOUND = {"hs_size": 0, "rgb_size": 0}


def imported(src, out, *, strict=False, overwrite=False, **settings):
    summary, split = import_data(
        src,
        out,
        ImportSettings(**AS_FOUND | settings),
        workers=1,
        strict=strict,
        overwrite=overwrite,
    )
    return open_dataset(out, hs_size=None, rgb_size=None), summary, split


def by_id(samples):
    return {sample.id: sample for sample in samples}


def test_a_folder_a_seed(tmp_path):
    for number, name in enumerate(("wheat/2", "wheat/10", "oat/1")):
        seed_folder(tmp_path / "src" / name, number)
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    assert summary.layout == "folders"
    assert ds.ids == ["oat/1", "wheat/2", "wheat/10"]
    assert ds.labels == ["oat", "wheat", "wheat"]
    assert ds.wavelengths_nm == NM
    assert ds.info.rgb == "camera"
    assert np.array_equal(by_id(ds)["wheat/10"].hs, cube(1).astype(np.float32))


@pytest.mark.parametrize(
    "names",
    [
        ("rgbseed.PNG", "hsseed.HDR", "hsseed.BIL", "META.json"),
        ("RGBSEED.png", "HSSEED.hdr", "HSSEED.bil", "meta.JSON"),
    ],
)
def test_capitals_do_not_matter_and_meta_names_the_species(tmp_path, names):
    for number in range(2):
        made = seed_folder(tmp_path / f"made{number}", number, species="Avena fatua")
        place = tmp_path / "src" / "folder name" / str(number)
        place.mkdir(parents=True)
        for old, new in zip(
            ("RGBSeed.png", "HsSeed.hdr", "HsSeed.bil", "Meta.JSON"), names, strict=True
        ):
            shutil.move(made / old, place / new)
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    assert ds.classes == ["Avena fatua"]
    assert ds.groups == ["t0", "t1"]
    assert any("Meta.JSON says Avena fatua" in text for text, _, _ in summary.notes)


def test_many_folders_of_one_file_are_seeds_without_a_class(tmp_path):
    for number in range(5):
        npy(tmp_path / "src" / f"seed {number}" / "scan.npy", number)
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    assert summary.layout == "folders"
    assert ds.ids == [f"seed {n}" for n in range(5)]
    assert ds.classes == []
    ds, _, _ = imported(tmp_path / "src", tmp_path / "other", layout="cubes")
    assert len(ds.classes) == 5


def test_a_scanners_own_folders(tmp_path):
    for number in range(2):
        place = tmp_path / "src" / "rye" / f"scan{number}" / "capture"
        scan(place / f"scan{number}.hdr", np.full((6, 6, 4), 300))
        scan(place / f"WHITEREF_scan{number}.hdr", np.full((2, 6, 4), 1100))
        scan(place / f"DARKREF_scan{number}.hdr", np.full((2, 6, 4), 100))
    ds, _, _ = imported(tmp_path / "src", tmp_path / "out")
    assert dict(zip(ds.ids, ds.labels, strict=True)) == {"rye/scan0": "rye", "rye/scan1": "rye"}
    assert ds.info.unit == "reflectance"


def test_seed_folders_with_npy_and_a_wrapping_folder(tmp_path):
    for number in range(3):
        npy(tmp_path / "src" / "images" / "rye" / str(number) / "HSSeed.npy", number)
        png(tmp_path / "src" / "images" / "rye" / str(number) / "RGBSeed.png", number)
    npy(tmp_path / "src" / "bg_images" / "1" / "HSSeed.npy")
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    assert ds.ids == ["rye/0", "rye/1", "rye/2"]
    assert ds.classes == ["rye"]
    assert any("background images" in text for text, _, _ in summary.notes)


def test_a_file_a_seed_with_and_without_a_picture(tmp_path):
    src = tmp_path / "src"
    npy(src / "wheat" / "a.npy", 1)
    png(src / "wheat" / "a.png", 1)
    npy(src / "wheat" / "b.npy", 2)
    npy(src / "oat" / "tray 1" / "c.npy", 3)
    (src / "wavelengths.txt").write_text("".join(f"{x}\n" for x in NM))
    ds, summary, _ = imported(src, tmp_path / "out")
    assert summary.layout == "cubes"
    assert dict(zip(ds.ids, ds.labels, strict=True)) == {
        "oat/tray 1/c": "oat",
        "wheat/a": "wheat",
        "wheat/b": "wheat",
    }
    assert dict(zip(ds.ids, ds.groups, strict=True))["oat/tray 1/c"] == "oat/tray 1"
    assert ds.wavelengths_nm == NM
    assert summary.rgb == {"camera": 1, "false colour": 2}
    assert by_id(ds)["wheat/b"].rgb.shape == (6, 6, 3)
    assert ds.info.rgb == "camera and false colour"


def test_false_colour_shows_the_named_bands(tmp_path):
    values = np.zeros((4, 4, 4), np.uint8)
    values[:, :, 2] = 255  # 650 nm
    scan(tmp_path / "src" / "x.hdr", values, dtype=np.uint8)
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    assert np.array_equal(ds[0].rgb, np.broadcast_to([1.0, 0.0, 0.0], (4, 4, 3)))
    assert any("650, 550, 450 nm" in text for text, _, _ in summary.notes)


def test_declared_parts_are_kept(tmp_path):
    for number, part in enumerate(("train", "train", "test")):
        npy(tmp_path / "src" / part / "rye" / f"{number}.npy", number)
    ds, summary, split = imported(tmp_path / "src", tmp_path / "out")
    assert split is None
    assert ds.declared_splits == ["train", "train", "test"]
    assert ds.classes == ["rye"]
    assert summary.declared == {"train": 2, "test": 1}


def parts_of(folder, **seeds):
    for part, numbers in seeds.items():
        for place, number in enumerate(numbers):
            npy(folder / part / "oat" / f"{part}-{place}.npy", number)


def test_identical_images_in_two_parts_are_told(tmp_path):
    parts_of(tmp_path / "crops", train=(0, 1, 2), val=(3,), test=(4, 1, 1))
    _, summary, _ = imported(tmp_path / "crops", tmp_path / "out")
    (told,) = [text for text, _, _ in summary.notes if "identical" in text]
    assert told.startswith("WARNING: 3 samples have identical images in more than one part")
    assert "such as train/oat/train-1 (train) and test/oat/test-1 (test)" in told
    assert "bimae data split" in told


def test_copies_within_one_part_and_without_parts_are_no_leak(tmp_path):
    parts_of(tmp_path / "crops", train=(0, 0, 2), val=(3,), test=(4, 1, 1))
    _, summary, _ = imported(tmp_path / "crops", tmp_path / "out")
    assert not [text for text, _, _ in summary.notes if "identical" in text]
    parts_of(tmp_path / "all", some=(0, 1, 2, 3, 4), more=(1, 5, 6))
    _, summary, _ = imported(tmp_path / "all", tmp_path / "out-all")
    assert not [text for text, _, _ in summary.notes if "identical" in text]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table(tmp_path, separator):
    src = tmp_path / "src"
    for number in range(2):
        (src / "files").mkdir(parents=True, exist_ok=True)
        savemat(src / "files" / f"{number}.mat", {"cube": cube(number), "wavelengths": NM})
        png(src / "files" / f"{number}.png", number)
    rows = [["Path_HS", "path_rgb", "label", "group", "quality"]]
    rows += [[f"files/{n}.mat", f"files/{n}.png", "rye", f"tray {n}", "good"] for n in range(2)]
    text = "\n".join(separator.join(row) for row in rows)
    (src / "seeds.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    for path, out in ((src, "a"), (src / "seeds.csv", "b")):
        ds, summary, _ = imported(path, tmp_path / out)
        assert summary.layout == "table"
        assert ds.groups == ["tray 0", "tray 1"]
        assert ds.labels == ["rye", "rye"]
        assert np.array_equal(ds[1].hs, cube(1))
        assert ("columns not used: quality", 1, "") in summary.notes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path_hs,label\n,rye\n", "line 2: path_hs is empty"),
        ("path_hs,label\na.npy,rye,oat\n", "line 2: found 3 fields, expected 2"),
        ("path_hs,split\na.npy,later\n", "split is 'later', expected train, val or test"),
        ("path_hs\n", "a table without rows"),
        ("name,label\na,b\n", "found no column path_hs"),
        ("", "an empty table"),
    ],
)
def test_a_table_with_a_mistake(tmp_path, text, expected):
    (tmp_path / "t.csv").write_text(text)
    npy(tmp_path / "a.npy")
    with pytest.raises(DataError, match=expected):
        imported(tmp_path / "t.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_scene_with_a_ground_truth(tmp_path):
    rng = np.random.default_rng(0)
    truth = np.kron(np.arange(1, 5).reshape(2, 2), np.ones((9, 9), int)).astype(np.uint8)
    savemat(tmp_path / "field.mat", {"field": rng.integers(0, 99, (18, 18, 4)).astype(np.uint16)})
    savemat(tmp_path / "field_gt.mat", {"field_gt": truth})
    (tmp_path / "names.txt").write_text("oat\nrye\nwheat\nspelt\n")
    settings = {"window": 3, "block": 9, "wavelengths": "450-750nm"}
    ds, summary, split = imported(
        tmp_path / "field.mat", tmp_path / "out", class_names=tmp_path / "names.txt", **settings
    )
    assert summary.layout == "scene"
    assert split is None
    assert ds.classes == ["oat", "rye", "spelt", "wheat"]
    assert ds.wavelengths_nm == NM
    assert ds[0].hs.shape == (3, 3, 4)
    assert len(ds) == 4 * 7 * 7  # windows within blocks of 9
    other, _, _ = imported(tmp_path, tmp_path / "second", **settings)
    assert other.classes == ["class-01", "class-02", "class-03", "class-04"]


def test_boxes(tmp_path):
    scan(tmp_path / "belt.hdr", np.arange(10 * 12 * 4).reshape(10, 12, 4), ext=".bsq")
    png(tmp_path / "belt.png", size=(40, 48))
    (tmp_path / "boxes.csv").write_text(
        "path_hs,path_rgb,label,left,top,right,bottom\n"
        "belt.hdr,belt.png,rye,1,1,4,4\nbelt.hdr,belt.png,oat,6,5,10,9\n"
    )
    ds, summary, _ = imported(tmp_path / "boxes.csv", tmp_path / "out", hs_size=4, rgb_size=16)
    assert summary.layout == "boxes"
    assert ds.ids == ["belt-0001", "belt-0002"]
    assert ds.labels == ["rye", "oat"]
    assert ds[0].hs.shape == (4, 4, 4)
    assert ds[0].rgb.shape == (16, 16, 3)


def test_a_bad_file_is_left_out_and_told(tmp_path):
    src = tmp_path / "src"
    for number in range(4):
        seed_folder(src / "rye" / str(number), number)
    short = src / "rye" / "2" / "HsSeed.bil"
    short.write_bytes(short.read_bytes()[:-7])
    ds, summary, _ = imported(src, tmp_path / "out")
    assert ds.ids == ["rye/0", "rye/1", "rye/3"]
    [(name, why)] = summary.left_out
    assert name == "rye/2"
    assert "281" in why and "288" in why  # bytes found, bytes expected
    told = json.loads((tmp_path / "out" / "import.json").read_text())
    assert told["left_out"] == [{"name": name, "why": why}]
    with pytest.raises(DataError, match=r"281.*kept in .*strict\.importing, and the same command"):
        imported(src, tmp_path / "strict", strict=True)
    assert not (tmp_path / "strict").exists()


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.npy").write_bytes(b"\x93NUMPY, but not really")
    with pytest.raises(DataError, match=r"a\.npy"):
        imported(tmp_path / "src", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_of_another_sensor_is_left_out(tmp_path):
    src = tmp_path / "src"
    for number in range(3):
        scan(src / "rye" / f"{number}.hdr", cube(number))
    scan(src / "rye" / "other.hdr", cube(9, bands=3), nm=NM[:3])
    scan(src / "rye" / "shifted.hdr", cube(8), nm=[x + 40 for x in NM])
    ds, summary, _ = imported(src, tmp_path / "out")
    assert len(ds) == 3
    reasons = dict(summary.left_out)
    assert "has 3 bands, most others have 4" in reasons["rye/other"]
    assert "40.00 nm" in reasons["rye/shifted"]


def test_references_beside_the_scan_make_reflectance(tmp_path):
    raw = np.full((6, 6, 4), 300)
    scan(tmp_path / "src" / "rye" / "a.hdr", raw)
    scan(tmp_path / "src" / "rye" / "WHITEREF_a.hdr", np.full((2, 6, 4), 1100))
    scan(tmp_path / "src" / "rye" / "DARKREF_a.hdr", np.full((2, 6, 4), 100))
    ds, _, _ = imported(tmp_path / "src", tmp_path / "out")
    assert len(ds) == 1
    assert ds.info.unit == "reflectance"
    assert np.allclose(ds[0].hs, 0.2)
    ds, _, _ = imported(tmp_path / "src", tmp_path / "small", store="uint8")
    assert ds[0].hs.dtype == np.uint8
    assert (ds[0].hs == 51).all()


def test_counts_are_not_stored_in_255_steps(tmp_path):
    scan(tmp_path / "src" / "rye" / "a.hdr")
    with pytest.raises(DataError, match="only reflectance can be stored as uint8"):
        imported(tmp_path / "src", tmp_path / "out", store="uint8")


def test_sizes_default_to_the_papers(tmp_path):
    seed_folder(tmp_path / "src" / "rye" / "0")
    ds, _, _ = imported(tmp_path / "src", tmp_path / "out", hs_size=None, rgb_size=None)
    assert ds[0].hs.shape == (24, 24, 4)
    assert ds[0].rgb.shape == (192, 192, 3)


def test_groups_from_names(tmp_path):
    for number in range(4):
        npy(tmp_path / "src" / "rye" / f"tray{number // 2}_{number}.npy", number)
    ds, _, split = imported(tmp_path / "src", tmp_path / "out", group_pattern=r"(tray\d+)_")
    assert ds.groups == ["tray0", "tray0", "tray1", "tray1"]
    assert split is not None
    part_of = {i: name for name in ("train", "val", "test") for i in getattr(split, name)}
    assert part_of[0] == part_of[1]
    assert part_of[2] == part_of[3]


def test_an_import_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    src, out = tmp_path / "src", tmp_path / "out"
    for number in range(6):
        npy(src / "rye" / f"{number}.npy", number)
    monkeypatch.setattr("bimae.data.importing.importer.SEEDS_PER_UNIT", 2)
    real, read = work_module.do_unit, []

    def stopped(unit, *rest):
        if len(read) == 2:
            raise KeyboardInterrupt
        read.append(unit)
        return real(unit, *rest)

    monkeypatch.setattr(work_module, "do_unit", stopped)
    with pytest.raises(KeyboardInterrupt):
        imported(src, out)
    assert not out.exists()
    assert work_folder(out).is_dir()
    npy(src / "rye" / "0.npy", 77)  # changed meanwhile: has to be read again
    monkeypatch.setattr(work_module, "do_unit", lambda *a: (read.append(a[0]), real(*a))[1])
    ds, _, _ = imported(src, out)
    assert len(read) == 2 + 2  # the changed unit and the one that was not reached
    assert np.array_equal(ds[0].hs, cube(77))
    assert [np.array_equal(ds[i].hs, cube(i)) for i in range(1, 6)] == [True] * 5
    assert not work_folder(out).exists()


def test_processes_read_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("bimae.data.importing.importer.SEEDS_PER_UNIT", 2)
    for number in range(5):
        seed_folder(tmp_path / "src" / "rye" / str(number), number)
    fingerprints = set()
    for workers in (1, 2):
        out = tmp_path / f"out{workers}"
        import_data(tmp_path / "src", out, ImportSettings(**AS_FOUND), workers=workers)
        fingerprints.add(open_dataset(out, hs_size=None, rgb_size=None).fingerprint)
    assert len(fingerprints) == 1


def test_what_lies_in_out_is_not_lost(tmp_path):
    seed_folder(tmp_path / "src" / "rye" / "0")
    imported(tmp_path / "src", tmp_path / "out")
    with pytest.raises(DataError, match="--overwrite"):
        imported(tmp_path / "src", tmp_path / "out")
    imported(tmp_path / "src", tmp_path / "out", overwrite=True)
    (tmp_path / "out" / "thesis.docx").write_text("")
    with pytest.raises(DataError, match=r"thesis\.docx"):
        imported(tmp_path / "src", tmp_path / "out", overwrite=True)
    with pytest.raises(DataError, match="holds the files that are to be imported"):
        imported(tmp_path / "src", tmp_path / "src", overwrite=True)


def test_dataset_json_tells_a_person_everything(tmp_path):
    for number in range(4):
        seed_folder(tmp_path / "src" / ("rye", "oat")[number % 2] / str(number), number)
    (tmp_path / "src" / "SIMULATED.txt").write_text("")
    _, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert facts["simulated"] is True
    assert summary.simulated
    assert facts["classes"] == {"oat": 2, "rye": 2}
    assert facts["wavelengths_nm"] == list(NM)
    assert facts["sizes"] == {"hs": "6x6", "rgb": "12x12"}
    assert facts["samples"] == 4
    assert len(facts["source_fingerprint"]) == 16
    assert sum(facts["split"][part] for part in ("train", "val", "test")) == 4


def test_mistakes_in_the_settings_are_told_together(tmp_path):
    with pytest.raises(ConfigError) as error:
        import_data(
            tmp_path,
            tmp_path / "out",
            ImportSettings(window=4, group_pattern="(", white=tmp_path / "none.hdr"),
        )
    assert len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize("what", ["missing", "empty", "text"])
def test_nothing_to_import(tmp_path, what):
    src = tmp_path / what
    if what == "empty":
        src.mkdir()
    if what == "text":
        src.write_text("hello")
    with pytest.raises(DataError, match=what):
        imported(src, tmp_path / "out")


def test_names_sort_as_people_count():
    assert sorted(["t10", "t2", "T1", "t2b"], key=natural) == ["T1", "t2", "t2b", "t10"]


def test_an_archive_cannot_write_elsewhere(tmp_path):
    place = tmp_path / "src" / "rye" / "1"
    png(place / "RGB_Raw.jpg")
    with zipfile.ZipFile(place / "HS_Raw.zip", "w") as archive:
        archive.writestr("../../escaped.hdr", "ENVI\n")
    with pytest.raises(DataError):
        imported(tmp_path / "src", tmp_path / "out")
    assert not list(tmp_path.rglob("escaped.hdr"))


def test_bands_are_where_all_files_are_equally_long(tmp_path):
    for number, shape in enumerate(((5, 8, 9), (5, 7, 5), (5, 9, 9))):  # bands first
        path = tmp_path / "src" / "rye" / f"{number}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.random.default_rng(number).integers(1, 9, shape).astype(np.uint8))
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    assert ds.bands == 5
    assert [sample.hs.shape for sample in ds] == [(8, 9, 5), (7, 5, 5), (9, 9, 5)]
    assert not summary.left_out


def test_a_new_reference_is_not_mixed_with_what_was_read(tmp_path, monkeypatch):
    src, out = tmp_path / "src", tmp_path / "out"
    for number in range(4):
        scan(src / "rye" / f"{number}.hdr", np.full((6, 6, 4), 300))
    scan(src / "rye" / "WHITEREF.hdr", np.full((2, 6, 4), 1100))
    scan(src / "rye" / "DARKREF.hdr", np.full((2, 6, 4), 100))
    monkeypatch.setattr("bimae.data.importing.importer.SEEDS_PER_UNIT", 2)
    real = work_module.do_unit
    done = []

    def stopped(unit, *rest):
        if done:
            raise KeyboardInterrupt
        done.append(unit)
        return real(unit, *rest)

    monkeypatch.setattr(work_module, "do_unit", stopped)
    with pytest.raises(KeyboardInterrupt):
        imported(src, out)
    for suffix in (".hdr", ".raw"):
        (src / "rye" / f"WHITEREF{suffix}").unlink()
    scan(src / "rye" / "WHITEREF.hdr", np.full((3, 6, 4), 500))
    monkeypatch.setattr(work_module, "do_unit", real)
    ds, _, _ = imported(src, out)
    assert all(np.allclose(sample.hs, 0.5) for sample in ds)


@pytest.mark.parametrize(
    "words", [("train", "valid", "test"), ("training", "validation", "testing")]
)
def test_parts_by_any_of_their_names(tmp_path, words):
    for number, word in enumerate(words):
        npy(tmp_path / "src" / word / "rye" / f"{number}.npy", number)
    ds, _, split = imported(tmp_path / "src", tmp_path / "out")
    assert split is None
    assert ds.declared_splits == ["train", "val", "test"]
    assert ds.classes == ["rye"]


def test_a_part_for_every_item_or_for_none(tmp_path):
    npy(tmp_path / "a.npy")
    npy(tmp_path / "b.npy", 1)
    (tmp_path / "t.csv").write_text("path_hs,split\na.npy,test\nb.npy,\n")
    with pytest.raises(DataError, match="1 of 2 items, such as b, is in no part"):
        imported(tmp_path / "t.csv", tmp_path / "out")


def test_wavelengths_are_counted_with_the_bad_bands(tmp_path):
    scan(tmp_path / "src" / "rye" / "a.hdr", nm=None, bbl=[0, 1, 1, 1])
    ds, _, _ = imported(tmp_path / "src", tmp_path / "out", wavelengths="400-700nm")
    assert ds.wavelengths_nm == (500, 600, 700)


def test_percent_is_not_stored_in_255_steps(tmp_path):
    percent = np.full((6, 6, 4), 42.0)
    scan(tmp_path / "src" / "rye" / "a.hdr", percent, dtype=np.float32, description="x",
         **{"data units": "Reflectance (%)"})  # fmt: skip
    with pytest.raises(DataError, match="no reflectance in"):
        imported(tmp_path / "src", tmp_path / "out", store="uint8")


def test_what_cannot_be_used_is_told(tmp_path):
    src = tmp_path / "src"
    for number in range(3):
        scan(src / "rye" / f"{number}.hdr", cube(number))
    (src / "rye" / "1.raw").rename(src / "rye" / "lost.raw")
    (src / "rye" / "empty.hdr").write_text("")
    np.save(src / "rye" / "2.npy", cube(2))
    np.save(src / "rye" / "weight.npy", cube(7))  # ends in `gt`? no: a seed like any other
    ds, summary, _ = imported(src, tmp_path / "out")
    assert set(ds.ids) == {"rye/0", "rye/2", "rye/weight"}
    told = dict(summary.left_out)
    assert set(told) == {"rye/1", "rye/lost.raw", "rye/empty.hdr", "rye/2.npy"}


def test_a_box_outside_its_scene_is_left_out_alone(tmp_path):
    scan(tmp_path / "belt.hdr", np.arange(10 * 12 * 4).reshape(10, 12, 4), ext=".bsq")
    (tmp_path / "boxes.csv").write_text(
        "path_hs,label,left,top,right,bottom\nbelt.hdr,rye,1,1,4,4\nbelt.hdr,oat,60,5,90,9\n"
    )
    ds, summary, _ = imported(tmp_path / "boxes.csv", tmp_path / "out")
    assert ds.ids == ["belt-0001"]
    assert [name for name, _ in summary.left_out] == ["belt-0002"]
    with pytest.raises(DataError, match="line 3"):
        imported(tmp_path / "boxes.csv", tmp_path / "strict", strict=True)


def test_a_stop_while_writing_loses_nothing(tmp_path, monkeypatch):
    seed_folder(tmp_path / "src" / "rye" / "0")

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("bimae.data.importing.assemble.write_frames", full)
        with pytest.raises(OSError, match="No space"):
            imported(tmp_path / "src", tmp_path / "out")
    assert list(work_folder(tmp_path / "out").glob("*.rec"))
    monkeypatch.setattr(work_module, "do_unit", None)  # nothing is left to be read
    ds, _, _ = imported(tmp_path / "src", tmp_path / "out")
    assert len(ds) == 1


def test_a_link_back_is_not_followed_for_ever(tmp_path):
    npy(tmp_path / "src" / "rye" / "a.npy")
    (tmp_path / "src" / "rye" / "back").symlink_to(tmp_path / "src")
    ds, _, _ = imported(tmp_path / "src", tmp_path / "out")
    assert len(ds) == 1


def test_surplus_class_names(tmp_path):
    truth = np.kron(np.arange(1, 3), np.ones((9, 9), int)).astype(np.uint8)
    np.save(tmp_path / "field.npy", np.random.default_rng(0).random((9, 18, 4), np.float32))
    np.save(tmp_path / "field_gt.npy", truth)
    names = tmp_path / "names.txt"
    settings = {"window": 3, "block": 9, "class_names": names, "layout": "scene"}
    names.write_text("background\noat\nrye\n")
    with pytest.raises(DataError, match="the first line is class 1"):
        imported(tmp_path / "field.npy", tmp_path / "out", **settings)
    names.write_text("oat\nrye\nspelt\n")
    ds, summary, _ = imported(tmp_path / "field.npy", tmp_path / "out", **settings)
    assert ds.classes == ["oat", "rye"]
    assert any("3 names, but the classes end at 2" in text for text, _, _ in summary.notes)
    assert any("labelled pixels are used" in text for text, _, _ in summary.notes)


def test_a_band_of_a_scan_is_no_ground_truth(tmp_path):
    scan(tmp_path / "field.hdr", cube(side=18))
    with pytest.raises(DataError, match="has 4 bands, a map of classes has one"):
        imported(tmp_path / "field.hdr", tmp_path / "out", layout="scene", window=3, block=9)
    truth = np.kron(np.arange(1, 5).reshape(2, 2), np.ones((9, 9), int))[:, :, None]
    scan(tmp_path / "field_gt.hdr", truth, nm=None)
    ds, _, _ = imported(tmp_path, tmp_path / "second", window=3, block=9)
    assert len(ds.classes) == 4


def arrays(folder, shapes):
    folder.mkdir(parents=True)
    for number, shape in enumerate(shapes):
        values = np.random.default_rng(number).integers(1, 9, shape).astype(np.uint8)
        np.save(folder / f"{number}.npy", values)


@pytest.mark.parametrize(
    ("shapes", "bands", "left_out"),
    [
        ([(9, 9, 12)] * 5 + [(9, 9, 11)], 12, 1),
        ([(9, 9, 12)] * 2 + [(9, 9, 11)], 12, 1),
        ([(9, 9, 12), (9, 9, 12), (9, 9, 15), (9, 9, 15), (9, 9, 12)], 12, 2),
        ([(9, 9, 12)] * 5 + [(9, 8, 11)], 12, 1),  # both other axes differ, but in one file
        ([(9, 9, 12), (9, 9, 12), (9, 8, 11)], 12, 1),
        ([(9, 20 + n, 12 + 3 * (n % 2)) for n in range(7)], 12, 3),  # two sensors, one height
        ([(12, 9, 9)] * 5 + [(11, 9, 9)], 12, 1),  # the same the other way round
        ([(12, 9, 9)] * 2 + [(11, 9, 9)], 12, 1),
    ],
)
def test_a_file_of_other_bands_does_not_turn_the_others(tmp_path, shapes, bands, left_out):
    arrays(tmp_path / "src" / "rye", shapes)
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    assert ds.bands == bands
    assert len(ds) == len(shapes) - left_out
    assert [f"most others have {bands}" in why for _, why in summary.left_out] == [True] * left_out
    assert not any("axis of the bare arrays" in text for text, _, _ in summary.notes)


@pytest.mark.parametrize("axis", ["first", "last"])
def test_crops_with_one_odd_file_show_their_bands(tmp_path, axis):
    crops = [(12, 7 + n, 20 - n) for n in range(6)] + [(11, 8, 8)]
    arrays(tmp_path / "src" / "rye", [s if axis == "first" else (*s[1:], s[0]) for s in crops])
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    assert (ds.bands, len(ds)) == (12, 6)
    assert [name for name, _ in summary.left_out] == ["rye/6"]
    told = [text for text, _, _ in summary.notes if "of the bare arrays" in text]
    assert len(told) == 1
    assert f"the {axis} axis" in told[0] and "most files have 12 there" in told[0]


def test_values_that_are_no_numbers_are_told(tmp_path):
    src = tmp_path / "src" / "rye"
    src.mkdir(parents=True)
    good = cube().astype(np.float32) / 255
    for number, hole in enumerate((0, 2, 3, 6)):
        values = good.copy()
        values[:hole, :, 1] = np.nan
        values[:hole, :, 2] = np.inf
        np.save(src / f"{number}.npy", values)
    for number, value in enumerate((np.nan, -np.inf)):
        np.save(src / f"all {number}.npy", np.full_like(good, value))
    ds, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    assert [name for name, _ in summary.left_out] == ["rye/all 0", "rye/all 1"]
    for (name, why), file in zip(summary.left_out, ("all 0.npy", "all 1.npy"), strict=True):
        assert f"{file}: none of its 144 values is finite" in why, name
    told = [note for note in summary.notes if "not finite" in note[0]]
    (text, items, first) = told[0]
    assert len(told) == 1 and (items, first) == (3, "rye/1")
    assert text.startswith("132 of 432 values are not finite (NaN, infinity) and became 0")
    assert "most of them in rye/3 (50 %)" in text
    assert np.isfinite(by_id(ds)["rye/3"].hs).all()


def test_what_a_file_calls_no_value_is_no_alarm(tmp_path):
    src, values = tmp_path / "src" / "rye", cube(bands=9).astype(np.float32)
    values[0] = -9
    scan(src / "1.hdr", values, nm=None, dtype=np.float32, **{"data ignore value": -9})
    values[0] = np.nan
    told = {"photometric": "minisblack", "extratags": [(42113, "s", 0, "nan", True)]}
    tifffile.imwrite(src / "2.tif", values, planarconfig="contig", **told)
    _, summary, _ = imported(tmp_path / "src", tmp_path / "out")
    assert summary.samples == 2
    assert not any("not finite" in text for text, _, _ in summary.notes)
    scan(src / "3.hdr", values, nm=None, dtype=np.float32)
    _, summary, _ = imported(tmp_path / "src", tmp_path / "second")
    notes = [note for note in summary.notes if "not finite" in note[0]]
    text = "54 of 324 values are not finite (NaN, infinity) and became 0"
    assert notes == [(text, 1, "rye/3")]


def test_a_scene_without_a_number_is_refused(tmp_path):
    values = cube(side=18).astype(np.float32)
    values[:, :3] = np.nan
    np.save(tmp_path / "field.npy", values)
    np.save(tmp_path / "field_gt.npy", np.kron(np.eye(2, dtype=int) + 1, np.ones((9, 9), int)))
    settings = {"window": 3, "block": 9, "layout": "scene"}
    _, summary, _ = imported(tmp_path / "field.npy", tmp_path / "out", **settings)
    assert any(text.startswith("216 of 1296 values") for text, _, _ in summary.notes)
    np.save(tmp_path / "field.npy", np.full_like(values, np.nan))
    with pytest.raises(DataError, match=r"field\.npy: none of its 1296 values is finite"):
        imported(tmp_path / "field.npy", tmp_path / "second", **settings)
