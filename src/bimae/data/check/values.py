"""Judges the images: sizes, types, bands that say nothing, values that cannot be."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from bimae.data.check.findings import Problem, Severity
from bimae.data.check.samples import Seen
from bimae.data.check.statistics import BandStatistics
from bimae.data.info import FILE_NAME, DatasetInfo
from bimae.errors import count

SATURATED = 0.01  # share of a band's pixels at the maximum that is worth a warning
NARROW = 64  # bytes that never reach this waste three quarters of what they can tell
NOISE = 0.001  # share of values outside [0, 1] that noise may account for
REFLECTANCE = 2.0  # what reflectance of natural surfaces stays below, glints included

Value = TypeVar("Value")
Spectra = Mapping[tuple[int, str], BandStatistics]


def judge_images(seen: Sequence[Seen]) -> Iterator[Problem]:
    """Everything about single images, and those that differ from the others."""
    for s in seen:
        if s.facts.zero:
            text, remedy = "the cube is zero everywhere", "leave the sample out, or import it again"
            yield Problem("warning", "zero-cube", s.where, text, remedy)
        elif s.facts.digest is not None and s.facts.digest.flat_hs and _pixels(s) > 1:
            text = "all pixels of the cube are alike"
            yield Problem("warning", "constant-cube", s.where, text, "look at the sample")
        if s.facts.digest is not None and s.facts.digest.flat_rgb:
            text = "all pixels of the RGB image are alike"
            remedy = "look at the sample; without RGB images, use --modality hs"
            yield Problem("warning", "constant-rgb", s.where, text, remedy)
    yield from _odd_ones(seen)


def _pixels(s: Seen) -> int:
    return s.facts.hs_size[0] * s.facts.hs_size[1]


def _odd_ones(seen: Sequence[Seen]) -> Iterator[Problem]:
    bands = Counter(s.facts.hs_size[2] for s in seen)
    types = Counter(s.facts.hs_type for s in seen)
    sides = Counter(s.facts.hs_size[:2] for s in seen)
    rgb = Counter(s.facts.rgb_size for s in seen)
    for s in seen:
        if s.facts.hs_size[2] != _usual(bands):
            text = f"{count(s.facts.hs_size[2], 'band')}, where others have {_usual(bands)}"
            remedy = "keep images of one sensor in one data set"
            yield Problem("error", "bands-differ", s.where, text, remedy)
        if s.facts.hs_type != _usual(types):
            text = f"spectra stored as {s.facts.hs_type}, where others are {_usual(types)}"
            yield Problem("warning", "types-differ", s.where, text, "bring all to one scale")
        if s.facts.hs_size[:2] != _usual(sides):
            yield _other_size("cube", s, s.facts.hs_size[:2], _usual(sides), "--hs-size")
        if s.facts.rgb_size != _usual(rgb):
            yield _other_size("RGB image", s, s.facts.rgb_size, _usual(rgb), "--rgb-size")


def _usual(counts: "Counter[Value]") -> Value:
    return counts.most_common(1)[0][0]


def _other_size(
    what: str, s: Seen, size: tuple[int, int], usual: tuple[int, int], option: str
) -> Problem:
    text = f"{what} of {size[0]}x{size[1]} pixels, where others have {usual[0]}x{usual[1]}"
    remedy = f"nothing, if so meant: all are brought to one size ({option})"
    return Problem("note", "sizes-differ", s.where, text, remedy)


def judge_spectra(root: Path, spectra: Spectra, info: DatasetInfo) -> Iterator[Problem]:
    """Everything about the values of all cubes, band by band."""
    for (bands, kind), found in spectra.items():
        yield from _bands(root, found, kind, info if _fits(info, bands) else DatasetInfo())
        if kind != "uint8":
            yield from _unit(root, found, info)


def _fits(info: DatasetInfo, bands: int) -> bool:
    return info.wavelengths_nm is not None and len(info.wavelengths_nm) == bands


def _bands(root: Path, found: BandStatistics, kind: str, info: DatasetInfo) -> Iterator[Problem]:
    if found.pixels < 2:
        return
    dead = found.low == found.high
    remedy = "leave it out (--bands), or look at the calibration"
    for turn, band in enumerate(np.flatnonzero(dead)):
        text = f"{_band(int(band), info)} is {found.low[band]:g} in every pixel of every sample"
        yield _of_band("dead-band", root, text, remedy, samples=0 if turn else found.cubes)
    if kind == "uint8" and found.top < NARROW:
        text = f"spectra are whole numbers from {found.low.min():g} to {found.top:g} of 0 to 255"
        remedy = "scale before rounding to bytes, or store float32"
        yield Problem("note", "narrow-range", str(root), text, remedy, "data set", found.cubes)
        return
    share = np.where(dead, 0, found.at_top / found.pixels)
    what = (
        "as much as a byte holds" if kind == "uint8" and found.top == 255 else "the largest value"
    )
    remedy = "saturated or clipped: leave it out (--bands), or expose less"
    worst_first = np.argsort(-share, kind="stable")
    for turn, band in enumerate(worst_first[: int((share >= SATURATED).sum())]):
        text = f"{_band(int(band), info)} is {found.top:g}, {what}, in {share[band]:.1%} of pixels"
        samples = 0 if turn else found.cubes
        yield _of_band("saturated-band", root, text, remedy, samples=samples)


def _band(band: int, info: DatasetInfo) -> str:
    nm = info.wavelengths_nm
    return f"band {band}" + ("" if nm is None else f" ({nm[band]:g} nm)")


def _of_band(code: str, root: Path, text: str, remedy: str, *, samples: int) -> Problem:
    """All bands are of the same samples, which only the first one counts."""
    return Problem("warning", code, str(root), text, remedy, "band", samples)


def _unit(root: Path, found: BandStatistics, info: DatasetInfo) -> Iterator[Problem]:
    low, high = float(found.low.min()), found.top
    if info.unit == "reflectance":
        yield from _reflectance(root, found, low, high)
    elif not info.unit and low >= 0 and high > REFLECTANCE:
        text = f"spectra are floats from {low:g} to {high:g}, and no unit is given"
        remedy = f"looks like {_looks(high)}: write unit (reflectance, counts) into {FILE_NAME}"
        yield Problem("warning", "unit-unclear", str(root), text, remedy, "data set", found.cubes)


def _reflectance(root: Path, found: BandStatistics, low: float, high: float) -> Iterator[Problem]:
    for code, often, what in (
        ("negative-reflectance", found.negative, "negative"),
        ("reflectance-above-1", found.above_one, "above 1"),
    ):
        share = often / (found.pixels * len(found.low))
        if not often:
            continue
        text = f"{_percent(share)} of the reflectance values are {what} ({low:g} to {high:g})"
        remedy = "look at the white and dark references"
        if what == "above 1" and high > REFLECTANCE and share > 0.5:
            remedy = f"looks like {_looks(high)}: divide, or correct unit in {FILE_NAME}"
        severity: Severity = "warning" if share >= NOISE else "note"
        yield Problem(severity, code, str(root), text, remedy, "data set", found.cubes)


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"


def _looks(high: float) -> str:
    for top, what in ((100, "percent"), (255, "8-bit counts"), (4095, "12-bit counts")):
        if high <= top:
            return what
    if high <= 10_000:
        return "reflectance times 10000"
    return "16-bit counts" if high <= 65_535 else "radiance or counts"
