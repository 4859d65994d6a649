"""Samples are known again, wherever they lie and whatever they were imported to."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from bimae.data import open_dataset, write_tfrecords
from bimae.data.identity import SOURCES, file_key, keys_of, known_again, part_key
from bimae.data.importing import ImportSettings, import_data
from bimae.errors import DataError
from tests.data.raw_files import cube, npy, png, scan
from tests.data.small_samples import sample


def known(samples) -> frozenset[str]:
    return frozenset().union(*keys_of(samples, range(len(samples))))


def again(samples, learned: frozenset[str]) -> list[int]:
    return known_again(keys_of(samples, range(len(samples))), learned)


def test_a_file_by_what_it_holds(tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(1 << 20)
    for name, held in {"a": content, "b": content, "c": content[:-1], "d": content[:900],
                       "e": bytes(900), "f": b""}.items():  # fmt: skip
        (tmp_path / name).write_bytes(held)
    keys = {name: file_key(tmp_path / name) for name in "abcdef"}
    assert keys["a"] == keys["b"] and len(keys["a"]) == 12
    assert len({keys[name] for name in "acd"}) == 3
    assert keys["e"] == keys["f"] == ""  # nothing is known again by what fills a place
    ends = bytearray(content)
    ends[-1] ^= 1
    (tmp_path / "a").write_bytes(ends)
    assert file_key(tmp_path / "a") != keys["b"]
    assert part_key("ab", "") == "ab" and part_key("", "x") == ""
    assert len({part_key("ab", "x"), part_key("ab", "y"), part_key("ac", "x")}) == 3


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_records_without_their_labels(tmp_path: Path, compression: Literal["none", "gzip"]) -> None:
    made = [sample(i, rgb=12, hs=6) for i in range(6)]
    write_tfrecords(tmp_path / "a", made)
    learned = known(open_dataset(tmp_path / "a"))
    assert len(learned) == 12
    other = [replace(one, label=None, id=f"new {i}") for i, one in enumerate(made[1:3])]
    write_tfrecords(tmp_path / "b", [sample(9, rgb=12, hs=6), *other], compression=compression)
    assert again(open_dataset(tmp_path / "b"), learned) == [1, 2]
    assert again(open_dataset(tmp_path / "b"), frozenset()) == []


def test_a_placeholder_is_not_again(tmp_path: Path) -> None:
    """All samples of data without photos have the same image for one."""
    one = sample(0, rgb=12, hs=6)
    write_tfrecords(tmp_path / "a", [replace(sample(i, hs=6), rgb=one.rgb) for i in range(3)])
    write_tfrecords(tmp_path / "b", [replace(sample(7, hs=6), rgb=one.rgb)])
    assert again(open_dataset(tmp_path / "b"), known(open_dataset(tmp_path / "a"))) == []


def test_files_that_are_imported_anew(tmp_path: Path) -> None:
    """With other names, other settings and so other pixels; the photo alone as well."""
    for number in range(4):
        scan(tmp_path / "raw" / f"s{number}.hdr", cube(number, side=60))
        png(tmp_path / "raw" / f"s{number}.png", number, (80, 80))
    import_data(tmp_path / "raw", tmp_path / "a", ImportSettings(layout="cubes"), workers=1)
    learned = known(open_dataset(tmp_path / "a"))
    place = tmp_path / "again"
    place.mkdir()
    for name in ("s1.hdr", "s1.raw", "s1.png", "s2.png"):
        shutil.copyfile(tmp_path / "raw" / name, place / f"n-{name}")
    scan(place / "other.hdr", cube(9, side=60))
    png(place / "other.png", 9, (80, 80))
    settings = ImportSettings(layout="cubes", hs_size=16, rgb_size=64)
    import_data(place, tmp_path / "b", settings, workers=1, split=False)
    samples = open_dataset(tmp_path / "b")
    assert [samples.ids[i] for i in again(samples, learned)] == ["n-s1"]
    for path in place.glob("*.hdr"):
        path.unlink()
    for path in place.glob("*.raw"):
        path.unlink()
    import_data(place, tmp_path / "c", ImportSettings(layout="photos"), workers=1, split=False)
    samples = open_dataset(tmp_path / "c")
    assert [samples.ids[i] for i in again(samples, learned)] == ["n-s1", "n-s2"]


def test_one_photo_for_all_scans_says_nothing(tmp_path: Path) -> None:
    lines = ["path_hs,path_rgb,label"]
    for number in range(3):
        npy(tmp_path / f"{number}.npy", number)
        lines.append(f"{number}.npy,white.png,a")
    png(tmp_path / "white.png")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    import_data(tmp_path / "table.csv", tmp_path / "a", workers=1, split=False)
    rows = (tmp_path / "a" / SOURCES).read_text().splitlines()
    assert rows[0] == "id,scan,photo" and len(rows) == 4
    assert all(row.endswith(",") for row in rows[1:])


def test_a_table_that_is_none(tmp_path: Path) -> None:
    write_tfrecords(tmp_path / "a", [sample(0)])
    samples = open_dataset(tmp_path / "a")
    for text in ("", "a,b\n1,2\n", "id,scan,photo\nx,y\n"):
        (tmp_path / "a" / SOURCES).write_text(text)
        with pytest.raises(DataError, match=r"sources.csv: the columns id, scan, photo are expect"):
            keys_of(samples, [0])
    (tmp_path / "a" / SOURCES).write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"sources.csv: not readable"):
        keys_of(samples, [0])
