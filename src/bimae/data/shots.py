"""Less of a split: a fixed number of training samples of each class, or some classes left out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bimae.data.splits import PARTS, Split
from bimae.errors import ConfigError, count

NAMED = 8  # classes in a message


def few(split: Split, labels: Sequence[str | None], shots: int, seed: int) -> Split:
    """Keeps a few training samples of each class; val and test stay as they are.

    With one seed the draws are nested: the samples of 5 shots are among those of 10.

    Args:
        split: Where to draw from; samples of its train part without a label are never drawn.
        labels: Class of every sample of the data set, or None.
        shots: Samples of each class that occurs in the train part; at least 1.
        seed: Decides the draw; at least 0.

    Returns:
        A split whose train part holds `shots` samples of each class, ascending; `how` says so.

    Raises:
        ConfigError: `shots` or `seed` is too small, no training sample has a label, or classes
            have fewer training samples than `shots`.
    """
    if bad := [
        f"{name}={value}: expected at least {least}"
        for name, value, least in (("shots", shots, 1), ("seed", seed, 0))
        if value < least
    ]:
        raise ConfigError.of(bad)
    members: dict[str, list[int]] = {}
    for i in sorted(split.train):
        if (label := labels[i]) is not None:
            members.setdefault(label, []).append(i)
    if not members:
        raise ConfigError(
            f"shots={shots}: no training sample has a label; draw shots from labelled data"
        )
    if short := [name for name in sorted(members) if len(members[name]) < shots]:
        have = ", ".join(f"{name} {len(members[name])}" for name in short[:NAMED])
        raise ConfigError(
            f"shots={shots}: {count(len(short), 'class has', 'classes have')} fewer training "
            f"samples ({have}{', ...' * (len(short) > NAMED)}); take at most "
            f"{min(map(len, members.values()))} shots, all samples, or leave these classes out"
        )
    rng = np.random.default_rng(seed)
    drawn: list[int] = []
    for name in sorted(members):
        # Whole permutations, so that what a class gets depends on no other number of shots.
        drawn += rng.permutation(members[name])[:shots].tolist()
    how = f"{split.how}; {shots} training samples of each class, seed {seed}"
    return replace(split, train=tuple(sorted(drawn)), how=how)


def unknown_classes(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """What is wrong with the names of classes to leave out, a line each."""
    return [
        f"leave_out names {name!r}, which is no class of these data; they have {', '.join(known)}"
        + "; several are words of their own: 'a' 'b'" * ("," in name)
        for name in dict.fromkeys(names)
        if name not in known
    ]


def without(split: Split, labels: Sequence[str | None], names: Sequence[str]) -> Split:
    """Takes whole classes out of every part, to find out what a classifier makes of them.

    Args:
        split: Where to take them out of.
        labels: Class of every sample of the data set, or None.
        names: The classes.

    Raises:
        ConfigError: A name is no class of the data, is named twice, or fewer than two are left.
    """
    known = sorted({label for label in labels if label is not None})
    problems = unknown_classes(names, known)
    twice = sorted({name for name in names if list(names).count(name) > 1})
    problems += [f"leave_out names {name!r} twice" for name in twice]
    taken = len(set(names) & set(known))
    if len(known) - taken < 2:
        problems.append(
            f"leave_out takes {taken} of {len(known)} classes; at least two must be left"
        )
    if problems:
        raise ConfigError.of(problems)
    train, val, test = (
        tuple(i for i in getattr(split, part) if labels[i] not in names) for part in PARTS
    )
    how = f"{split.how}; without {', '.join(sorted(names))}"
    return replace(split, train=train, val=val, test=test, how=how)
