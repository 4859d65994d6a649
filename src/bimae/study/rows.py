"""The methods and the pretrainings that a study's file declares."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from bimae.data.remote import as_path
from bimae.study.config import ALL, Fold, Kind, Method, Options, Pretraining, Sensor
from bimae.study.fields import Fields, near

METHOD_KEYS = ("kind", "from", "options", "sensors", "shots", "seeds", "keep", "probes")
PROBES = ("linear", "knn", "lda")
NONE = "none"
# What the study itself says to a verb, so that no option may.
OURS = {
    "data": "say it under `data`",
    "out": "each cell has a folder of its own",
    "overwrite": "each cell has a folder of its own",
    "resume": "a cell that was stopped begins anew",
    "config": "write the options here",
    "weights": "say `from` and the name of a pretraining",
    "modality": "say it under `sensors`",
    "bands": "say it under `sensors`",
    "shots": "say it as `shots` of the study or the method",
    "seed": "say it as `seeds` of the study or the method",
    "seeds": "say it as `seeds` of the study or the method",
}


@dataclass(frozen=True)
class Usual:
    """What a method is run with unless it says otherwise, and the pretrainings there are."""

    sensors: tuple[Sensor, ...]
    shots: tuple[str, ...]
    seeds: tuple[int, ...]
    pretrain: tuple[str, ...]


def read_shots(at: Fields, value: Any) -> tuple[str, ...]:
    """Numbers of training samples per class, as texts; `all` among them."""
    found = [item if item == ALL else at.whole(item, 1) for item in at.items(value)]
    return tuple(dict.fromkeys(str(item) for item in found if item is not None))


def read_seeds(at: Fields, value: Any) -> tuple[int, ...]:
    """Seeds, from 0."""
    found = [at.whole(item, 0) for item in at.items(value)]
    return tuple(dict.fromkeys(item for item in found if item is not None))


def _options(at: Fields, value: Any, ours: dict[str, str]) -> Options:
    found = {}
    for key, text in at.mapping(value).items():
        name = key.replace("-", "_")
        if name in ours:
            at.wrong(f"{key!r} is the study's own; {ours[name]}")
        elif name in found:
            at.wrong(f"{key!r} is given twice")
        elif isinstance(text, dict):
            at.wrong(f"{key!r} is {text!r}; a value is expected")
        else:
            found[name] = text if isinstance(text, str) else json.dumps(text)
    return tuple(sorted(found.items()))


def read_pretrain(at: Fields, value: Any, folds: Sequence[Fold]) -> tuple[Pretraining, ...]:
    """The pretrainings; their options stand beside `data`, `seed` and `teacher`."""
    found: list[Pretraining] = []
    # Weights to go on from and the like are options of pretraining, not the study's.
    ours = {key: told for key, told in OURS.items() if key not in ("weights", "modality", "bands")}
    for name, given in at.mapping(value).items():
        here = at.at(name)
        keys = here.mapping(given)
        data, seed = keys.pop("data", None), keys.pop("seed", None)
        teacher = keys.pop("teacher", None)
        above = [pretraining.name for pretraining in found]
        if teacher is not None and teacher not in above:
            known = near(str(teacher), above) if above else "there is none"
            here.at("teacher").wrong(f"{teacher!r} is no pretraining declared above it; {known}")
        fixed = None if seed is None else here.at("seed").whole(seed, 0)
        paths = () if data is None else _own_data(here.at("data"), data, folds)
        if name == NONE:
            here.wrong("`from: none` means from scratch; call the pretraining otherwise")
        found.append(Pretraining(name, _options(here, keys, ours), fixed, paths, teacher))
    return tuple(found)


def _own_data(
    at: Fields, value: Any, folds: Sequence[Fold]
) -> tuple[tuple[tuple[str, str], Path], ...]:
    """The records to pretrain on for each fold: one path, by fold, or by data set and fold."""
    found = []
    for fold in folds:
        here = value
        for name in (fold.data, fold.name):
            here = here.get(name, here) if isinstance(here, dict) else here
        if isinstance(here, str) and here:
            found.append(((fold.data, fold.name), as_path(here)))
        else:
            at.wrong(f"nothing for {fold}; a path, or one for each fold, is expected")
    if isinstance(value, dict):
        at.mapping(value, [name for fold in folds for name in (fold.data, fold.name) if name])
    return tuple(found)


def read_methods(at: Fields, name: str, value: Any, usual: Usual) -> list[Method]:
    """The rows that one entry makes: one, or one for each of its baselines."""
    given = at.mapping(value, METHOD_KEYS)
    kind: Any = given.get("kind")
    kinds = get_args(Kind)
    if kind not in kinds:
        at.at("kind").wrong(f"found {kind!r}; {near(str(kind), kinds)}")
        return []
    source = given.get("from", NONE)
    if source != NONE and kind == "baseline":
        at.at("from").wrong(f"found {source!r}; a baseline starts from nothing, leave it out")
    elif source != NONE and source not in usual.pretrain:
        at.at("from").wrong(
            f"{source!r} is no pretraining; {near(str(source), (*usual.pretrain, NONE))}"
        )
    if kind != "probe" and "probes" in given:
        at.at("probes").wrong(f"is for kind probe, found {kind}; leave it out")
    ours = OURS | ({"control": "a method `from: none` is the control"} if kind == "probe" else {})
    options = _options(at.at("options"), given.get("options"), ours)
    sensors = usual.sensors
    if kind == "baseline":
        sensors = ()
        if "sensors" in given:
            at.at("sensors").wrong("a baseline reads what its name says; leave `sensors` out")
    elif "sensors" in given:
        chosen = at.at("sensors").names(given["sensors"], [s.name for s in usual.sensors])
        sensors = tuple(sensor for sensor in usual.sensors if sensor.name in chosen)
    method = Method(
        name=name,
        kind=kind,
        source=None if source == NONE else source,
        options=options,
        sensors=sensors,
        shots=read_shots(at.at("shots"), given["shots"]) if "shots" in given else usual.shots,
        seeds=read_seeds(at.at("seeds"), given["seeds"]) if "seeds" in given else usual.seeds,
        keep="keep" in given and at.at("keep").switch(given["keep"]),
    )
    if kind == "baseline":
        return _one_each(at, method)
    if kind != "probe":
        return [method]
    probes = at.at("probes").names(given.get("probes", list(PROBES)), PROBES)
    called = {probe: f"{name}: {probe}" if len(probes) > 1 else name for probe in probes}
    without = tuple(sorted((dict(options) | {"control": "false"}).items()))
    return [replace(method, name=called[probe], row=probe, options=without) for probe in probes]


def _one_each(at: Fields, entry: Method) -> list[Method]:
    """A row for each of the baselines that an entry names."""
    options = dict(entry.options)
    listed = options.pop("methods", "").strip("[]").replace('"', "").split(",")
    names = list(dict.fromkeys(name.strip() for name in listed if name.strip()))
    if not names or ALL in names:
        at.at("options").wrong("`methods` is expected: which baselines, by name: a, b, c")
        return []
    if options.get("balanced", "").lower() == "both":
        at.at("options").wrong("`balanced` is 'both'; make two methods, with true and with false")
    # One process for all of them: to start one takes longer than most baselines.
    together = tuple(sorted((options | {"methods": ",".join(sorted(names))}).items()))
    called = {name: f"{entry.name}: {name}" if len(names) > 1 else entry.name for name in names}
    return [replace(entry, name=called[name], row=name, options=together) for name in names]
