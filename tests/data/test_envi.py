"""ENVI images: every layout is read back exactly, and every slip of a header is mended or told."""

import gzip
import os
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spectral.io import envi as spectral_envi

from bimae.data.cubes import open_cube, open_envi, raster
from bimae.data.cubes.bandlist import Wavelengths, choose_bands
from bimae.data.cubes.envi_pair import DATA_SUFFIXES
from bimae.data.cubes.stored import band_runs
from bimae.errors import DataError

CODES = {"u1": 1, "i2": 2, "i4": 3, "f4": 4, "f8": 5, "u2": 12, "u4": 13, "i8": 14, "u8": 15}
ORDERS = {"bil": (0, 2, 1), "bip": (0, 1, 2), "bsq": (2, 0, 1)}


def write_envi(
    folder,
    cube,
    *,
    name="x",
    header=".hdr",
    data=".raw",
    interleave="bil",
    order="<",
    offset=0,
    keys="",
    drop=(),
    more=b"",
    **changed,
):
    """Writes [lines, samples, bands] byte by byte; returns the header's path."""
    folder = Path(folder)
    stored = cube.transpose(ORDERS.get(interleave.lower(), (0, 1, 2)))
    raw = stored.astype(stored.dtype.newbyteorder(order)).tobytes(order="C")
    (folder / f"{name}{data}").write_bytes(b"\x07" * offset + raw + more)
    says = {
        "samples": cube.shape[1],
        "lines": cube.shape[0],
        "bands": cube.shape[2],
        "header offset": offset,
        "data type": CODES[cube.dtype.newbyteorder("=").str[1:]],
        "interleave": interleave,
        "byte order": int(order == ">"),
    }
    says |= {key.replace("_", " "): value for key, value in changed.items()}
    lines = [f"{key} = {value}" for key, value in says.items() if key not in drop]
    path = folder / f"{name}{header}"
    path.write_text("\n".join(["ENVI", *lines, keys]) + "\n", encoding="utf-8")
    return path


def counts(lines=4, samples=5, bands=3, dtype=np.uint16):
    return np.arange(1, lines * samples * bands + 1).reshape(lines, samples, bands).astype(dtype)


def listed(values):
    return "{" + ", ".join(str(v) for v in values) + "}"


def refusal(path, **options) -> str:
    with pytest.raises(DataError) as error:
        open_envi(path, **options).read()
    message = str(error.value)
    assert "\n" not in message and "expected" in message and str(path.parent) in message
    return message


# ---- every layout, every part


@given(data=st.data())
@settings(max_examples=150)
def test_any_part_of_any_layout_is_read_back(data):
    shape = data.draw(st.tuples(*[st.integers(1, 7)] * 3))
    code = data.draw(st.sampled_from(sorted(CODES)))
    interleave = data.draw(st.sampled_from(["bil", "bip", "bsq", "BIL", "Bip"]))
    order, offset = data.draw(st.sampled_from("<>")), data.draw(st.sampled_from([0, 3, 512]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    dtype = np.dtype(code)
    if dtype.kind == "f":
        cube = rng.normal(0, 100, shape).astype(dtype)
    else:
        low = max(np.iinfo(dtype).min, -(2**53))
        cube = rng.integers(low, min(np.iinfo(dtype).max, 2**53), shape).astype(dtype)
    wavelengths = data.draw(st.permutations(range(shape[2])))
    nm = 400.0 + 10.0 * np.array(wavelengths)
    bounds = [sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2))) for n in shape[:2]]
    rows, columns = (slice(*bound) for bound in bounds)
    with tempfile.TemporaryDirectory() as folder:
        path = write_envi(
            folder,
            cube,
            interleave=interleave,
            order=order,
            offset=offset,
            keys=f"wavelength units = nm\nwavelength = {listed(nm)}",
        )
        read = open_envi(path)
        part = read.read(rows, columns)
        assert (read.lines, read.samples, read.bands.count) == shape
    expected = cube[:, :, np.argsort(nm)]
    expected = expected if code == "u1" else expected.astype(np.float32)
    assert part.dtype == expected.dtype
    assert np.array_equal(part, expected[rows, columns])
    assert read.bands.wavelengths_nm == tuple(sorted(nm))
    assert part.flags.c_contiguous and part.flags.owndata


