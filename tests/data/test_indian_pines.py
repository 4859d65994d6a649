"""Indian Pines: a real scene, and the proof that its splits share no pixel."""

import json
import re
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("tensorly", reason="Indian Pines needs tensorly: pip install 'bimae[pines]'")

from bimae.data.dataset import open_dataset
from bimae.data.indian_pines import (
    CLASSES,
    indian_pines_dataset,
    load_scene,
    mended_wavelengths,
)
from bimae.data.info import DatasetInfo
from bimae.data.scenes import SPLITS, spatial_blocks
from bimae.errors import DataError
from tests.data.small_scenes import digest


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    # Small: the blocks leave a few hundred samples; every step is the real one.
    out = tmp_path_factory.mktemp("pines") / "data"
    return indian_pines_dataset(out, window=9, block=12, rgb_size=24)


def test_no_pixel_is_seen_by_two_splits(written):
    ds = open_dataset(written.folder)
    seen = {name: np.zeros((145, 145), dtype=bool) for name in SPLITS}
    scene, labels = load_scene()
    for name, sample in zip(ds.declared_splits, ds, strict=True):
        row, column = (int(n) for n in re.fullmatch(r"r(\d+)c(\d+)", sample.id).groups())
        rows, columns = slice(row - 4, row + 5), slice(column - 4, column + 5)
        # What the record holds is the window that its name tells, so the name can be trusted.
        np.testing.assert_array_equal(sample.hs, scene.cube[rows, columns])
        assert sample.label == CLASSES[labels[row, column] - 1]
        seen[name][rows, columns] = True
    assert all(ground.any() for ground in seen.values())
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not (seen[one] & seen[other]).any(), f"{one} and {other} share ground"


def test_what_is_written(written):
    ds = open_dataset(written.folder)
    assert len(ds) == sum(sum(by_class.values()) for by_class in written.counts.values())
    assert len(ds) > 500
    for name, by_class in written.counts.items():
        found = [x for x, split in zip(ds.labels, ds.declared_splits, strict=True) if split == name]
        assert Counter(found) == +Counter(by_class)
    sample = ds[0]
    assert sample.hs.shape == (9, 9, 200) and sample.hs.dtype == np.float32
    assert sample.rgb.shape == (24, 24, 3) and 0 <= sample.rgb.min() <= sample.rgb.max() <= 1
    assert re.fullmatch(r"block-\d\d-\d\d", sample.group)
    info = DatasetInfo.load(written.folder)
    assert not info.simulated and "10.4231/R7RX991C" in info.source
    assert info.wavelengths_nm == load_scene()[0].wavelengths_nm
    assert (info.sensor, info.unit, info.rgb) == ("AVIRIS", "radiance", "false colour")
    told = json.loads((written.folder / "dataset.json").read_text(encoding="utf-8"))
    assert told["samples"] == written.counts and (told["window"], told["block"]) == (9, 12)
    assert "Woods" not in written.missing("train") and "Woods" not in written.missing("test")


def test_the_same_samples_as_before_the_code_was_shared(written):
    # Not RGB: Pillow may round the last bit differently on another machine.
    assert digest(open_dataset(written.folder)) == "ec35f50538a81806"


def test_default_blocks_put_all_but_the_smallest_classes_into_train_and_test():
    _, labels = load_scene()
    split = spatial_blocks(labels, window=7, block=18).split
    lost = {
        name: {CLASSES[k] for k in range(16) if not ((split == n) & (labels == k + 1)).any()}
        for n, name in enumerate(SPLITS)
    }
    assert lost["train"] == set()
    assert lost["test"] == {"Alfalfa", "Grass-pasture-mowed", "Oats"}


def test_wavelengths_ascend_and_carbon_dioxide_lies_where_it_should():
    scene, _ = load_scene()
    assert scene.rgb_made
    nm = np.array(scene.wavelengths_nm)
    assert (np.diff(nm) > 0).all() and nm[0] == 400.02 and nm[-1] == 2489.11
    mean = scene.cube.reshape(-1, 200).mean(axis=0)
    for centre in (2009.3, 2060.8):  # CO2, in nm
        near = np.flatnonzero(np.abs(nm - centre) < 25)
        depth = mean[near].max() - mean[near]
        assert np.average(nm[near], weights=depth**4) == pytest.approx(centre, abs=5.0)
    oxygen = np.flatnonzero(np.abs(nm - 761) < 25)
    assert nm[oxygen[mean[oxygen].argmin()]] == pytest.approx(761, abs=5.0)


def test_a_mended_list_is_left_alone():
    right = list(load_scene()[0].wavelengths_nm)
    assert mended_wavelengths(right) == right


def test_without_tensorly_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "tensorly.datasets", None)
    with pytest.raises(DataError, match=r"pip install 'bimae\[pines\]'"):
        indian_pines_dataset(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_second_run_needs_leave_to_overwrite(written):
    before = sorted(p.name for p in written.folder.iterdir())
    with pytest.raises(DataError, match="overwrite"):
        indian_pines_dataset(written.folder, window=9, block=12, rgb_size=24)
    again = indian_pines_dataset(written.folder, window=9, block=12, rgb_size=24, overwrite=True)
    assert again.counts == written.counts
    assert sorted(p.name for p in written.folder.iterdir()) == before


def test_progress_knows_how_many_there_are(tmp_path):
    told = []

    def watched(samples):
        told.append(len(samples))
        for sample in samples:
            told[0] -= 1
            yield sample

    indian_pines_dataset(tmp_path / "out", window=9, block=12, rgb_size=24, progress=watched)
    assert told == [0]


def test_a_split_without_samples_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(DataError, match="no sample for val"):
        indian_pines_dataset(tmp_path / "out", window=71, block=73)
    assert not (tmp_path / "out").exists()


def test_neighbours_are_averaged(written, tmp_path):
    few = indian_pines_dataset(tmp_path / "few", window=9, block=12, rgb_size=24, average=4)
    assert few.counts == written.counts
    one, other = open_dataset(few.folder)[7], open_dataset(written.folder)[7]
    assert one.id == other.id and np.array_equal(one.rgb, other.rgb)
    nm, all_nm = (
        DatasetInfo.load(few.folder).wavelengths_nm,
        np.array(load_scene()[0].wavelengths_nm),
    )
    assert len(nm) == one.hs.shape[2] == 25 + 10 + 14
    np.testing.assert_allclose(one.hs[..., 1], other.hs[..., 5:10].mean(axis=-1), rtol=1e-5)
    assert nm[1] == round(all_nm[5:10].mean(), 2)
    # the last band before water vapour is not mixed with the first one after it
    np.testing.assert_allclose(one.hs[..., 24], other.hs[..., 99:103].mean(axis=-1), rtol=1e-5)
