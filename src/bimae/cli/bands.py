"""`bimae bands`: which bands or filters a classifier needs, and what a few of them are worth."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bimae.cli.parse import parse
from bimae.errors import ConfigError

if TYPE_CHECKING:
    from bimae.cli.bands_job import Job
    from bimae.evaluate.band_candidates import Candidates
    from bimae.evaluate.band_ranking import Watch

ABOUT = (
    "Says which bands matter: how much worse a classifier gets when groups of bands are exchanged "
    "between samples; and, for a model of any sensor (bimae finetune --any-sensor true), which k "
    "bands or filters to have: chosen one after the other by log-loss on the val part, and tested "
    "on the test part beside equally spaced and random ones."
)
EXAMPLE = "bimae bands runs/b DATA -k 5 --width 20"
FILE = "bands.json"
PER_CLASS = 20  # samples of a mean spectrum in the picture


@dataclass(frozen=True)
class BandsOptions:
    """Options of the ranking."""

    model: Path
    """Fine-tuning run, or its model folder."""
    data: Path
    """Labelled TFRecords: a file, a glob, or a folder."""
    k: int = 5
    """Bands or filters to choose; -k 5 will do."""
    candidates: int = 40
    """Bands (equally spaced by number) or filters (in nm) to choose from."""
    width: float | None = None
    """Full width at half maximum in nm of filters to choose from; default: single bands."""
    modality: Literal["auto", "hs", "bimodal"] = "auto"
    """Show the bands alone, or beside the RGB image; auto: alone (of a model of one sensor what
    it looks at)."""
    groups: int = 20
    """Groups of neighbouring bands whose importance is measured."""
    repeats: int = 5
    """Permutations of each group."""
    part: Literal["val", "test", "train"] = "val"
    """Part of the data that importance is measured on."""
    random: int = 20
    """Random sets of k to compare with."""
    seed: int = 0
    """Seed of the permutations, the random sets and the bootstrap, and of a split that is drawn."""
    batch_size: int = 64
    """Samples at a time."""
    out: Path | None = None
    """Folder for the results; default: bands-<data name> in the run folder."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        least = {"k": 1, "candidates": 1, "groups": 2, "repeats": 1, "random": 1, "seed": 0}
        for name, low in {**least, "batch_size": 1}.items():
            if getattr(self, name) < low:
                yield f"{name} is {getattr(self, name)}; it must be at least {low}"
        if self.k > self.candidates:
            yield (
                f"k is {self.k}, but there are only {self.candidates} candidates; lower -k, or "
                "raise --candidates"
            )
        if self.width is not None and not 0 < self.width < float("inf"):
            yield f"width is {self.width:g} nm; a number above 0 is expected"


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    words = [re.sub(r"^-k(?=$|=)", "--k", re.sub(r"^-k(?=\d)", "-k=", word)) for word in argv]
    names = ("model", "data")
    run(
        parse(BandsOptions, words, prog=prog, about=ABOUT, example=EXAMPLE, positionals=names),
    )


