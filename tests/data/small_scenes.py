"""Small scenes of random pixels, and what tells two lists of samples apart."""

import hashlib

import numpy as np

from bimae.data.scenes import Scene


def scene(
    height=12, width=14, bands=5, *, rgb=None, name="plot", dtype=np.float32, seed=0, nm=None
):
    """A scene without a zero; `rgb` is the (height, width) of an RGB image, or None."""
    rng = np.random.default_rng(seed)
    cube = rng.integers(1, 256, (height, width, bands)).astype(dtype)
    picture = None if rgb is None else rng.random((*rgb, 3), np.float32) * np.float32(0.9)
    return Scene(name, cube, picture, nm)


def digest(samples):
    """16 hexadecimal digits that stand for ids, labels, groups and spectra in their order."""
    found = hashlib.sha256()
    for sample in samples:
        found.update(f"{sample.id} {sample.label} {sample.group} ".encode())
        found.update(sample.hs.tobytes())
    return found.hexdigest()[:16]
