"""Raw counts to reflectance: the formula, the dead elements, and which files the references are."""

import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimae.data.cubes import (
    References,
    calibrate,
    find_references,
    is_reference,
    open_cube,
    open_envi,
)
from bimae.errors import DataError
from tests.data.test_envi import write_envi

LINES, SAMPLES, BANDS = 6, 7, 5


def scans(seed=0, lines=LINES, samples=SAMPLES, bands=BANDS):
    """Raw, white and dark counts with every element of the detector alive."""
    rng = np.random.default_rng(seed)
    dark = rng.integers(90, 110, (3, samples, bands))
    white = rng.integers(3000, 4000, (4, samples, bands))
    raw = rng.integers(80, 4200, (lines, samples, bands))
    return tuple(array.astype(np.uint16) for array in (raw, white, dark))


def reference_formula(raw, white, dark):
    raw, white, dark = (np.asarray(a, dtype=np.float64) for a in (raw, white, dark))
    low = dark.mean(axis=0)
    return np.clip((raw - low) / (white.mean(axis=0) - low), 0, 1)


def write_all(folder, raw, white, dark, **keys):
    scan = write_envi(folder, raw, name="x", **keys)
    return scan, write_envi(folder, white, name="w"), write_envi(folder, dark, name="d")


def refusal(*arguments, **options) -> str:
    with pytest.raises(DataError) as error:
        calibrate(*arguments, **options)
    message = str(error.value)
    assert "\n" not in message and "expected" in message
    return message


def filled(values, dead, nm):
    """Dead elements filled one by one, in double precision; `values` is [lines, samples, bands]."""
    values = values.copy()
    for band in np.flatnonzero(~dead.all(axis=0)):
        good = np.flatnonzero(~dead[:, band])
        for line in values:
            line[:, band] = np.interp(np.arange(len(dead)), good, line[good, band])
    alive = np.flatnonzero(~dead.all(axis=0))
    for pixel in values.reshape(-1, values.shape[2]):
        pixel[:] = np.interp(nm, np.asarray(nm)[alive], pixel[alive])
    return values


# ---- the formula


@given(
    seed=st.integers(0, 99),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5)),
    interleave=st.sampled_from(["bil", "bip", "bsq"]),
    data=st.data(),
)
@settings(max_examples=80)
def test_reflectance_is_the_formula(seed, shape, interleave, data):
    raw, white, dark = scans(seed, *shape)
    rows, columns = (
        slice(*sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2)))) for n in shape[:2]
    )
    with tempfile.TemporaryDirectory() as folder:
        scan, white_path, dark_path = write_all(folder, raw, white, dark, interleave=interleave)
        cube = calibrate(open_envi(scan), white_path, dark_path)
        part = cube.read(rows, columns)
    assert part.dtype == np.float32 and cube.unit == "reflectance"
    assert part.flags.c_contiguous
    expected = reference_formula(raw, white, dark)[rows, columns]
    assert np.allclose(part, expected, rtol=0, atol=2e-6)
    assert part.size == 0 or (part.min() >= 0 and part.max() <= 1)


def test_the_description_stays(tmp_path):
    keys = (
        "wavelength units = nm\nwavelength = {400, 500, 600, 700, 800}\nsensor type = FX10\n"
        "default bands = {3, 2, 1}"
    )
    scan, white, dark = write_all(tmp_path, *scans(), keys=keys)
    raw = open_envi(scan)
    cube = calibrate(raw, white, dark)
    assert (cube.lines, cube.samples, cube.bands) == (raw.lines, raw.samples, raw.bands)
    assert (cube.path, cube.sensor, cube.default_bands) == (scan, "FX10", (2, 1, 0))
    assert cube.notes == ()


def test_without_a_dark_reference(tmp_path):
    raw, white, dark = scans()
    scan, white_path, _ = write_all(tmp_path, raw, white, dark)
    cube = calibrate(open_envi(scan), white_path, None)
    expected = reference_formula(raw, white, np.zeros_like(dark))
    assert np.allclose(cube.read(), expected, atol=2e-6)
    assert cube.notes == ("no dark reference: taken as 0",)


def test_without_any_reference(tmp_path):
    scan, _, _ = write_all(tmp_path, *scans())
    cube = open_envi(scan)
    assert calibrate(cube, None, None) is cube


