"""What `check_dataset` says of files and records: all that is damaged, and nothing raised."""

import gzip
import json
import shutil
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bimae.data import DatasetInfo, open_dataset, write_tfrecords
from bimae.data.check import check_dataset
from bimae.data.drawing import draw_split
from bimae.data.tfrecord.framing import footer
from bimae.errors import DataError
from tests.data.small_samples import features, sample, write_records
from tests.data.test_bad_input import BAD, GOOD

RECORDS = 4


def shard_of(folder, start=0, **options):
    made = [sample(start + i, group="g", bands=2, label="ab"[i % 2]) for i in range(RECORDS)]
    (path,) = write_tfrecords(folder, made, **options)
    return path


def starts(data: bytes) -> list[int]:
    found, position = [], 0
    while position < len(data):
        found.append(position)
        position += 16 + struct.unpack_from("<Q", data, position)[0]
    return found


def errors(path, **options):
    report = check_dataset(path, **options)
    return {f.code: f for f in report.findings if f.severity == "error"}, report.figures


@pytest.fixture(scope="module")
def shard(tmp_path_factory) -> bytes:
    return shard_of(tmp_path_factory.mktemp("good")).read_bytes()


def any_of(examples: int):
    fine = [HealthCheck.function_scoped_fixture]
    return settings(max_examples=examples, deadline=None, suppress_health_check=fine)


def flipped(data: bytes, bit: int) -> bytes:
    damaged = bytearray(data)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


