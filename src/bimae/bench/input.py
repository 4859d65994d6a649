"""Reading alone: samples and bytes a second, from TFRecords to batches.

One core reads: `workers` is 0, and PyTorch computes with one thread. (TensorFlow takes all cores.)
MB/s are 1e6 bytes of images a second as they are stored uncompressed (RGB float32, spectra uint8),
whatever the file's compression and whatever the batch holds, so that all rows compare. The files
were just written or read, so they come from the system's memory, not from a disk.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bimae.bench import steps, tf_data
from bimae.bench.machine import threads_set
from bimae.bench.options import TINY, BenchOptions
from bimae.bench.timing import Task, interleaved
from bimae.bench.waiting import measure_waiting
from bimae.data import SeedDataset, open_dataset, write_tfrecords
from bimae.data.locate import locate
from bimae.data.simulate import simulate_samples

Row = dict[str, Any]
Tell = Callable[[str], None]
BATCH = 64
PER_CLASS, PER_CLASS_QUICK = 12, 5  # of 19 species
AT_MOST = 512  # samples of a pass over data that were given
LEAST_S = 0.2  # of one measurement
TF_SAMPLES = 500  # of a pass of tf.data, at least
SETTLED_S = 3600  # a file that was just written is not believed to stay as it is
FIRST, AGAIN = "first sight (empty cache)", "opened again (index kept)"
RAW, BESIDE = "raw shuffled samples", "tf.data, shuffled, all cores"
BATCHES, RESIDENT = "training batches from files", "training batches from memory"


@dataclass(frozen=True)
class Source:
    """Files to be read.

    Attributes:
        name: What the table calls them.
        path: What `open_dataset` is given.
        simulated: Whether we made them.
    """

    name: str
    path: Path
    simulated: bool


def measure_input(options: BenchOptions, tell: Tell) -> dict[str, list[Row]]:
    """Rows of `input`, for every way of reading, and of `waiting`, for a real run.

    Args:
        options: What is asked for; without `data`, simulated seeds are written to a temporary
            folder.
        tell: Is told what is going on.

    Raises:
        DataError: The data that were given cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="bimae-bench-") as folder:
        if options.data is None:
            tell("input: writing simulated seeds")
            per_class = PER_CLASS_QUICK if options.quick else PER_CLASS
            sources = simulated_sources(Path(folder) / "data", per_class)
        else:
            sources = [Source(str(options.data), options.data, simulated=False)]
        with cache_at(Path(folder) / "cache"):
            tell("input: reading")
            with threads_set(1):
                rows = measure_reading(sources, options.rounds)
            tell("input: two short pretraining runs")
            waiting = [
                _of(sources[0])
                | measure_waiting(
                    sources[0].path,
                    model_name=(options.model or (TINY,))[0],
                    batch_size=(options.batch_size or (32,))[0],
                    epochs=2 if options.quick else 3,
                    resident=resident,
                )
                for resident in (True, False)
            ]
    return {"input": rows, "waiting": waiting}


def simulated_sources(folder: Path, per_class: int, bands: int = 300) -> list[Source]:
    """Writes the same simulated seeds uncompressed and with GZIP.

    Args:
        folder: Where to write.
        per_class: Seeds of each of the 19 species.
        bands: Spectral bands.
    """
    samples = list(simulate_samples(per_class=per_class, bands=bands))
    plain, packed = folder / "plain", folder / "gzip"
    files = write_tfrecords(plain, samples, samples_per_shard=64)
    files += write_tfrecords(packed, samples, samples_per_shard=64, compression="gzip")
    for file in files:
        settled = file.stat().st_mtime - SETTLED_S
        os.utime(file, (settled, settled))
    return [
        Source("simulated, uncompressed", plain, simulated=True),
        Source("simulated, GZIP", packed, simulated=True),
    ]


