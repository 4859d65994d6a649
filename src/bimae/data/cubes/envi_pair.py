"""Which header and which data file belong together.

Names are compared without regard to capitals, and what a file is is told by its content: a header
begins with the word ENVI, whatever it is called. So a header and its data that have changed names
(`x.raw` is the text, `x.hdr` the numbers) are used the right way round, with a note.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bimae.data.cubes.envi_header import EnviHeader, header_keys, looks_like_header, read_header
from bimae.errors import DataError

DATA_SUFFIXES = (".bil", ".bip", ".bsq", ".raw", ".img", ".dat", ".cube", ".bin", ".hyspex")
"""What the data beside `x.hdr` may be called; `x` without a suffix as well."""

_SETTLED_NS = 2_000_000_000  # a listing is kept of a folder that has not changed for so long


@dataclass(frozen=True, slots=True)
class EnviPair:
    """A header and its data.

    Attributes:
        header: What the header says.
        data: The file with the numbers.
        notes: What was unusual.
    """

    header: EnviHeader
    data: Path
    notes: tuple[str, ...]


def find_pair(path: Path) -> EnviPair:
    """The header and the data that a path means, by either of them.

    Raises:
        DataError: One of them is missing, the header is none, or several files would do.
    """
    if looks_like_header(path):
        header = read_header(path)
        data = _data_of(header)
        notes = (_swapped(path, data),) if data.suffix.lower() == ".hdr" else ()
        return EnviPair(header, data, notes)
    if path.suffix.lower() == ".hdr":
        texts = [file for file in _called(path, path.stem) if looks_like_header(file)]
        if len(texts) != 1:
            header_keys(path)  # says what is wrong with it
            raise AssertionError
        return EnviPair(read_header(texts[0]), path, (_swapped(texts[0], path),))
    return EnviPair(read_header(header_of(path)), path, ())


def header_of(data: Path) -> Path:
    """The header of a data file: `x.raw.hdr` before `x.hdr`.

    Raises:
        DataError: There is none, or there are several that differ only in capitals.
    """
    names = list(dict.fromkeys((f"{data.name}.hdr", f"{data.stem}.hdr")))
    for name in names:
        found = _named(data, [name])
        exact = [file for file in found if file.stem == Path(name).stem] or found
        exact = [file for file in exact if looks_like_header(file)] or exact
        if len(exact) > 1:
            raise DataError(
                f"{data}: found {_listed(exact)}, expected one header: remove the others"
            )
        if exact:
            return exact[0]
    raise DataError(
        f"{data}: found no header beside it, expected {' or '.join(names)}: an ENVI image is two "
        "files; put the header there"
    )


def is_envi(path: Path) -> bool:
    """True for an ENVI header, and for a data file that has one beside it; opens little."""
    if path.suffix.lower() in (".hdr", *DATA_SUFFIXES) and looks_like_header(path):
        return path.is_file()
    stem = path.stem if path.suffix.lower() in DATA_SUFFIXES else path.name
    names = {f"{path.name}.hdr".lower(), f"{stem}.hdr".lower()}
    if path.suffix.lower() == ".hdr":
        return path.is_file() and any(looks_like_header(f) for f in _called(path, path.stem))
    return path.is_file() and any(looks_like_header(file) for file in _named(path, sorted(names)))


def _data_of(header: EnviHeader) -> Path:
    path = header.path
    found = [file for file in _called(path, path.stem) if not looks_like_header(file)]
    if path.suffix.lower() != ".hdr":  # a header under another name: the numbers may have its own
        found += _named(path, [f"{path.stem}.hdr"])
        found = [file for file in found if not looks_like_header(file)]
    # x.bil is not the data of x.hdr where it has its own header x.bil.hdr.
    owned = [file for file in found if _named(path, [f"{file.name}.hdr"])]
    found = [file for file in found if file not in owned] or found
    found = [file for file in found if file.name.startswith(path.stem)] or found
    if not found:
        listed = [n for names in _names_in(path.parent).values() for n in names if n != path.name]
        near = [name for name in listed if Path(name).stem.lower() == path.stem.lower()]
        beside = f", only {', '.join(sorted(near)[:4])}" if near else ""
        raise DataError(
            f"{path}: found no data file beside it{beside}; expected {path.stem} with the suffix "
            f"{', '.join(DATA_SUFFIXES)} or none"
        )
    if len(found) == 1:
        return found[0]
    fitting = [file for file in found if file.stat().st_size == header.expected_bytes]
    if len(fitting) != 1:
        raise DataError(
            f"{path}: found several data files, {_listed(found)}, expected one of exactly "
            f"{header.expected_bytes} bytes: name the data file itself, or remove the others"
        )
    return fitting[0]


def _called(path: Path, stem: str) -> list[Path]:
    """Files beside `path`, not itself, that are called `stem` with a suffix of data or none."""
    return _named(path, [stem, *(f"{stem}{suffix}" for suffix in DATA_SUFFIXES)])


def _named(path: Path, names: Iterable[str]) -> list[Path]:
    """Files beside `path`, not itself, of these names in any capitals."""
    listing = _names_in(path.parent)
    found = [name for wanted in dict.fromkeys(n.lower() for n in names) for name in listing[wanted]]
    files = [path.parent / name for name in found if name != path.name]
    return sorted(file for file in files if file.is_file())


def _names_in(folder: Path) -> "_Names":
    try:
        changed = folder.stat().st_mtime_ns
        if time.time_ns() - changed < _SETTLED_NS:
            return _list(folder)  # it may change again within one tick of its clock
        return _listed_once(folder, changed)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be listed ({error.strerror or error}); check its permissions"
        ) from error


class _Names(dict[str, list[str]]):
    """The names in a folder by their lower case; an empty list for one that is not there."""

    def __missing__(self, key: str) -> list[str]:
        return []


def _list(folder: Path) -> _Names:
    found = _Names()
    with os.scandir(folder) as entries:
        for entry in entries:
            found.setdefault(entry.name.lower(), []).append(entry.name)
    return found


@lru_cache(maxsize=4)
def _listed_once(folder: Path, changed_ns: int) -> _Names:
    """Thousands of scans may lie in one folder: it is not listed anew for each."""
    del changed_ns  # part of the key: a folder that changed is listed again
    return _list(folder)


def _swapped(header: Path, data: Path) -> str:
    return (
        f"names are exchanged: {header.name} is the header and {data.name} the data; "
        "read accordingly"
    )


def _listed(files: list[Path]) -> str:
    return ", ".join(f"{file.name} ({file.stat().st_size} bytes)" for file in files[:5])