@given(st.data())
@any_of(150)
def test_any_flipped_bit_is_told_and_the_rest_is_read(shard, data):
    bit = data.draw(st.integers(0, len(shard) * 8 - 1))
    record = sum(start <= bit // 8 for start in starts(shard)) - 1
    in_length = bit // 8 - starts(shard)[record] < 8
    with tempfile.TemporaryDirectory() as folder:
        path, whole = Path(folder) / "a.tfrecord", Path(folder) / "b.tfrecord"
        path.write_bytes(flipped(shard, bit))
        whole.write_bytes(shard)
        codes, figures = errors(folder)
    (code,) = codes
    if bit // 8 < 12:  # the file's head, by which it is recognised
        assert code in ("unreadable-file", "damaged-record")
        assert figures["samples"] >= RECORDS
        return
    assert f"a.tfrecord: record {record}" in codes[code].where
    if in_length:
        assert code in ("damaged-length", "truncated") and figures["samples"] == RECORDS + record
    else:
        assert code == "damaged-record" and figures["samples"] == 2 * RECORDS - 1
    assert figures["fingerprint"] is None


@given(st.data())
@any_of(80)
def test_any_truncation_is_told(shard, data):
    size = data.draw(st.integers(1, len(shard) - 1))
    with tempfile.TemporaryDirectory() as folder:
        path, whole = Path(folder) / "a.tfrecord", Path(folder) / "b.tfrecord"
        path.write_bytes(shard[:size])
        whole.write_bytes(shard)
        codes, figures = errors(folder)
    complete = sum(stop <= size for stop in [*starts(shard)[1:], len(shard)])
    if size in starts(shard):  # a shorter file, and no less true
        assert not codes
    else:
        assert set(codes) == {"unreadable-file" if size < 12 else "truncated"}
    assert figures["samples"] == RECORDS + complete


def test_everything_that_is_damaged_is_told(tmp_path, shard):
    at = starts(shard)
    damaged = flipped(flipped(shard, (at[0] + 100) * 8), (at[2] + 100) * 8)  # two payloads
    damaged = flipped(damaged, (at[3] + 9) * 8)  # a length's checksum: the length still leads on
    (tmp_path / "a.tfrecord").write_bytes(damaged)
    (tmp_path / "b.tfrecord").write_bytes(flipped(shard, (at[1] + 1) * 8))
    (tmp_path / "c.tfrecord").write_bytes(shard[:-10])
    (tmp_path / "d.tfrecord").write_bytes(b"")
    (tmp_path / "e.tfrecord").write_bytes(b"\x89PNG and so on, and so on")
    (tmp_path / "f.tfrecord.gz").write_bytes(gzip.compress(shard)[:-20])
    codes, figures = errors(tmp_path)
    counts = {code: f.count for code, f in codes.items()}
    assert counts.pop("truncated") == 1 and counts.pop("unreadable-file") == 3
    assert counts.pop("damaged-record") == 3
    (code,) = counts
    assert code in ("damaged-length", "truncated")
    assert figures["samples"] == 1 + 1 + 3
    told = codes["damaged-record"]
    assert [place.rpartition("/")[2] for place in told.places] == [
        "a.tfrecord: record 0",
        "a.tfrecord: record 2",
        "a.tfrecord: record 3",
    ]
    assert "found checksum" in told.line and "copy or write the file again" in told.line
    places = codes["unreadable-file"].places
    assert [Path(place).name[0] for place in places] == ["d", "e", "f"]


@pytest.mark.parametrize("name", ["a.tfrecord.gz", "a.tfrecord"])
def test_compressed_files(tmp_path, shard, name):
    (tmp_path / name).write_bytes(gzip.compress(shard, mtime=0))
    assert errors(tmp_path)[1]["samples"] == RECORDS
    (tmp_path / name).write_bytes(gzip.compress(flipped(shard, 1200 * 8), mtime=0))
    codes, figures = errors(tmp_path)
    assert set(codes) == {"damaged-record"} and figures["samples"] == RECORDS - 1
    (tmp_path / name).write_bytes(flipped(gzip.compress(shard, mtime=0), 1000 * 8))
    codes, figures = errors(tmp_path)
    assert set(codes) == {"unreadable-file"} and figures["samples"] == 0


VALUES = ("rgb NaN", "rgb inf", "rgb 255", "hs NaN", "hs inf")  # of records that are well-formed


@pytest.mark.parametrize("case", BAD)
def test_a_bad_record_is_told_and_the_others_are_read(tmp_path, case):
    changes, _ = BAD[case]
    path = write_records(
        tmp_path / "x.tfrecord", features(), features(**changes), features(id=b"z", label=b"b")
    )
    with pytest.raises(DataError) as refused:
        open_dataset(path)
    codes, figures = errors(path)
    (finding,) = (f for code, f in codes.items() if code != "duplicate-other-label")
    assert finding.where.startswith(f"{path}: record 1") and finding.count == 1
    told = str(refused.value).removeprefix(f"{path}: record 1: ")
    assert " ".join(told.split()[:3]) in finding.text and finding.remedy
    readable = case in VALUES or finding.code == "undecodable-image"
    assert figures["samples"] == 2 + readable and figures["records"] == 3
    expected = {"rgb": "rgb-range", "hs ": "not-finite"}[case[:3]] if case in VALUES else None
    assert finding.code == (expected or finding.code)


@pytest.mark.parametrize("case", GOOD)
def test_good_records_are_good(tmp_path, case):
    path = write_records(tmp_path / "x.tfrecord", features(**GOOD[case][0]))
    codes, figures = errors(path)
    assert codes == {} and figures["samples"] == 1


def test_some_values_that_are_not_finite(tmp_path):
    samples = [sample(i, hs=24, dtype="f4") for i in range(3)]
    folder = tmp_path / "data"
    (path,) = write_tfrecords(folder, samples)
    data = path.read_bytes()
    old = samples[1].hs[5, 5].tobytes()
    assert data.count(old) == 1
    data = data.replace(old, b"\x00\x00\xc0\x7f" + old[4:])  # NaN
    stop = starts(data)[2] - 4
    path.write_bytes(data[:stop] + footer(data[starts(data)[1] + 12 : stop]) + data[stop + 4 :])
    codes, figures = errors(folder)
    assert set(codes) == {"not-finite"} and "has 1 NaN" in codes["not-finite"].text
    assert "record 1 (seed-1)" in codes["not-finite"].where
    assert figures["hs_range"] == [0.0, 1.0]  # of the other values


@pytest.mark.parametrize("name", ["photo.tfrecord", "notes.txt"])
def test_one_file_that_is_no_data_set(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n and more")
    with pytest.raises(DataError, match="not a TFRecord file"):
        check_dataset(tmp_path / name)


def test_paths_that_are_no_data_set(tmp_path):
    for path in (tmp_path / "none", tmp_path, tmp_path / "*.tfrecord"):
        with pytest.raises(DataError, match="found no"):
            check_dataset(path)


def numbered(folder, names, shard):
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(shard)
    return folder


def test_missing_shards(tmp_path, shard):
    names = [f"train-{i:05d}-of-00008.tfrecord" for i in (0, 1, 2, 4, 5, 7)]
    folder = numbered(tmp_path / "a", names, shard)
    missing = errors(folder)[0]["missing-shard"]
    assert missing.count == 2
    assert [Path(place).name for place in missing.places] == [
        "train-00003-of-00008.tfrecord",
        "train-00006-of-00008.tfrecord",
    ]
    assert "6 of the 8 shards of train" in missing.text
    # Who asks for a single file knows that it is one of several.
    assert "missing-shard" not in errors(folder / names[0])[0]


def test_shards_that_were_not_asked_for_are_not_missing(tmp_path, shard):
    names = [f"x.tfrecord-{i}-of-3" for i in range(3)]
    folder = numbered(tmp_path / "a", names, shard)
    assert "missing-shard" not in errors(f"{folder}/*-[01]-of-3")[0]
    assert "missing-shard" not in errors(folder)[0]
    (folder / names[2]).unlink()
    assert errors(f"{folder}/*-[01]-of-3")[0]["missing-shard"].count == 1


@pytest.mark.parametrize(
    ("names", "lost"),
    [
        (["a-1-of-2.tfrecord", "a-2-of-2.tfrecord"], 0),  # counted from one
        (["a-00000-of-00002.tfrec.gz", "a-00001-of-00002.tfrec.gz"], 0),
        (["a-00001-of-00002.tfrec"], 1),
        (["day-2-of-trip.tfrecord"], 0),
    ],
)
def test_ways_to_number_shards(tmp_path, shard, names, lost):
    codes, _ = errors(numbered(tmp_path / "a", names, shard))
    assert (codes["missing-shard"].count if "missing-shard" in codes else 0) == lost


def test_split_json_of_other_data(tmp_path):
    shard_of(tmp_path)
    ds = open_dataset(tmp_path)
    draw_split(ds).save(tmp_path / "split.json", ds)
    assert not errors(tmp_path)[0]
    shard_of(tmp_path, 10, split="more")
    stale = errors(tmp_path)[0]["split-of-other-data"]
    assert stale.where == str(tmp_path / "split.json") and "split again" in stale.remedy
    (tmp_path / "split.json").write_text("{}")
    assert set(errors(tmp_path)[0]) == {"split-json"}


def test_split_json_that_leaves_samples_out(tmp_path):
    shard_of(tmp_path)
    DatasetInfo(wavelengths_nm=(400, 500)).save(tmp_path)
    ds = open_dataset(tmp_path)
    draw_split(ds).save(tmp_path / "split.json", ds)
    told = json.loads((tmp_path / "split.json").read_text())
    left = told["train"].pop()
    (tmp_path / "split.json").write_text(json.dumps(told))
    report = check_dataset(tmp_path)
    (note,) = (f for f in report.findings if f.code == "in-no-part")
    assert note.severity == "note" and f"1 sample is in no part ({left})" in note.text
    assert report.figures["parts"]["none"] == 1


def test_fixtures_that_were_damaged(shared, tmp_path):
    for path in (shared / "fixtures/tfrecords").glob("*tfrecord*"):
        shutil.copy(path, tmp_path / path.name)
    for name, at in (
        ("a_schema-00000-of-00002.tfrecord", 900_000),
        ("b_rgb_bytes.tfrecord", 9_000),
    ):
        path = tmp_path / name
        path.chmod(0o644)
        path.write_bytes(flipped(path.read_bytes(), at * 8 + 2))
    cut = tmp_path / "d_serialized_tensors.tfrecord"
    cut.chmod(0o644)
    cut.write_bytes(cut.read_bytes()[:-1000])
    codes, figures = errors(tmp_path)
    assert {code: f.count for code, f in codes.items()} == {"damaged-record": 2, "truncated": 1}
    assert (figures["records"], figures["samples"]) == (19, 16)
    (tmp_path / "a_schema-00001-of-00002.tfrecord").unlink()
    assert errors(tmp_path)[0]["missing-shard"].count == 1
