"""Command line and YAML file to one options object; every mistake in one answer.

jsonargparse knows the types, the defaults and the help texts: all from the dataclass. It stops at
the first mistake, so when it refuses a command line, each option is tried alone and all refusals
are told together.
"""

import json
import math
import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import MISSING, dataclass, fields, replace
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml
from jsonargparse import ArgumentParser, DefaultHelpFormatter, set_parsing_settings

from bimae.errors import ConfigError

Options = TypeVar("Options")

set_parsing_settings(docstring_parse_attribute_docstrings=True)

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


class _Formatter(DefaultHelpFormatter):
    """Options with dashes, as people type them (both spellings are understood); plain types."""

    def _format_action_invocation(self, action: Any) -> str:
        text = str(super()._format_action_invocation(action))
        return re.sub(r"--\w+", lambda m: m[0].replace("_", "-"), text)

    def _expand_help(self, action: Any) -> str:
        return _plain(str(super()._expand_help(action))).replace("default: null", "default: none")


def _plain(text: str) -> str:
    """Python's names of types as a user would say them."""
    text = re.sub(
        r"type: (Literal\[[^\]]*\]|bool)(, )?", "", text
    )  # the choices stand there already
    text = re.sub(r"(typing\.)?Literal\[([^\]]*)\]", r"one of \2", text)
    for name, plain in (
        ("int", "whole number"),
        ("float", "number"),
        ("Path", "path"),
        ("str", "text"),
    ):
        text = re.sub(rf"(<class '{name}'>|\b{name}\b)", plain, text)
    return text.replace(" | null", "")


def parse(
    kind: type[Options],
    argv: Sequence[str],
    *,
    prog: str,
    about: str,
    example: str,
    positionals: Sequence[str] = (),
) -> Options:
    """Parses a command line into an instance of the dataclass `kind`.

    Args:
        kind: Dataclass whose fields are the options; a `problems()` method may judge the values.
        argv: The words after the verb.
        prog: What the command is called.
        about: What it does, for `--help`.
        example: A command line that works, for `--help`.
        positionals: Fields that may be given without their name, in this order.

    Returns:
        The options; those of `--config FILE` first, the command line's over them.

    Raises:
        ConfigError: With one line for every mistake.
        SystemExit: After `--help`.
    """
    parser = _parser(kind, prog, about, example, positionals)
    if any(word in ("-h", "--help") for word in argv):
        parser.print_help(sys.stdout)
        sys.exit(0)
    given = _given(kind, argv, positionals)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    mistakes = _unknown_ones([g for g in given if g.name not in known], known, prog)
    values = {g.name: g for g in given if g.name in known}  # later ones win
    missing = [name for name in _required(kind) if name not in values]
    mistakes += [f"{_spelled(name, positionals)} is required" for name in missing]

    good = []
    for item in values.values():
        if refusal := _refusal(parser, item, _required(kind)):
            mistakes.append(refusal)
        else:
            good.append(item)
    # What could be understood is judged all the same, so that nothing is told only next time.
    words = [f"--{g.name}={g.value}" for g in good]
    words += [f"--{name}=missing" for name in _required(kind) if not _has(good, name)]
    options = kind(**_parse(parser, words))
    problems = getattr(options, "problems", None)
    mistakes += problems() if problems else []
    if mistakes:
        raise ConfigError.of([*mistakes, f"see {prog} --help"])
    return _with_addresses(options)


def _with_addresses(options: Options) -> Options:
    """Options in which what pathlib made of `s3://bucket/data` is that address again."""
    mangled: dict[str, Any] = {
        name: value
        for name, value in vars(options).items()
        if isinstance(value, Path) and re.match(r"[a-z][a-z0-9+.-]+:/", str(value))
    }
    if not mangled:
        return options
    from bimae.data.remote import as_path

    return replace(options, **{k: as_path(v) for k, v in mangled.items()})  # type: ignore[type-var]


def _parser(
    kind: type[Any], prog: str, about: str, example: str, positionals: Sequence[str]
) -> ArgumentParser:
    named = " ".join(name.upper() for name in positionals)
    parser = ArgumentParser(
        prog=prog,
        usage=f"{prog} {named} [options]".replace("  ", " "),
        description=about,
        epilog=f"example:  {example}",
        formatter_class=_Formatter,
        exit_on_error=False,
        print_config=None,
    )
    parser.add_argument("--config", help="YAML file with options; the command line goes over it")
    parser.add_class_arguments(kind)
    return parser


def _given(kind: type[Any], argv: Sequence[str], positionals: Sequence[str]) -> list[Given]:
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
    named = _has(given, "data") or any(other.partition("=")[0] == "--data" for other in rest)
    write = f": write --data {word}" if "data" in hints and not named else ""
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


def _unknown_ones(items: list[Given], known: set[str], prog: str) -> list[str]:
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


def _required(kind: type[Any]) -> list[str]:
    return [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]


def _spelled(name: str, positionals: Sequence[str]) -> str:
    return name.upper() if name in positionals else f"--{name.replace('_', '-')}"


def _has(items: list[Given], name: str) -> bool:
    return any(item.name == name for item in items)


def _refusal(parser: ArgumentParser, item: Given, required: list[str]) -> str | None:
    """Why this option alone is refused; None if it is fine."""
    words = [f"--{name}=x" for name in required if name != item.name]
    try:
        _parse(parser, [*words, f"--{item.name}={item.value}"])
    except Exception as error:  # jsonargparse raises several kinds, all meaning the same here
        reason = _plain(str(error).strip().splitlines()[-1].strip()).split(" Got value")[0]
        for theirs, ours in _SAID:
            reason = reason.replace(theirs, ours)
        return f"{item.where} {(item.typed or item.value)!r}: {reason}"
    return None


def _parse(parser: ArgumentParser, words: list[str]) -> dict[str, Any]:
    with redirect_stderr(StringIO()):
        namespace = parser.parse_args(words)
    return {name: value for name, value in vars(namespace).items() if name != "config"}


_SAID = (
    ("Expected a one of", "expected one of"),
    ("Expected a <class 'bool'>", "true or false is expected"),
)
