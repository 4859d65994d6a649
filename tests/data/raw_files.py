"""Small raw files as laboratories have them, for the tests of the import."""

from pathlib import Path

import numpy as np
from PIL import Image
from spectral.io import envi

NM = (450.0, 550.0, 650.0, 750.0)


def cube(number=0, side=6, bands=4):
    return np.random.default_rng(number).integers(1, 200, (side, side, bands)).astype(np.uint8)


def png(path: Path, number=0, size=(12, 12)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(number).integers(0, 256, (*size, 3)).astype(np.uint8)
    Image.fromarray(values).save(path)
    return path


def npy(path: Path, number=0, **size) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, cube(number, **size))
    return path


def scan(header: Path, values=None, *, ext=".raw", nm=NM, **metadata) -> Path:
    """An ENVI file of 16-bit counts."""
    header.parent.mkdir(parents=True, exist_ok=True)
    values = cube() if values is None else values
    facts = {"wavelength": list(nm), "wavelength units": "nm"} if nm else {}
    values = values.astype(metadata.pop("dtype", np.uint16))
    envi.save_image(
        str(header),
        values,
        interleave="bil",
        ext=ext,
        dtype=values.dtype,
        metadata=facts | metadata,
    )
    return header


def seed_folder(folder: Path, number=0, *, species=None) -> Path:
    """The layout of the paper: RGBSeed.png, HsSeed.hdr with HsSeed.bil, Meta.JSON."""
    scan(folder / "HsSeed.hdr", cube(number), ext=".bil")
    png(folder / "RGBSeed.png", number)
    if species:
        (folder / "Meta.JSON").write_text(f'{{"species": "{species}", "tray": "t{number % 3}"}}')
    return folder
