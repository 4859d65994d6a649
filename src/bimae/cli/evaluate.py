"""`bimae evaluate`: test a classifier on a part of a data set."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bimae.cli.parse import parse
from bimae.cli.parts import band_problems, choose_part
from bimae.errors import DataError, count

ABOUT = (
    "Tests a fine-tuned classifier. On the data that it was trained on, its own test part is "
    "taken; of other data, their declared test part, or everything."
)
EXAMPLE = "bimae evaluate --weights runs/b --data DATA"


@dataclass(frozen=True)
class EvaluateOptions:
    """Options of evaluation."""

    weights: Path
    """Fine-tuning run, or its model folder."""
    data: Path
    """Labelled TFRecords: a file, a glob, or a folder."""
    modality: Literal["auto", "bimodal", "hs", "rgb"] = "auto"
    """Views to show a model of any sensor; auto: both."""
    bands: str = "auto"
    """Bands to show it, as in `bimae finetune`; auto: those it was trained with, of any sensor all.
    A model with positions by wavelength can be shown other bands too."""
    part: Literal["auto", "test", "val", "train", "all"] = "auto"
    """Part of the data to test on; auto: test where there is one, else everything."""
    out: Path | None = None
    """Folder for the results; default: evaluation-<data name> in the run folder."""
    overwrite: bool = False
    """Replace the results that OUT holds already."""
    batch_size: int = 64
    """Samples at a time."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        found = [] if self.batch_size > 0 else [f"batch_size is {self.batch_size}; at least 1"]
        found += band_problems(self.bands)
        return found


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    run(parse(EvaluateOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE))


def run(options: EvaluateOptions) -> None:
    """Classifies, writes the results, and says what came out."""
    from bimae.data import open_dataset
    from bimae.data.labels import left_aside, with_label
    from bimae.evaluate.classification import classify
    from bimae.evaluate.looks import look
    from bimae.evaluate.sensor import Learned
    from bimae.model import SeedClassifier, model_folder, results_folder
    from bimae.predict.seen import Seen
    from bimae.report.card import read_about
    from bimae.report.results import check_out, write_results

    model = SeedClassifier.from_pretrained(options.weights)
    shown = [word for word in (options.modality, options.bands) if word != "auto"]
    name = re.sub(r"[^\w-]+", "-", "-".join([options.data.stem, *shown])).strip("-") or "data"
    out = options.out or results_folder(options.weights) / f"evaluation-{name}"
    check_out(out, overwrite=options.overwrite)
    sizes = model.config.model
    samples = open_dataset(options.data, hs_size=sizes.hs_size, rgb_size=sizes.rgb_size)
    folder = model_folder(options.weights)
    looks = look(
        model, samples, modality=options.modality, bands=options.bands,
        learned=Learned.of(read_about(folder)),
    )  # fmt: skip
    if looks.note:
        print(f"note: {looks.note}")
    run_folder = folder.parent
    part, chosen, note = choose_part(options.part, samples, options.data, run_folder / "split.json")
    if note:
        print(note)
    if not chosen:
        raise DataError(f"{options.data}: the part {part} is empty; choose another with --part")
    if not (judged := with_label(chosen, samples.labels)):
        raise DataError(
            f"{options.data}: none of {count(len(chosen), 'sample')} ({part}) has a label, so "
            "there is nothing to judge answers by; choose another with --part, or ask for answers "
            "alone (bimae predict)"
        )
    if not note and (learned := set(judged).intersection(Seen.load(folder).among(samples)[0])):
        print(
            f"note: the model learned from {len(learned)} of {count(len(judged), 'sample')}, such "
            f"as {samples.ids[min(learned)]}: the figures below say little about others"
        )
    if aside := left_aside([samples.labels[i] for i in chosen]):
        print(f"note: {aside}")
    results = write_results(
        out,
        classify(model, samples, judged, batch_size=options.batch_size, looks=looks),
        part=part,
        data=samples.info.name or str(options.data),
        simulated=samples.info.simulated,
    )
    print(
        f"{part}: {count(results.samples, 'sample')}: accuracy {results.accuracy:.3f}, macro-F1 "
        f"{results.macro_f1:.3f}{' (simulated data)' * samples.info.simulated}\nresults  {out}"
    )
