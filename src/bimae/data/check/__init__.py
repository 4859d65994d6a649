"""Reads a data set once and says everything that is wrong with it, rather than the first thing.

records (a stretch of a shard) -> scan (all shards, in processes) -> samples, values, description,
beside (judges) -> findings.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bimae.data.check.beside import Known, fingerprint, missing_shards, written_split
from bimae.data.check.description import judge_info, read_info
from bimae.data.check.findings import CheckReport, Finding, Findings
from bimae.data.check.samples import Seen, judge_samples, see
from bimae.data.check.scan import Passing, Scan, read_shards
from bimae.data.check.values import judge_images, judge_spectra
from bimae.data.info import DatasetInfo
from bimae.data.locate import locate
from bimae.data.remote import as_path

__all__ = ["CheckReport", "Finding", "check_dataset"]


def check_dataset(path: Path | str, *, workers: int = 1, passing: Passing = iter) -> CheckReport:
    """Checks a data set: its files, records, images, labels, groups, splits and description.

    Every record is read once; images are not kept, only what was found in them.

    The report's `figures` are: `path`, `name`, `simulated`, `shards`, `bytes`, `records`,
    `samples` (records that could be read), `ids` (how many of them are different), `labelled`,
    `classes` (samples of each), `groups`, `bands`, `hs_sizes`, `hs_types`, `rgb_sizes` (samples
    of each), `hs_range`, `rgb_range` (smallest and largest value, or null), `wavelengths_nm`
    (first and last, or null), `unit`, `parts` (samples of each, or null), `parts_from`
    (`split.json`, `files` or null) and `fingerprint` (null where not every record is whole).

    Args:
        path: A file, a glob or a folder, as `open_dataset` takes it.
        workers: Processes to read with, at most.
        passing: What one number for each record goes through (a progress bar).

    Raises:
        DataError: There is nothing there that could be a data set.
        ConfigError: A process was ended from outside.
    """
    located = locate(path)
    findings = Findings()
    info, described, problems = read_info(located)
    findings.extend(problems)
    if as_path(path).is_dir() or len(located.shards) > 1:
        findings.extend(missing_shards(located))
    read = read_shards(located, workers, passing, findings.extend)
    if len(located.shards) == len(read.foreign) == 1:
        raise read.foreign[0]  # one file, and no TFRecords: that is no data set
    seen = see(located, read.samples)
    whole = fingerprint(located, read.frames) if read.intact else None
    parts_from = "files" if any(located.splits) else None
    if whole is not None and len(seen) == read.records:
        part_of, problems = written_split(Known(located.root, [s.key for s in seen], whole))
        findings.extend(problems)
        if part_of is not None:
            seen = [s.moved(part_of.get(s.key)) for s in seen]
            parts_from = "split.json"
    if seen:
        findings.extend(judge_samples(located.root, seen))
        findings.extend(judge_images(seen))
        findings.extend(judge_spectra(located.root, read.spectra, info))
        bands = Counter(s.facts.hs_size[2] for s in seen).most_common(1)[0][0]
        findings.extend(replace(p, samples=len(seen)) for p in judge_info(info, described, bands))
    figures = {
        "path": str(path),
        "name": info.name,
        "simulated": info.simulated,
        "shards": len(located.shards),
        **_counted(read, seen),
        **_ranges(read, info),
        "parts": _counts(s.part or "none" for s in seen) if parts_from else None,
        "parts_from": parts_from,
        "fingerprint": whole,
    }
    return CheckReport(findings.sorted(), figures)


def _counted(read: Scan, seen: Sequence[Seen]) -> dict[str, Any]:
    labels = [s.facts.label for s in seen if s.facts.label is not None]
    bands = _counts(s.facts.hs_size[2] for s in seen)
    return {
        "bytes": read.bytes,
        "records": read.records,
        "samples": len(seen),
        "ids": len({s.facts.id for s in seen} - {None}),
        "labelled": len(labels),
        "classes": _counts(labels),
        "groups": len({s.facts.group for s in seen} - {None}),
        "bands": bands,
        "hs_sizes": _counts("x".join(map(str, s.facts.hs_size[:2])) for s in seen),
        "hs_types": _counts(s.facts.hs_type for s in seen),
        "rgb_sizes": _counts("x".join(map(str, s.facts.rgb_size)) for s in seen),
    }


def _ranges(read: Scan, info: DatasetInfo) -> dict[str, Any]:
    spectra = [found for found in read.spectra.values() if found.cubes]
    nm = info.wavelengths_nm
    return {
        "hs_range": [min(float(f.low.min()) for f in spectra), max(f.top for f in spectra)]
        if spectra
        else None,
        "rgb_range": list(read.rgb) if read.rgb[0] <= read.rgb[1] else None,
        "wavelengths_nm": [nm[0], nm[-1]] if nm else None,
        "unit": info.unit,
    }


def _counts(values: Iterable[object]) -> dict[str, int]:
    return {str(value): count for value, count in sorted(Counter(values).items(), key=str)}
