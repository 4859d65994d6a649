"""The cache is limited, can be off, and what it removes stays readable where it is in use."""

import multiprocessing
import os
import threading
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from bimae.data import open_dataset, write_tfrecords
from bimae.data.tfrecord import cache, index, mapping, room
from bimae.data.tfrecord import shard as shard_module
from bimae.data.tfrecord.cache import Stamp
from bimae.data.tfrecord.mapping import map_records
from bimae.data.tfrecord.shard import Shard, fit_in_cache
from bimae.errors import ConfigError, DataError
from tests.data.small_samples import sample

COUNT = 5
Disk = namedtuple("Disk", "total used free")


@pytest.fixture
def shards(tmp_path) -> list[Path]:
    """Compressed shards of one seed each, of one size when inflated, and older than a tick."""
    made = [sample(i, rgb=30) for i in range(COUNT)]
    paths = write_tfrecords(tmp_path / "data", made, samples_per_shard=1, compression="gzip")
    for path in paths:
        os.utime(path, ns=(time.time_ns(), time.time_ns() - 10_000_000_000))
    return paths


@pytest.fixture
def size(shards) -> int:
    """Bytes of a shard when it is inflated."""
    shard = Shard(shards[0])
    shutil_free()
    return shard.index.plain_size


def shutil_free() -> None:
    for file in cache.folder().iterdir():
        file.unlink()


@pytest.fixture
def inflated(monkeypatch) -> list[str]:
    """Names of the shards that were inflated, in order."""
    names = []
    inflate = mapping.inflate

    def counted(file, out, path):
        names.append(path.name[5:10])
        inflate(file, out, path)

    monkeypatch.setattr(mapping, "inflate", counted)
    return names


def allow(monkeypatch, size: float) -> None:
    monkeypatch.setenv("BIMAE_CACHE_LIMIT", repr(size / 1e9))


def kept() -> list[Path]:
    """Copies in the cache, the one used longest ago first."""
    files = [file for file in cache.folder().iterdir() if file.suffix != ".npz"]
    return sorted(files, key=lambda file: file.stat().st_atime_ns)


def copy_of(path: Path) -> Path:
    return cache.entry(Stamp.of(path), ".tfrecord")


def test_the_longest_unused_goes_first(shards, size, monkeypatch, inflated):
    allow(monkeypatch, 3.5 * size)
    opened = [Shard(path) for path in shards[:3]]
    opened[0].hs(0)
    Shard(shards[3])
    assert kept() == [copy_of(shards[n]) for n in (2, 0, 3)]
    assert inflated == ["00000", "00001", "00002", "00003"]
    np.testing.assert_array_equal(opened[1].hs(0), sample(1, rgb=30).hs)  # made again
    assert inflated[4:] == ["00001"]
    assert kept() == [copy_of(shards[n]) for n in (0, 3, 1)]


def test_what_is_in_use_stays_readable(shards, size, monkeypatch, inflated):
    allow(monkeypatch, 1.5 * size)
    first = Shard(shards[0])
    image = first.hs(0)
    Shard(shards[1]).hs(0)
    assert kept() == [copy_of(shards[1])]
    np.testing.assert_array_equal(image, sample(0, rgb=30).hs)
    np.testing.assert_array_equal(first.hs(0), image)
    assert inflated == ["00000", "00001", "00000"]


def test_maps_of_what_was_removed_are_given_up(shards, size, monkeypatch):
    """Or their bytes would stay on the disk, on top of the limit."""
    allow(monkeypatch, 1.5 * size)
    opened = [Shard(path) for path in shards]
    for shard in opened:
        shard.hs(0)
    assert [shard._held.view is not None for shard in opened] == [False] * (COUNT - 1) + [True]


def test_a_copy_that_another_process_removed_is_given_up(shards, size, monkeypatch):
    allow(monkeypatch, 2.5 * size)
    first, second = Shard(shards[0]), Shard(shards[1])
    first.hs(0), second.hs(0)
    copy_of(shards[0]).unlink()
    second.hs(0)
    assert first._held.view is not None  # nobody needs the room
    Shard(shards[2])
    assert first._held.view is None and second._held.view is not None
    np.testing.assert_array_equal(first.hs(0), sample(0, rgb=30).hs)