@pytest.mark.parametrize("interleave", ["bil", "bip", "bsq"])
def test_parts_of_an_image_larger_than_what_is_read_at_a_time(tmp_path, interleave, monkeypatch):
    cube = np.random.default_rng(0).integers(0, 9999, (23, 31, 17)).astype(np.uint16)
    path = write_envi(tmp_path, cube, interleave=interleave)
    for chunk in (1, 500, 3000):
        for gap in (0, 100, 10**6):
            monkeypatch.setattr(raster, "CHUNK", chunk)
            monkeypatch.setattr(raster, "WIDE_CHUNK", chunk)
            monkeypatch.setattr(raster, "GAP", gap)
            read = open_envi(path)
            assert np.array_equal(read.read(), cube)
            assert np.array_equal(read.read(slice(3, 20), slice(5, 9)), cube[3:20, 5:9])
            assert np.array_equal(read.read(slice(-2, None)), cube[-2:])
            assert read.read(slice(5, 2), slice(0, 3)).shape == (0, 3, 17)


def test_blocks_cover_the_image(tmp_path):
    cube = counts(13, 4, 3)
    read = open_envi(write_envi(tmp_path, cube))
    assert np.array_equal(np.concatenate([read.read(rows) for rows in read.blocks()]), cube)
    with pytest.raises(ValueError, match="no step"):
        read.read(slice(0, 4, 2))


@pytest.mark.parametrize("interleave", ["bil", "bip", "bsq"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64, np.uint32])
def test_what_the_package_spectral_writes(tmp_path, interleave, dtype):
    cube = counts(6, 7, 4, dtype)
    path = tmp_path / "written.hdr"
    spectral_envi.save_image(
        str(path),
        cube,
        interleave=interleave,
        dtype=dtype,
        byteorder=1,
        metadata={"wavelength": [500.5, 600, 700, 800], "wavelength units": "Nanometers"},
    )
    read = open_envi(path)
    assert np.array_equal(read.read(), cube) and read.notes == ()
    assert read.bands.wavelengths_nm == (500.5, 600.0, 700.0, 800.0)


def test_a_real_scan_without_a_byte_order(shared):
    path = shared / "data/corn-kernel/corn-kernel-hyperspectral.hdr"
    cube = open_envi(path)
    raw = np.fromfile(path.with_suffix(".raw"), "<u2")
    assert (cube.lines, cube.samples, cube.bands.count) == (31, 43, 580)
    assert cube.bands.wavelengths_nm is not None
    assert cube.bands.wavelengths_nm[0] == 366.551 and cube.bands.wavelengths_nm[-1] == 1048.421
    assert cube.unit == "counts" and any("byte order" in note for note in cube.notes)
    values = cube.read()
    for line, sample, band in ((0, 0, 0), (30, 42, 579), (17, 20, 300)):
        assert values[line, sample, band] == raw[line * 580 * 43 + band * 43 + sample]
    assert np.array_equal(cube.read(slice(10, 12), slice(40, 43)), values[10:12, 40:43])


@pytest.mark.parametrize("interleave", ["bil", "bip", "bsq"])
def test_a_file_of_gigabytes_is_read_in_blocks(tmp_path, interleave):
    lines, samples, bands = 5000, 700, 300
    path = write_envi(tmp_path, counts(1, 1, 1), interleave=interleave, lines=lines, bands=bands,
                      samples=samples)  # fmt: skip
    data = tmp_path / "x.raw"
    os.truncate(data, lines * samples * bands * 2)  # sparse: no disk is used
    place = {
        "bil": ((lines - 1) * bands + 7) * samples + 3,
        "bip": ((lines - 1) * samples + 3) * bands + 7,
        "bsq": (7 * lines + lines - 1) * samples + 3,
    }[interleave]
    with data.open("r+b") as file:
        file.write(b"\x00\x00")
        file.seek(place * 2)
        file.write(b"\x2a\x01")
    cube = open_envi(path)
    blocks = list(cube.blocks())
    assert not cube.read(blocks[0]).any()
    last = cube.read(blocks[-1])
    assert last[-1, 3, 7] == 0x12A and np.count_nonzero(last) == 1
    assert cube.read(slice(lines - 1, lines), slice(3, 4))[0, 0, 7] == 0x12A


