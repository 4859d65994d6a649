"""Samples -> shards, in the schema that this project documents."""

import gzip
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO, Literal, cast

import numpy as np

from bimae.data.sample import Sample
from bimae.data.tfrecord.example import FeatureValue, encode_example
from bimae.data.tfrecord.framing import footer, header
from bimae.data.tfrecord.variants import HS_SIDE, RGB_OVERSHOOT, RGB_SIDE
from bimae.errors import ConfigError, DataError
from bimae.storage import atomic_path


def write_tfrecords(
    out: Path,
    samples: Iterable[Sample],
    *,
    split: str | None = None,
    samples_per_shard: int = 256,
    compression: Literal["none", "gzip"] = "none",
    overwrite: bool = False,
) -> list[Path]:
    """Writes samples as TFRecord shards `<split or "data">-00000-of-00003.tfrecord[.gz]`.

    A record has `id` (bytes), `rgb_image` (float_list), `hs_image` (one bytes value: uint8, or
    float32 little-endian), `label` and `group` (bytes, left out where a sample has none).
    `rgb_size` and `hs_size` (int64: height, width, channels) are added where a reader could not
    know them: RGB other than 192x192, spectra other than 24x24 or not uint8.

    Samples are taken one at a time and none is kept. Shards appear under their names only when
    all of them are complete.

    Args:
        out: Folder to write into; made where it is missing.
        samples: What to write, in this order.
        split: Name of the split, which `open_dataset` recognises: train, val or test.
        samples_per_shard: Records in each shard but the last.
        compression: `gzip` for shards of about half the size that have to be inflated once.
        overwrite: Whether shards of the same split that are there already are replaced, all of
            them; without it they are an error.

    Returns:
        Paths of the shards, in order.

    Raises:
        DataError: A sample has a wrong shape, type or range, there are no samples, or shards of
            this split are in `out` already. Nothing is written then.
        ConfigError: `split`, `samples_per_shard` or `compression` cannot be used.
    """
    frames = (record(sample, f"sample {n} ({sample.id!r})") for n, sample in enumerate(samples))
    return write_frames(
        out,
        frames,
        split=split,
        samples_per_shard=samples_per_shard,
        compression=compression,
        overwrite=overwrite,
    )


def write_frames(
    out: Path,
    records: Iterable[bytes | memoryview],
    *,
    split: str | None = None,
    samples_per_shard: int = 256,
    compression: Literal["none", "gzip"] = "none",
    overwrite: bool = False,
) -> list[Path]:
    """Writes framed records, as `record` makes them, as shards; all else as `write_tfrecords`."""
    out, name = Path(out), split or "data"
    if not re.fullmatch(r"[A-Za-z0-9][\w.]*", name):
        raise ConfigError(f"split {name!r}: expected a word such as train, val or test")
    if samples_per_shard < 1 or compression not in ("none", "gzip"):
        raise ConfigError(
            f"samples_per_shard={samples_per_shard}, compression={compression!r}: expected at "
            "least 1, and 'none' or 'gzip'"
        )
    old = _shards_of(out, name)
    if old and not overwrite:
        raise DataError(
            f"{out}: found {len(old)} shards of {name} ({old[0].name}, ...), expected none: write "
            "to another folder, or overwrite them"
        )
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=out) as folder:
        parts = _write_parts(Path(folder), iter(records), samples_per_shard, compression)
        if not parts:
            raise DataError(f"{out}: found no samples to write as {name}, expected at least one")
        suffix = ".tfrecord.gz" if compression == "gzip" else ".tfrecord"
        shards = [
            out / f"{name}-{number:05d}-of-{len(parts):05d}{suffix}" for number in range(len(parts))
        ]
        with ExitStack() as renames:
            for part, shard in zip(parts, shards, strict=True):
                part.replace(renames.enter_context(atomic_path(shard)))
    for shard in set(old) - set(shards):
        shard.unlink()
    return shards


def _shards_of(out: Path, name: str) -> list[Path]:
    pattern = re.compile(re.escape(name) + r"-\d{5}-of-\d{5}\.tfrecord(\.gz)?")
    return sorted(p for p in out.glob("*") if pattern.fullmatch(p.name)) if out.is_dir() else []


