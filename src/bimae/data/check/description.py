"""Judges `dataset.json`: what it says, and whether that can be true of the images."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

from bimae.data.check.findings import Problem, Severity
from bimae.data.info import FILE_NAME, DatasetInfo
from bimae.data.locate import SPLIT_OF, Located
from bimae.errors import BandError, DataError, count
from bimae.spectra import check_wavelengths

OPTICAL = (150.0, 20_000.0)  # nm: from the vacuum ultraviolet to the thermal infrared
MICRO = 30.0  # wavelengths that are all below this were meant in micrometres
JUMP = 5  # a gap of this many usual steps is worth a note


def read_info(located: Located) -> tuple[DatasetInfo, Path, list[Problem]]:
    """`dataset.json` where `SeedDataset` looks for it; its path, and what is wrong with it."""
    folders = [located.root]
    if located.root.name.lower() in SPLIT_OF:
        folders.append(located.root.parent)
    for folder in folders:
        path = folder / FILE_NAME
        if path.exists():
            try:
                return DatasetInfo.load(folder), path, []
            except DataError as error:
                text = str(error).removeprefix(f"{path}: ")
                return (
                    DatasetInfo(),
                    path,
                    [_told(path, "error", "dataset-json", text, "correct it")],
                )
    text = f"there is no {FILE_NAME}: wavelengths, sensor and unit are unknown"
    remedy = "write one, so that bands can be chosen by nm"
    problem = _told(located.root, "note", "no-dataset-json", text, remedy)
    return DatasetInfo(), located.root / FILE_NAME, [problem]


def judge_info(info: DatasetInfo, path: Path, bands: int) -> Iterator[Problem]:
    """What `dataset.json` says, against images of that many bands."""
    if info.rgb == "false colour":
        text = "RGB images are false colour, made from bands of the cubes"
        yield _told(path, "note", "false-colour", text, "do not report them as a second camera")
    elif "false colour" in info.rgb:
        text = "some RGB images are a camera's, others false colour made from bands of the cubes"
        remedy = (
            "import again without the samples that lack their picture: where one class lacks more "
            "of them than another, a model learns that and not the seeds"
        )
        yield _told(path, "warning", "mixed-colour", text, remedy)
    if info.photos_alone:
        text = "photos without spectra: three bands are their blue, green and red"
        yield _told(path, "note", "no-spectra", text, "train on them with --modality rgb")
        return
    nm = info.wavelengths_nm
    if nm is None:
        if path.exists():
            text, remedy = "wavelengths_nm is not given", "write it, so that bands have their nm"
            yield _told(path, "note", "no-wavelengths", text, remedy)
        return
    if info.fwhm_nm is not None and len(info.fwhm_nm) != bands:
        text = f"{count(len(info.fwhm_nm), 'value')} of fwhm_nm for {count(bands, 'band')}"
        yield _told(path, "warning", "fwhm-count", text, "correct fwhm_nm, or leave it out")
    try:
        check_wavelengths(nm, bands, str(path))
    except BandError as error:
        text = str(error).removeprefix(f"{path}: ")
        code = "wavelength-count" if len(nm) != bands else "wavelength-order"
        yield _told(path, "error", code, text, "correct wavelengths_nm")
        if code == "wavelength-order":
            return
    yield from _plausible(path, nm)


def _plausible(path: Path, nm: tuple[float, ...]) -> Iterator[Problem]:
    low, high = min(nm, default=OPTICAL[0]), max(nm, default=OPTICAL[1])
    if low < OPTICAL[0] or high > OPTICAL[1]:
        text = f"wavelengths from {low:g} to {high:g}, expected {OPTICAL[0]:g} to {OPTICAL[1]:g} nm"
        micro = low > 0 and high <= MICRO
        remedy = "multiply by 1000: these look like micrometres" if micro else "write them in nm"
        yield _told(path, "error", "wavelength-range", text, remedy)
        return
    steps = [b - a for a, b in pairwise(nm)]
    usual = median(steps) if steps else 0.0
    for before, step in zip(nm, steps, strict=False):
        if step > JUMP * usual > 0:
            gap = f"no band from {before:g} to {before + step:g} nm"
            text = f"{gap}; usually they lie {usual:g} nm apart"
            remedy = "nothing, if bands were left out there"
            yield Problem("note", "wavelength-gap", str(path), text, remedy, "gap", 0)


def _told(path: Path, severity: Severity, code: str, text: str, remedy: str) -> Problem:
    return Problem(severity, code, str(path), text, remedy, "file", 0)