def test_a_data_set_larger_than_the_cache(shards, size, monkeypatch, inflated):
    allow(monkeypatch, 2.5 * size)
    ds = open_dataset(shards[0].parent)
    assert fit_in_cache(ds._shards) == 2
    for i in (0, 4, 1, 3, 2, 0):
        np.testing.assert_array_equal(ds[i].hs, sample(i, rgb=30).hs)
        assert sum(file.stat().st_size for file in kept()) <= 2.5 * size
    allow(monkeypatch, COUNT * size)
    assert fit_in_cache(ds._shards) == COUNT


def test_a_shard_larger_than_the_cache(shards, size, monkeypatch, inflated):
    """It goes to a nameless file, of which there is one at a time."""
    allow(monkeypatch, 0.5 * size)
    opened = [Shard(path) for path in shards[:2]]
    assert kept() == []
    assert inflated == ["00000", "00001"]
    for _ in range(2):
        np.testing.assert_array_equal(opened[1].hs(0), sample(1, rgb=30).hs)
    assert inflated == ["00000", "00001"]
    np.testing.assert_array_equal(opened[0].hs(0), sample(0, rgb=30).hs)
    assert opened[1]._held.view is None and inflated[2:] == ["00000"]


def test_a_shard_that_turns_out_larger_than_it_said(shards, size, monkeypatch, inflated):
    monkeypatch.setattr(mapping, "size_hint", lambda file: 10)
    monkeypatch.setattr(room, "_STEP", 1000)
    allow(monkeypatch, 0.5 * size)
    np.testing.assert_array_equal(Shard(shards[0]).hs(0), sample(0, rgb=30).hs)
    assert kept() == []


def test_threads_that_write_at_the_same_time_keep_to_the_limit(shards, size, monkeypatch):
    allow(monkeypatch, 2.5 * size)
    monkeypatch.setattr(shard_module, "_processors", lambda: COUNT)
    together = threading.Barrier(COUNT, timeout=30)
    inflate = mapping.inflate

    def meet(file, out, path):  # all have been told whether there is room
        together.wait()
        inflate(file, out, path)

    monkeypatch.setattr(mapping, "inflate", meet)
    opened = shard_module.open_shards(shards)
    assert sum(file.stat().st_size for file in kept()) <= 2.5 * size
    monkeypatch.setattr(mapping, "inflate", inflate)
    for i, shard in enumerate(opened):
        np.testing.assert_array_equal(shard.hs(0), sample(i, rgb=30).hs)


def test_a_tenth_of_the_disk_stays_free(shards, size, monkeypatch):
    left = [2.5 * size]

    def disk(place):
        used = sum(file.stat().st_size for file in kept())
        return Disk(100 * size, 0, int(10 * size + left[0] - used))

    monkeypatch.setattr(room.shutil, "disk_usage", disk)
    assert room.limit() == 2 * size + size // 2
    for path in shards:
        Shard(path)
    assert kept() == [copy_of(path) for path in shards[3:]]
    left[0] = 0  # somebody else has filled the disk
    assert room.limit() == 0
    np.testing.assert_array_equal(Shard(shards[0]).hs(0), sample(0, rgb=30).hs)
    assert len(kept()) == 2


@pytest.mark.parametrize(("total", "left_free"), [(50, 5), (252, 10), (4000, 10)])  # GB
def test_free_disk_that_copies_leave(monkeypatch, total, left_free):
    for free, room_left in ((left_free + 3, 3), (left_free, 0), (1, 0)):
        disk = Disk(total * 10**9, 0, free * 10**9)
        monkeypatch.setattr(room.shutil, "disk_usage", lambda _, disk=disk: disk)
        assert room.limit() == room_left * 10**9


@pytest.mark.parametrize("value", ["much", "-1", "nan", "inf"])
def test_a_limit_that_is_none(shards, monkeypatch, value):
    monkeypatch.setenv("BIMAE_CACHE_LIMIT", value)
    with pytest.raises(ConfigError, match=f"BIMAE_CACHE_LIMIT='{value}': expected .* such as 50"):
        Shard(shards[0])


