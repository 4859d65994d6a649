"""The index of a shard: where everything lies, so that any record is one step away.

Built once by going through the file and checking every CRC and every value, then kept in the cache
folder until the shard changes. It holds ids, labels, groups and sizes too: splits never touch an
image.
"""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bimae.data.remote import RemotePath
from bimae.data.tfrecord import cache
from bimae.data.tfrecord.cache import Stamp
from bimae.data.tfrecord.decode import check_images
from bimae.data.tfrecord.framing import frames
from bimae.data.tfrecord.mapping import hold_records
from bimae.data.tfrecord.room import Held, discard
from bimae.data.tfrecord.skeleton import RecordFinder
from bimae.data.tfrecord.variants import Stored
from bimae.errors import DataError

_SUFFIX = ".npz"


@dataclass(frozen=True, eq=False)
class ShardIndex:
    """What a shard of n records holds.

    Attributes:
        lengths: [n] int64, payload bytes.
        crcs: [n] uint32, masked CRC32C of each payload.
        rgb: [n, 6] int64, the columns of `Stored` (storage, start, stop, height, width, channels).
        hs: [n, 6] int64, likewise.
        ids: Name of each record, None where it has none.
        labels: Class of each record, or None.
        groups: Group of each record, or None.
        plain_size: Bytes of the shard once inflated.
    """

    lengths: NDArray[np.int64]
    crcs: NDArray[np.uint32]
    rgb: NDArray[np.int64]
    hs: NDArray[np.int64]
    ids: list[str | None]
    labels: list[str | None]
    groups: list[str | None]
    plain_size: int

    def __len__(self) -> int:
        return len(self.ids)


def load_index(path: Path, stamp: Stamp) -> tuple[ShardIndex, Held]:
    """The index of a shard: the kept one where the shard is unchanged, else built and kept.

    Returns:
        The index, and the map it was built on where only this process has it.

    Raises:
        DataError: The shard cannot be read, is damaged, or a record is not what it should be.
    """
    if cache.is_off():
        return _build(path, stamp)
    kept = cache.entry(stamp, _SUFFIX)
    # Whatever is wrong with a kept index, building it again puts it right.
    with suppress(Exception):
        return _load(kept, stamp), Held(None)
    with cache.making(kept):
        with suppress(Exception):  # another process has made it meanwhile
            return _load(kept, stamp), Held(None)
        started = time.time_ns()
        index, held = _build(path, stamp)
        with suppress(OSError):  # a cache folder that cannot be written costs time, nothing else
            _save(index, kept, started)
            cache.forget_older(kept, stamp)
    return index, held


def _build(path: Path, stamp: Stamp) -> tuple[ShardIndex, Held]:
    view, held = hold_records(path, stamp)
    try:
        index = build_index(view, path)
    except DataError:
        if held.file is None:
            raise
        # Perhaps it is the copy that a power cut left damaged, and not the shard.
        discard(held)
        view, held = hold_records(path, stamp)
        index = build_index(view, path)
    if not isinstance(path, RemotePath) and Stamp.of(path) != stamp:
        raise DataError(f"{path}: the file changed while it was read; wait until it is complete")
    # What others can map again is not kept open; a nameless copy would have to be made again.
    return index, held if held.file is None and held.size else Held(None)


def build_index(view: memoryview, path: Path) -> ShardIndex:
    """Goes through a shard's records, checking each.

    Args:
        view: The uncompressed shard.
        path: Its path, for messages.

    Raises:
        DataError: It is damaged, or a record is not what it should be.
    """
    lengths, crcs, records = [], [], []
    finder = RecordFinder(view, path)
    for number, frame in enumerate(frames(view, path)):
        lengths.append(frame.stop - frame.start)
        crcs.append(frame.crc)
        record = finder.find(frame, number)
        # Values too, so that a NaN is told now and not in the middle of a training run.
        check_images(view, record, f"{path}: record {number}")
        records.append(record)
    columns = len(Stored._fields)
    return ShardIndex(
        np.array(lengths, np.int64),
        np.array(crcs, np.uint32),
        np.array([record.rgb for record in records], np.int64).reshape(-1, columns),
        np.array([record.hs for record in records], np.int64).reshape(-1, columns),
        [record.id for record in records],
        [record.label for record in records],
        [record.group for record in records],
        len(view),
    )


def _save(index: ShardIndex, kept: Path, started_ns: int) -> None:
    texts = {"ids": index.ids, "labels": index.labels, "groups": index.groups}
    facts = {"format": cache.FORMAT, "started_ns": started_ns, "plain_size": index.plain_size}
    with cache.unfinished(kept) as temporary:
        with temporary.open("xb") as file:
            np.savez(
                file,
                lengths=index.lengths,
                crcs=index.crcs,
                rgb=index.rgb,
                hs=index.hs,
                facts=np.frombuffer(json.dumps(facts | texts).encode(), np.uint8),
            )
        temporary.replace(kept)


def _load(kept: Path, stamp: Stamp) -> ShardIndex:
    with np.load(kept, allow_pickle=False) as arrays:
        facts = json.loads(arrays["facts"].tobytes())
        lengths, crcs = arrays["lengths"], arrays["crcs"]
        rgb, hs = arrays["rgb"], arrays["hs"]
    if facts["format"] != cache.FORMAT or not cache.is_settled(stamp, facts["started_ns"]):
        raise ValueError("outdated")
    texts: list[list[str | None]] = [facts[name] for name in ("ids", "labels", "groups")]
    count, columns = len(lengths), len(Stored._fields)
    if any(len(column) != count for column in (crcs, *texts)):
        raise ValueError("columns differ in length")
    if rgb.shape != (count, columns) or hs.shape != (count, columns):
        raise ValueError("columns differ in shape")
    ids, labels, groups = texts
    return ShardIndex(lengths, crcs, rgb, hs, ids, labels, groups, int(facts["plain_size"]))
