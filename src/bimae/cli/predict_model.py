"""Who answers in `bimae predict`: a model folder, by PyTorch, or an exported file, without it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from bimae.errors import ConfigError

if TYPE_CHECKING:
    from bimae.cli.predict import PredictOptions
    from bimae.data import DatasetInfo, SeedDataset
    from bimae.export.runtime import Exported
    from bimae.model import ClassifierConfig, SeedClassifier
    from bimae.predict.calibrated import Calibrated
    from bimae.predict.stream import Answerer

EXPORTED = ".onnx"


class Sizes(NamedTuple):
    """How images are to be made of a camera's files.

    Attributes:
        hs_size: Side of spectral images in pixels.
        rgb_size: Side of RGB images in pixels.
        seed_side: Square that seeds of trays were cut with where the model learned, in pixels of
            the scan; None: unknown.
        photo_side: The same in pixels of the photo.
        store: Numbers that reflectance becomes, where the model's scale depends on it.
    """

    hs_size: int
    rgb_size: int
    seed_side: int | None
    photo_side: int | None
    store: Literal["float32", "uint8"] = "float32"


class Opened(Protocol):
    """A model that has been read; the data are not known yet."""

    @property
    def sizes(self) -> Sizes:
        """Of the images that it takes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What it knows."""

    @property
    def simulated(self) -> bool:
        """Whether it learned from simulated seeds."""

    @property
    def split_file(self) -> Path:
        """Where the split that it was trained by lies, if it does."""

    def check(self, name: str, info: "DatasetInfo") -> None:
        """Refuses data that lack what the model looks at, before they are read.

        Raises:
            BimaeError: They do; or the model is not calibrated for what is shown of them, and is
                for others.
        """

    def on(self, samples: "SeedDataset") -> "tuple[Answerer, str]":
        """Who answers for these samples, and what a person should know of it."""


def opened(options: "PredictOptions") -> Opened:
    """The model that is asked.

    Raises:
        BimaeError: It cannot be read, or options do not fit it.
    """
    if options.model.suffix.lower() == EXPORTED:
        return _File.of(options)
    if options.model.suffix.lower() == ".pt2":
        raise ConfigError(
            f"{options.model}: is a program of torch.export, which PyTorch runs (docs/export.md); "
            "bimae predict answers with an .onnx file or a model folder"
        )
    return _Folder.of(options)


@dataclass(frozen=True)
class _File:
    exported: "Exported"

    @classmethod
    def of(cls, options: "PredictOptions") -> "_File":
        from bimae.export.runtime import open_onnx

        exported = open_onnx(options.model)
        plate = exported.plate
        found = [
            f"--{name} {asked} is asked for, but {options.model} answers for {plate.shown} alone; "
            "leave it out, or export the model for that"
            for name, asked, own in (
                ("modality", options.modality, plate.modality),
                ("bands", options.bands, plate.bands),
            )
            if asked not in ("auto", own)
        ]
        calibrated = plate.judging is not None
        if options.calibrated != "auto" and (options.calibrated == "true") != calibrated:
            found.append(
                f"--calibrated {options.calibrated} is asked for, but {options.model} was exported "
                f"{'with' if calibrated else 'without'} a calibration; export it again"
            )
        if found:
            raise ConfigError.of(found)
        return cls(exported)

    @property
    def sizes(self) -> Sizes:
        from bimae.evaluate.sensor import stored_as

        plate = self.exported.plate
        unit = "" if plate.hs is None else plate.hs.unit
        return Sizes(
            plate.hs_size, plate.rgb_size, plate.seed_side, plate.photo_side,
            stored_as(unit, plate.scale),
        )  # fmt: skip

    @property
    def classes(self) -> tuple[str, ...]:
        return self.exported.plate.classes

    @property
    def simulated(self) -> bool:
        return self.exported.plate.simulated

    @property
    def split_file(self) -> Path:
        return self.exported.path.parent / "split.json"

    def check(self, name: str, info: "DatasetInfo") -> None:
        from bimae.export.feeding import check_views

        check_views(self.exported.plate, name, info, str(self.exported.path))

    def on(self, samples: "SeedDataset") -> "tuple[Answerer, str]":
        answering = self.exported.on(samples)
        return answering, answering.feed.note


@dataclass
class _Folder:
    options: "PredictOptions"
    folder: Path
    model: "SeedClassifier"
    known: "tuple[Calibrated, ...]" = ()

    @classmethod
    def of(cls, options: "PredictOptions") -> "_Folder":
        from bimae.evaluate.asked import check_asked
        from bimae.model import SeedClassifier, model_folder

        folder = model_folder(options.model)
        model = SeedClassifier.from_pretrained(folder)
        check_asked(model.config, options.modality, options.bands)
        return cls(options, folder, model)

    @property
    def sizes(self) -> Sizes:
        return sizes_of(self.folder, self.model.config)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.model.config.classes

    @property
    def simulated(self) -> bool:
        from bimae.evaluate.sensor import Learned
        from bimae.report.card import read_about

        return Learned.of(read_about(self.folder)).simulated

    @property
    def split_file(self) -> Path:
        return self.folder.parent / "split.json"

    def check(self, name: str, info: "DatasetInfo") -> None:
        from bimae.evaluate.asked import check_data

        options, config = self.options, self.model.config
        shown = check_data(config, options.modality, options.bands, name, info)
        self.known = _calibrations(options, self.folder, config, shown)

    def on(self, samples: "SeedDataset") -> "tuple[Answerer, str]":
        from bimae.evaluate.looks import look
        from bimae.evaluate.sensor import Learned
        from bimae.predict.calibrated import calibration_for
        from bimae.predict.network import Network
        from bimae.predict.shown import Shown
        from bimae.report.card import read_about

        options = self.options
        looks = look(
            self.model, samples, modality=options.modality, bands=options.bands, labels=False,
            learned=Learned.of(read_about(self.folder)),
        )  # fmt: skip
        shown = Shown.on(self.model.config, looks.reading, samples, options.bands)
        calibrated = calibration_for(self.known, shown, options.model)
        network = Network(self.model, self.folder, shown, looks, calibrated, self.simulated)
        return network, looks.note


def sizes_of(folder: Path, config: "ClassifierConfig") -> Sizes:
    """Of a model folder: what its `about.json` knows, too."""
    from bimae.evaluate.sensor import Learned, stored_as
    from bimae.report.card import read_about

    learned, sizes = Learned.of(read_about(folder)), config.model
    return Sizes(
        sizes.hs_size,
        sizes.rgb_size,
        learned.seed_side,
        learned.photo_side,
        stored_as(learned.unit, config.scale),
    )


def _calibrations(
    options: "PredictOptions", folder: Path, config: "ClassifierConfig", modality: str
) -> "tuple[Calibrated, ...]":
    """What is known of this model, where it is wanted; refused early if it can be of no use."""
    from bimae.cli.predict import note
    from bimae.predict.calibrated import calibration_for, check_classes, load
    from bimae.predict.shown import Shown

    if options.calibrated == "false":
        return ()
    known = load(folder)
    found = calibration_for(known, Shown.of(config, modality, options.bands), options.model)
    if found is None:
        how = f"bimae calibrate {options.model} LABELLED_DATA"
        if options.calibrated == "true":
            raise ConfigError(
                f"{options.model}: is not calibrated, but --calibrated true asks for it; do so "
                f"first ({how})"
            )
        note(
            "the probabilities are not calibrated, and mostly too sure of themselves; for odds to "
            f"believe, sets and strangers: {how}"
        )
    else:
        check_classes(found, config.classes, folder)
    return tuple(known)
