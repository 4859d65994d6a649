"""`bimae probe`: how good a model's frozen features are, beside those of random weights."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bimae.cli.parse import parse
from bimae.errors import BandError, ConfigError
from bimae.model.classifier_config import ClassifierConfig
from bimae.model.config import PRESETS, Modality
from bimae.spectra import BandSelection, Channels

if TYPE_CHECKING:
    from bimae.data import SeedDataset, Split
    from bimae.evaluate.probe import Probed
    from bimae.model import BiMAE, SeedClassifier

ABOUT = (
    "Measures how good frozen features are: the encoder's output, averaged over tokens, is given "
    "to a logistic regression (linear) and to nearest neighbours (knn), which learn from the train "
    "part, choose C and k on the val part, and answer for the test part. The split is that of the "
    "run where it was trained on these data, else that of the data. The control beside them is the "
    "same encoder with random weights."
)
EXAMPLE = "bimae probe --weights runs/a --data DATA --shots 10"
NO_WEIGHTS = Path("none")
PATCH_SIZE = 24  # the paper's
FILE = "probe.json"
RANDOM = "frozen, random weights"
NAMES = {"BiMAE": "frozen, pretrained", "SeedClassifier": "frozen, fine-tuned"}


@dataclass(frozen=True)
class ProbeOptions:
    """Options of the probe."""

    weights: Path
    """Pretraining or fine-tuning run, or its model folder; none: random weights only."""
    data: Path
    """Labelled TFRecords: a file, a glob, or a folder."""
    modality: Literal["auto", "bimodal", "hs", "rgb"] = "auto"
    """What the encoder sees; auto: both, of a fine-tuned classifier what that looks at."""
    bands: str | None = None
    """Bands that it sees: all, step_60, 450-680nm, 490nm@30,560nm@20 and so on, as in finetune;
    default: all, of a fine-tuned classifier its own."""
    scale: Literal["auto", "before", "after"] = "auto"
    """Spectra are min-max scaled before the bands are picked, or after, over these bands only;
    auto: as in pretraining, of a fine-tuned classifier its own."""
    pool: Literal["mean", "views"] = "mean"
    """Mean over all tokens; or over those of each view, side by side."""
    shots: int | Literal["all"] = "all"
    """Training samples of each class to learn from, drawn with the seed; all: every one."""
    seed: int = 0
    """Seed of a new split, the shots, the folds and the random weights."""
    balanced: bool = False
    """Weigh samples so that every class counts the same to the linear probe."""
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
    from bimae.evaluate.frozen import check_parts, fresh_like, parts_of
    from bimae.evaluate.probe import knn_probe, linear_probe
    from bimae.storage import write_text

    out = _out(options)
    model, samples = _opened(options)
    how, reads = _looks(options, model, samples)
    split = _split(options, samples)
    check_parts(samples, split)
    print(f"read     {reads}")
    sizes = {part: len(getattr(split, part)) for part in ("train", "val", "test")}
    print(f"parts    {', '.join(f'{n} {part}' for part, n in sizes.items())} ({split.how})")
    for text in samples.resized:
        print(f"note: {text} (height x width), as the model was made for")

    own = RANDOM if options.weights == NO_WEIGHTS else NAMES[type(model).__name__]
    models = {own: model}
    if options.control and own != RANDOM:
        models[RANDOM] = fresh_like(model, options.seed)
    rows = []
    for name, probed in models.items():
        with progress(f"features ({name})", "batch") as watch:
            parts = parts_of(probed, samples, split, **how, watch=watch)
        results = (
            linear_probe(parts, balanced=options.balanced, seed=options.seed),
            knn_probe(parts, seed=options.seed),
        )
        rows += [{"features": name, **_row(result)} for result in results]
    told = {
        "data": samples.info.name or str(options.data),
        "simulated": samples.info.simulated,
        "weights": str(options.weights),
        "reads": reads,
        "pool": options.pool,
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
    if out is not None:
        write_text(out / FILE, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        print(f"results  {out / FILE}")
    return told


def _out(options: ProbeOptions) -> Path | None:
    """Where to write, before any work: a folder of a probe, an empty one, or a new one."""
    from bimae.model import model_folder

    out = options.out
    if out is None and options.weights == NO_WEIGHTS:
        return None
    if out is None:
        name = re.sub(r"[^\w-]+", "-", options.data.stem).strip("-") or "data"
        out = model_folder(options.weights).parent / f"probe-{name}"
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: is a file; name a folder as --out")
    if out.is_dir() and any(out.iterdir()) and not (out / FILE).is_file():
        raise ConfigError(f"{out}: holds other files; name another --out")
    return out


def _opened(options: ProbeOptions) -> "tuple[BiMAE | SeedClassifier, SeedDataset]":
    """The model, and the data at its sizes."""
    import torch

    from bimae.data import open_dataset
    from bimae.model import BiMAE, SeedClassifier, model_kind, preset

    if options.weights == NO_WEIGHTS:
        samples = open_dataset(options.data)
        config = preset(
            options.model or "mae_vit_tiny_patch24",
            bands=samples.bands,
            hs_size=samples.hs_size,
            rgb_size=samples.rgb_size,
            patch_size=options.patch_size or PATCH_SIZE,
        )
        return BiMAE(config, generator=torch.Generator().manual_seed(options.seed)), samples
    kinds: dict[str, type[BiMAE | SeedClassifier]] = {"SeedClassifier": SeedClassifier}
    model = kinds.get(model_kind(options.weights), BiMAE).from_pretrained(options.weights)
    sizes = model.config.model if isinstance(model, SeedClassifier) else model.config
    return model, open_dataset(options.data, hs_size=sizes.hs_size, rgb_size=sizes.rgb_size)


def _looks(
    options: ProbeOptions, model: "BiMAE | SeedClassifier", samples: "SeedDataset"
) -> tuple[dict[str, Any], str]:
    """How the encoder sees samples, as options of `features`, and in words."""
    from bimae.evaluate.frozen import look_at_sensor
    from bimae.model import SeedClassifier

    how: dict[str, Any] = {"pool": options.pool, "batch_size": options.batch_size}
    if isinstance(model, SeedClassifier):
        own = model.config
        if own.modality != "rgb":
            look_at_sensor(model, samples, str(options.weights))
        _check_own(options, own, samples)
        read = str(Channels(own.bands, own.band_weights))
        return how, _in_words(own.modality, read)
    modality: Modality = "bimodal" if options.modality == "auto" else options.modality
    scale = None if options.scale == "auto" else options.scale
    how |= {"modality": modality, "scale": scale}
    if modality == "rgb":
        return how, _in_words(modality, "")
    look_at_sensor(model, samples, str(options.weights))
    selection = BandSelection(options.bands or "all")
    if selection.text != "all":
        how["bands"] = selection.channels(samples.bands, samples.wavelengths_nm)
    return how, _in_words(modality, selection.describe(samples.bands, samples.wavelengths_nm))


def _check_own(options: ProbeOptions, own: ClassifierConfig, samples: "SeedDataset") -> None:
    """Refuses to show a classifier what it was not trained with."""
    other = [
        f"{name} {asked} is asked for, but the classifier {options.weights} was trained with "
        f"{has}; leave out {name}, or probe the pretraining run"
        for name, asked, has in (
            ("modality", options.modality, own.modality),
            ("scale", options.scale, own.scale),
        )
        if asked not in ("auto", has)
    ]
    if options.bands is not None and own.modality != "rgb":
        asked = BandSelection(options.bands).channels(samples.bands, samples.wavelengths_nm)
        has = Channels(own.bands, own.band_weights)
        if asked != has:
            other.append(
                f"bands {options.bands} is asked for, but the classifier {options.weights} was "
                f"trained with other bands ({has}); leave out bands, or probe the pretraining run"
            )
    if other:
        raise ConfigError.of(other)


def _in_words(modality: Modality, bands: str) -> str:
    return {"bimodal": f"RGB and {bands}", "hs": bands, "rgb": "RGB"}[modality]


def _split(options: ProbeOptions, samples: "SeedDataset") -> "Split":
    """The parts to learn from, to choose by and to test on."""
    from bimae.model import model_folder
    from bimae.train.prepare import split_for

    trained = options.weights != NO_WEIGHTS
    earlier = model_folder(options.weights).parent / "split.json" if trained else None
    split = split_for(samples, options.seed, earlier)
    if options.shots == "all":
        return split
    from bimae.data.shots import few

    return few(split, samples.labels, options.shots, options.seed)


def _row(probed: "Probed") -> dict[str, Any]:
    """A probe's figures for `probe.json`."""
    from bimae.evaluate.classification import score

    results = score(probed.predictions)
    return {
        "method": probed.method,
        "C" if probed.method == "linear" else "k": probed.setting,
        "chosen_by": probed.chosen_by,
        "tried": {f"{setting:g}": figure for setting, figure in probed.tried.items()},
        "accuracy": results.accuracy,
        "macro_f1": results.macro_f1,
        "per_class": [asdict(row) for row in results.per_class],
        "confusion_matrix": results.confusion.tolist(),
    }


def _table(told: dict[str, Any]) -> str:
    """The figures for people."""
    from bimae.bench.table import Column, table

    lines = [
        {**row, "setting": f"C {row['C']:g}" if "C" in row else f"k {row['k']:g}"}
        for row in told["rows"]
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
