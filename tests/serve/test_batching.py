"""Dynamic batches, without a model."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, wait
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimae.serve.batching import Batcher
from bimae.serve.limits import Refused


class Log:
    """Doubles numbers, remembers which came together, and waits where it is told to."""

    def __init__(self) -> None:
        self.groups: list[tuple[Any, tuple[int, ...]]] = []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, key: Any, numbers: Sequence[int]) -> list[int]:
        self.free.wait(10)
        self.groups.append((key, tuple(numbers)))
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]


def batcher(log: Log, *, most: int = 8, queue: int = 1000, wait_s: float = 0.05) -> Any:
    return Batcher(log, most=most, wait_s=wait_s, queue=queue)


def test_those_that_come_together_are_computed_together() -> None:
    log = Log()
    made = batcher(log)
    log.free.clear()
    first = made.ask("a", 1, 10)
    time.sleep(0.2)  # it is on its way; the others wait for it to be done
    others = [made.ask("ab"[i % 2], i, 10) for i in range(2, 12)]
    log.free.set()
    assert [f.result(5) for f in [first, *others]] == [2 * i for i in range(1, 12)]
    assert log.groups[:3] == [("a", (1,)), ("a", (2, 4, 6, 8)), ("b", (3, 5, 7, 9))]
    made.stop()
    assert (made.batches, made.answered) == (5, 11)


def test_one_that_fails_spoils_no_other() -> None:
    log = Log()
    made = batcher(log, wait_s=0.3)
    asked = {i: made.ask("k", i, 10) for i in (1, 13, 2)}
    wait(asked.values(), 5)
    assert (asked[1].result(), asked[2].result()) == (2, 4)
    with pytest.raises(ValueError, match="thirteen"):
        asked[13].result()
    made.stop()


def test_what_nobody_waits_for_is_not_computed() -> None:
    log = Log()
    made = batcher(log)
    log.free.clear()
    first = made.ask("k", 1, 10)
    time.sleep(0.2)
    late, gone, other = made.ask("k", 2, 0.05), made.ask("k", 3, 10), made.ask("k", 4, 10)
    assert gone.cancel()
    time.sleep(0.1)
    log.free.set()
    assert (first.result(5), other.result(5)) == (2, 8)
    with pytest.raises(CancelledError):
        late.result(5)
    assert log.groups == [("k", (1,)), ("k", (4,))]
    made.stop()


def test_a_full_queue_and_a_stopped_one_refuse() -> None:
    log = Log()
    made = batcher(log, queue=2)
    log.free.clear()
    running = made.ask("k", 1, 10)
    time.sleep(0.2)
    waiting = [made.ask("k", i, 10) for i in (2, 3)]
    with pytest.raises(Refused, match="found 2 samples waiting") as refused:
        made.ask("k", 4, 10)
    assert (refused.value.status, refused.value.retry_after) == (503, 1)
    stopping = threading.Thread(target=made.stop)
    stopping.start()
    time.sleep(0.1)
    with pytest.raises(Refused, match="a server that stops"):
        made.ask("k", 5, 10)
    log.free.set()
    stopping.join(5)
    assert [f.result(0) for f in (running, *waiting)] == [2, 4, 6]  # what waited was answered


def test_a_ping_does_not_wait_behind_the_queue() -> None:
    log = Log()
    made = batcher(log, most=1)
    log.free.clear()
    asked = [made.ask("k", i, 10) for i in range(3)]
    time.sleep(0.1)
    ping = made.ping()
    assert not ping.done()
    log.free.set()
    ping.result(5)
    assert [f.result(5) for f in asked] == [0, 2, 4]
    made.stop()
    assert made.ping is not None


@given(asked=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=40),
       most=st.integers(1, 9))  # fmt: skip
def test_everyone_gets_their_own_answer(asked: list[tuple[str, int]], most: int) -> None:
    log = Log()
    made = batcher(log, most=most, wait_s=0.001)
    futures = [made.ask(key, number, 10) for key, number in asked]
    for (_, number), future in zip(asked, futures, strict=True):
        if number == 13:
            with pytest.raises(ValueError, match="thirteen"):
                future.result(10)
        else:
            assert future.result(10) == 2 * number
    made.stop()
    assert max((len(group) for _, group in log.groups), default=0) <= most
