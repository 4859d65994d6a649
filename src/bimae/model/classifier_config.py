"""What a classifier is made from, and both kinds of configuration as JSON. No torch."""

from dataclasses import asdict, dataclass, fields
from math import fsum
from typing import Any, TypeVar, get_args

from bimae.errors import ConfigError
from bimae.model.config import Modality, ModelConfig, Pool, Scale
from bimae.spectra import BandWeights


@dataclass(frozen=True)
class ClassifierConfig:
    """A fine-tuned classifier: what it reads, and what its answers are called.

    Attributes:
        model: Sizes of the encoder.
        classes: Class names; a class number is its place here (alphabetical in training).
        modality: What it looks at.
        bands: Band numbers that it reads, which are also the rows of the spectral positions that
            it uses; of a filter, the band nearest to its centre. Empty for `rgb`.
        pool: Mean of all normalised tokens; mean of all tokens as the last block leaves them, which
            is normalised then (raw_mean); or the global token.
        scale: Spectra are min-max scaled per pixel `before` the bands are picked (the paper), or
            `after`, over only the bands that it reads; or each band is brought to the mean and
            deviation of `model.standard`, whatever other bands there are; or the `shape` of each
            spectrum is, see `ModelConfig.log_floor`; or that is `whitened`, see `within`.
        any_sensor: Whether it answers for any of its modalities and bands, as are there; `bands`
            are then those of the sensor that it was trained with.
        wavelengths_nm: Band centres of the sensor in nm, all of them, or None where unknown.
        band_weights: What it reads where not single bands: for each of `bands`, (band, weight)
            pairs, whose weighted average takes its place; weights of one sum to 1. None where
            every channel is one band.
        among: Not None: it is always shown all bands of the sensor that it learned from, and those
            that another lacks are made up (docs/any-sensor.md). A row for each band: what moves its
            shape from object to object, over the error that is allowed.
        discriminant: Whether what mean spectrum and mean colour say by themselves is added to the
            answers; see `MeanDiscriminant`.
        discriminant_objects: How many known objects that holds; 0: a mean for each class.
    """

    model: ModelConfig
    classes: tuple[str, ...]
    modality: Modality = "bimodal"
    bands: tuple[int, ...] = ()
    pool: Pool = "mean"
    scale: Scale = "before"
    wavelengths_nm: tuple[float, ...] | None = None
    band_weights: tuple[BandWeights, ...] | None = None
    any_sensor: bool = False
    among: tuple[tuple[float, ...], ...] | None = None
    discriminant: bool = False
    discriminant_objects: int = 0

    @property
    def standard(self) -> tuple[tuple[float, float], ...] | None:
        """Mean and deviation of every band, where spectra are brought to these."""
        return self.model.standard

    @property
    def log_floor(self) -> float | None:
        """Least value that a logarithm is taken of, where the shape of spectra is read."""
        return self.model.log_floor

    @property
    def within(self) -> tuple[tuple[float, ...], ...] | None:
        """What moves each band inside one object, where the shapes of spectra are whitened."""
        return self.model.within

    def __post_init__(self) -> None:
        found = []
        for name, kinds in (("modality", Modality), ("pool", Pool), ("scale", Scale)):
            if getattr(self, name) not in get_args(kinds):
                choices = ", ".join(get_args(kinds))
                found.append(f"{name} is {getattr(self, name)!r}; choose one of {choices}")
        if not self.classes:
            found.append("a classifier needs at least one class")
        if self.modality == "rgb" and self.bands:
            found.append("a classifier that looks at RGB only has no bands")
        if self.modality != "rgb":
            if not self.bands:
                found.append(f"a classifier of modality {self.modality} needs bands")
            beyond = [b for b in self.bands if not 0 <= b < self.model.bands]
            if beyond:
                found.append(f"bands {beyond} are beyond the model's {self.model.bands}")
        if self.discriminant_objects < 0 or (self.discriminant_objects and not self.discriminant):
            found.append(
                f"discriminant_objects is {self.discriminant_objects}; 0 is expected without a "
                "discriminant, and 0 or more with one"
            )
        found += self._scale_problems()
        found += self._among_problems()
        if self.band_weights is not None:
            found += self._weight_problems(self.band_weights)
        if found:
            raise ConfigError.of(found)

    def _scale_problems(self) -> list[str]:
        needs = {
            "standard": (self.model.standard, ("standard", "shape", "whitened")),
            "log_floor": (self.model.log_floor, ("shape", "whitened")),
            "within": (self.model.within, ("whitened",)),
        }
        found = [
            f"scale is {self.scale!r}, but {name} of the model is "
            + ("missing" if value is None else "given, which it does not use")
            for name, (value, scales) in needs.items()
            if (value is not None) != (self.scale in scales)
        ]
        if self.any_sensor and self.scale == "before":
            found.append(
                "any_sensor needs scale after, standard, shape or whitened: what no band tells is "
                "unknown"
            )
        if self.discriminant and self.any_sensor and self.scale == "after":
            found.append(
                "discriminant needs scale whitened, shape or standard for a model of any sensor; "
                "scale is 'after', by which what one camera shows does not tell what another would"
            )
        return found

    def _among_problems(self) -> list[str]:
        if self.among is None:
            return []
        found = []
        if not self.any_sensor or self.scale != "whitened":
            found.append("among is given, but of models of any sensor only, with scale whitened")
        if len(self.among) != self.model.bands:
            found.append(f"among has {len(self.among)} rows for {self.model.bands} bands")
        if len({len(row) for row in self.among}) > 1:
            found.append("among has rows of different lengths")
        return found

    def _weight_problems(self, channels: tuple[BandWeights, ...]) -> list[str]:
        if len(channels) != len(self.bands):
            return [f"band_weights has {len(channels)} channels for {len(self.bands)} bands"]
        found = []
        for number, pairs in enumerate(channels):
            if any(type(b) is not int or not 0 <= b < self.model.bands for b, _ in pairs):
                found.append(
                    f"band_weights of channel {number} names bands that are not among the model's "
                    f"{self.model.bands}"
                )
            weights = [weight for _, weight in pairs]
            if not (all(w > 0 for w in weights) and abs(fsum(weights) - 1) < 1e-6):
                found.append(
                    f"band_weights of channel {number} sum to {fsum(weights):g}; weights above 0 "
                    "that sum to 1 are expected"
                )
        return found


C = TypeVar("C", ModelConfig, ClassifierConfig)


def config_to_dict(config: ModelConfig | ClassifierConfig) -> dict[str, Any]:
    """A config as JSON-ready values."""
    return asdict(config)


def config_from_dict(kind: type[C], values: Any) -> C:
    """A config from JSON values; unknown and missing keys are refused, all at once.

    Raises:
        ConfigError: With one line per problem.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"an object is expected, found {type(values).__name__}")
    known = {f.name for f in fields(kind)}
    problems = [f"unknown key {key!r}" for key in values if key not in known]
    if kind is ClassifierConfig:
        problems += [f"missing key {k!r}" for k in ("model", "classes") if k not in values]
    if problems:
        raise ConfigError.of(problems)
    values = {k: _tuples(v) for k, v in values.items()}
    if kind is ClassifierConfig:
        values["model"] = config_from_dict(ModelConfig, values["model"])
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:  # a value of a wrong kind, met while checking it
        raise ConfigError(f"a value of a wrong kind: {error}") from error


def _tuples(value: Any) -> Any:
    """A JSON value with its lists, which can be changed, as tuples, which cannot."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
