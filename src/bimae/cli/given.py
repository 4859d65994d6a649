"""Options as they were given: words of the command line, and lines of YAML files and recipes."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from bimae.errors import ConfigError

RECIPES = Path(__file__).parent / "recipes"
"""Options of `bimae finetune` that did well, each a file that `--config` knows by its name."""


@dataclass(frozen=True)
class Given:
    """One option as it was given, and where (`--epochs` or `a.yaml: epochs`).

    `typed` is what a person wrote, where `value` is a list made of it.
    """

    name: str
    value: str
    where: str
    typed: str = ""


def given_options(kind: type[Any], argv: Sequence[str], positionals: Sequence[str]) -> list[Given]:
    """The words as options, those of `--config` files first."""
    hints = get_type_hints(kind)
    given: list[Given] = []
    configs: list[str] = []
    free = list(positionals)
    words = list(argv)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            if not free:
                raise ConfigError(_no_option(word, given, words, hints))
            name = free.pop(0)
            given.append(Given(name, word, name.upper()))
            continue
        name, equals, value = word[2:].partition("=")
        name = name.replace("-", "_")
        several = _several(hints.get(name))
        if not equals:
            switch = hints.get(name) is bool and (not words or words[0] not in _BOOLEANS)
            none = not words or (several is not None and words[0].startswith("--"))
            if not switch and none:
                raise ConfigError(f"{word} needs a value")
            value = "true" if switch else words.pop(0)
        typed = ""
        if several is not None:
            value, typed = several.together(value, [] if equals else words)
        if name == "config":
            configs.append(value)
        else:
            given.append(Given(name, value, f"--{name.replace('_', '-')}", typed))
    resume = [g.value for g in given if g.name == "resume" and "resume" in hints]
    begun = [item for folder in resume for item in _from_run(Path(folder), set(hints))]
    written = [item for name in configs for item in _from_yaml(_config(name))]
    return begun + [_listed(item, hints) for item in written] + given


def _no_option(word: str, given: list[Given], rest: list[str], hints: dict[str, Any]) -> str:
    """What to say of a word that stands alone: most likely it is the data, if these lack."""
    named = has(given, "data") or any(other.partition("=")[0] == "--data" for other in rest)
    write = f": write --data {word}" if "data" in hints and not named else ""
    last = given[-1] if given else None
    if not write and last is not None and last.where.startswith("--"):
        write = f" (if it belongs to {last.where}, put quotes around both: "
        write += f'{last.where} "{last.value} {word}")'
    return f"{word!r} is not understood; options start with --{write}"


def _listed(item: Given, hints: dict[str, Any]) -> Given:
    """`ratios: .7, .15, .15` of a YAML file as a list, where the option is one."""
    several = _several(hints.get(item.name))
    if several is None:
        return item
    value, typed = several.together(item.value, [])
    return replace(item, value=value, typed=typed)


@dataclass(frozen=True)
class _Several:
    """How many values an option takes, and whether a comma parts them too (numbers)."""

    most: float
    commas: bool

    def together(self, first: str, words: list[str]) -> tuple[str, str]:
        """The values as one JSON list, and as typed; takes what is theirs from `words`' front."""
        if first == "null" or first.startswith("["):
            return first, first
        items = self._items(first)
        while words and len(items) < self.most and not words[0].startswith("--"):
            items += self._items(words.pop(0))
        return json.dumps(items), " ".join(items)

    def _items(self, word: str) -> list[str]:
        return [item for item in word.split(",") if item] if self.commas else [word]


def _several(hint: Any) -> _Several | None:
    """For an option that is a list or a tuple (or None); None for any other."""
    for kind in (hint, *get_args(hint)):
        if get_origin(kind) in (list, tuple):
            each = get_args(kind)
            fixed = get_origin(kind) is tuple and Ellipsis not in each
            return _Several(len(each) if fixed else math.inf, each[0] in (int, float))
    return None


_BOOLEANS = {"true", "false", "True", "False", "yes", "no"}


def _from_run(folder: Path, known: set[str]) -> list[Given]:
    """The options of a run to resume, which must be of this verb."""
    config = folder / "config.yaml"
    if not config.is_file():
        raise ConfigError(f"{folder}: is no run folder (no config.yaml); nothing to resume")
    begun = _from_yaml(config)
    if any(item.name not in known for item in begun):
        raise ConfigError(
            f"{folder}: is a run of another verb; resume it with the verb it began with"
        )
    return begun


def _config(name: str) -> Path:
    """The file that `--config` names: there, or one of the recipes that come along."""
    path, recipe = Path(name), RECIPES / f"{name}.yaml"
    return recipe if path.name == name and recipe.is_file() and not path.exists() else path


def _from_yaml(path: Path) -> list[Given]:
    try:
        # Texts, not values: jsonargparse knows what kind each option is, and a folder may be
        # called 2024-01-01.
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except OSError as error:
        known = ", ".join(sorted(recipe.stem for recipe in RECIPES.glob("*.yaml")))
        raise ConfigError(
            f"{path}: {error.strerror}; a YAML file with options is expected, or one of the "
            f"recipes of bimae finetune that come along: {known}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise ConfigError(f"{path}: not readable as YAML ({told})") from error
    if not found:
        return []
    if not isinstance(found, dict):
        raise ConfigError(
            f"{path}: `option: value` lines are expected, found {type(found).__name__}"
        )
    return [
        Given(
            str(name).replace("-", "_"),
            (value or "null") if isinstance(value, str) else json.dumps(value),
            f"{path}: {name}",
        )
        for name, value in found.items()
    ]


def unknown_ones(items: list[Given], known: set[str], prog: str) -> list[str]:
    """A line for each option that is none; for those of a recipe, which is of another verb, one."""
    told = []
    for recipe in sorted(RECIPES.glob("*.yaml")):
        if names := [g.name for g in items if g.where == f"{recipe}: {g.name}"]:
            told.append(
                f"--config {recipe.stem} is a recipe of bimae finetune; leave it out, since {prog} "
                f"has no option {', '.join(names)}"
            )
    own = [g for g in items if not g.where.startswith(f"{RECIPES}{os.sep}")]
    return told + [_unknown(g, known) for g in own]


def _unknown(item: Given, known: set[str]) -> str:
    near = get_close_matches(item.name, known, n=1)
    hint = f"; did you mean --{near[0].replace('_', '-')}?" if near else ""
    return f"{item.where} is no option{hint}"


def has(items: list[Given], name: str) -> bool:
    """Whether an option of this name is among them."""
    return any(item.name == name for item in items)