def test_references_as_open_cubes_and_of_one_sample(tmp_path):
    raw, white, dark = scans()
    scan = write_envi(tmp_path, raw)
    np.save(tmp_path / "w.npy", white[:, :1])
    np.save(tmp_path / "d.npy", dark.astype(np.float32))
    white_cube = open_cube(tmp_path / "w.npy", band_axis="last")
    cube = calibrate(open_envi(scan), white_cube, open_cube(tmp_path / "d.npy", band_axis="last"))
    assert np.allclose(cube.read(), reference_formula(raw, white[:, :1], dark), atol=2e-6)


def test_bytes(tmp_path):
    raw, white, dark = (np.minimum(a // 16, 255).astype(np.uint8) for a in scans())
    scan, white_path, dark_path = write_all(tmp_path, raw, white, dark)
    cube = calibrate(open_envi(scan), white_path, dark_path)
    assert np.allclose(cube.read(), reference_formula(raw, white, dark), atol=2e-6)


def test_references_longer_than_a_block(tmp_path, monkeypatch):
    monkeypatch.setattr("bimae.data.cubes.cube.BLOCK_BYTES", 1)
    raw, white, dark = scans()
    scan, white_path, dark_path = write_all(tmp_path, raw, white, dark)
    cube = calibrate(open_envi(scan), white_path, dark_path)
    assert len(list(cube.blocks())) == LINES
    read = np.concatenate([cube.read(rows) for rows in cube.blocks()])
    assert np.allclose(read, reference_formula(raw, white, dark), atol=2e-6)


@pytest.mark.parametrize("of_references", ["", "bbl = {1, 1, 1, 1, 0}\n"])
def test_bands_are_matched_by_their_numbers(tmp_path, of_references):
    """What the scan leaves out or sorts is left out and sorted in the references."""
    nm = (800, 500, 0, 500, 400)
    keys = f"wavelength units = nm\nwavelength = {{{str(nm)[1:-1]}}}\n"
    raw, white, dark = scans()
    scan = write_envi(tmp_path, raw, name="x", keys=keys + "bbl = {1, 1, 0, 1, 1}")
    white_path = write_envi(tmp_path, white, name="w", keys=of_references + keys)
    dark_path = write_envi(tmp_path, dark, name="d", keys=of_references)
    expected = reference_formula(raw, white, dark)[:, :, [4, 1, 0]]
    for given_white in (white_path, open_envi(white_path)):
        cube = calibrate(open_envi(scan), given_white, open_envi(dark_path))
        assert cube.bands.wavelengths_nm == (400, 500, 800)
        assert np.allclose(cube.read(), expected, atol=2e-6)


# ---- dead elements


@given(
    dead=st.lists(st.booleans(), min_size=SAMPLES * BANDS, max_size=SAMPLES * BANDS),
    lost=st.lists(st.booleans(), min_size=BANDS, max_size=BANDS),
    data=st.data(),
)
@settings(max_examples=100)
def test_dead_elements_are_filled_from_their_neighbours(dead, lost, data):
    dead = np.array(dead).reshape(SAMPLES, BANDS) | np.array(lost)
    raw, white, dark = scans()
    white[:, dead] = dark[0][dead]  # not brighter than dark
    dark[:, dead] = dark[0][dead]
    nm = [400, 410, 450, 500, 700]
    bounds = [sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2))) for n in (LINES, SAMPLES)]
    rows, columns = (slice(*bound) for bound in bounds)
    with tempfile.TemporaryDirectory() as folder:
        keys = f"wavelength units = nm\nwavelength = {{{str(nm)[1:-1]}}}"
        scan, white_path, dark_path = write_all(folder, raw, white, dark, keys=keys)
        if dead.all():
            assert "nowhere above dark" in refusal(open_envi(scan), white_path, dark_path)
            return
        cube = calibrate(open_envi(scan), white_path, dark_path)
        part = cube.read(rows, columns)
    span = white.astype(np.float64).mean(axis=0) - dark.astype(np.float64).mean(axis=0)
    assert np.array_equal(span <= 0, dead)
    low = dark.astype(np.float64).mean(axis=0)
    values = np.clip((raw - low) / np.where(dead, 1, span), 0, 1)
    assert np.allclose(part, filled(values, dead, nm)[rows, columns], rtol=0, atol=3e-6)
    told = [note for note in cube.notes if "dead" in note]
    assert len(told) == int(dead.any())
    if told:
        assert f"{dead.sum()} of {dead.size} detector elements" in told[0]
        assert ("bands entirely" in told[0]) == dead.all(axis=0).any()


