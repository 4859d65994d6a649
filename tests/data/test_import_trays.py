"""Whole trays through the import, against the truth that simulated trays come with."""

import csv
import json
import shutil

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from bimae.data import open_dataset
from bimae.data.importing import ImportSettings, import_data, tray_items
from bimae.data.importing.one_thread import one_thread
from bimae.data.importing.recognise import recognise
from bimae.data.simulate.trays import write_simulated_tray
from bimae.data.trays import finding
from bimae.errors import ConfigError, DataError
from tests.data.raw_files import scan

SMALL = {"lines": 120, "samples": 180, "seeds": 6, "bands": 8, "photo_scale": 2.0}


def imported(src, out, **settings):
    summary, _ = import_data(src, out, ImportSettings(**settings), workers=1)
    return open_dataset(out, hs_size=None, rgb_size=None), summary


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def trays(tmp_path_factory):
    src = tmp_path_factory.mktemp("trays")
    for number, species in enumerate(("b. napus", "g. tetrahit")):
        write_simulated_tray(
            src / species, f"tray-{number}", species=(species,), seed=number, **SMALL
        )
    return src


def test_every_seed_of_a_tray_becomes_a_sample(trays, tmp_path):
    ds, summary = imported(trays, tmp_path / "out")
    assert summary.layout == "tray"
    assert summary.objects == {"whole": 12}
    assert ds.ids[:2] == ["b. napus/tray-0/001", "b. napus/tray-0/002"]
    assert sorted(set(zip(ds.labels, ds.groups, strict=True))) == [
        ("b. napus", "b. napus/tray-0"),
        ("g. tetrahit", "g. tetrahit/tray-1"),
    ]
    assert ds.info.unit == "reflectance"
    assert ds.info.rgb == "camera"
    assert {sample.hs.shape for sample in ds} == {(24, 24, 8)}
    assert {sample.rgb.shape for sample in ds} == {(192, 192, 3)}
    assert (tmp_path / "out" / "trays" / "b. napus_tray-0.png").stat().st_size > 5000
    for tray in ("b. napus/tray-0", "g. tetrahit/tray-1"):
        truth = rows(trays / f"{tray}_truth.csv")
        found = [row for row in rows(tmp_path / "out" / "seeds.csv") if row["scan"] == tray]
        middles = np.array([[(int(r["top"]) + int(r["bottom"])) / 2,
                             (int(r["left"]) + int(r["right"])) / 2] for r in found])  # fmt: skip
        for seed in truth:
            centre = [float(seed[key]) for key in ("scan_y", "scan_x")]
            assert np.linalg.norm(middles - centre, axis=1).min() < 2


def test_both_views_show_the_same_seed(trays, tmp_path):
    """Where the RGB image is white around the seed, the spectra are zero."""
    ds, _ = imported(trays, tmp_path / "out", hs_size=0, rgb_size=0)
    for sample in ds:
        hs = sample.hs.any(axis=2)
        size = hs.shape[0]
        rgb = (sample.rgb < 1).any(axis=2)
        places = ((np.arange(size) + 0.5) * rgb.shape[0] / size).astype(int)
        small = rgb[np.ix_(places, places)]
        overlap = (hs & small).sum() / (hs | small).sum()
        assert overlap > 0.8, sample.id


def test_seeds_are_cut_at_one_scale(trays, tmp_path):
    ds, _ = imported(trays, tmp_path / "out", hs_size=0, rgb_size=0)
    assert len({sample.hs.shape for sample in ds}) == 1
    areas = {label: [] for label in ds.classes}
    for sample in ds:
        areas[sample.label].append(sample.hs.any(axis=2).sum())
    assert np.median(areas["g. tetrahit"]) > 1.2 * np.median(areas["b. napus"])


def test_without_a_photo_colours_are_false(tmp_path):
    write_simulated_tray(tmp_path / "src", "t", seed=3, **SMALL | {"photo": False})
    ds, summary = imported(tmp_path / "src", tmp_path / "out")
    assert len(ds) == 6
    assert ds.info.rgb == "false colour"
    assert any("false colour from the bands" in text for text, _, _ in summary.notes)
    for sample in ds:
        assert (sample.rgb[0, 0] == 1).all()
        assert sample.rgb[96, 96].mean() < 0.9


