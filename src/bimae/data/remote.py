"""Data on object storage: addresses such as s3://bucket/data, read through fsspec.

Which file systems there are, where credentials come from and what a protocol's package is called
is fsspec's matter. Here an address becomes a path like any other, for reading only.
"""

import re
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from bimae.errors import BimaeError, DataError

# A Windows drive is one letter. pathlib makes "s3:/bucket" of "s3://bucket".
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):(/+)(.*)", re.DOTALL)
_LOCAL = ("file:", "local:")  # whose paths are absolute
_PIECE = 8 << 20
_PAUSES = (0.5, 2.0)  # seconds before a second and a third try
# What file systems call the state of a file's content, and the time of its last change.
_VERSIONS = ("ETag", "etag", "md5Hash", "Content-MD5", "Digest", "Last-Modified")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")

if TYPE_CHECKING:
    from pathlib import PosixPath as _Path
else:
    _Path = type(Path())


class RemoteState(NamedTuple):
    """A remote file as its file system describes it.

    Attributes:
        size: Bytes.
        mtime_ns: Time of the last change; 0 where `version` says more, or nothing is told.
        version: What changes with the content, or empty.
    """

    size: int
    mtime_ns: int
    version: str


class RemotePath(_Path):
    """A file or folder that fsspec reads; made by `as_path`.

    A path as pathlib knows it (`name`, `parent`, `/`, `relative_to`), whose text is the address.
    It can be looked at and read. It cannot be written to.
    """

    def __str__(self) -> str:
        """The address."""
        parts = self.parts
        if not parts or not parts[0].endswith(":"):
            return super().__str__()  # relative to an address
        return f"{parts[0]}//{'/' * (parts[0] in _LOCAL)}{'/'.join(parts[1:])}"

    def exists(self, **_: Any) -> bool:
        """Whether there is anything."""
        with self._asking() as (fs, key):
            return bool(fs.exists(key))

    def is_file(self, **_: Any) -> bool:
        """Whether it is a file."""
        with self._asking() as (fs, key):
            return bool(fs.isfile(key))

    def is_dir(self, **_: Any) -> bool:
        """Whether there is anything below it."""
        with self._asking() as (fs, key):
            return bool(fs.isdir(key))

    def iterdir(self) -> "Generator[RemotePath, None, None]":
        """What lies in the folder."""
        with self._asking() as (fs, key):
            found = {entry["name"].rstrip("/") for entry in fs.ls(key, detail=True)}
        # Some storages list a folder as an entry of itself.
        for name in sorted(name.rpartition("/")[2] for name in found - {key.rstrip("/")}):
            yield self / name

    def matching(self) -> "list[RemotePath]":
        """What this address means as a glob."""
        with self._asking() as (fs, key):
            return [RemotePath(fs.unstrip_protocol(found)) for found in sorted(fs.glob(key))]

    def read_bytes(self) -> bytes:
        """The whole content of a small file.

        Raises:
            FileNotFoundError: There is none.
            DataError: It cannot be read.
        """
        with self._asking() as (fs, key):
            return bytes(fs.cat_file(key))

    def head(self, size: int) -> bytes:
        """The first bytes of a file, or all where there are fewer; else as `read_bytes`."""
        with self._asking() as (fs, key):
            return bytes(fs.cat_file(key, start=0, end=size))

    def read_text(self, encoding: str | None = None, *_: Any, **__: Any) -> str:
        """The whole content of a small file of text; else as `read_bytes`."""
        return self.read_bytes().decode(encoding or "utf-8")

    def resolve(self, strict: bool = False) -> "RemotePath":
        """Itself: an address is absolute."""
        return self

    def mkdir(self, *_: Any, **__: Any) -> NoReturn:
        """Refused; whatever would be written here begins with it.

        Raises:
            DataError: Always.
        """
        raise DataError(f"{self}: remote data are only read; name a folder of this machine")

    def refresh(self) -> None:
        """Forgets what was listed: the next look asks the storage."""
        with self._asking() as (fs, _):
            fs.invalidate_cache()

    def state(self) -> RemoteState:
        """What tells whether the file has changed.

        Raises:
            DataError: It is not there, is a folder, or cannot be asked for.
        """
        try:
            with self._asking() as (fs, key):
                info = fs.info(key)
        except FileNotFoundError as error:
            raise DataError(f"{self}: cannot be read (no such file); check the address") from error
        if info.get("type") == "directory":
            raise DataError(f"{self}: a folder, expected a TFRecord file")
        if not isinstance(info.get("size"), int):
            raise DataError(f"{self}: the storage tells no size; copy the file to this machine")
        version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
        when = next((info[name] for name in _TIMES if info.get(name)), None)
        if version or when is None:  # where neither is told, the size has to do
            return RemoteState(info["size"], 0, version.removeprefix("W/").strip('"'))
        if isinstance(when, datetime):
            when = when.timestamp()
        if isinstance(when, int | float):
            return RemoteState(info["size"], int(when * 1e9), "")
        return RemoteState(info["size"], 0, str(when))

    def pieces(self, size: int) -> Iterator[bytes]:
        """The content, a few MB at a time; what breaks off is taken up again, twice.

        Args:
            size: Bytes that there should be.

        Raises:
            DataError: It is not there any more, or breaks off again and again.
        """
        found, left = 0, list(_PAUSES)
        while True:
            try:
                with self._asking() as (fs, key), fs.open(key, "rb", block_size=_PIECE) as file:
                    if found:
                        file.seek(found)
                    while piece := file.read(_PIECE):
                        found += len(piece)
                        yield piece
                if found >= size:
                    return
                raise DataError(
                    f"{self}: the download broke off: found {found} bytes, expected {size}; check "
                    "the network and try again"
                )
            except FileNotFoundError as error:
                raise DataError(
                    f"{self}: the file is not there any more; check the storage, or open the data "
                    "set again"
                ) from error
            except DataError:
                if not left:
                    raise
                time.sleep(left.pop(0))

    @contextmanager
    def _asking(self) -> Iterator[tuple[Any, str]]:
        """The file system and what it calls this file; whatever it raises is told in a line."""
        # Not kept in an attribute: connections do not survive a fork, and fsspec knows.
        fs, key = _file_system(str(self))
        try:
            yield fs, key
        except (BimaeError, FileNotFoundError):
            raise
        except Exception as error:  # each file system has exceptions of its own
            raise DataError(
                f"{self}: cannot be read ({_told(error)}); check the address, the network and your "
                "credentials"
            ) from error


