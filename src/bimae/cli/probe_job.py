"""What `bimae probe` is to do, checked before any work."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bimae.errors import ConfigError
from bimae.model.classifier_config import ClassifierConfig
from bimae.model.config import Modality
from bimae.spectra import BandSelection, Channels

if TYPE_CHECKING:
    from bimae.cli.probe import ProbeOptions
    from bimae.data import SeedDataset, Split
    from bimae.evaluate.frozen import Pooling
    from bimae.model import BiMAE, SeedClassifier

NO_WEIGHTS = Path("none")
PATCH_SIZE = 24  # the paper's
FILE = "probe.json"


@dataclass(frozen=True)
class Shown:
    """What the encoder sees.

    Attributes:
        reads: In words.
        how: Options of `features` that say it; empty for a classifier, which knows.
        look: Options of `look` that say it, for a classifier of any sensor; None for others.
        note: What a person should know of it; empty where nothing.
    """

    reads: str
    how: dict[str, Any]
    look: dict[str, Any] | None = None
    note: str = ""


@dataclass(frozen=True)
class Job:
    """Everything that was checked before the work.

    Attributes:
        options: As they were given.
        out: Folder for the figures; None: nothing is written.
        model: Whose encoder is probed.
        samples: The data, at its sizes.
        split: The parts to learn from, to choose by and to test on.
        shown: What the encoder sees.
        pool: How its tokens are pooled.
    """

    options: "ProbeOptions"
    out: Path | None
    model: "BiMAE | SeedClassifier"
    samples: "SeedDataset"
    split: "Split"
    shown: Shown
    pool: "Pooling"

    def how(self, model: "BiMAE | SeedClassifier") -> dict[str, Any]:
        """Options of `features` for the model or its control, which is turned to the data."""
        from bimae.evaluate.looks import look
        from bimae.model import SeedClassifier

        found = {**self.shown.how, "pool": self.pool, "batch_size": self.options.batch_size}
        if self.shown.look is not None:
            assert isinstance(model, SeedClassifier), "others are not of any sensor"
            found["looks"] = look(model, self.samples, labels=False, **self.shown.look)
        return found


def checked(options: "ProbeOptions") -> Job:
    """Opens model and data; everything that cannot be carried out is told before any work."""
    from bimae.evaluate.frozen import check_parts, own_pool

    out = _out(options)
    model, samples = _opened(options)
    shown = _compared(options, model, samples, _shown(options, model, samples))
    split = _split(options, samples)
    check_parts(samples, split)
    pool = own_pool(model) if options.pool == "auto" else options.pool
    return Job(options, out, model, samples, split, shown, pool)


def _out(options: "ProbeOptions") -> Path | None:
    """Where to write, before any work: a folder of a probe, an empty one, or a new one."""
    from bimae.model import results_folder

    out = options.out
    if out is None and options.weights == NO_WEIGHTS:
        return None
    if out is None:
        name = re.sub(r"[^\w-]+", "-", options.data.stem).strip("-") or "data"
        out = results_folder(options.weights) / f"probe-{name}"
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: is a file; name a folder as --out")
    if out.is_dir() and any(out.iterdir()) and not (out / FILE).is_file():
        raise ConfigError(f"{out}: holds other files; name another --out")
    return out


def _opened(options: "ProbeOptions") -> "tuple[BiMAE | SeedClassifier, SeedDataset]":
    """The model, and the data at its sizes."""
    import torch

    from bimae.data import open_dataset
    from bimae.model import BiMAE, SeedClassifier, model_kind, preset

    if options.weights == NO_WEIGHTS:
        samples = open_dataset(options.data)
        _check_views(options, samples, None)
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
    samples = open_dataset(options.data, hs_size=sizes.hs_size, rgb_size=sizes.rgb_size)
    _check_views(options, samples, model.config if isinstance(model, SeedClassifier) else None)
    return model, samples


def _check_views(
    options: "ProbeOptions", samples: "SeedDataset", own: ClassifierConfig | None
) -> None:
    """Refuses to show spectra where there are photos alone; one of any sensor has other ways."""
    from bimae.data.info import check_has_spectra

    if options.modality == "rgb" or (own is not None and (own.modality == "rgb" or own.any_sensor)):
        return
    check_has_spectra(str(options.data), samples.info, "this shows them; probe with --modality rgb")


def _shown(
    options: "ProbeOptions", model: "BiMAE | SeedClassifier", samples: "SeedDataset"
) -> Shown:
    """What the encoder sees; the model is turned to the sensor of the data, or refuses it."""
    from bimae.evaluate.frozen import look_at_sensor
    from bimae.model import SeedClassifier

    selection = BandSelection(options.bands or "all")
    if isinstance(model, SeedClassifier):
        own = model.config
        if _any_sensor(own):
            return _asked(options, model, samples, selection)
        if own.modality != "rgb":
            look_at_sensor(model, samples, str(options.weights))
        _check_own(options, own, samples)
        read = str(Channels(own.bands, own.band_weights))
        return Shown(_in_words(own.modality, read), {})
    modality: Modality = "bimodal" if options.modality == "auto" else options.modality
    how: dict[str, Any] = {"modality": modality}
    how["scale"] = None if options.scale == "auto" else options.scale
    if modality == "rgb":
        return Shown(_in_words(modality, ""), how)
    look_at_sensor(model, samples, str(options.weights))
    if selection.text != "all":
        how["bands"] = selection.channels(samples.bands, samples.wavelengths_nm)
    read = selection.describe(samples.bands, samples.wavelengths_nm)
    return Shown(_in_words(modality, read), how)


def _compared(
    options: "ProbeOptions", model: "BiMAE | SeedClassifier", samples: "SeedDataset", shown: Shown
) -> Shown:
    """Refuses spectra in another unit than weights learned from, where these hold values to it."""
    from bimae.evaluate.sensor import Learned, check_values
    from bimae.model import SeedClassifier, model_folder
    from bimae.report.card import read_about
    from bimae.train.scaling import scale_of

    if options.weights == NO_WEIGHTS:
        return shown
    learned = Learned.of(read_about(model_folder(options.weights)))
    if isinstance(model, SeedClassifier):
        scale: str = model.config.scale
        modality = (shown.look or {}).get("modality", "auto")
        modality = model.config.modality if modality == "auto" else modality
    else:
        scale = shown.how["scale"] or scale_of(model.config)
        modality = shown.how["modality"]
    notes = check_values(samples, learned, modality=modality, scale=scale)
    return replace(shown, note="; ".join(filter(None, (shown.note, *notes))))


def _any_sensor(own: ClassifierConfig) -> bool:
    """Whether a classifier can be shown any view; one that never had RGB images cannot."""
    return own.any_sensor and own.modality == "bimodal"


def _asked(
    options: "ProbeOptions",
    model: "SeedClassifier",
    samples: "SeedDataset",
    selection: BandSelection,
) -> Shown:
    """What a classifier of any sensor is shown, as `bimae evaluate` shows it."""
    from bimae.evaluate.looks import look

    _check_own(options, model.config, samples)
    sees_bands = options.modality != "rgb"
    bands = options.bands if options.bands is not None and sees_bands else "auto"
    asked: dict[str, Any] = {"modality": options.modality, "bands": bands}
    looks = look(model, samples, labels=False, **asked)
    read = selection.describe(samples.bands, samples.wavelengths_nm) if sees_bands else ""
    return Shown(_in_words(looks.reading.modality, read), {}, asked, looks.note)


def _check_own(options: "ProbeOptions", own: ClassifierConfig, samples: "SeedDataset") -> None:
    """Refuses to show a classifier what it was not trained with; one of any sensor was with all."""
    free = _any_sensor(own)
    other = [
        f"{name} {asked} is asked for, but the classifier {options.weights} was trained with "
        f"{has}; leave out {name}, or probe the pretraining run"
        for name, asked, has in (
            ("modality", options.modality, own.modality),
            ("scale", options.scale, own.scale),
        )
        if asked not in ("auto", has) and (name == "scale" or not free)
    ]
    if options.bands is not None and own.modality != "rgb" and not free:
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


def _split(options: "ProbeOptions", samples: "SeedDataset") -> "Split":
    """The parts to learn from, to choose by and to test on."""
    from bimae.data.labels import labelled
    from bimae.data.splits import PARTS
    from bimae.model import model_folder
    from bimae.train.prepare import split_for

    trained = options.weights != NO_WEIGHTS
    earlier = model_folder(options.weights).parent / "split.json" if trained else None
    split = labelled(split_for(samples, options.seed, earlier), samples, PARTS)
    if options.shots == "all":
        return split
    from bimae.data.shots import few

    return few(split, samples.labels, options.shots, options.seed)
