"""Tree crowns of the IDTReeS 2020 competition as TFRecords: not seeds, but the nearest relative.

    python examples/idtrees/convert.py --src ../shared/data/idtrees2020 --out DIR --fold 0

writes `DIR/crowns` (labelled crowns in train, val and test shards) and `DIR/windows` (unlabelled
windows of the training groups' plots, for pretraining). README.md beside this file tells more.
"""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data.info import DatasetInfo
from bimae.data.sample import Sample
from bimae.data.scenes import SPLITS, Box, Scene, box_samples, grid_windows, unique_ids
from bimae.data.tfrecord.writer import write_tfrecords
from bimae.errors import BimaeError, DataError
from bimae.spectra import neighbours

FOLDS = 5
SHORTEST_M, LONGEST_M = 4, 10  # sides of a crown's window; a spectral pixel is 1 m
WINDOW_M, STRIDE_M = 8, 2  # unlabelled windows
BAND_NUMBERS = (*range(192), *range(210, 283), *range(315, 419))  # NEON's; water bands left out
WAVELENGTHS_NM = tuple(round(383.5 + 5.0077 * i, 2) for i in BAND_NUMBERS)
SOURCE = (
    "Tree crowns from the air, not seeds: IDTReeS 2020 competition, training data. Graves, S. & "
    "Marconi, S. (2020), IDTReeS 2020 Competition Data (Version 4), Zenodo, "
    "doi:10.5281/zenodo.3934932, CC-BY-4.0. Imagery: NEON Airborne Observation Platform, sites "
    "MLBS (Virginia) and OSBS (Florida). Spectra: reflectance, 369 bands, 1 m; wavelengths "
    "inferred, not given. Changed here: cut into windows, brought to one size, pixels outside a "
    "crown's box blanked."
)


@dataclass(frozen=True)
class Crown:
    """One tree crown: `plot` is the number of its plot's images, `fold` is 0-4."""

    box: Box
    plot: int
    plot_name: str
    fold: int


class Plots:
    """The images of all plots; a cube is decoded when it is asked for (0.3 MB each)."""

    def __init__(self, src: Path, average: int = 1) -> None:
        """Opens the two archives in `src`; DataError where they are not there.

        Args:
            src: The folder idtrees2020.
            average: Neighbouring bands that are averaged to one.
        """
        if average < 1:
            raise DataError(f"--average is {average}; at least 1 band is averaged to one")
        self.average = average
        self.wavelengths_nm = tuple(averaged(np.array(WAVELENGTHS_NM), average).round(2).tolist())
        try:
            with np.load(src / "plots_hsi.npz") as coded, np.load(src / "plots_rgb.npz") as rgb:
                self._low, self._high, self._rgb = coded["lo"], coded["hi"], rgb["rgb"]
        except (OSError, KeyError, ValueError) as error:
            raise DataError(
                f"{src}: plots_hsi.npz (lo, hi) and plots_rgb.npz (rgb) are expected there "
                f"({error}); give the folder idtrees2020 as --src"
            ) from error

    def scene(self, plot: int, name: str) -> Scene:
        """A plot of 20 m in both views: 1 spectral pixel and 10 RGB pixels per metre."""
        return Scene(name, self.spectra(plot), self.rgb(plot), self.wavelengths_nm)

    def spectra(self, plot: int) -> NDArray[np.float32]:
        """[20, 20, bands] reflectance."""
        # Stored as band-to-band differences in two bytes each, since those compress well.
        steps = (self._high[plot].astype(np.uint16) << 8) | self._low[plot]
        counts = np.cumsum(steps.view(np.int16), axis=0, dtype=np.int32).astype(np.uint16)
        reflectance = np.moveaxis(counts, 0, -1).astype(np.float32) / np.float32(10000.0)
        return np.ascontiguousarray(averaged(reflectance, self.average), dtype=np.float32)

    def rgb(self, plot: int) -> NDArray[np.float32]:
        """[200, 200, 3] in [0, 1]."""
        scaled: NDArray[np.float32] = self._rgb[plot].astype(np.float32) / np.float32(255.0)
        return scaled


def averaged(bands: NDArray[Any], count: int) -> NDArray[Any]:
    """[..., 369] to means of `count` neighbours; never over a gap that water bands left."""
    if count == 1:
        return bands
    groups = neighbours(WAVELENGTHS_NM, count)
    return np.stack([bands[..., group].mean(axis=-1) for group in groups], axis=-1)


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file with a header; DataError where it is not there."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise DataError(f"{path}: not readable ({error}); give idtrees2020 as --src") from error


def read_crowns(src: Path, site: str = "all") -> list[Crown]:
    """The crowns that have a fold (taxa with at least 47 crowns), in the order of the plots."""
    rows = [
        row
        for row in read_table(src / "crowns.csv")
        if row["fold_top8"] != "" and site in ("all", row["site"])
    ]
    if not rows:
        raise DataError(f"{src / 'crowns.csv'}: no crown of site {site!r}; use all, MLBS or OSBS")
    # A tree has one id but may have two boxes, in overlapping plots or in one.
    ids = unique_ids(f"{row['indvdID']}@{row['plot']}" for row in rows)
    crowns = []
    for row, name in zip(rows, ids, strict=True):
        left, top, right, bottom = (float(row[key]) for key in ("x0_m", "y0_m", "x1_m", "y1_m"))
        box = Box(name, row["taxonID"], row["group"], left, top, right, bottom)
        crowns.append(Crown(box, int(row["plot_index"]), row["plot"], int(row["fold_top8"])))
    return sorted(crowns, key=lambda crown: crown.plot)