def as_path(given: Path | str) -> Path:
    """A path as a user gave it; a `RemotePath` where it is an address.

    Args:
        given: A local path, or `protocol://...`; also what pathlib made of it (`protocol:/...`).
    """
    if isinstance(given, RemotePath):
        return given
    match = _ADDRESS.fullmatch(str(given))
    if match is None:
        return Path(given)
    if len(match[2]) < 2 and (Path(f"{match[1]}:").exists() or not _is_protocol(match[1])):
        return Path(given)  # a folder whose name ends in a colon
    return RemotePath(str(given))


def _is_protocol(name: str) -> bool:
    from fsspec import available_protocols  # noqa: PLC0415 - slow, and few data sets are remote

    return name in available_protocols()


def _file_system(address: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs  # noqa: PLC0415
    from fsspec.registry import known_implementations  # noqa: PLC0415

    protocol = address.partition(":")[0]
    try:
        fs, key = url_to_fs(address)
    except ImportError as error:
        package = known_implementations.get(protocol, {}).get("class", "fsspec").partition(".")[0]
        remedy = f"install it: pip install {package}" if package != "fsspec" else "install it"
        raise DataError(
            f"{address}: {protocol}:// needs a package that is not there ({_told(error)}); {remedy}"
        ) from error
    except Exception as error:
        raise DataError(
            f"{address}: cannot be opened ({_told(error)}); expected an address such as "
            "s3://bucket/folder"
        ) from error
    return fs, key


def _told(error: Exception) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