def test_a_file_that_shrinks_meanwhile(tmp_path):
    cube = open_envi(write_envi(tmp_path, counts()))
    os.truncate(tmp_path / "x.raw", 50)
    with pytest.raises(DataError, match=r"x\.raw: the file ends early: found 50 bytes, expected 1"):
        cube.read()
    (tmp_path / "x.raw").unlink()
    with pytest.raises(DataError, match=r"x\.raw: cannot be read \(No such file"):
        cube.read()


# ---- which files belong together


@pytest.mark.parametrize("data", [*DATA_SUFFIXES, "", ".RAW", ".Bil"])
@pytest.mark.parametrize("header", [".hdr", ".HDR"])
def test_header_and_data_find_each_other(tmp_path, data, header):
    path = write_envi(tmp_path, counts(), header=header, data=data)
    for named in (path, tmp_path / f"x{data}"):
        assert np.array_equal(open_envi(named).read(), counts())


def test_a_header_named_after_the_whole_data_file(tmp_path):
    path = write_envi(tmp_path, counts(), header=".bil.HDR", data=".bil")
    other = write_envi(tmp_path, counts(2, 2, 2), data=".img")
    for named in (path, tmp_path / "x.bil"):
        assert np.array_equal(open_envi(named).read(), counts())
    # x.bil has its own header, so x.hdr is that of x.img.
    assert open_envi(other).lines == 2 and open_envi(tmp_path / "x.img").lines == 2


def test_capitals_of_the_stem_do_not_matter(tmp_path):
    path = write_envi(tmp_path, counts(), name="SCAN", header=".HDR", data=".RAW")
    path = path.rename(tmp_path / "Scan.hdr")
    assert open_envi(path).lines == 4 and open_envi(tmp_path / "SCAN.RAW").lines == 4


def test_of_several_data_files_the_one_of_the_right_size(tmp_path):
    path = write_envi(tmp_path, counts())
    (tmp_path / "x.dat").write_bytes(b"notes of somebody")
    assert np.array_equal(open_envi(path).read(), counts())
    (tmp_path / "x.img").write_bytes(bytes(120))
    message = refusal(path)
    assert "several data files" in message and "exactly 120 bytes" in message
    assert all(f"{name} (" in message for name in ("x.dat", "x.img", "x.raw"))
    assert not open_envi(tmp_path / "x.img").read().any()  # named, it is no question


def test_names_of_header_and_data_exchanged(tmp_path):
    path = write_envi(tmp_path, counts())
    path.rename(tmp_path / "text")
    (tmp_path / "x.raw").rename(path)
    (tmp_path / "text").rename(tmp_path / "x.raw")
    for named in (path, tmp_path / "x.raw"):
        cube = open_envi(named)
        assert np.array_equal(cube.read(), counts())
        assert cube.notes[0].startswith("names are exchanged: x.raw is the header and x.hdr")


def test_missing_halves(tmp_path):
    path = write_envi(tmp_path, counts())
    (tmp_path / "x.raw").rename(tmp_path / "x.raw.gz")
    message = refusal(path)
    assert "no data file" in message and ".raw" in message
    (tmp_path / "x.raw.gz").rename(tmp_path / "x.raw")
    path.unlink()
    assert re.search(
        r"x\.raw: found no header beside it, expected x\.raw\.hdr or x\.hdr",
        refusal(tmp_path / "x.raw"),
    )
    assert "no such file" in refusal(tmp_path / "y.hdr")
    assert "a folder" in refusal(tmp_path)


def test_two_headers_for_one_file(tmp_path):
    path = write_envi(tmp_path, counts(), header=".hdr")
    (tmp_path / "x.HDR").write_bytes(path.read_bytes())
    assert "expected one header" in refusal(tmp_path / "x.raw")


# ---- what headers look like in the wild


