"""What a user can get wrong, as exceptions.

Every message is one line that says what was found, where, what was expected and what to do. The
command line prints it and exits with 2; from Python it is an ordinary exception. `assert` stays
for invariants of our own. How messages count is here too, since every room has some.
"""


class BimaeError(Exception):
    """The root: something outside this code has to change, and the message says what."""


class DataError(BimaeError):
    """A file, a record or an image is not what it should be."""


class ConfigError(BimaeError):
    """An option, or a combination of options, cannot be carried out."""

    @classmethod
    def of(cls, problems: list[str]) -> "ConfigError":
        """All problems in one answer: one line each, so that a user corrects them in one go."""
        return cls("\n".join(problems))


class BandError(ConfigError):
    """A band selection asks for what the sensor does not have."""


class ModelError(BimaeError):
    """A model file is not there, is damaged, or does not fit what it is used with."""


def count(number: int, what: str, several: str = "") -> str:
    """A number and what it counts: `1 sample`, `4,583 samples`, `2 classes`.

    Args:
        number: How many.
        what: One of them; with its verb where that has to agree (`sample is`).
        several: Many of them, where neither an s nor, after a hiss, es makes that of `what`.
    """
    if number == 1:
        return f"1 {what}"
    hissing = what.endswith(("s", "x", "ch", "sh"))
    return f"{number:,} {several or what + ('es' if hissing else 's')}"
