import pytest

from bimae.bench import suite
from bimae.bench.limits import Limits, Peak, Product
from bimae.bench.options import BenchOptions
from bimae.bench.suite import Report
from bimae.bench.text import COLUMNS, TITLES, render
from bimae.bench.timing import Timing

MACHINE = {
    "bimae": "0", "torch": "1", "lightning": "2", "python": "3", "started": "now", "threads": 1,
    "cpu_name": "a processor", "processors": 2, "device": "cpu", "device_name": "a processor",
    "load_average": 1.9, "busy": True, "preloaded": None,
}  # fmt: skip
STEP = {"model": "m", "batch_size": 32, "precision": "32", "samples_per_s": 50.0}


def _silent(line: str) -> None:
    pass


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every measurement gives one row that names it."""
    once = Timing(1.0, 1.0, 1.0, 1)
    peaks = (Peak(Product("32", (1, 1, 1)), once),)
    monkeypatch.setattr(suite, "measure_limits", lambda d, repeats: Limits(peaks, True, 1.0, once))
    monkeypatch.setattr(suite, "_rows", lambda what, *more: [{"what": what}])
    monkeypatch.setattr(suite, "_input", lambda *more: {"input": [{"what": "input"}]})


def test_all_is_everything_in_order(measured: None) -> None:
    found = suite.run(BenchOptions(), _silent).sections
    expected = ["limits", "pretrain", "finetune", "inference", "input", "startup"]
    assert list(found) == expected
    assert all(found[name][0]["what"] == name for name in expected[1:])


@pytest.mark.parametrize(
    ("options", "sections"),
    [
        (BenchOptions("limits"), ["limits"]),
        (BenchOptions("finetune"), ["limits", "finetune"]),
        (BenchOptions("pretrain", alone=True), ["pretrain"]),
        (BenchOptions("startup"), ["startup"]),
        (BenchOptions("input"), ["input"]),
    ],
)
def test_one_is_that_and_what_it_needs(
    measured: None, options: BenchOptions, sections: list[str]
) -> None:
    assert list(suite.run(options, _silent).sections) == sections


def test_the_figures_of_one_step_stand_at_the_top() -> None:
    report = Report("pretrain", True, MACHINE, {"limits": [], "pretrain": [STEP]})
    found = report.as_json()
    assert found.items() >= STEP.items()
    assert found.items() >= MACHINE.items()
    assert (found["asked"], found["quick"], found["pretrain"]) == ("pretrain", True, [STEP])
    several = Report("pretrain", False, MACHINE, {"pretrain": [STEP, STEP]}).as_json()
    assert "samples_per_s" not in several
    assert "samples_per_s" not in Report("all", True, MACHINE, {"pretrain": [STEP]}).as_json()


def test_without_the_module_inference_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "find_spec", lambda name: None)
    (row,) = suite.run(BenchOptions("inference"), _silent).sections["inference"]
    assert row["skipped"] == "bimae.bench.inference is not there"


def test_every_section_has_a_title() -> None:
    assert {*suite.SECTIONS, "waiting"} == set(TITLES)
    assert set(COLUMNS) == set(TITLES) - {"inference"}  # whose rows have columns of their own


def test_a_person_is_told_what_it_was_measured_on() -> None:
    rows = [STEP | {"peak_rss_mb": None, "memory_problem": "killed"}]
    simulated = [{"source": "s", "simulated": True, "what": "w", "samples_per_s": 3.0}]
    text = render(Report("all", True, MACHINE, {"pretrain": rows, "input": simulated}))
    for part in (
        "bimae 0, torch 1",
        "a processor, 2 processors, 1 thread;",
        "load average 1.90",
        "warning: others are working",
        "memory of m at batch 32: killed",
        "SIMULATED seeds\n",
    ):
        assert part in text
    assert "warning" not in render(Report("all", True, MACHINE | {"busy": False}, {}))
