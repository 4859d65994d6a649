"""What a person should know before working with a data set, in plain sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from bimae.data import SeedDataset
from bimae.errors import count
from bimae.report.inspect.measure import Measured
from bimae.report.inspect.quality import Suspicion
from bimae.report.inspect.tally import NO_PART, Tally

NAMED = 5  # of a longer list
LONGEST = 60  # characters of a name in a list
FEW = 5  # samples of a class
FEW_BANDS = 3  # suspicions that are told at once
UNEVEN = 10  # times as many samples in the largest class as in the smallest


@dataclass(frozen=True)
class Note:
    """A sentence, and the section of the page that shows more (its id, or empty)."""

    text: str
    section: str = ""


def notes(
    ds: SeedDataset, counts: Tally, measured: Measured, suspicious: Sequence[Suspicion]
) -> list[Note]:
    """Everything about a data set that is worth a look.

    Args:
        ds: The data set.
        counts: Its tally.
        measured: What was read of it.
        suspicious: Its suspicious bands.
    """
    return [
        *_about_reading(ds, measured),
        *_about_labels(counts),
        *_about_split(counts),
        *_about_bands(ds, suspicious),
    ]


def listed(names: Sequence[str], most: int = NAMED) -> str:
    """Names as words: all, or the first of them and how many more."""
    cut = (name if len(name) <= LONGEST else f"{name[:LONGEST]}..." for name in names[:most])
    shown = ", ".join(cut)
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def bands_in_words(bands: Sequence[int], nm: Sequence[float] | None) -> str:
    """A run of bands as words: numbers, and wavelengths where they are known.

    Args:
        bands: Neighbouring bands, ascending.
        nm: Centres of all bands in nm, or None.
    """
    first, last = bands[0], bands[-1]
    if first == last:
        return f"Band {first}" + ("" if nm is None else f" ({nm[first]:.0f} nm)")
    where = "" if nm is None else f" ({nm[first]:.0f} to {nm[last]:.0f} nm)"
    return f"Bands {first} to {last}{where}"


def _about_reading(ds: SeedDataset, measured: Measured) -> list[Note]:
    found = []
    if measured.empty.size:
        names = listed([ds.ids[i] for i in measured.empty])
        cubes = count(measured.empty.size, "cube")
        found.append(Note(f"{cubes} without a single pixel but zeros: {names}."))
    if len(measured.kinds) > 1:
        kinds = ", ".join(f"{name} {often}" for name, often in measured.kinds.most_common())
        found.append(
            Note(f"Cubes come in two number formats ({kinds}): their values may not compare.")
        )
    return found


def _about_labels(counts: Tally) -> list[Note]:
    found = []
    named = [row for row in counts.classes if row.name is not None]
    if counts.repeated_ids:
        found.append(
            Note(
                f"{count(counts.repeated_ids, 'id stands', 'ids stand')} for more than one sample."
            )
        )
    if named and counts.classes[-1].name is None:
        missing = len(counts.classes[-1].samples)
        found.append(Note(f"{count(missing, 'sample')} without a label.", "classes"))
    few = [str(row.name) for row in named if len(row.samples) < FEW]
    if few:
        text = f"{count(len(few), 'class')} of fewer than {FEW} samples"
        found.append(Note(f"{text}: {listed(few)}.", "classes"))
    sizes = [len(row.samples) for row in named]
    if sizes and max(sizes) >= UNEVEN * min(sizes):
        text = f"Classes are of very different size: {min(sizes):,} to {max(sizes):,} samples."
        found.append(Note(text, "classes"))
    single = [str(row.name) for row in named if row.only_group is not None]
    if single and len(counts.groups) > 1:
        found.append(
            Note(
                f"{count(len(single), 'class')} from one group only: "
                f"{listed(single)}. What tells them apart may be the group, not the class.",
                "classes",
            )
        )
    return found


def _about_split(counts: Tally) -> list[Note]:
    found = [Note(f"{counts.parts.problem}.", "split")] if counts.parts.problem else []
    parts = [name for name in counts.parts.names if name != NO_PART]
    torn = [row.name for row in counts.groups if len(set(row.parts) - {NO_PART}) > 1]
    if torn:
        found.append(
            Note(
                f"{count(len(torn), 'group')} in more than one part of the split "
                f"({listed(torn)}): the test then meets what it has seen in training.",
                "groups",
            )
        )
    for part in parts if len(parts) > 1 else []:
        column = counts.parts.names.index(part)
        absent = [
            str(r.name) for r in counts.classes if r.name is not None and not r.by_part[column]
        ]
        if absent:
            found.append(Note(f"Not a sample in {part} of {listed(absent)}.", "classes"))
    return found


def _about_bands(ds: SeedDataset, suspicious: Sequence[Suspicion]) -> list[Note]:
    found = []
    if ds.info.photos_alone:
        found.append(Note("Photos without spectra: only --modality rgb can learn from them."))
    elif ds.wavelengths_nm is None:
        found.append(
            Note("The wavelengths are unknown: bands are numbered, from 0. dataset.json may say.")
        )
    if len(suspicious) <= FEW_BANDS:
        nm = ds.wavelengths_nm
        told = [
            f"{bands_in_words(item.bands, nm)}: {item.kind}: {item.words}." for item in suspicious
        ]
        return found + [Note(text, "bands") for text in told]
    bands = {band for item in suspicious for band in item.bands}
    kinds = ", ".join(dict.fromkeys(item.kind for item in suspicious))
    look = "looks" if len(bands) == 1 else "look"
    text = f"{count(len(bands), 'band')} of {ds.bands} {look} suspicious: {kinds}."
    return [*found, Note(text, "bands")]
