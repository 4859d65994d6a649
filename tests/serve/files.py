"""Files as people send them, and as they should not."""

import io
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
from PIL import Image

BANDS, SIDE, RGB_SIDE = 12, 8, 48
NM = tuple(float(nm) for nm in np.linspace(400, 1000, BANDS))
TYPES = {"uint8": 1, "int16": 2, "float32": 4, "float64": 5, "uint16": 12}


def cube(
    seed: int = 0, dtype: Any = np.float32, shape: tuple[int, ...] = (SIDE, SIDE, BANDS)
) -> Any:
    values = np.random.default_rng(seed).random(shape)
    return values.astype(dtype) if np.dtype(dtype).kind == "f" else (values * 250).astype(dtype)


def picture(seed: int = 0, shape: tuple[int, ...] = (RGB_SIDE, RGB_SIDE, 3)) -> Any:
    return np.random.default_rng([seed, 1]).integers(0, 256, shape, dtype=np.uint8)


def image(pixels: Any, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def archive(*members: tuple[str | zipfile.ZipInfo, bytes], packed: bool = True) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as made:
        for name, data in members:
            made.writestr(name, data)
    return file.getvalue()


def header(values: Any, nm: tuple[float, ...] | None = NM, **more: Any) -> bytes:
    lines, samples, bands = values.shape
    keys = {
        "samples": samples, "lines": lines, "bands": bands, "header offset": 0,
        "data type": TYPES[values.dtype.name], "interleave": "bip", "byte order": 0,
    } | more  # fmt: skip
    if nm is not None:
        keys |= {"wavelength units": "nm", "wavelength": "{" + ", ".join(map(str, nm)) + "}"}
    return "\n".join(["ENVI", *(f"{key} = {value}" for key, value in keys.items()), ""]).encode()


def envi(values: Any, name: str = "scan", **more: Any) -> list[tuple[str, bytes]]:
    return [(f"{name}.hdr", header(values, **more)), (f"{name}.bip", values.tobytes())]


def link(name: str, to: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info, to.encode()


def patched(data: bytes, flag: int = 0, method: int | None = None) -> bytes:
    """An archive of one member whose list says something else of it."""
    at = data.rindex(b"PK\x01\x02")
    changed = bytearray(data)
    changed[at + 8] |= flag
    if method is not None:
        changed[at + 10 : at + 12] = struct.pack("<H", method)
    return bytes(changed)


def huge_png(width: int, height: int) -> bytes:
    """A picture that says that it is huge; there is hardly a pixel in it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + pixels + chunk(b"IEND", b"")


def moving(frames: int = 3) -> bytes:
    file = io.BytesIO()
    stills = [Image.fromarray(picture(i)) for i in range(frames)]
    stills[0].save(file, "PNG", save_all=True, append_images=stills[1:])
    return file.getvalue()
