"""`bimae probe`: how good a model's frozen features are, beside those of random weights."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bimae.cli.parse import parse
from bimae.cli.probe_job import FILE, NO_WEIGHTS, checked
from bimae.errors import BandError
from bimae.model.config import PRESETS
from bimae.spectra import BandSelection

if TYPE_CHECKING:
    from bimae.evaluate.probe import Probed

ABOUT = (
    "Measures how good frozen features are: the encoder's output, averaged over tokens, is given "
    "to a logistic regression (linear), to nearest neighbours (knn) and to a linear discriminant "
    "analysis (lda, for few labels), which learn from the train part, choose C, k "
    "and the shrinkage on the val part, and answer for the test part. The split is that of the "
    "run where it was trained on these data, else that of the data. The control beside them is the "
    "same encoder with random weights."
)
EXAMPLE = "bimae probe --weights runs/a --data DATA --shots 10"
RANDOM = "frozen, random weights"
POOLS = {
    "mean": "over all tokens",
    "raw_mean": "over all tokens, before the encoder's last norm",
    "views": "over the tokens of each view, side by side",
}
SETTINGS = {"linear": "C", "knn": "k", "lda": "shrinkage"}
NAMES = {"BiMAE": "frozen, pretrained", "SeedClassifier": "frozen, fine-tuned"}


@dataclass(frozen=True)
class ProbeOptions:
    """Options of the probe."""

    weights: Path
    """Pretraining or fine-tuning run, or its model folder; none: random weights only."""
    data: Path
    """Labelled TFRecords: a file, a glob, or a folder."""
    modality: Literal["auto", "bimodal", "hs", "rgb"] = "auto"
    """What the encoder sees; auto: both, of a fine-tuned classifier what that looks at; only one
    of any sensor can be shown something else."""
    bands: str | None = None
    """Bands that it sees: all, step_60, 450-680nm, 490nm@30,560nm@20 and so on, as in finetune;
    default: all, of a fine-tuned classifier its own; one of any sensor sees what is asked for."""
    scale: Literal["auto", "before", "after"] = "auto"
    """Spectra are min-max scaled before the bands are picked, or after, over these bands only;
    auto: as in pretraining, of a fine-tuned classifier its own."""
    pool: Literal["auto", "mean", "raw_mean", "views"] = "auto"
    """Mean over all tokens; over all tokens before the encoder's last norm (raw_mean); or over
    those of each view, side by side; auto: mean, of a classifier that pools by raw_mean that."""
    shots: int | Literal["all"] = "all"
    """Training samples of each class to learn from, drawn with the seed; all: every one."""
    seed: int = 0
    """Seed of a new split, the shots, the folds and the random weights."""
    balanced: bool = False
    """Let every class count the same: to linear by the weights of samples, to lda by its prior."""
    control: bool = True
    """Probe the same encoder with random weights too."""
    model: str | None = None
    """Preset with weights none: mae_vit_{tiny,small,base}_patch24; default: tiny."""
    patch_size: int | None = None
    """Side of an RGB tile in pixels with weights none; default: 24."""
    batch_size: int = 64
    """Samples at a time."""
    out: Path | None = None
    """Folder for probe.json; default: probe-<data name> in the run folder, with weights none
    nothing is written."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        for name, least in (("batch_size", 1), ("shots", 1), ("patch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, int) and value < least:
                yield f"{name} is {value}; it must be at least {least}"
        for name in ("model", "patch_size"):
            if getattr(self, name) is not None and self.weights != NO_WEIGHTS:
                yield f"{name} is of use with --weights none only; {self.weights} has its own"
        if self.model is not None and self.model not in PRESETS:
            yield f"model {self.model!r} is not known; choose one of {', '.join(PRESETS)}"
        if self.pool == "views" and self.modality in ("hs", "rgb"):
            yield f"pool is 'views', but modality {self.modality} is a single view; use pool mean"
        if self.modality == "rgb" and self.bands not in (None, "all"):
            yield f"bands is {self.bands!r}, but modality rgb sees no bands"
        try:
            BandSelection(self.bands or "all")
        except BandError as error:
            yield str(error)


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    run(parse(ProbeOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE))


