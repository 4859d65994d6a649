"""`bimae baselines`: every baseline that a network has to beat, on the same split."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal

from bimae.cli.parse import parse
from bimae.errors import ConfigError, DataError

if TYPE_CHECKING:
    from bimae.data import SeedDataset, Split
    from bimae.evaluate.classification import Predictions, Results

ABOUT = (
    "Trains classical classifiers on mean spectra and colour statistics, and two small "
    "convolutional networks on the images, and tests them on the test part: the split that a "
    "fine-tuning of this seed has. The transformer from scratch is bimae finetune without "
    "--weights."
)
EXAMPLE = "bimae baselines DATA --balanced both --out runs/baselines"
FILE_NAME = "baselines.json"
ALL = "all"


@dataclass(frozen=True)
class BaselinesOptions:
    """Options of the baselines."""

    data: Path
    """Labelled TFRecords: a file, a glob, or a folder."""
    methods: str = ALL
    """Names with commas between them: majority, linear-spectra, svm-spectra, lda-spectra,
    pls-spectra, forest-spectra, mlp-spectra, linear-rgb, svm-rgb, linear-both, cnn-rgb,
    cnn-spectra; or all."""
    balanced: Literal["false", "true", "both"] = "false"
    """Every class counts the same in training, which trades accuracy for macro-F1; or both."""
    shots: str = ALL
    """Training samples of each class (a whole number), drawn anew with each seed; or all."""
    leave_out: tuple[str, ...] = ()
    """Classes to take out of every part, as `bimae finetune` does with the same option."""
    seed: int = 0
    """Of the split where one is drawn, and the first of the seeds of what draws."""
    seeds: int = 3
    """How many seeds for what draws (networks, forest; everything where shots are drawn)."""
    out: Path | None = None
    """Folder for baselines.json and, a folder per run, every prediction; default: only a table."""

    def names(self) -> list[str]:
        """The methods asked for, each once, in the order given; of `all`, as they are listed."""
        from bimae.evaluate.baselines import METHODS

        asked = [name.strip() for name in self.methods.split(",") if name.strip()]
        return list(METHODS) if asked == [ALL] else list(dict.fromkeys(asked))

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        from bimae.evaluate.baselines import method_problems

        found = method_problems(self.names(), self.seed)
        if not self.names():
            found.append(f"methods is {self.methods!r}; at least one name, or all, is expected")
        if self.seeds < 1:
            found.append(f"seeds is {self.seeds}; it must be at least 1")
        if self.shots != ALL and not (self.shots.isdecimal() and int(self.shots) > 0):
            found.append(f"shots is {self.shots!r}; a whole number from 1, or all, is expected")
        return found

    def wanted(self) -> list[tuple[str, bool]]:
        """Name and whether balanced, of each row; what does not weigh classes is run once."""
        from bimae.evaluate.baselines import METHODS

        ways = {"false": (False,), "true": (True,), "both": (False, True)}[self.balanced]
        rows = [(name, way and METHODS[name].weighs) for name in self.names() for way in ways]
        return list(dict.fromkeys(rows))


@dataclass(frozen=True)
class Run:
    """One training of one method.

    Attributes:
        seed: What it was drawn with.
        results: Its figures on the test part.
        seconds: Of features, training and answers; features that an earlier one made are free.
        folder: Where its predictions lie within `out`, or None.
    """

    seed: int
    results: "Results"
    seconds: float
    folder: str | None


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    options = parse(
        BaselinesOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("data",)
    )
    run(options)


def run(options: BaselinesOptions) -> list[dict[str, Any]]:
    """Runs the methods, prints a line for each as it is done, and writes what came out.

    Returns:
        The rows of `baselines.json`.
    """
    from bimae.cli.parts import tell_parts
    from bimae.data import open_dataset, split_dataset
    from bimae.data.labels import labelled
    from bimae.data.shots import without
    from bimae.data.splits import PARTS
    from bimae.evaluate.baselines import split_problems
    from bimae.storage import write_text

    if options.out is not None:
        _check_out(options.out)
    samples = open_dataset(options.data)
    split = labelled(split_dataset(samples, seed=options.seed), samples, PARTS)
    if options.leave_out:
        split = without(split, samples.labels, options.leave_out)
    if wrong := split_problems(samples, split):
        raise DataError("\n".join(wrong))
    options = _possible(options, samples)
    splits = _splits(options, samples, split)
    tell_parts(split, samples)
    if options.shots != ALL:
        print(f"shots    {options.shots} training samples of each class")
    width = max(len(_label(*row)) for row in options.wanted())
    print(f"{'method':<{width}}{'accuracy':>16}{'macro-F1':>16}{'seconds':>9}")
    rows = []
    for row in _rows(options, samples, splits):
        rows.append(row)
        print(f"{_label(row['method'], row['balanced']):<{width}}{_figures(row)}")
    if any(len(row["runs"]) > 1 for row in rows):
        print("± is the standard deviation over seeds; seconds are of one run")
    if samples.info.simulated:
        print("simulated data: these figures say nothing about real samples")
    if options.out is not None:
        told = _facts(options, samples, split) | {"rows": rows}
        path = options.out / FILE_NAME
        write_text(path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        print(f"results  {path}")
    return rows


def _check_out(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: a file, a folder is expected; name another --out")
    if out.is_dir() and any(out.iterdir()) and not (out / FILE_NAME).is_file():
        raise ConfigError(f"{out}: holds other files; name another --out")


def _splits(
    options: BaselinesOptions, samples: "SeedDataset", split: "Split"
) -> dict[int, "Split"]:
    """The split of each seed: the same test part always, other training samples where drawn."""
    from bimae.data.shots import few

    seeds = range(options.seed, options.seed + options.seeds)
    if options.shots == ALL:
        return dict.fromkeys(seeds, split)
    return {seed: few(split, samples.labels, int(options.shots), seed) for seed in seeds}


def _possible(options: BaselinesOptions, samples: "SeedDataset") -> BaselinesOptions:
    """Of all methods those of RGB where there are photos alone; others are refused by name."""
    from bimae.data.info import check_has_spectra
    from bimae.evaluate.baselines import METHODS

    if not samples.info.photos_alone:
        return options
    wrong = [name for name in options.names() if METHODS[name].spectral]
    names = [name for name in options.names() if name not in wrong]
    if wrong and options.methods.strip() != ALL:
        told = f"{', '.join(wrong)} need them; leave them out"
        check_has_spectra(str(options.data), samples.info, told)
    print(f"note: photos without spectra: methods of RGB alone ({', '.join(names)})")
    return replace(options, methods=",".join(names))


def _rows(
    options: BaselinesOptions, samples: "SeedDataset", splits: dict[int, "Split"]
) -> Iterator[dict[str, Any]]:
    """A row of `baselines.json` for each method, as it is done."""
    from bimae.evaluate.baselines import METHODS, run_method
    from bimae.evaluate.classification import score
    from bimae.evaluate.views import Features

    features = Features(samples)
    for name, balanced in options.wanted():
        drawn = METHODS[name].draws or options.shots != ALL
        seeds = list(splits) if drawn else [options.seed]
        runs = []
        for seed in seeds:
            begun = time.monotonic()
            found = run_method(
                name, samples, splits[seed], seed=seed, balanced=balanced, features=features
            )
            seconds = round(time.monotonic() - begun, 2)
            folder = _label(name, balanced).replace(", ", "-")
            folder += f"/seed-{seed}" * (len(seeds) > 1)
            if options.out is not None:
                _write(options.out / folder, found, options, samples)
            kept = folder if options.out is not None else None
            runs.append(Run(seed, score(found), seconds, kept))
        yield {"method": name, "what": METHODS[name].title, "balanced": balanced} | _row(runs)


def _write(
    folder: Path, found: "Predictions", options: BaselinesOptions, samples: "SeedDataset"
) -> None:
    from bimae.report.results import write_results

    data = samples.info.name or str(options.data)
    write_results(folder, found, part="test", data=data, simulated=samples.info.simulated)


def _row(runs: list[Run]) -> dict[str, Any]:
    """Means over the runs, their spread (None of a single one), the sum of their confusions."""
    import numpy as np

    told: dict[str, Any] = {}
    for name in ("accuracy", "macro_f1"):
        values = [getattr(run.results, name) for run in runs]
        told[name] = fmean(values)
        told[f"{name}_std"] = stdev(values) if len(values) > 1 else None
    return told | {
        "seconds": fmean(run.seconds for run in runs),
        "samples": runs[0].results.samples,
        "classes": [row.name for row in runs[0].results.per_class],
        "confusion_matrix": np.sum([run.results.confusion for run in runs], axis=0).tolist(),
        "runs": [
            {
                "seed": run.seed,
                "accuracy": run.results.accuracy,
                "macro_f1": run.results.macro_f1,
                "seconds": run.seconds,
                "folder": run.folder,
            }
            for run in runs
        ],
    }


def _facts(options: BaselinesOptions, samples: "SeedDataset", split: "Split") -> dict[str, Any]:
    return {
        "data": samples.info.name or str(options.data),
        "simulated": samples.info.simulated,
        "part": "test",
        "split": split.summary(),
        "shots": ALL if options.shots == ALL else int(options.shots),
        "seed": options.seed,
        "seeds": options.seeds,
    }


def _label(name: str, balanced: bool) -> str:
    return name + ", balanced" * balanced


def _figures(row: dict[str, Any]) -> str:
    text = ""
    for name in ("accuracy", "macro_f1"):
        spread = row[f"{name}_std"]
        text += f"{row[name]:>8.3f}{'' if spread is None else f' ± {spread:.3f}':<8}"
    return f"{text}{row['seconds']:>9.1f}"
