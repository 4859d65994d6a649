"""The body of a request -> files in a folder of its own, counted as they come.

Nothing is kept beyond a limit: a body that says how large it is is refused before it is read, and
one that does not as soon as it is too large.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from bimae.serve.limits import Limits, Refused, Room

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FORM = "multipart/form-data"
FILES = ("rgb", "hs", "sample")
TEXT = "wavelengths"
TEXT_BYTES = 1 << 16
HEADER_BYTES = 1 << 12  # of one header of a part
BARE = {
    "image/png": "rgb",
    "image/jpeg": "rgb",
    "image/tiff": "rgb",
    "application/x-npy": "hs",
    "application/x-npz": "sample",
    "application/zip": "sample",
    "application/octet-stream": "sample",
}
"""Types of a body that is one file, and which part of a form it stands for."""


@dataclass(frozen=True)
class Part:
    """A file that was sent.

    Attributes:
        name: Of the part: `rgb`, `hs` or `sample`.
        filename: As the sender calls it; never a path to anything here.
        path: Where it lies.
    """

    name: str
    filename: str
    path: Path


@dataclass
class Received:
    """What was sent.

    Attributes:
        files: In the order in which they came.
        wavelengths: Text of the field of that name; None where there is none.
        size: Bytes of the body.
    """

    files: list[Part] = field(default_factory=list)
    wavelengths: str | None = None
    size: int = 0

    def named(self, name: str) -> list[Part]:
        """The files of the parts of a name."""
        return [part for part in self.files if part.name == name]


def check_length(length: str | None, limits: Limits) -> None:
    """Refuses a body by what its header says, before a byte of it is read.

    Args:
        length: The header Content-Length; None where there is none.
        limits: Of the server.

    Raises:
        Refused: It is too long (413).
    """
    if length is not None and length.isdecimal():
        found = int(length[:20])  # more digits make it no smaller
        if found > limits.request_bytes:
            raise _too_long(found, limits)


async def receive(
    chunks: AsyncIterator[bytes], content_type: str, folder: Path, room: Room, into: Received
) -> None:
    """Reads a body into files.

    Args:
        chunks: The body.
        content_type: Its type.
        folder: Where files go; nobody else's.
        room: Of the server.
        into: What was sent, complete when this returns. Its size is right at all times, so that
            whoever cleans up knows what to give back.

    Raises:
        Refused: The type is none that is read (415), the body is too long (413), or it is no form
            (422), or there is no room (503).
    """
    kind, options = parse_options_header(content_type)
    plain = kind.decode("latin-1").strip().lower()
    sink: _Form | _Bare
    if plain == FORM:
        sink = _Form(_boundary(options), folder, room.limits, into)
    elif plain in BARE:
        sink = _Bare(BARE[plain], folder, into)
    else:
        raise Refused(
            415,
            f"found a body of type {plain[:60] or 'nothing'!r}, expected {FORM} with the parts "
            f"{', '.join(FILES)}, or one file as {', '.join(BARE)}",
        )
    try:
        async for chunk in chunks:
            if into.size + len(chunk) > room.limits.request_bytes:
                raise _too_long(into.size + len(chunk), room.limits)
            room.take(len(chunk))
            into.size += len(chunk)
            sink.write(chunk)
        sink.end()
    finally:
        sink.close()


def _too_long(found: int, limits: Limits) -> Refused:
    return Refused(
        413,
        f"found a body of {found} bytes or more, at most {limits.request_bytes} are read; send one "
        "object (a seed) a request, cut out, or packed",
    )


def _boundary(options: dict[bytes, bytes]) -> bytes:
    found = options.get(b"boundary", b"")
    if not found:
        raise Refused(
            422, f"found {FORM} without a boundary, expected one: let your client set the type"
        )
    return found


class _Bare:
    """A body that is one file."""

    def __init__(self, name: str, folder: Path, into: Received) -> None:
        path = folder / "0"
        into.files.append(Part(name, "", path))
        self._file = path.open("xb")

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)

    def end(self) -> None:
        """Nothing more to come."""

    def close(self) -> None:
        self._file.close()


class _Form:
    """A form of several parts: files go to disk as they come, one short text stays in memory."""

    def __init__(self, boundary: bytes, folder: Path, limits: Limits, into: Received) -> None:
        self._folder, self._limits, self._into = folder, limits, into
        self._file: IO[bytes] | None = None
        self._text: bytearray | None = None
        self._header = b""
        self._headers: dict[bytes, bytes] = {}
        self._value = b""
        self._count = 0
        self._ended = False
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._values,
            "on_header_end": self._header_end,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise _no_form(str(error)) from error

    def write(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _no_form(str(error)) from error

    def end(self) -> None:
        """Nothing more to come: it must have come to its end."""
        if not self._ended:
            raise _no_form("it ends early")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._headers = {}
        self._count += 1
        if self._count > self._limits.parts:
            raise Refused(
                422,
                f"found more than {self._limits.parts} parts in the form, expected a few of "
                f"{', '.join(FILES)}, {TEXT}: send one object a request",
            )

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._check_header()

    def _values(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        if len(self._header) + len(self._value) > HEADER_BYTES:
            raise _no_form(f"a header of a part has more than {HEADER_BYTES} bytes")

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode(errors="replace")
        if name == TEXT and self._into.wavelengths is None:
            self._text = bytearray()
            return
        if name not in FILES:
            why = "twice" if name == TEXT else f"with the name {name[:40]!r}"
            raise Refused(
                422, f"found a part {why}, expected {', '.join(FILES)} or once {TEXT}: rename it"
            )
        path = self._folder / str(len(self._into.files))
        filename = options.get(b"filename", b"").decode(errors="replace")
        self._into.files.append(Part(name, filename, path))
        self._file = path.open("xb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
        elif self._text is not None:
            self._text += data[start:end]
            if len(self._text) > TEXT_BYTES:
                raise Refused(
                    422,
                    f"{TEXT}: found more than {TEXT_BYTES} bytes, expected band centres such as "
                    "400-1000nm or 450,550,650: send the list as text",
                )

    def _part_end(self) -> None:
        self.close()
        if self._text is not None:
            self._into.wavelengths = self._text.decode(errors="replace")
            self._text = None

    def _end(self) -> None:
        self._ended = True


def _no_form(why: str) -> Refused:
    told = " ".join(why.split())[:100]
    return Refused(
        422,
        f"the body cannot be read as {FORM} ({told}); send it whole, as clients do",
    )
