"""What a calibration found, in words."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bimae.predict.calibrated import Calibrated


def lines(made: "Calibrated") -> Iterator[str]:
    """What was found, for a terminal."""
    facts = made.facts
    for note in facts["notes"]:
        yield f"note: {note}"
    simulated = " (SIMULATED data)" * bool(facts["data"]["simulated"])
    yield f"temperature {made.temperature:.3f}, {surest(made)}{simulated}"
    if found := facts.get("checked"):
        error, cover, loss = found["calibration_error"], found["coverage"], found["log_loss"]
        yield (
            f"  calibration error {error['before']:.3f} before, {error['after']:.3f} after "
            f"(15 bins), log loss {loss['before']:.3f} and {loss['after']:.3f} (accuracy "
            f"{found['accuracy']:.3f})"
        )
        yield (
            f"sets     of {1 - made.conformal.alpha:.0%}: hold the truth in "
            f"{cover['coverage']:.1%} of {cover['samples']}, {cover['size']:.2f} classes on average"
        )
        yield from _by_group(found)
        yield (
            f"reject   by {made.score}: {found['rejected']:.1%} of known samples, "
            f"{made.reject.share:.0%} asked for"
        )
    for name, one in facts["strangers"].items():
        mark = " (kept)" if name == made.score else ""
        yield (
            f"strangers by {name:<12} AUROC {one['auroc']:.3f}, {1 - one['false_accept']:.1%} of "
            f"{one['unknown']} rejected{mark}"
        )


def surest(made: "Calibrated") -> str:
    """How sure an answer can be, at most."""
    most = 1 - made.lapse * (1 - 1 / len(made.classes))
    return f"no answer is surer than {100 * most:.1f} %"


def _by_group(found: dict[str, Any]) -> Iterator[str]:
    for key, what in (("coverage_by_class", "class"), ("coverage_by_group", "group")):
        if rows := found.get(key):
            name, one = min(rows.items(), key=lambda item: item[1]["coverage"])
            yield (
                f"  least covered {what}: {name}, {one['coverage']:.1%} of {one['samples']} "
                f"(of {len(rows)})"
            )


def summary(made: "Calibrated") -> str:
    """What was found, in a sentence of the model card."""
    facts = made.facts
    data = facts["data"]
    told = (
        f"{made.shown.whole}: on {'SIMULATED ' * bool(data['simulated'])}{data['name']}, "
        f"{data['parts']}: temperature {made.temperature:.3f}, {surest(made)}"
    )
    if found := facts.get("checked"):
        error, cover = found["calibration_error"], found["coverage"]
        told += (
            f"; calibration error {error['before']:.3f} before and {error['after']:.3f} after; "
            f"sets of {1 - made.conformal.alpha:.0%} hold the truth in {cover['coverage']:.1%}, "
            f"{cover['size']:.2f} classes on average; {found['rejected']:.1%} of known samples are "
            f"rejected (by {made.score})"
        )
    if one := facts["strangers"].get(made.score):
        told += (
            f"; of {one['unknown']} samples of {len(data['strange_classes'])} classes never "
            f"learned {1 - one['false_accept']:.1%} are rejected (AUROC {one['auroc']:.3f})"
        )
    return told + "."
