from dataclasses import replace
from typing import Any

import pytest
import torch

from bimae.bench import steps, training
from bimae.bench.limits import DTYPES, Limits, Peak, Product
from bimae.bench.memory import Peaks
from bimae.bench.options import TINY, BenchOptions
from bimae.bench.timing import Timing
from bimae.bench.training import measure_training
from bimae.model import flops, preset

CPU = torch.device("cpu")
ONCE = Timing(1.0, 1.0, 1.0, 1)
LIMITS = Limits(
    tuple(Peak(Product(p, (8, 8, 8), n), ONCE) for p in DTYPES for n in (1, 2)), True, 1.0, ONCE
)
QUICK = BenchOptions(what="pretrain", quick=True, repeats=2)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The steps that were built; none does anything."""
    built: list[Any] = []

    def nothing(*asked: Any, **more: Any) -> Any:
        built.append(asked)
        return lambda: None

    monkeypatch.setattr(steps, "pretraining_step", nothing)
    monkeypatch.setattr(steps, "finetuning_step", nothing)
    monkeypatch.setattr(training, "LEAST_S", 1e-4)
    monkeypatch.setattr(
        training, "child_peaks", lambda words: Peaks(float(len(words)), None, " ".join(words))
    )
    return built


def _rows(task: Any, options: BenchOptions, limits: Limits | None) -> list[dict[str, Any]]:
    return measure_training(task, options, CPU, limits, lambda line: None)


def test_a_step_has_its_figures(built: list[Any]) -> None:
    rows = _rows("pretrain", QUICK, LIMITS)
    assert built == [(TINY, 32, "32"), (TINY, 32, "bf16-mixed")]
    assert [row["precision"] for row in rows] == ["32", "bf16-mixed"]
    for row, peak in zip(rows, ("peak_gflops_fp32", "peak_gflops_bf16"), strict=True):
        assert row["flops_per_sample"] == flops.pretraining(preset(TINY)).total
        assert row["samples_per_s"] == pytest.approx(32 / row["step_s_median"])
        done = row["samples_per_s"] * row["flops_per_sample"] / 1e9
        assert row["gflops"] == pytest.approx(done)
        assert row["share_of_peak"] == pytest.approx(done / row[peak])
        assert row["repeats"] == 2
        assert row["peak_rss_mb"] > 0
    words = rows[0]["memory_problem"].split()
    assert words[:7] == ["pretrain", "--model", TINY, "--batch-size", "32", "--precision", "32"]


def test_emulated_bf16_is_timed_only_if_asked_for_alone(built: list[Any]) -> None:
    emulated = replace(LIMITS, bf16_usable=False)
    rows = _rows("pretrain", QUICK, emulated)
    assert [asked[2] for asked in built] == ["32"]
    assert "emulated" in rows[1]["skipped"]
    assert "samples_per_s" not in rows[1]
    alone = replace(QUICK, precision=("bf16-mixed",))
    assert "skipped" not in _rows("pretrain", alone, emulated)[0]


def test_all_presets_and_batch_sizes_unless_in_haste(built: list[Any]) -> None:
    _rows("pretrain", BenchOptions(repeats=1, precision=("32",)), LIMITS)
    assert [(name.split("_")[2], size) for name, size, _ in built] == [
        (name, size) for name in ("tiny", "small", "base") for size in (32, 128)
    ]
    built.clear()
    _rows("finetune", BenchOptions(repeats=1, precision=("32",)), LIMITS)
    assert [(reads, size) for _, reads, size, _ in built] == [
        (reads, 32) for reads in ("bimodal", "bimodal-5", "rgb", "hs")
    ]


def test_auto_is_settled_and_done_once(built: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "choose_precision", lambda p, width: "32")
    rows = _rows("pretrain", replace(QUICK, precision=("auto", "32")), LIMITS)
    assert [row["precision"] for row in rows] == ["32"]


def test_alone_knows_no_limits_and_weighs_itself(built: list[Any]) -> None:
    options = replace(QUICK, alone=True, precision=("32",))
    (row,) = _rows("pretrain", options, None)
    assert row["peak_rss_mb"] > 50  # Python and PyTorch themselves
    assert row["share_of_peak"] is row["peak_gflops_fp32"] is None
    assert "memory_problem" not in row


def test_haste_leaves_out_the_memory_of_fine_tuning(built: list[Any]) -> None:
    options = replace(QUICK, precision=("32",), reads=("rgb",))
    (row,) = _rows("finetune", options, LIMITS)
    assert row["peak_rss_mb"] is None
    (row,) = _rows("finetune", replace(options, quick=False), LIMITS)
    assert row["memory_problem"].endswith("--reads rgb")
