"""Explanations for machines: everything that the page shows, as JSON (docs/explain.md)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import bimae
from bimae.explain.many import Explained
from bimae.explain.trust import Trust
from bimae.report.explain.facts import Facts

FORMAT = "bimae explain"
VERSION = 1  # another where a name that was there means something else
DIGITS = 6


def as_json(facts: Facts) -> dict[str, Any]:
    """Plain values; numbers with six significant digits."""
    samples = facts.samples
    stand_in = facts.explainer.stand_in
    return {
        "format": FORMAT,
        "version": VERSION,
        "bimae": bimae.__version__,
        "simulated": list(facts.simulated),
        "model": {"name": facts.model, "sha256_12": facts.fingerprint,
                  "classes": list(facts.classes), "shown": facts.shown},
        "data": {"name": facts.name, "fingerprint": samples.fingerprint, "samples": len(samples)},
        "against": facts.against,
        "notes": list(facts.notes),
        "bands": None if facts.places is None or stand_in is None else {
            "places": [float(p) for p in facts.x], "unit": facts.unit, "window": facts.width,
            "replaced_by": stand_in.words,
        },
        "trust": [
            {"kind": kind, "method": method, **_trust(one)}
            for (kind, method), one in facts.trust.items()
        ],
        "classes": [_class(facts, target, mine) for target, mine in facts.by_class().items()],
        "samples": [_sample(facts, one) for one in facts.explained],
    }  # fmt: skip


def _trust(one: Trust) -> dict[str, Any]:
    return {
        "samples": one.samples,
        "gain": _number(one.gain),
        "error": None if np.isnan(one.error) else _number(one.error),
        "better_than_chance": _number(one.better),
        "like_random_weights": _number(one.alike),
        "doubts": list(one.doubts),
    }


def _class(facts: Facts, target: int, mine: list[Explained]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": facts.classes[target], "samples": len(mine)}
    if facts.places is not None:
        curves = [facts.band_values(one.maps["bands", "occlusion"]) for one in mine]
        found["bands"] = _numbers(np.mean(curves, axis=0))
    return found


def _sample(facts: Facts, one: Explained) -> dict[str, Any]:
    samples = facts.samples
    maps: dict[str, dict[str, Any]] = {}
    for (kind, method), cells in one.maps.items():
        side = round(len(cells) ** 0.5)
        values = (
            _numbers(facts.band_values(cells))
            if kind == "bands"
            else [_numbers(row) for row in cells.reshape(side, side)]
        )
        maps.setdefault(kind, {})[method] = values
    return {
        "id": samples.keys[one.index],
        "label": samples.labels[one.index],
        "class": facts.classes[one.target],
        "probability": _number(one.probabilities[one.target]),
        "against": None if one.against is None else facts.classes[one.against],
        "maps": maps,
        "gain": [
            {"kind": kind, "method": method, "gain": _number(fall.gain)}
            for (kind, method), fall in one.deletions.items()
        ],
    }


def _numbers(values: NDArray[np.float64]) -> list[float]:
    return [_number(value) for value in values]


def _number(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
