"""Which arithmetic is faster here: measured, since no name of a processor tells it.

On CPUs without bf16 instructions bfloat16 is many times slower than float32; on those with them,
and on GPUs, it is faster.
"""

import time

import torch
from torch import nn

from bimae.train.options import Arithmetic, Precision

SMALL = 192  # width of the first comparison
HOPELESS = 3  # times slower: more than noise on one core can explain


def choose_precision(wanted: Precision, width: int) -> Arithmetic:
    """The precision to train in: what was asked for, or the faster one.

    Args:
        wanted: `auto` measures; anything else is taken as it is.
        width: Token width D of the model, whose typical product is timed.

    Returns:
        `32` or `bf16-mixed`.
    """
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32"
    # Without bf16 instructions the full comparison takes half a minute at the width of base; a
    # small one, hundreds of times slower then, settles it first.
    if _seconds(SMALL, True, rows=64) > HOPELESS * _seconds(SMALL, False, rows=64):
        return "32"
    return "bf16-mixed" if _seconds(width, True) < 0.9 * _seconds(width, False) else "32"


def _seconds(width: int, bf16: bool, rows: int = 512, repeats: int = 3) -> float:
    """Least time of one MLP forward and backward on one core, mostly products.

    One thread and the least of a few: so does the engine compute, and what else the machine does
    then changes neither side.
    """
    kind = torch.bfloat16 if bf16 else torch.float32
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
    mlp = mlp.to(kind)
    x = torch.ones(rows, width, dtype=kind, requires_grad=True)
    times = []
    torch.set_num_threads(1)
    try:
        for _ in range(repeats + 1):
            start = time.perf_counter()
            mlp(x).sum().backward()
            times.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return min(times[1:])  # the first one warms up
