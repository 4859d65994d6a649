"""A pretraining and a fine-tuning run that the tests of this room share; none changes them."""

import shutil
from pathlib import Path

import pytest

from bimae.cli import main
from tests.cli.run import FAST


@pytest.fixture(scope="session")
def pretrained(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "a"
    words = ["pretrain", f"--data={small_data}", f"--out={out}", *FAST]
    assert main.run(words) == 0
    return out


@pytest.fixture(scope="session")
def finetuned(small_data: Path, pretrained: Path) -> Path:
    out = pretrained.parent / "b"
    words = ["finetune", f"--data={small_data}", f"--out={out}", f"--weights={pretrained}"]
    assert main.run([*words, "--bands=step_4", *FAST]) == 0
    return out


@pytest.fixture(scope="session")
def calibrated(finetuned: Path, small_data: Path) -> Path:
    """A calibrated copy of the fine-tuning run."""
    out = finetuned.parent / "c"
    shutil.copytree(finetuned, out, ignore=shutil.ignore_patterns("*.ckpt"))
    assert main.run(["calibrate", str(out), str(small_data), "--alpha=0.3", "--reject=0.3"]) == 0
    return out
