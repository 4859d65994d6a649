"""What the units kept -> a data set: shards, dataset.json, split.json, a report, pictures."""

import csv
import hashlib
import io
import json
import mmap
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bimae import __version__
from bimae.data.cubes.cube import Bands
from bimae.data.identity import Source, write_sources
from bimae.data.importing.axes import axis_note
from bimae.data.importing.items import Plan
from bimae.data.importing.settings import ImportSettings, described
from bimae.data.importing.summary import ImportSummary
from bimae.data.importing.work import bands_of, digests_of
from bimae.data.info import COLOUR, DatasetInfo
from bimae.data.leakage import alike
from bimae.data.splits import PARTS
from bimae.data.tfrecord.framing import FOOTER_SIZE, HEADER_SIZE, frames
from bimae.data.tfrecord.writer import write_frames
from bimae.errors import DataError, count
from bimae.spectra import band_reach
from bimae.storage import atomic_folder, write_text

REPORT = "import.json"
SEEDS = "seeds.csv"
PICTURES = "trays"

SHARD_BYTES = 64 << 20
MOST_PER_SHARD = 1024


def assemble(
    plan: Plan,
    results: Sequence[dict[str, Any]],
    found: Sequence[dict[str, Any]],
    *,
    work: Path,
    out: Path,
    settings: ImportSettings,
    name: str,
    source: str,
    scale: Mapping[str, Any],
) -> ImportSummary:
    """Writes the data set; the folder appears when it is complete, replacing an older one.

    Args:
        plan: What was to be read.
        results: Facts of the units that made records, in order.
        found: Facts of the units that looked for the seeds of trays.
        work: The work folder.
        out: The data set's folder.
        settings: How things were read.
        name: What to call the data set.
        source: Where it comes from, in words.
        scale: How large seeds of trays are, by the names of `DatasetInfo`.

    Raises:
        DataError: Nothing could be read.
    """
    told = [item for facts in results for item in facts["items"]]
    failed = [item for facts in found for item in facts["items"] if item["error"]]
    summary = ImportSummary(out, plan.layout, len(plan.items), simulated=plan.simulated)
    summary.left_out = [*plan.left_out, *((item["name"], item["error"]) for item in failed)]
    summary.left_out += [tuple(one) for item in told for one in item.get("left_out", ())]
    read = [item for item in told if not item["error"]]
    reference, unit = _reference(read), _unit(read)
    chosen: list[list[bool]] = []
    for facts in results:
        reasons = [item["error"] or _misfit(item, reference, unit) for item in facts["items"]]
        summary.left_out += [
            (item["name"], reason)
            for item, reason in zip(facts["items"], reasons, strict=True)
            if reason
        ]
        chosen.append([reason is None for reason in reasons])
    kept = [
        item
        for facts, flags in zip(results, chosen, strict=True)
        for item, flag in zip(facts["items"], flags, strict=True)
        if flag
    ]
    if not any(item["samples"] for item in kept):
        raise DataError(_nothing(plan, summary))
    summary.describe(plan, kept, found, reference)
    summary.notes += _together(plan, kept, settings)
    with atomic_folder(out) as folder:
        for split in _splits(kept):
            records = _frames(results, chosen, work, split)
            write_frames(folder, records, split=split, samples_per_shard=_per_shard(kept, work))
        summary.bytes = sum(p.stat().st_size for p in folder.glob("*.tfrecord"))
        _tray_files(found, work, folder, settings.pictures)
        write_sources(folder, _sources(kept))
        write_text(folder / REPORT, json.dumps(summary.as_json(), indent=1) + "\n")
        info = _info(summary, plan, settings, name, source)
        info = replace(info, **scale)
        info.save(folder, **_counts(summary, plan))
    return summary


def _reference(told: Sequence[dict[str, Any]]) -> Bands:
    """The bands that most items have."""
    seen: Counter[Bands] = Counter(bands_of(item) for item in told)
    # Of one number of bands, those with wavelengths: a bare array does not contradict a header.
    return max(seen, key=lambda b: (seen[b], b.wavelengths_nm is not None)) if seen else Bands(0)


