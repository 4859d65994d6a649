"""Which header and which data file belong together.

Names are compared without regard to capitals, and what a file is is told by its content: a header
begins with the word ENVI, whatever it is called. So a header and its data that have changed names
(`x.raw` is the text, `x.hdr` the numbers) are used the right way round, with a note.
"""

from dataclasses import dataclass
from pathlib import Path

from bimae.data.cubes.envi_header import EnviHeader, header_keys, looks_like_header, read_header
from bimae.errors import DataError

DATA_SUFFIXES = (".bil", ".bip", ".bsq", ".raw", ".img", ".dat", ".cube", ".bin", ".hyspex")
"""What the data beside `x.hdr` may be called; `x` without a suffix as well."""


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
        found = [file for file in _siblings(data) if file.name.lower() == name.lower()]
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
    return path.is_file() and any(
        file.name.lower() in names and looks_like_header(file) for file in _siblings(path)
    )


def _data_of(header: EnviHeader) -> Path:
    path = header.path
    found = [file for file in _called(path, path.stem) if not looks_like_header(file)]
    if path.suffix.lower() != ".hdr":  # a header under another name: the numbers may have its own
        found += [f for f in _siblings(path) if f.name.lower() == f"{path.stem}.hdr".lower()]
        found = [file for file in found if not looks_like_header(file)]
    names = {file.name.lower() for file in _siblings(path)}
    # x.bil is not the data of x.hdr where it has its own header x.bil.hdr.
    owned = [file for file in found if f"{file.name}.hdr".lower() in names - {path.name.lower()}]
    found = [file for file in found if file not in owned] or found
    found = [file for file in found if file.name.startswith(path.stem)] or found
    if not found:
        near = [f.name for f in _siblings(path) if f.stem.lower() == path.stem.lower()]
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
    names = {stem.lower(), *(f"{stem}{suffix}".lower() for suffix in DATA_SUFFIXES)}
    return [file for file in _siblings(path) if file.name.lower() in names]


def _siblings(path: Path) -> list[Path]:
    try:
        others = [file for file in path.parent.iterdir() if file.name != path.name]
        return sorted(file for file in others if file.is_file())
    except OSError as error:
        raise DataError(
            f"{path.parent}: cannot be listed ({error.strerror or error}); check its permissions"
        ) from error


def _swapped(header: Path, data: Path) -> str:
    return (
        f"names are exchanged: {header.name} is the header and {data.name} the data; "
        "read accordingly"
    )


def _listed(files: list[Path]) -> str:
    return ", ".join(f"{file.name} ({file.stat().st_size} bytes)" for file in files[:5])
