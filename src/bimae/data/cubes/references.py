"""Which files beside a scan are its white and its dark reference, told by their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bimae.data.cubes.envi_pair import DATA_SUFFIXES
from bimae.data.cubes.opening import CUBE_SUFFIXES, cubes_in
from bimae.errors import DataError

_ROLE = re.compile(r"(white|dark)(ref|reference|current|frame|panel|standard)?", re.IGNORECASE)
_SURE = re.compile(
    r"(?:white|dark|whitedark)[-_ .]?ref(?:erence)?(?:[-_ .].*)?"
    r"|.*[-_ .](?:white|dark)[-_ .]?ref(?:erence)?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class References:
    """The references of a scan, as far as they were found.

    Attributes:
        white: Image of a white standard, or None.
        dark: Image with the shutter closed, or None.
    """

    white: Path | None = None
    dark: Path | None = None


def find_references(scan: Path | str, among: Sequence[Path] | None = None) -> References:
    """The references beside a scan.

    Those that carry the scan's name come first: `WHITEREF_<name>`, `DARKREF_<name>` (Specim),
    `<name>_White`, `<name>_dark_reference` and the like. Else those of the whole folder:
    `WHITEREF`, `white`, `white_reference`, `dark`, ... Capitals do not matter.

    Args:
        scan: Header or data file of the scan.
        among: The cubes of its folder, where they have been listed already.

    Raises:
        DataError: Several files would do.
    """
    scan = Path(scan)
    name = scan_name(scan).lower()
    found: dict[tuple[str, bool], list[Path]] = {}
    for file in cubes_in(scan.parent) if among is None else among:
        other = scan_name(file).lower()
        if other == name:
            continue
        role = _role(other)
        rest = _without(other, name)
        if role is not None:
            found.setdefault((role, False), []).append(file)
        elif rest is not None and (role := _role(rest)) is not None:
            found.setdefault((role, True), []).append(file)
    return References(_only(scan, found, "white"), _only(scan, found, "dark"))


def is_reference(path: Path | str) -> bool:
    """True for a file that is named as a reference and not as a scan.

    `WHITEREF_x`, `x_darkref`, `white`, `dark_reference` are references in any case. `x_white` is
    one where there is an `x` beside it; else it may be a scan of something white, as `white_x` is.
    """
    path = Path(path)
    name = scan_name(path).lower()
    if _role(name) is not None or _SURE.fullmatch(name):
        return True
    match = re.fullmatch(r"(.+?)[-_ .]+(?:white|dark)", name)
    if match is None or not path.parent.is_dir():
        return False
    return any(
        scan_name(file).lower() == match[1]
        for file in path.parent.iterdir()
        if file.suffix.lower() in CUBE_SUFFIXES
    )


def scan_name(path: Path) -> str:
    """A file's name without what the formats add: `x` of `x.hdr`, `x.raw`, `x.bil.hdr`, `x.npy`."""
    name = path.name
    for suffixes in ((".hdr",), (*DATA_SUFFIXES, *CUBE_SUFFIXES)):
        if any(name.lower().endswith(suffix) for suffix in suffixes):
            name = name[: name.rindex(".")]
    return name


def _role(words: str) -> str | None:
    match = _ROLE.fullmatch(re.sub(r"[-_ .]+", "", words))
    return match[1].lower() if match else None


def _without(other: str, name: str) -> str | None:
    """What a file's name has beside the scan's, parted from it; None where it has not that name."""
    behind, before = other.removeprefix(name), other.removesuffix(name)
    if behind not in ("", other) and behind[0] in "-_ .":
        return behind
    # `WHITEREF_x` belongs to x; `white_x` is x of another colour.
    if before not in ("", other) and before[-1] in "-_ ." and "ref" in before:
        return before
    return None


def _only(scan: Path, found: dict[tuple[str, bool], list[Path]], role: str) -> Path | None:
    files = found.get((role, True)) or found.get((role, False)) or []
    if len(files) > 1:
        raise DataError(
            f"{scan}: found several {role} references, {', '.join(file.name for file in files)}; "
            "expected one: name the one that belongs to it, or move the others"
        )
    return files[0] if files else None