def test_touching_and_cut_seeds_are_flagged_and_left_out(tmp_path):
    plan = {"seeds": 12, "samples": 260, "lines": 200, "species": ("g. tetrahit",)}
    write_simulated_tray(tmp_path / "src", "t", seed=1, touching=1, cut=1, **SMALL | plan)
    ds, _ = imported(tmp_path / "src", tmp_path / "out")
    found = rows(tmp_path / "out" / "seeds.csv")
    flagged = [row for row in found if row["flags"]]
    assert {flag for row in flagged for flag in row["flags"].split()} >= {"touching", "cut"}
    assert len(ds) == len(found) - len(flagged)
    assert all(row["kept"] == "False" for row in flagged)
    everything, _ = imported(tmp_path / "src", tmp_path / "all", keep_flagged=True)
    assert len(everything) == len(found)


def test_a_tray_without_a_whole_seed_can_be_kept(tmp_path):
    values = np.random.default_rng(0).integers(200, 204, (60, 80, 4))
    values[20:40, :18] = 90  # across the edge
    scan(tmp_path / "t.hdr", values)
    found, summary = imported(tmp_path / "t.hdr", tmp_path / "o", layout="tray", keep_flagged=True)
    assert summary.objects == {"cut": 1}
    assert found[0].hs.any()


