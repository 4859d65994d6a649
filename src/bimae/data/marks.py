"""How files say that no camera was involved, so that no copy of them passes for a measurement."""

from collections.abc import Iterable
from typing import Any

WORD = "SIMULATED"
FILE = "SIMULATED.txt"
"""Lies in a folder of simulated files; what is in and below it is simulated."""

PICTURE = f"{WORD}: no camera was involved"
"""The comment of a simulated picture (PNG, JPEG)."""

MODEL = f"the model learned from {WORD} seeds; of real ones its answers say nothing"
"""What is said of whatever such a model answers."""

_TEXTS = ("comment", "description", "title", "software", "imagedescription")


def says_simulated(texts: Iterable[Any]) -> bool:
    """Whether one of some texts that describe a file begins with that word."""
    plain = (t.decode("utf-8", "replace") if isinstance(t, bytes) else t for t in texts)
    word = WORD.lower()
    return any(isinstance(t, str) and t.strip(" {").lower().startswith(word) for t in plain)


def texts_of_picture(info: dict[Any, Any]) -> list[Any]:
    """The texts of a picture that describe it; of what Pillow calls `info`."""
    return [value for key, value in info.items() if str(key).lower() in _TEXTS]
