import subprocess
import sys

import pytest

from bimae import __version__
from bimae.cli.main import VERBS
from tests.cli.run import run


def test_the_overview_names_every_verb_and_imports_no_torch() -> None:
    code = (
        "import sys; from bimae.cli.main import run; code = run(['--help']); "
        "assert not {'torch', 'numpy', 'lightning'} & set(sys.modules); sys.exit(code)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for verb in VERBS:
        assert verb in ran.stdout


def test_the_installed_command_answers() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bimae", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == f"bimae {__version__}"


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_defaults_and_an_example(verb: str) -> None:
    code = (
        "import sys; from bimae.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: assert 'torch' not in sys.modules"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *verb.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "default:" in ran.stdout or "required" in ran.stdout
    assert f"example: bimae {verb}" in " ".join(ran.stdout.split())


@pytest.mark.parametrize("words", [["frobnicate"], ["data", "frobnicate"], ["--frobnicate"]])
def test_what_is_no_verb(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    ran = run(capsys, *words)
    assert ran.code == 2
    assert "is no verb" in ran.err
    assert "pretrain" in ran.err


def test_nothing_asked_shows_the_overview(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys)
    assert ran.code == 2
    assert "usage: bimae VERB" in ran.out
    assert run(capsys, "data").code == 0
