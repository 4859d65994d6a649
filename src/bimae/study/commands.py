"""What a cell is as a command line of `bimae`, and where that leaves its figures."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bimae.errors import DataError
from bimae.study.config import ALL, Options, Sensor

BASELINES = "baselines"
# Where verbs leave figures; what is not here leaves none.
FIGURES = {
    "finetune": "results.json",
    "evaluate": "results.json",
    BASELINES: "baselines.json",
    "probe": "probe.json",
}


def command(
    verb: str,
    data: Path,
    out: Path,
    *,
    options: Options = (),
    shots: str = ALL,
    seed: int | None = None,
    sensor: Sensor | None = None,
    weights: Path | str | None = None,
) -> list[str]:
    """The words after `bimae`.

    Args:
        verb: What to do.
        data: Records.
        out: Folder that does not exist yet.
        options: Of the verb, as the study's file gives them.
        shots: Training samples per class, or `all`.
        seed: None: the verb has none.
        sensor: None: the verb's own choice.
        weights: Run to start from, or to learn from; None: none, which a probe has to be told.
    """
    words = [verb, f"--data={data}", f"--out={out}"]
    if weights is not None or verb == "probe":
        name = "teacher" if verb == "distill" else "weights"
        words.append(f"--{name}={weights or 'none'}")
    words += sensor.words if sensor else ()
    words += [f"--shots={shots}"] if shots != ALL else []
    words += [f"--seed={seed}"] if seed is not None else []
    words += ["--seeds=1"] if verb == BASELINES else []  # each seed is a cell
    return words + [f"--{name.replace('_', '-')}={text}" for name, text in options]


def figures(verb: str, run: Path, options: Mapping[str, str]) -> dict[str, Any]:
    """Accuracy and macro-F1 that a run left behind, and classes and confusion where told.

    Args:
        verb: What was done.
        run: Its folder.
        options: Of the verb; of baselines, `methods` says which rows there must be.

    Returns:
        The figures; of a probe and of baselines, `rows` with the figures of each, by name.

    Raises:
        DataError: The file is not there, or is not what the verb writes.
    """
    path = run / FIGURES[verb]
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable ({error}); the run left no figures") from error
    if verb in ("finetune", "evaluate"):
        return _figures(found, path)
    rows: dict[str, Any] = {}
    for row in found.get("rows", []):
        rows.setdefault(row.get("method"), row)  # the first is the model's own, not a control's
    names = options["methods"].split(",") if verb == BASELINES else list(rows)
    return {"rows": {name: _figures(rows.get(name), path) for name in names}}


def _figures(row: Any, path: Path) -> dict[str, Any]:
    names = ("accuracy", "macro_f1")
    if not isinstance(row, dict) or not all(_share(row.get(name)) for name in names):
        raise DataError(f"{path}: no accuracy and macro_f1 from 0 to 1 of what was asked for")
    told = {name: row[name] for name in (*names, "samples", "per_class") if name in row}
    matrix = row.get("confusion_matrix", row.get("confusion"))
    classes = row.get("classes") or [each["name"] for each in row.get("per_class", [])]
    return told | ({"classes": list(classes), "confusion": matrix} if matrix and classes else {})


def _share(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= 1
