from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.bench import timing
from bimae.bench.timing import Timing, interleaved


class Clock:
    """A clock that only tasks move, and who moved it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done: list[str] = []

    def task(self, name: str, *seconds: float) -> Callable[[], None]:
        """Takes each of these times in turn, then the last one for ever."""
        left = list(seconds)

        def run() -> None:
            self.done.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock.now)
    return clock


def test_tasks_take_turns_after_a_round_that_warms_up(clock: Clock) -> None:
    tasks = {"a": clock.task("a", 9.0, 1.0, 3.0, 2.0), "b": clock.task("b", 5.0)}
    found = interleaved(tasks, repeats=3)
    assert clock.done == ["a", "b"] * 4
    assert found["a"] == Timing(median=2.0, min=1.0, max=3.0, repeats=3)
    assert found["b"] == Timing(5.0, 5.0, 5.0, 3)


def test_a_short_task_is_done_several_times(clock: Clock) -> None:
    tasks = {"short": clock.task("s", 8.0, 0.25), "long": clock.task("l", 2.0)}
    found = interleaved(tasks, repeats=2, least_s=1.0)
    assert found["short"] == Timing(0.25, 0.25, 0.25, 2)
    # The first call took 8 s, so it was thought long enough; a task that is quick at once is not.
    assert clock.done.count("s") == 3
    clock.done.clear()
    interleaved({"short": clock.task("s", 0.5, 0.25)}, repeats=2, least_s=1.0)
    assert clock.done.count("s") == 2 + 2 * 4


def test_time_that_is_used_up_ends_it_after_one_round(clock: Clock) -> None:
    found = interleaved({"a": clock.task("a", 10.0)}, repeats=9, most_s=1.0)
    assert found["a"].repeats == 1
    found = interleaved({"a": clock.task("a", 10.0)}, repeats=9, most_s=25.0)
    assert found["a"].repeats == 2


def test_what_was_only_ordered_is_waited_for(clock: Clock) -> None:
    ordered = 0.0

    def order() -> None:
        nonlocal ordered
        ordered += 3.0

    def synchronise() -> None:
        nonlocal ordered
        clock.now += ordered
        ordered = 0.0

    found = interleaved({"a": order}, repeats=2, least_s=9.0, synchronise=synchronise)
    assert found["a"].median == 3.0


def test_a_gpu_may_prepare_for_long_and_be_quick_then(clock: Clock) -> None:
    tasks = {"compiled": clock.task("c", 60.0, 20.0, 0.25)}
    found = interleaved(tasks, repeats=2, least_s=1.0, synchronise=lambda: None)
    assert found["compiled"] == Timing(0.25, 0.25, 0.25, 2)
    assert clock.done.count("c") == 3 + 2 * 4


def test_without_tasks_there_is_nothing() -> None:
    assert interleaved({}, repeats=3) == {}


@given(st.lists(st.floats(1e-9, 1e3), min_size=1))
def test_the_median_lies_between(seconds: list[float]) -> None:
    row = Timing.of(seconds).as_row("step")
    assert row["step_s_min"] <= row["step_s_median"] <= row["step_s_max"]
    assert row["repeats"] == len(seconds)
