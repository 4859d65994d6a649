"""From an estimator's parameters to a classifier, by the code that `bimae finetune` runs.

Shapes: N samples, K classes.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import torch
from numpy.typing import NDArray

from bimae.data import Split
from bimae.data.given import GivenSamples
from bimae.data.stratify import stratify
from bimae.errors import ConfigError
from bimae.evaluate.answers import answers
from bimae.evaluate.beside import add_discriminant
from bimae.evaluate.looks import look
from bimae.model import BiMAE, SeedClassifier
from bimae.predict.temperature import probabilities
from bimae.sklearn.inputs import Seen
from bimae.train.finetune import fresh_classifier, learn, sized_as
from bimae.train.modules import weights_of_classes
from bimae.train.options import FinetuneOptions
from bimae.train.prepare import PATCH_SIZE, check_bands
from bimae.train.processes import Processes
from bimae.train.run_folder import RunFolder, read_rows
from bimae.train.sensors import usual_sensors

# parameters that are not options of a run, and options that an estimator answers for itself
OWN = {"width", "depth", "heads", "class_weight", "validation_fraction", "options", "verbose"}
OWN |= {"random_state", "wavelengths_nm"}
NOT_ASKED = {"data", "out", "overwrite", "resume", "seed", "model", "strategy", "workers", "logger"}
NOT_ASKED |= {"shots", "leave_out", "class_weights"}
INSTEAD = {
    "class_weights": "that is the parameter class_weight",
    "seed": "that is the parameter random_state",
}


@dataclass(frozen=True)
class Plan:
    """A fit, before the data are looked at.

    Attributes:
        options: Of the run; `modality` is said later where it is `auto`.
        pretrained: What it starts from; None: from scratch.
        sizes: Of the encoder, where it starts from scratch.
        modality: As asked for.
        validation_fraction: Share that is not learned from.
        bar: Whether a progress bar is shown.
    """

    options: FinetuneOptions
    pretrained: BiMAE | None
    sizes: Mapping[str, int]
    modality: str
    validation_fraction: float
    bar: bool

    @classmethod
    def of(cls, parameters: Mapping[str, Any], seed: int) -> "Plan":
        """Takes parameters apart and checks them.

        Args:
            parameters: Of a `BiMAEClassifier`, by name.
            seed: Of the run.

        Raises:
            ConfigError: All that cannot be carried out, one line each.
            ModelError: The weights cannot be read, or are of other sizes than asked for.
        """
        values = {name: _plain(value) for name, value in parameters.items()}
        asked = {name: value for name, value in values.items() if name not in OWN}
        problems = _unknown(values["options"] or {}, asked)
        modality = asked.pop("modality")
        asked |= {k: v for k, v in (values["options"] or {}).items() if k not in problems}
        if asked["weights"] is not None and not str(asked["weights"]).startswith("hf://"):
            asked["weights"] = Path(asked["weights"])
        problems |= _wrong_choices(asked | ({} if modality == "auto" else {"modality": modality}))
        if not 0 <= values["validation_fraction"] < 1:
            found = values["validation_fraction"]
            problems["validation_fraction"] = (
                f"validation_fraction is {found}; it must be at least 0 and below 1"
            )
        if problems:
            raise ConfigError.of(list(problems.values()))
        if modality != "auto":
            asked["modality"] = modality
        options = FinetuneOptions(data=Path("X"), seed=seed, logger="none", **asked)
        if found := options.problems():
            raise ConfigError.of(found)
        pretrained = BiMAE.from_pretrained(options.weights) if options.weights else None
        if pretrained is not None:
            options = sized_as(options, pretrained.config)
        return cls(
            options,
            pretrained,
            {name: values[name] for name in ("width", "depth", "heads")},
            modality,
            values["validation_fraction"],
            bool(values["verbose"]),
        )

    @property
    def asked_sizes(self) -> dict[str, int]:
        """Sides that records are to be opened at, where these are known."""
        whose = self.options if self.pretrained is None else self.pretrained.config
        sizes = {name: getattr(whose, name) for name in ("hs_size", "rgb_size")}
        return {name: size for name, size in sizes.items() if size is not None}

    def sizes_for(self, found: Seen) -> dict[str, int | None]:
        """Sides that images are brought to; None: their own."""
        sizes: dict[str, int | None] = {"hs_size": None, "rgb_size": None, **self.asked_sizes}
        if not found.rgb and self.pretrained is None:  # one tile, which nobody looks at
            sizes["rgb_size"] = self.options.patch_size or PATCH_SIZE
        return sizes


def learn_from(
    plan: Plan, samples: GivenSamples, views: str, counts: NDArray[np.float64]
) -> tuple[SeedClassifier, list[dict[str, float]]]:
    """Trains a classifier.

    Args:
        plan: What was asked for.
        samples: The data.
        views: Which views these have.
        counts: [N] what each sample counts.

    Returns:
        The classifier, on the CPU, and the figures of each epoch.

    Raises:
        BimaeError: Parameters that do not go with these data.
    """
    options = _for(plan, views)
    if plan.pretrained is not None and options.modality != "rgb":
        check_bands(samples, plan.pretrained.config, "X")
    split = _split(samples, plan.validation_fraction, options.seed, counts)
    share = counts / counts[list(split.train)].mean()
    if options.discriminant and not (share[list(split.train)] == 1).all():
        raise ConfigError(
            "sample_weight is given, but the discriminant counts all samples alike; leave out one "
            "of the two"
        )
    # A run keeps its best epoch as a file, and how it went as another: both live as long as the
    # fit does. The run goes on in this process alone, whatever started it.
    with TemporaryDirectory(prefix="bimae-fit-") as folder, _no_traces():
        model = fresh_classifier(options, samples, split, plan.pretrained, plan.sizes)
        run = RunFolder(Path(folder) / "run")
        try:
            if options.epochs:
                learn(
                    options,
                    samples,
                    split,
                    model,
                    run,
                    processes=Processes(),
                    sample_weights=None if (share == 1).all() else torch.from_numpy(share).float(),
                    bar=plan.bar,
                )
            if options.discriminant:
                add_discriminant(
                    model,
                    samples,
                    split,
                    class_weights=weights_of_classes(
                        options.class_weights,
                        model.config.classes,
                        (samples.labels[i] for i in split.train),
                    ),
                    cameras=usual_sensors(model.config.model.bands) if options.any_sensor else None,
                    trained=bool(options.epochs),
                )
        except KeyboardInterrupt as stop:  # its message tells of a folder that is gone
            raise KeyboardInterrupt from stop
        rows = read_rows(run.metrics)
    return model, [{name: float(value) for name, value in row.items() if value} for row in rows]


def answer(model: SeedClassifier, samples: GivenSamples, views: str) -> NDArray[np.float64]:
    """Probabilities [N, K] of the classes.

    Args:
        model: The classifier.
        samples: The data.
        views: Which views these have.

    Raises:
        ConfigError: A view that the classifier needs is missing.
        BimaeError: The data are of another sensor.
    """
    modality = model.config.modality
    if not model.config.any_sensor:
        _check_views(modality, views)
        views = modality
    looks = look(model, samples, modality=views, labels=False)  # type: ignore[arg-type]
    with _no_traces():
        said = [one.logits for one in answers(model, samples, range(len(samples)), looks)]
    model.cpu()
    return probabilities(np.concatenate(said), 1.0)


@contextmanager
def _no_traces() -> Iterator[None]:
    """Leaves the caller's filters of warnings and global random numbers as they were.

    The first are changed by what silences Lightning, the second by every loader of PyTorch, though
    nothing here is drawn from them.
    """
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        yield


def _for(plan: Plan, views: str) -> FinetuneOptions:
    """The options for data with these views."""
    options = plan.options
    if plan.modality == "auto":
        options = replace(options, modality=views)  # type: ignore[arg-type]
    _check_views(options.modality, views)
    if options.modality == "rgb":
        options = replace(options, scale=None)
    elif options.scale is None and plan.pretrained is None:
        options = replace(options, scale="standard")
    if found := options.problems():
        raise ConfigError.of(found)
    return options


def _check_views(needed: str, views: str) -> None:
    if views not in (needed, "bimodal"):
        missing = "RGB images" if views == "hs" else "spectra"
        raise ConfigError(f"modality is {needed}, but X has no {missing}")


def _split(samples: GivenSamples, fraction: float, seed: int, counts: NDArray[np.float64]) -> Split:
    """All of X to learn from, or a share of it to choose the best epoch by."""
    train, val = list(range(len(samples))), list[int]()
    if fraction:
        train, val = stratify(samples.labels, samples.groups, [1 - fraction, fraction], seed)
    train = [number for number in train if counts[number] > 0]
    return Split(tuple(train), tuple(val), (), "of an estimator", seed)


def _unknown(options: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, str]:
    """What `options` names that it cannot."""
    known = {field.name for field in fields(FinetuneOptions)} - NOT_ASKED - set(asked)
    return {
        name: f"options names {name!r}; "
        + (
            "that is a parameter of its own"
            if name in asked
            else INSTEAD.get(name) or f"choose of {sorted(known)}"
        )
        for name in options
        if name not in known
    }


def _wrong_choices(asked: Mapping[str, Any]) -> dict[str, str]:
    """Options whose value is none of those that there are."""
    found = {}
    for name, kind in get_type_hints(FinetuneOptions).items():
        kinds = [one for one in (kind, *get_args(kind)) if get_origin(one) is Literal]
        if name not in asked or not kinds or (asked[name] is None and kind is not kinds[0]):
            continue
        choices = get_args(kinds[0])
        if asked[name] not in choices and kind in (kinds[0], kinds[0] | None):
            named = ", ".join(map(str, choices))
            found[name] = f"{name} is {asked[name]!r}; choose one of {named}"
    return found


def _plain(value: Any) -> Any:
    """A number of numpy, as a grid of parameters holds them, as one of Python."""
    return value.item() if isinstance(value, np.generic) else value
