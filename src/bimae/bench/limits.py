"""What the machine can do at most: matrix products in fp32 and bf16, and copying memory.

A rate is that of the best product, each by its median: of several sizes, with all threads sharing
one product, or each core with one of its own, where no thread waits for another. GFLOP/s are 1e9
multiplications and additions a second; GB/s are 1e9 bytes a second, of which every copied byte
counts twice: once read, once written. (A processor may read what it is about to overwrite, too;
that is not counted.)
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from bimae.bench.machine import synchroniser, threads_set
from bimae.bench.timing import Task, Timing, interleaved

Precision = Literal["32", "bf16-mixed"]
DTYPES: dict[Precision, torch.dtype] = {"32": torch.float32, "bf16-mixed": torch.bfloat16}
NAMES: dict[Precision, str] = {"32": "fp32", "bf16-mixed": "bf16"}

# Rows x columns x inner: squares, and the products of a step of tiny and of base at batch 32
# (32 x 47 tokens), since it is these that a step can reach at best.
CPU_SIZES = (
    *((512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048)),
    *((1504, 768, 192), (1504, 3072, 768)),
)
CUDA_SIZES = ((4096, 4096, 4096), (8192, 8192, 8192), (24064, 3072, 768))
PROBE = (256, 384, 384)
HOPELESS = 4  # times slower than fp32: emulated, and not worth waiting for
LEAST_S = 0.02  # of one measurement
COPIED_BYTES = 256 * 10**6  # of each of the two sides: more than any cache holds

Size = tuple[int, int, int]


@dataclass(frozen=True)
class Product:
    """A matrix product to be timed.

    Attributes:
        precision: Of its numbers.
        size: Rows, columns and inner width.
        cores: How many of them are done at a time, each by one thread; 1: one, by all threads.
    """

    precision: Precision
    size: Size
    cores: int = 1

    def __str__(self) -> str:
        rows, columns, inner = self.size
        each = f", one on each of {self.cores} cores" if self.cores > 1 else ""
        return f"{rows} x {inner} x {columns}{each}"

    @property
    def flops(self) -> float:
        """Operations of doing it once."""
        rows, columns, inner = self.size
        return 2.0 * rows * columns * inner * self.cores

    def task(self, device: torch.device) -> Task:
        """What does it once."""
        if self.cores == 1:
            return self._one(device)
        each = [self._one(device) for _ in range(self.cores)]
        pool = ThreadPoolExecutor(self.cores, initializer=torch.set_num_threads, initargs=(1,))
        return lambda: wait([pool.submit(one) for one in each])

    def _one(self, device: torch.device) -> Callable[[], Tensor]:
        rows, columns, inner = self.size
        source = torch.Generator().manual_seed(0)
        left, right = (
            torch.randn(shape, generator=source).to(device, DTYPES[self.precision])
            for shape in ((rows, inner), (inner, columns))
        )
        out = torch.empty(rows, columns, device=device, dtype=DTYPES[self.precision])
        return lambda: torch.mm(left, right, out=out)


@dataclass(frozen=True)
class Peak:
    """The best rate of one precision.

    Attributes:
        product: What reached it.
        timing: Of that product.
    """

    product: Product
    timing: Timing

    @property
    def gflops(self) -> float:
        """The rate in GFLOP/s."""
        return self.product.flops / self.timing.median / 1e9

    def as_row(self) -> dict[str, Any]:
        """What the table and the JSON say of it."""
        return {
            "what": f"{NAMES[self.product.precision]} matrix product",
            "rate": self.gflops,
            "unit": "GFLOP/s",
            "best_of": str(self.product),
            **self.timing.as_row("once"),
        }


@dataclass(frozen=True)
class Limits:
    """What was found of one machine.

    Attributes:
        peaks: The best product of each precision, shared by all threads and one on each core.
        bf16_usable: Whether bf16 is done by instructions of its own; where not, its peak was
            taken with one small product.
        copy_gb_s: Copying, read and written bytes together.
        copy: Timing of one copy.
    """

    peaks: tuple[Peak, ...]
    bf16_usable: bool
    copy_gb_s: float
    copy: Timing

    def rows(self) -> list[dict[str, Any]]:
        """A row for each limit."""
        found = [peak.as_row() for peak in self.peaks]
        copied = f"{COPIED_BYTES // 10**6} MB, read + written"
        return [
            *found,
            {
                "what": "copy in memory",
                "rate": self.copy_gb_s,
                "unit": "GB/s",
                "best_of": copied,
                **self.copy.as_row("once"),
            },
        ]


def measure_limits(
    device: torch.device, *, repeats: int, sizes: tuple[Size, ...] | None = None
) -> Limits:
    """Measures the matrix peaks and the copy bandwidth, interleaved.

    Args:
        device: Where.
        repeats: Measurements of each product and of the copy.
        sizes: Products to try; default: those that matter on this kind of device.
    """
    usable = bf16_usable(device)
    sizes = sizes or (CUDA_SIZES if device.type == "cuda" else CPU_SIZES)
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    tasks: dict[Product | None, Task] = {None: copy(device)}
    for precision in DTYPES:
        # Emulated bf16 is the same slowness at any size: one small product tells it.
        tried = sizes if precision == "32" or usable else (PROBE,)
        for cores in sorted({1, threads}):
            products = (Product(precision, size, cores) for size in tried)
            tasks |= {product: product.task(device) for product in products}
    timings = interleaved(tasks, repeats=repeats, least_s=LEAST_S, synchronise=synchroniser(device))
    copied = timings.pop(None)
    best: dict[tuple[Precision, int], Peak] = {}
    for product, timing in timings.items():
        assert product is not None
        way, peak = (product.precision, product.cores), Peak(product, timing)
        best[way] = max(best.get(way, peak), peak, key=lambda found: found.gflops)
    peaks = tuple(best.values())
    return Limits(peaks, usable, 2 * COPIED_BYTES / copied.median / 1e9, copied)


def bf16_usable(device: torch.device) -> bool:
    """Whether bf16 products are done by instructions of their own, not by slow emulation."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    tasks = {name: Product(name, PROBE).task(device) for name in DTYPES}
    # One thread: where others are working, two that wait for each other tell the waiting.
    with threads_set(1):
        found = interleaved(tasks, repeats=10)
    return found["bf16-mixed"].min < HOPELESS * found["32"].min  # the fastest: least disturbed


def copy(device: torch.device) -> Callable[[], Tensor]:
    """A copy of COPIED_BYTES as a task."""
    source = torch.ones(COPIED_BYTES, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    return lambda: target.copy_(source)
