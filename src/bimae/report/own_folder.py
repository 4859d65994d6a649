"""A folder that a report may be written to: a new one, an empty one, or one of the same kind."""

import json
from collections.abc import Collection
from pathlib import Path

from bimae.errors import ConfigError


def check_folder(
    out: Path, files: Collection[str], record: str, form: str | None, *, overwrite: bool = False
) -> None:
    """Refuses to replace what somebody made.

    Args:
        out: Folder to write into.
        files: Names of all that such a report consists of.
        record: The one of these that is JSON, and may say under `format` what kind of report it is.
        form: What it says; None: nothing, so that it is its name that tells.
        overwrite: Whether an earlier report may be replaced; anything else never is.

    Raises:
        ConfigError: A file is in the way, or a folder with an earlier report or anything else.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise ConfigError(f"{out}: is a file, expected a folder to write into; name another --out")
    there = {path.name for path in out.iterdir()}
    ours = record in there and not there - set(files) and _format_of(out / record) == form
    if there and not ours:
        raise ConfigError(f"{out}: holds other files; name another --out")
    if there and not overwrite:
        raise ConfigError(f"{out}: holds a report already; name another --out, or --overwrite it")


def _format_of(record: Path) -> object:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found.get("format") if isinstance(found, dict) else None
