"""Bad uploads: 4xx, one sentence, nothing left behind, and nothing unpickled."""

import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serve import files
from tests.serve.conftest import Served, served

HS = files.cube()
PNG = files.image(files.picture())
GOOD = files.npy(HS)
ZIP = files.archive(*files.envi(HS))


class Trap:
    """What would make a file if anybody unpickled it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def objects(path: Path) -> Any:
    array = np.empty((8, 8, 12), object)
    array.fill(Trap(path))
    return array


def with_holes(value: float) -> Any:
    holes = HS.copy()
    holes[3, 4, 5] = value
    return holes


def lying_npy(shape: tuple[int, ...], data: bytes = b"") -> bytes:
    file = io.BytesIO()
    described = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)
    return file.getvalue() + data


def deep_header() -> bytes:
    text = b"{'descr': " + b"(" * 4000 + b"}\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def zip64() -> bytes:
    """An archive whose end says that its list is elsewhere, as those of more than 4 GB do."""
    at = ZIP.rindex(b"PK\x05\x06")
    locator = b"PK\x06\x07" + struct.pack("<LQL", 0, at, 1)
    return ZIP[:at] + locator + ZIP[at:]


def endless_list() -> bytes:
    """Two thousand members: their list alone is larger than any that is read."""
    return files.archive(*((f"{i:040d}", b"") for i in range(2000)), packed=False)


def shrunk_size() -> bytes:
    """A member that holds more than its archive says."""
    data = bytearray(files.archive(("scan.hdr", files.header(HS)), ("scan.bip", bytes(3072))))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", 1000)
    return bytes(data)


pack, HEAD, ENVI = files.archive, files.header(HS), files.envi(HS)
ARCHIVES = [
    ("traversal", pack(("../scan.hdr", HEAD), ("scan.bip", b"")), "leads out"),
    ("absolute", pack(("/etc/scan.hdr", HEAD), ("scan.bip", b"")), "leads out"),
    ("backslash", pack(("..\\scan.hdr", HEAD), ("scan.bip", b"")), "leads out"),
    ("drive", pack(("C:scan.hdr", HEAD), ("scan.bip", b"")), "leads out"),
    ("NUL", ZIP.replace(b"scan.hdr", b"sc\0n.hdr"), "leads out"),
    ("symlink", pack(ENVI[0], files.link("scan.bip", "/etc/passwd")), "is a link"),
    ("nested by name", pack(*ENVI, ("more.zip", b"PK")), "an archive itself"),
    ("nested by content", pack(ENVI[0], ("scan.bip", ZIP)), "an archive itself"),
    ("encrypted", files.patched(ZIP, flag=1), "is encrypted"),
    ("bzip2", files.patched(ZIP, method=12), "other than deflate"),
    ("too many", pack(*((f"{i}.hdr", b"ENVI") for i in range(17))), "found 17 files"),
    ("endless list", endless_list(), "its list of files has"),
    ("twice", pack(("a/scan.hdr", b"ENVI"), ("b/SCAN.hdr", b"ENVI")), "two files are called"),
    ("zip64", zip64(), "ZIP64"),
    ("appended", ZIP + b"more", "something is appended"),
    ("truncated", ZIP[:-30], "it has no end"),
    ("damaged", ZIP[:60] + bytes([ZIP[60] ^ 255]) + ZIP[61:], "cannot be unpacked"),
    ("larger than said", shrunk_size(), ""),
    ("empty", pack(), "found a file that begins with"),
    ("no image", pack(("notes.txt", b"hello")), "found 0 ENVI images"),
    ("two images", pack(*ENVI, *files.envi(HS, "other")), "found 2 ENVI images"),
    ("an array beside", pack(*ENVI, ("white.mat", b"MATLAB 5.0")), "beside an ENVI"),
    ("header alone", pack(ENVI[0]), "found no data file"),
    ("data too short", pack(ENVI[0], ("scan.bip", b"1234")), "too short"),
    ("no sense", pack(("scan.hdr", b"ENVI\nlines = -4\n"), ("scan.bip", b"")), "expected"),
    ("NaN in ENVI", pack(*files.envi(with_holes(np.nan))), "1 values that are not finite"),
    ("beyond float32 in ENVI", pack(*files.envi(HS.astype(np.float64) * 1e300)), "not finite"),
    (
        "scale without sense",
        pack(*files.envi((HS * 99 + 1).astype(np.uint16), **{"reflectance scale factor": 1e-43})),
        "not finite",
    ),
    ("other arrays", files.npz(a=HS, b=HS), "expected `hs`"),
]  # fmt: skip
ARRAYS = [
    ("NaN", files.npy(with_holes(np.nan)), "1 values that are not finite"),
    ("infinite", files.npy(with_holes(np.inf)), "1 values that are not finite"),
    ("beyond float32", files.npy(with_holes(1.0).astype(np.float64) * 1e300), "not finite"),
    ("NaN in npz", files.npz(hs=with_holes(-np.inf)), "not finite"),
    ("two axes", files.npy(HS[0]), "expected [height, width, bands]"),
    ("five axes", files.npy(HS[None, None]), "holds no image"),
    ("zero pixels", files.npy(HS[:0]), "holds no image"),
    ("complex", files.npy(HS.astype(complex)), "values of type complex128"),
    ("texts", files.npy(HS.astype(str)), "expected numbers"),
    ("booleans", files.npy(HS > 0.5), "values of type bool"),
    ("records", files.npy(np.zeros((8, 8, 12), [("a", "f4")])), "expected numbers"),
    ("times", files.npy(HS.astype("datetime64[s]")), "expected numbers"),
    ("truncated", GOOD[:-4], "was it copied whole"),
    ("longer", GOOD + b"1234", "was it copied whole"),
    ("a lie of 4 TB", lying_npy((1 << 20, 1 << 20)), "expected 4398046511104"),
    ("negative", lying_npy((-8, 8, -12), HS.tobytes()), "holds no image"),
    ("deep header", deep_header(), "cannot be read as NumPy"),
    ("pickle", pickle.dumps(HS), "found a file that begins with"),
    ("text", b"hello", "found a file that begins with"),
    ("empty", b"", "found an empty file"),
    ("header", files.envi(HS)[0][1], "found an ENVI header alone"),
    ("picture", PNG, "send it as `rgb`"),
    ("too many bands", files.npy(np.zeros((1, 1, 5000), np.uint8)), "and 4096 along an axis"),
    ("too long", files.npy(np.zeros((5000, 1, 12), np.uint8)), "and 4096 along an axis"),
]  # fmt: skip
PICTURES = [
    ("gif", files.image(files.picture(), "GIF"), "found a file that begins with"),
    ("bmp", files.image(files.picture(), "BMP"), "found a file that begins with"),
    ("animated", files.moving(), "found a picture of 3 frames"),
    ("bomb", files.huge_png(60000, 60000), "at most 4096 a side"),
    ("large", files.huge_png(4097, 1), "at most 4096 a side"),
    ("truncated", PNG[:3000], "cannot be read as an RGB image"),
    ("only a mark", b"\x89PNG", "picture"),
    ("jpeg mark", b"\xff\xd8\xff", "picture"),
    ("tiff mark", b"II*\0" + bytes(20), "picture"),
    ("array", GOOD, "send it as `hs`"),
    ("archive", ZIP, "send it as `hs`"),
    ("not in [0, 1]", files.npz(rgb=np.full((9, 9, 3), 2.0)), "expected numbers in [0, 1]"),
    ("NaN", files.npz(rgb=np.full((9, 9, 3), np.nan)), "expected numbers in [0, 1]"),
    ("four channels", files.npz(rgb=np.zeros((9, 9, 4))), "expected [height, width, 3]"),
    ("too long", files.npz(rgb=np.zeros((5000, 1, 3), np.uint8)), "at most 4096 a side"),
]  # fmt: skip


def refused(client: Any, why: str, service: Any, **sent: Any) -> None:
    found = client.post("/predict", **sent)
    assert 400 <= found.status_code < 500, (found.status_code, found.text)
    (name, sentence), *others = found.json().items()
    assert (name, others) == ("detail", [])
    assert why in sentence, sentence
    assert "\n" not in sentence and len(sentence) < 700
    assert str(service.folder) not in sentence and "/tmp" not in sentence
    assert list(service.folder.iterdir()) == []
    assert (service.room.requests, service.room.spooled) == (0, 0)


@pytest.mark.parametrize(("sent", "why"), [each[1:] for each in ARCHIVES + ARRAYS],
                         ids=[each[0] for each in ARCHIVES + ARRAYS])  # fmt: skip
def test_spectra(client_of: Served, sent: bytes, why: str) -> None:
    client, service = client_of("both")
    refused(client, why, service, files={"rgb": PNG, "hs": sent})


@pytest.mark.parametrize(("sent", "why"), [each[1:] for each in PICTURES],
                         ids=[each[0] for each in PICTURES])  # fmt: skip
def test_pictures(client_of: Served, sent: bytes, why: str) -> None:
    client, service = client_of("both")
    refused(client, why, service, files={"rgb": sent, "hs": GOOD})


def test_forms(client_of: Served) -> None:
    client, service = client_of("both")

    def form(why: str, **sent: Any) -> None:
        refused(client, why, service, **sent)

    form("found a part with the name 'image'", files={"image": PNG})
    form("expected multipart/form-data", json={"rgb": "x"})
    form("found a body of type 'nothing'", content=b"hello")
    form("found more than 24 parts", files=[("hs", PNG)] * 25)
    form("rgb: found several files", files=[("rgb", PNG), ("rgb", PNG)])
    form("hs: found it twice", files={"hs": GOOD, "sample": files.npz(hs=HS)})
    form("rgb: found it twice", files={"rgb": PNG, "sample": files.npz(rgb=files.picture())})
    form("one of them called '../scan.hdr'", files=[
        ("rgb", PNG), ("hs", ("../scan.hdr", files.header(HS))), ("hs", ("scan.bip", HS.tobytes())),
    ])  # fmt: skip
    form("one of them called 'scan.hdr'", files=[
        ("rgb", PNG), ("hs", ("scan.hdr", files.header(HS))), ("hs", ("scan.hdr", HS.tobytes())),
    ])  # fmt: skip
    multi = "multipart/form-data; boundary=x"
    form("without a boundary", content=b"", headers={"content-type": "multipart/form-data"})
    form("it ends early", content=b"--x\r\n", headers={"content-type": multi})
    form("cannot be read as multipart", content=b"hello", headers={"content-type": multi})
    endless = b"--x\r\nContent-Disposition: " + b"a" * 9000
    form("header", content=endless, headers={"content-type": multi})
    twice = [("wavelengths", (None, "400-1000nm"))] * 2
    form("found a part twice", files=[("rgb", PNG), *twice])


@pytest.mark.parametrize("text", [
    "/etc/hostname", "tests/serve/files.py", "NaN", "inf-nan", "", "1-2", "red", "400-400nm",
    "9" * 70000, "400," * 5000,
])  # fmt: skip
def test_wavelengths_are_numbers_and_never_the_name_of_a_file(client_of: Served, text: str) -> None:
    client, service = client_of("both")
    refused(client, "wavelengths", service, files={"rgb": PNG, "hs": GOOD},
            data={"wavelengths": text or " "})  # fmt: skip


def test_bombs_are_refused_by_what_they_say_and_cost_nothing(client_of: Served) -> None:
    client, service = client_of("both")
    zeros = bytes(64 << 20)
    ratio = files.archive(("scan.hdr", files.header(HS)), ("scan.bip", zeros))
    assert len(ratio) < 100_000
    refused(client, "at most 1 to 200", service, files={"rgb": PNG, "hs": ratio})
    many = files.archive(*((f"{i}.npy", zeros) for i in range(5)))
    refused(client, "at most 268435456 are unpacked", service, files={"rgb": PNG, "hs": many})


def test_nothing_is_unpickled(client_of: Served, tmp_path: Path) -> None:
    client, service = client_of("both")
    for name, array in (("a", objects(tmp_path / "a")), ("b", objects(tmp_path / "b"))):
        packed = files.npy(array) if name == "a" else files.npz(hs=array)
        for part in ("hs", "sample"):
            sent = {"rgb": PNG, part: packed}
            refused(client, "nothing is unpickled here", service, files=sent)
    refused(client, "nothing is unpickled here", service,
            files={"sample": files.npz(rgb=objects(tmp_path / "c"), hs=HS)})  # fmt: skip
    listed = files.npz(hs=HS, wavelengths=objects(tmp_path / "d"))
    refused(client, "nothing is unpickled here", service, files={"rgb": PNG, "hs": listed})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="allow_pickle"):  # the trap is one
        np.load(io.BytesIO(files.npy(objects(tmp_path / "a"))))
    np.load(io.BytesIO(files.npy(objects(tmp_path / "a"))), allow_pickle=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_no_file_of_the_room_can_unpickle() -> None:
    room = Path(__file__).resolve().parents[2] / "src" / "bimae" / "serve"
    for path in room.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for word in ("import pickle", "allow_pickle", "np.load", "torch.load", "joblib", "yaml",
                     "eval(", "loadmat", "h5py"):  # fmt: skip
            assert word not in text, (path, word)


def test_a_body_that_is_too_large_is_refused_at_once(models: dict[str, Path]) -> None:
    with served(models["both"], request_bytes=10_000) as (client, service):
        sent = {"rgb": PNG, "hs": bytes(20_000)}
        refused(client, "at most 10000 are read", service, files=sent)
        asked = []

        def chunks() -> Any:
            yield b'--x\r\nContent-Disposition: form-data; name="hs"; filename="a"\r\n\r\n'
            for i in range(1000):
                asked.append(i)
                yield bytes(1000)

        refused(client, "at most 10000 are read", service, content=chunks(),
                headers={"content-type": "multipart/form-data; boundary=x"})  # fmt: skip
        two_gb = {"content-type": "image/png", "content-length": str(2 << 30)}
        endless = {"content-type": "image/png", "content-length": "9" * 5000}
        refused(client, "at most 10000 are read", service, content=b"", headers=endless)
        refused(client, "found a body of 2147483648 bytes", service, content=b"", headers=two_gb)


def test_the_disk_is_shared(models: dict[str, Path]) -> None:
    with served(models["both"], spooled_bytes=5000) as (client, service):
        found = client.post("/predict", files={"rgb": PNG, "hs": GOOD})
        assert found.status_code == 503 and found.headers["retry-after"] == "2"
        assert service.room.spooled == 0


@pytest.mark.filterwarnings("ignore::Warning:PIL")
@settings(max_examples=60, derandomize=True)
@given(data=st.data())
def test_files_with_bytes_changed_are_answered_or_refused(
    client_of: Served, data: st.DataObject
) -> None:
    client, service = client_of("both")
    whole = {
        "hs": data.draw(st.sampled_from([ZIP, GOOD, files.npz(hs=HS)])),
        "rgb": data.draw(st.sampled_from([PNG, files.image(files.picture(), "TIFF")])),
    }
    part = data.draw(st.sampled_from(["hs", "rgb"]))
    changed = bytearray(whole[part])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.one_of(st.integers(0, 200), st.integers(0, len(changed) - 1)))
        changed[min(at, len(changed) - 1)] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))
    found = client.post("/predict", files=whole | {part: bytes(changed[:cut])})
    assert found.status_code in (200, 413, 415, 422), found.text
    assert list(service.folder.iterdir()) == []


@pytest.mark.parametrize("told", [
    '{"shape": [60000, 60000, 3]}',
    '<?xml version="1.0"?><OME><Image><Pixels SizeX="9" SizeY="9"><TiffData FirstZ="0">'
    '<UUID FileName="/etc/passwd">urn:uuid:1</UUID></TiffData></Pixels></Image></OME>',
    "ImageJ=1.54\nimages=90000\nhyperstack=true",
], ids=["shape", "other files", "many pages"])  # fmt: skip
def test_what_a_tiff_says_of_itself_is_not_followed(client_of: Served, told: str) -> None:
    client, _ = client_of("rgb")
    plain, boasting = (
        client.post("/predict", files={"rgb": files.image(files.picture(), "TIFF", **more)}).json()
        for more in ({}, {"description": told})
    )
    assert boasting["probabilities"] == pytest.approx(plain["probabilities"], rel=1e-5)