def _unit(told: Sequence[dict[str, Any]]) -> str:
    """The unit that most samples have; of as many, reflectance."""
    seen: Counter[str] = Counter()
    for item in told:
        seen[item["unit"]] += len(item["samples"])
    del seen[""]  # what says nothing contradicts nothing
    return max(seen, key=lambda unit: (seen[unit], unit == "reflectance"), default="")


def _misfit(item: dict[str, Any], reference: Bands, unit: str) -> str | None:
    bands = bands_of(item)
    if item["unit"] not in ("", unit):
        mend = "give its white and dark references" if item["unit"] == "counts" else "convert them"
        return (
            f"{item['file']}: its spectra are {item['unit']}, those of most others {unit}, and one "
            f"cannot be held against the other; {mend}, or import each unit by itself"
        )
    if bands.count != reference.count:
        return (
            f"{item['file']}: has {count(bands.count, 'band')}, most others have "
            f"{reference.count}; import the files of each sensor into a data set of their own"
        )
    nm, usual = bands.wavelengths_nm, reference.wavelengths_nm
    if nm is None or usual is None:
        return None
    shift = max(abs(a - b) for a, b in zip(nm, usual, strict=True))
    if shift > 0.5 * band_reach(usual):
        return (
            f"{item['file']}: its bands lie up to {shift:.2f} nm from where most others' do; "
            "import the files of each sensor into a data set of their own"
        )
    return None


def _together(
    plan: Plan, kept: Sequence[dict[str, Any]], settings: ImportSettings
) -> list[tuple[str, int, str]]:
    """Notes on what only all items together tell, as `ImportSummary.notes` has them."""
    notes = []
    if (told := axis_note(plan.items, settings.band_axis)) is not None:
        notes.append((told, 1, ""))
    blank = [item for item in kept if item["not_finite"][0]]
    if blank:  # each item has a number of its own: one line for all, or nobody would read them
        found, values = (sum(item["not_finite"][i] for item in blank) for i in (0, 1))
        worst = max(blank, key=lambda item: item["not_finite"][0] / item["not_finite"][1])
        share = 100 * worst["not_finite"][0] / worst["not_finite"][1]
        most = f", most of them in {worst['name']} ({share:.2g} %)" if len(blank) > 1 else ""
        are = "is" if found == 1 else "are"
        text = f"{found} of {values} values {are} not finite (NaN, infinity) and became 0{most}"
        notes.append((text, len(blank), blank[0]["name"]))
    if told := _in_two_parts(kept):
        notes.append((told, 1, ""))
    return notes


def _in_two_parts(kept: Sequence[dict[str, Any]]) -> str:
    """What to say of identical images in different declared parts; empty where there are none."""
    samples = [(item["name"], sample[3]) for item in kept for sample in item["samples"]]
    if None in {part for _, part in samples}:
        return ""  # one will be drawn, which keeps them together
    sets: dict[int, list[tuple[str, str]]] = {}
    copies = alike([digest for item in kept for digest in digests_of(item)])
    for number, sample in zip(copies, samples, strict=True):
        if number is not None:
            sets.setdefault(number, []).append(sample)
    torn = [found for found in sets.values() if len({part for _, part in found}) > 1]
    if not torn:
        return ""
    first = min(torn[0], key=lambda sample: PARTS.index(sample[1]))
    other = next(sample for sample in torn[0] if sample[1] != first[1])
    return (
        f"WARNING: {sum(map(len, torn)):,} samples have identical images in more than one part, "
        f"such as {first[0]} ({first[1]}) and {other[0]} ({other[1]}): what was learned is no "
        "test; keep one of each, or split again (bimae data split keeps them together)"
    )


def _nothing(plan: Plan, summary: ImportSummary) -> str:
    if summary.left_out:
        first = summary.left_out[0][1]
        more = f" (and {len(summary.left_out) - 1} more)" if len(summary.left_out) > 1 else ""
        return f"{first}{more}"
    what = "no whole seed was found on any tray" if plan.layout == "tray" else "no sample was found"
    return f"{plan.root}: {what}; nothing is written"


