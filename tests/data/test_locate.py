from pathlib import Path

import pytest

from bimae.data.locate import locate
from bimae.errors import DataError


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def found(path) -> list[tuple[str, str | None]]:
    located = locate(path)
    names = [shard.relative_to(located.root).as_posix() for shard in located.shards]
    return list(zip(names, located.splits, strict=True))


def test_a_flat_folder_takes_shards_only(tmp_path):
    make(
        tmp_path, "b.tfrecord", "a.tfrecords.gz", "c.TFREC", "d.tfrecord.zlib", "dataset.json",
        "x.txt", ".hidden.tfrecord", "e.tfrecord-00000-of-00001", "sub/x.tfrecord", "test1.png",
    )  # fmt: skip
    assert found(tmp_path) == [
        (name, None)
        for name in (
            "a.tfrecords.gz",
            "b.tfrecord",
            "c.TFREC",
            "d.tfrecord.zlib",
            "e.tfrecord-00000-of-00001",
        )
    ]


def test_subfolders(tmp_path):
    make(tmp_path, "test/a.tfrecord", "train/b.tfrecord", "train/a.tfrecord", "val/z.tfrecord.gz")
    make(tmp_path, "other/x.tfrecord", "dataset.json")
    assert found(tmp_path) == [
        ("train/a.tfrecord", "train"),
        ("train/b.tfrecord", "train"),
        ("val/z.tfrecord.gz", "val"),
        ("test/a.tfrecord", "test"),
    ]
    assert found(tmp_path / "train") == [("a.tfrecord", None), ("b.tfrecord", None)]
    assert found(tmp_path / "*" / "a.tfrecord") == [
        ("train/a.tfrecord", "train"),
        ("test/a.tfrecord", "test"),
    ]


def test_prefixes(tmp_path):
    make(
        tmp_path, "test.tfrecord", "train-00000-of-00002.tfrecord", "train-00001-of-00002.tfrecord"
    )
    make(tmp_path, "validation_0.tfrecord", "val1.tfrecord")
    assert found(tmp_path) == [
        ("train-00000-of-00002.tfrecord", "train"),
        ("train-00001-of-00002.tfrecord", "train"),
        ("val1.tfrecord", "val"),
        ("validation_0.tfrecord", "val"),
        ("test.tfrecord", "test"),
    ]


def test_a_prefix_is_a_word(tmp_path):
    make(tmp_path, "trainer.tfrecord", "testa.tfrecord", "valley.tfrecord")
    assert [split for _, split in found(tmp_path)] == [None] * 3


def test_a_file_is_taken_whatever_its_suffix(tmp_path):
    make(tmp_path, "seeds.bin", "test-1.bin", "a[1].bin")
    assert found(tmp_path / "seeds.bin") == [("seeds.bin", None)]
    assert found(str(tmp_path / "test-1.bin")) == [("test-1.bin", "test")]
    assert found(tmp_path / "a[1].bin") == [("a[1].bin", None)]
    assert found(tmp_path / "*s.bin") == [("seeds.bin", None)]


@pytest.mark.parametrize(
    ("names", "asked", "words"),
    [
        ((), "nowhere", "no such file or folder"),
        ((), "*.tfrecord", "no file that matches"),
        (("x.txt",), "", "no TFRecords among 1 files, expected .*.tfrecord"),
        (("train-0.tfrecord", "more.tfrecord"), "", "train-0.tfrecord.*beside more.tfrecord"),
        (("train/0.tfrecord", "more.tfrecord"), "", "shards in train/ and beside it"),
    ],
)
def test_errors_say_what_was_looked_for(tmp_path, names, asked, words):
    make(tmp_path, *names)
    with pytest.raises(DataError, match=words) as error:
        locate(tmp_path / asked)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)
