"""Seconds from the start of a process to its answer, as a user waits for it."""

import subprocess
import sys
from functools import partial
from typing import Any

from bimae.bench.timing import interleaved

COMMANDS: dict[str, tuple[str, ...]] = {
    "bimae --help": ("-m", "bimae", "--help"),
    "bimae pretrain --help": ("-m", "bimae", "pretrain", "--help"),
    "import bimae": ("-c", "import bimae"),
    "import torch": ("-c", "import torch"),
    "python alone": ("-c", "pass"),
}


def measure_startup(*, repeats: int) -> list[dict[str, Any]]:
    """A row for each command, interleaved; the files are in the system's memory already.

    Args:
        repeats: Measurements of each.
    """
    found = interleaved(
        {name: partial(answer, words) for name, words in COMMANDS.items()},
        repeats=repeats,
    )
    return [{"what": name, **timing.as_row("answer")} for name, timing in found.items()]


def answer(words: tuple[str, ...]) -> bytes:
    """What a fresh interpreter prints for these words.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    command = [sys.executable, *words]
    return subprocess.run(command, capture_output=True, check=True).stdout
