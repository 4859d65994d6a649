"""How much memory a training step takes: the peak of a process that does nothing else."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

MB = 1e6


@dataclass(frozen=True)
class Peaks:
    """Peak memory of a process, in MB of 1e6 bytes.

    Attributes:
        rss_mb: Main memory, all that lay in it at a time: Python and PyTorch too. None where it
            is not known.
        device_mb: What tensors took on a CUDA device; None where none was used.
        problem: Why there are no figures, or None.
    """

    rss_mb: float | None
    device_mb: float | None
    problem: str | None = None


def own_peaks(device: torch.device) -> Peaks:
    """Those of this process so far."""
    on_device = torch.cuda.max_memory_allocated(device) / MB if device.type == "cuda" else None
    return Peaks(_resident() / MB, on_device)


def child_peaks(words: Sequence[str], python: str = sys.executable) -> Peaks:
    """Those of a fresh process that does only some steps: `bimae bench WORDS --alone`.

    Args:
        words: Command line of `bimae bench` that measures one thing.
        python: The interpreter to run it with.
    """
    command = [python, "-m", "bimae", "bench", *words, "--alone", "--json", "-"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        said = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
        killed = ran.returncode < 0
        why = f"killed by signal {-ran.returncode}: out of memory?" if killed else said
        return Peaks(None, None, why)
    found = json.loads(ran.stdout)
    return Peaks(found["peak_rss_mb"], found["peak_device_mb"])


def _resident() -> int:
    """Peak resident bytes of this process.

    Linux hands the peak of the process that started this one down in `ru_maxrss`; its own is in
    /proc.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        import resource  # noqa: PLC0415  # not on every system

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
