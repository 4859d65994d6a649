"""The authors' pretraining command, kept working; `--help` lists its flags."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

if __name__ == "__main__":
    ours = Path(__file__).resolve().parent / ".venv" / "bin" / "python"
    if find_spec("bimae") is None and ours.exists():
        os.execv(ours, [str(ours), *sys.argv])  # any python will do once `make setup` has run
    if find_spec("bimae") is None:
        sys.exit("mae_trainer.py: bimae is not installed; run `make setup` first")
    from bimae.cli.main import guarded

    sys.exit(guarded("compat:pretrain", sys.argv[1:], "mae_trainer.py"))
