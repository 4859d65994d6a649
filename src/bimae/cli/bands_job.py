"""What `bimae bands` is to do, checked before any work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bimae.errors import BimaeError, ConfigError, DataError, ModelError

if TYPE_CHECKING:
    from bimae.cli.bands import BandsOptions
    from bimae.data import SeedDataset, Split
    from bimae.evaluate.band_candidates import Candidates
    from bimae.evaluate.looks import Looks
    from bimae.model import SeedClassifier

ONE_SENSOR = (
    "this model reads one sensor, so only the importance of its bands can be told; to choose a few "
    "takes a model of any sensor (bimae finetune --any-sensor true)"
)
NEEDS = {
    "train": "importance is asked for there",
    "val": "bands are chosen on it, and train, which the model learned from, cannot stand in",
    "test": "the chosen bands are tested on it",
}


@dataclass(frozen=True)
class Job:
    """Everything that was checked before the work.

    Attributes:
        places: Where each channel of `looks` lies: nm, or band number; with its width.
        candidates: What is chosen from; None where the model reads one sensor only.
    """

    options: "BandsOptions"
    model: "SeedClassifier"
    samples: "SeedDataset"
    looks: "Looks"
    split: "Split"
    places: list[tuple[float, float]]
    groups: list[tuple[int, ...]]
    candidates: "Candidates | None"

    @property
    def pairs(self) -> bool:
        """Whether the first two are chosen together, as one alone tells nothing."""
        from bimae.data.reading import ALONE

        return self.model.config.scale in ALONE

    def evaluations(self) -> dict[str, int]:
        """How many times the model answers for a part, by what for."""
        from bimae.evaluate.band_ranking import evaluations

        options = self.options
        found = {f"importance ({options.part})": 1 + len(self.groups) * options.repeats}
        if self.candidates is not None:
            chosen = evaluations(len(self.candidates), options.k, pairs=self.pairs)
            found |= {"choice (val)": chosen, "comparison (test)": 3 + options.random}
        return found


def checked(options: "BandsOptions") -> Job:
    """Opens model and data; everything that cannot be carried out is told before any work."""
    from bimae.data import open_dataset
    from bimae.data.info import check_has_spectra
    from bimae.data.labels import labelled
    from bimae.evaluate.band_ranking import band_groups
    from bimae.evaluate.looks import look
    from bimae.evaluate.sensor import Learned
    from bimae.model import SeedClassifier, model_folder
    from bimae.report.card import read_about
    from bimae.train.prepare import split_for

    model = SeedClassifier.from_pretrained(options.model)
    any_sensor, own = model.config.any_sensor, model.config.modality
    if own == "rgb":
        raise ModelError(f"{options.model}: looks at RGB only; a model that reads bands is needed")
    if any_sensor and own == "hs" and options.modality == "bimodal":
        raise ModelError(f"{options.model}: has never seen RGB images; leave out --modality")
    sizes = model.config.model
    # What a model is shown that makes up bands are those of its own sensor, whatever the data have.
    own_nm = model.config.wavelengths_nm if model.config.among is not None else None
    samples = open_dataset(options.data, hs_size=sizes.hs_size, rgb_size=sizes.rgb_size)
    check_has_spectra(str(options.data), samples.info, "bands are ranked by them; use others")
    shown = "hs" if options.modality == "auto" and any_sensor else options.modality
    if own_nm is not None and samples.wavelengths_nm not in (None, own_nm):
        raise ModelError(
            f"{options.model}: makes up the bands of the sensor that it learned from, of "
            f"{len(own_nm)} bands, and {options.data} is of another; use data of that sensor"
        )
    folder = model_folder(options.model)
    looks = look(model, samples, modality=shown, learned=Learned.of(read_about(folder)))
    split = split_for(samples, options.seed, folder.parent / "split.json")
    split = labelled(split, samples, needed=())
    candidates, problems = _candidates(options, model, samples)
    problems += _part_problems(options, samples, split, model.config.classes, choosing=any_sensor)
    if problems:
        kind: type[BimaeError] = type(problems[0])
        raise kind("\n".join(str(problem) for problem in problems))
    assert looks.reading.bands is not None, "it reads spectra"
    places = _places(samples, looks.reading.bands)
    groups = band_groups([place for place, _ in places], options.groups)
    return Job(options, model, samples, looks, split, places, groups, candidates)


def _candidates(
    options: "BandsOptions", model: "SeedClassifier", samples: "SeedDataset"
) -> "tuple[Candidates | None, list[BimaeError]]":
    """What to choose from, None where nothing can be; and why it cannot be carried out."""
    from bimae.data.reading import ALONE
    from bimae.evaluate.band_candidates import band_candidates, filter_candidates

    nm, width, k = samples.wavelengths_nm, options.width, options.k
    if not model.config.any_sensor:
        told = f"width asks for filters: {ONE_SENSOR}; leave out --width"
        return None, [] if width is None else [ConfigError(told)]
    problems: list[BimaeError] = []
    if model.config.scale in ALONE and k == 1:
        problems.append(
            ConfigError(
                "k is 1, but this model scales each pixel over the bands that are there, which of "
                "one gives nothing; choose two or more"
            )
        )
    if width is None:
        found = band_candidates(samples.bands, nm, samples.info.fwhm_nm, options.candidates)
    elif nm is None:
        told = (
            f"{options.data}: width is in nm, but the wavelengths of these data are unknown: add "
            "`wavelengths_nm` to dataset.json beside the data, or leave out --width"
        )
        return None, [*problems, DataError(told)]
    else:
        found = filter_candidates(nm, width, options.candidates)
    if k > len(found):
        problems.append(
            ConfigError(
                f"k is {k}, but {options.data} gives only {len(found)} different candidates "
                f"({samples.bands} bands); lower -k"
            )
        )
    return found, problems


def _part_problems(
    options: "BandsOptions",
    samples: "SeedDataset",
    split: "Split",
    classes: Sequence[str],
    *,
    choosing: bool,
) -> list[BimaeError]:
    """Parts that are needed and not there; labels that are missing."""
    from bimae.data.loading import check_labels

    # importance exchanges bands between at least two samples
    needed = ({"val": 1, "test": 1} if choosing else {}) | {options.part: 2}
    problems: list[BimaeError] = []
    for part, least in needed.items():
        if (has := len(getattr(split, part))) < least:
            problems.append(
                DataError(
                    f"{options.data}: the {part} part has {has} samples, at least {least} are "
                    f"needed ({split.how}); {NEEDS[part]}: split again (bimae data split "
                    f"{options.data} --ratios .7 .15 .15) and, where the model was trained on "
                    "these data, fine-tune again"
                )
            )
    if not problems:
        check_labels(samples, [i for part in needed for i in getattr(split, part)], classes)
    return problems


def _places(samples: "SeedDataset", bands: Sequence[int]) -> list[tuple[float, float]]:
    """Where each channel lies and how wide it is, in nm, or in bands where that is unknown."""
    from bimae.spectra import band_shares

    nm = samples.wavelengths_nm
    if nm is None:
        return [(float(band), 1.0) for band in bands]
    wide = band_shares(nm)
    return [(nm[band], wide[band]) for band in bands]