def run(options: ProbeOptions) -> dict[str, Any]:
    """Probes, prints the table, and writes `probe.json`.

    Returns:
        What is written.
    """
    from bimae.cli.progress import progress
    from bimae.data.labels import left_aside
    from bimae.evaluate.frozen import fresh_like, parts_of
    from bimae.evaluate.probe import knn_probe, lda_probe, linear_probe
    from bimae.storage import write_text

    job = checked(options)
    model, samples, split = job.model, job.samples, job.split
    print(f"read     {job.shown.reads}\npool     {job.pool}: {POOLS[job.pool]}")
    sizes = {part: len(getattr(split, part)) for part in ("train", "val", "test")}
    print(f"parts    {', '.join(f'{n} {part}' for part, n in sizes.items())} ({split.how})")
    notes = [f"{text} (height x width), as the model was made for" for text in samples.resized]
    for note in [left_aside(samples.labels), *notes, job.shown.note]:
        if note:
            print(f"note: {note}")

    own = RANDOM if options.weights == NO_WEIGHTS else NAMES[type(model).__name__]
    models = {own: model}
    if options.control and own != RANDOM:
        models[RANDOM] = fresh_like(model, options.seed)
    rows = []
    for name, probed in models.items():
        with progress(f"features ({name})", "batch") as watch:
            parts = parts_of(probed, samples, split, **job.how(probed), watch=watch)
        results = (
            linear_probe(parts, balanced=options.balanced, seed=options.seed),
            knn_probe(parts, seed=options.seed),
            lda_probe(parts, balanced=options.balanced, seed=options.seed),
        )
        rows += [{"features": name, **_row(result)} for result in results]
    told = {
        "data": samples.info.name or str(options.data),
        "simulated": samples.info.simulated,
        "weights": str(options.weights),
        "reads": job.shown.reads,
        "pool": job.pool,
        "shots": options.shots,
        "seed": options.seed,
        "balanced": options.balanced,
        "split": split.how,
        "part": "test",
        "samples": sizes,
        "dimensions": parts.test.features.shape[1],
        "classes": list(parts.classes),
        "rows": rows,
    }
    print(_table(told))
    if job.out is not None:
        write_text(job.out / FILE, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        print(f"results  {job.out / FILE}")
    return told


def _row(probed: "Probed") -> dict[str, Any]:
    """A probe's figures for `probe.json`."""
    from bimae.evaluate.classification import score

    results = score(probed.predictions)
    return {
        "method": probed.method,
        SETTINGS[probed.method]: probed.setting,
        "chosen_by": probed.chosen_by,
        "tried": {_said(setting): figure for setting, figure in probed.tried.items()},
        "accuracy": results.accuracy,
        "macro_f1": results.macro_f1,
        "per_class": [asdict(row) for row in results.per_class],
        "confusion_matrix": results.confusion.tolist(),
    }


def _said(setting: float | str) -> str:
    return setting if isinstance(setting, str) else f"{setting:g}"


def _table(told: dict[str, Any]) -> str:
    """The figures for people."""
    from bimae.bench.table import Column, table

    lines = [
        {**row, "setting": f"{name} {_said(row[name])}"}
        for row in told["rows"]
        for name in [SETTINGS[row["method"]]]
    ]
    columns = [
        Column("features", f"{'SIMULATED DATA, ' * told['simulated']}test part"),
        Column("method", "probe"),
        Column("setting", "setting"),
        Column("chosen_by", "chosen by"),
        Column("accuracy", "accuracy", "{:.3f}".format),
        Column("macro_f1", "macro-F1", "{:.3f}".format),
    ]
    return table(lines, columns)
