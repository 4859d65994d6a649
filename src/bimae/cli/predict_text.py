"""What came of a prediction, in words."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bimae.errors import count

if TYPE_CHECKING:
    from bimae.predict.rows import Tally
    from bimae.predict.stream import Question

LISTED = 5  # of the commonest classes


def summary(
    tally: "Tally", question: "Question", out: Path, left_out: Sequence[str]
) -> Iterator[str]:
    """Lines for a terminal.

    Args:
        tally: What the rows come to.
        question: What was asked.
        out: Where the rows are.
        left_out: Names of items that have no rows, since they could not be imported.
    """
    simulated = "SIMULATED " * question.samples.info.simulated
    alpha = question.answerer.alpha
    rejected = "" if alpha is None else f", {tally.rejected} rejected as strange"
    yield f"answers  {count(tally.samples, f'{simulated}sample')}{rejected}"
    if left_out:
        more = ", ..." * (len(left_out) > 3)
        yield f"left out {count(len(left_out), 'item')}: {', '.join(left_out[:3])}{more}"
    commonest = sorted(tally.classes.items(), key=lambda item: (-item[1], item[0]))
    if commonest:
        named = ", ".join(f"{name} {number}" for name, number in commonest[:LISTED])
        rest = len(commonest) - LISTED
        yield f"classes  {named}{f', and {rest} more' if rest > 0 else ''}"
    if alpha is not None:
        yield (f"sets     of {1 - alpha:.0%}: {tally.named / tally.samples:.2f} classes on average")
    yield f"written  {out}"
