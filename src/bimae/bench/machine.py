"""What a measurement was made on: processor, threads, versions, and who else was working."""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch

from bimae import __version__
from bimae.errors import ConfigError

DeviceChoice = Literal["auto", "cpu", "cuda"]
BUSY = 0.25  # load per processor from which on others are told of
PACKAGES = ("numpy", "lightning")


def choose_device(wanted: DeviceChoice) -> torch.device:
    """The device to measure.

    Args:
        wanted: `auto` takes a CUDA device where there is one.

    Raises:
        ConfigError: CUDA is asked for and PyTorch sees no such device.
    """
    seen = torch.cuda.is_available()
    if wanted == "cuda" and not seen:
        raise ConfigError(
            "device cuda is asked for, but PyTorch sees no CUDA device; choose cpu, or install a "
            "CUDA build of PyTorch and its driver"
        )
    return torch.device("cuda" if wanted != "cpu" and seen else "cpu")


def synchroniser(device: torch.device) -> Callable[[], None] | None:
    """What waits until the device has done all it was ordered to; None where nothing is ordered."""
    return torch.cuda.synchronize if device.type == "cuda" else None


@contextmanager
def threads_set(threads: int) -> Iterator[int]:
    """Computes with so many threads while the block runs; 0 leaves their number as it is.

    Yields:
        The number in force.
    """
    before = torch.get_num_threads()
    if threads:
        torch.set_num_threads(threads)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def processors() -> int:
    """Processors that this process may use."""
    own = getattr(os, "sched_getaffinity", None)  # not on every system
    return (len(own(0)) if own else os.cpu_count()) or 1


def describe(device: torch.device) -> dict[str, Any]:
    """The machine as it is now; the keys are explained in docs/performance.md."""
    load = _load()
    found: dict[str, Any] = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "device": device.type,
        "device_name": _device_name(device),
        "cpu_name": cpu_name(),
        "processors": processors(),
        "threads": torch.get_num_threads(),
        "load_average": load,
        "busy": load is not None and load > BUSY * processors(),
        "bimae": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "preloaded": os.environ.get("LD_PRELOAD") or None,
    }
    return found | {name: importlib.metadata.version(name) for name in PACKAGES}


def cpu_name() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def _load() -> float | None:
    """Processes that were running or waiting to, over the last minute."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # not on every system
        return None
