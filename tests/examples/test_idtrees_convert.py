"""Tree crowns: decoding, cutting, and splits by ground (skipped where ../shared is absent)."""

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bimae.data.dataset import open_dataset
from bimae.data.info import DatasetInfo
from bimae.data.scenes import Box, box_samples, grid_windows, window_around
from bimae.errors import DataError
from tests.data.small_scenes import digest

SCRIPT = Path(__file__).parents[2] / "examples" / "idtrees" / "convert.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("idtrees_convert", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def src(shared):
    folder = shared / "data" / "idtrees2020"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here: the tree crowns cannot be tested")
    return folder


def test_998_crowns_of_8_taxa_in_group_disjoint_folds(script, src):
    crowns = script.read_crowns(src)
    assert len(crowns) == len({c.box.id for c in crowns}) == 998
    assert len({c.box.label for c in crowns}) == 8
    assert any(c.box.id.endswith("#2") for c in crowns)  # one tree, two boxes in one plot
    assert [c.plot for c in crowns] == sorted(c.plot for c in crowns)
    folds = {}
    for crown in crowns:
        folds.setdefault(crown.box.group, set()).add(crown.fold)
    assert all(len(found) == 1 for found in folds.values())


def test_windows_of_crowns_have_4_to_10_metres_and_lie_in_the_plot(script, src):
    scene = script.Plots(src).scene(0, "MLBS_1")
    limits = {"shortest": script.SHORTEST_M, "longest": script.LONGEST_M}
    sides = set()
    for crown in script.read_crowns(src):
        x0, y0, x1, y1 = crown.box.within(scene)  # all plots have one size
        assert 0 <= x0 < x1 <= 20 and 0 <= y0 < y1 <= 20  # boxes are clipped
        left, top, right, bottom = window_around(scene, (x0, y0, x1, y1), **limits)
        assert right - left == pytest.approx(bottom - top) and 4 - 1e-9 < right - left < 10 + 1e-9
        assert min(left, top) > -1e-9 and max(right, bottom) < 20 + 1e-9
        sides.add(round(right - left, 6))
    assert min(sides) == 4 and max(sides) == 10 and len(sides) > 100


def test_decoding_shows_a_red_edge_and_a_green_peak(script, src):
    plots = script.Plots(src)
    cubes = np.stack([plots.spectra(i) for i in (0, 20, 40, 84)])
    assert cubes.shape == (4, 20, 20, 369) and cubes.min() >= 0 and cubes.max() < 1
    nm, mean = np.array(script.WAVELENGTHS_NM), cubes.mean(axis=(0, 1, 2))
    assert len(nm) == 369 and (np.diff(nm) > 0).all()

    def within(low, high):
        return np.flatnonzero((nm >= low) & (nm <= high))

    edge = within(680, 760)
    assert nm[edge[np.gradient(mean, nm)[edge].argmax()]] == pytest.approx(724, abs=8)
    green, red = within(500, 620), within(620, 700)
    assert nm[green[mean[green].argmax()]] == pytest.approx(559, abs=6)
    assert nm[red[mean[red].argmin()]] == pytest.approx(669, abs=8)
    rgb = plots.rgb(0)
    assert rgb.shape == (200, 200, 3) and rgb.dtype == np.float32 and rgb.max() <= 1


def test_the_last_band_is_the_sum_of_all_steps(script, src):
    with np.load(src / "plots_hsi.npz") as coded:
        low, high = coded["lo"][7, :, 3, 5].astype(int), coded["hi"][7, :, 3, 5].astype(int)
    steps = (high * 256 + low + 32768) % 65536 - 32768
    expected = np.cumsum(steps) / 10000
    np.testing.assert_allclose(script.Plots(src).spectra(7)[3, 5], expected, atol=1e-7)


def test_a_plot_is_a_scene_with_ten_rgb_pixels_per_spectral_one(script, src):
    scene = script.Plots(src).scene(7, "MLBS_8")
    assert (scene.height, scene.width, scene.rgb_scale) == (20, 20, (10.0, 10.0))
    assert scene.wavelengths_nm == script.WAVELENGTHS_NM and not scene.rgb_made