def test_without_a_cache_nothing_is_read_or_kept(shards, monkeypatch, inflated):
    open_dataset(shards[0].parent)
    for file in cache.folder().iterdir():  # whatever is read of this is noticed
        file.write_bytes(b"junk")
    before = {file: file.read_bytes() for file in cache.folder().iterdir()}
    monkeypatch.setenv("BIMAE_NO_CACHE", "1")
    inflated.clear()
    ds = open_dataset(shards[0].parent)
    for i in range(COUNT):
        np.testing.assert_array_equal(ds[i].hs, sample(i, rgb=30).hs)
    assert sorted(inflated) == [f"{n:05d}" for n in range(COUNT)]  # once for index and images
    assert {file: file.read_bytes() for file in cache.folder().iterdir()} == before
    monkeypatch.setenv("BIMAE_NO_CACHE", "0")
    assert not cache.is_off()


def test_a_copy_that_a_power_cut_left_short_is_made_again(shards, inflated):
    Shard(shards[0])
    copy = copy_of(shards[0])
    for left in (b"", copy.read_bytes()[:-100]):
        copy.write_bytes(left)
        inflated.clear()
        np.testing.assert_array_equal(Shard(shards[0]).hs(0), sample(0, rgb=30).hs)
        assert inflated == ["00000"]


def test_a_damaged_copy_is_not_taken_for_a_damaged_shard(shards, inflated):
    Shard(shards[0])
    copy = copy_of(shards[0])
    data = bytearray(copy.read_bytes())
    data[500] ^= 1
    copy.write_bytes(data)
    for file in cache.folder().glob("*.npz"):
        file.unlink()
    np.testing.assert_array_equal(Shard(shards[0]).hs(0), sample(0, rgb=30).hs)
    assert inflated == ["00000", "00000"]


def test_a_failed_copy_leaves_nothing(shards, monkeypatch):
    data = shards[0].read_bytes()
    shards[0].write_bytes(data[:-9])
    with pytest.raises(DataError, match="truncated"):
        Shard(shards[0])
    assert list(cache.folder().iterdir()) == []


def test_what_a_killed_process_left_is_removed(shards):
    stem = copy_of(shards[1]).stem
    names = [f".{stem}-1-{n}.tfrecord" for n in (2, 3)] + [f".{stem}-1-2.npz", f".{stem}.npz.lock"]
    for file in (cache.folder() / name for name in names):
        file.write_bytes(b"half")
        if "-1-3" not in file.name:
            os.utime(file, (time.time(), time.time() - 2 * room._STALE_S))
    Shard(shards[0])
    left = sorted(file.name for file in cache.folder().iterdir() if file.name.startswith("."))
    assert left == [f".{stem}-1-3.tfrecord"]


def test_files_that_were_not_made_here_stay(shards, size, monkeypatch):
    """Somebody may have named a folder with files of his own."""
    allow(monkeypatch, 1.5 * size)
    theirs = [cache.folder() / name for name in ("train-0.tfrecord", ".x-1-2.tfrecord", ".profile")]
    for file in theirs:
        file.write_bytes(bytes(2 * size))
        os.utime(file, (1, 1))
    for path in shards:
        Shard(path)
    assert all(file.exists() for file in theirs)
    assert copy_of(shards[-1]).exists() and not copy_of(shards[0]).exists()


def _open(path: Path, folder: Path, started) -> None:
    """What a second process does while the first is at it."""
    build = index.build_index

    def counted(view, path):
        (folder / f"built-{os.getpid()}").touch()
        return build(view, path)

    index.build_index = counted
    started.set()
    Shard(path)


def test_processes_that_start_together_do_the_work_once(shards, tmp_path):
    context = multiprocessing.get_context("fork")
    stamp, started = Stamp.of(shards[0]), context.Event()
    with cache.making(cache.entry(stamp, ".npz")):
        other = context.Process(target=_open, args=(shards[0], tmp_path, started))
        other.start()
        assert started.wait(30)
        view = map_records(shards[0], stamp)
        index._save(index.build_index(view, shards[0]), cache.entry(stamp, ".npz"), time.time_ns())
    other.join(30)
    assert other.exitcode == 0
    assert list(tmp_path.glob("built-*")) == []
    assert list(cache.folder().glob(".*")) == []
