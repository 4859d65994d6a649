"""Questions from many requests -> batches for one thread that computes.

A question waits a few milliseconds for others, then all that are there go together, as many as a
batch holds. One thread computes, since a model is turned to a sensor as it is asked; what has been
given up in the meantime is not computed.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bimae.serve.limits import Refused

Q = TypeVar("Q")
A = TypeVar("A")
Compute = Callable[[Hashable, Sequence[Q]], Sequence[A]]
LOG = logging.getLogger("bimae.serve")


@dataclass(eq=False)
class _Asked(Generic[Q]):
    """A question that waits.

    Attributes:
        key: Questions of one key are computed together.
        question: What is asked.
        deadline: After which nobody waits for the answer, on the clock `time.monotonic`.
        future: Where the answer goes.
    """

    key: Hashable
    question: Q
    deadline: float
    future: "Future[Any]" = field(default_factory=Future)

    def begin(self) -> bool:
        """Whether somebody still waits; if so, it cannot be given up any more."""
        if time.monotonic() > self.deadline:
            self.future.cancel()
        return self.future.set_running_or_notify_cancel()


class Batcher(Generic[Q, A]):
    """A queue that is bounded, and the thread that empties it."""

    def __init__(
        self,
        compute: Compute[Q, A],
        *,
        most: int,
        wait_s: float,
        queue: int,
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        """Starts the thread.

        Args:
            compute: Answers questions of one key, in their order.
            most: Questions of a batch.
            wait_s: How long the first one waits for others.
            queue: Questions that may wait.
            begin: Is called in the thread before all else.
        """
        self._compute, self._most, self._wait_s, self._room = compute, most, wait_s, queue
        self._begin = begin
        self._waiting: deque[_Asked[Q]] = deque()
        self._pings: list[Future[None]] = []
        self._changed = threading.Condition()
        self._stopping = False
        self.batches = self.answered = 0
        self._thread = threading.Thread(target=self._run, name="bimae-model", daemon=True)
        self._thread.start()

    def ask(self, key: Hashable, question: Q, seconds: float) -> "Future[A]":
        """Puts a question into the queue.

        Args:
            key: Questions of one key are computed together.
            question: What is asked.
            seconds: After which nobody waits for the answer: it is cancelled then, if it is still
                in the queue.

        Raises:
            Refused: The queue is full, or the server stops (503).
        """
        asked = _Asked(key, question, time.monotonic() + seconds)
        with self._changed:
            if self._stopping or not self._thread.is_alive():
                raise Refused(503, "found a server that stops; ask again when it is up")
            if len(self._waiting) >= self._room:
                raise Refused(
                    503,
                    f"found {len(self._waiting)} samples waiting, at most {self._room} may; ask "
                    "again in a moment",
                    retry_after=1,
                )
            self._waiting.append(asked)
            self._changed.notify()
        return asked.future

    def ping(self) -> "Future[None]":
        """Is answered by the thread before its next batch: that it is, shows that it lives."""
        future: Future[None] = Future()
        with self._changed:
            self._pings.append(future)
            self._changed.notify()
        return future

    def stop(self, seconds: float = 60.0) -> None:
        """Answers what waits, then ends the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        self._begin()
        while True:
            with self._changed:
                while not (self._waiting or self._pings or self._stopping):
                    self._changed.wait()
                pings, self._pings = self._pings, []
                if not (self._waiting or pings):
                    return
            for ping in pings:
                with suppress(InvalidStateError):  # nobody waits any more
                    ping.set_result(None)
            for key, group in _by_key(self._taken()).items():
                self._answer(key, group)

    def _taken(self) -> "list[_Asked[Q]]":
        """The next batch: what is there after a short wait, without what was given up."""
        with self._changed:
            if not self._waiting:
                return []
            until = time.monotonic() + self._wait_s
            while len(self._waiting) < self._most and not self._stopping:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            taken: list[_Asked[Q]] = []
            while self._waiting and len(taken) < self._most:
                asked = self._waiting.popleft()
                if asked.begin():
                    taken.append(asked)
            return taken

    def _answer(self, key: Hashable, group: "Sequence[_Asked[Q]]") -> None:
        try:
            found = self._compute(key, [asked.question for asked in group])
        except Exception as error:
            if len(group) > 1:  # one of them may have spoilt it for all
                for asked in group:
                    self._answer(key, [asked])
                return
            group[0].future.set_exception(error)
            return
        for asked, answer in zip(group, found, strict=True):
            asked.future.set_result(answer)
        self.batches += 1
        self.answered += len(group)


def _by_key(taken: "Sequence[_Asked[Q]]") -> "dict[Hashable, list[_Asked[Q]]]":
    groups: dict[Hashable, list[_Asked[Q]]] = {}
    for asked in taken:
        groups.setdefault(asked.key, []).append(asked)
    return groups
