"""`bimae demo`: the whole job, once, in minutes."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bimae.cli.parse import parse

if TYPE_CHECKING:
    from bimae.cli.demo_record import Record

ABOUT = (
    "The whole job on SIMULATED seeds: writes a data set, pretrains mae_vit_tiny_patch24, "
    "fine-tunes on both modalities, tests, and compares with RGB only, spectra only, the same "
    "classifier from scratch, a discriminant in the network's place, and a linear baseline on mean "
    "spectra."
)
EXAMPLE = "bimae demo --out runs/demo"


@dataclass(frozen=True)
class DemoOptions:
    """Options of the demo; the defaults take some minutes on two cores."""

    out: Path = Path("runs/demo")
    """Folder for the data and the runs."""
    per_class: int = 20
    """Simulated seeds of each of the 19 species."""
    pretrain_epochs: int = 30
    """Epochs of pretraining."""
    finetune_epochs: int = 10
    """Epochs of each fine-tuning."""
    bands: str = "step_30"
    """Bands for fine-tuning: ten of 300, since all of them cost about eight times a step."""
    seed: int = 0
    """Seed of everything random."""
    overwrite: bool = False
    """Replace an earlier demo in `out`; one that was stopped goes on in any case."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        from bimae.errors import BandError
        from bimae.spectra import BandSelection

        found = []
        try:
            BandSelection(self.bands)
        except BandError as error:
            found.append(str(error))
        return found + [
            f"{name} is {getattr(self, name)}; it must be at least {least}"
            for name, least in (("per_class", 4), ("pretrain_epochs", 1), ("finetune_epochs", 1))
            if getattr(self, name) < least
        ]


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    run(parse(DemoOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE))


def run(options: DemoOptions) -> None:
    """Runs every stage and prints the comparison."""
    try:
        _stages(options)
    except KeyboardInterrupt:  # a stage would tell of options that this verb does not have
        raise KeyboardInterrupt(
            f"stopped; the same command goes on after the stages that are done ({options.out})"
        ) from None


def _stages(options: DemoOptions) -> None:
    # What is not installed is told before anything is written.
    import torch  # noqa: F401

    import bimae.evaluate.baselines  # noqa: F401
    from bimae.cli import finetune, pretrain, simulate
    from bimae.cli.demo_record import Record
    from bimae.cli.simulate import SimulateOptions
    from bimae.data.simulate import wavelengths
    from bimae.spectra import BandSelection
    from bimae.train.options import FinetuneOptions, PretrainOptions

    bands = SimulateOptions.bands  # told now, not after minutes of pretraining
    BandSelection(options.bands).channels(bands, wavelengths(bands))
    out = options.out
    decisive = {name: value for name, value in asdict(options).items() if name not in NEUTRAL}
    folders = {DATA, PRETRAINED, *(_folder(name) for name in VARIANTS)}
    record = Record.begun(out, decisive, folders, overwrite=options.overwrite)
    common: dict[str, Any] = {"data": out / DATA, "batch_size": BATCH_SIZE, "seed": options.seed}

    print(f"1/4  simulating {options.per_class} seeds of each species (no camera was involved)")
    if record.begins(DATA):
        simulate.run(SimulateOptions(out / DATA, options.per_class, seed=options.seed))
        record.ends(DATA)
    print(f"\n2/4  pretraining without labels, {options.pretrain_epochs} epochs")
    if record.begins(PRETRAINED):
        pretrain.run(
            PretrainOptions(
                **common,
                out=out / PRETRAINED,
                epochs=options.pretrain_epochs,
                learning_rate=PRETRAIN_RATE,
            )
        )
        record.ends(PRETRAINED)
    print(f"\n3/4  fine-tuning, {options.finetune_epochs} epochs each, bands {options.bands}")
    rows = []
    for name, own in VARIANTS.items():
        print(f"\n     {name}")
        if record.begins(_folder(name)):
            plain = {
                "weights": out / PRETRAINED,
                "bands": options.bands,
                "epochs": options.finetune_epochs,
            }
            _, results = finetune.run(
                FinetuneOptions(**{**common, "out": out / _folder(name), **plain, **own})
            )
            record.ends(_folder(name), accuracy=results.accuracy, macro_f1=results.macro_f1)
        rows.append({"what": name, **record.done[_folder(name)]})
    _compare(options, record, rows)


