"""`bimae bands`: which bands or filters a classifier needs, and what a few of them are worth."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bimae.cli.parse import parse
from bimae.errors import BimaeError, ConfigError, DataError

if TYPE_CHECKING:
    from bimae.cli.bands_job import Job
    from bimae.data import SeedDataset, Split
    from bimae.evaluate.band_candidates import Candidates
    from bimae.model import SeedClassifier

ABOUT = (
    "Says which bands matter: how much worse a classifier gets when groups of bands are exchanged "
    "between samples; and, for a model of any sensor (bimae finetune --any-sensor true), which k "
    "bands or filters to have: chosen one after the other by log-loss on the val part, and tested "
    "on the test part beside equally spaced and random ones."
)
EXAMPLE = "bimae bands runs/b DATA -k 5 --width 20"
FILE = "bands.json"


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
                f"k is {self.k}, but there are only {self.candidates} candidates; lower -k or raise "
                "--candidates"
            )
        if self.width is not None and not 0 < self.width < float("inf"):
            yield f"width is {self.width:g} nm; a number above 0 is expected"


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    words = [re.sub(r"^-k=?(?=\d|$)", "--k=", word) for word in argv]
    joined: list[str] = []
    for word in words:  # `--k=` and the number that follows it
        if joined and joined[-1] == "--k=":
            joined[-1] += word
        else:
            joined.append(word)
    run(
        parse(
            BandsOptions, joined, prog=prog, about=ABOUT, example=EXAMPLE,
            positionals=("model", "data"),
        )
    )  # fmt: skip


def run(options: BandsOptions) -> dict[str, Any]:
    """Ranks, chooses, tests, prints the tables and writes `bands.json`, `.csv` and `.png`.

    Returns:
        What `bands.json` says.
    """
    from bimae.cli.bands_job import job_of, write

    out = _out(options)
    job = _checked(options)
    print(job.plan())
    told = job_of(job)
    write(job, told, out)
    return told


def _out(options: BandsOptions) -> Path:
    """Where to write, before any work: a folder of a ranking, an empty one, or a new one."""
    from bimae.model import model_folder

    out = options.out
    if out is None:
        name = re.sub(r"[^\w-]+", "-", options.data.stem).strip("-") or "data"
        out = model_folder(options.model).parent / f"bands-{name}"
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: is a file; name a folder as --out")
    if out.is_dir() and any(out.iterdir()) and not (out / FILE).is_file():
        raise ConfigError(f"{out}: holds other files; name another --out")
    return out
