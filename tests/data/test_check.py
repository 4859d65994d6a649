"""What `check_dataset` says of samples, images and of what lies beside them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bimae.data import DatasetInfo, open_dataset, split_dataset, write_tfrecords
from bimae.data.check import check_dataset, scan
from bimae.data.check.findings import Findings, Problem
from bimae.data.check.statistics import BandStatistics
from bimae.data.drawing import draw_split
from tests.data.small_samples import sample

NM = (400.0, 450.0, 500.0, 550.0, 600.0)


def good(count=12, start=0, **changes):
    """Samples of two classes, three groups each, of which nothing bad can be said."""
    made = [
        sample(i, hs=24, label="ab"[i % 2], group=f"g{i % 2}{i % 3}")
        for i in range(start, start + count)
    ]
    return [replace(s, **changes) for s in made]


def written(folder, samples=None, info=None, **options):
    write_tfrecords(folder, samples if samples is not None else good(), **options)
    (info or DatasetInfo("good", wavelengths_nm=NM)).save(folder)
    return folder


def found(path, **options):
    """The findings by code; nothing is found twice under one code."""
    findings = check_dataset(path, **options).findings
    assert len({f.code for f in findings}) == len(findings)
    for finding in findings:
        assert "\n" not in finding.line and finding.line.startswith(f"{finding.severity}: ")
        assert finding.count >= len(finding.places) > 0
    return {f.code: f for f in findings}


def test_nothing_is_wrong_with_good_data(tmp_path):
    folder = written(tmp_path, samples_per_shard=5)
    report = check_dataset(folder)
    assert report.findings == () and report.worst is None
    assert report.counts == {"error": 0, "warning": 0, "note": 0}
    ds = open_dataset(folder)
    size = sum(path.stat().st_size for path in folder.glob("*.tfrecord"))
    assert report.figures == {
        "path": str(folder),
        "name": "good",
        "simulated": False,
        "shards": 3,
        "bytes": size,
        "records": 12,
        "samples": 12,
        "ids": 12,
        "labelled": 12,
        "classes": {"a": 6, "b": 6},
        "groups": 6,
        "bands": {"5": 12},
        "hs_sizes": {"24x24": 12},
        "hs_types": {"uint8": 12},
        "rgb_sizes": {"4x4": 12},
        "hs_range": [0, 255],
        "rgb_range": [min(float(s.rgb.min()) for s in ds), max(float(s.rgb.max()) for s in ds)],
        "wavelengths_nm": [400, 600],
        "unit": "",
        "parts": None,
        "parts_from": None,
        "fingerprint": ds.fingerprint,
    }
    json.dumps(report.as_json())


def test_every_way_to_store_images_is_read_as_the_data_set_reads_it(shared):
    folder = shared / "fixtures/tfrecords"
    report = check_dataset(folder)
    ds = open_dataset(folder, hs_size=None, rgb_size=None)
    assert report.figures["fingerprint"] == ds.fingerprint
    assert report.figures["samples"] == len(ds) == 19
    assert report.figures["hs_types"] == {"float32": 3, "uint8": 16}
    assert report.figures["rgb_sizes"] == {"120x160": 3, "192x192": 16}
    assert report.figures["hs_range"] == pytest.approx(
        [min(float(s.hs.min()) for s in ds), max(float(s.hs.max()) for s in ds)]
    )
    codes = {f.code: f for f in report.findings}
    assert report.worst == "warning"
    # Six seeds are stored once, twice or more; only the builder's layout has pixels of its own.
    assert codes["duplicate"].count == 16 - 6 and codes["repeated-id"].count == 19 - 6
    assert codes["types-differ"].count == 3 and codes["unlabelled"].count == 2


def test_processes_find_what_one_finds(tmp_path, monkeypatch):
    samples = [*good(), *good(6, 20, label=None), replace(sample(0, hs=24), id="again")]
    folder = written(tmp_path, samples, samples_per_shard=7)
    data = bytearray((folder / "data-00001-of-00003.tfrecord").read_bytes())
    data[-40] ^= 1
    (folder / "data-00001-of-00003.tfrecord").write_bytes(data)
    counted = []
    report = check_dataset(
        folder, passing=lambda numbers: (counted.append(n) or n for n in numbers)
    )
    monkeypatch.setattr(scan, "_WORTH_BYTES", 0)
    monkeypatch.setattr(scan, "_STRETCH_BYTES", 7000)  # about two records
    assert check_dataset(folder, workers=2) == report
    assert len(counted) == report.figures["records"] == 19 > report.figures["samples"]


def test_records_are_counted_beforehand_where_lengths_tell(tmp_path):
    sizes = []

    def passing(numbers):
        sizes.append(len(numbers) if hasattr(numbers, "__len__") else None)
        return numbers

    check_dataset(written(tmp_path / "a", samples_per_shard=5), passing=passing)
    check_dataset(written(tmp_path / "b", compression="gzip"), passing=passing)
    assert sizes == [12, None]


def test_copies(tmp_path):
    samples = good()
    samples += [replace(samples[0], id="copy"), replace(samples[1], id="copy2")]
    duplicate = found(written(tmp_path / "a", samples))["duplicate"]
    assert (duplicate.severity, duplicate.count) == ("warning", 2)
    assert "record 12 (copy): the same images as" in duplicate.line
    assert "record 0 (seed-0) (and 1 more record): keep one" in duplicate.line

    samples[-1] = replace(samples[1], id="copy2", label="a")
    codes = found(written(tmp_path / "b", samples))
    other = codes["duplicate-other-label"]
    assert (other.severity, other.samples) == ("error", 2) and codes["duplicate"].count == 1
    assert "label a instead of b" in other.text and "(copy2)" in other.where


def test_copies_in_two_parts(tmp_path):
    train, test = good(), good(6, 20)
    test += [replace(train[i], id=f"copy{i}", group=None) for i in range(3)]
    write_tfrecords(tmp_path, train, split="train")
    codes = found(written(tmp_path, test, split="test"))
    across = codes["duplicate-across-splits"]
    assert (across.severity, across.count, across.samples) == ("error", 3, 6)
    assert "(copy0): in test with the same images as" in across.line and "in train" in across.text
    assert "duplicate" not in codes

    # A split.json goes before what folders declare, here and wherever the data are used.
    ds = open_dataset(tmp_path)
    copies = [
        int(key[-1]) if "copy" in key else i if i < 3 else None for i, key in enumerate(ds.keys)
    ]
    split = draw_split(ds, copies=copies)
    split.save(tmp_path / "split.json", ds)
    report = check_dataset(tmp_path)
    assert {f.code: f.count for f in report.findings} == {"duplicate": 3}
    assert report.figures["parts_from"] == "split.json"
    assert report.figures["parts"] == {
        "test": len(split.test),
        "train": len(split.train),
        "val": len(split.val),
    }


def test_one_view_twice(tmp_path):
    samples = good()
    samples[3] = replace(samples[3], hs=samples[0].hs)
    samples[5] = replace(samples[5], rgb=samples[0].rgb)
    white = np.ones_like(samples[0].rgb)
    samples[7:9] = [replace(s, rgb=white) for s in samples[7:9]]  # placeholders
    codes = found(written(tmp_path, samples))
    assert set(codes) == {"same-cube-other-rgb", "same-rgb-other-cube", "constant-rgb"}
    assert "record 3 (seed-3): the same cube as" in codes["same-cube-other-rgb"].line
    assert "record 5 (seed-5): the same RGB image as" in codes["same-rgb-other-cube"].line
    assert codes["constant-rgb"].count == 2


def test_ids(tmp_path):
    samples = good()
    samples[4] = replace(samples[4], id="seed-3")
    repeated = found(written(tmp_path, samples))["repeated-id"]
    assert repeated.severity == "warning" and "record 3 (seed-3) too" in repeated.text
    report = check_dataset(tmp_path)
    ds = open_dataset(tmp_path)
    split_dataset(ds).save(tmp_path / "split.json", ds)  # by keys, of which each is one sample's
    assert check_dataset(tmp_path).figures["parts_from"] == "split.json"
    assert report.figures["ids"] == 11


def test_names_cannot_break_the_line(tmp_path):
    samples = good()
    samples[1] = replace(samples[1], id="a\x1b[2J\nb" + "c" * 500, hs=np.zeros_like(samples[1].hs))
    (finding,) = found(written(tmp_path, samples)).values()
    assert r"(a\x1b[2J\nbccc" in finding.where and len(finding.where) < 400


CLASSES = {
    "rare-class": (lambda s, i: replace(s, label="c") if i == 3 else s, "class c has 1 sample"),
    "unlabelled": (lambda s, i: replace(s, label=None) if i == 3 else s, "no label, while"),
    "no-labels": (lambda s, i: replace(s, label=None), "no sample has a label"),
    "label-spelling": (
        lambda s, i: replace(s, label="A ") if i in (0, 2, 4) else s,
        "classes 'A ', 'a' differ in spelling only",
    ),
    "class-in-one-group": (
        lambda s, i: replace(s, group="one") if i % 2 else s,
        "all 6 samples of b are of group one",
    ),
}


@pytest.mark.parametrize("code", CLASSES)
def test_classes(tmp_path, code):
    change, text = CLASSES[code]
    samples = [change(s, i) for i, s in enumerate(good())]
    codes = found(written(tmp_path, samples))
    assert set(codes) == {code} and text in codes[code].text


def test_uneven_classes(tmp_path):
    samples = [sample(i, label="a" if i > 2 else "b", hs=24) for i in range(63)]
    codes = found(written(tmp_path, samples))
    assert "60 samples of a, but 3 of b" in codes["uneven-classes"].text
    assert codes["uneven-classes"].severity == "note" and set(codes) == {"uneven-classes"}


def test_declared_parts(tmp_path):
    write_tfrecords(tmp_path, good(group="tray"), split="train")
    write_tfrecords(tmp_path, good(4, 20, group="tray", label="c"), split="test")
    DatasetInfo(wavelengths_nm=NM).save(tmp_path)
    report = check_dataset(tmp_path)
    codes = {f.code: f for f in report.findings}
    across = codes["group-across-splits"]
    assert across.severity == "error" and "its group tray lies in train and test" in across.text
    assert across.samples == 16 and "test-00000" in across.where
    assert "class c is in test, but not in train" in codes["class-not-in-train"].text
    assert report.figures["parts"] == {"test": 4, "train": 12}
    assert report.figures["parts_from"] == "files"


def test_images_without_content(tmp_path):
    samples = good()
    samples[2] = replace(samples[2], hs=np.zeros_like(samples[2].hs))
    samples[3] = replace(samples[3], hs=np.ones_like(samples[3].hs) * np.uint8([1, 2, 3, 4, 5]))
    samples[4] = replace(samples[4], rgb=np.ones_like(samples[4].rgb) * np.float32([0.1, 0.2, 0.3]))
    codes = found(written(tmp_path, samples))
    assert set(codes) == {"zero-cube", "constant-cube", "constant-rgb"}
    assert all(f.severity == "warning" and f.count == 1 for f in codes.values())
    assert [codes[c].where.rpartition(" (")[2] for c in ("zero-cube", "constant-cube")] == [
        "seed-2)",
        "seed-3)",
    ]


def test_bands_that_say_nothing(tmp_path):
    samples = good()
    for s in samples:
        s.hs[:, :, 1] = 7  # dead
        s.hs[:, :, 4] = 255  # dead, and not told as saturated too
        s.hs[:2, :, 2] = 255  # 2 of 24 rows saturated
        s.hs[:1, :, 3] = 255
    codes = found(written(tmp_path, samples))
    assert set(codes) == {"dead-band", "saturated-band"}
    assert codes["dead-band"].count == 2 and codes["dead-band"].samples == 12
    assert "band 1 (450 nm) is 7 in every pixel" in codes["dead-band"].text
    share = np.mean([(s.hs[:, :, 2] == 255).mean() for s in samples])
    assert codes["saturated-band"].text == (
        f"band 2 (500 nm) is 255, as much as a byte holds, in {share:.1%} of pixels"
    )
    assert codes["saturated-band"].count == 2  # the other band, which is less so, comes second


def test_a_maximum_that_is_no_types_maximum(tmp_path):
    samples = [replace(s, hs=s.hs.astype(np.float32) / 255) for s in good()]
    clipped = [replace(s, hs=np.minimum(s.hs, np.float32(0.8))) for s in samples]
    assert found(written(tmp_path / "a", samples)) == {}
    finding = found(written(tmp_path / "b", clipped))["saturated-band"]
    assert finding.count == 5 and "is 0.8, the largest value, in 2" in finding.text


def test_bytes_that_are_hardly_used(tmp_path):
    samples = [replace(s, hs=s.hs // 16) for s in good()]
    codes = found(written(tmp_path, samples))
    assert (
        set(codes) == {"narrow-range"} and "from 0 to 15 of 0 to 255" in codes["narrow-range"].text
    )


def test_samples_that_differ_from_the_others(tmp_path):
    samples = good()
    samples[1] = sample(1, hs=(24, 12), label="b", group="g11")
    samples[2] = sample(2, hs=24, rgb=6, label="a", group="g02")
    samples[3] = replace(samples[3], hs=samples[3].hs.astype(np.float32) / 255)
    samples[4] = sample(4, hs=24, bands=7, label="a", group="g01")
    codes = found(written(tmp_path, samples))
    assert {c: (f.severity, f.count) for c, f in codes.items()} == {
        "bands-differ": ("error", 1),
        "types-differ": ("warning", 1),
        "sizes-differ": ("note", 2),
    }
    assert "7 bands, where others have 5" in codes["bands-differ"].text
    assert "cube of 24x12 pixels, where others have 24x24" in codes["sizes-differ"].text


def floats(folder, values, unit):
    samples = [replace(s, hs=values(s.hs.astype(np.float32) / 255)) for s in good()]
    return written(folder, samples, DatasetInfo(wavelengths_nm=NM, unit=unit))


def test_reflectance(tmp_path):
    codes = found(
        floats(tmp_path / "a", lambda x: x * np.float32(1.2) - np.float32(0.1), "reflectance")
    )
    assert {c: f.severity for c, f in codes.items()} == {
        "negative-reflectance": "warning",
        "reflectance-above-1": "warning",
    }
    cubes = [s.hs.astype(np.float32) / 255 * np.float32(1.2) - np.float32(0.1) for s in good()]
    share = np.mean([(cube < 0).mean() for cube in cubes])
    assert codes["negative-reflectance"].text.startswith(f"{share:.1%} of the reflectance values")
    assert "(-0.1 to 1.1)" in codes["negative-reflectance"].text

    def rarely(x):
        x[0, 0, 0] = -1e-3
        return np.minimum(x, np.float32(0.99))

    noise = found(floats(tmp_path / "b", rarely, "reflectance"))["negative-reflectance"]
    assert noise.severity == "note" and "less than 0.1%" in noise.text
    counts = found(floats(tmp_path / "c", lambda x: x * 4000 + 2, "reflectance"))
    assert "12-bit counts" in counts["reflectance-above-1"].remedy


@pytest.mark.parametrize(
    ("factor", "looks"),
    [(100, "percent"), (255, "8-bit"), (10_000, "reflectance times 10000"), (65_535, "16-bit")],
)
def test_units_that_are_not_given(tmp_path, factor, looks):
    codes = found(floats(tmp_path / "a", lambda x: x * factor, ""))
    assert set(codes) == {"unit-unclear"} and looks in codes["unit-unclear"].remedy
    assert found(floats(tmp_path / "b", lambda x: x * factor, "counts")) == {}


DESCRIBED = {
    "wavelength-count": (
        {"wavelengths_nm": NM[:4]},
        "error",
        "4 wavelengths for images of 5 bands",
    ),
    "wavelength-order": ({"wavelengths_nm": NM[::-1]}, "error", "do not ascend"),
    "wavelength-range": (
        {"wavelengths_nm": tuple(w / 1000 for w in NM)},
        "error",
        "wavelengths from 0.4 to 0.6, expected 150 to 20000 nm",
    ),
    "wavelength-gap": (
        {"wavelengths_nm": (400.0, 410.0, 420.0, 430.0, 500.0)},
        "note",
        "no band from 430 to 500 nm; usually they lie 10 nm apart",
    ),
    "fwhm-count": ({"wavelengths_nm": NM, "fwhm_nm": (3.0,)}, "warning", "1 value of fwhm_nm"),
    "no-wavelengths": ({}, "note", "wavelengths_nm is not given"),
    "false-colour": ({"wavelengths_nm": NM, "rgb": "false colour"}, "note", "false colour"),
    "mixed-colour": (
        {"wavelengths_nm": NM, "rgb": "camera and false colour"},
        "warning",
        "some RGB images are a camera's, others false colour",
    ),
}


@pytest.mark.parametrize("code", DESCRIBED)
def test_what_dataset_json_says(tmp_path, code):
    facts, severity, text = DESCRIBED[code]
    codes = found(written(tmp_path, info=DatasetInfo(**facts)))
    assert set(codes) == {code}
    assert codes[code].severity == severity and text in codes[code].text
    assert codes[code].where == str(tmp_path / "dataset.json")
    if code == "wavelength-range":
        assert "micrometres" in codes[code].remedy


def test_dataset_json_that_is_none(tmp_path):
    folder = written(tmp_path)
    (folder / "dataset.json").write_text("{")
    codes = found(folder)
    assert set(codes) == {"dataset-json", "no-wavelengths"}
    assert codes["dataset-json"].severity == "error"
    (folder / "dataset.json").unlink()
    assert set(found(folder)) == {"no-dataset-json"}


def test_dataset_json_of_the_folder_above(tmp_path):
    written(tmp_path / "train")
    (tmp_path / "train" / "dataset.json").rename(tmp_path / "dataset.json")
    assert found(tmp_path / "train") == {}


@given(
    arrays(np.uint8, (6, 4, 3), elements=st.integers(0, 3)),
    st.lists(st.integers(0, 6), max_size=3),
    st.sampled_from([np.uint8, np.float32]),
)
def test_statistics_add_up(cubes, cuts, kind):
    """However cubes are dealt to processes, the figures are those of all of them."""
    cubes = cubes.astype(kind) - (kind == np.float32)
    total = BandStatistics(3)
    for part in np.split(cubes, sorted(cuts)):
        some = BandStatistics(3)
        for cube in part:
            some.take(cube, cube.min(axis=0), cube.max(axis=0))
        total.add(some)
    pixels = cubes.reshape(-1, 3)
    assert (total.cubes, total.pixels) == (6, 24)
    np.testing.assert_array_equal(total.low, pixels.min(axis=0))
    np.testing.assert_array_equal(total.high, pixels.max(axis=0))
    np.testing.assert_array_equal(total.at_top, (pixels == pixels.max()).sum(axis=0))
    if kind == np.float32:
        assert (total.negative, total.above_one) == ((pixels < 0).sum(), (pixels > 1).sum())


def test_findings_are_folded_and_ordered():
    findings = Findings()
    findings.extend(Problem("note", "n", f"x{i}", "t", "r") for i in range(500))
    findings.add(Problem("warning", "few", "y", "t", "r"))
    findings.extend(Problem("warning", "many", f"z{i}", f"t{i}", "r", "class", 9) for i in range(3))
    findings.add(Problem("error", "e", "e", "t", "r"))
    told = findings.sorted()
    assert [f.code for f in told] == ["e", "many", "few", "n"]
    assert told[1].line == "warning: z0: t0 (and 2 more classes): r"
    assert told[2].line == "warning: y: t: r"
    assert told[3].count == 500 and told[3].places == tuple(f"x{i}" for i in range(100))
