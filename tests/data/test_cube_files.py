"""Arrays in NumPy, MATLAB, HDF5 and TIFF files, maps of classes, lists of wavelengths, folders."""

import json
import logging
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bimae.data.cubes import (
    cubes_in,
    is_cube,
    open_arrays,
    open_cube,
    parse_wavelengths,
    read_plane,
    read_wavelengths,
    stored_array,
)
from bimae.errors import DataError
from tests.data.test_envi import counts, write_envi

NM = np.array([400.0, 500.0, 600.0, 700.0, 800.0, 900.0])


def cube_of(dtype=np.uint16, shape=(8, 8, 6)):
    return np.random.default_rng(0).integers(0, 250, shape).astype(dtype)


def write_v73(path, **arrays):
    """As MATLAB does it: a mark in the first block, axes the other way round."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            node = file.create_dataset(name, data=np.asarray(array).T)
            node.attrs["MATLAB_class"] = np.bytes_({"f": "double"}.get(array.dtype.kind, "uint16"))
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")


def write_h5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[f"scan/{name}"] = array


WRITERS = {
    "x.npz": np.savez,
    "packed.npz": np.savez_compressed,
    "x.mat": lambda path, **arrays: scipy.io.savemat(path, arrays),
    "packed.mat": lambda path, **arrays: scipy.io.savemat(path, arrays, do_compression=True),
    "v73.mat": write_v73,
    "x.h5": write_h5,
    "x.HDF5": write_h5,
}
DTYPES = [np.uint8, np.uint16, np.int16, np.float32, np.float64]


def refusal(function, *arguments, **options) -> str:
    with pytest.raises(DataError) as error:
        function(*arguments, **options)
    message = str(error.value)
    assert "\n" not in message and "expected" in message
    return message


def same(cube, array):
    read = cube.read()
    assert read.dtype == (np.uint8 if array.dtype == np.uint8 else np.float32)
    assert np.array_equal(read, array.astype(np.float32))
    assert np.array_equal(cube.read(slice(1, 5), slice(2, 3)), read[1:5, 2:3])
    read[:] = 0  # its own memory
    assert np.array_equal(cube.read(), array.astype(np.float32))


# ---- each format


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_named_arrays(tmp_path, name, dtype):
    array = cube_of(dtype)
    path = tmp_path / name
    WRITERS[name](path, cube=array, wavelength=NM)
    cube = open_cube(path)
    same(cube, array)
    assert cube.bands.wavelengths_nm == tuple(NM)
    assert cube.unit == ("counts" if np.dtype(dtype).kind in "iu" and dtype != np.uint8 else "")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [*DTYPES, ">u2", ">f4", np.float16, np.int64])
def test_npy(tmp_path, order, dtype):
    array = np.asarray(cube_of(dtype, (5, 5, 4)), order=order)
    np.save(tmp_path / "x.npy", array)
    same(open_cube(tmp_path / "x.npy"), array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bigtiff": True, "byteorder": ">"},
        {"compression": "zlib"},
        {"photometric": "minisblack", "planarconfig": "contig"},
        {"photometric": "minisblack", "planarconfig": "contig", "tile": (16, 16)},
        {"photometric": "minisblack", "planarconfig": "contig", "rowsperstrip": 2},
    ],
)
def test_tiff_of_many_samples(tmp_path, dtype, options):
    array = cube_of(dtype, (9, 9, 6))
    tifffile.imwrite(tmp_path / "x.tif", array, **options)
    cube = open_cube(tmp_path / "x.tif")
    same(cube, array)
    assert cube.notes == ()


@pytest.mark.parametrize(
    "options",
    [
        {"metadata": None},
        {"imagej": True},
        {"compression": "zlib", "photometric": "minisblack"},
        {"photometric": "minisblack", "planarconfig": "separate"},
        {"bigtiff": True, "metadata": None, "byteorder": ">"},
    ],
)
def test_tiff_of_many_pages(tmp_path, options):
    array = cube_of(np.uint16, (9, 7, 6) if "imagej" in options else (9, 9, 6))
    tifffile.imwrite(tmp_path / "x.tiff", array.transpose(2, 0, 1), **options)
    cube = open_cube(tmp_path / "x.tiff")
    same(cube, array)
    assert "the first axis of [6, 9," in cube.notes[0]


def test_tiff_with_wavelengths(tmp_path):
    array = cube_of(shape=(6, 8, 8))
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, array, metadata={"wavelengths_um": list(NM / 1000)})
    assert open_cube(path).bands.wavelengths_nm == tuple(NM)
    items = "".join(f'<Item name="wavelength" sample="{i}">{v}</Item>' for i, v in enumerate(NM))
    tag = (42112, "s", 0, f"<GDALMetadata>{items}</GDALMetadata>", True)
    tifffile.imwrite(path, array, extratags=[tag], metadata=None)
    cube = open_cube(path)
    assert cube.bands.wavelengths_nm == tuple(NM)
    assert np.array_equal(cube.read(), array.transpose(1, 2, 0))


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_array_in_any_order_of_axes(data):
    shape = data.draw(st.tuples(*[st.integers(1, 6)] * 3))
    axis, order = data.draw(st.integers(0, 2)), data.draw(st.sampled_from("CF"))
    array = cube_of(data.draw(st.sampled_from(DTYPES)), shape)
    rows, columns = (
        slice(*sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2)))) for n in shape[:2]
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        np.save(path, np.asarray(np.moveaxis(array, 2, axis), order=order))
        cube = open_arrays(path, band_axis=["first", "middle", "last"][axis])
        assert np.array_equal(cube.read(rows, columns), array[rows, columns].astype(np.float32))


def test_large_hdf5_and_npz_are_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(stored_array, "HELD_BYTES", 10)
    monkeypatch.setattr("bimae.data.cubes.array_files.HELD_BYTES", 10)
    array = cube_of()
    for name in ("x.npz", "x.h5", "v73.mat"):
        WRITERS[name](tmp_path / name, cube=array)
        cube = open_cube(tmp_path / name)
        same(cube, array)
        (tmp_path / name).write_bytes(b"gone")
        with pytest.raises(DataError, match=name):
            cube.read()


def test_an_array_that_is_held_is_not_mistaken_for_a_newer_one(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, a=cube_of())
    first = open_cube(path).read()
    np.savez_compressed(path, a=cube_of() + 1)
    assert np.array_equal(open_cube(path).read(), first + 1)


# ---- which array


def test_the_largest_by_far_is_taken(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, rgb=np.zeros((8, 8, 3)), hs=cube_of(shape=(8, 8, 31)), mask=np.ones((8, 8)))
    assert open_cube(path).bands.count == 31
    np.savez(path, rgb=np.zeros((8, 8, 3)), hs=cube_of(shape=(8, 8, 30)))
    with pytest.raises(DataError) as error:
        open_cube(path)
    message = str(error.value)
    assert "'rgb' float64 [8, 8, 3]" in message and "'hs' uint16 [8, 8, 30]" in message
    assert "by its key" in message
    assert open_cube(path, key="rgb").bands.count == 3
    with pytest.raises(DataError, match="no array 'HS', only"):
        open_cube(path, key="HS")
    write_h5(tmp_path / "x.h5", a=cube_of(), b=cube_of() + 1)
    assert np.array_equal(open_cube(tmp_path / "x.h5", key="b").read(), cube_of() + 1)
    assert np.array_equal(open_cube(tmp_path / "x.h5", key="scan/a").read(), cube_of())


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros((4, 4)), "float64 [4, 4], expected an array of real numbers with 3 axes"),
        (np.zeros((2, 4, 4, 4)), "[2, 4, 4, 4], expected"),
        (np.zeros((4, 4, 2), complex), "complex128 [4, 4, 2], expected"),
        (np.zeros((4, 4, 2), bool), "bool [4, 4, 2], expected"),
        (np.full((4, 4, 2), "x"), "<U1 [4, 4, 2], expected"),
        (np.zeros((4, 0, 2)), "[4, 0, 2], expected"),
        (np.zeros((4, 4, 2), [("a", "f4")]), "expected"),
        (np.full((4, 4, 2), None), "objects (pickle) [4, 4, 2], expected"),
    ],
)
def test_arrays_that_are_no_cube(tmp_path, array, told):
    np.save(tmp_path / "x.npy", array)
    assert told in refusal(open_cube, tmp_path / "x.npy")
    np.savez(tmp_path / "x.npz", a=array)
    assert told in refusal(open_cube, tmp_path / "x.npz")


def test_complex_numbers_of_matlab(tmp_path):
    scipy.io.savemat(tmp_path / "x.mat", {"a": np.zeros((4, 4, 2), complex)})
    assert "'a' complex double [4, 4, 2], expected" in refusal(open_cube, tmp_path / "x.mat")
    scipy.io.savemat(tmp_path / "x.mat", {"a": {"b": np.zeros((4, 4, 2))}, "t": "text"})
    assert "'a' struct [1, 1], 't' char [1, 4]" in refusal(open_cube, tmp_path / "x.mat")


def test_a_double_that_matlab_stored_as_bytes_is_no_uint8(tmp_path):
    # Older MATLAB files keep whole doubles as bytes; what it shows is a double.
    scipy.io.savemat(tmp_path / "x.mat", {"a": cube_of(np.float64)}, format="5")
    assert open_cube(tmp_path / "x.mat").read().dtype == np.float32


# ---- where the bands are


@pytest.mark.parametrize(
    ("shape", "bands", "told"),
    [
        ((24, 24, 300), 300, None),
        ((145, 145, 200), 200, None),
        ((300, 24, 24), 300, "the first axis"),
        ((24, 300, 24), 300, "the middle axis"),
        ((24, 24, 24), 24, "not certain"),
        ((512, 217, 204), 204, "not certain"),
        ((300, 60, 45), 45, "not certain"),
    ],
)
def test_bands_by_the_shape(tmp_path, shape, bands, told):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros(shape, np.uint8))
    cube = open_cube(path)
    assert cube.bands.count == bands
    assert [told in note for note in cube.notes] == ([True] if told else [])


def test_bands_by_a_list_of_wavelengths(tmp_path):
    path = tmp_path / "x.npz"
    array = cube_of(shape=(6, 9, 7))
    np.savez(path, cube=array, WaveLengths_nm=NM)
    cube = open_cube(path)
    assert np.array_equal(cube.read(), array.transpose(1, 2, 0))
    assert "as there are 6 wavelengths" in cube.notes[0]
    assert open_cube(path, band_axis="last").bands.wavelengths_nm is None
    assert "6 wavelengths in the file for 7 bands" in open_cube(path, band_axis="last").notes[0]
    np.savez(path, cube=array)
    given_list = open_cube(path, wavelengths=tuple(NM))
    assert (given_list.lines, given_list.bands.wavelengths_nm) == (9, tuple(NM))


@pytest.mark.parametrize("name", ["wl", "lambda", "wave", "Wavelengths", "wavelength_nm", "WVL"])
def test_names_of_lists(tmp_path, name):
    scipy.io.savemat(tmp_path / "x.mat", {"data": cube_of(), name: NM[::-1]})
    cube = open_cube(tmp_path / "x.mat")
    assert cube.bands.wavelengths_nm == tuple(NM)
    assert np.array_equal(cube.read(), cube_of()[:, :, ::-1])


def test_wavelengths_that_are_none(tmp_path):
    np.savez(tmp_path / "x.npz", cube=cube_of(), wavelength=np.arange(1, 7))
    cube = open_cube(tmp_path / "x.npz")
    assert cube.bands.wavelengths_nm is None and "cannot be nm or um" in cube.notes[0]


def test_nan_and_infinity_become_0(tmp_path):
    array = cube_of(np.float64)
    array[0, 0, :3] = (np.nan, np.inf, 1e300)
    np.savez(tmp_path / "x.npz", a=array)
    assert not open_cube(tmp_path / "x.npz").read()[0, 0, :3].any()


# ---- damaged files


def damaged(path):
    for function in (open_cube, read_plane):
        with pytest.raises(DataError) as error:
            cube = function(path)
            if function is open_cube:
                cube.read()
            else:
                raise DataError(f"{path.name} read as a plane")
        assert "\n" not in str(error.value) and path.name in str(error.value)


@pytest.mark.parametrize("name", [*WRITERS, "x.npy", "x.tif", "packed.tif", "pages.tif"])
def test_truncated_files(tmp_path, name, recwarn, caplog):
    path = tmp_path / name
    array = cube_of(shape=(32, 32, 6))
    if name == "x.npy":
        np.save(path, array)
    elif name.endswith("tif"):
        packed = {"compression": "zlib"} if name == "packed.tif" else {}
        pages = {"metadata": None} if name == "pages.tif" else {}
        tifffile.imwrite(path, array.transpose(2, 0, 1), **packed, **pages)
    else:
        WRITERS[name](path, cube=array)
    whole = path.read_bytes()
    with caplog.at_level(logging.WARNING):
        for share in (0, 0.0005, 0.01, 0.3, 0.7, 0.99):
            path.write_bytes(whole[: int(len(whole) * share)])
            damaged(path)
        path.write_bytes(b"\0" * len(whole))
        damaged(path)
        path.write_bytes(bytes(range(256)) * (len(whole) // 256))
        damaged(path)
    assert not recwarn.list and not caplog.records


@pytest.mark.parametrize("name", [*WRITERS, "x.npy", "x.tif", "packed.tif"])
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_are_read_or_refused_in_one_line(name, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        if name == "x.npy":
            np.save(path, cube_of())
        elif name.endswith("tif"):
            packed = {"compression": "zlib"} if name == "packed.tif" else {}
            tifffile.imwrite(path, cube_of().transpose(2, 0, 1), **packed)
        else:
            WRITERS[name](path, cube=cube_of(), wl=NM)
        raw = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(raw) - 1))
            raw[place] = data.draw(st.integers(0, 255))
        path.write_bytes(raw)
        try:
            open_cube(path).read()
        except DataError as error:
            assert "\n" not in str(error) and name in str(error)


@pytest.mark.parametrize("text", [b"MATLAB", b"MAXLAB"])
def test_a_wrong_type_in_a_matlab_file_does_not_end_the_process(tmp_path, text):
    """scipy looks such a type up without asking whether there is one (segmentation fault)."""
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"cube": cube_of(), "wl": NM})
    raw = bytearray(path.read_bytes().replace(b"MATLAB", text))
    place = raw.index(b"wl") + 4  # a short name lies in its tag, then the type of the numbers
    raw[place : place + 2] = b"\x09\xff"
    path.write_bytes(raw)
    assert "'wl' has" in refusal(open_cube, path)


def test_a_wrong_size_in_a_matlab_file_asks_for_no_memory(tmp_path):
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"cube": cube_of(shape=(8, 9, 7))})
    raw = path.read_bytes()
    sizes = np.array([8, 9, 7], "<i4").tobytes()
    path.write_bytes(raw.replace(sizes, np.array([2**30, 2**30, 7], "<i4").tobytes()))
    assert "'cube' has" in refusal(open_cube, path)
    path.write_bytes(raw.replace(sizes, np.array([-8, 9, 7], "<i4").tobytes()))
    assert "size [-8, 9, 7]" in refusal(open_cube, path)


def test_compression_that_is_not_read_here(tmp_path, monkeypatch):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, cube_of().transpose(2, 0, 1), compression="zlib")

    def asarray(self):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", asarray)
    with pytest.raises(DataError, match="install the package imagecodecs"):
        open_cube(path)


def test_a_file_that_is_not_what_its_name_says(tmp_path):
    for name in ("x.npy", "x.npz", "x.mat", "x.tif", "x.h5"):
        path = tmp_path / name
        path.write_text("these are notes")
        assert name in refusal(open_cube, path)
    np.save(tmp_path / "y.npy", cube_of())
    (tmp_path / "y.npy").rename(tmp_path / "y.dat")
    assert np.array_equal(open_cube(tmp_path / "y.dat").read(), cube_of())
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.txt", "text")
    assert "found nothing, expected an array" in refusal(open_cube, tmp_path / "x.npz")


# ---- maps of classes


LABELS = np.arange(12).reshape(3, 4)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64])
def test_a_plane_among_named_arrays(tmp_path, name, dtype):
    WRITERS[name](tmp_path / name, gt=LABELS.astype(dtype), wl=NM[None], cube=cube_of())
    plane = read_plane(tmp_path / name)
    assert plane.dtype.kind in "iu" and np.array_equal(plane, LABELS)
    plane[:] = 0  # its own memory


def test_a_plane_of_an_image(tmp_path):
    for name in ("x.png", "x.tif", "x.npy"):
        path = tmp_path / name
        if name == "x.png":
            Image.fromarray(LABELS.astype(np.uint8)).save(path)
        elif name == "x.tif":
            tifffile.imwrite(path, LABELS.astype(np.uint16))
        else:
            np.save(path, np.asfortranarray(LABELS))
        assert np.array_equal(read_plane(path), LABELS)
    colours = Image.fromarray(LABELS.astype(np.uint8), mode=None).convert("P")
    colours.putpalette(list(range(255, -1, -1)) * 3)
    colours.save(tmp_path / "p.png")
    assert np.array_equal(read_plane(tmp_path / "p.png"), LABELS)
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / "rgb.png")
    assert "uint8 [3, 4, 3], expected an array" in refusal(read_plane, tmp_path / "rgb.png")
    (tmp_path / "rgb.png").write_bytes((tmp_path / "x.png").read_bytes()[:40])
    assert "rgb.png" in refusal(read_plane, tmp_path / "rgb.png")


def test_planes_that_are_no_classes(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=LABELS + 0.5)
    assert "'a' float64 [3, 4] holds 0.5, expected whole numbers" in refusal(read_plane, path)
    np.savez(path, a=LABELS * np.nan)
    assert "holds nan" in refusal(read_plane, path)
    np.savez(path, a=LABELS, b=LABELS)
    with pytest.raises(DataError, match="several arrays, 'a' int64"):
        read_plane(path)
    assert np.array_equal(read_plane(path, "b"), LABELS)
    np.savez(path, cube=cube_of())
    assert "2 axes (a map of classes)" in refusal(read_plane, path)
    assert "2 axes" in refusal(read_plane, path, "cube")
    np.savez(path, mask=LABELS > 3)
    assert read_plane(path).dtype == np.uint8
    scipy.io.savemat(tmp_path / "m.mat", {"mask": LABELS > 3})
    assert np.array_equal(read_plane(tmp_path / "m.mat"), LABELS > 3)
    with pytest.raises(DataError, match="No such file"):
        read_plane(tmp_path / "z")


# ---- lists of wavelengths


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.txt", "400\n500\n600\n"),
        ("x.txt", "\ufeff# nm\n400 500\r\n600 # the last"),
        ("x.csv", "400,500,600"),
        ("x.csv", "wavelength\n400\n500\n600\n"),
        ("x.csv", "band,Wavelength (nm),fwhm\n1,400,5\n2,500,5\n3,600,5\n"),
        ("x.csv", "band;wavelength_um\n1;0.4\n2;0.5\n3;0.6\n"),
        ("x.csv", "1,400\n2,500\n3,600\n"),
        ("x.csv", "400,0;500,0;600,0"),
        ("x.txt", "[0.4, 0.5, 0.6]"),
        ("x.json", "[400, 500, 600]"),
        ("x.json", '{"sensor": "a", "wavelengths_nm": [400, 500, 600]}'),
        ("x.hdr", "ENVI\nsamples = 1\nlines = 1\nbands = 3\ndata type = 4\ninterleave = bil\n"
         "wavelength units = um\nwavelength = {0.4, 0.5, 0.6}\n"),
    ],
)  # fmt: skip
def test_lists_in_files(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert parse_wavelengths(tmp_path / name, 3) == (400, 500, 600)
    assert read_wavelengths(str(tmp_path / name)).nm == (400, 500, 600)


def test_lists_without_a_file(tmp_path):
    assert parse_wavelengths("400-1000nm", 4) == (400, 600, 800, 1000)
    assert parse_wavelengths("0.4 - 1.0 um", 3) == (400, 700, 1000)
    assert parse_wavelengths("400..700", 1) == (400,)
    assert parse_wavelengths("450, 550,650nm", 3) == (450, 550, 650)
    assert parse_wavelengths((450, 550), 2) == (450, 550)
    np.save(tmp_path / "x.npy", NM)
    assert parse_wavelengths(tmp_path / "x.npy", 6) == tuple(NM)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.txt", "", "found nothing in it"),
        ("x.txt", "400\nfive\n", "line 2: found 'five'"),
        ("x.txt", "1\n2\n3\n", "found 1 to 3, expected wavelengths between 150 and 20000 nm"),
        ("x.csv", "a,b\n1,2\n", "the columns a, b"),
        ("x.json", "{", "cannot be read"),
        ("x.json", '{"a": 1}', "found no `wavelengths_nm` among a"),
        ("x.json", '{"wavelengths": [[400, 500], [600, 700]]}', "shape [2, 2]"),
        ("x.json", '["400"]', "expected one list of numbers"),
        ("x.npy", "text", "cannot be read"),
        ("x.hdr", "text", "not an ENVI header"),
    ],
)
def test_lists_that_are_none(tmp_path, name, content, told):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as error:
        read_wavelengths(tmp_path / name)
    assert told in str(error.value) and "\n" not in str(error.value)


def test_texts_that_are_no_list(tmp_path):
    for text, told in (
        ("nowhere.txt", "found no such file"),
        ("400-500kg", "found no such file"),
        ("1-5nm", "found 1 to 5 nm, expected wavelengths"),
        ("500-500nm", "one wavelength twice"),
        ("", "found no such file"),
    ):
        assert told in refusal(read_wavelengths, text)
    assert "found 2 wavelengths, expected 3" in refusal(parse_wavelengths, "400,500", 3)
    assert "found nan" in refusal(read_wavelengths, [400, float("nan")])


# ---- folders


def test_a_folder_yields_each_cube_once(tmp_path):
    for name in ("scan10", "scan9", "Scan1"):
        write_envi(tmp_path, counts(), name=name)
    write_envi(tmp_path, counts(), name="other", header=".bil.hdr", data=".bil")
    np.save(tmp_path / "a.npy", cube_of())
    (tmp_path / "._a.npy").write_bytes(b"of a Mac")
    (tmp_path / "notes.txt").write_text("ENVI is a format")
    (tmp_path / "scan9.png").write_bytes(b"")
    (tmp_path / "loose.raw").write_bytes(b"")
    (tmp_path / "nifti.hdr").write_bytes(b"\0\1" * 99)
    (tmp_path / "folder.npy").mkdir()
    names = [path.name for path in cubes_in(tmp_path)]
    assert names == ["a.npy", "other.bil.hdr", "Scan1.hdr", "scan9.hdr", "scan10.hdr"]
    yes = {"scan9.raw", "scan10.raw", "Scan1.raw", "other.bil", *names}
    found = {path.name for path in tmp_path.iterdir() if is_cube(path)} - {"._a.npy"}
    assert found == yes
    assert not is_cube(tmp_path / "nowhere.npy")
    assert "no such folder" in refusal(cubes_in, tmp_path / "nowhere")
    assert "found a folder with a.npy, other.bil.hdr, Scan1.hdr" in refusal(open_cube, tmp_path)


def test_what_open_cube_cannot_open(tmp_path):
    write_envi(tmp_path, counts())
    assert "did you mean x.hdr" in refusal(open_cube, tmp_path / "x")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8")
    assert "found a .jpg file without an ENVI header" in refusal(open_cube, tmp_path / "photo.jpg")
    (tmp_path / "y.raw").write_bytes(b"123")
    assert "found no header beside it" in refusal(open_cube, tmp_path / "y.raw")
    assert open_cube(tmp_path / "x.raw").read().shape == (4, 5, 3)


def test_a_description_that_is_json_but_no_list(tmp_path):
    path = tmp_path / "x.tif"
    for described in ([1, 2], {"wavelengths": "none"}, {"wavelengths": [[1]]}):
        text = json.dumps(described)
        tifffile.imwrite(path, cube_of(), description=text, metadata=None)
        assert open_cube(path).bands.wavelengths_nm is None


def test_nodata_of_a_geotiff_becomes_zero(tmp_path):
    values = np.arange(2 * 3 * 5, dtype=np.float32).reshape(2, 3, 5)
    values[0, 0] = -9999
    path = tmp_path / "g.tif"
    tag = (42113, "s", 0, "-9999", True)
    tifffile.imwrite(path, values, planarconfig="contig", extratags=[tag])
    read = open_cube(path, band_axis="last").read()
    assert (read[0, 0] == 0).all()
    assert np.array_equal(read[0, 1:], values[0, 1:])
