"""Lines for a terminal: as wide as one is, what goes on indented under its word."""

from collections.abc import Iterable, Iterator
from textwrap import wrap

COLUMNS = 100
INDENT = 9  # as wide as the word that a line begins with, such as `written  `


def wrapped(lines: Iterable[str], indent: int = INDENT) -> Iterator[str]:
    """The same lines, none of them wider than `COLUMNS` but for words that are wider themselves.

    Args:
        lines: Each a thing to say. One with the path of a file had better not come through here:
            it is copied, and found by programs, as a whole.
        indent: Blanks before what goes on.
    """
    for line in lines:
        yield from wrap(
            line, COLUMNS, subsequent_indent=" " * indent, break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
