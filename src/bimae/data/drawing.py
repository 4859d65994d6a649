"""Drawing splits, whatever files declare: one, or folds that test on other samples each."""

from collections.abc import Sequence
from typing import Literal

from bimae.data.dataset import SeedDataset
from bimae.data.splits import RATIOS, Ratios, Split, ratios_problem
from bimae.data.stratify import at_random, stratify, units
from bimae.errors import ConfigError

By = Literal["group", "random", "class-balanced"]
LEAST_FOLDS = 3


def draw_split(
    ds: SeedDataset,
    *,
    by: By = "group",
    ratios: Ratios = RATIOS,
    seed: int = 0,
    copies: Sequence[int | None] | None = None,
) -> Split:
    """Draws a new split, whatever files declare.

    Args:
        ds: The data set.
        by: `group` keeps groups whole and, as far as they allow, gives each part the same mix of
            labels; `class-balanced` gives each class the same shares in each part and looks at no
            group; `random` looks at neither.
        ratios: Shares of train, val and test; they add up to 1, and train is not 0.
        seed: The same seed draws the same.
        copies: For each sample the set of identical images that it belongs to, None where there
            is no other (`bimae.data.leakage.identical_images`); these stay in one part. None
            where nobody looked.

    Raises:
        ConfigError: The ratios are none.
    """
    if problem := ratios_problem(ratios):
        raise ConfigError(problem)
    train, val, test = _dealt(ds, by, ratios, seed, copies)
    how = f"data split by {by}: {_how(ds, by, copies)}, seed {seed}"
    return Split(train, val, test, how, seed, ratios)


def draw_folds(
    ds: SeedDataset,
    folds: int,
    *,
    by: By = "group",
    seed: int = 0,
    copies: Sequence[int | None] | None = None,
) -> list[Split]:
    """Draws splits of which each tests on other samples: cross-validation.

    Samples are dealt to as many parts as there are folds; each fold tests on one, validates on the
    next and learns from the rest. Every sample is tested on once. A part can be empty where there
    are fewer groups than folds.

    Args:
        ds: The data set.
        folds: How many; at least 3.
        by: As of `draw_split`.
        seed: The same seed draws the same.
        copies: As of `draw_split`.

    Raises:
        ConfigError: There are fewer than 3 folds.
    """
    if folds < LEAST_FOLDS:
        raise ConfigError(
            f"folds is {folds}; at least {LEAST_FOLDS} are needed: to test on, validate on, learn"
        )
    parts = _dealt(ds, by, [1 / folds] * folds, seed, copies)
    how = f"{_how(ds, by, copies)}, seed {seed}"
    found = []
    for number, test in enumerate(parts):
        held = (number, (number + 1) % folds)
        train = sorted(i for n, part in enumerate(parts) if n not in held for i in part)
        told = f"data folds by {by}: fold {number} of {folds}, {how}"
        found.append(Split(tuple(train), parts[held[1]], test, told, seed))
    return found


def _dealt(
    ds: SeedDataset,
    by: By,
    shares: Sequence[float],
    seed: int,
    copies: Sequence[int | None] | None,
) -> list[tuple[int, ...]]:
    """Numbers of the samples of each part."""
    alone = [None] * len(ds)
    together = units(ds.groups if by == "group" else alone, alone if copies is None else copies)
    if by == "random":
        parts = at_random(together, shares, seed)
    else:
        parts = stratify(ds.labels, together, shares, seed)
    return [tuple(part) for part in parts]


def _how(ds: SeedDataset, by: By, copies: Sequence[int | None] | None) -> str:
    grouped = any(group is not None for group in ds.groups)
    how = {
        "group": "stratified by label, " + ("groups whole" if grouped else "no sample has a group"),
        "random": "labels and groups not looked at",
        "class-balanced": "stratified by label, groups not looked at",
    }[by]
    return how if copies is None else how + ", identical images kept together"
