from typing import Any

import pytest
import torch

from bimae.bench import limits
from bimae.bench.limits import PROBE, Product, bf16_usable, measure_limits
from bimae.bench.machine import threads_set

CPU = torch.device("cpu")
SIZES = ((8, 8, 8), (16, 4, 32))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "COPIED_BYTES", 10**5)
    monkeypatch.setattr(limits, "LEAST_S", 1e-4)


@pytest.mark.parametrize("cores", [1, 3])
def test_a_product_is_of_its_size_and_precision(
    monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    done: list[tuple[Any, Any]] = []

    def mm(left: torch.Tensor, right: torch.Tensor, out: torch.Tensor) -> None:
        assert left @ right is not None
        done.append((left.shape[1], out.shape))
        assert left.dtype == right.dtype == out.dtype == torch.bfloat16
        assert cores == 1 or torch.get_num_threads() == 1

    monkeypatch.setattr(torch, "mm", mm)
    product = Product("bf16-mixed", (3, 5, 7), cores)
    product.task(CPU)()
    assert done == [(7, (3, 5))] * cores
    assert product.flops == 2 * 3 * 5 * 7 * cores
    assert str(product).startswith("3 x 7 x 5")


@pytest.mark.parametrize("usable", [True, False])
def test_the_best_of_several_sizes(monkeypatch: pytest.MonkeyPatch, usable: bool) -> None:
    monkeypatch.setattr(limits, "bf16_usable", lambda device: usable)
    with threads_set(3):
        found = measure_limits(CPU, repeats=2, sizes=SIZES)
    ways = [(peak.product.precision, peak.product.cores) for peak in found.peaks]
    assert ways == [("32", 1), ("32", 3), ("bf16-mixed", 1), ("bf16-mixed", 3)]
    for peak in found.peaks:
        # Emulated bf16 is only looked at, with one small product.
        emulated = peak.product.precision == "bf16-mixed" and not usable
        assert peak.product.size in ((PROBE,) if emulated else SIZES)
        assert peak.gflops == pytest.approx(peak.product.flops / peak.timing.median / 1e9)
    rows = found.rows()
    assert [row["unit"] for row in rows] == ["GFLOP/s"] * 4 + ["GB/s"]
    # Every copied byte is read and written.
    assert found.copy_gb_s == pytest.approx(2 * 1e5 / found.copy.median / 1e9)
    assert all(row["repeats"] == 2 and row["rate"] > 0 for row in rows)


def test_emulation_is_seen_from_the_fastest_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(slower: float) -> bool:
        times = {"32": limits.Timing(9.0, 1.0, 9.0, 3)}
        times["bf16-mixed"] = limits.Timing(9.0, slower, 99.0, 3)
        monkeypatch.setattr(limits, "interleaved", lambda *a, **k: times)
        return bf16_usable(CPU)

    assert timed(0.5)
    assert timed(1.5)
    assert not timed(29.0)


def test_the_threads_are_as_before() -> None:
    before = torch.get_num_threads()
    bf16_usable(CPU)
    assert torch.get_num_threads() == before
