"""One TFRecord file, open for random access."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data.tfrecord.cache import Stamp
from bimae.data.tfrecord.decode import read_hs, read_rgb
from bimae.data.tfrecord.index import ShardIndex, load_index
from bimae.data.tfrecord.mapping import map_records
from bimae.data.tfrecord.variants import Stored
from bimae.errors import DataError


class Shard:
    """A TFRecord file: its index, and its images on demand.

    The file is mapped at the first image asked for, once a process. Any number of threads may
    read; a copy sent to another process maps the file there.

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
        self._stamp = Stamp.of(path)
        self.index: ShardIndex = load_index(path, self._stamp)
        self._view: memoryview | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.index)

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

    def where(self, record: int) -> str:
        """File and record, as messages begin."""
        return f"{self.path}: record {record}"

    def _mapped(self) -> memoryview:
        if self._view is None:
            with self._lock:
                if self._view is None:
                    self._view = self._map()
        return self._view

    def _map(self) -> memoryview:
        if Stamp.of(Path(self._stamp.path)) == self._stamp:
            view = map_records(self.path, self._stamp)
            if len(view) == self.index.plain_size:
                return view
        raise DataError(
            f"{self.path}: the file changed since the data set was opened; open it again"
        )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_view": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()


def _stored(columns: NDArray[np.int64], record: int) -> Stored:
    return Stored(*columns[record].tolist())
