import os
import pickle
import subprocess
import sys
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from bimae.data import DatasetInfo, open_dataset, write_tfrecords
from bimae.data.tfrecord import index as index_module
from bimae.data.tfrecord.shard import Shard
from bimae.errors import BandError, ConfigError, DataError
from tests.data.small_samples import features, sample, write_records


def write(folder, count=5, **options):
    made = [sample(i, label="ba"[i % 2], group=f"g{i % 2}") for i in range(count)]
    write_tfrecords(folder, made, samples_per_shard=2, **options)
    return made


def let_settle(folder):
    """Makes files older than the clock's tick, so that what is kept about them is believed."""
    for path in folder.rglob("*.tfrecord*"):
        os.utime(path, ns=(time.time_ns(), time.time_ns() - 10_000_000_000))


@pytest.fixture
def built(monkeypatch):
    """Paths whose index was built (and not loaded), in order."""
    paths = []
    build = index_module.build_index
    monkeypatch.setattr(
        index_module, "build_index", lambda view, path: paths.append(path) or build(view, path)
    )
    return paths


def same(a, b):
    assert (a.id, a.label, a.group) == (b.id, b.label, b.group)
    np.testing.assert_array_equal(a.rgb, b.rgb)
    np.testing.assert_array_equal(a.hs, b.hs)


def test_a_sequence(tmp_path):
    made = write(tmp_path)
    ds = open_dataset(tmp_path)
    assert len(ds) == 5
    for i, expected in enumerate(made):
        same(ds[i], expected)
        same(ds[i - 5], expected)
        same(ds[np.int64(i)], expected)
    for i in (5, -6):
        with pytest.raises(IndexError):
            ds[i]
    for got, expected in zip(ds[1:4], made[1:4], strict=True):
        same(got, expected)
    assert [s.id for s in ds] == ds.ids == ds.keys == [s.id for s in made]
    assert ds.labels == ["b", "a", "b", "a", "b"] and ds.classes == ["a", "b"]
    assert ds.groups == ["g0", "g1", "g0", "g1", "g0"]
    assert (ds.bands, ds.hs_size, ds.rgb_size) == (5, 3, 4)


def test_images_are_views_of_the_file(tmp_path):
    write(tmp_path)
    shard = Shard(sorted(tmp_path.glob("*.tfrecord"))[0])
    whole = np.frombuffer(shard._mapped(), np.uint8)
    for image in (shard.rgb(1), shard.hs(1)):
        assert np.shares_memory(image, whole)
        assert not image.flags.writeable


def test_sizes(tmp_path):
    write_tfrecords(tmp_path / "odd", [sample(0, rgb=(4, 6), hs=3), sample(1, rgb=4, hs=(3, 5))])
    auto = open_dataset(tmp_path / "odd")
    assert (auto.hs_size, auto.rgb_size) == (24, 192)
    assert auto[0].hs.shape == (24, 24, 5) and auto[1].rgb.shape == (192, 192, 3)
    stored = open_dataset(tmp_path / "odd", hs_size=None, rgb_size=None)
    assert stored[0].rgb.shape == (4, 6, 3) and stored[1].hs.shape == (3, 5, 5)
    given = open_dataset(tmp_path / "odd", hs_size=8, rgb_size=10)
    assert given[0].rgb.shape == (10, 10, 3) and given[1].hs.shape == (8, 8, 5)
    with pytest.raises(ConfigError, match="hs_size=0"):
        open_dataset(tmp_path / "odd", hs_size=0)


def test_keys_are_unique_where_ids_are_not(tmp_path):
    write_tfrecords(tmp_path, [sample(i, id="ab"[i % 2]) for i in range(3)])
    name = "data-00000-of-00001.tfrecord"
    assert open_dataset(tmp_path).keys == [f"a@{name}:0", "b", f"a@{name}:2"]


def test_an_id_from_file_and_record(tmp_path):
    path = write_records(tmp_path / "tray.tfrecord", features(id=None), features(id=b""))
    assert open_dataset(path).ids == ["tray:0", "tray:1"]


def test_declared_splits_and_info(tmp_path):
    for split in ("train", "val", "test"):
        write(tmp_path, 3, split=split)
    DatasetInfo(name="mine", wavelengths_nm=(400, 500, 600, 700, 800)).save(tmp_path)
    ds = open_dataset(tmp_path)
    assert ds.declared_splits == ["train"] * 3 + ["val"] * 3 + ["test"] * 3
    assert ds.info.name == "mine" and ds.wavelengths_nm == (400, 500, 600, 700, 800)
    DatasetInfo(wavelengths_nm=(400, 500)).save(tmp_path)
    with pytest.raises(BandError, match="2 wavelengths for images of 5 bands"):
        open_dataset(tmp_path)


