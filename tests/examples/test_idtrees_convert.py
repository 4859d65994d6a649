"""Tree crowns: decoding, cutting, and splits by ground (skipped where ../shared is absent)."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bimae.data.dataset import open_dataset
from bimae.data.info import DatasetInfo
from bimae.errors import DataError

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
    assert len(crowns) == len({c.id for c in crowns}) == 998
    assert len({c.taxon for c in crowns}) == 8
    folds = {}
    for crown in crowns:
        folds.setdefault(crown.group, set()).add(crown.fold)
        x0, y0, x1, y1 = crown.box
        assert 0 <= x0 < x1 <= 20 and 0 <= y0 < y1 <= 20  # boxes are clipped
        left, top, right, bottom = script.crown_window(crown.box)
        assert right - left == pytest.approx(bottom - top) and 4 - 1e-9 < right - left < 10 + 1e-9
        assert min(left, top) > -1e-9 and max(right, bottom) < 20 + 1e-9
    assert all(len(found) == 1 for found in folds.values())


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


def test_outside_the_box_rgb_is_white_and_the_spectrum_zero(script, src):
    plots = script.Plots(src)
    box = (2.0, 3.0, 8.0, 6.0)
    window = script.crown_window(box)
    view, cube = script.cut(
        plots.rgb(0), plots.spectra(0), window, box=box, rgb_size=96, hs_size=12
    )
    assert view.shape == (96, 96, 3) and cube.shape == (12, 12, 369)
    assert (view[0] == 1).all() and (cube[0] == 0).all()
    assert (view[48, 48] < 1).any() and (cube[6, 6] > 0).any()
    # 3 m of 6.6 m are crown from top to bottom, 6 m from left to right.
    assert (cube.any(axis=2).any(axis=1).sum(), cube.any(axis=2).any(axis=0).sum()) == (6, 10)
    sliver = (5.0, 5.01, 14.0, 5.05)
    _, cube = script.cut(
        plots.rgb(0),
        plots.spectra(0),
        script.crown_window(sliver),
        box=sliver,
        rgb_size=96,
        hs_size=12,
    )
    assert cube.any()


def test_a_window_of_whole_pixels_is_those_pixels(script, src):
    plots = script.Plots(src)
    window = (4.0, 6.0, 12.0, 14.0)
    view, cube = script.cut(plots.rgb(3), plots.spectra(3), window, rgb_size=80, hs_size=8)
    np.testing.assert_array_equal(cube, plots.spectra(3)[6:14, 4:12])
    np.testing.assert_allclose(view, plots.rgb(3)[60:140, 40:120], atol=1e-6)


@pytest.mark.slow
def test_written_splits_share_no_group_and_windows_are_of_training_ground(script, src, tmp_path):
    # Small images: the counts and the groups are what is looked at.
    counts = script.convert(src, tmp_path, fold=4, rgb_size=24, hs_size=2)
    crowns, windows = open_dataset(tmp_path / "crowns"), open_dataset(tmp_path / "windows")
    assert len(crowns) == 998
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


def test_a_wrong_folder_is_told(script, tmp_path, capsys):
    with pytest.raises(DataError, match="idtrees2020 as --src"):
        script.Plots(tmp_path)
    assert script.main(["--src", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "--src" in capsys.readouterr().err and not (tmp_path / "out").exists()
