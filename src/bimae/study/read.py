"""A study's YAML file to a `Study`; every mistake in it in one answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bimae.data.remote import as_path
from bimae.study.config import (
    ALL,
    Fold,
    Grid,
    Method,
    Sensor,
    Study,
)
from bimae.study.fields import Fields, load_texts, near
from bimae.study.rows import Usual, read_methods, read_pretrain, read_seeds, read_shots

KEYS = ("name", "data", "pretrain", "methods", "shots", "seeds", "sensors", "grid", "limits")
MODALITIES = ("bimodal", "hs", "rgb")
USUAL = Sensor("both")


def read_study(path: Path) -> tuple[Study, list[str]]:
    """Reads a study, as far as it can be understood.

    Args:
        path: The YAML file. Paths in it are relative to the current folder, as on a command line.

    Returns:
        The study, and everything that is wrong with it, one line each (without the file's name).

    Raises:
        ConfigError: The file cannot be read as YAML at all.
    """
    found = load_texts(path)
    problems: list[str] = []
    top = Fields(problems)
    given = top.mapping(found, KEYS)
    for key in ("data", "methods"):
        if not given.get(key):
            top.wrong(f"`{key}` is missing")
    folds = _folds(top.at("data"), given.get("data"))
    sensors = _sensors(top.at("sensors"), given.get("sensors"))
    shots = read_shots(top.at("shots"), given.get("shots", [ALL]))
    seeds = read_seeds(top.at("seeds"), given.get("seeds", ["0"]))
    pretrain = read_pretrain(top.at("pretrain"), given.get("pretrain"), folds)
    usual = Usual(sensors, shots, seeds, tuple(p.name for p in pretrain))
    methods = tuple(
        method
        for name, value in top.at("methods").mapping(given.get("methods")).items()
        for method in read_methods(top.at(f"methods.{name}"), name, value, usual)
    )
    names = [method.name for method in methods]
    for name in dict.fromkeys(n for n in names if names.count(n) > 1):
        top.at("methods").wrong(f"two methods would be called {name!r}; rename one")
    limits = top.at("limits").mapping(given.get("limits"), ("minutes", "cell_minutes"))
    minutes = {key: top.at(f"limits.{key}").positive(value) for key, value in limits.items()}
    name = given.get("name", path.stem)
    if not isinstance(name, str) or not name.strip() or "/" in name or name.startswith("."):
        top.at("name").wrong(f"found {name!r}; a name for a folder is expected")
    study = Study(
        name=str(name),
        source=path,
        folds=folds,
        pretrain=pretrain,
        methods=methods,
        sensors=sensors,
        shots=_axis(shots, methods),
        grid=_grid(top.at("grid"), given["grid"], methods, sensors) if "grid" in given else None,
        minutes=minutes.get("minutes"),
        cell_minutes=minutes.get("cell_minutes"),
    )
    return study, problems


def _folds(at: Fields, value: Any) -> tuple[Fold, ...]:
    if isinstance(value, str):
        at.wrong(f"found {value!r}; `<name>: {value}` is expected")
        return ()
    folds = []
    for name, where in at.mapping(value).items():
        here = at.at(name)
        if isinstance(where, str) and where:
            folds.append(Fold(name, "", as_path(where)))
            continue
        if isinstance(where, list):  # `- fold0: path`, or plain paths
            pairs: list[tuple[str, Any]] = []
            for i, item in enumerate(where):
                pairs += item.items() if isinstance(item, dict) else [(f"fold{i}", item)]
            if len(dict(pairs)) < len(pairs):
                here.wrong("two folds have one name; rename one")
        else:
            pairs = list(here.mapping(where).items())
        given = here.mapping(dict(pairs))
        if not given:
            here.wrong("a path, or folds such as `fold0: path`, are expected")
        for fold, path in given.items():
            if isinstance(path, str) and path:
                folds.append(Fold(name, fold, as_path(path)))
            else:
                here.at(fold).wrong(f"found {path!r}; a path is expected")
    return tuple(folds)


def _sensors(at: Fields, value: Any) -> tuple[Sensor, ...]:
    found = []
    for name, given in at.mapping(value).items():
        here = at.at(name)
        keys = here.mapping(given, ("modality", "bands"))
        modality = keys.get("modality", USUAL.modality)
        if modality not in MODALITIES:
            here.at("modality").wrong(f"found {modality!r}; {near(str(modality), MODALITIES)}")
            modality = USUAL.modality  # so that whoever names this sensor is not told off too
        bands = keys.get("bands", ALL)
        if isinstance(bands, list) and all(isinstance(band, str) for band in bands):
            bands = ",".join(bands)
        if not isinstance(bands, str):
            here.at("bands").wrong(f"found {bands!r}; a band selection such as step_60 is expected")
            bands = ALL
        if modality == "rgb" and "bands" in keys:
            here.wrong("modality rgb reads no bands; leave `bands` out")
        found.append(Sensor(name, modality, bands))
    return tuple(found) or (USUAL,)


def _axis(shots: Sequence[str], methods: Sequence[Method]) -> tuple[str, ...]:
    """All numbers of labels that occur, few first, `all` last."""
    found = dict.fromkeys([*shots, *(s for method in methods for s in method.shots)])
    used = [s for s in found if any(s in method.shots for method in methods)]
    return tuple(sorted(used, key=lambda s: (s == ALL, 0 if s == ALL else int(s))))


def _grid(
    at: Fields, value: Any, methods: Sequence[Method], sensors: Sequence[Sensor]
) -> Grid | None:
    given = at.mapping(value, ("rows", "columns", "shots"))
    able = {method.name: method for method in methods if method.sensors}
    columns = [sensor.name for sensor in sensors]
    names = at.at("rows").names(given.get("rows", list(able)), [m.name for m in methods])
    for name in names:
        if name not in able:
            at.at("rows").wrong(f"{name!r} is a baseline, which has no sensors to choose from")
    rows = tuple(name for name in names if name in able)
    chosen = at.at("columns").names(given.get("columns", columns), columns)
    axis = _axis((), [able[row] for row in rows])
    if not rows or not chosen or not axis:
        return None
    shots = given.get("shots", axis[-1])
    if shots not in axis:
        at.at("shots").wrong(f"found {shots!r}; {near(str(shots), axis)}")
    return Grid(rows, chosen, str(shots))