def test_outside_the_box_rgb_is_white_and_the_spectrum_zero(script, src):
    scene = script.Plots(src).scene(0, "MLBS_1")
    crown = Box("crown", "QURU", "MLBS_1", 2.0, 3.0, 8.0, 6.0)
    sliver = Box("sliver", "QURU", "MLBS_1", 5.0, 5.01, 14.0, 5.05)
    crowns = [script.Crown(box, 0, "MLBS_1", 0) for box in (crown, sliver)]
    whole, thin = script.crown_samples(script.Plots(src), crowns, rgb_size=96, hs_size=12)
    assert (whole.id, whole.label, whole.group) == ("crown", "QURU", "MLBS_1")
    assert whole.rgb.shape == (96, 96, 3) and whole.hs.shape == (12, 12, 369)
    assert (whole.rgb[0] == 1).all() and (whole.hs[0] == 0).all()
    assert (whole.rgb[48, 48] < 1).any() and (whole.hs[6, 6] > 0).any()
    # 3 m of 6.6 m are crown from top to bottom, 6 m from left to right.
    seen = whole.hs.any(axis=2)
    assert (seen.any(axis=1).sum(), seen.any(axis=0).sum()) == (6, 10)
    assert thin.hs.any() and thin.hs.any(axis=(1, 2)).sum() == 1
    (bare,) = box_samples(scene, [crown], blank=False, rgb_size=96, hs_size=12)
    np.testing.assert_array_equal(bare.hs[seen], whole.hs[seen])


def test_a_window_of_whole_pixels_is_those_pixels(script, src):
    plots = script.Plots(src)
    named = {s.id: s for s in grid_windows(plots.scene(3, "P"), 8, 2, rgb_size=80, hs_size=8)}
    assert len(named) == 49
    sample = named["P-x04y06"]
    np.testing.assert_array_equal(sample.hs, plots.spectra(3)[6:14, 4:12])
    np.testing.assert_allclose(sample.rgb, plots.rgb(3)[60:140, 40:120], atol=1e-6)


def test_averages_of_neighbours_leave_out_the_gaps_of_water_bands(script, src):
    plots = script.Plots(src, average=8)
    scene, whole = plots.scene(3, "P"), script.Plots(src).scene(3, "P")
    nm, every = np.array(scene.wavelengths_nm), np.array(whole.wavelengths_nm)
    assert scene.cube.shape == (20, 20, 46) and len(nm) == 46
    widest = 0.0
    for band, centre in enumerate(nm):
        inside = np.abs(every - centre) < 4.2 * 5.0077
        widest = max(widest, np.ptp(every[inside]))
        assert inside.sum() in (8, 9)
        mean = whole.cube[..., inside].mean(axis=-1)
        np.testing.assert_allclose(scene.cube[..., band], mean, atol=1e-6)
    assert widest < 8.5 * 5.0077
    assert script.averaged(every, 1) is every


def test_an_average_of_no_bands_is_told(script, src, tmp_path, capsys):
    code = script.main(["--src", str(src), "--out", str(tmp_path / "x"), "--average", "0"])
    assert code == 2 and "--average is 0; at least 1" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_written_splits_share_no_group_and_windows_are_of_training_ground(script, src, tmp_path):
    # Small images: the counts and the groups are what is looked at.
    counts = script.convert(src, tmp_path, fold=4, rgb_size=24, hs_size=2)
    crowns, windows = open_dataset(tmp_path / "crowns"), open_dataset(tmp_path / "windows")
    assert len(crowns) == 998
    # As they were before this code was shared with other scenes.
    assert (digest(crowns), digest(windows)) == ("3f0fed95785fcffd", "21c4899d6f781582")
    groups, found = {}, {}
    for name in ("train", "val", "test"):
        indices = [i for i, split in enumerate(crowns.declared_splits) if split == name]
        groups[name] = {crowns.groups[i] for i in indices}
        found[name] = Counter(crowns.labels[i] for i in indices)
    assert found == {name: counts[name] for name in ("train", "val", "test")}
    assert found["test"].total() == 191 and found["val"].total() == 206  # folds 4 and 0
    assert not groups["train"] & groups["val"] and not groups["test"] & groups["val"]
    assert not groups["train"] & groups["test"]
    assert not set(windows.groups) & (groups["val"] | groups["test"])
    assert set(windows.groups) >= groups["train"] and set(windows.labels) == {None}
    assert set(windows.declared_splits) == {"train"}
    assert len(windows) == counts["windows"].total() and len(windows) % 49 == 0
    for folder in ("crowns", "windows"):
        info = DatasetInfo.load(tmp_path / folder)
        assert "not seeds" in info.source and "10.5281/zenodo.3934932" in info.source
        assert info.wavelengths_nm == script.WAVELENGTHS_NM and not info.simulated
        assert (info.unit, info.rgb) == ("reflectance", "camera")
    told = json.loads((tmp_path / "crowns" / "dataset.json").read_text(encoding="utf-8"))
    assert told["fold"] == 4 and told["samples"]["test"] == dict(counts["test"])


def test_a_wrong_folder_is_told(script, tmp_path, capsys):
    with pytest.raises(DataError, match="idtrees2020 as --src"):
        script.Plots(tmp_path)
    assert script.main(["--src", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "--src" in capsys.readouterr().err and not (tmp_path / "out").exists()