def rewrite(path, change):
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(b"\n", b"\r"),
        lambda raw: b"\xef\xbb\xbf" + raw,
        lambda raw: b"\n \r\n" + raw,
        lambda raw: raw.decode().encode("utf-16"),
        lambda raw: raw.replace(b"ENVI", b"ENVI\nsensor type = Cam\xe9ra \xb5"),
        lambda raw: raw.replace(b"samples", b"SAMPLES").replace(b"data type", b"Data  Type"),
        lambda raw: raw.replace(b"lines", b"; lines = 77\n  ; x = {\nlines"),
        lambda raw: raw.replace(b"ENVI", b"ENVI\ndescription = {two\nlines, of = text}"),
        lambda raw: raw.replace(b"lines = 4", b"lines = {4} ; as measured"),
        lambda raw: raw.replace(b"samples = 5", b"\tsamples=5.0 "),
        lambda raw: raw.replace(b"data type = 12", b"data type = 12 ; uint16"),
        lambda raw: raw.rstrip(b"\n") + b"\n1 = 2",
    ],
)
def test_headers_as_they_come(tmp_path, change, recwarn):
    path = rewrite(write_envi(tmp_path, counts()), change)
    cube = open_envi(path)
    assert np.array_equal(cube.read(), counts()) and cube.notes == ()
    assert cube.sensor in ("", "Caméra µ") and not recwarn.list


def test_no_header_at_all(tmp_path):
    path = write_envi(tmp_path, counts())
    for content, found in ((b"", "nothing"), (b"NROWS 4\n", "'NROWS 4'"), (b"\0\1\2" * 99, "bin")):
        path.write_bytes(content)
        assert f"not an ENVI header: found {found}" in refusal(path)
        assert f"not an ENVI header: found {found}" in refusal(tmp_path / "x.raw")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"lines": "many"}, "lines = many, expected a whole number of at least 1"),
        ({"lines": "0"}, "lines = 0, expected"),
        ({"samples": "-3"}, "samples = -3, expected"),
        ({"bands": "2.5"}, "bands = 2.5, expected"),
        ({"bands": ""}, "bands is missing"),
        ({"header_offset": "-1"}, "header offset = -1, expected a whole number of at least 0"),
        ({"data_type": "6"}, "data type = 6 (complex numbers)"),
        ({"data_type": "9"}, "data type = 9 (complex numbers)"),
        ({"data_type": "7"}, "data type = 7, expected one of 1, 2, 3, 4, 5, 12, 13, 14, 15"),
        ({"data_type": "uint16"}, "data type = uint16, expected"),
        ({"interleave": "bli"}, "interleave = bli, expected bil, bip or bsq"),
        ({"byte_order": "2"}, "byte order = 2, expected 0"),
        ({"major_frame_offsets": "{0, 8}"}, "major frame offsets = 0, 8, expected none"),
        ({"minor_frame_offsets": "4"}, "minor frame offsets = 4, expected none"),
        ({"file_compression": "1"}, "unpack the data file (gunzip)"),
        ({"file_type": "ENVI Spectral Library"}, "found a spectral library, not an image"),
        ({"file_type": "ENVI Classification"}, "found a map of classes"),
        ({"file_type": "TIFF"}, "found a TIFF file"),
        ({"wavelength": "{400, 4l0, 420}"}, "wavelength: found 4l0 as value 2"),
        ({"wavelength": "{400, 410}"}, "found 2 wavelengths, expected 3"),
        ({"wavelength": "{400,5, 410,5, 420,5}"}, "found 6 wavelengths, expected 3, one for each "
         "band: are they written with a comma"),
        ({"reflectance_scale_factor": "-1"}, "reflectance scale factor = -1, expected a number"),
        ({"reflectance_scale_factor": "no"}, "reflectance scale factor = no, expected a number"),
        ({"wavelength": "{400, 410, 420"}, "found no end of the list `wavelength`"),
    ],
)  # fmt: skip
def test_values_without_sense(tmp_path, changed, told):
    message = refusal(write_envi(tmp_path, counts(), **changed))
    assert told in message and "x.hdr" in message


def test_all_mistakes_in_one_line(tmp_path):
    drop = ("lines", "interleave", "data type")
    message = refusal(write_envi(tmp_path, counts(), drop=drop, samples="x"))
    for told in ("lines is missing", "interleave is missing", "data type is missing", "samples = "):
        assert told in message


@pytest.mark.parametrize("interleave", ["bil", "bip", "bsq"])
def test_data_too_short(tmp_path, interleave):
    path = write_envi(tmp_path, counts(), interleave=interleave, offset=6, lines=9)
    message = refusal(path)
    assert "found 126 bytes" in message and "4 whole lines" in message
    assert "expected 276 = 9 lines x 5 samples x 3 bands x 2 bytes + 6" in message
    assert ("set `lines` to 4" in message) == (interleave != "bsq")
    os.truncate(tmp_path / "x.raw", 125)
    assert "found 125 bytes" in refusal(path) and "whole lines" not in refusal(path)
    os.truncate(tmp_path / "x.raw", 0)
    assert "found 0 bytes," in refusal(path)
    (tmp_path / "x.raw").write_bytes(gzip.compress(bytes(270)))
    assert "gzipped" in refusal(path)


