"""A ZIP archive from a stranger: looked through before it is unpacked, counted while it is."""

import errno
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from bimae.serve.limits import Limits, Refused

ZIP = b"PK\x03\x04"
_END = struct.Struct("<4s4H2LH")  # the record at the end of an archive
_END_MARK, _END64_MARK = b"PK\x05\x06", b"PK\x06\x07"
_END64_BYTES = 20
_COMMENT_BYTES = 1 << 16
_LISTING_BYTES = 1 << 16  # of the archive's own list of its members
_BLOCK = 1 << 16
_FREE_BYTES = 1 << 20  # so much may be inflated at any ratio: a black image packs well
_NAME_BYTES = 200
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError,
    ValueError, UnicodeError,
)  # fmt: skip


@contextmanager
def opened(path: Path, where: str, limits: Limits) -> "Iterator[Archive]":
    """An archive whose list of members holds nothing that must not be unpacked.

    Args:
        path: The file.
        where: What it is called in messages.
        limits: Of the server.

    Raises:
        Refused: It is damaged, or not as it may be (422), or too large (413).
    """
    _check_listing(path, where)
    try:
        with zipfile.ZipFile(path) as archive:
            yield Archive(archive, _checked(archive.infolist(), where, limits), where)
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # the disk is full: not the sender's fault
        told = " ".join(str(error).split())[:100] or type(error).__name__
        raise Refused(
            422,
            f"{where}: cannot be unpacked ({told}); expected a whole ZIP archive: pack it again",
        ) from error


class Archive:
    """The files of a checked archive.

    Attributes:
        members: By name, without folders.
    """

    def __init__(
        self, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], where: str
    ) -> None:
        """Knows the archive."""
        self._archive, self.members, self._where = archive, members, where

    def blocks(self, name: str) -> Iterator[bytes]:
        """A member, inflated a block at a time and held against the size that it declares.

        Raises:
            Refused: It holds more than it declares, or is an archive itself.
        """
        left = self.members[name].file_size
        first = True
        with self._archive.open(self.members[name]) as member:
            while block := member.read(_BLOCK):
                if first and block.startswith((ZIP, _END_MARK)):
                    raise _nested(self._where, name)
                first = False
                left -= len(block)
                if left < 0:
                    raise _bad(self._where, f"{name!r} is larger than the archive says")
                yield block

    def unpack(self, folder: Path) -> None:
        """Writes all members into a folder, none of them into a folder of its own."""
        for name in self.members:
            with (folder / name).open("xb") as file:
                for block in self.blocks(name):
                    file.write(block)


def safe_name(text: str) -> str | None:
    """A name of a file as strangers give it, if it is a plain one; None for paths and the like."""
    plain = text.isprintable() and not set(text) & set("/\\:") and not text.startswith(".")
    return text if plain and 0 < len(text.encode()) <= _NAME_BYTES else None


def _check_listing(path: Path, where: str) -> None:
    """Looks at the end of an archive, so that no endless list of members is read into memory."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _COMMENT_BYTES - _END.size - _END64_BYTES))
        tail = file.read()
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END.size:
        raise _bad(where, "it has no end; was it copied whole?")
    record = _END.unpack_from(tail, at)
    listing, comment = record[5], record[7]
    if at + _END.size + comment != len(tail):
        raise _bad(where, "something is appended to it")
    before = tail[max(0, at - _END64_BYTES) : at]
    if before.startswith(_END64_MARK) or listing == 0xFFFFFFFF:
        raise _bad(where, "it is a ZIP64 archive, for more than 4 GB or 65535 files")
    if listing > _LISTING_BYTES:
        raise _bad(where, f"its list of files has {listing} bytes, at most {_LISTING_BYTES} do")


def _checked(
    infos: Sequence[zipfile.ZipInfo], where: str, limits: Limits
) -> dict[str, zipfile.ZipInfo]:
    if len(infos) > limits.members:
        raise Refused(
            422,
            f"{where}: found {len(infos)} files in the archive, at most {limits.members} are read; "
            "pack the files of one object only",
        )
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        _check_member(info, where)
        name = PurePosixPath(info.filename).name
        if info.is_dir() or name.startswith(".") or "__MACOSX" in info.filename:
            continue
        if safe_name(name) is None:
            raise _bad(where, f"{name[:60]!r} is no plain name of a file")
        if name.lower() in (known.lower() for known in found):
            raise _bad(where, f"two files are called {name!r}")
        if name.lower().endswith(".zip"):
            raise _nested(where, name)
        found[name] = info
    _check_sizes(list(found.values()), where, limits)
    return found


def _check_member(info: zipfile.ZipInfo, where: str) -> None:
    # orig_filename too: zipfile cuts names at a NUL and turns separators.
    for name in (info.filename, info.orig_filename):
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts or ":" in name or "\0" in name:
            raise _bad(where, f"{name[:60]!r} leads out of the archive")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _bad(where, f"{info.filename[:60]!r} is a link or a device")
    if info.flag_bits & 0x1:
        raise _bad(where, f"{info.filename[:60]!r} is encrypted")
    if info.compress_type not in _METHODS:
        raise _bad(where, f"{info.filename[:60]!r} is packed by a method other than deflate")


def _check_sizes(infos: Sequence[zipfile.ZipInfo], where: str, limits: Limits) -> None:
    total = sum(info.file_size for info in infos)
    if total > limits.inflated_bytes:
        raise Refused(
            413,
            f"{where}: found {total} bytes in the archive, at most {limits.inflated_bytes} are "
            "unpacked; send one object (a seed), cut out",
        )
    for info in infos:
        if info.file_size > max(_FREE_BYTES, limits.ratio * info.compress_size):
            raise Refused(
                413,
                f"{where}: found {info.filename[:60]!r} packed {info.compress_size} to "
                f"{info.file_size} bytes, at most 1 to {limits.ratio} is unpacked; "
                "send it stored or packed less",
            )


def _bad(where: str, why: str) -> Refused:
    return Refused(
        422, f"{where}: found an archive that is not unpacked: {why}; pack plain files again"
    )


def _nested(where: str, name: str) -> Refused:
    return _bad(where, f"{name[:60]!r} is an archive itself")
