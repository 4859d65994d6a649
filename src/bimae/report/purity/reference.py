"""Mean spectra of the classes, for a person to hold the spectrum of a seed against.

Best are those of seeds whose class is known. A lot's own seeds stand in where there are none: a
species of which one seed was found then has that seed for its mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from bimae.data import SeedDataset, Split, open_dataset
from bimae.errors import BimaeError, ConfigError
from bimae.predict.lot import Lot
from bimae.report.inspect.measure import mean_spectra
from bimae.report.inspect.quality import Floats
from bimae.spectra import band_reach

OF_EACH = 40  # seeds of a class that are read
SEED = 0


@dataclass(frozen=True)
class Reference:
    """Mean spectra of classes.

    Attributes:
        means: [bands] by class; a class without a seed is not there.
        seeds: How many each mean is of.
        words: Which seeds these are.
    """

    means: Mapping[str, Floats]
    seeds: Mapping[str, int]
    words: str


NONE = Reference({}, {}, "none: photos have no spectra")


def of_lot(samples: SeedDataset, lot: Lot) -> Reference:
    """Of the seeds of the lot itself, by what they were called; doubtful ones where all are."""
    chosen: dict[str, list[int]] = {}
    for number, name in enumerate(lot.classes):
        mine = (lot.called == number) & ~lot.judged.rejected
        sure = mine & ~lot.doubtful
        chosen[name] = [int(i) for i in np.flatnonzero(sure if sure.any() else mine)]
    words = (
        "of up to {most} seeds of this lot that were called so (known seeds of the same sensor "
        "were not at hand): of a rare species it may be the seed itself"
    )
    return _read(samples, chosen, words)


def of_known(
    known: SeedDataset, classes: Sequence[str], lot: SeedDataset, numbers: Sequence[int] | None
) -> Reference:
    """Of seeds whose class is known.

    Args:
        known: Labelled seeds.
        classes: Of the model.
        lot: The seeds that are to be compared with them.
        numbers: Which of the known seeds; None: all.

    Raises:
        ConfigError: They are of another sensor or unit than the lot, or of other classes.
    """
    if reason := differs(known, lot):
        raise ConfigError(f"{known.root}: no reference for this lot: {reason}")
    chosen: dict[str, list[int]] = {name: [] for name in classes}
    for number in range(len(known)) if numbers is None else numbers:
        if (label := known.labels[number]) in chosen:
            chosen[str(label)].append(number)
    if not any(chosen.values()):
        raise ConfigError(
            f"{known.root}: no reference for this lot: no seed of the model's classes "
            f"({', '.join(classes[:5])}{', ...' * (len(classes) > 5)})"
        )
    name = known.info.name or known.root.name
    simulated = "SIMULATED " * known.info.simulated
    return _read(known, chosen, f"of up to {{most}} known seeds each, from {simulated}{name}")


def learned_from(
    run: Path, fingerprint: str, like: SeedDataset
) -> tuple[SeedDataset, Sequence[int]] | None:
    """What a model learned from, if its run still knows where that is and it has not changed.

    Args:
        run: Folder of the fine-tuning run.
        fingerprint: Of the data, as the model folder tells it.
        like: The lot; opened at the same sizes.
    """
    try:
        path = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["data"]
        known = open_dataset(path, hs_size=like.hs_size, rgb_size=like.rgb_size)
        if known.fingerprint != fingerprint or differs(known, like):
            return None
        return known, Split.load(run / "split.json", known).train
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError, BimaeError):
        return None  # moved, or the folder was copied from elsewhere: there are other ways


def differs(known: SeedDataset, lot: SeedDataset) -> str:
    """Why spectra of two data sets cannot be held against each other; empty where they can."""
    if known.bands != lot.bands:
        return f"its cubes have {known.bands} bands, those of the lot {lot.bands}"
    ours, theirs = lot.wavelengths_nm, known.wavelengths_nm
    if ours is not None and theirs is not None:
        far = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
        if far > band_reach(ours):
            return f"its bands lie up to {far:.0f} nm from those of the lot"
    if known.info.unit != lot.info.unit or known[0].hs.dtype != lot[0].hs.dtype:
        return "its values are in another unit than those of the lot"
    return ""


def _read(samples: SeedDataset, chosen: Mapping[str, Sequence[int]], words: str) -> Reference:
    rng = np.random.default_rng(SEED)
    means, seeds = {}, {}
    for name, numbers in chosen.items():
        some = sorted(int(i) for i in rng.permutation(numbers)[:OF_EACH])
        spectra = [mean_spectra(samples[i].hs)["middle"] for i in some]
        filled = [spectrum for spectrum in spectra if np.isfinite(spectrum).all()]
        if filled:
            means[name], seeds[name] = np.mean(filled, axis=0), len(filled)
    return Reference(means, seeds, words.format(most=OF_EACH))