def test_data_too_long_is_noted(tmp_path):
    cube = open_envi(write_envi(tmp_path, counts(), more=b"?" * 11))
    assert np.array_equal(cube.read(), counts())
    assert cube.notes == ("x.raw is 11 bytes longer than the header says",)


def test_one_byte_needs_no_byte_order(tmp_path):
    path = write_envi(tmp_path, counts(dtype=np.uint8), drop=("byte order",))
    cube = open_envi(path)
    assert cube.notes == () and cube.read().dtype == np.uint8 and cube.unit == "counts"


# ---- bands


def bands_of(tmp_path, keys, bands=3, **options):
    cube = open_envi(write_envi(tmp_path, counts(bands=bands), keys=keys), **options)
    return cube, [int(v) for v in cube.read()[0, 0]]


@pytest.mark.parametrize(
    ("unit", "values", "nm"),
    [
        ("nm", (400.5, 410, 1700), (400.5, 410, 1700)),
        ("Nanometers", (400, 410, 420), (400, 410, 420)),
        ("MICROMETERS", (0.5553, 0.61, 2.5), (555.3, 610, 2500)),
        ("um", (0.4, 0.41, 0.42), (400, 410, 420)),
        ("µm", (0.4, 0.41, 0.42), (400, 410, 420)),
        ("Microns", (8, 9, 12.5), (8000, 9000, 12500)),
        ("Angstroms", (4000, 5000, 6000), (400, 500, 600)),
        ("Wavenumber", (20000, 12500, 10000), (500, 800, 1000)),
        ("cm-1", (20000, 12500, 10000), (500, 800, 1000)),
        ("Wavelength (nm)", (400, 410, 420), (400, 410, 420)),
    ],
)
def test_units(tmp_path, unit, values, nm):
    keys = f"wavelength units = {unit}\nwavelength = {listed(values)}\nfwhm = {listed(values)}"
    cube, _ = bands_of(tmp_path, keys)
    assert cube.bands.wavelengths_nm == nm and cube.notes == ()
    if "av" not in unit and "-1" not in unit:
        assert cube.bands.fwhm_nm == nm


@pytest.mark.parametrize(
    ("unit", "values", "nm", "told"),
    [
        (None, (400, 410, 420), (400, 410, 420), "without a unit, 400 to 420: taken as nm"),
        ("Unknown", (0.4, 1, 2.5), (400, 1000, 2500), "without a unit, 0.4 to 2.5: taken as um"),
        ("Micrometers", (400, 410, 420), (400, 410, 420), "does not fit values of 400 to 420"),
        ("nm", (0.4, 0.5, 0.6), (400, 500, 600), "does not fit values of 0.4 to 0.6: taken as um"),
        ("furlongs", (400, 410, 420), (400, 410, 420), "'furlongs' is not known"),
        (None, (1, 2, 3), None, "cannot be nm or um"),
        ("nm", (1, 2, 3), None, "cannot be nm or um"),
        ("Index", (1, 2, 3), None, "cannot be nm or um"),
        ("Index", (401, 402, 403), None, "cannot be nm or um"),
        ("nm", (-1, 2, 99999), None, "cannot be nm or um"),
        ("nm", ("nan", 500, 600), None, "cannot be nm or um"),
        ("GHz", (300, 400, 500), None, "cannot be nm or um"),
    ],
)
def test_units_that_are_missing_or_wrong(tmp_path, unit, values, nm, told):
    keys = f"wavelength = {listed(values)}"
    cube, order = bands_of(tmp_path, keys if unit is None else f"wavelength units = {unit}\n{keys}")
    assert cube.bands.wavelengths_nm == nm and order == [1, 2, 3]
    assert len(cube.notes) == 1 and told in cube.notes[0]


