"""Data sets on object storage, here memory:// and file://, through fsspec."""

import gzip
import os
import pickle
import time
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations
from hypothesis import given
from hypothesis import strategies as st

from bimae.data import DatasetInfo, open_dataset, split_dataset, write_tfrecords
from bimae.data import remote as module
from bimae.data.drawing import draw_split
from bimae.data.locate import locate
from bimae.data.remote import RemotePath, as_path
from bimae.data.splits import split_file
from bimae.data.tfrecord import cache, mapping, shard
from bimae.data.tfrecord.shard import fit_in_cache
from bimae.errors import DataError
from tests.data.small_samples import frame, sample

COUNT = 4


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(module, "_PAUSES", (0.0, 0.0))


@pytest.fixture
def memory():
    """An empty memory:// file system."""
    fs = fsspec.filesystem("memory")
    for part in (fs.store, fs.pseudo_dirs):
        part.clear()
    yield fs
    for part in (fs.store, fs.pseudo_dirs):
        part.clear()


@pytest.fixture
def fetched(monkeypatch) -> list[str]:
    """Names of the shards that were fetched, in order."""
    names = []
    fetch = mapping._fetch

    def counted(path, stamp, out):
        names.append(path.name)
        fetch(path, stamp, out)

    monkeypatch.setattr(mapping, "_fetch", counted)
    return names


def put(folder: Path, address: str) -> None:
    """Copies a folder there, long enough ago for its files to have settled."""
    fs, key = fsspec.core.url_to_fs(address)
    fs.put(f"{folder}/", f"{key}/", recursive=True)
    for file in MemoryFileSystem.store.values():
        file.modified = file.created = datetime.now(tz=UTC) - timedelta(seconds=30)
    for path in Path(key).rglob("*.tfrecord") if address.startswith("file:") else ():
        os.utime(path, (time.time() - 30, time.time() - 30))


@pytest.fixture
def local(tmp_path) -> Path:
    """A data set of four shards of one seed each."""
    made = [sample(i, rgb=30) for i in range(COUNT)]
    write_tfrecords(tmp_path / "data", made, samples_per_shard=1)
    DatasetInfo("mine", wavelengths_nm=(400, 500, 600, 700, 800)).save(tmp_path / "data")
    return tmp_path / "data"


def check(ds, order=range(COUNT)):
    for i in order:
        np.testing.assert_array_equal(ds[i].hs, sample(i, rgb=30).hs)
        np.testing.assert_array_equal(ds[i].rgb, sample(i, rgb=30).rgb)


def copies() -> list[Path]:
    return [file for file in cache.folder().glob("*") if file.suffix != ".npz"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("s3://bucket/data", "s3://bucket/data"),
        (Path("s3://bucket/data"), "s3://bucket/data"),
        ("s3://bucket/data/", "s3://bucket/data"),
        ("memory:///data/*.tfrecord", "memory://data/*.tfrecord"),
        (Path("file:///tmp/x"), "file:///tmp/x"),
        ("https://host:80/a/b.tfrecord", "https://host:80/a/b.tfrecord"),
    ],
)
def test_addresses(given, text):
    path = as_path(given)
    assert isinstance(path, RemotePath) and str(path) == text
    assert as_path(path) is path
    assert as_path(str(path)) == path
    inner = path / "train" / "x.tfrecord"
    assert str(inner) == f"{text}/train/x.tfrecord" and str(inner.parent.parent) == text
    assert inner.relative_to(path).as_posix() == "train/x.tfrecord"
    assert isinstance(inner, RemotePath) and str(pickle.loads(pickle.dumps(inner))) == str(inner)


@pytest.mark.parametrize("given", ["/tmp/x", "x", "C:/x", "c:\\x", "nonsense:/x", "a b://x", ""])
def test_what_is_no_address(given):
    assert type(as_path(given)) is type(Path())


def test_a_folder_whose_name_is_a_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file:" / "data").mkdir(parents=True)
    assert type(as_path(Path("file:/data"))) is type(Path())


