"""`bimae finetune`: train a classifier and test it on what it has not seen."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from bimae.cli.parse import parse
from bimae.cli.parts import tell_parts
from bimae.errors import count
from bimae.train.options import FinetuneOptions

if TYPE_CHECKING:
    from bimae.data import SeedDataset, Split
    from bimae.evaluate.classification import Results
    from bimae.model import SeedClassifier
    from bimae.train.finetune import FinetuneRun, Finish, FirstHead

ABOUT = (
    "Trains a classifier from RGB, spectra, a few bands, or both, starting from a pretraining "
    "run or from scratch, and tests it on the test part. Leaves a run folder with the model, "
    "curves, results.json, the confusion matrix and every prediction. Recipes come along: "
    "--config few-samples for some hundreds of samples, --config any-sensor for one model of "
    "any bands."
)
EXAMPLE = (
    "bimae finetune --data DATA --weights runs/a --modality bimodal --bands step_60 --out runs/b"
)
ENOUGH_STEPS = 200
CAMERAS = {"rgb": "RGB", "few": "5 bands", "many": "20 bands", "both": "both views"}
MANY_FLOORED = 0.01  # of all values: sensors' dead bands and dark offsets have more
FEW = 1000  # training samples: it was worth most with 600, and little with 2800 (docs/findings.md)


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    options = parse(
        FinetuneOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("data",)
    )
    from bimae.train.finetune import finetune
    from bimae.train.processes import Processes

    if Processes.of_environment().first:
        done, _ = run(options)
        if told := few_samples(options, len(done.split.train)):
            print(told)
    else:  # trains along; the first process reports
        finetune(options, _first_head(options, told=False))


def _first_head(options: FinetuneOptions, *, told: bool = True) -> "FirstHead | None":
    """What gives the classifier its first head, if anything does; and says how."""
    if options.head == "random":
        return None
    from bimae.evaluate.first_head import discriminant_head

    def give(model: "SeedClassifier", samples: "SeedDataset", split: "Split") -> None:
        balanced = options.class_weights != "none"
        found = discriminant_head(model, samples, split, balanced=balanced, seed=options.seed)
        if told:
            by = "" if found.chosen_by == "default" else f", chosen by {found.chosen_by}"
            print(
                f"head     discriminant analysis of {count(len(split.train), 'sample')}, shrinkage "
                f"{found.setting}{by}"
            )

    return give


def _finish(options: FinetuneOptions) -> "Finish | None":
    """What is put beside the trained network, if anything is; and says how."""
    if not options.discriminant:
        return None
    from bimae.evaluate.beside import ENOUGH, add_discriminant
    from bimae.train.modules import weights_of_classes
    from bimae.train.sensors import usual_sensors

    def put(model: "SeedClassifier", samples: "SeedDataset", split: "Split") -> None:
        found = add_discriminant(
            model,
            samples,
            split,
            class_weights=weights_of_classes(
                options.class_weights,
                model.config.classes,
                (samples.labels[i] for i in split.train),
            ),
            cameras=usual_sensors(model.config.model.bands) if options.any_sensor else None,
            trained=bool(options.epochs) or options.head != "random",
        )
        by = f"fewer than {ENOUGH} validation samples to weigh them on"
        if found.weighed_on:
            by = f"weighed on {count(found.weighed_on, 'sample')}"
        counts = "; ".join(
            ("" if kind == "own" else f"{CAMERAS[kind]} ") + f"{own:.2f} and {network:.2f}"
            for kind, (network, own) in found.shares.items()
        )
        print(
            f"beside   discriminant analysis of {count(len(split.train), 'sample')}, shrinkage "
            f"{found.shrinkage:.2f}; its logits and the network's count {counts} ({by})"
        )

    return put


def few_steps(samples: int, batch_size: int, epochs: int) -> str:
    """A note where a run is too short for a network to have learned much; else nothing.

    Args:
        samples: That were learned from.
        batch_size: Of a step; the paper's default is for data sets of thousands.
        epochs: Of the run.
    """
    each = -(-samples // batch_size)
    if not epochs or each * epochs >= ENOUGH_STEPS:
        return ""
    return (
        f"note: this run was {count(each * epochs, 'step')} ({each} an epoch of "
        f"{count(samples, 'sample')}), and a network takes some hundreds to learn: "
        "take a smaller --batch-size or more --epochs"
    )


def few_samples(options: FinetuneOptions, samples: int) -> str:
    """A note where a recipe with a discriminant beside the network is worth a try; else nothing.

    Args:
        options: Of the run.
        samples: That were learned from.
    """
    ranged = options.any_sensor and options.scale in (None, "before", "after")
    if options.discriminant or ranged or samples > FEW:
        return ""
    ways = "--config any-sensor" if options.any_sensor else "--config few-samples"
    if options.modality == "rgb":  # the recipes are of spectra
        ways = "--discriminant true"
    return (
        f"note: of {count(samples, 'training sample')} much can be said without a network: try "
        f"{ways} (docs/discriminant.md)"
    )


def _floored(done: "FinetuneRun") -> str:
    """A note where many values are too small for a logarithm; else nothing."""
    from bimae.data.standard import share_floored

    floor = done.model.config.model.log_floor
    if floor is None or done.model.config.modality == "rgb":
        return ""
    share = share_floored(done.samples, done.split.train, floor)
    if share <= MANY_FLOORED:
        return ""
    return (
        f"note: {share:.0%} of the spectral values are 0, negative or below a hundredth of their "
        f"mean, and logarithms (scale {done.model.config.scale}) take all of these for "
        f"{floor:.3g}: --scale standard reads them as they are"
    )


def run(options: FinetuneOptions) -> "tuple[FinetuneRun, Results]":
    """Fine-tunes, tests, draws the run's pictures, and says what came out and where it lies."""
    from bimae.evaluate.classification import classify
    from bimae.predict.seen import Seen
    from bimae.report import figures
    from bimae.report.card import about, measured, write_card
    from bimae.report.results import write_results
    from bimae.train.finetune import finetune
    from bimae.train.run_folder import read_rows

    done = finetune(options, _first_head(options), _finish(options))
    folder, info, split = done.folder, done.samples.info, done.split
    title = f"{'SIMULATED DATA - ' * info.simulated}fine-tuning on {info.name or options.data}"
    pictures = [folder.path / "confusion_matrix.png"]
    if rows := read_rows(folder.metrics):  # none where nothing but the head was learned
        pictures.append(folder.path / "loss.png")
        figures.save(figures.loss_curves(rows, title), pictures[-1])

    part = next(name for name in ("test", "val", "train") if getattr(split, name))
    results = write_results(
        folder.path,
        classify(done.model, done.samples, getattr(split, part)),
        part=part,
        data=info.name or str(options.data),
        simulated=info.simulated,
    )
    facts = about(done.samples, split, asdict(options)) | {"tested": measured(results, part)}
    if (beside := done.model.discriminant) is not None:
        facts["discriminant_alone"] = beside.alone
    write_card(folder.model, done.model.config, facts)
    Seen.learning(done.samples, split.train).save(folder.model)
    print(f"read     {done.reads}")
    tell_parts(split, done.samples, epochs=bool(options.epochs))
    if told := few_steps(len(split.train), options.batch_size, options.epochs):
        print(told)
    if told := _floored(done):
        print(told)
    if part != "test":
        learned = ", which was learned from" if part == "train" else ""
        print(f"note: no test part: the figures below are of the {part} part{learned}")
    print(
        f"{part}: {count(results.samples, 'sample')}, "
        f"{count(len(done.model.config.classes), 'class')}: "
        f"accuracy {results.accuracy:.3f}, macro-F1 {results.macro_f1:.3f}"
        f"{' (simulated data)' * info.simulated}\n"
        f"model    {folder.model}\n"
        f"results  {folder.path / 'results.json'}, {folder.path / 'predictions.csv'}\n"
        f"pictures {', '.join(map(str, pictures))}"
    )
    return done, results
