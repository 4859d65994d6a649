"""Command line and YAML file to one options object; every mistake in one answer.

jsonargparse knows the types, the defaults and the help texts: all from the dataclass. It stops at
the first mistake, so when it refuses a command line, each option is tried alone and all refusals
are told together.
"""

import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import MISSING, fields, replace
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import ArgumentParser, DefaultHelpFormatter, set_parsing_settings

from bimae.cli.given import Given, given_options, has, unknown_ones
from bimae.errors import ConfigError

Options = TypeVar("Options")

set_parsing_settings(docstring_parse_attribute_docstrings=True)


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
    given = given_options(kind, argv, positionals)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    mistakes = unknown_ones([g for g in given if g.name not in known], known, prog)
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
    words += [f"--{name}=missing" for name in _required(kind) if not has(good, name)]
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


def _required(kind: type[Any]) -> list[str]:
    return [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]


def _spelled(name: str, positionals: Sequence[str]) -> str:
    return name.upper() if name in positionals else f"--{name.replace('_', '-')}"


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
