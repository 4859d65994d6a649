"""Small samples and broken shards for the tests of this room."""

from pathlib import Path

import numpy as np

from bimae.data import Sample
from bimae.data.tfrecord.example import FeatureValue, encode_example
from bimae.data.tfrecord.framing import footer, header


def sample(number=0, *, rgb=4, hs=3, bands=5, dtype=np.uint8, label="a", group=None, id=None):
    """A sample of random pixels; rgb and hs are a side or a (height, width)."""
    rng = np.random.default_rng(number)
    rgb_shape = (rgb, rgb) if isinstance(rgb, int) else rgb
    hs_shape = (hs, hs) if isinstance(hs, int) else hs
    cube = rng.integers(0, 256, (*hs_shape, bands))
    cube = cube.astype(np.uint8) if dtype == np.uint8 else (cube / 255).astype(np.float32)
    return Sample(
        id if id is not None else f"seed-{number}",
        label,
        group,
        rng.random((*rgb_shape, 3), np.float32),
        cube,
    )


def frame(payload: bytes) -> bytes:
    return header(len(payload)) + payload + footer(payload)


def write_records(path: Path, *records: dict[str, FeatureValue]) -> Path:
    """A shard of records whose features are whatever a test wants them to be."""
    path.write_bytes(b"".join(frame(encode_example(record)) for record in records))
    return path


def features(**changed: FeatureValue | None) -> dict[str, FeatureValue]:
    """A good record of 2x2 RGB and 24x24x1 spectra, with some features changed or left out."""
    good: dict[str, FeatureValue] = {
        "id": b"x",
        "rgb_image": np.full(12, 0.5, np.float32),
        "hs_image": bytes(range(256)) * 2 + bytes(64),
        "label": b"a",
    }
    return {name: value for name, value in (good | changed).items() if value is not None}
