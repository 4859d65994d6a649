"""`bimae explain`: which bands and which regions carried a classifier's answers, as a report."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bimae.cli.camera_files import CameraFiles
from bimae.cli.parse import parse
from bimae.cli.parts import band_problems
from bimae.errors import ConfigError

if TYPE_CHECKING:
    from bimae.cli.predict_import import Source
    from bimae.model import SeedClassifier

ABOUT = (
    "Shows what carried a classifier's answers to some samples: which ranges of bands, which tiles "
    "of the RGB image, which regions of the spectral image; by taking them out, and by attention. "
    "Writes a page, a picture of each sample, and the numbers as JSON. Every kind of map is "
    "checked: whether the answer falls when what it names is taken out, and whether it changes "
    "when the weights are random (docs/explain.md)."
)
EXAMPLE = "bimae explain runs/b DATA --out explained"


@dataclass(frozen=True)
class ExplainOptions(CameraFiles):
    """Options of explanations."""

    model: Path
    """Fine-tuning run, or its model folder."""
    data: Path
    """TFRecords (a file, a glob, a folder), or a camera's files (a scan, a table, a folder,
    photos). Labels are not needed."""
    out: Path
    """Folder for the report."""
    ids: str = ""
    """Samples to explain, by their ids, with commas between; default: some of each class."""
    count: int = 12
    """Samples to explain where no ids are given, drawn alike each time."""
    part: Literal["auto", "all", "test", "val", "train"] = "auto"
    """Part of the data to draw them from; auto: test where there is one, else everything."""
    against: str = "rest"
    """What the likeliest class is held against: all others (rest), the second likeliest (second),
    or the class of this name."""
    window: str = "auto"
    """Width of what is taken out of the spectrum at a time: 60nm, or a number of bands; auto: a
    tenth of the range."""
    taken_out: Literal["expected", "absent"] = "expected"
    """What bands become that are taken out: what the rest of the spectrum foretells; or, of a model
    of any sensor, absent: it is shown the others alone."""
    reference: Path | None = None
    """TFRecords of the same sensor that say what bands are to be expected; default: what the model
    learned from where its run still knows it, else DATA. The report says which."""
    check: int = 12
    """Samples that the maps are checked on; 0: none."""
    modality: Literal["auto", "bimodal", "hs", "rgb"] = "auto"
    """Views to show a model of any sensor."""
    bands: str = "auto"
    """Bands to show it, as in `bimae evaluate`."""
    batch_size: int = 64
    """Variants of a sample at a time."""
    overwrite: bool = False
    """Replace the explanations that OUT holds already."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        for name, least in (("count", 1), ("check", 0), ("batch_size", 1)):
            if getattr(self, name) < least:
                yield f"{name} is {getattr(self, name)}; it must be at least {least}"
        if self.ids and not self.ids.replace(",", "").strip():
            yield f"ids is {self.ids!r}, which names no sample"
        if self.window != "auto" and not re.fullmatch(r"\d+(\.\d+)?(nm)?", self.window):
            yield f"window is {self.window!r}; expected auto, a width such as 60nm, or a number"
        elif self.window.startswith("0") and float(self.window.removesuffix("nm")) == 0:
            yield f"window is {self.window!r}; it must be wider than 0"
        yield from band_problems(self.bands)
        yield from self.camera_problems()


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    options = parse(
        ExplainOptions,
        argv,
        prog=prog,
        about=ABOUT,
        example=EXAMPLE,
        positionals=("model", "data"),
    )
    run(options)


def run(options: ExplainOptions) -> None:
    """Asks why, draws, and says what came of it."""
    from bimae.cli.predict_import import Source
    from bimae.cli.predict_model import sizes_of
    from bimae.evaluate.asked import check_asked, check_data
    from bimae.model import SeedClassifier, model_folder
    from bimae.report.explain import check_out

    check_out(options.out, overwrite=options.overwrite)
    folder = model_folder(options.model)
    model = SeedClassifier.from_pretrained(folder)
    check_asked(model.config, options.modality, options.bands)
    _check_against(options, model)
    _check_taken_out(options, model)
    sizes = sizes_of(folder, model.config)
    source = Source.of(options, options.data, options.out, sizes, model.config.classes)
    check_data(model.config, options.modality, options.bands, str(options.data), source.info)
    with source.cleared():
        told = _report(options, folder, model, source)
    for line in told:
        print(line)


def _check_against(options: ExplainOptions, model: "SeedClassifier") -> None:
    classes = model.config.classes
    if options.against not in ("rest", "second", *classes):
        raise ConfigError(
            f"--against {options.against!r} is no class of this model; expected rest, second, or "
            f"one of: {', '.join(classes)}"
        )


def _check_taken_out(options: ExplainOptions, model: "SeedClassifier") -> None:
    """Refuses to leave bands out of what a model is shown that needs them all."""
    config = model.config
    if options.taken_out == "expected":
        return
    if not config.any_sensor:
        reason = "this model needs all of its bands; only one of any sensor reads fewer"
    elif config.among is not None:
        reason = "this model is shown all of its bands always, and makes up those that are missing"
    elif options.modality == "rgb":
        reason = "no bands are shown with --modality rgb"
    else:
        return
    raise ConfigError(f"--taken-out absent: {reason}; leave it out")


def _report(
    options: ExplainOptions, folder: Path, model: "SeedClassifier", source: "Source"
) -> list[str]:
    """Writes the report; what to say of it."""
    from bimae.cli.explain_job import explain_job
    from bimae.cli.progress import progress
    from bimae.cli.wrapped import wrapped
    from bimae.report.explain import write_explained
    from bimae.report.explain.words import lines

    facts = explain_job(options, folder, model, source.opened(), source.left_out)
    with progress("drawing", "sample", len(facts.explained)) as counted:
        write_explained(options.out, facts, counted=counted)
    notes = [f"note: {note}" for note in facts.notes]
    return [*wrapped([*lines(facts), *notes]), f"written  {options.out / 'report.html'}"]
