"""`bimae purity`: what share of a lot of seeds is the crop, with intervals, as a report."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bimae.cli.camera_files import CameraFiles
from bimae.cli.parse import parse
from bimae.cli.parts import band_problems
from bimae.cli.purity_asked import Asked, asked_for, calibrations
from bimae.errors import ConfigError

if TYPE_CHECKING:
    from bimae.cli.predict_import import Source
    from bimae.data import SeedDataset
    from bimae.predict.lot import Lot
    from bimae.report.purity.reference import Reference

ABOUT = (
    "Asks a calibrated classifier about the seeds of one lot and reports its purity by number: the "
    "share called the crop and the share corrected for the classifier's mistakes, each with its "
    "interval; other species; rejected seeds; how many seeds it would take; and every seed that a "
    "person should look at, as pictures and spectra. By number, from images, not an official "
    "certificate (docs/purity.md)."
)
EXAMPLE = 'bimae purity runs/b LOT --crop "b. napus" --out report'


@dataclass(frozen=True)
class PurityOptions(CameraFiles):
    """Options of a purity report."""

    model: Path
    """Fine-tuning run, or its model folder; calibrated (bimae calibrate)."""
    lot: Path
    """Seeds of one lot: TFRecords (a file, a glob, a folder), or a camera's files (a scan, a
    table, a folder, photos)."""
    crop: str
    """The class that the lot should be."""
    out: Path | None = None
    """Folder for the report; default: purity-<lot name> here."""
    weights: Path | None = None
    """CSV with columns species and thousand_seed_weight_g, for an estimate of purity by weight."""
    reference: Path | None = None
    """Labelled TFRecords for the mean spectra; default: what the model learned from where its run
    still knows it, else the lot's own seeds."""
    level: float = 0.95
    """Confidence of the intervals."""
    sure: float = 0.9
    """A seed whose likeliest class is less probable than this is doubtful."""
    most: int = 500
    """Seeds to draw, at most; the others are listed."""
    pdf: Literal["auto", "true", "false"] = "auto"
    """Print the page to PDF with Chromium or Chrome (on PATH, or $BIMAE_CHROMIUM); auto: where
    there is one."""
    overwrite: bool = False
    """Replace the report that OUT holds already."""
    explain: bool = False
    """Draw with each seed what carried its answer (docs/explain.md): some seconds each."""
    calibrated: bool = True
    """false: take a model that is not calibrated; nothing is rejected or corrected."""
    modality: Literal["auto", "bimodal", "hs", "rgb"] = "auto"
    """Views to show a model of any sensor."""
    bands: str = "auto"
    """Bands to show it, as in `bimae evaluate`."""
    batch_size: int = 64
    """Seeds at a time."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        from bimae.predict.melding import check_level

        for name, least in (("most", 0), ("batch_size", 1)):
            if getattr(self, name) < least:
                yield f"{name} is {getattr(self, name)}; it must be at least {least}"
        if not 0 <= self.sure <= 1:
            yield f"sure is {self.sure:g}; it must lie from 0 to 1"
        try:
            check_level(self.level)
        except ConfigError as error:
            yield str(error)
        yield from band_problems(self.bands)
        yield from self.camera_problems()


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    options = parse(
        PurityOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("model", "lot")
    )
    run(options)


def run(options: PurityOptions) -> None:
    """Asks, reckons, draws, and says what came of it."""
    from bimae.cli.predict_import import Source
    from bimae.cli.predict_model import sizes_of
    from bimae.evaluate.asked import check_data
    from bimae.report.purity import check_out
    from bimae.report.purity.pdf import browser_for

    out = options.out or Path(f"purity-{_name(options.lot)}")
    check_out(out, overwrite=options.overwrite)
    browser = browser_for(options.pdf)
    asked = asked_for(options)
    config = asked.model.config
    sizes = sizes_of(asked.folder, config)
    source = Source.of(options, options.lot, out, sizes, config.classes)
    shown = check_data(config, options.modality, options.bands, str(options.lot), source.info)
    known = calibrations(options, asked.folder, config, shown)
    asked = replace(asked, known=known)
    with source.cleared():
        told = _report(options, asked, source, out, browser)
    for line in told:
        print(line)


def _report(
    options: PurityOptions,
    asked: Asked,
    source: "Source",
    out: Path,
    browser: str | None,
) -> list[str]:
    """Writes the report; what to say of it."""
    from datetime import UTC, datetime

    from bimae.cli.explain_job import explain_lot
    from bimae.cli.progress import progress
    from bimae.cli.wrapped import wrapped
    from bimae.evaluate.looks import look
    from bimae.evaluate.sensor import Learned
    from bimae.predict.blank import blank, blank_words, without_blank
    from bimae.predict.calibrated import calibration_for
    from bimae.predict.lot import Lot, judge_lot
    from bimae.predict.lot_figures import lot_figures
    from bimae.predict.seen import Seen
    from bimae.predict.shown import Shown
    from bimae.report.card import read_about
    from bimae.report.purity import FILES, Facts, weights_fingerprint, write_report
    from bimae.report.purity.words import NOTICE, SIMULATED, lines

    samples, left_out = source.opened(), source.left_out
    model = asked.model
    about = read_about(asked.folder)
    looks = look(
        model, samples, modality=options.modality, bands=options.bands, labels=False,
        learned=Learned.of(about),
    )  # fmt: skip
    shown = Shown.on(model.config, looks.reading, samples, options.bands)
    calibrated = calibration_for(asked.known, shown, options.model)
    batches = -(-len(samples) // options.batch_size)
    with progress("answers", "batch", batches) as watch:
        judged = judge_lot(
            model, samples, looks, calibrated, batch_size=options.batch_size, watch=watch
        )
    nothing = blank(samples, range(len(samples)), looks.reading.modality)
    first = samples.ids[int(nothing.argmax())]
    told_blank = blank_words(int(nothing.sum()), first, rejected=True)
    notes = [text for text in (looks.note, told_blank) if text]
    lot = Lot(model.config.classes, asked.crop, without_blank(judged, nothing), options.sure)
    figures = lot_figures(lot, calibrated, weights=asked.weights, level=options.level)
    if left_out:
        notes.append(
            f"{len(left_out)} of the files could not be read and are not in these figures: "
            + ", ".join(left_out)
        )
    facts = Facts(
        samples,
        lot,
        figures,
        calibrated,
        str(shown),
        _model_name(asked.folder.resolve()),
        weights_fingerprint(asked.folder),
        about,
        datetime.now(tz=UTC).strftime("%Y-%m-%d %H:%M UTC"),
        options.level,
        tuple(notes),
        *Seen.load(asked.folder).among(
            samples, "" if calibrated is None else calibrated.shown.whole
        ),
    )
    explained = None
    if options.explain:
        explained = explain_lot(options, asked.folder, model, samples, looks=looks, lot=lot)
    with progress("drawing", "seed") as counted:
        no_pdf = write_report(
            out,
            facts,
            _reference(options, asked.folder.parent, about, samples, lot),
            most=options.most,
            weights=asked.weights,
            explained=explained,
            browser=browser,
            counted=counted,
        )
    mark = f"{SIMULATED} " * bool(facts.simulated)
    told = [f"{mark}purity of {facts.name}, crop {figures.crop}: {NOTICE}"]
    told += [f"caution: {text}" for text in facts.grave]
    told += [f"note: {text}" for text in facts.lesser]
    told += lines(figures, options.level, reliable=not facts.grave)
    if no_pdf:
        told.append(f"note: no PDF: {no_pdf}")
    elif browser is None and options.pdf == "auto":
        told.append(
            "note: no PDF: no Chromium or Chrome is on PATH; name one in $BIMAE_CHROMIUM, or "
            "print the page from any browser"
        )
    there = [name for name in FILES if (out / name).is_file()]
    return [*wrapped(told), *(f"written  {out / name}" for name in there)]


def _reference(
    options: PurityOptions,
    run_folder: Path,
    about: Mapping[str, Any],
    samples: "SeedDataset",
    lot: "Lot",
) -> "Reference":
    """Mean spectra to hold those of the seeds against."""
    from bimae.data import open_dataset
    from bimae.report.purity.reference import NONE, learned_from, of_known, of_lot

    if samples.info.photos_alone:
        return NONE
    if options.reference is not None:
        known = open_dataset(options.reference, hs_size=samples.hs_size, rgb_size=samples.rgb_size)
        return of_known(known, lot.classes, samples, None)
    learned = about.get("data", {}).get("fingerprint")
    found = learned_from(run_folder, learned, samples) if learned else None
    if found is None:
        return of_lot(samples, lot)
    known, numbers = found
    return of_known(known, lot.classes, samples, numbers)


def _model_name(folder: Path) -> str:
    """That of the run, where the folder is one's; else the folder's own."""
    return folder.parent.name if folder.name == "model" else folder.name


def _name(lot: Path) -> str:
    """What the lot is called, as the name of a folder."""
    return re.sub(r"[^\w-]+", "-", lot.stem).strip("-") or "lot"
