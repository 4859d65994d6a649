"""Tables as people write them: separated by commas, semicolons or tabs, in UTF-8 or Latin-1."""

import csv
import io
from pathlib import Path

from bimae.errors import DataError

Rows = list[tuple[int, list[str]]]
"""Line of the file (from 1) and fields, without blanks around them."""


def read_csv(path: Path) -> tuple[list[str], Rows]:
    """Reads a table whose first line names the columns.

    The separator is whichever of comma, semicolon and tab the first line has most of. Empty lines
    do not count.

    Args:
        path: The file.

    Returns:
        Names of the columns, and the rows; every row has as many fields as there are columns.

    Raises:
        DataError: The file cannot be read, is empty, or a line has more or fewer fields.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if b"\0" in raw[:4096]:
        raise DataError(f"{path}: not a text file; save the table as CSV in UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # what Excel writes in much of Europe
    if text[:4].lower() == "sep=":  # Excel's note to itself
        text = text.partition("\n")[2]
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    found: Rows = []
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                found.append((reader.line_num, [field.strip() for field in fields]))
    except csv.Error as error:
        raise DataError(
            f"{path}: line {reader.line_num}: not readable as CSV ({error}): correct it"
        ) from error
    if not found:
        raise DataError(f"{path}: an empty table; a first line with column names is expected")
    header = found[0][1]
    for line, fields in found[1:]:
        if len(fields) != len(header):
            raise DataError(
                f"{path}: line {line}: found {len(fields)} fields, expected {len(header)} as in "
                "the header: correct it (a text with a separator in it needs quotes)"
            )
    return header, found[1:]