def measure_reading(sources: Sequence[Source], repeats: int) -> list[Row]:
    """Times every way of reading every source, interleaved; the cache folder is filled by it.

    Args:
        sources: What to read.
        repeats: Measurements of each.
    """
    facts: dict[str, Row] = {}
    opening: dict[str, Task] = {}
    reading: dict[str, Task] = {}
    left_out: list[Row] = []
    for source in sources:
        samples = open_dataset(source.path)
        mb = (samples[0].rgb.nbytes + samples[0].hs.nbytes) / 1e6
        ways = list(_ways(source.path, samples))
        beside, problem = _beside(source.path, samples)
        if beside is None:
            left_out.append(_of(source) | {"what": BESIDE, "skipped": problem})
        else:
            ways.append((BESIDE, beside, len(samples) * _times(samples)))
        for what, task, count in ways:
            key = f"{source.name}: {what}"
            facts[key] = _of(source) | {"what": what, "samples": count, "mb_per_sample": mb}
            (opening if what in (FIRST, AGAIN) else reading)[key] = task
    timings = interleaved(opening, repeats=min(repeats, 3), most_s=20.0)
    timings |= interleaved(reading, repeats=repeats, least_s=LEAST_S)
    rows = []
    for key, row in facts.items():
        speed = row["samples"] / timings[key].median
        rates = {"samples_per_s": speed, "mb_per_s": speed * row["mb_per_sample"]}
        rows.append(row | rates | timings[key].as_row("pass"))
    return rows + left_out


def _of(source: Source) -> Row:
    return {"source": source.name, "simulated": source.simulated}


def _ways(path: Path, samples: SeedDataset) -> Iterator[tuple[str, Task, int]]:
    """Name, task and samples of a pass, for each of our ways to read."""
    every, some = np.arange(len(samples)), np.arange(min(len(samples), AT_MOST))
    rng = np.random.default_rng(0)

    def first_sight() -> None:
        empty = tempfile.TemporaryDirectory(prefix="bimae-bench-cache-")
        with empty as folder, cache_at(Path(folder)):
            copy_samples(open_dataset(path), rng.permutation(every))

    yield FIRST, first_sight, len(every)
    yield AGAIN, lambda: copy_samples(open_dataset(path), rng.permutation(every)), len(every)
    yield RAW, lambda: copy_samples(samples, rng.permutation(some)), len(some)
    for what, resident in ((BATCHES, False), (RESIDENT, True)):
        epoch = steps.epoch_of_batches(samples, some.tolist(), BATCH, resident=resident)
        yield what, epoch, len(some)


def copy_samples(samples: SeedDataset, order: Sequence[int] | np.ndarray) -> None:
    """Copies both images of the samples, in this order, into batches: all that reading must do."""
    first = samples[int(order[0])]
    rgb = np.empty((BATCH, *first.rgb.shape), first.rgb.dtype)
    hs = np.empty((BATCH, *first.hs.shape), first.hs.dtype)
    for place, number in enumerate(order):
        sample = samples[int(number)]
        rgb[place % BATCH] = sample.rgb
        hs[place % BATCH] = sample.hs


def _beside(path: Path, samples: SeedDataset) -> tuple[Task | None, str]:
    """TensorFlow's pass over all of it, or why there is none."""
    if not tf_data.is_installed():
        return None, tf_data.NOT_INSTALLED
    shards, times = locate(path).shards, _times(samples)
    assert samples.hs_size is not None
    assert samples.rgb_size is not None
    try:
        task = tf_data.tf_pass(
            shards,
            compression="GZIP" if shards[0].suffix == ".gz" else "",
            bands=samples.bands,
            hs_size=samples.hs_size,
            rgb_size=samples.rgb_size,
            batch_size=BATCH,
            times=times,
        )
        task()
    except Exception as error:  # an installation that does not work, or records stored otherwise
        return None, f"TensorFlow did not read it: {(str(error).splitlines() or [''])[0]}"
    return task, ""


def _times(samples: SeedDataset) -> int:
    return -(-TF_SAMPLES // len(samples))


@contextmanager
def cache_at(folder: Path) -> Iterator[None]:
    """Keeps indexes and inflated files in this folder while the block runs."""
    before = os.environ.get("BIMAE_CACHE")
    os.environ["BIMAE_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["BIMAE_CACHE"]
        else:
            os.environ["BIMAE_CACHE"] = before
