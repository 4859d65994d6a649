"""What a model folder says about itself: `about.json` for machines, `README.md` for people.

The card is made from facts alone (the configuration, the data, what was measured); nothing in it is
written by hand, so that it cannot say what was not found out.
"""

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import bimae
from bimae.data import SeedDataset, Split
from bimae.data.colours import colour_type
from bimae.data.splits import PARTS
from bimae.errors import count
from bimae.evaluate.asked import AVERAGED
from bimae.evaluate.classification import Results
from bimae.model import ClassifierConfig, ModelConfig
from bimae.model.pretrained import read_json
from bimae.spectra import Channels
from bimae.storage import write_text

ABOUT, CARD = "about.json", "README.md"
LISTED = 30  # bands that are named one by one
SOURCE = "10.1109/CVPRW63382.2024.00304"


def about(samples: SeedDataset, split: Split, options: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a training: versions, data, and how it was done.

    Args:
        samples: The data.
        split: Which of them were learned from.
        options: Of the run. Paths are left out: they mean nothing elsewhere, and may say more of
            this machine than a person wants to publish.
    """
    info = samples.info
    return {
        "made": datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "versions": {
            "bimae": bimae.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "data": {
            "name": info.name or samples.root.name,
            "simulated": info.simulated,
            "source": info.source,
            "sensor": info.sensor,
            "unit": info.unit,
            "rgb": info.rgb,
            "rgb_pixels": colour_type(samples),
            "seed_side": info.seed_side,
            "photo_side": info.photo_side,
            "seed_areas": info.seed_areas,
            "fingerprint": samples.fingerprint,
            "parts": {part: len(getattr(split, part)) for part in PARTS},
            "learned_per_class": dict(
                sorted(Counter(samples.labels[i] or "(none)" for i in split.train).items())
            ),
        },
        "options": {name: v for name, v in options.items() if not isinstance(v, Path)},
    }


def measured(results: Results, part: str) -> dict[str, Any]:
    """What a test found, for `about.json`."""
    return {
        "part": part,
        "samples": results.samples,
        "accuracy": results.accuracy,
        "macro_f1": results.macro_f1,
        "per_class": [asdict(row) for row in results.per_class],
    }


def write_card(
    folder: Path, config: ModelConfig | ClassifierConfig, facts: Mapping[str, Any]
) -> None:
    """Writes `about.json` and `README.md` into a model folder.

    Args:
        folder: The model folder.
        config: The model's.
        facts: Of `about`; `tested` (`measured`) and `calibration` where there are any.
    """
    write_text(folder / ABOUT, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / CARD, card(config, facts))


def read_about(folder: Path) -> dict[str, Any]:
    """The facts of a model folder; empty where it has none.

    Raises:
        ModelError: The file is not what `write_card` leaves.
    """
    file = folder / ABOUT
    return read_json(file) if file.is_file() else {}


def card(config: ModelConfig | ClassifierConfig, facts: Mapping[str, Any]) -> str:
    """The model card, as Markdown."""
    classifies = isinstance(config, ClassifierConfig)
    data: dict[str, Any] = facts.get("data", {})
    simulated = bool(data.get("simulated"))
    lines = [
        "---",
        "library_name: bimae",
        f"tags: [hyperspectral, {'image-classification' if classifies else 'masked-autoencoder'}]",
        "---",
        "",
        f"# {'Seed classifier' if classifies else 'Pretrained BiMAE'}",
        "",
    ]
    if simulated:
        lines += [
            "**Made from SIMULATED data: no camera was involved, and nothing here says how well it "
            "does on real seeds.**",
            "",
        ]
    if isinstance(config, ClassifierConfig):
        alone = bool(facts.get("discriminant_alone"))
        lines += [*_reads(config, alone=alone), *_classes(config, facts)]
    else:
        lines += _pretrained(config)
    lines += _learned(data)
    if isinstance(config, ClassifierConfig):
        lines += [*_tested(facts.get("tested"), simulated), *_calibrated(facts.get("calibration"))]
        lines += _limits(config, facts)
    lines += _use(classifies=classifies)
    versions = ", ".join(f"{name} {value}" for name, value in facts.get("versions", {}).items())
    lines += ["", f"Made {facts.get('made', 'at an unknown time')} with {versions}. Method: BiMAE, "
              f"doi {SOURCE}."]  # fmt: skip
    return "\n".join(lines) + "\n"


def _reads(config: ClassifierConfig, *, alone: bool) -> list[str]:
    sizes = config.model
    views = []
    if config.modality != "rgb":
        channels = Channels(config.bands, config.band_weights)
        views.append(
            f"- a spectral image of {sizes.hs_size}x{sizes.hs_size} pixels, {len(channels)} "
            f"channels{_where(config)}, scaled `{config.scale}`"
        )
    if config.modality != "hs":
        views.append(f"- an RGB image of {sizes.rgb_size}x{sizes.rgb_size} pixels")
    told = ["## What it reads", "", *views]
    if config.any_sensor:
        told.append("- or one of the two, or any of the bands: it is a model of any sensor")
    if config.discriminant:
        analysis = f"a discriminant analysis of {AVERAGED[config.modality]} answers"
        told.append(
            f"- averaged over the object: {analysis} alone, the network is not used"
            if alone
            else f"- averaged over the object too: {analysis} beside the network"
        )
    if config.discriminant_objects:
        objects = count(config.discriminant_objects, "training object")
        told.append(f"- it holds these averages of {objects}: who passes it on passes them on")
    return [*told, ""]


def _where(config: ClassifierConfig) -> str:
    nm = config.wavelengths_nm
    if nm is None:
        return " (by number: wavelengths are unknown)"
    chosen = [nm[band] for band in config.bands]
    if len(chosen) > LISTED:
        return f" from {min(chosen):g} to {max(chosen):g} nm"
    return f" ({', '.join(f'{centre:g}' for centre in chosen)} nm)"


def _classes(config: ClassifierConfig, facts: Mapping[str, Any]) -> list[str]:
    learned: dict[str, int] = facts.get("data", {}).get("learned_per_class", {})
    rows = [f"| {name} | {learned.get(name, 0)} |" for name in config.classes]
    return [
        f"## Its {len(config.classes)} classes", "",
        "| class | samples it learned from |", "|---|---|", *rows, "",
    ]  # fmt: skip


def _pretrained(config: ModelConfig) -> list[str]:
    return [
        f"{config.name}, {config.width} wide, {config.depth} blocks; spectral images of "
        f"{config.hs_size}x{config.hs_size} pixels and {config.bands} bands, RGB images of "
        f"{config.rgb_size}x{config.rgb_size} pixels in tiles of {config.patch_size}. It has "
        "learned to reconstruct hidden bands and tiles; to classify, it has to be fine-tuned.",
        "",
    ]  # fmt: skip


def _learned(data: Mapping[str, Any]) -> list[str]:
    parts: dict[str, int] = data.get("parts", {})
    train, val, test = (parts.get(part, 0) for part in PARTS)
    told = [
        f"- {data.get('name', 'unknown')}; {train} samples to learn from, {val} for validation, "
        f"{test} kept for the test"
    ]
    for name, text in (("source", ""), ("sensor", "sensor: "), ("unit", "spectra are "),
                       ("rgb", "RGB: "), ("fingerprint", "fingerprint ")):  # fmt: skip
        if value := data.get(name):
            told.append(f"- {text}{value}")
    return ["## What it learned from", "", *told, ""]


def _tested(found: Mapping[str, Any] | None, simulated: bool) -> list[str]:
    if not found:
        return ["## Test", "", "Not tested.", ""]
    seen = " **which it has learned from**," if found["part"] == "train" else ""
    rows = [
        f"| {row['name']} | {row['precision']:.3f} | {row['recall']:.3f} | {row['support']} |"
        for row in found["per_class"]
    ]
    return [
        "## Test", "",
        f"On the {found['part']} part,{seen} {found['samples']} {'SIMULATED ' * simulated}samples: "
        f"accuracy {found['accuracy']:.3f}, macro-F1 {found['macro_f1']:.3f}.", "",
        "| class | precision | recall | samples |", "|---|---|---|---|", *rows, "",
    ]  # fmt: skip


def _calibrated(found: Sequence[Mapping[str, Any]] | None) -> list[str]:
    if not found:
        return [
            "## Calibration", "",
            "None: its probabilities are its own, mostly too sure of themselves. "
            "`bimae calibrate` mends that, and lets it say that a seed is of none of its classes.",
            "",
        ]  # fmt: skip
    return ["## Calibration", "", *(f"- {row['told']}" for row in found), ""]


def _limits(config: ClassifierConfig, facts: Mapping[str, Any]) -> list[str]:
    told = [
        "- For telling seeds (or other single objects) of these classes apart, in images taken and "
        "calibrated as those it learned from: same kind of light, camera, distance and unit.",
        "- What it says of a lot is by number and from images. It is no official certificate, and "
        "does not replace a seed analyst.",
        f"- It knows {len(config.classes)} classes. Whatever else is shown is called one of these"
        + (", unless it is rejected as strange." if facts.get("calibration") else "."),
    ]
    weak = [
        f"{row['name']} ({row['recall']:.2f})"
        for row in (facts.get("tested") or {}).get("per_class", [])
        if row["support"] and row["recall"] < 0.5
    ]
    if weak:
        told.append(f"- Classes of which it finds less than half: {', '.join(weak)} (recall).")
    return ["## Intended use and limits", "", *told, ""]


def _use(*, classifies: bool) -> list[str]:
    command = "evaluate --weights THIS --data DATA" if classifies else (
        "finetune --weights THIS --data DATA --out runs/b"
    )  # fmt: skip
    kind = "SeedClassifier" if classifies else "BiMAE"
    return [
        "## Use", "",
        f"    bimae {command}", "",
        "```python",
        f"from bimae.model import {kind}", "",
        f'model = {kind}.from_pretrained("THIS")',
        "```",
    ]  # fmt: skip
