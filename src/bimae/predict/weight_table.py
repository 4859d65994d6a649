"""What a thousand seeds of each species weigh, from a table that a person wrote."""

from math import isfinite
from pathlib import Path

from bimae.data.csv_table import read_csv
from bimae.errors import DataError

COLUMNS = ("species", "thousand_seed_weight_g")
MOST_G = 3500.0
"""The largest faba beans weigh about 3 g each; what is beyond was not meant as grams."""


def read_weights(path: Path) -> dict[str, float]:
    """Grams per thousand seeds of each species.

    Args:
        path: A table with the columns `species` and `thousand_seed_weight_g`; others are left
            alone.

    Raises:
        DataError: It cannot be read, lacks a column, names a species twice, or a weight is no
            number above 0. All wrong lines are told at once.
    """
    header, rows = read_csv(path)
    if lacking := [name for name in COLUMNS if name not in header]:
        raise DataError(
            f"{path}: no column {' and none '.join(lacking)}; found {', '.join(header)}: name the "
            f"columns {' and '.join(COLUMNS)}"
        )
    places = [header.index(name) for name in COLUMNS]
    found: dict[str, float] = {}
    wrong = []
    for line, fields in rows:
        name, text = (fields[place] for place in places)
        grams = _number(text)
        if not name:
            wrong.append(f"{path}: line {line}: no species; name one")
        elif name in found:
            wrong.append(f"{path}: line {line}: {name} stands there twice; keep one line")
        elif grams is not None and grams > MOST_G:
            wrong.append(
                f"{path}: line {line}: {text} g for a thousand seeds of {name}: no seed of "
                f"{grams / 1000:g} g is sown; are these milligrams? Grams are expected"
            )
        elif grams is None:
            wrong.append(
                f"{path}: line {line}: {text!r} for {name}; grams per thousand seeds are expected, "
                "above 0"
            )
        else:
            found[name] = grams
    if wrong:
        raise DataError("\n".join(wrong))
    return found


def _number(text: str) -> float | None:
    """A number above 0, with a decimal point or comma; None for anything else."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if isfinite(value) and value > 0 else None
