"""Which arrays lie in a file: `.npy`, `.npz`, `.mat` (both kinds), HDF5, TIFF; told by its content.

Every format is listed without reading its numbers. Arrays that lie in a file as they are can then
be read in parts; packed ones (compressed `.npz`, MATLAB 5, compressed TIFF) have to be read whole,
and one of them at a time is held.
"""

import math
import struct
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from bimae.data.cubes.array_load import NAMES, load_png, unreadable
from bimae.data.cubes.matlab import MatlabArray, list_matlab5
from bimae.data.cubes.stored_array import HELD_BYTES, StoredArray
from bimae.data.cubes.tiff import list_tiff
from bimae.errors import DataError

ARRAY_SUFFIXES = (".npy", ".npz", ".mat", ".h5", ".hdf5", ".tif", ".tiff")
_MAGIC = {
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"MATLAB 5.0": "mat",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"\x89PNG": "png",
}
_HDF5 = b"\x89HDF\r\n\x1a\n"
_MATLAB = {"double": "f8", "single": "f4"} | {
    f"{sign}int{bits}": f"{sign or 'i'}{bits // 8}"
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}


def list_arrays(path: Path) -> list[StoredArray]:
    """All arrays of a file.

    Raises:
        DataError: There is no such file, it is of no known kind, damaged or truncated.
    """
    kind = file_kind(path)
    try:
        return _LISTERS[kind](path)
    except DataError:
        raise
    except Exception as error:  # each library has its own kinds for damaged files
        raise unreadable(path, kind, error) from error


def file_kind(path: Path) -> str:
    """The kind of an array file by its first bytes.

    Raises:
        DataError: There is no such file, or it is of no known kind.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(16)
            for at in (0, 512, 1024, 2048, 4096):
                file.seek(at)
                if file.read(8) == _HDF5:
                    return "hdf5"
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}), expected a file with an array: "
            "check the path and its permissions"
        ) from error
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            return kind
    if path.suffix.lower() == ".mat" and size >= 20:
        return "mat"  # MATLAB 4 has no mark of its own
    found = f"begins with {start[:8]!r}" if start else "is empty"
    raise DataError(
        f"{path}: the file {found}, expected NumPy, MATLAB, HDF5 or TIFF: is it damaged, or of "
        "another kind than its name says?"
    )


def is_array_file(path: Path) -> bool:
    """True if a file is of a kind that is listed here, whatever its name."""
    try:
        return file_kind(path) in NAMES
    except DataError:
        return False


def _described(dtype: np.dtype[Any]) -> tuple[np.dtype[Any] | None, str]:
    real = dtype.kind in "iuf" and dtype.names is None
    return (dtype if real else None), "objects (pickle)" if dtype.hasobject else str(dtype)


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _list_npy(path: Path) -> list[StoredArray]:
    with path.open("rb") as file:
        shape, fortran, dtype = _npy_header(file)
        offset = file.tell()
    found, expected = path.stat().st_size, offset + math.prod(shape) * dtype.itemsize
    if found < expected and not dtype.hasobject:
        raise DataError(
            f"{path}: the file ends early: found {found} bytes, expected {expected} for an array "
            f"{list(shape)} of {dtype}; was it copied to the end?"
        )
    real, what = _described(dtype)
    return [StoredArray(path, "npy", "", shape, real, what, offset, fortran and len(shape) > 1)]


def _list_npz(path: Path) -> list[StoredArray]:
    arrays = []
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                continue
            with archive.open(info) as member:
                shape, fortran, dtype = _npy_header(member)
                start = member.tell()
            real, what = _described(dtype)
            offset = None
            # Read whole, an array is held against its checksum; only large ones are read in parts.
            if info.compress_type == zipfile.ZIP_STORED and info.file_size > HELD_BYTES:
                offset = _data_of_member(path, info) + start
            name = info.filename.removesuffix(".npy")
            reverse = fortran and len(shape) > 1
            arrays.append(StoredArray(path, "npz", name, shape, real, what, offset, reverse))
    return arrays


def _data_of_member(path: Path, info: zipfile.ZipInfo) -> int:
    with path.open("rb") as file:
        file.seek(info.header_offset + 26)
        name, extra = struct.unpack("<HH", file.read(4))
    return int(info.header_offset + 30 + name + extra)


def _list_mat(path: Path) -> list[StoredArray]:
    from scipy.io import matlab, whosmat  # noqa: PLC0415 - slow to import, and rarely needed

    if matlab.matfile_version(str(path))[0] == 0:  # MATLAB 4
        found = [MatlabArray(*described) for described in whosmat(str(path))]
    else:
        found = list_matlab5(path)
    arrays = []
    for each in found:
        code = _MATLAB.get(each.what)
        dtype = np.dtype(code) if code else None
        arrays.append(StoredArray(path, "mat", each.name, each.shape, dtype, each.what, None, True))
    return arrays


def _list_hdf5(path: Path) -> list[StoredArray]:
    import h5py  # noqa: PLC0415 - slow to import, and rarely needed

    with path.open("rb") as file:
        matlab = file.read(10) == b"MATLAB 7.3"
    arrays: list[StoredArray] = []

    def visit(name: str, node: Any) -> None:
        if not isinstance(node, h5py.Dataset) or name.startswith("#") or node.shape is None:
            return
        mark = node.attrs.get("MATLAB_class", b"")
        mark = mark.decode() if isinstance(mark, bytes) else str(mark)
        real, what = _described(node.dtype)
        if mark in ("logical", "char", "cell", "struct"):
            real, what = None, mark
        unit = next((node.attrs[key] for key in ("units", "unit") if key in node.attrs), "")
        unit = unit.decode(errors="replace") if isinstance(unit, bytes) else str(unit)
        reverse = matlab or bool(mark)
        shape = tuple(node.shape)[::-1] if reverse else tuple(node.shape)
        arrays.append(
            StoredArray(path, "hdf5", name, shape, real, what, reverse=reverse, unit=unit)
        )

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return arrays


def _list_tiff(path: Path) -> list[StoredArray]:
    arrays = []
    found, lists = list_tiff(path)
    for name, series in found.items():
        real, what = _described(series.dtype)
        arrays.append(
            StoredArray(
                path, "tiff", name, series.shape, real, what, series.offset, axes=series.axes
            )
        )
    for name, numbers in lists.items():
        dtype = np.dtype(np.float64)
        shape = (len(numbers),)
        arrays.append(StoredArray(path, "tiff", name, shape, dtype, "list", values=tuple(numbers)))
    return arrays


def _list_png(path: Path) -> list[StoredArray]:
    array = load_png(path)
    real, what = _described(array.dtype)
    return [StoredArray(path, "png", "", array.shape, real, what)]


_LISTERS = {
    "npy": _list_npy,
    "npz": _list_npz,
    "mat": _list_mat,
    "hdf5": _list_hdf5,
    "tiff": _list_tiff,
    "png": _list_png,
}
