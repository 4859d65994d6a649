"""Whether a study can be carried out, found out before anything runs; all mistakes at once."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bimae.data.shots import unknown_classes
from bimae.errors import BimaeError
from bimae.spectra import BandSelection
from bimae.study.commands import BASELINES, command
from bimae.study.config import ALL, Fold, Method, Study
from bimae.study.records import Records

Judge = Callable[[list[str]], list[str]]
"""What is wrong with a command line after `bimae`, one line each; the command line knows."""


def check(study: Study, records: Records, judge: Judge) -> list[str]:
    """Everything that would stop a cell and can be seen beforehand, one line each.

    Args:
        study: As read.
        records: Opens the data.
        judge: Knows the options of every verb.
    """
    return list(dict.fromkeys([*options_problems(study, judge), *_data(study, records)]))


def options_problems(study: Study, judge: Judge) -> Iterator[str]:
    """Options that their verbs do not know, or of values that these do not take."""
    data, out = Path("data"), Path("out")
    for pretraining in study.pretrain:
        words = command(
            pretraining.verb,
            data,
            out,
            options=pretraining.options,
            seed=0,
            weights="model" if pretraining.teacher else None,
        )
        yield from _told(f"pretrain.{pretraining.name}", judge(words))
    for method in study.methods:
        verb = BASELINES if method.kind == "baseline" else method.kind
        few = next((shots for shots in method.shots if shots != ALL), ALL)
        sensor = next(iter(method.sensors), None)
        words = command(
            verb,
            data,
            out,
            options=method.options,
            shots=few,
            seed=0,
            sensor=None if method.any_sensor else sensor,
            weights="model" if method.source else None,
        )
        problems = judge(words)
        if method.any_sensor:
            problems += judge(command("evaluate", data, out, sensor=sensor, weights="model"))
        yield from _told(f"methods.{method.name}", problems)


def _told(where: str, problems: Sequence[str]) -> Iterator[str]:
    for problem in problems:
        yield f"{where}: {problem}"


def _data(study: Study, records: Records) -> Iterator[str]:
    for fold in study.folds:
        try:
            yield from _fold(study, records, fold)
        except BimaeError as error:
            yield from _told(f"data.{fold}", str(error).splitlines())
    seeds = {seed for method in study.methods for seed in method.seeds}
    for pretraining in study.pretrain:
        own = seeds if pretraining.seed is None else {pretraining.seed}
        for path in {pretraining.path(fold): None for fold in study.folds}:
            if path in {fold.path for fold in study.folds}:
                continue
            try:
                empty = [seed for seed in sorted(own) if not records.split(path, seed).train]
            except BimaeError as error:
                yield from _told(f"pretrain.{pretraining.name}", str(error).splitlines())
                continue
            if empty:
                yield f"pretrain.{pretraining.name}: {path} has no training part to learn from"


def _fold(study: Study, records: Records, fold: Fold) -> Iterator[str]:
    samples = records.open(fold.path)
    where = f"data.{fold}: {fold.path}"
    if len(samples.classes) < 2:
        yield f"{where}: {len(samples.classes)} classes; a classifier needs at least two"
        return
    seeds = sorted({seed for method in study.methods for seed in method.seeds})
    for seed in seeds:
        split = records.split(fold.path, seed)
        for part in ("train", "test"):
            if not getattr(split, part):
                yield f"{where}: has no {part} part; make one with bimae data split"
                return
    yield from _left_out(study, samples.classes, fold)
    yield from _sensors(study, records, fold)
    yield from _shots(study, records, fold)
    yield from _same_split(study, records, fold)


def _left_out(study: Study, classes: Sequence[str], fold: Fold) -> Iterator[str]:
    """Classes to leave out that the data do not have."""
    for method in study.methods:
        for problem in unknown_classes(_leaves_out(method), classes):
            yield f"methods.{method.name}: {problem} ({fold.path})"


def _leaves_out(method: Method) -> list[str]:
    """Classes that a method leaves out; what is no list of texts is for its verb to refuse."""
    text = dict(method.options).get("leave_out", "[]")
    try:
        found = json.loads(text) if text.startswith("[") else [text]
    except ValueError:
        return []
    return [name for name in found if isinstance(name, str)]


def _sensors(study: Study, records: Records, fold: Fold) -> Iterator[str]:
    """Columns that the data cannot give."""
    samples = records.open(fold.path)
    used = {sensor for method in study.methods for sensor in method.sensors}
    for sensor in study.sensors:
        if sensor.modality == "rgb" or sensor not in used:
            continue
        try:
            BandSelection(sensor.bands).channels(samples.bands, samples.wavelengths_nm)
        except BimaeError as error:
            yield f"sensors.{sensor.name}: {error} ({fold.path})"


def _shots(study: Study, records: Records, fold: Fold) -> Iterator[str]:
    """Classes with fewer training samples than a method asks for."""
    samples = records.open(fold.path)
    fewest: dict[str, tuple[int, int]] = {}  # of each class the fewest, and the seed
    for seed in {seed for method in study.methods for seed in method.seeds}:
        counts = Counter(samples.labels[i] for i in records.split(fold.path, seed).train)
        for name in samples.classes:
            found = (counts[name], seed)
            fewest[name] = min(fewest.get(name, found), found)
    for name, (count, seed) in fewest.items():
        asked = {
            int(shots)
            for method in study.methods
            if name not in _leaves_out(method)
            for shots in method.shots
            if shots != ALL
        }
        if too_many := [str(shots) for shots in sorted(asked) if shots > count]:
            yield (
                f"data.{fold}: class {name!r} has {count} training samples (seed {seed}), "
                f"{', '.join(too_many)} shots are asked for; take at most {count}, or leave the "
                "class out of every method that takes more (leave_out)"
            )


def _same_split(study: Study, records: Records, fold: Fold) -> Iterator[str]:
    """A pretraining of one seed splits like that seed; whoever starts from it must split so too.

    Otherwise what is pretrained and what is compared with it would be tested on other samples.
    """
    for method in study.methods:
        source = study.pretraining(method.source)
        if source is None or source.seed is None or source.path(fold) != fold.path:
            continue
        own = _parts(records, fold, source.seed)
        if any(_parts(records, fold, seed) != own for seed in method.seeds):
            yield (
                f"pretrain.{source.name}: has one seed, but the parts of {fold.path} are drawn "
                "anew for every seed; fix them with bimae data split, or leave `seed` out"
            )


def _parts(records: Records, fold: Fold, seed: int) -> tuple[tuple[int, ...], ...]:
    split = records.split(fold.path, seed)
    return split.train, split.val, split.test
