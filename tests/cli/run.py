"""Runs a command line in this process: the same code path as the real command, without the wait."""

from dataclasses import dataclass

import pytest

from bimae.cli import main


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def run(capsys: pytest.CaptureFixture[str], *words: object) -> Ran:
    capsys.readouterr()
    code = main.run([str(word) for word in words])
    captured = capsys.readouterr()
    return Ran(code, captured.out, captured.err)


def mistakes(ran: Ran) -> list[str]:
    """The lines that a user sees after a mistake."""
    assert ran.code == 2, ran
    assert "Traceback" not in ran.err
    return [line for line in ran.err.splitlines() if line.startswith("bimae")]
