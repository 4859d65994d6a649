"""Several tasks timed side by side, so that a noisy machine is noisy for all of them alike."""

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import median as middle
from typing import Any, TypeVar

Task = Callable[[], object]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Timing:
    """How long a task took, over some measurements.

    Attributes:
        median: Seconds of the middle measurement.
        min: Seconds of the fastest one.
        max: Seconds of the slowest one.
        repeats: Measurements, without those that warmed up.
    """

    median: float
    min: float
    max: float
    repeats: int

    @classmethod
    def of(cls, seconds: list[float]) -> "Timing":
        """The timing of these measurements, at least one."""
        return cls(middle(seconds), min(seconds), max(seconds), len(seconds))

    def as_row(self, what: str) -> dict[str, Any]:
        """`<what>_s_median`, `<what>_s_min`, `<what>_s_max` and `repeats`."""
        return {
            f"{what}_s_median": self.median,
            f"{what}_s_min": self.min,
            f"{what}_s_max": self.max,
            "repeats": self.repeats,
        }


def interleaved(
    tasks: Mapping[Key, Task],
    *,
    repeats: int,
    least_s: float = 0.0,
    most_s: float | None = None,
    synchronise: Callable[[], None] | None = None,
) -> dict[Key, Timing]:
    """Times tasks in turn, A B C A B C, after one round that warms up.

    Args:
        tasks: What to time, under any key.
        repeats: Measurements of each.
        least_s: A task shorter than this is done several times within a measurement, which is
            then divided by their number.
        most_s: No further round begins after this many seconds, but one is always measured.
        synchronise: Waits until the device is done, where tasks only order work.

    Returns:
        The timing of each task, for doing it once.
    """
    wait = synchronise or _nothing
    begun = time.perf_counter()
    times: dict[Key, int] = {}
    for name, task in tasks.items():
        took = _seconds(task, 1, wait)
        # What a first call prepares would make a short task look long; a GPU's are all short, and
        # what is compiled for it may take two calls to be ready.
        for _ in range(2 if synchronise else took < least_s):
            took = _seconds(task, 1, wait)
        times[name] = max(1, ceil(least_s / max(took, 1e-9)))
    seconds: dict[Key, list[float]] = {name: [] for name in tasks}
    for number in range(repeats):
        if number and most_s is not None and time.perf_counter() - begun > most_s:
            break
        for name, task in tasks.items():
            seconds[name].append(_seconds(task, times[name], wait))
    return {name: Timing.of(found) for name, found in seconds.items()}


def _seconds(task: Task, times: int, wait: Callable[[], None]) -> float:
    """Seconds for doing the task once, averaged over `times`."""
    wait()
    start = time.perf_counter()
    for _ in range(times):
        task()
    wait()
    return (time.perf_counter() - start) / times


def _nothing() -> None:
    pass
