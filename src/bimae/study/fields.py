"""Values out of a YAML file of texts; what is wrong with them is collected, none stops the rest."""

import math
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from bimae.errors import ConfigError


class _Texts(yaml.BaseLoader):
    """Texts, not values (`off` stays `off`, 1e-3 stays 1e-3); a key given twice is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # no name; told where it is read
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key.value!r} is given twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def load_texts(path: Path) -> dict[str, Any]:
    """A YAML file as mappings and lists of texts.

    Raises:
        ConfigError: It cannot be read, or is no mapping.
    """
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_Texts)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; a study's YAML file is expected") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise ConfigError(f"{path}: not readable as YAML ({told})") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: `name:`, `data:` and `methods:` are expected, found {found!r}")
    return found


def near(word: str, known: Iterable[str]) -> str:
    """A hint at the likeliest name meant, or at all of them where none is near."""
    known = list(known)
    found = get_close_matches(word, known, n=1)
    return f"did you mean {found[0]!r}?" if found else f"expected one of {', '.join(known)}"


class Fields:
    """Reads values at a place in the file and collects what is wrong.

    Attributes:
        problems: One line each, `<where>: <found>; <what to do>`.
    """

    def __init__(self, problems: list[str], where: str = "") -> None:
        self.problems = problems
        self.where = where

    def at(self, name: str) -> "Fields":
        """The same, a level deeper."""
        return Fields(self.problems, f"{self.where}.{name}" if self.where else name)

    def wrong(self, told: str) -> None:
        """Notes a problem here."""
        self.problems.append(f"{self.where}: {told}" if self.where else told)

    def mapping(self, value: Any, known: Sequence[str] | None = None) -> dict[str, Any]:
        """A mapping; keys other than `known` are told and left out."""
        if value in (None, ""):
            return {}
        if not isinstance(value, dict):
            self.wrong(f"found {value!r}; a mapping (`name: value`) is expected")
            return {}
        good = {}
        for key, item in value.items():
            if not isinstance(key, str) or not key:
                self.wrong(f"the key {key!r} is no name")
            elif known is not None and key not in known:
                self.wrong(f"{key!r} is not known; {near(key, known)}")
            else:
                good[key] = item
        return good

    def items(self, value: Any) -> list[str]:
        """A list of texts, none twice; a single text is a list of one."""
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(x, str) and x for x in found):
            self.wrong(f"found {value!r}; a list is expected")
            return []
        if not found:
            self.wrong("is empty; at least one is expected")
        for item in dict.fromkeys(x for x in found if found.count(x) > 1):
            self.wrong(f"{item!r} is given twice")
        return list(dict.fromkeys(found))

    def names(self, value: Any, known: Sequence[str]) -> tuple[str, ...]:
        """A list of names, all of them known."""
        found = self.items(value)
        for name in found:
            if name not in known:
                self.wrong(f"{name!r} is not known; {near(name, known)}")
        return tuple(name for name in found if name in known)

    def whole(self, value: Any, least: int) -> int | None:
        """A whole number, or None and a problem."""
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            number = int(value)
            if number >= least:
                return number
        self.wrong(f"found {value!r}; a whole number of at least {least} is expected")
        return None

    def positive(self, value: Any) -> float | None:
        """A number above 0, or None and a problem."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if number > 0 and math.isfinite(number):
            return number
        self.wrong(f"found {value!r}; a number above 0 is expected")
        return None

    def switch(self, value: Any) -> bool:
        """True or false."""
        if value not in ("true", "false"):
            self.wrong(f"found {value!r}; true or false is expected")
        return bool(value == "true")
