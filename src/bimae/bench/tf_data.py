"""TensorFlow's own way of reading the same files, to stand beside ours where it is installed.

As its guide to TFRecords and to input performance advises: parallel reads, a shuffle of the
records, parsing on all processors, and reading ahead. Nothing else here needs TensorFlow.
"""

import importlib
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bimae.bench.timing import Task

SHUFFLED = 256  # records that its shuffle holds at a time; ours shuffles all of them
NOT_INSTALLED = "TensorFlow not installed"


def is_installed() -> bool:
    """Whether TensorFlow can be imported."""
    return importlib.util.find_spec("tensorflow") is not None


def tf_pass(
    files: Sequence[Path],
    *,
    compression: str,
    bands: int,
    hs_size: int,
    rgb_size: int,
    batch_size: int,
    times: int = 1,
) -> Task:
    """A pass over all records as a task: shuffled batches of both images, as stored.

    Args:
        files: Shards in the schema that `bimae` writes: `rgb_image` a list of floats, `hs_image`
            the bytes of uint8.
        compression: `GZIP`, or nothing.
        bands: Bands of a cube.
        hs_size: Side of a cube in pixels.
        rgb_size: Side of an RGB image in pixels.
        batch_size: Records in a batch.
        times: How often each record comes: a pass has to be long enough for it to get going.

    Returns:
        The task. Calling it raises an error of TensorFlow where the records are of another schema.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # it greets in several lines otherwise
    tf: Any = importlib.import_module("tensorflow")
    tf.config.set_visible_devices([], "GPU")  # reading alone; the GPU's memory is ours
    schema = {
        "rgb_image": tf.io.FixedLenFeature([rgb_size, rgb_size, 3], tf.float32),
        "hs_image": tf.io.FixedLenFeature([], tf.string),
    }

    def parse(record: Any) -> tuple[Any, Any]:
        found = tf.io.parse_single_example(record, schema)
        cube = tf.reshape(tf.io.decode_raw(found["hs_image"], tf.uint8), [hs_size, hs_size, bands])
        return found["rgb_image"], cube

    names = [str(file) for file in files]
    data = tf.data.TFRecordDataset(
        names, compression_type=compression, num_parallel_reads=tf.data.AUTOTUNE
    )
    data = data.repeat(times).shuffle(SHUFFLED).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    data = data.batch(batch_size).prefetch(tf.data.AUTOTUNE)

    def whole() -> None:
        for _ in data:
            pass

    return whole