def _splits(kept: Sequence[dict[str, Any]]) -> list[str | None]:
    """Declared parts; where some samples have none, all go into one set of shards."""
    found = {split for item in kept for _, _, _, split in item["samples"]}
    return [s for s in ("train", "val", "test") if s in found] if None not in found else [None]


def _per_shard(kept: Sequence[dict[str, Any]], work: Path) -> int:
    """Shards of moderate size: one is mapped, and so held, at a time while it is indexed."""
    total = sum(path.stat().st_size for path in work.glob("*.rec"))
    each = total / max(1, sum(len(item["samples"]) for item in kept))
    return max(1, min(MOST_PER_SHARD, round(SHARD_BYTES / max(each, 1))))


def _frames(
    results: Sequence[dict[str, Any]],
    chosen: Sequence[Sequence[bool]],
    work: Path,
    split: str | None,
) -> Iterator[bytes]:
    """Framed records of one part, in order, from the files that the units kept."""
    for facts, flags in zip(results, chosen, strict=True):
        path = work / f"{facts['key']}.rec"
        if not path.stat().st_size:
            continue
        wanted = [
            flag and split in (None, sample[3])
            for item, flag in zip(facts["items"], flags, strict=True)
            for sample in item.get("samples", ())
        ]
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            for frame, take in zip(frames(memoryview(view), path), wanted, strict=True):
                if take:
                    yield view[frame.start - HEADER_SIZE : frame.stop + FOOTER_SIZE]


def _info(
    summary: ImportSummary, plan: Plan, settings: ImportSettings, name: str, source: str
) -> DatasetInfo:
    stored = (
        " x 255, rounded" if settings.store == "uint8" and summary.unit not in ("", COLOUR) else ""
    )
    return DatasetInfo(
        name=name or plan.name or plan.root.resolve().name,
        simulated=summary.simulated,
        wavelengths_nm=summary.bands.wavelengths_nm,
        source=source,
        fwhm_nm=summary.bands.fwhm_nm,
        sensor=summary.sensor,
        unit=f"{summary.unit}{stored}",
        rgb=" and ".join(sorted(summary.rgb)) if summary.rgb else "",
    )


def _counts(summary: ImportSummary, plan: Plan) -> dict[str, Any]:
    labels = {label: n for label, n in summary.classes.items() if label is not None}
    stamps = sorted(json.dumps(item.stamp()) for item in plan.items)
    return {
        "classes": dict(sorted(labels.items())),
        "unlabelled": summary.classes[None],
        "samples": summary.samples,
        "groups": summary.groups,
        "bands": summary.bands.count,
        "sizes": {
            view: f"{sides[0][0]}x{sides[0][1]}" if len(sides) == 1 else "as found"
            for view, sides in summary.sizes.items()
        },
        "layout": described(plan.layout, photos=plan.photos_alone),
        "source_fingerprint": hashlib.sha256("\n".join(stamps).encode()).hexdigest()[:16],
        "made_by": f"bimae {__version__}",
    }


def _sources(kept: Sequence[dict[str, Any]]) -> Iterator[Source]:
    # A photo that several scans have is a placeholder: nothing is known again by it.
    photos = Counter(photo for item in kept for photo in {photo for _, photo in item["sources"]})
    for item in kept:
        for sample, (scan, photo) in zip(item["samples"], item["sources"], strict=True):
            yield Source(sample[0], scan, photo if photos[photo] == 1 else "")


def _tray_files(found: Sequence[dict[str, Any]], work: Path, folder: Path, pictures: bool) -> None:
    rows: list[dict[str, Any]] = []
    for facts in found:
        for item in facts["items"]:
            if item["error"]:
                continue
            if pictures:
                target = folder / PICTURES / f"{item['name'].replace('/', '_')}.png"
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(work / f"{facts['key']}.png", target)
            rows += [{"scan": item["name"], **row} for row in item["objects"]]
    if rows:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(folder / SEEDS, text.getvalue())
