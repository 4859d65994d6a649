import json
import sys
from pathlib import Path

import pytest
import torch

from bimae.bench.memory import Peaks, child_peaks, own_peaks


def _python(folder: Path, code: str) -> str:
    """An "interpreter" that does this instead, whatever it is told to run."""
    file = folder / "python"
    file.write_text(f"#!{sys.executable}\nimport os, sys, json\n{code}\n")
    file.chmod(0o755)
    return str(file)


def test_its_own_peak_grows_with_what_it_holds() -> None:
    before = own_peaks(torch.device("cpu"))
    assert before.rss_mb is not None
    assert before.device_mb is None
    held = torch.ones(60_000_000)  # 240 MB
    after = own_peaks(torch.device("cpu"))
    assert after.rss_mb is not None
    assert after.rss_mb >= before.rss_mb
    assert after.rss_mb > held.nbytes / 1e6


def test_a_process_of_its_own_is_asked(tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    answer = {"peak_rss_mb": 12.5, "peak_device_mb": None, "more": 1}
    code = f"json.dump(sys.argv[1:], open({str(seen)!r}, 'w')); print({json.dumps(answer)!r})"
    assert child_peaks(["pretrain", "--model", "x"], _python(tmp_path, code)) == Peaks(12.5, None)
    words = ["-m", "bimae", "bench", "pretrain", "--model", "x", "--alone", "--json", "-"]
    assert json.loads(seen.read_text()) == words


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("os.kill(os.getpid(), 9)", "killed by signal 9: out of memory?"),
        ("sys.exit('one\\nbimae bench: no such model')", "bimae bench: no such model"),
        ("sys.exit(3)", "it said nothing"),
    ],
)
def test_a_process_that_fails_leaves_no_figure_and_its_reason(
    tmp_path: Path, code: str, told: str
) -> None:
    assert child_peaks(["pretrain"], _python(tmp_path, code)) == Peaks(None, None, told)