@pytest.mark.parametrize("storage", ["memory", "file"])
def test_the_same_data_set_as_here(local, tmp_path, memory, storage, fetched):
    root = {"memory": "memory://bucket/data", "file": f"file://{tmp_path}/there"}[storage]
    put(local, root)
    here, ds = open_dataset(local), open_dataset(root)
    assert (ds.ids, ds.fingerprint, ds.info) == (here.ids, here.fingerprint, here.info)
    assert str(ds.root) == root and ds.where(0).startswith(f"{root}/data-00000")
    assert ds.wavelengths_nm == (400, 500, 600, 700, 800)
    check(ds)
    assert len(fetched) == COUNT
    check(pickle.loads(pickle.dumps(ds)))
    for asked in (f"{root}/", f"{root}/*.tfrecord", Path(root)):
        assert open_dataset(asked).fingerprint == here.fingerprint
    assert len(open_dataset(f"{root}/data-00001-of-00004.tfrecord")) == 1
    assert len(fetched) == COUNT


def test_folders_with_parts(tmp_path, memory):
    for part, numbers in (("train", (0, 1)), ("validation", (2,)), ("test", (3,))):
        write_tfrecords(tmp_path / "data" / part, [sample(i) for i in numbers])
    DatasetInfo("whole").save(tmp_path / "data")
    put(tmp_path / "data", "memory://data")
    ds = open_dataset("memory://data")
    assert ds.declared_splits == ["train", "train", "val", "test"]
    assert ds.fingerprint == open_dataset(tmp_path / "data").fingerprint
    assert open_dataset("memory://data/train").info.name == "whole"
    assert locate("memory://data/*/*.tfrecord").root == as_path("memory://data")


def test_a_split_beside_remote_records(local, memory):
    here = open_dataset(local)
    draw_split(here, seed=3, ratios=(0.5, 0.25, 0.25)).save(local / "split.json", here)
    put(local, "memory://data")
    ds = open_dataset("memory://data")
    assert split_file(ds).is_file()
    assert split_dataset(ds) == split_dataset(here)


def test_nothing_is_written_there(memory, local):
    put(local, "memory://data")
    with pytest.raises(DataError, match="memory://data: remote data are only read"):
        open_dataset("memory://data").root.mkdir(exist_ok=True)


def test_a_second_time_nothing_is_fetched(local, memory, fetched):
    put(local, "memory://data")
    check(open_dataset("memory://data"))
    check(open_dataset("memory://data"))
    assert len(fetched) == COUNT
    for copy in copies():  # the index is enough for all but the images
        copy.unlink()
    ds = open_dataset("memory://data")
    assert ds.classes == ["a"] and len(fetched) == COUNT
    check(ds, [2])
    assert fetched[COUNT:] == ["data-00002-of-00004.tfrecord"]


def test_a_file_that_changed_is_fetched_again(local, memory, fetched):
    put(local, "memory://data")
    ds = open_dataset("memory://data")
    old = copies()
    new = write_tfrecords(local / "new", [sample(9, rgb=30)])[0].read_bytes()
    memory.pipe("/data/data-00001-of-00004.tfrecord", new)
    for copy in old:
        copy.unlink()
    with pytest.raises(DataError, match=r"00001-of-00004\.tfrecord: the file changed since the d"):
        ds[1]
    again = open_dataset("memory://data")
    assert again.ids[1] == "seed-9" and again.fingerprint != ds.fingerprint
    assert fetched[COUNT:] == ["data-00001-of-00004.tfrecord"] * 2
    assert len(copies()) == 1  # nothing is left of what changed


def test_a_file_that_vanished(local, memory):
    put(local, "memory://data")
    ds = open_dataset("memory://data")
    memory.rm("/data/data-00001-of-00004.tfrecord")
    check(ds)  # the copies are what was opened
    for copy in copies():
        copy.unlink()
    ds = pickle.loads(pickle.dumps(ds))
    with pytest.raises(DataError, match=r"memory://.*00001.*: the file is not there any more"):
        ds[1]
    with pytest.raises(DataError, match="memory://data/none: found no such file or folder"):
        open_dataset("memory://data/none")


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_compressed_shards(local, memory, compress, fetched):
    for path in local.glob("*.tfrecord"):
        path.write_bytes(compress(path.read_bytes()))
    put(local, "memory://data")
    check(open_dataset("memory://data"))
    check(open_dataset("memory://data"))
    assert len(fetched) == len(copies()) == COUNT


