"""What came of an import, in numbers and in words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bimae.data.cubes.cube import Bands
from bimae.data.importing.items import Plan
from bimae.data.importing.work import digests_of
from bimae.data.leakage import Digest


@dataclass
class ImportSummary:
    """What came of an import.

    Attributes:
        out: The data set.
        layout: The layout recognised.
        items: How many seeds, trays or scenes there were to read.
        samples: How many samples were written.
        classes: Samples by class; None counts the unlabelled ones.
        groups: How many groups there are.
        bands: What the bands are.
        sensor: The camera, or empty.
        unit: Unit of the spectra, or empty.
        rgb: Samples by what their RGB image is.
        left_out: Name of each item that is not in, and why.
        notes: What was assumed or mended: the text, how often, and the first item it is about.
        objects: Of trays: objects found by state (whole, touching, cut, ...).
        simulated: Whether the files said so.
        bytes: Size of the shards.
        declared: Samples by declared part; empty where none is declared.
        sizes: Height and width of the images that occur, by view.
        digests: Of the samples in the order of the records, where no part is declared.
    """

    out: Path
    layout: str
    items: int
    samples: int = 0
    classes: Counter[str | None] = field(default_factory=Counter)
    groups: int = 0
    bands: Bands = field(default_factory=lambda: Bands(0))
    sensor: str = ""
    unit: str = ""
    rgb: Counter[str] = field(default_factory=Counter)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, int, str]] = field(default_factory=list)
    objects: Counter[str] = field(default_factory=Counter)
    simulated: bool = False
    bytes: int = 0
    declared: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    digests: list[Digest] = field(default_factory=list)

    def describe(
        self,
        plan: Plan,
        kept: Sequence[dict[str, Any]],
        found: Sequence[dict[str, Any]],
        reference: Bands,
    ) -> None:
        """Fills in everything that the facts of the items tell.

        Args:
            plan: What was to be read.
            kept: Facts of the items that are in.
            found: Facts of the units that looked for the seeds of trays.
            reference: What the bands are.
        """
        samples = [sample for item in kept for sample in item["samples"]]
        self.samples = len(samples)
        self.simulated |= any(item["simulated"] for item in kept)
        self.classes = Counter(label for _, label, _, _ in samples)
        self.groups = len({group for _, _, group, _ in samples if group is not None})
        self.bands = reference
        self.sensor = _most([item["sensor"] for item in kept])
        self.unit = _most([item["unit"] for item in kept])
        for item in kept:
            self.rgb[item["rgb"]] += len(item["samples"])
        self.sizes = {
            view: sorted({tuple(size) for item in kept for size in item["sizes"][view]})
            for view in ("hs", "rgb")
        }
        self.digests = [digest for item in kept for digest in digests_of(item)]
        parts = Counter(split for _, _, _, split in samples if split is not None)
        self.declared = {s: parts[s] for s in ("train", "val", "test") if s in parts}
        for facts in found:
            for item in facts["items"]:
                for row in item.get("objects", ()):
                    self.objects[row["flags"] or "whole"] += 1
        noted: dict[str, list[str]] = {text: [] for text in plan.notes}
        # A tray's seeds are cut in several units, which all say the same: once a name is enough.
        for item in (*(i for f in found for i in f["items"]), *kept):
            for text in item.get("notes", ()):
                names = noted.setdefault(text, [])
                if item["name"] not in names[-1:]:
                    names.append(item["name"])
        self.notes = [
            (text, len(dict.fromkeys(names)) or 1, names[0] if names else "")
            for text, names in noted.items()
        ]
        missing = sum(1 for item in kept if item["bands"]["wavelengths_nm"] is None)
        if missing and reference.wavelengths_nm is not None:
            self.notes.append(("has no wavelengths; those of the others are taken", missing, ""))
        units = Counter(item["unit"] for item in kept)
        if len(units) > 1:
            listed = ", ".join(f"{n} {unit or 'unknown'}" for unit, n in units.most_common())
            self.notes.append((f"units of the spectra differ ({listed}): see their notes", 1, ""))

    def as_json(self) -> dict[str, Any]:
        """What `import.json` holds."""
        return {
            "layout": self.layout,
            "items": self.items,
            "samples": self.samples,
            "left_out": [{"name": name, "why": why} for name, why in self.left_out],
            "notes": [{"text": t, "items": n, "first": first} for t, n, first in self.notes],
            "objects": dict(self.objects),
        }


def _most(texts: Sequence[str]) -> str:
    seen = Counter(text for text in texts if text)
    return seen.most_common(1)[0][0] if seen else ""
