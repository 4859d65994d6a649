"""`bimae data indian-pines`: samples of a real hyperspectral scene."""

from dataclasses import dataclass
from pathlib import Path

from bimae.cli.parse import parse

ABOUT = (
    "Writes a window around each labelled pixel of Indian Pines (AVIRIS, 16 classes, 200 bands, "
    "false-colour RGB) as TFRecords, split by blocks of ground so that no window of one part "
    "touches another part's pixels. The scene comes with the package tensorly: "
    "pip install 'bimae[pines]'."
)
EXAMPLE = "bimae data indian-pines data/indian-pines"


@dataclass(frozen=True)
class PinesOptions:
    """Options of the conversion."""

    out: Path
    """Folder to write to."""
    window: int = 7
    """Side of a window in pixels of 20 m, odd."""
    block: int = 18
    """Side of the blocks that go to one part as a whole, in pixels."""
    rgb_size: int = 48
    """Side of the false-colour RGB image in pixels: a multiple of the patch size (24)."""
    average: int = 1
    """Neighbouring bands that are averaged to one, never over a gap in the spectrum."""
    seed: int = 0
    """Seed of the blocks' parts."""
    overwrite: bool = False
    """Replace the data set that `out` holds already."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        found = []
        if self.window < 1 or self.window % 2 == 0:
            found.append(f"window is {self.window}; it must be odd, so that a pixel is its middle")
        if self.block < self.window:
            found.append(f"block is {self.block}; it must be at least the window, {self.window}")
        for name in ("rgb_size", "average"):
            if getattr(self, name) < 1:
                found.append(f"{name} is {getattr(self, name)}; it must be at least 1")
        return found


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    options = parse(
        PinesOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("out",)
    )
    run(options)


def run(options: PinesOptions) -> None:
    """Cuts, writes, and says how many samples each part has."""
    from bimae.cli.progress import progress
    from bimae.data.indian_pines import indian_pines_dataset

    with progress("cutting windows", "window") as counted:
        summary = indian_pines_dataset(
            options.out,
            window=options.window,
            block=options.block,
            rgb_size=options.rgb_size,
            average=options.average,
            seed=options.seed,
            overwrite=options.overwrite,
            progress=counted,
        )
    for split in ("train", "val", "test"):
        missing = summary.missing(split)
        lacks = f"; no {', '.join(missing)}" if missing else ""
        print(f"{split:<6}{sum(summary.counts[split].values())} windows{lacks}")
    print(f"data  {options.out}")
