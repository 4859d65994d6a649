import subprocess

import pytest

from bimae.bench import startup


def test_each_command_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "COMMANDS", {"nothing": ("-c", "pass"), "a": ("-c", "print(1)")})
    rows = startup.measure_startup(repeats=2)
    assert [row["what"] for row in rows] == ["nothing", "a"]
    assert all(row["repeats"] == 2 and row["answer_s_min"] > 0 for row in rows)


@pytest.mark.parametrize("name", ["bimae --help", "import bimae", "bimae pretrain --help"])
def test_the_commands_answer(name: str) -> None:
    assert (b"usage: bimae" in startup.answer(startup.COMMANDS[name])) == ("--help" in name)


def test_a_command_that_fails_is_no_figure() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        startup.answer(("-c", "raise SystemExit(1)"))
