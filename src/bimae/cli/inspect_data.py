"""`bimae data inspect`: a data set as one HTML page."""

import os
from dataclasses import dataclass
from pathlib import Path

from bimae.cli.parse import parse
from bimae.errors import count

ABOUT = (
    "Draws a data set as one HTML file that needs no network: samples of each class in three "
    "views, mean spectra, classes, groups and split, and how good each band is."
)
EXAMPLE = "bimae data inspect data/simulated --per-class 6 --bands 450,550,670,800nm"
FILE_NAME = "inspect.html"


@dataclass(frozen=True)
class InspectOptions:
    """Options of the page."""

    path: Path
    """TFRecords: a file, a glob, or a folder."""
    out: Path | None = None
    """HTML file to write; default: inspect.html in the data folder, or here."""
    per_class: int = 6
    """Samples of each class to show."""
    bands: str = ""
    """Bands to show one by one, such as step_60 or 450,550,670nm; default: four spread ones."""
    seed: int = 0
    """Seed of which samples are shown and read."""
    most: int = 2000
    """Samples to read for spectra and band quality, at most."""
    overwrite: bool = False
    """Replace the file that OUT is already."""

    def problems(self) -> list[str]:
        """Everything that cannot be carried out."""
        from bimae.errors import BandError
        from bimae.spectra import BandSelection

        found = [
            f"{name} is {getattr(self, name)}; it must be at least {least}"
            for name, least in (("per_class", 1), ("seed", 0), ("most", 1))
            if getattr(self, name) < least
        ]
        if self.out is not None and self.out.suffix.lower() not in (".html", ".htm"):
            found.append(f"out is {self.out}; name an .html file")
        if self.bands:
            try:
                BandSelection(self.bands)
            except BandError as error:
                found.append(str(error))
        return found


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    options = parse(
        InspectOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("path",)
    )
    run(options)


def run(options: InspectOptions) -> None:
    """Reads, draws, and says where."""
    from bimae.cli.progress import progress
    from bimae.data import open_dataset
    from bimae.report.inspect import draw_page
    from bimae.spectra import BandSelection
    from bimae.storage import write_text

    samples = open_dataset(options.path, hs_size=None, rgb_size=None)
    out = options.out or _place_for(options.path)
    _check_out(out, overwrite=options.overwrite)
    with progress("reading samples", "sample") as counted:
        page = draw_page(
            samples,
            path=str(options.path),
            per_class=options.per_class,
            bands=BandSelection(options.bands) if options.bands else None,
            seed=options.seed,
            most=options.most,
            progress=counted,
        )
    write_text(out, page.html)
    read = "all read" if page.samples_read == len(samples) else f"{page.samples_read} of them read"
    simulated = "SIMULATED " * samples.info.simulated
    print(
        f"{count(len(samples), f'{simulated}sample')}, {count(len(samples.classes), 'class')}, "
        f"{'photos alone' if samples.info.photos_alone else count(samples.bands, 'band')}; {read}"
    )
    for note in page.notes:
        print(f"- {note}")
    print(f"page     {out}")


def _place_for(path: Path) -> Path:
    """In the data folder if there is one that can be written to, else here."""
    return path / FILE_NAME if path.is_dir() and os.access(path, os.W_OK) else Path(FILE_NAME)


def _check_out(out: Path, *, overwrite: bool) -> None:
    """Refuses to replace what is there.

    Raises:
        ConfigError: A folder is in the way, or a file, which may be an earlier page or a person's.
    """
    from bimae.errors import ConfigError
    from bimae.report.inspect import MARK

    if out.is_dir():
        raise ConfigError(f"{out}: is a folder, expected a file to write: name an .html file")
    if overwrite or not out.exists():
        return
    with out.open("rb") as file:
        ours = MARK.encode() in file.read(200)
    what = "an earlier page" if ours else "no page of this command"
    raise ConfigError(
        f"{out}: is there already and is {what}; name another --out, or --overwrite it"
    )
