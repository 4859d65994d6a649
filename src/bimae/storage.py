"""Whole files or none: temporary name, fsync, rename.

Everything that this package leaves on disk for a person or a later command goes through here, so
that a killed process or a full disk never leaves half a file under a real name.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends without an exception.

    The temporary name keeps the suffix, since libraries choose a format by it (`.png`, `.npz`).

    Args:
        path: The file to be made or replaced. Its folder is created.

    Yields:
        The temporary path to write to; it may be opened any number of times.
    """
    path = path if isinstance(path, Path) else Path(path)  # a kind of path stays what it is
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes private files; these are ordinary ones
        temporary.replace(path)
        _sync(path.parent)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


@contextmanager
def atomic_folder(path: Path | str) -> Iterator[Path]:
    """Like `atomic_path`, for a folder of files; an older folder of that name is replaced.

    Args:
        path: The folder to be made or replaced.

    Yields:
        A temporary folder beside it to write into.
    """
    path = path if isinstance(path, Path) else Path(path)  # a kind of path stays what it is
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_symlink():  # what it points at is somebody else's
                continue
            file.chmod((0o777 if file.is_dir() else 0o666) & ~_umask())
            _sync(file)
        temporary.chmod(0o777 & ~_umask())
        if path.exists():
            # A folder cannot be renamed onto a full one: the old one steps aside first.
            aside = Path(tempfile.mkdtemp(prefix=f".{path.name}-old-", dir=path.parent))
            path.replace(aside / path.name)
            temporary.replace(path)
            shutil.rmtree(aside)
        else:
            temporary.replace(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path | str, text: str) -> None:
    """Writes a text file whole or not at all (UTF-8)."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def put_in_place(temporary: Path, path: Path) -> None:
    """Gives a file that has been written bit by bit its real name; an older one is replaced.

    Args:
        temporary: The file, complete and closed, in the folder of `path`.
        path: What it is to be called.
    """
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    # The only portable way to read the mask is to set it; both calls follow each other at once.
    mask = os.umask(0)
    os.umask(mask)
    return mask
