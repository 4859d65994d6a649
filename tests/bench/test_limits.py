import pytest
import torch

from bimae.bench import limits
from bimae.bench.limits import PROBE, bf16_usable, flops, measure_limits, product

CPU = torch.device("cpu")
SIZES = ((8, 8, 8), (16, 4, 32))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "COPIED_BYTES", 10**5)
    monkeypatch.setattr(limits, "LEAST_S", 1e-4)


def test_a_product_is_of_its_size_and_precision() -> None:
    found = product((3, 5, 7), "bf16-mixed", CPU)()
    assert (found.shape, found.dtype) == ((3, 5), torch.bfloat16)
    assert flops((3, 5, 7)) == 2 * 3 * 5 * 7


@pytest.mark.parametrize("usable", [True, False])
def test_the_best_of_several_sizes(monkeypatch: pytest.MonkeyPatch, usable: bool) -> None:
    monkeypatch.setattr(limits, "bf16_usable", lambda device: usable)
    found = measure_limits(CPU, repeats=2, sizes=SIZES)
    assert found.peaks["32"].size in SIZES
    # Emulated bf16 is only looked at, with one small product.
    assert found.peaks["bf16-mixed"].size in (SIZES if usable else (PROBE,))
    for peak in found.peaks.values():
        assert peak.gflops == pytest.approx(flops(peak.size) / peak.timing.median / 1e9)
    rows = found.rows()
    assert [row["unit"] for row in rows] == ["GFLOP/s", "GFLOP/s", "GB/s"]
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
