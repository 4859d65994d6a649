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
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bimae.data.info import DatasetInfo
from bimae.data.sample import Sample
from bimae.data.scenes import SPLITS, resample_rgb
from bimae.data.tfrecord.writer import write_tfrecords
from bimae.errors import BimaeError, DataError

FOLDS = 5
PLOT_M = 20.0  # side of a plot; 1 spectral pixel and 10 RGB pixels per metre
RGB_PER_M = 10.0
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

Box = tuple[float, float, float, float]
"""left, top, right, bottom in metres from the plot's top-left corner."""


@dataclass(frozen=True)
class Crown:
    """One tree crown: `box` is clipped to the plot; `fold` is 0-4."""

    id: str
    plot: int
    site: str
    group: str
    taxon: str
    box: Box
    fold: int


class Plots:
    """The images of all plots; a cube is decoded when it is asked for (0.3 MB each)."""

    def __init__(self, src: Path) -> None:
        """Opens the two archives in `src`; DataError where they are not there."""
        try:
            with np.load(src / "plots_hsi.npz") as coded, np.load(src / "plots_rgb.npz") as rgb:
                self._low, self._high, self._rgb = coded["lo"], coded["hi"], rgb["rgb"]
        except (OSError, KeyError, ValueError) as error:
            raise DataError(
                f"{src}: plots_hsi.npz (lo, hi) and plots_rgb.npz (rgb) are expected there "
                f"({error}); give the folder idtrees2020 as --src"
            ) from error

    def spectra(self, plot: int) -> NDArray[np.float32]:
        """[20, 20, 369] reflectance."""
        # Stored as band-to-band differences in two bytes each, since those compress well.
        steps = (self._high[plot].astype(np.uint16) << 8) | self._low[plot]
        counts = np.cumsum(steps.view(np.int16), axis=0, dtype=np.int32).astype(np.uint16)
        reflectance = np.moveaxis(counts, 0, -1).astype(np.float32) / np.float32(10000.0)
        return np.ascontiguousarray(reflectance)

    def rgb(self, plot: int) -> NDArray[np.float32]:
        """[200, 200, 3] in [0, 1]."""
        scaled: NDArray[np.float32] = self._rgb[plot].astype(np.float32) / np.float32(255.0)
        return scaled


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file with a header; DataError where it is not there."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise DataError(f"{path}: not readable ({error}); give idtrees2020 as --src") from error


def read_crowns(src: Path, site: str = "all") -> list[Crown]:
    """The crowns that have a fold (taxa with at least 47 crowns), in the order of the plots."""
    crowns, seen = [], Counter[str]()
    for row in read_table(src / "crowns.csv"):
        if row["fold_top8"] == "" or site not in ("all", row["site"]):
            continue
        # Boxes may stick out of the plot.
        x0, y0, x1, y1 = (
            min(max(float(row[key]), 0.0), PLOT_M) for key in ("x0_m", "y0_m", "x1_m", "y1_m")
        )
        # A tree has one id but may have two boxes, in overlapping plots or in one.
        name = f"{row['indvdID']}@{row['plot']}"
        seen[name] += 1
        crowns.append(
            Crown(
                id=name if seen[name] == 1 else f"{name}#{seen[name]}",
                plot=int(row["plot_index"]),
                site=row["site"],
                group=row["group"],
                taxon=row["taxonID"],
                box=(x0, y0, x1, y1),
                fold=int(row["fold_top8"]),
            )
        )
    if not crowns:
        raise DataError(f"{src / 'crowns.csv'}: no crown of site {site!r}; use all, MLBS or OSBS")
    return sorted(crowns, key=lambda crown: crown.plot)


def split_of(fold: int, test_fold: int) -> str:
    """Split of a crown: test is the fold asked for, val the next one, train the other three."""
    return {0: "test", 1: "val"}.get((fold - test_fold) % FOLDS, "train")


def crown_window(box: Box) -> Box:
    """Square window around a crown: 1.1 times its longer side, 4 to 10 m, shifted into the plot."""
    x0, y0, x1, y1 = box
    side = min(max(1.1 * max(x1 - x0, y1 - y0), 4.0), 10.0)
    left = min(max((x0 + x1 - side) / 2, 0.0), PLOT_M - side)
    top = min(max((y0 + y1 - side) / 2, 0.0), PLOT_M - side)
    return left, top, left + side, top + side


