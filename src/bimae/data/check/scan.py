"""Goes through all shards of a data set, a stretch at a time, in one process or several."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bimae.data.check.findings import Problem
from bimae.data.check.records import COPY, SampleFacts, Stretch, header_ends, read_stretch
from bimae.data.check.statistics import BandStatistics
from bimae.data.locate import Located
from bimae.data.tfrecord.cache import Stamp
from bimae.data.tfrecord.mapping import compression_of, map_records
from bimae.errors import ConfigError, DataError

Passing = Callable[[Iterable[int]], Iterable[int]]  # such as a progress bar
_STRETCH_BYTES = 32 << 20
_WORTH_BYTES = 1 << 30  # below that, starting processes takes longer than they save


class Task(NamedTuple):
    """A stretch of a shard that one process reads.

    Attributes:
        shard: Number of the shard.
        path: Its path.
        first: Number of the first record.
        start: Its first byte, once inflated.
        stop: The byte after the last; None for the end of the file.
        records: How many records it should hold; None where nobody knows yet.
        size: Its bytes on disk.
    """

    shard: int
    path: Path
    first: int
    start: int
    stop: int | None
    records: int | None
    size: int


@dataclass
class Scan:
    """What was read of a data set.

    Attributes:
        samples: For each shard what could be read.
        frames: For each shard the payload bytes and masked CRC32C of its records.
        intact: Whether every byte of every shard could be gone through.
        records: Records met, whole or not.
        bytes: Size of all shards on disk.
        foreign: Why files that are no TFRecords at all were refused.
        spectra: By number of bands and type.
        rgb: Smallest and largest value of all RGB images.
    """

    samples: list[list[SampleFacts]]
    frames: list[list[tuple[int, int]]]
    intact: bool = True
    records: int = 0
    bytes: int = 0
    foreign: list[DataError] = field(default_factory=list)
    spectra: dict[tuple[int, str], BandStatistics] = field(default_factory=dict)
    rgb: tuple[float, float] = (np.inf, -np.inf)

    def take(self, shard: int, stretch: Stretch) -> None:
        """Adds what was found in a stretch; those of a shard come in order."""
        self.samples[shard] += stretch.samples
        self.frames[shard] += stretch.frames
        self.intact &= stretch.intact
        self.records += stretch.records
        self.rgb = min(self.rgb[0], stretch.rgb[0]), max(self.rgb[1], stretch.rgb[1])
        for (bands, kind), found in stretch.spectra.items():
            self.spectra.setdefault((bands, kind), BandStatistics(bands)).add(found)


def read_shards(
    located: Located, workers: int, passing: Passing, tell: Callable[[Iterable[Problem]], None]
) -> Scan:
    """Reads every record once.

    Args:
        located: The shards.
        workers: Processes at most; 1 reads in this one.
        passing: What goes through it is one number for each record.
        tell: Is given problems as they are found.

    Raises:
        ConfigError: A process was ended from outside.
    """
    found = Scan([[] for _ in located.shards], [[] for _ in located.shards])
    tasks: list[Task] = []
    for number, path in enumerate(located.shards):
        try:
            tasks += _tasks(number, path, found)
        except DataError as error:
            found.intact = False
            tell([_of_file("unreadable-file", path, error)])
    known = all(task.records is not None for task in tasks)
    run = (_CountedRun if known else _Run)(tasks, workers, found, tell)
    for _ in passing(run):
        pass
    return found


def _tasks(number: int, path: Path, found: Scan) -> list[Task]:
    """A shard cut up at records, as far as their lengths are right."""
    stamp = Stamp.of(path)
    found.bytes += stamp.size
    try:
        compression = compression_of(path, stamp)
    except DataError as error:
        found.foreign.append(error)
        raise
    if compression != "none":  # nobody knows where its records are before it is inflated
        return [Task(number, path, 0, 0, None, None, stamp.size)]
    view = map_records(path, stamp)
    tasks, first, start, records, stop = [], 0, 0, 0, 0
    for stop in header_ends(view):
        records += 1
        if stop - start >= _STRETCH_BYTES:
            tasks.append(Task(number, path, first, start, stop, records - first, stop - start))
            first, start = records, stop
    if start < len(view):
        left = records - first + (stop < len(view))
        tasks.append(Task(number, path, first, start, None, left, len(view) - start))
    return tasks


class _Run:
    """Yields a number for each record while the tasks are done."""

    def __init__(
        self,
        tasks: list[Task],
        workers: int,
        found: Scan,
        tell: Callable[[Iterable[Problem]], None],
    ) -> None:
        self._tasks, self._workers, self._found, self._tell = tasks, workers, found, tell

    def __iter__(self) -> Iterator[int]:
        for task, stretch in _stretches(self._tasks, self._workers):
            self._found.take(task.shard, stretch)
            self._tell(stretch.problems)
            yield from range(stretch.records)


class _CountedRun(_Run):
    """Where it is known from the start how many there are."""

    def __len__(self) -> int:
        return sum(task.records or 0 for task in self._tasks)


def _stretches(tasks: list[Task], workers: int) -> Iterator[tuple[Task, Stretch]]:
    workers = min(workers, len(tasks))
    if workers < 2 or sum(task.size for task in tasks) < _WORTH_BYTES:
        for task in tasks:
            yield task, _read(task)
        return
    # Fresh processes rather than forked ones: whoever calls this may have threads running.
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_leave_interrupts
    )
    try:
        waiting: deque[tuple[Task, Future[Stretch]]] = deque()
        for task in tasks:
            waiting.append((task, pool.submit(_read, task)))
            if len(waiting) > 3 * workers:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()
    except BrokenProcessPool as error:
        raise ConfigError(
            "a process that read the data was ended (out of memory?); check with --workers 1"
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _leave_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one is told


def _read(task: Task) -> Stretch:
    try:
        view = map_records(task.path, Stamp.of(task.path))
    except DataError as error:
        return Stretch(intact=False, problems=[_of_file("unreadable-file", task.path, error)])
    stop = len(view) if task.stop is None else min(task.stop, len(view))
    return read_stretch(view, task.path, task.first, task.start, stop)


def _of_file(code: str, path: Path, error: DataError) -> Problem:
    """A DataError of the reading code about a whole file."""
    told = str(error).removeprefix(f"{path}: ").removeprefix("record 0: ")
    for mark in (": ", "; "):
        text, colon, remedy = told.rpartition(mark)
        if colon:
            return Problem("error", code, str(path), text, remedy, unit="file", samples=0)
    return Problem("error", code, str(path), told, COPY, unit="file", samples=0)