def test_classes_by_number(trays, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("scan,number,label\ntray-0,1,oat\nb. napus/tray-0,2,rye\ntray-0,3,none\n")
    ds, _ = imported(trays, tmp_path / "out", labels=labels)
    found = dict(zip(ds.ids, ds.labels, strict=True))
    assert found["b. napus/tray-0/001"] == "oat"
    assert found["b. napus/tray-0/002"] == "rye"
    assert found["b. napus/tray-0/003"] is None
    assert found["b. napus/tray-0/004"] == "b. napus"
    labels.write_text("scan,number,label\ntray-0,one,oat\n")
    with pytest.raises(DataError, match="line 2: number is 'one'"):
        imported(trays, tmp_path / "other", labels=labels)


def test_a_photo_of_another_tray_is_told(trays, tmp_path):
    src = tmp_path / "src"
    write_simulated_tray(src, "a", seed=5, **SMALL)
    write_simulated_tray(tmp_path / "b", "b", seed=6, **SMALL | {"seeds": 3})
    (src / "a.png").write_bytes((tmp_path / "b" / "b.png").read_bytes())
    with pytest.raises(DataError, match="6 seeds in the scan and 3 in the photo"):
        imported(src, tmp_path / "out", pairing="order")


def test_a_photo_of_another_tray_is_not_laid_over(tmp_path):
    src = tmp_path / "src"
    plan = SMALL | {"lines": 240, "samples": 320, "seeds": 15}
    write_simulated_tray(src, "a", seed=5, **plan)
    write_simulated_tray(tmp_path / "b", "b", seed=6, **plan)
    (src / "a.png").write_bytes((tmp_path / "b" / "b.png").read_bytes())
    with pytest.raises(DataError, match=r"a.png: .*(agree by|fall on each other|only \d+ of)"):
        imported(src, tmp_path / "out")


def test_a_photo_that_fits_by_chance_is_refused(trays, tmp_path, monkeypatch):
    """Twelve seeds in rows of another tray: nearly half of them lie in the same places."""
    shutil.copytree(trays / "b. napus", tmp_path / "src")
    agreeing = finding._agreeing

    def few(scan, photo, partners, pairing):
        kept = dict(list(partners.items())[: len(partners) // 2])
        return agreeing(scan, photo, kept, pairing)

    monkeypatch.setattr(finding, "_agreeing", few)
    with pytest.raises(DataError, match=r"tray-0.png: only 3 of 6 seeds lie in scan and photo"):
        imported(tmp_path / "src", tmp_path / "out")


def test_labels_that_belong_to_no_seed_are_told(trays, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("scan,number,label\ntray-0.hdr,1,oat\ntray-0,99,rye\ntray-zero,1,rye\n")
    ds, summary = imported(trays, tmp_path / "out", labels=labels)
    assert "oat" in ds.classes
    assert any("2 of its seeds are on no tray" in text for text, _, _ in summary.notes)
    labels.write_text("scan,number,label\ntray-0,1,oat\ntray-0,1,rye\n")
    with pytest.raises(DataError, match="one label per seed"):
        imported(trays, tmp_path / "other", labels=labels)


def test_an_empty_tray_is_told(tmp_path):
    write_simulated_tray(tmp_path / "src", "t", **SMALL | {"seeds": 0, "lines": 140})
    with pytest.raises(DataError, match="no whole seed was found"):
        imported(tmp_path / "src", tmp_path / "out", layout="tray")
    with pytest.raises(DataError, match=r"t.hdr: no seed is seen on its \d+x\d+ pixels, nothing"):
        imported(tmp_path / "src", tmp_path / "out")
    (tmp_path / "photo").mkdir()
    shutil.copyfile(tmp_path / "src" / "t.png", tmp_path / "photo" / "t.png")
    with pytest.raises(DataError, match=r"t.png: no seed is seen .* say --layout photos"):
        imported(tmp_path / "photo", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_found_seeds_are_not_looked_for_again(trays, tmp_path, monkeypatch):
    looked = []
    real = tray_items.read_tray
    monkeypatch.setattr(
        tray_items, "read_tray", lambda *a, **k: (looked.append(1), real(*a, **k))[1]
    )
    monkeypatch.setattr(
        "bimae.data.importing.work.cut_tray",
        lambda *a: (_ for _ in ()).throw(KeyboardInterrupt),
    )
    with pytest.raises(KeyboardInterrupt):
        imported(trays, tmp_path / "out", layout="tray")
    assert len(looked) == 2
    monkeypatch.undo()
    monkeypatch.setattr(
        tray_items, "read_tray", lambda *a, **k: (looked.append(1), real(*a, **k))[1]
    )
    ds, _ = imported(trays, tmp_path / "out", layout="tray")
    assert len(looked) == 2
    assert len(ds) == 12


def test_what_told_that_it_is_a_tray_is_not_looked_at_again(tmp_path, monkeypatch):
    write_simulated_tray(tmp_path / "src", "t", seed=2, **SMALL)
    imported(tmp_path / "src", tmp_path / "told", layout="tray")
    looked = []
    real = finding.look_at

    def counted(cube):
        looked.append(cube.unit)
        return real(cube)

    for room in (finding, tray_items):
        monkeypatch.setattr(room, "look_at", counted)
    _, summary = imported(tmp_path / "src", tmp_path / "out")
    assert looked == ["reflectance"]
    assert any("holds 6 objects" in text for text, *_ in summary.notes)
    same = "data-00000-of-00001.tfrecord"
    assert (tmp_path / "out" / same).read_bytes() == (tmp_path / "told" / same).read_bytes()
    # A scan that has changed since is looked at again, and nothing is kept for it afterwards.
    plan = recognise(tmp_path / "src", ImportSettings())
    write_simulated_tray(tmp_path / "src", "t", seed=2, overwrite=True, **SMALL | {"seeds": 3})
    looked.clear()
    changed, _ = import_data(tmp_path / "src", tmp_path / "new", plan=plan, workers=1)
    assert (changed.samples, looked) == (3, ["reflectance"])


def test_references_that_do_not_fit_are_told_and_not_taken_for_seeds(tmp_path):
    write_simulated_tray(tmp_path / "src", "t", **SMALL)
    write_simulated_tray(tmp_path / "other", "t", **SMALL | {"samples": 200, "photo": False})
    for suffix in (".hdr", ".raw"):
        name = f"WHITEREF_t{suffix}"
        (tmp_path / "src" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(DataError, match="is it the white reference of this scan"):
        imported(tmp_path / "src", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_small_matrices_are_multiplied_by_one_thread():
    def threads():
        return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        with one_thread():
            assert threads() == {1}
        assert threads() == {2}


def test_the_kernel_is_one_seed(shared, tmp_path):
    ds, summary = imported(shared / "data" / "corn-kernel", tmp_path / "out", hs_size=0)
    assert summary.layout == "cubes"
    assert ds[0].hs.shape == (31, 43, 580)
    facts = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert facts["wavelengths_nm"][0] == 366.551
    assert any("byte order" in text for text, _, _ in summary.notes)
    raw = np.fromfile(shared / "data" / "corn-kernel" / "corn-kernel-hyperspectral.raw", "<u2")
    assert np.array_equal(ds[0].hs, raw.reshape(31, 580, 43).transpose(0, 2, 1))


def test_seeds_of_trays_that_are_imported_apart_compare(trays, tmp_path):
    both, _ = imported(trays, tmp_path / "both")
    side = both.info.seed_side
    assert side == json.loads((tmp_path / "both" / "dataset.json").read_text())["seed_side"] > 5
    alone, _ = imported(trays / "b. napus", tmp_path / "alone")
    assert alone.info.seed_side < side  # its seeds are the smaller ones
    again, summary = imported(trays / "b. napus", tmp_path / "again", seed_side=side)
    assert again.info.seed_side == side
    assert not any("cut off" in text for text, *_ in summary.notes)
    for sample in again:
        same = both[both.ids.index(f"b. napus/{sample.id}")]
        assert np.array_equal(sample.hs, same.hs)
        assert np.array_equal(sample.rgb, same.rgb)
    _, summary = imported(trays, tmp_path / "small", seed_side=4)
    assert any(f"takes a square of {side} pixels" in text for text, *_ in summary.notes)
    with pytest.raises(ConfigError, match="seed_side is 0; expected pixels"):
        imported(trays, tmp_path / "none", seed_side=0)
