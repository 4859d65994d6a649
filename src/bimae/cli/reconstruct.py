"""`bimae reconstruct`: draw what a pretrained model makes of what it does not see."""

from dataclasses import dataclass
from pathlib import Path

from bimae.cli.parse import parse

ABOUT = (
    "Hides bands and tiles of some samples as in pretraining and draws original, masked and "
    "reconstructed side by side."
)
EXAMPLE = "bimae reconstruct --weights runs/a --data DATA --out reconstructions.png"


@dataclass(frozen=True)
class ReconstructOptions:
    """Options of the reconstruction picture."""

    weights: Path
    """Pretraining run, or its model folder."""
    data: Path
    """TFRecords: a file, a glob, or a folder."""
    out: Path = Path("reconstructions.png")
    """Picture to write."""
    count: int = 6
    """Samples in the picture, taken evenly from the whole data set."""
    seed: int = 0
    """Seed of the masks."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        found = [] if self.count > 0 else [f"count is {self.count}; it must be at least 1"]
        if self.out.suffix.lower() not in (".png", ".pdf", ".svg", ".jpg"):
            found.append(f"out is {self.out}; name a .png, .pdf, .svg or .jpg file")
        return found


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    run(parse(ReconstructOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE))


def run(options: ReconstructOptions) -> None:
    """Reconstructs, draws, and says the errors."""
    from bimae.data import open_dataset
    from bimae.data.info import check_has_spectra
    from bimae.errors import ModelError
    from bimae.evaluate.reconstruction import reconstruct
    from bimae.model import BiMAE
    from bimae.report import figures

    model = BiMAE.from_pretrained(options.weights)
    config = model.config
    samples = open_dataset(options.data, hs_size=config.hs_size, rgb_size=config.rgb_size)
    check_has_spectra(str(options.data), samples.info, "this model reconstructs them")
    if samples.bands != config.bands:
        raise ModelError(
            f"{options.data}: images have {samples.bands} bands, the model {options.weights} was "
            f"made for {config.bands}; use data of the same sensor"
        )
    count = min(options.count, len(samples))
    part = [i * len(samples) // count for i in range(count)]
    found = reconstruct(model, samples, part, seed=options.seed)
    name = samples.info.name or str(options.data)
    title = f"{'SIMULATED DATA - ' * samples.info.simulated}{name}"
    figures.save(figures.reconstructions(found, title, samples.wavelengths_nm), options.out)
    told = f"\n{found.errors.note}" if found.errors.note else ""
    print(
        f"mean squared error over what was hidden: spectra {found.errors.hs:.5f}, "
        f"RGB {found.errors.rgb:.5f}{told}\npicture  {options.out}"
    )
