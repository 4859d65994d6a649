"""Time, room and clients that leave: what is refused, and that nothing is left behind."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bimae.serve.answering import Answerer
from bimae.serve.app import make_app
from bimae.serve.front import Front, Hosts
from bimae.serve.limits import Limits
from bimae.serve.service import Service
from tests.serve import files

FORM = b"multipart/form-data; boundary=x"
BEGIN = b'--x\r\nContent-Disposition: form-data; name="rgb"; filename="a"\r\n\r\n'
PNG = files.image(files.picture())
Step = bytes | float | None  # some of the body, seconds to wait, or the client leaves


class Asked:
    """One request, step by step, as a server of ASGI hands it on."""

    def __init__(self, app: Any, steps: list[Step], *, body_ends: bool = True) -> None:
        self.app, self.steps, self.body_ends = app, list(steps), body_ends
        self.sent: list[Any] = []
        self.answered = asyncio.Event()

    async def receive(self) -> Any:
        while self.steps:
            step = self.steps[0]
            if isinstance(step, float):
                await asyncio.sleep(step)  # whoever stops waiting may wait again
                self.steps.pop(0)
                continue
            self.steps.pop(0)
            if step is None:
                return {"type": "http.disconnect"}
            if isinstance(step, bytes):
                more = any(isinstance(s, bytes) for s in self.steps) or not self.body_ends
                return {"type": "http.request", "body": step, "more_body": more}
        await self.answered.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.answered.set()

    async def run(self, kind: bytes = FORM) -> tuple[int, dict[bytes, bytes], bytes]:
        headers = [(b"host", b"127.0.0.1"), (b"content-type", kind),
                   (b"transfer-encoding", b"chunked")]  # fmt: skip
        scope = {"type": "http", "method": "POST", "path": "/predict", "raw_path": b"/predict",
                 "query_string": b"", "headers": headers, "scheme": "http",
                 "server": ("127.0.0.1", 80), "root_path": "", "http_version": "1.1"}  # fmt: skip
        await self.app(scope, self.receive, self.send)
        body = b"".join(m.get("body", b"") for m in self.sent)
        return self.sent[0]["status"], dict(self.sent[0]["headers"]), body


@asynccontextmanager
async def running(path: Path, **limits: float) -> AsyncIterator[tuple[Front, Service]]:
    service = Service(Answerer(path), Limits(**limits))  # type: ignore[arg-type]
    service.start()
    try:
        yield make_app(service, Hosts("127.0.0.1")), service
    finally:
        await asyncio.to_thread(service.stop)


async def empty(service: Service) -> bool:
    """A thread may still be reading what nobody waits for."""
    for _ in range(200):
        held = service.room.requests, service.room.spooled
        if not list(service.folder.iterdir()) and held == (0, 0):
            return True
        await asyncio.sleep(0.02)
    return False


def of(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


def test_a_slow_upload_is_stopped(models: dict[str, Path]) -> None:
    async def test() -> None:
        async with running(models["rgb"], seconds=0.3) as (app, service):
            asked = Asked(app, [BEGIN, b"abc", 5.0, b"def"])
            begun = time.monotonic()
            status, headers, body = await asked.run()
            assert time.monotonic() - begun < 4
            assert (status, headers[b"connection"]) == (408, b"close")
            assert b"of the body after 0.3 s" in body
            assert await empty(service)

    of(test)


LEAVING: dict[str, list[Step]] = {
    "while sending": [BEGIN, b"abc", None],
    "while waiting": [BEGIN + PNG + b"\r\n--x--\r\n", 0.2, None],
}


@pytest.mark.parametrize("when", LEAVING)
def test_a_client_that_leaves(models: dict[str, Path], when: str) -> None:
    async def test() -> None:
        async with running(models["rgb"]) as (app, service):
            begun, done = threading.Event(), threading.Event()
            compute = service._compute

            def slowly(*asked: Any) -> Any:
                begun.set()
                done.wait(5)
                return compute(*asked)

            service.batcher._compute = slowly
            asked = Asked(app, LEAVING[when], body_ends=when == "while waiting")
            status, *_ = await asyncio.wait_for(asked.run(), 4)
            assert status == 499
            assert begun.is_set() == (when == "while waiting")
            done.set()
            assert await empty(service)

    of(test)


def test_what_is_not_computed_in_time_is_given_up(models: dict[str, Path]) -> None:
    async def test() -> None:
        async with running(models["rgb"], seconds=0.5, batch=1) as (app, service):
            free, computed = threading.Event(), []
            compute = service._compute

            def slowly(key: Any, questions: Any) -> Any:
                computed.append(len(questions))
                free.wait(10)
                return compute(key, questions)

            service.batcher._compute = slowly
            body = BEGIN + PNG + b"\r\n--x--\r\n"
            found = await asyncio.gather(*(Asked(app, [body]).run() for _ in range(4)))
            assert [status for status, *_ in found] == [504] * 4
            assert found[0][1][b"retry-after"] == b"5"
            assert b"its answer is not computed after 0.5 s" in found[0][2]
            free.set()
            await asyncio.to_thread(service.batcher.ping().result, 5)
            assert computed == [1]  # the others were cancelled before their turn
            assert await empty(service)
            service.batcher._compute = compute
            status, *_ = await Asked(app, [body]).run()
            assert status == 200  # and it goes on

    of(test)


def test_too_many_at_once_are_asked_to_come_again(models: dict[str, Path]) -> None:
    async def test() -> None:
        async with running(models["rgb"], requests=3) as (app, service):
            body = BEGIN + PNG + b"\r\n--x--\r\n"
            steps = [body[:50], 0.1, body[50:]]
            found = await asyncio.gather(*(Asked(app, steps).run() for _ in range(8)))
            statuses = sorted(status for status, *_ in found)
            assert statuses == [200] * 3 + [503] * 5
            busy = next(one for one in found if one[0] == 503)
            assert busy[1][b"retry-after"] == b"1"
            assert b"at most 3 are taken at the same time" in busy[2]
            assert await empty(service)

    of(test)


def test_a_reader_that_is_slow_cleans_up_when_it_is_done(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()

    def slowly(received: Any, folder: Path, *_: Any) -> Any:
        free.wait(5)
        (folder / "more").write_bytes(b"unpacked late")
        raise AssertionError("nobody waits for this")

    monkeypatch.setattr("bimae.serve.service.read_upload", slowly)

    async def test() -> None:
        async with running(models["rgb"], seconds=0.3) as (app, service):
            status, _, body = await Asked(app, [BEGIN + PNG + b"\r\n--x--\r\n"]).run()
            assert status == 504 and b"the upload is not read after" in body
            assert len(list(service.folder.iterdir())) == 1
            free.set()
            assert await empty(service)

    of(test)


def test_a_mistake_of_ours_is_told_as_one(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise ZeroDivisionError("secret of the machine")

    async def test() -> None:
        async with running(models["rgb"]) as (app, service):
            for where in ("reading", "computing"):
                if where == "reading":
                    monkeypatch.setattr("bimae.serve.service.read_upload", fails)
                else:
                    monkeypatch.undo()
                    service.batcher._compute = fails
                asked = Asked(app, [BEGIN + PNG + b"\r\n--x--\r\n"])
                with pytest.raises(ZeroDivisionError):  # for the log of the server
                    await asked.run()
                body = asked.sent[1]["body"]
                assert asked.sent[0]["status"] == 500
                assert b"the server failed" in body and b"secret" not in body
                assert await empty(service)
            await service.healthy()

    of(test)


def test_health_says_when_the_model_hangs(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bimae.serve.service.HEALTHY_S", 0.2)

    async def test() -> None:
        async with running(models["rgb"]) as (app, service):
            free = threading.Event()
            compute = service._compute
            service.batcher._compute = lambda *asked: (free.wait(10), compute(*asked))[1]
            asking = asyncio.ensure_future(Asked(app, [BEGIN + PNG + b"\r\n--x--\r\n"]).run())
            await asyncio.sleep(0.2)
            with pytest.raises(Exception, match=r"has not answered for 0\.2 s"):
                await service.healthy()
            free.set()
            assert (await asking)[0] == 200
            await service.healthy()

    of(test)