def record(sample: Sample, where: str) -> bytes:
    """A sample as one framed record: its length, the example, and their checksums.

    Args:
        sample: What to write.
        where: What to call it in messages.

    Raises:
        DataError: It has a wrong shape, type or range.
    """
    payload = encode_example(_features(sample, where))
    return b"".join((header(len(payload)), payload, footer(payload)))


def _write_parts(
    folder: Path, records: Iterator[bytes | memoryview], per_shard: int, compression: str
) -> list[Path]:
    parts: list[Path] = []
    for first in records:
        parts.append(folder / str(len(parts)))
        with _writable(parts[-1], compression) as file:
            for frame in chain([first], islice(records, per_shard - 1)):
                file.write(frame)
    return parts


@contextmanager
def _writable(path: Path, compression: str) -> Iterator[IO[bytes]]:
    with path.open("wb") as raw:
        if compression == "none":
            yield raw
            return
        # No name and no time in the header: the same samples always make the same bytes.
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as file:
            yield cast("IO[bytes]", file)


def _features(sample: Sample, where: str) -> dict[str, FeatureValue]:
    _check_texts(sample, where)
    for name in ("rgb", "hs"):
        if not isinstance(getattr(sample, name), np.ndarray):
            kind = type(getattr(sample, name)).__name__
            raise DataError(f"{where}: {name} is a {kind}, expected a NumPy array: convert it")
    _check_rgb(sample, where)
    _check_hs(sample, where)
    hs = sample.hs if sample.hs.dtype == np.uint8 else sample.hs.astype("<f4", copy=False)
    features: dict[str, FeatureValue] = {
        "id": sample.id.encode(),
        "rgb_image": sample.rgb,
        "hs_image": hs.tobytes(),
    }
    if sample.rgb.shape[:2] != (RGB_SIDE, RGB_SIDE):
        features["rgb_size"] = list(sample.rgb.shape)
    if hs.shape[:2] != (HS_SIDE, HS_SIDE) or hs.dtype != np.uint8:
        features["hs_size"] = list(hs.shape)
    if sample.label is not None:
        features["label"] = sample.label.encode()
    if sample.group is not None:
        features["group"] = sample.group.encode()
    return features


def _check_texts(sample: Sample, where: str) -> None:
    for name in ("id", "label", "group"):
        text = getattr(sample, name)
        if text is None and name != "id":
            continue
        try:
            writable = isinstance(text, str) and len(text.encode()) > 0
        except UnicodeEncodeError:
            writable = False
        if not writable:
            raise DataError(
                f"{where}: {name} is {text!r}, expected a text that is not empty"
                f"{'' if name == 'id' else ', or None'}: correct the sample"
            )


def _check_rgb(sample: Sample, where: str) -> None:
    rgb = sample.rgb
    if rgb.dtype != np.float32 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise DataError(
            f"{where}: rgb is {rgb.dtype} {list(rgb.shape)}, expected float32 [height, width, 3] "
            "in [0, 1]: convert the image (uint8: divide by 255)"
        )
    low, high = float(rgb.min()), float(rgb.max())
    if not (low >= -RGB_OVERSHOOT and high <= 1 + RGB_OVERSHOOT):
        raise DataError(
            f"{where}: rgb has values from {low:g} to {high:g}, expected finite values in [0, 1]: "
            "scale or clean the image"
        )


def _check_hs(sample: Sample, where: str) -> None:
    hs = sample.hs
    if hs.dtype not in (np.uint8, np.float32) or hs.ndim != 3 or not hs.size:
        raise DataError(
            f"{where}: hs is {hs.dtype} {list(hs.shape)}, expected uint8 or float32 "
            "[height, width, bands]: convert the cube (uint16: .astype(np.float32))"
        )
    if hs.dtype == np.float32 and not np.isfinite(hs).all():
        raise DataError(
            f"{where}: hs has {int((~np.isfinite(hs)).sum())} values that are NaN or infinite, "
            "expected finite ones: clean the cube"
        )