def _compare(options: DemoOptions, record: "Record", rows: list[dict[str, Any]]) -> None:
    """Adds the baseline to the networks, and tells."""
    from bimae.data import Split, open_dataset
    from bimae.evaluate.baselines import judged, labels_of, linear, mean_spectra

    print("\n4/4  linear baseline on mean spectra, all bands")
    started, out = time.monotonic(), options.out
    samples = open_dataset(out / DATA)
    split = Split.load(out / PRETRAINED / "split.json", samples)
    features = mean_spectra(samples, split.train), mean_spectra(samples, split.test)
    classes = labels_of(samples, split.train), labels_of(samples, split.test)
    baseline = judged("linear baseline on mean spectra", linear(), features, classes)
    rows.append(
        {"what": baseline.name, "accuracy": baseline.accuracy, "macro_f1": baseline.macro_f1}
    )
    comparison = {
        "data": "simulated seeds: figures say nothing about real seeds",
        "test_samples": len(split.test),
        "training_samples": len(split.train),
        "bands": options.bands,
        "seconds": round(record.seconds + time.monotonic() - started),
        "rows": rows,
    }
    record.finish(comparison)
    print(_table(rows, comparison))
    print(f"everything lies in {out}; look first at\n" + "\n".join(f"  {p}" for p in _looks(out)))


DATA, PRETRAINED = "simulated-data", "pretrain"
NEUTRAL = ("out", "overwrite")  # options that decide nothing about what comes out
# Few seeds and minutes, where the paper has 300 epochs of batches of 512: small batches make steps
# enough, and a higher peak uses them.
BATCH_SIZE = 8
PRETRAIN_RATE = 5e-4
ALONE = {"scale": "whitened", "discriminant": True, "weights": None, "epochs": 0, "bands": "all"}
VARIANTS: dict[str, dict[str, Any]] = {
    "both, pretrained": {"modality": "bimodal"},
    "RGB only, pretrained": {"modality": "rgb", "bands": "all"},
    "spectra only, pretrained": {"modality": "hs"},
    "both, from scratch": {"modality": "bimodal", "weights": None},
    "both, discriminant": {"modality": "bimodal", **ALONE},
}
"""What is compared, and how its fine-tuning differs."""


def _folder(name: str) -> str:
    """Of a variant: its name without what a shell would trip over."""
    return name.replace(",", "").replace(" ", "-")


def _table(rows: list[dict[str, Any]], facts: dict[str, Any]) -> str:
    lines = [f"  {row['what']:<34}{row['accuracy']:>9.3f}{row['macro_f1']:>10.3f}" for row in rows]
    head = f"  {'test part of the SIMULATED seeds':<34}{'accuracy':>9}{'macro-F1':>10}"
    rule = "  " + "-" * 53
    return "\n".join(
        [
            "",
            rule,
            head,
            rule,
            *lines,
            rule,
            f"  {facts['training_samples']} seeds to learn from, {facts['test_samples']} to test "
            f"on; {facts['seconds'] // 60} min {facts['seconds'] % 60} s",
            "  Simulated data: these figures say nothing about real seeds.",
            "",
        ]
    )


def _looks(out: Path) -> list[Path]:
    best = out / _folder(next(iter(VARIANTS)))
    return [
        out / PRETRAINED / "reconstructions.png",
        best / "confusion_matrix.png",
        best / "predictions.csv",
        out / "comparison.json",
    ]
