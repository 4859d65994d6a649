"""Linear algebra on one thread while files are read.

An import multiplies thousands of small matrices. OpenBLAS shares each of them out among all
processors, which takes longer than the product itself: its threads wait for each other by spinning,
and where another process has the processor they spin for as long as that one runs. And reading
processes are as many as there are processors already.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps BLAS to one thread within the block; afterwards it has as many as before.

    An environment variable would not do: BLAS reads it when NumPy is imported, which a spawned
    process has done before any code of ours runs there.
    """
    with threadpool_limits(1, user_api="blas"):
        yield
