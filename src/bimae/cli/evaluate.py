"""`bimae evaluate`: test a classifier on a part of a data set."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bimae.cli.parse import parse
from bimae.errors import ConfigError, DataError, ModelError
from bimae.spectra import band_reach

if TYPE_CHECKING:
    from bimae.data import SeedDataset

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
    part: Literal["auto", "test", "val", "train", "all"] = "auto"
    """Part of the data to test on; auto: test where there is one, else everything."""
    out: Path | None = None
    """Folder for the results; default: evaluation-<data name> in the run folder."""
    batch_size: int = 64
    """Samples at a time."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        return [] if self.batch_size > 0 else [f"batch_size is {self.batch_size}; at least 1"]


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    run(parse(EvaluateOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE))


def run(options: EvaluateOptions) -> None:
    """Classifies, writes the results, and says what came out."""
    from bimae.data import open_dataset
    from bimae.evaluate.classification import classify
    from bimae.model import SeedClassifier, model_folder
    from bimae.report.results import write_results

    model = SeedClassifier.from_pretrained(options.weights)
    sizes = model.config.model
    samples = open_dataset(options.data, hs_size=sizes.hs_size, rgb_size=sizes.rgb_size)
    if samples.bands != sizes.bands and model.config.modality != "rgb":
        raise ModelError(
            f"{options.data}: images have {samples.bands} bands, the model {options.weights} was "
            f"made for {sizes.bands}; use data of the same sensor"
        )
    if model.config.modality != "rgb":
        _check_wavelengths(options, samples, model.config.wavelengths_nm)
    run_folder = model_folder(options.weights).parent
    part, chosen = _choose(options, samples, run_folder / "split.json")
    if not chosen:
        raise DataError(f"{options.data}: the part {part} is empty; choose another with --part")
    name = re.sub(r"[^\w-]+", "-", options.data.stem).strip("-") or "data"
    out = options.out or run_folder / f"evaluation-{name}"
    if out.is_dir() and any(out.iterdir()) and not (out / "results.json").is_file():
        raise ConfigError(f"{out}: holds other files; name another --out")
    results = write_results(
        out,
        classify(model, samples, chosen, batch_size=options.batch_size),
        part=part,
        data=samples.info.name or str(options.data),
        simulated=samples.info.simulated,
    )
    print(
        f"{part}: {results.samples} samples: accuracy {results.accuracy:.3f}, macro-F1 "
        f"{results.macro_f1:.3f}{' (simulated data)' * samples.info.simulated}\nresults  {out}"
    )


def _check_wavelengths(
    options: EvaluateOptions, samples: "SeedDataset", expected: tuple[float, ...] | None
) -> None:
    """Refuses data whose bands lie elsewhere than the model's; says where that cannot be seen."""
    found = samples.wavelengths_nm
    if expected is None:
        return
    if found is None:
        print("note: these data do not tell their wavelengths; bands are taken by number")
        return
    far = max(range(len(expected)), key=lambda i: abs(expected[i] - found[i]))
    if abs(expected[far] - found[far]) > band_reach(expected):
        raise ModelError(
            f"{options.data}: band {far} lies at {found[far]:g} nm, in the model "
            f"{options.weights} at {expected[far]:g} nm; use data of the same sensor"
        )


def _choose(
    options: EvaluateOptions, samples: "SeedDataset", split_file: Path
) -> tuple[str, tuple[int, ...]]:
    """The part's name and its samples; says which split it follows."""
    from bimae.data import Split, split_dataset
    from bimae.data.splits import split_file as split_file_of

    everything = tuple(range(len(samples)))
    if options.part == "all":
        return "all", everything
    if Split.matches(split_file, samples):
        print(f"the model was trained on these data: its own split is used ({split_file})")
        split = Split.load(split_file, samples)
    elif any(samples.declared_splits) or split_file_of(samples).is_file():
        split = split_dataset(samples)
    elif options.part == "auto":
        return "all", everything
    else:
        raise ConfigError(
            f"{options.data}: no declared parts, and not the data that the model was trained on; "
            "leave out --part to test on everything"
        )
    part = "test" if options.part == "auto" else options.part
    return part, getattr(split, part)