def test_bands_must_agree(tmp_path):
    write_tfrecords(tmp_path, [sample(0), sample(1), sample(2, bands=6)])
    with pytest.raises(DataError, match=r"record 2: .* 6 bands, expected 5 .* record 0"):
        open_dataset(tmp_path)


def test_the_index_is_kept_elsewhere_and_rebuilt_when_a_shard_changes(tmp_path, built):
    write(tmp_path)
    let_settle(tmp_path)
    before = sorted(tmp_path.iterdir())
    open_dataset(tmp_path)
    assert len(built) == 3
    open_dataset(tmp_path)
    assert len(built) == 3
    assert sorted(tmp_path.iterdir()) == before
    changed = sorted(tmp_path.glob("*.tfrecord"))[1]
    write_records(changed, features(id=b"new", hs_image=bytes(576 * 5)))
    assert "new" in open_dataset(tmp_path).ids
    assert built[3:] == [changed]


def test_a_shard_rewritten_within_one_tick_is_noticed(tmp_path):
    path = write_records(tmp_path / "x.tfrecord", features(id=b"old"))
    stat = path.stat()
    assert open_dataset(path).ids == ["old"]
    write_records(path, features(id=b"new"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert open_dataset(path).ids == ["new"]


def test_an_unreadable_index_is_rebuilt(tmp_path, built):
    write(tmp_path, 1)
    let_settle(tmp_path)
    open_dataset(tmp_path)
    (kept,) = index_module.cache.folder().glob("*.npz")
    good = kept.read_bytes()
    for bad in (b"", b"junk", good[:-50], good[:300] + b"\0" + good[301:]):
        kept.write_bytes(bad)
        built.clear()
        same(open_dataset(tmp_path)[0], sample(0, label="b", group="g0"))
    assert kept.read_bytes() != bad


def test_no_cache_folder_is_no_problem(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BIMAE_CACHE", str(tmp_path / "file" / "cache"))
    made = write(tmp_path / "data", compression="gzip")
    same(open_dataset(tmp_path / "data")[4], made[4])


def test_older_indexes_do_not_pile_up(tmp_path):
    for count in (1, 2):
        write(tmp_path / "data", count, overwrite=True, compression="gzip")
        open_dataset(tmp_path / "data")
    suffixes = sorted(p.suffix for p in index_module.cache.folder().iterdir())
    assert suffixes == [".npz", ".tfrecord"]


def test_a_copy_in_another_process(tmp_path):
    made = write(tmp_path)
    ds = open_dataset(tmp_path)
    same(ds[3], made[3])
    copy = pickle.loads(pickle.dumps(ds))
    same(copy[3], made[3])
    assert copy.keys == ds.keys


def test_a_file_that_changed_after_opening(tmp_path):
    path = write_records(tmp_path / "x.tfrecord", features())
    ds = open_dataset(path)
    write_records(path, features(), features())
    with pytest.raises(DataError, match=r"x\.tfrecord: the file changed since"):
        ds[0]


def test_threads(tmp_path):
    made = write(tmp_path, 8)
    ds = open_dataset(tmp_path)
    wrong = []

    def read():
        for i in np.random.default_rng().integers(0, 8, 200):
            got = ds[i]
            if got.id != made[i].id or not (got.rgb == made[i].rgb).all():
                wrong.append(i)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_fingerprint_follows_content_and_names_only(tmp_path):
    def fingerprint(name, count=3, **options):
        write(tmp_path / name, count, **options)
        let_settle(tmp_path / name)
        return open_dataset(tmp_path / name).fingerprint

    first = fingerprint("a")
    assert fingerprint("b") == first
    others = [first, fingerprint("c", 4), fingerprint("d", split="train")]
    assert all(x != y for x, y in pairwise(others))
    assert open_dataset(str(tmp_path / "a" / "*.tfrecord")).fingerprint == first


def test_reading_needs_no_torch():
    code = "import sys, bimae.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_is_resized_is_said(tmp_path):
    write_tfrecords(tmp_path / "a", [sample(0, hs=(20, 16), rgb=8), sample(1, hs=(20, 16), rgb=8)])
    ds = open_dataset(tmp_path / "a")
    assert ds.resized == ("spectra such as 20x16 are brought to 24x24",)
    assert open_dataset(tmp_path / "a", hs_size=None).resized == ()
    assert "2 samples" in repr(ds)