def cut(
    rgb: NDArray[np.float32],
    spectra: NDArray[np.float32],
    window: Box,
    *,
    box: Box | None = None,
    rgb_size: int,
    hs_size: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both views of a window at a fixed size; outside `box` RGB is white and the spectrum zero.

    RGB is resampled bilinearly. Spectra take the nearest pixel, so that each one was measured.
    """
    left, top, right, bottom = (m * RGB_PER_M for m in window)
    view = resample_rgb(rgb, rgb_size, (left, top, right, bottom))
    columns, rows = (centres(window, axis, hs_size).astype(int) for axis in (0, 1))
    cube = spectra[np.ix_(rows, columns)]
    if box is not None:
        view = np.where(inside(window, box, rgb_size)[..., None], view, np.float32(1.0))
        cube = np.where(inside(window, box, hs_size)[..., None], cube, np.float32(0.0))
    return view, cube


def centres(window: Box, axis: int, size: int) -> NDArray[np.float64]:
    """[size] pixel centres in m along x (axis 0) or y (axis 1) of a window of `size` pixels."""
    start, end = window[axis], window[axis + 2]
    places: NDArray[np.float64] = start + (np.arange(size) + 0.5) * (end - start) / size
    return places


def inside(window: Box, box: Box, size: int) -> NDArray[np.bool_]:
    """[size, size]: whose centre lies in `box`; a sliver of a crown keeps its nearest pixels."""
    along = []
    for axis in (0, 1):
        at, low, high = centres(window, axis, size), box[axis], box[axis + 2]
        within = (at >= low) & (at <= high)
        if not within.any():
            within[np.abs(at - (low + high) / 2).argmin()] = True
        along.append(within)
    return np.logical_and.outer(along[1], along[0])


def crown_samples(
    plots: Plots, crowns: Sequence[Crown], *, rgb_size: int, hs_size: int
) -> Iterator[Sample]:
    """One labelled sample per crown."""
    plot, rgb, spectra = -1, plots.rgb(0), plots.spectra(0)
    for crown in crowns:
        if crown.plot != plot:
            plot, rgb, spectra = crown.plot, plots.rgb(crown.plot), plots.spectra(crown.plot)
        window = crown_window(crown.box)
        view, cube = cut(rgb, spectra, window, box=crown.box, rgb_size=rgb_size, hs_size=hs_size)
        yield Sample(crown.id, crown.taxon, crown.group, view, cube)


def window_samples(
    plots: Plots, src: Path, shut: set[str], *, site: str, rgb_size: int, hs_size: int
) -> Iterator[Sample]:
    """Unlabelled 8 m windows, every 2 m, of all plots but those of the groups in `shut`."""
    side, stride = 8, 2
    for row in read_table(src / "plots.csv"):
        if row["group"] in shut or site not in ("all", row["site"]):
            continue
        rgb, spectra = plots.rgb(int(row["index"])), plots.spectra(int(row["index"]))
        for top in range(0, int(PLOT_M) - side + 1, stride):
            for left in range(0, int(PLOT_M) - side + 1, stride):
                window = (float(left), float(top), float(left + side), float(top + side))
                view, cube = cut(rgb, spectra, window, rgb_size=rgb_size, hs_size=hs_size)
                name = f"{row['plot']}-x{left:02d}y{top:02d}"
                yield Sample(name, None, row["group"], view, cube)


def convert(
    src: Path,
    out: Path,
    *,
    fold: int = 0,
    site: str = "all",
    rgb_size: int = 96,
    hs_size: int = 12,
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
        overwrite: Replace what is there.

    Returns:
        Crowns by split and taxon, and `windows` by plot group.
    """
    plots, crowns = Plots(src), read_crowns(src, site)
    of = {name: [c for c in crowns if split_of(c.fold, fold) == name] for name in SPLITS}
    info = DatasetInfo("IDTReeS 2020 tree crowns", False, WAVELENGTHS_NM, SOURCE)
    counts = {name: Counter(c.taxon for c in chosen) for name, chosen in of.items()}
    for name, chosen in of.items():
        samples = crown_samples(plots, chosen, rgb_size=rgb_size, hs_size=hs_size)
        write_tfrecords(out / "crowns", samples, split=name, overwrite=overwrite)
    info.save(out / "crowns")
    # Not a pixel of a plot that is validated or tested on may be seen in pretraining, and groups
    # are what keeps apart plots on the same ground: of all crowns, whichever site was asked for.
    shut = {c.group for c in read_crowns(src) if split_of(c.fold, fold) != "train"}
    counts["windows"] = Counter()

    def counted(samples: Iterator[Sample]) -> Iterator[Sample]:
        for sample in samples:
            counts["windows"][str(sample.group)] += 1
            yield sample

    windows = window_samples(plots, src, shut, site=site, rgb_size=rgb_size, hs_size=hs_size)
    write_tfrecords(out / "windows", counted(windows), split="train", overwrite=overwrite)
    info.save(out / "windows")
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