def run(options: BandsOptions) -> dict[str, Any]:
    """Ranks, chooses, tests, prints the tables and writes `bands.json`, `.csv` and `.png`.

    Returns:
        What `bands.json` says.
    """
    from bimae.cli.bands_job import ONE_SENSOR, checked
    from bimae.cli.bands_text import tables
    from bimae.cli.progress import progress
    from bimae.data.labels import left_aside
    from bimae.report import figures
    from bimae.report.band_facts import band_table
    from bimae.report.band_figure import band_figure
    from bimae.storage import write_text

    out = _out(options)
    job = checked(options)
    aside = left_aside(job.samples.labels)
    for note in filter(None, (aside, job.looks.note, *job.samples.resized)):
        print(f"note: {note}")
    if job.candidates is None:
        print(f"note: {ONE_SENSOR}")
    asked = job.evaluations()
    listed = ", ".join(f"{number} {what}" for what, number in asked.items())
    print(f"evaluations of the model: {sum(asked.values())} ({listed})")
    with progress("sets of bands", "set", sum(asked.values())) as watch:
        told = _told(job, watch)
    print(tables(told))
    write_text(out / FILE, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    write_text(out / "bands.csv", band_table(told))
    nm = job.samples.wavelengths_nm
    places = tuple(map(float, range(job.samples.bands))) if nm is None else nm
    unit = "band" if nm is None else "wavelength (nm)"
    picture = band_figure(told, _spectra(job), places, unit)
    figures.save(picture, out / "bands.png")
    print(f"results  {out}")
    return told


def _out(options: BandsOptions) -> Path:
    """Where to write, before any work: a folder of a ranking, an empty one, or a new one."""
    from bimae.model import results_folder

    out = options.out
    if out is None:
        name = re.sub(r"[^\w-]+", "-", options.data.stem).strip("-") or "data"
        out = results_folder(options.model) / f"bands-{name}"
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: is a file; name a folder as --out")
    if out.is_dir() and any(out.iterdir()) and not (out / FILE).is_file():
        raise ConfigError(f"{out}: holds other files; name another --out")
    return out


def _spectra(job: "Job") -> dict[str, Any]:
    """Mean spectrum of each class, of some samples of the part."""
    from bimae.evaluate.views import mean_spectra

    part = getattr(job.split, job.options.part)
    found = {}
    for name in job.model.config.classes:
        own = [i for i in part if job.samples.labels[i] == name][:PER_CLASS]
        if own:
            found[name] = mean_spectra(job.samples, own).mean(axis=0)
    return found


def _told(job: "Job", watch: "Watch") -> dict[str, Any]:
    """The work; what `bands.json` says."""
    from bimae.evaluate.band_ranking import importance
    from bimae.evaluate.held import hold
    from bimae.report.band_facts import group_facts

    options, samples, looks = job.options, job.samples, job.looks
    part = getattr(job.split, options.part)
    held = hold(job.model, samples, part, modality=looks.reading.modality)
    before, found = importance(
        held, job.groups, repeats=options.repeats, seed=options.seed,
        batch_size=options.batch_size, watch=watch,
    )  # fmt: skip
    in_nm = samples.wavelengths_nm is not None
    told: dict[str, Any] = {
        "data": samples.info.name or str(options.data),
        "simulated": samples.info.simulated,
        "model": str(options.model),
        "any_sensor": job.model.config.any_sensor,
        "modality": looks.reading.modality,
        "scale": looks.reading.scale,
        "seed": options.seed,
        "split": job.split.how,
        "unit": "nm" if in_nm else "band",
        "importance": {
            "part": options.part,
            "samples": len(held.truth),
            "repeats": options.repeats,
            "nothing_exchanged": asdict(before),
            "groups": group_facts(found, looks.reading.bands or (), job.places, in_nm=in_nm),
        },
        "chosen": None,
        "test": None,
    }
    return told if job.candidates is None else told | _chosen(job, job.candidates, watch)


def _chosen(job: "Job", candidates: "Candidates", watch: "Watch") -> dict[str, Any]:
    """Chooses on val, tests on test."""
    from bimae.evaluate.band_cameras import compare
    from bimae.evaluate.band_ranking import choose
    from bimae.evaluate.held import hold
    from bimae.report.band_facts import choice_facts, comparison_facts

    options, samples, model = job.options, job.samples, job.model
    how: dict[str, Any] = {"batch_size": options.batch_size, "watch": watch}
    modality, test = job.looks.reading.modality, job.split.test
    text = candidates.selection(range(len(candidates)))
    held = hold(model, samples, job.split.val, modality=modality, bands=text)
    choices = choose(held, options.k, pairs=job.pairs, **how)
    groups = [samples.groups[i] for i in test]
    found = compare(
        hold(model, samples, test, modality=modality, bands=text),
        hold(model, samples, test, modality=modality),
        [choice.channel for choice in choices],
        groups=groups, random=options.random, seed=options.seed, **how,
    )  # fmt: skip
    filters = options.width is not None
    return {
        "chosen": choice_facts(candidates, choices, samples=len(held.truth), filters=filters),
        "test": comparison_facts(candidates, found, groups),
    }
