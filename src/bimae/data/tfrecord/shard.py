"""One TFRecord file, open for random access."""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data.remote import RemotePath
from bimae.data.tfrecord import room
from bimae.data.tfrecord.cache import Stamp
from bimae.data.tfrecord.decode import raw_hs, raw_rgb, read_hs, read_rgb
from bimae.data.tfrecord.index import ShardIndex, load_index
from bimae.data.tfrecord.mapping import hold_records
from bimae.data.tfrecord.room import Held
from bimae.data.tfrecord.variants import Stored
from bimae.errors import DataError

_REQUESTS = 8  # remote shards that are fetched at a time: the network waits more than it works


class Shard:
    """A TFRecord file: its index, and its images on demand.

    The file is mapped at the first image asked for, once a process. Where it has to be inflated or
    fetched first, the map may be given up for another shard's, and is made again when needed. Any
    number of threads may read; a copy sent to another process maps the file there.

    Attributes:
        path: The file.
        index: What it holds.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file, reading or building its index.

        Raises:
            DataError: It cannot be read, is damaged, or a record is not what it should be.
        """
        self.path = path
        self._name = str(path)
        self._stamp = Stamp.of(path)
        self.index: ShardIndex
        self._held: Held
        self.index, self._held = load_index(path, self._stamp)
        self._lock, self._process = threading.Lock(), os.getpid()

    def __len__(self) -> int:
        return len(self.index)

    @property
    def copy_size(self) -> int:
        """Bytes that a copy of it takes in the cache; 0 where the file itself is mapped."""
        remote = isinstance(self.path, RemotePath)
        mapped = not remote and self.index.plain_size == self._stamp.size
        return 0 if mapped else self.index.plain_size

    def rgb(self, record: int) -> NDArray[np.float32]:
        """RGB image [H, W, 3] of a record, in [0, 1]; read-only where it is a view of the file.

        Raises:
            DataError: The image cannot be decoded or has values that none can have.
        """
        return read_rgb(self._mapped(), _stored(self.index.rgb, record), self.where(record))

    def hs(self, record: int) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Cube [h, w, bands] of a record; read-only where it is a view of the file.

        Raises:
            DataError: The cube cannot be decoded or has values that are not finite.
        """
        return read_hs(self._mapped(), _stored(self.index.hs, record), self.where(record))

    def raw_rgb(self, record: int) -> NDArray[np.uint8] | NDArray[np.float32]:
        """RGB image [H, W, 3] of a record, not scaled where 8 bits are stored: [0, 255] then.

        uint8, or float32 in [0, 1]; a read-only view where these are stored so. Its values were
        checked when the index was made and are not looked at again.

        Raises:
            DataError: The file is not what it was when it was opened.
        """
        return raw_rgb(self._mapped(), _stored(self.index.rgb, record), self.where(record))

    def raw_hs(self, record: int) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Cube [h, w, bands] of a record as `hs` gives it, and as quick as `raw_rgb`."""
        return raw_hs(self._mapped(), _stored(self.index.hs, record), self.where(record))

    def image_bytes(self, record: int) -> tuple[memoryview, memoryview]:
        """The cube and the RGB image of a record as they are stored, not decoded.

        Raises:
            DataError: The file is not what it was when it was opened.
        """
        hs, rgb = _stored(self.index.hs, record), _stored(self.index.rgb, record)
        view = self._mapped()
        return view[hs.start : hs.stop], view[rgb.start : rgb.stop]

    def prepare(self) -> None:
        """Inflates or fetches now what reading would have to, so that it does not wait then.

        Raises:
            DataError: The file is not what it was when it was opened, or cannot be fetched.
        """
        self._mapped()

    def where(self, record: int) -> str:
        """File and record, as messages begin."""
        return f"{self._name}: record {record}"

    def _mapped(self) -> memoryview:
        view = self._held.view
        return self._map() if view is None else view

    def _map(self) -> memoryview:
        if self._process != os.getpid():  # forked; the thread that held the lock may not be here
            self._lock, self._process = threading.Lock(), os.getpid()
        with self._lock:
            if (view := self._held.view) is None:
                # A remote file is asked about only when its copy has to be fetched again.
                if not isinstance(self.path, RemotePath) and self._changed():
                    raise self._no_longer()
                view, self._held = hold_records(self.path, self._stamp, self.index.plain_size)
                if len(view) != self.index.plain_size:
                    raise self._no_longer()
            return view

    def _changed(self) -> bool:
        return Stamp.of(Path(self._stamp.path)) != self._stamp

    def _no_longer(self) -> DataError:
        return DataError(
            f"{self.path}: the file changed since the data set was opened; open it again"
        )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_held": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._held = Held(None)
        self._lock, self._process = threading.Lock(), os.getpid()


def open_shards(paths: Sequence[Path]) -> list[Shard]:
    """Opens files, several at a time where there are processors for it.

    Inflating, checksums and downloads leave Python free for other threads.

    Raises:
        DataError: As `Shard`; of several, the one about the first file.
    """
    remote = any(isinstance(path, RemotePath) for path in paths)
    threads = min(len(paths), max(_processors(), _REQUESTS if remote else 1))
    if threads < 2:
        return [Shard(path) for path in paths]
    pool = ThreadPoolExecutor(threads, thread_name_prefix="shard")
    try:
        return list(pool.map(Shard, paths))
    finally:
        pool.shutdown(cancel_futures=True)


def fit_in_cache(shards: Sequence[Shard]) -> int:
    """How many shards can be read in turns without inflating or fetching one of them again.

    Fewer than there are: then samples are best drawn from as many shards at a time, and these
    exchanged for the next, or one read may cost the inflating or fetching of a whole shard.

    Returns:
        All of them where their copies fit into the cache together, or none needs a copy; else as
        many as always fit, whichever they are; at least one.
    """
    sizes = sorted((shard.copy_size for shard in shards), reverse=True)
    if not sum(sizes) or sum(sizes) <= (most := room.limit()):
        return len(shards)
    return max(1, sum(total <= most for total in accumulate(sizes)))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):  # what this process may use, not what there is
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _stored(columns: NDArray[np.int64], record: int) -> Stored:
    return Stored(*columns[record].tolist())