def test_more_than_the_cache_may_take(local, memory, fetched, monkeypatch):
    put(local, "memory://data")
    size = (local / "data-00000-of-00004.tfrecord").stat().st_size
    monkeypatch.setenv("BIMAE_CACHE_LIMIT", repr(2.5 * size / 1e9))
    # One after another: of several at a time, those that find no room are held without a name.
    monkeypatch.setattr(shard, "_REQUESTS", 1)
    monkeypatch.setattr(shard, "_processors", lambda: 1)
    ds = open_dataset("memory://data")
    assert fit_in_cache(ds._shards) == 2
    for i in (0, 1, 2, 3, 2, 0):
        check(ds, [i])
        assert sum(file.stat().st_size for file in copies()) <= 2.5 * size
    fetched.clear()
    check(pickle.loads(pickle.dumps(ds)), [1, 3, 1, 3, 2, 2, 3])
    # The last two read before were 2 and 0.
    assert [int(name[5:10]) for name in fetched] == [1, 3, 2]
    monkeypatch.setenv("BIMAE_CACHE_LIMIT", "0")
    check(open_dataset("memory://data"))


def test_without_a_cache(local, memory, fetched, monkeypatch):
    put(local, "memory://data")
    monkeypatch.setenv("BIMAE_NO_CACHE", "1")
    for _ in range(2):
        check(open_dataset("memory://data"))
    assert len(fetched) == 2 * COUNT
    assert list(cache.folder().glob("*")) == []


class Breaking:
    """A file whose connection breaks after some bytes, as often as `breaks` says."""

    breaks = 0
    after = 1000

    def __init__(self, file):
        self.file, self.left = file, self.after

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def seek(self, position):
        self.file.seek(position)

    def read(self, size):
        if self.left <= 0 and Breaking.breaks:
            Breaking.breaks -= 1
            raise ConnectionError("reset by peer")
        piece = self.file.read(min(size, self.left) if Breaking.breaks else size)
        self.left -= len(piece)
        return piece


@pytest.fixture
def breaking(monkeypatch):
    """Downloads that break off; a test says how often."""
    real = MemoryFileSystem.open

    def opened(self, path, mode="rb", **options):
        file = real(self, path, mode, **options)
        return Breaking(file) if mode == "rb" and ".tfrecord" in path else file

    monkeypatch.setattr(MemoryFileSystem, "open", opened)
    monkeypatch.setattr(Breaking, "breaks", 0)
    return Breaking


@pytest.mark.parametrize("name", ["x.tfrecord", "x.tfrecord.gz"])
def test_a_download_that_breaks_off_is_taken_up_again(memory, local, breaking, name):
    plain = (local / "data-00000-of-00004.tfrecord").read_bytes()
    memory.pipe(f"/{name}", gzip.compress(plain) if name.endswith("gz") else plain)
    breaking.breaks = 2
    check(open_dataset(f"memory://{name}"), [0])
    assert breaking.breaks == 0


@pytest.mark.parametrize("name", ["x.tfrecord", "x.tfrecord.gz"])
@pytest.mark.parametrize("after", [0, 1000])
def test_a_download_that_keeps_breaking_off_leaves_nothing(
    memory, local, breaking, monkeypatch, name, after
):
    plain = (local / "data-00000-of-00004.tfrecord").read_bytes()
    memory.pipe(f"/{name}", gzip.compress(plain) if name.endswith("gz") else plain)
    monkeypatch.setattr(Breaking, "after", after)
    breaking.breaks = 3
    with pytest.raises(DataError, match=rf"memory://{name}: cannot be read \(Con.*: reset by peer"):
        open_dataset(f"memory://{name}")
    assert list(cache.folder().iterdir()) == []
    check(open_dataset(f"memory://{name}"), [0])


def test_a_download_that_ends_too_early(memory, local, monkeypatch):
    put(local, "memory://data")
    real = MemoryFileSystem.info

    def larger(self, path, **options):
        info = real(self, path, **options)
        return info | {"size": info["size"] + 10 * (info["type"] == "file")}

    monkeypatch.setattr(MemoryFileSystem, "info", larger)
    with pytest.raises(DataError, match=r"the download broke off: found \d+ bytes, expected \d+"):
        open_dataset("memory://data")
    assert list(cache.folder().iterdir()) == []


def test_a_file_that_changes_while_it_is_fetched(memory, local, monkeypatch):
    put(local, "memory://data")
    real = RemotePath.pieces

    def changing(self, size):
        yield from real(self, size)
        memory.pipe(self._asked_for, b"x" * size)

    monkeypatch.setattr(RemotePath, "pieces", changing)
    monkeypatch.setattr(
        RemotePath, "_asked_for", "/data/data-00000-of-00004.tfrecord", raising=False
    )
    with pytest.raises(DataError, match="the file changed since"):
        open_dataset("memory://data/data-00000-of-00004.tfrecord")
    assert list(cache.folder().iterdir()) == []


