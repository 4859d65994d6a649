import json
from pathlib import Path

import pytest
import torch

from bimae.bench import limits, startup
from tests.cli.run import mistakes, run

TINY = "mae_vit_tiny_patch24"
ASKED = {
    "samples_per_s",
    "flops_per_sample",
    "peak_gflops_fp32",
    "peak_gflops_bf16",
    "share_of_peak",
    "peak_rss_mb",
    "peak_device_mb",
    "step_s_median",
    "step_s_min",
    "step_s_max",
    "repeats",
    "threads",
    "precision",
    "torch",
    "cpu_name",
    "device",
}
STEP = ("bench", "pretrain", "--model", TINY, "--batch-size", 2, "--repeats", 1)


@pytest.fixture(autouse=True)
def small_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CPU_SIZES", ((64, 64, 64),))
    monkeypatch.setattr(limits, "COPIED_BYTES", 10**6)


def test_steps_alone_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_num_threads()
    words = (*STEP, "--precision", "auto", "--threads", 1, "--device", "cpu", "--alone")
    ran = run(capsys, *words, "--json", "-")
    assert ran.code == 0
    found = json.loads(ran.out)  # nothing else on this stream
    assert set(found) >= ASKED
    assert found["samples_per_s"] > 0
    assert (found["threads"], found["repeats"], found["batch_size"]) == (1, 1, 2)
    assert found["precision"] in ("32", "bf16-mixed")
    assert found["pretrain"][0].items() <= found.items()
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_a_step_beside_the_limits_and_its_memory(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, *STEP, "--precision", 32, "--device", "cpu", "--json", "-")
    found = json.loads(ran.out)
    assert set(found) >= ASKED
    assert found["share_of_peak"] == pytest.approx(found["gflops"] / found["peak_gflops_fp32"])
    assert found["peak_rss_mb"] > 100
    assert "memory_problem" not in found


def test_a_table_and_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "COMMANDS", {"python alone": ("-c", "pass")})
    file = tmp_path / "new" / "figures.json"
    ran = run(capsys, "bench", "startup", "--repeats", 2, "--json", file)
    assert ran.code == 0
    assert "python alone" in ran.out
    assert f"figures  {file}" in ran.out
    assert json.loads(file.read_text())["startup"][0]["repeats"] == 2
    assert [path.name for path in file.parent.iterdir()] == ["figures.json"]


def test_limits(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "bench", "limits", "--repeats", 1, "--device", "cpu")
    for part in ("fp32 matrix product", "bf16 matrix product", "copy in memory", "read + written"):
        assert part in ran.out


def test_every_mistake_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = mistakes(
        run(
            capsys, "bench", "limits", tmp_path, "--model", "huge", "--batch-size", "0,8",
            "--repeats=0", "--threads=-1", "--alone",
        )
    )  # fmt: skip
    told = " ".join(lines)
    assert len(lines) == 7
    for part in (
        "model 'huge' is not known",
        "batch_size is 0",
        "repeats is 0",
        "threads is -1",
        "only `input` reads any",
        "alone is for pretrain and finetune, not for limits",
    ):
        assert part in told


def test_data_that_are_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = mistakes(run(capsys, "bench", "input", tmp_path / "no", "--device=cpu"))
    assert "found no such file or folder" in lines[-1]


def test_a_gpu_that_is_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    lines = mistakes(run(capsys, "bench", "limits", "--device", "cuda"))
    assert "PyTorch sees no CUDA device" in lines[-1]