def test_bands_are_sorted_and_none_is_twice(tmp_path):
    keys = "wavelength units = nm\nwavelength = {700, 500, 600, 500, 400}\nfwhm = {7, 5, 6, 9, 4}"
    cube, order = bands_of(tmp_path, keys + "\ndefault bands = {1, 2, 5}", bands=5)
    assert cube.bands.wavelengths_nm == (400, 500, 600, 700) and order == [5, 2, 3, 1]
    assert cube.bands.fwhm_nm == (4, 5, 6, 7)
    assert cube.file_bands == (4, 1, 2, 0) and cube.default_bands == (3, 1, 0)
    assert len(cube.notes) == 2
    assert "sorted by wavelength" in cube.notes[0] and "1 of 5 bands left out" in cube.notes[1]


def test_a_descending_list(tmp_path):
    cube, order = bands_of(tmp_path, "wavelength units = nm\nwavelength = {700, 600, 500}")
    assert order == [3, 2, 1] and "descend" in cube.notes[0]


def test_bad_bands(tmp_path):
    keys = "bbl = {1, 0, 1.0, 0}\nwavelength units = nm\nwavelength = {500, 0, 400, -1}"
    keys += "\ndefault bands = {3, 1, 2}"
    cube, order = bands_of(tmp_path, keys, bands=4)
    assert order == [3, 1] and cube.bands.wavelengths_nm == (400, 500)
    assert cube.default_bands is None  # one of them is bad
    assert any("2 of 4 bands left out" in note for note in cube.notes)
    cube, order = bands_of(tmp_path, keys, bands=4, keep_bad_bands=True)
    assert order == [1, 2, 3, 4] and cube.bands.wavelengths_nm is None
    assert cube.default_bands == (2, 0, 1)


@pytest.mark.parametrize(
    ("bbl", "told"),
    [
        ("{0, 0, 0}", "calls every band bad"),
        ("{1, 0}", "2 values for 3 bands"),
        ("{a, 1, 1}", "not made of numbers"),
    ],
)
def test_lists_of_bad_bands_without_sense(tmp_path, bbl, told):
    cube, order = bands_of(tmp_path, f"bbl = {bbl}")
    assert order == [1, 2, 3] and told in cube.notes[0]


@pytest.mark.parametrize("fwhm", ["{1, 2}", "{1, x, 3}", "{1, 0, 3}"])
def test_widths_without_sense(tmp_path, fwhm):
    keys = f"wavelength units = nm\nwavelength = {{400, 500, 600}}\nfwhm = {fwhm}"
    cube, _ = bands_of(tmp_path, keys)
    assert cube.bands.fwhm_nm is None and cube.bands.wavelengths_nm == (400, 500, 600)
    assert len(cube.notes) == 1 and "fwhm" in cube.notes[0]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40), st.data())
@settings(max_examples=100)
def test_band_choice_is_sorted_unique_and_good(steps, data):
    nm = tuple(400.0 + step for step in steps)
    good = data.draw(st.lists(st.booleans(), min_size=len(nm), max_size=len(nm)))
    choice = choose_bands(len(nm), Wavelengths(nm), good)
    assert choice.bands.wavelengths_nm == tuple(
        sorted({w for w, g in zip(nm, good, strict=True) if g})
    )
    assert [nm[i] for i in choice.numbers] == list(choice.bands.wavelengths_nm)
    assert all(good[i] and i == min(k for k, w in enumerate(nm) if w == nm[i] and good[k])
               for i in choice.numbers)  # fmt: skip
    covered = [
        (run.place + i, run.first + run.step * i)
        for run in band_runs(choice.numbers)
        for i in range(run.length)
    ]
    assert covered == list(enumerate(choice.numbers))


# ---- values


def test_scaled_values(tmp_path):
    path = write_envi(tmp_path, counts(), keys="reflectance scale factor = 10000.0")
    cube = open_envi(path)
    assert cube.unit == "reflectance" and cube.read().dtype == np.float32
    assert np.array_equal(cube.read(), counts().astype(np.float32) / np.float32(10000))
    byte = write_envi(tmp_path, counts(dtype=np.uint8), keys="reflectance scale factor = 255")
    assert open_envi(byte).read().dtype == np.float32
    zero = open_envi(write_envi(tmp_path, counts(), keys="reflectance scale factor = 0"))
    assert zero.unit == "counts" and "is 0: ignored" in zero.notes[0]


