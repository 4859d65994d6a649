"""`bimae export`: a classifier as one file that a runtime runs, checked against the model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from bimae.cli.parse import parse
from bimae.cli.parts import band_problems, known_split
from bimae.errors import ConfigError, DataError

if TYPE_CHECKING:
    from bimae.data import SeedDataset
    from bimae.evaluate.sensor import Sensed
    from bimae.export.making import Chosen, Subject
    from bimae.export.runtime import Exported
    from bimae.predict.calibrated import Calibrated
    from bimae.predict.shown import Shown

ABOUT = (
    "Writes a fine-tuned classifier as one file for ONNX Runtime or PyTorch: raw pixels of a "
    "sensor go in, calibrated probabilities, the set that holds the truth, strangeness and "
    "rejection come out (docs/export.md). The file is run, and kept only if it says what the model "
    "says. bimae predict answers with an ONNX file where no PyTorch is installed."
)
EXAMPLE = 'bimae export runs/b --format onnx --sensor "480,550,670nm" --modality bimodal'
SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}
MOST = 2000  # calibration samples that are looked at


@dataclass(frozen=True)
class ExportOptions:
    """Options of an export."""

    model: Path
    """Fine-tuning run, or its model folder."""
    format: Literal["onnx", "torch"] = "onnx"
    """onnx: for ONNX Runtime and others; torch: a program of torch.export."""
    out: Path | None = None
    """File to write; default: model.onnx or model.pt2 in the run folder."""
    int8: bool = False
    """ONNX: write a second file with products in 8 bits too; needs --data."""
    sensor: str = "auto"
    """Bands or filters that the camera has, as --bands of `bimae evaluate`; auto: the model's."""
    modality: Literal["auto", "bimodal", "hs", "rgb"] = "auto"
    """Views that go in; auto: all that the model looks at."""
    data: Path | None = None
    """TFRecords of the camera: its bands are what --sensor chooses from, and it is tried with them;
    default: the sensor that the model learned from, and noise."""
    calibrated: Literal["true", "false"] = "true"
    """Put the calibration for this sensor into the file; false: its own probabilities."""
    hs_pixels: Literal["uint8", "uint16", "float32"] = "float32"
    """Numbers that spectra come in, in the unit of the data that the model learned from."""
    rgb_pixels: Literal["auto", "uint8", "float32"] = "auto"
    """Numbers that RGB images come in: bytes, or float32 in [0, 1]; auto: as in --data, else as
    where the model learned."""
    time: bool = True
    """Measure how long answers take."""
    overwrite: bool = False
    """Replace files that are there already."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        if self.int8 and self.format != "onnx":
            yield "int8 is for --format onnx; leave out one of the two"
        if self.int8 and self.data is None:
            yield (
                "int8 needs --data: labelled calibration data, on which accuracy must stay within "
                "0.5 points"
            )
        suffix = SUFFIXES[self.format]
        if self.out is not None and self.out.suffix != suffix:
            yield f"out is {self.out}; a file of --format {self.format} ends in {suffix}"
        yield from band_problems(self.sensor)


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    run(
        parse(
            ExportOptions,
            argv,
            prog=prog,
            about=ABOUT,
            example=EXAMPLE,
            positionals=("model",),
        )
    )


def run(options: ExportOptions) -> None:
    """Makes the files, checks them, and says what they are worth."""
    from bimae.cli import export_text as text
    from bimae.export.making import as_it_is, made, rounded
    from bimae.export.program import check_onnx_packages
    from bimae.model import results_folder

    if options.format == "onnx":
        check_onnx_packages()
    out = options.out or results_folder(options.model) / f"model{SUFFIXES[options.format]}"
    small = out.with_name(f"{out.stem}-int8{out.suffix}")
    _check_free([out, *([small] if options.int8 else [])], options.overwrite)
    subject, samples = _subject(options)
    asked = None
    if options.int8:
        if subject.deployed().classifier is None:
            raise ConfigError(
                f"{options.model}: a discriminant answers alone here, and the file has no network "
                "of which 8 bits would make a smaller one; leave out --int8"
            )
        assert samples is not None, "asked for"
        asked = _calibration_samples(options, subject, samples)
    for line in text.about(subject):
        print(line)
    with TemporaryDirectory(prefix="bimae-export-") as folder:
        exported, told = made(subject, Path(folder) / out.name, _tried(subject, samples))
        print(f"checked  {told.samples} {'samples' if samples else 'made-up samples'}: {told}")
        files = {out: exported}
        if asked is not None:
            files[small], found = rounded(subject, exported, Path(folder) / small.name, *asked)
            for line in text.of_eight_bits(found):
                print(line)
        if options.time:
            _tell_times(as_it_is(subject), files)
        _keep(files)
    for path in files:
        print(f"written  {path} ({path.stat().st_size / 1e6:.1f} MB)")


def _check_free(files: Sequence[Path], overwrite: bool) -> None:
    for path in files:
        if path.is_dir():
            raise ConfigError(f"{path}: is a folder; name a file with --out")
        if path.exists() and not overwrite:
            raise ConfigError(f"{path}: is there already; choose another --out, or --overwrite it")


def _subject(options: ExportOptions) -> "tuple[Subject, SeedDataset | None]":
    """The model turned to its sensor, and the data that are given."""
    from bimae.data import open_dataset
    from bimae.data.colours import colour_type
    from bimae.export.making import Subject
    from bimae.export.sensor import OwnSensor, Turned, colours_learned
    from bimae.model import SeedClassifier, model_folder
    from bimae.report.card import read_about

    folder = model_folder(options.model)
    model = SeedClassifier.from_pretrained(folder)
    sizes = model.config.model
    samples = None
    if options.data is not None:
        samples = open_dataset(options.data, hs_size=sizes.hs_size, rgb_size=sizes.rgb_size)
    sensor: Sensed = samples or OwnSensor.of(model.config, options.model)
    turned = Turned.to(model, sensor, options.modality, options.sensor)
    calibrated = _calibration(options, folder, turned.shown, model.config.classes)
    about, colours = read_about(folder), options.rgb_pixels
    sees = turned.looks.reading.modality != "hs"
    if colours == "auto":
        known = colour_type(samples) if samples is not None and sees else colours_learned(about)
        colours = known or "uint8"  # of a model of before bimae noted it
    elif colours == "uint8" and sees and samples is not None and colour_type(samples) != "uint8":
        raise ConfigError(
            f"{options.data}: RGB images are float32 with numbers that are no bytes, which a file "
            "with --rgb-pixels uint8 takes; leave it out, or give --data as the camera delivers it"
        )
    elif colours == "uint8" and sees and colours_learned(about) == "float32":
        print(
            "note: the model learned from RGB images of finer steps than bytes (an import resizes "
            "images); where such are rounded to bytes, answers move by some percent"
        )
    plate = turned.plate(folder, about, calibrated, options.hs_pixels, colours)
    return Subject(turned, folder, plate, calibrated), samples


def _calibration(
    options: ExportOptions, folder: Path, shown: "Shown", classes: tuple[str, ...]
) -> "Calibrated | None":
    from bimae.predict.calibrated import calibration_for, check_classes, load

    if options.calibrated == "false":
        return None
    found = calibration_for(load(folder), shown, options.model)
    if found is None:
        bands = "" if shown.bands == "auto" else f' --bands "{shown.bands}"'
        raise ConfigError(
            f"{options.model}: is not calibrated; calibrate it first (bimae calibrate "
            f"{options.model} LABELLED_DATA --modality {shown.modality}{bands}), or export the "
            "model's own probabilities (--calibrated false)"
        )
    check_classes(found, classes, folder)
    return found


def _tried(subject: "Subject", samples: "SeedDataset | None") -> "Chosen":
    """What the file is tried with: some samples of the data, or made-up ones."""
    from bimae.export.making import Chosen
    from bimae.export.trial import COUNT, trial_samples

    if samples is None:
        turned = subject.turned
        samples = trial_samples(subject.plate, turned.looks.reading, turned.sensor)
    step = max(len(samples) // (2 * COUNT), 1)
    return Chosen(samples, range(0, len(samples), step)[: 2 * COUNT])


def _calibration_samples(
    options: ExportOptions, subject: "Subject", samples: "SeedDataset"
) -> "tuple[Chosen, Any]":
    """Labelled samples of known classes that were not learned from, and their class numbers."""
    import numpy as np

    from bimae.export.making import Chosen

    number = {name: n for n, name in enumerate(subject.plate.classes)}
    known = known_split(samples, subject.folder.parent / "split.json")
    part = range(len(samples)) if known is None else known[0].val
    chosen = [i for i in part if samples.labels[i] in number]
    if not chosen:
        where = "" if known is None else " in the val part"
        raise DataError(
            f"{options.data}: no sample{where} has a class of the model; --int8 needs calibration "
            "samples that tell whether 8 bits are enough"
        )
    chosen = chosen[:: -(-len(chosen) // MOST)]
    return Chosen(samples, chosen), np.array(
        [number[str(samples.labels[i])] for i in chosen], np.int64
    )


def _tell_times(model: "Exported", files: "dict[Path, Exported]") -> None:
    from bimae.cli.export_text import table
    from bimae.export.latency import medians

    runs = {"the model in PyTorch": model.run}
    runs |= {path.name: exported.run for path, exported in files.items()}
    sizes = {path.name: exported.path.stat().st_size for path, exported in files.items()}
    one = medians(runs, model.plate, 1, turns=15, block=4)
    many = medians(runs, model.plate, 64, turns=3, block=1)
    for line in table(sizes, one, many):
        print(line)


def _keep(files: "dict[Path, Exported]") -> None:
    from shutil import copyfile

    from bimae.storage import atomic_path

    for path, exported in files.items():
        with atomic_path(path) as temporary:
            copyfile(exported.path, temporary)
