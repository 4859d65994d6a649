"""`bimae predict`: answers for new seeds, from TFRecords or a camera's files to a table."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bimae.cli.camera_files import CameraFiles
from bimae.cli.parse import parse
from bimae.cli.parts import band_problems, choose_part
from bimae.errors import BimaeError, ConfigError, DataError

if TYPE_CHECKING:
    from bimae.data import SeedDataset
    from bimae.predict.part import Part
    from bimae.predict.stream import Question
    from bimae.predict.writers import Format

ABOUT = (
    "Asks a fine-tuned classifier about any number of samples and writes a row for each: class, "
    "probabilities and, of a calibrated model (bimae calibrate), the set that holds the truth and "
    "whether the sample is like anything learned (docs/predict.md). Labels are not needed. Scans, "
    "trays and folders of files are imported on the way, as by bimae data import. Stopped, the "
    "same command goes on where it was."
)
STOPPED = "stopped; the same command goes on where it was"
EXAMPLE = "bimae predict runs/b DATA --out answers.csv"


@dataclass(frozen=True)
class PredictOptions(CameraFiles):
    """Options of prediction."""

    model: Path
    """Fine-tuning run, its model folder, or an exported file (.onnx), which needs no PyTorch."""
    data: Path
    """TFRecords (a file, a glob, a folder, an address), or a camera's files (a scan, a table, a
    folder)."""
    out: Path
    """File to write: .csv, .jsonl or .parquet."""
    format: Literal["auto", "csv", "jsonl", "parquet"] = "auto"
    """Format of the file; auto: as its name says."""
    calibrated: Literal["auto", "true", "false"] = "auto"
    """Calibrated answers; auto: where the model has a calibration; true: nothing else."""
    modality: Literal["auto", "bimodal", "hs", "rgb"] = "auto"
    """Views to show a model of any sensor; auto: both."""
    bands: str = "auto"
    """Bands to show it, as in `bimae evaluate`."""
    part: Literal["auto", "all", "test", "val", "train"] = "all"
    """Part of the data to answer for; auto: test where there is one, else everything."""
    batch_size: int = 64
    """Samples at a time."""
    overwrite: bool = False
    """Replace the file that OUT is already."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        if self.batch_size < 1:
            yield f"batch_size is {self.batch_size}; it must be at least 1"
        yield from self.camera_problems()
        yield from band_problems(self.bands)


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    options = parse(
        PredictOptions,
        argv,
        prog=prog,
        about=ABOUT,
        example=EXAMPLE,
        positionals=("model", "data"),
    )
    run(options)


def run(options: PredictOptions) -> None:
    """Answers, and says what came of it."""
    from bimae.cli.predict_import import Source, clear_left_over
    from bimae.cli.predict_model import opened
    from bimae.cli.predict_text import summary
    from bimae.data.marks import MODEL
    from bimae.predict.part import Part
    from bimae.predict.stream import Question
    from bimae.predict.writers import format_of

    form = format_of(options.out, options.format)
    clear_left_over(options.out)
    _check_out(options)
    model = opened(options)
    with Part(options.out) as part:
        source = Source.of(options, options.data, options.out, model.sizes, model.classes)
        model.check(str(options.data), source.info)
        try:
            samples = source.opened()
            answerer, told = model.on(samples)
            if model.simulated and not samples.info.simulated:
                note(MODEL)
            chosen = _chosen(options, samples, model.split_file, told)
        except BimaeError as error:
            source.clear()
            raise source.named(error) from error
        except KeyboardInterrupt:
            raise KeyboardInterrupt(STOPPED) from None
        question = Question(answerer, samples, chosen, options.batch_size)
        _answer(question, form, part)
        source.clear(done=True)
        for line in summary(part.tally, question, part.out, source.left_out):
            print(line)


def note(text: str) -> None:
    """Tells what is worth knowing; not on stdout, which is the summary's."""
    print(f"note: {text}", file=sys.stderr)


def _check_out(options: PredictOptions) -> None:
    out = options.out
    if out.is_dir():
        raise ConfigError(f"{out}: is a folder; name a file, such as {out / 'answers.csv'}")
    if out.resolve() == options.data.resolve():
        raise ConfigError(f"{out}: is the data themselves; choose another --out")
    if out.exists() and not options.overwrite:
        raise ConfigError(f"{out}: is there already; choose another --out, or --overwrite it")


def _chosen(
    options: PredictOptions, samples: "SeedDataset", split_file: Path, told: str
) -> "Sequence[int]":
    """The samples to answer for; tells what is worth knowing of them and of who answers."""
    part, chosen, of_parts = choose_part(options.part, samples, options.data, split_file)
    for text in (told, of_parts):
        if text:
            note(text)
    if not len(chosen):
        raise DataError(f"{options.data}: the part {part} is empty; choose another with --part")
    return chosen


def _answer(question: "Question", form: "Format", part: "Part") -> None:
    """Writes all rows, going on where an earlier run stopped, and gives the file its name."""
    from bimae.cli.progress import progress
    from bimae.predict.blank import blank_words
    from bimae.predict.stream import answer
    from bimae.predict.writers import heading, make_parquet

    table = question.table(form)
    kinds = table.columns.kinds()
    key = question.key(table)
    total = len(question.chosen)
    if changed := part.begin(key, heading(form, tuple(kinds))):
        note(f"{part.path} was begun with other {', '.join(changed)}; it is begun anew")
    elif part.tally.samples:
        note(f"going on after {part.tally.samples} of {total} samples ({part.path})")
    batches = -(-(total - part.tally.samples) // question.batch_size)
    try:
        with progress("answers", "batch", batches) as watch:
            nothing, first = answer(question, table, part, watch)
        if told := blank_words(nothing, first, rejected=question.answerer.alpha is not None):
            note(told)
        if form == "parquet":
            part.finish(lambda lines, out: make_parquet(lines, out, kinds))
        else:
            part.finish()
    except (KeyboardInterrupt, BimaeError, OSError) as error:
        if not part.tally.samples:
            if isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt(STOPPED) from None
            raise
        done = f"{part.tally.samples} of {total} samples are answered"
        again = f"the same command goes on there ({part.path})"
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(f"stopped; {done}, {again}") from None
        note(f"{done}; {again}")
        raise