WHEN = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"ETag": '"ab"', "LastModified": WHEN}, (3, 0, "ab")),
        ({"etag": 'W/"ab"', "mtime": 5}, (3, 0, "ab")),
        ({"LastModified": WHEN}, (3, int(WHEN.timestamp()) * 10**9, "")),
        ({"mtime": 1.5}, (3, 1_500_000_000, "")),
        ({"modified": "yesterday"}, (3, 0, "yesterday")),
        ({}, (3, 0, "")),
    ],
)
def test_what_storages_tell_of_a_file(memory, monkeypatch, told, state):
    info = {"name": "/x", "size": 3, "type": "file"} | told
    monkeypatch.setattr(MemoryFileSystem, "info", lambda self, path: info)
    assert as_path("memory://x").state() == state


def test_content_of_another_version_is_kept_under_another_name():
    stamps = [cache.Stamp("s3://b/x", 3, 0, version) for version in ("", "a", "b")]
    assert len({cache.entry(stamp, ".npz") for stamp in stamps}) == 3


def test_a_storage_that_tells_no_size(memory, monkeypatch):
    info = {"name": "/x", "size": None, "type": "file"}
    monkeypatch.setattr(MemoryFileSystem, "info", lambda self, path: info)
    with pytest.raises(DataError, match="memory://x: the storage tells no size; copy the file"):
        as_path("memory://x").state()


def test_a_package_that_is_missing(monkeypatch):
    known = {"class": "no_such_package.FileSystem", "err": "Install it to access it"}
    monkeypatch.setitem(known_implementations, "nowhere", known)
    with pytest.raises(DataError) as error:
        open_dataset("nowhere://bucket/data")
    assert str(error.value) == (
        "nowhere://bucket/data: nowhere:// needs a package that is not there (ImportError: Install "
        "it to access it); install it: pip install no_such_package"
    )


def test_an_unknown_protocol():
    with pytest.raises(DataError, match=r"nonsense://x: cannot be opened .*nonsense.*; expected"):
        open_dataset("nonsense://x")


def test_what_a_storage_refuses_is_told_in_a_line(memory, monkeypatch):
    def refuse(self, path, **_):
        raise PermissionError("Forbidden\nby policy")

    monkeypatch.setattr(MemoryFileSystem, "isfile", refuse)
    with pytest.raises(DataError) as error:
        open_dataset("memory://data")
    assert str(error.value) == (
        "memory://data: cannot be read (PermissionError: Forbidden by policy); check the address, "
        "the network and your credentials"
    )


@given(st.binary(min_size=1, max_size=300), st.integers(1, 64), st.integers(0, 2))
def test_pieces_are_the_whole_file(content, after, breaks):
    fs = fsspec.filesystem("memory")
    fs.pipe("/p.tfrecord", content)
    with pytest.MonkeyPatch.context() as patch:
        real = MemoryFileSystem.open
        patch.setattr(
            MemoryFileSystem, "open", lambda self, path, mode, **o: Breaking(real(self, path, mode))
        )
        patch.setattr(Breaking, "after", after)
        patch.setattr(Breaking, "breaks", breaks)
        patch.setattr(module, "_PAUSES", (0.0, 0.0))
        patch.setattr(module, "_PIECE", 50)
        assert b"".join(as_path("memory://p.tfrecord").pieces(len(content))) == content
    fs.rm("/p.tfrecord")


def test_a_foreign_file(memory):
    memory.pipe("/data/x.tfrecord", b"\x89PNG\r\n\x1a\n" + bytes(100))
    memory.pipe("/data/y.tfrecord", frame(b"abc"))
    with pytest.raises(DataError, match=r"memory://data/x\.tfrecord: record 0: not a TFRecord"):
        open_dataset("memory://data")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (frame(b"abc"), "none"),
        (gzip.compress(b"a", mtime=0), "gzip"),
        (zlib.compress(b"a"), "zlib"),
    ],
    ids=["none", "gzip", "zlib"],
)
def test_the_first_bytes_tell_the_compression(memory, tmp_path, content, kind):
    memory.pipe("/x", content)
    (tmp_path / "x").write_bytes(content)
    for path in (as_path("memory://x"), tmp_path / "x"):
        assert mapping.compression_of(path, cache.Stamp.of(path)) == kind