def test_dead_bands_of_unknown_wavelength(tmp_path):
    raw, white, dark = scans()
    white[:, :, 1] = 0
    scan, white_path, dark_path = write_all(tmp_path, raw, white, dark)
    values = calibrate(open_envi(scan), white_path, dark_path).read()
    assert np.allclose(values[:, :, 1], (values[:, :, 0] + values[:, :, 2]) / 2, atol=1e-6)


def test_not_a_number_in_a_reference_is_dead(tmp_path):
    raw, white, dark = scans()
    white = white.astype(np.float32)
    white[:, 2, 3] = np.nan
    scan, white_path, dark_path = write_all(tmp_path, raw, white, dark)
    cube = calibrate(open_envi(scan), white_path, dark_path)
    values = cube.read()
    assert np.allclose(values[:, 2, 3], (values[:, 1, 3] + values[:, 3, 3]) / 2, atol=1e-6)
    assert "1 of 35 detector elements" in cube.notes[-1]


# ---- what does not fit


@pytest.mark.parametrize(("samples", "bands"), [(SAMPLES - 1, BANDS), (SAMPLES, BANDS + 1)])
@pytest.mark.parametrize("role", ["white", "dark"])
def test_references_of_another_shape(tmp_path, samples, bands, role):
    raw, white, dark = scans()
    scan, white_path, dark_path = write_all(tmp_path, raw, white, dark)
    wrong = write_envi(tmp_path, np.ones((2, samples, bands), np.uint16), name="wrong")
    pair = (wrong, dark_path) if role == "white" else (white_path, wrong)
    message = refusal(open_envi(scan), *pair)
    assert f"wrong.hdr: found 2 lines x {samples} samples x {bands} bands" in message
    assert "x.hdr (6 lines x 7 samples x 5 bands)" in message and f"the {role} refer" in message


def test_dark_alone_and_exchanged_references(tmp_path):
    scan, white, dark = write_all(tmp_path, *scans())
    assert "dark reference without a white one" in refusal(open_envi(scan), None, dark)
    message = refusal(open_envi(scan), dark, white)
    assert "nowhere above dark" in message and "exchanged" in message


def test_a_scan_that_is_in_reflectance_already(tmp_path):
    raw, white, dark = scans()
    scan, white_path, dark_path = write_all(
        tmp_path, raw, white, dark, keys="reflectance scale factor = 10000"
    )
    cube = open_envi(scan)
    assert "reflectance already" in refusal(cube, white_path, dark_path)
    same = calibrate(cube, white_path, dark_path, explicit=False)
    assert np.array_equal(same.read(), cube.read())
    assert same.notes == ("references beside it not used: it is in reflectance already",)
    assert cube.notes == ()
    plain = write_envi(tmp_path, raw, name="plain")
    assert "found reflectance, expected raw counts of the white" in refusal(
        open_envi(plain), scan, dark_path
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "told"),
    [
        ("tint = 5", "tint = 5.0", False),
        ("tint = 5", "tint = 8", True),
        ("tint = 5 ms", "tint = 5 us", True),
        ("shutter = open", "shutter = closed", False),
        ("tint = 5", "exposure = 8", False),
    ],
)
def test_exposures(tmp_path, ours, theirs, told):
    raw, white, dark = scans()
    scan = write_envi(tmp_path, raw, name="x", keys=ours)
    white_path = write_envi(tmp_path, white, name="w", keys=theirs)
    dark_path = write_envi(tmp_path, dark, name="d", keys=ours)
    cube = calibrate(open_envi(scan), white_path, dark_path)
    assert np.allclose(cube.read(), reference_formula(raw, white, dark), atol=2e-6)
    if told:
        (note,) = cube.notes
        assert note.startswith("tint differs: 5") and "in the white reference w.hdr" in note
    else:
        assert cube.notes == ()


