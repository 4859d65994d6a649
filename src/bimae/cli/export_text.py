"""What came of an export, in words."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bimae.data.marks import MODEL
from bimae.errors import count

if TYPE_CHECKING:
    from bimae.export.making import Rounded, Subject

LISTED = 12  # channels that are told one by one


def about(subject: "Subject") -> Iterator[str]:
    """What goes in and what comes out."""
    plate = subject.plate
    if plate.simulated:
        yield f"note: {MODEL}"
    if subject.turned.looks.note:
        yield f"note: {subject.turned.looks.note}"
    for name, (shape, pixels) in plate.inputs.items():
        sizes = ", ".join(map(str, shape))
        unit = f", {plate.hs.unit}" if name == "hs" and plate.hs and plate.hs.unit else ""
        unit = ", 0 to 1" if (name, pixels) == ("rgb", "float32") else unit
        yield f"takes    {name} [batch, {sizes}] {pixels}{unit}"
    if plate.hs is not None:
        nm = plate.hs.nm
        told = ""
        if nm is not None and len(nm) <= LISTED:
            told = f" at {', '.join(f'{centre:.4g}' for centre in nm)} nm"
        yield f"sensor   {plate.shown}: {count(len(plate.hs.picks), 'channel')}{told}"
        if plate.scale == "before" and len(plate.hs.picks) > len(subject.turned.model.config.bands):
            yield (
                "note: this model scales each pixel over all bands of its sensor (--scale before), "
                "so the file takes all of them, not only those that it looks at"
            )
    if (made := plate.judging) is None:
        yield "gives    probabilities, not calibrated: no sets, nothing is rejected"
    else:
        yield (
            f"gives    probabilities at temperature {made.temperature:.3f}, sets of "
            f"{1 - made.alpha:.0%}, rejection by {made.score}"
        )


def of_eight_bits(found: "Rounded") -> Iterator[str]:
    """What 8 bits did to the answers."""
    yield (
        f"8 bits   accuracy {found.after:.3f} on {count(found.samples, 'calibration sample')}, "
        f"{found.before:.3f} without; the same class for {found.same_class:.1%}"
    )
    if found.sets is not None:
        yield (
            f"         thresholds of its own: sets hold the truth in {found.sets.coverage:.1%}, "
            f"{found.sets.size:.2f} classes on average; {found.rejected:.1%} are rejected"
        )


def table(
    sizes: Mapping[str, int], one: Mapping[str, float], many: Mapping[str, float]
) -> Iterator[str]:
    """Size and latency of each.

    Args:
        sizes: Bytes of each file, by name.
        one: Median seconds of a sample that comes alone, by name.
        many: The same of each of 64 that come together.
    """
    wide = max(map(len, one))
    yield f"{'':{wide}}      MB   alone   of 64   (median ms a sample)"
    for name in one:
        size = f"{sizes[name] / 1e6:.1f}" if name in sizes else ""
        yield f"{name:{wide}}  {size:>6}  {one[name] * 1e3:6.1f}  {many[name] * 1e3:6.1f}"
