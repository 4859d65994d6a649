"""`bimae data simulate`: a simulated data set of seeds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bimae.cli.parse import parse

ABOUT = (
    "Writes a SIMULATED data set as TFRecords: 19 species, RGB and spectra of the same seed from "
    "one physical model (docs/simulator.md). It is for trying things out, no evidence about seeds. "
    "With --layout, the files as a laboratory has them, to try `bimae data import` on."
)
EXAMPLE = "bimae data simulate data/simulated --per-class 40 --bands 300 --seed 0"


@dataclass(frozen=True)
class SimulateOptions:
    """Options of the simulator."""

    out: Path
    """Folder to write to."""
    per_class: int = 40
    """Seeds of each of the 19 species; of trays of each of four, at least 12; of a lot all its
    seeds, at least 20."""
    bands: int = 300
    """Spectral bands, evenly spaced from 400 to 1000 nm."""
    seed: int = 0
    """Seed of everything random: the same number writes the same bytes."""
    overwrite: bool = False
    """Replace the records that `out` holds already."""
    layout: Literal[
        "tfrecords",
        "folders",
        "bisid-raw",
        "cubes",
        "views",
        "table",
        "tray",
        "lot",
        "scene",
        "boxes",
        "photos",
    ] = "tfrecords"
    """TFRecords, or raw files in a layout that `bimae data import` understands; lot: one tray of
    seeds that nobody has named, nine in ten of them rape."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        return [
            f"{name} is {getattr(self, name)}; it must be at least {least}"
            for name, least in (("per_class", 1), ("bands", 2), ("seed", 0))
            if getattr(self, name) < least
        ]


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    options = parse(
        SimulateOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("out",)
    )
    run(options)


def run(options: SimulateOptions) -> None:
    """Simulates, writes, and says where."""
    from bimae.cli.progress import progress
    from bimae.data.simulate import LABELS, simulate_dataset

    total = options.per_class * len(LABELS)
    if options.layout != "tfrecords":
        _raw(options, total)
        return
    with progress("simulating seeds", "seed", total) as counted:
        files = simulate_dataset(
            options.out,
            per_class=options.per_class,
            bands=options.bands,
            seed=options.seed,
            progress=counted,
            overwrite=options.overwrite,
        )
    print(
        f"{total} simulated seeds of {len(LABELS)} species, {options.bands} bands, in "
        f"{len(files)} TFRecord files\ndata     {options.out}"
    )


def _raw(options: SimulateOptions, total: int) -> None:
    from bimae.cli.progress import progress
    from bimae.data.simulate.raw import LOT_CROP, simulate_raw

    with progress("simulating seeds", "seed", total) as counted:
        simulate_raw(
            options.out,
            options.layout,
            per_class=options.per_class,
            bands=options.bands,
            seed=options.seed,
            overwrite=options.overwrite,
            progress=counted,
        )
    print(f"files    {options.out}: simulated seeds, layout {options.layout}")
    if options.layout == "lot":
        print(f'next     bimae purity MODEL {options.out} --crop "{LOT_CROP}" --out report')
    else:
        print(f"next     bimae data import {options.out} data/simulated")