def split_of(fold: int, test_fold: int) -> str:
    """Split of a crown: test is the fold asked for, val the next one, train the other three."""
    return {0: "test", 1: "val"}.get((fold - test_fold) % FOLDS, "train")


def crown_samples(
    plots: Plots, crowns: Sequence[Crown], *, rgb_size: int, hs_size: int
) -> Iterator[Sample]:
    """One labelled sample per crown; a plot is decoded once, so crowns come plot by plot."""
    for (plot, name), found in groupby(crowns, key=lambda crown: (crown.plot, crown.plot_name)):
        yield from box_samples(
            plots.scene(plot, name),
            [crown.box for crown in found],
            shortest=SHORTEST_M,
            longest=LONGEST_M,
            rgb_size=rgb_size,
            hs_size=hs_size,
        )


def window_samples(
    plots: Plots, src: Path, shut: set[str], *, site: str, rgb_size: int, hs_size: int
) -> Iterator[Sample]:
    """Unlabelled windows of all plots but those of the groups in `shut`."""
    for row in read_table(src / "plots.csv"):
        if row["group"] in shut or site not in ("all", row["site"]):
            continue
        yield from grid_windows(
            plots.scene(int(row["index"]), row["plot"]),
            WINDOW_M,
            STRIDE_M,
            group=row["group"],
            rgb_size=rgb_size,
            hs_size=hs_size,
        )


def convert(
    src: Path,
    out: Path,
    *,
    fold: int = 0,
    site: str = "all",
    rgb_size: int = 96,
    hs_size: int = 12,
    average: int = 1,
    overwrite: bool = False,
) -> dict[str, Counter[str]]:
    """Writes `out/crowns` and `out/windows`.

    Args:
        src: The folder idtrees2020.
        out: Where to write.
        fold: 0-4: the fold that is tested; the next one (0 after 4) is for validation.
        site: all (8 taxa), or MLBS or OSBS alone.
        rgb_size: Side of the RGB images in pixels; 96 is 4x4 tiles of 24.
        hs_size: Side of the spectral images in pixels; from 10 on no measured pixel is lost.
        average: Neighbouring bands, 5 nm apart, that are averaged to one.
        overwrite: Replace what is there.

    Returns:
        Crowns by split and taxon, and `windows` by plot group.
    """
    plots, crowns = Plots(src, average), read_crowns(src, site)
    of = {name: [c for c in crowns if split_of(c.fold, fold) == name] for name in SPLITS}
    info = DatasetInfo(
        "IDTReeS 2020 tree crowns",
        wavelengths_nm=plots.wavelengths_nm,
        source=SOURCE,
        sensor="NEON Airborne Observation Platform",
        unit="reflectance",
        rgb="camera",
    )
    facts = {"fold": fold, "site": site, "bands_averaged": average}
    counts = {name: Counter(str(c.box.label) for c in chosen) for name, chosen in of.items()}
    for name, chosen in of.items():
        samples = crown_samples(plots, chosen, rgb_size=rgb_size, hs_size=hs_size)
        write_tfrecords(out / "crowns", samples, split=name, overwrite=overwrite)
    info.save(out / "crowns", **facts, samples=dict(counts))
    # Not a pixel of a plot that is validated or tested on may be seen in pretraining, and groups
    # are what keeps apart plots on the same ground: of all crowns, whichever site was asked for.
    shut = {c.box.group for c in read_crowns(src) if split_of(c.fold, fold) != "train"}
    counts["windows"] = Counter()

    def counted(samples: Iterator[Sample]) -> Iterator[Sample]:
        for sample in samples:
            counts["windows"][str(sample.group)] += 1
            yield sample

    windows = window_samples(plots, src, shut, site=site, rgb_size=rgb_size, hs_size=hs_size)
    write_tfrecords(out / "windows", counted(windows), split="train", overwrite=overwrite)
    info.save(out / "windows", **facts, side_m=WINDOW_M, stride_m=STRIDE_M)
    return counts


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 on a mistake that the user can mend."""
    parser: Any = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--src", type=Path, required=True, help="the folder idtrees2020")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--fold", type=int, default=0, choices=range(FOLDS), help="tested fold")
    parser.add_argument("--site", default="all", choices=("all", "MLBS", "OSBS"))
    parser.add_argument("--rgb-size", type=int, default=96, help="pixels (default 96)")
    parser.add_argument("--hs-size", type=int, default=12, help="pixels (default 12)")
    parser.add_argument(
        "--average", type=int, default=1, help="neighbouring bands averaged to one (default 1)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    options = vars(parser.parse_args(argv))
    try:
        counts = convert(options.pop("src"), options.pop("out"), **options)
    except BimaeError as error:
        print(error, file=sys.stderr)
        return 2
    for name, found in counts.items():
        if name == "windows":
            print(f"windows: {found.total()} of {len(found)} training groups, unlabelled")
        else:
            by_taxon = ", ".join(f"{taxon} {n}" for taxon, n in sorted(found.items()))
            print(f"{name}: {found.total()} crowns ({by_taxon})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