@pytest.mark.parametrize(
    ("dtype", "keys", "unit"),
    [
        (np.uint16, "", "counts"),
        (np.float32, "", ""),
        (np.float32, "reflectance scale factor = 1", "reflectance"),
        (np.uint16, "reflectance scale factor = 1.0", "counts"),
        (np.float32, "data units = Radiance (W/m2)", "radiance"),
        (np.uint16, "units = radiance", "radiance"),
        (np.float64, "Data Units = Apparent Reflectance", "reflectance"),
    ],
)
def test_units_of_the_values(tmp_path, dtype, keys, unit):
    assert open_envi(write_envi(tmp_path, counts(dtype=dtype), keys=keys)).unit == unit


def test_what_is_no_value_becomes_0(tmp_path):
    cube = counts(dtype=np.float32)
    cube[0, 0] = (np.nan, np.inf, -np.inf)
    cube[1, 2, 1] = np.finfo(np.float32).min
    path = write_envi(tmp_path, cube, keys="data ignore value = -3.40282e+38")
    read = open_envi(path)
    expected = cube.copy()
    expected[0, 0] = expected[1, 2, 1] = 0
    assert np.array_equal(read.read(), expected) and read.notes == ()


@pytest.mark.parametrize(("dtype", "value"), [(np.uint8, 7), (np.int16, -5), (np.float64, 0.5)])
def test_the_ignored_value(tmp_path, dtype, value):
    cube = counts(dtype=dtype)
    cube[2, 3, 1] = value
    keys = f"data ignore value = {value}\nreflectance scale factor = 2"
    expected = np.where(cube == value, 0, cube).astype(np.float32) / 2
    assert np.array_equal(open_envi(write_envi(tmp_path, cube, keys=keys)).read(), expected)
    for odd in ("99999", "-9.5", "{}", "nan", "none"):
        path = write_envi(tmp_path, cube, keys=f"data ignore value = {odd}")
        assert np.array_equal(open_envi(path).read(), cube)


def test_numbers_beyond_float32_become_0(tmp_path, recwarn):
    cube = counts(dtype=np.float64)
    cube[0, 0, 0] = 1e300
    assert open_envi(write_envi(tmp_path, cube)).read()[0, 0, 0] == 0 and not recwarn.list


def test_lines_that_are_dark_current_are_noted(tmp_path):
    for start, told in ((3, True), (0, False), (4, False)):
        cube = open_envi(write_envi(tmp_path, counts(), keys=f"autodarkstartline = {start}"))
        assert len(cube.notes) == told and (not told or "lines from 3 on" in cube.notes[0])


def test_facts_of_the_camera(tmp_path):
    keys = "sensor type = FX10\ntint = 8.5\nIntegration Time = 3 ms\nshutter = open\nfps = 50"
    cube = open_envi(write_envi(tmp_path, counts(), keys=keys))
    assert cube.sensor == "FX10"
    assert cube.facts == {"tint": "8.5", "integration time": "3 ms", "shutter": "open"}


# ---- whatever a file may hold


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=150)
def test_any_header_is_read_or_refused_in_one_line(noise, framed):
    with tempfile.TemporaryDirectory() as folder:
        path = write_envi(folder, counts())
        good = path.read_bytes()
        cut = len(noise) % len(good)
        path.write_bytes(good[:cut] + noise + good[cut:] if framed else b"ENVI\n" + noise)
        try:
            open_envi(path).read()
        except DataError as error:
            assert "\n" not in str(error) and "x." in str(error)


def test_open_cube_takes_the_wavelengths_given(tmp_path):
    path = write_envi(tmp_path, counts())
    assert open_cube(path, wavelengths=(400, 500, 600)).bands.wavelengths_nm == (400, 500, 600)
    with pytest.raises(DataError, match="found 2 wavelengths, expected 3"):
        open_cube(path, wavelengths=(400, 500))
    path = write_envi(tmp_path, counts(), keys="bbl = {1, 0, 1}")
    assert open_cube(path, wavelengths=(400, 500, 600)).bands.wavelengths_nm == (400, 600)
    assert open_cube(path, wavelengths=(400, 600)).bands.wavelengths_nm == (400, 600)
    keys = "wavelength units = nm\nwavelength = {400, 500, 600}"
    path = write_envi(tmp_path, counts(), keys=keys)
    assert open_cube(path, wavelengths=(400, 500, 600)).notes == ()
    other = open_cube(path, wavelengths=(400, 500, 650))
    assert other.bands.wavelengths_nm == (400, 500, 600)
    assert "differ from the file's by up to 50.0 nm" in other.notes[0]
