"""How long an answer takes, several ways of getting it taking turns.

Each runtime has a pool of threads, and some spin after an answer on the processors that the next
one needs. So every turn begins with a rest and an answer that is not counted.
"""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.export.nameplate import Nameplate

REST_S = 0.02  # longer than any pool spins
Task = Callable[[], Any]


def in_turn(ready: Mapping[str, Task], turns: int, block: int) -> dict[str, list[float]]:
    """Seconds of every counted answer, the tasks taking turns.

    A turn of one answer has none that is not counted: that is for batches of a second.

    Args:
        ready: What answers, by name.
        turns: Turns of each.
        block: Answers counted in a turn.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(turns):
        for name, answer in ready.items():
            time.sleep(REST_S)
            if block > 1:
                answer()  # brings its weights and threads back
            for _ in range(block):
                start = time.perf_counter()
                answer()
                seconds[name].append(time.perf_counter() - start)
    return seconds


def medians(
    runs: Mapping[str, Callable[[dict[str, NDArray[Any]]], Any]],
    plate: Nameplate,
    batch: int,
    *,
    turns: int,
    block: int,
) -> dict[str, float]:
    """Median seconds of a sample in a batch of random images, of each way.

    Args:
        runs: What runs a model on inputs by name.
        plate: What goes in.
        batch: Samples at a time.
        turns: Of each way.
        block: Answers counted in a turn.
    """
    images = random_inputs(plate, batch)
    tasks = {name: _task(run, images) for name, run in runs.items()}
    for answer in tasks.values():
        answer()
    seconds = in_turn(tasks, turns, block)
    return {name: median(found) / batch for name, found in seconds.items()}


def random_inputs(plate: Nameplate, batch: int) -> dict[str, NDArray[Any]]:
    """Images of noise; the time of an answer does not depend on what they show."""
    rng = np.random.default_rng(batch)
    found = {}
    for name, (shape, pixels) in plate.inputs.items():
        noise = rng.random((batch, *shape), dtype=np.float32)
        found[name] = noise if pixels == "float32" else (noise * 255).astype(pixels)
    return found


def _task(run: Callable[[dict[str, NDArray[Any]]], Any], images: dict[str, NDArray[Any]]) -> Task:
    return lambda: run(images)
