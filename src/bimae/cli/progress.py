"""A progress bar that an error message does not run into."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


@contextmanager
def progress(
    title: str, unit: str, total: int | None = None
) -> Iterator[Callable[[Iterable[Item]], Iterable[Item]]]:
    """Yields a function that counts what passes through it; the bar closes with the block.

    Args:
        title: What is going on.
        unit: What is counted.
        total: How many there will be; default: the length of what is passed through.
    """
    often = sys.stderr.isatty()  # on a terminal often; in a log file a line now and then
    with tqdm(
        total=total, desc=title, unit=unit, mininterval=0.1 if often else 10, delay=0.1
    ) as bar:

        def counted(items: Iterable[Item]) -> Iterator[Item]:
            if bar.total is None and isinstance(items, Sized):
                bar.total = len(items)
            for item in items:
                yield item
                bar.update()

        yield counted