def test_other_wavelengths_and_mended_references_are_noted(tmp_path):
    raw, white, dark = scans()
    nm = "wavelength units = nm\nwavelength = {{{}, 500, 600, 700, 800}}"
    scan = write_envi(tmp_path, raw, name="x", keys=nm.format(400))
    white_path = write_envi(tmp_path, white, name="w", keys=nm.format(403))
    dark_path = write_envi(tmp_path, dark, name="d", drop=("byte order",))
    notes = calibrate(open_envi(scan), white_path, dark_path).notes
    assert len(notes) == 2 and "by up to 3.0 nm" in notes[0]
    assert notes[1] == "dark reference: byte order is not given: little-endian assumed"


# ---- which files


def touch(folder, *names):
    for name in names:
        write_envi(folder, np.ones((1, 1, 1), np.uint8), name=name)


def found(folder, name="scan.hdr"):
    references = find_references(folder / name)
    return tuple(path and path.name for path in (references.white, references.dark))


@pytest.mark.parametrize(
    ("white", "dark"),
    [
        ("WHITEREF_scan", "DARKREF_scan"),
        ("scan_White", "scan_Dark"),
        ("whiteref-SCAN", "Scan-dark-reference"),
        ("WHITEREF", "DARKREF"),
        ("white", "dark"),
        ("white_reference", "Dark Reference"),
    ],
)
def test_names_of_references(tmp_path, white, dark):
    touch(tmp_path, "scan", "scan2", "WHITEREF_scan2", "DARKREF_scan2", white, dark)
    for name in ("scan.hdr", "scan.raw"):
        assert found(tmp_path, name) == (f"{white}.hdr", f"{dark}.hdr")
    assert is_reference(tmp_path / f"{white}.hdr") and is_reference(tmp_path / f"{dark}.raw")
    assert not is_reference(tmp_path / "scan.hdr")


def test_a_scans_own_references_come_first(tmp_path):
    touch(tmp_path, "scan", "white", "dark", "scan_white")
    assert found(tmp_path) == ("scan_white.hdr", "dark.hdr")
    assert find_references(tmp_path / "white.hdr").white is None


def test_no_references(tmp_path):
    touch(tmp_path, "scan", "bean_white", "darkness", "scanner_white", "whitebeans")
    assert find_references(tmp_path / "scan.hdr") == References(None, None)


def test_several_references(tmp_path):
    touch(tmp_path, "scan", "scan_white", "WHITEREF_scan")
    with pytest.raises(DataError) as error:
        find_references(tmp_path / "scan.hdr")
    assert "several white references, scan_white.hdr, WHITEREF_scan.hdr" in str(error.value)
    np.save(tmp_path / "dark.npy", np.ones((1, 1, 1)))
    touch(tmp_path, "dark")
    (tmp_path / "scan_white.hdr").unlink()
    with pytest.raises(DataError, match="several dark references"):
        find_references(tmp_path / "scan.hdr")


def test_white_beans_are_no_reference(tmp_path):
    touch(tmp_path, "bean_white", "white_bean", "dark_bean", "x_whiteref", "whiteref_x", "refs")
    names = ("bean_white", "white_bean", "dark_bean", "refs")
    assert not any(is_reference(tmp_path / f"{name}.hdr") for name in names)
    assert is_reference(tmp_path / "x_whiteref.hdr") and is_reference(tmp_path / "whiteref_x.hdr")
    touch(tmp_path, "bean")
    assert [is_reference(tmp_path / f"{name}.hdr") for name in names] == [True] + [False] * 3
    assert find_references(tmp_path / "bean.hdr") == References(tmp_path / "bean_white.hdr", None)


def test_a_folder_as_specim_leaves_it(tmp_path):
    raw, white, dark = scans()
    for name, array in (("s1", raw), ("WHITEREF_s1", white), ("DARKREF_s1", dark)):
        write_envi(tmp_path, array, name=name)
    beside = find_references(tmp_path / "s1.raw")
    cube = calibrate(open_cube(tmp_path / "s1.raw"), beside.white, beside.dark, explicit=False)
    assert np.allclose(cube.read(), reference_formula(raw, white, dark), atol=2e-6)
