"""One request: received, read, asked, answered; and cleaned up after, whatever happened."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bimae.data.importing.pictures import is_grey
from bimae.data.marks import MODEL
from bimae.data.trays.segment import segment
from bimae.errors import BimaeError
from bimae.evaluate.looks import Looks
from bimae.evaluate.sensor import UNRELIABLE
from bimae.explain import Explanation
from bimae.predict.rows import rounded
from bimae.serve.answering import Answerer, Sensor, Verdict
from bimae.serve.batching import Batcher
from bimae.serve.limits import Limits, Refused, Room
from bimae.serve.receive import Received, check_length, receive
from bimae.serve.show import carried, shown
from bimae.serve.upload import Upload, read_upload

R = TypeVar("R")
Gone = Callable[[], "asyncio.Future[Any] | asyncio.Task[Any]"]
WHITE, MOSTLY = 0.99, 0.9  # a picture that is not square is filled up with white
"""What is white, and how much of a picture's border is where a seed was cut out."""
HEALTHY_S = 10.0  # a batch is done in this time; a thread that does not answer by then hangs


class Left(Exception):  # noqa: N818 - nothing is wrong, nobody listens
    """Whoever asked is gone."""


COUNTED = 96  # pixels along a picture on which single seeds of a tray can be told


@dataclass(frozen=True, eq=False)
class _Question:
    upload: Upload
    explain: bool


@dataclass(frozen=True, eq=False)
class _Told:
    verdict: Verdict
    explanation: tuple[Explanation, Looks] | None


class Service:
    """A model and all that stands between it and strangers.

    Attributes:
        answerer: The model.
        limits: Bounds.
        room: What all requests share.
        folder: Where uploads lie while they are read; private, and empty between requests. None
            before the start.
    """

    def __init__(self, answerer: Answerer, limits: Limits) -> None:
        """Knows the model; nothing runs before `start`."""
        self.answerer, self.limits = answerer, limits
        self.room = Room(limits)
        self.folder: Path | None = None

    def start(self) -> None:
        """Makes the folder and starts the threads."""
        self.folder = Path(tempfile.mkdtemp(prefix="bimae-serve-"))
        self._readers = ThreadPoolExecutor(self.limits.readers, "bimae-read")
        self.batcher: Batcher[_Question, _Told] = Batcher(
            self._compute,
            most=self.limits.batch,
            wait_s=self.limits.wait_ms / 1000,
            queue=self.limits.requests,
            begin=self.answerer.adopt,
        )

    def stop(self) -> None:
        """Finishes what runs, and removes the folder."""
        self.batcher.stop()
        self._readers.shutdown()
        self.discard()

    def discard(self) -> None:
        """Removes the folder; also where nobody had the time to stop."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def healthy(self) -> None:
        """Returns when the thread that computes answers.

        Raises:
            Refused: It does not (503).
        """
        try:
            await asyncio.wait_for(asyncio.wrap_future(self.batcher.ping()), HEALTHY_S)
        except TimeoutError as error:
            raise Refused(
                503, f"the model has not answered for {HEALTHY_S:g} s; start the server again"
            ) from error

    async def answer(
        self,
        chunks: AsyncIterator[bytes],
        content_type: str,
        length: str | None,
        gone: Gone,
        *,
        explain: bool,
        show: bool,
    ) -> dict[str, Any]:
        """An answer, as `schema.Answer` describes it.

        Args:
            chunks: The body.
            content_type: Its type.
            length: What the header says of its length.
            gone: Starts to wait until the client is gone; for after the body.
            explain: Whether to tell what carried the answer.
            show: Whether to send pictures and the mean spectrum.

        Raises:
            Refused: There is none.
            Left: The client is gone.
        """
        begun = time.monotonic()
        until = begun + self.limits.seconds
        check_length(length, self.limits)
        with self.room.entered():
            upload = await self._read(chunks, content_type, gone, until)
            sensor = self.answerer.sensor_of(upload)
            asked = self.batcher.ask(
                (sensor, explain), _Question(upload, explain), until - time.monotonic()
            )
            try:
                told = await self._awaited(asked, gone, until, "its answer is not computed")
            except BimaeError as error:
                raise _refused(error) from error
            found = self._answer(told.verdict, upload)
            found |= {"shown": None, "carried": None}
            if show:
                loop = asyncio.get_running_loop()
                found["shown"] = await loop.run_in_executor(self._readers, shown, upload)
            if told.explanation is not None:
                classes = self.answerer.config.classes
                found["carried"] = carried(*told.explanation, upload, classes)
            return found | {"seconds": round(time.monotonic() - begun, 4)}

    async def _read(
        self, chunks: AsyncIterator[bytes], content_type: str, gone: Gone, until: float
    ) -> Upload:
        """Receives and reads an upload in a folder of its own, which is gone afterwards."""
        own = Path(tempfile.mkdtemp(dir=self.folder))
        received = Received()
        reading: Future[Upload] | None = None
        try:
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    await receive(chunks, content_type, own, self.room, received)
            except TimeoutError as error:
                raise Refused(
                    408,
                    f"found {received.size} bytes of the body after {self.limits.seconds:g} s, "
                    "expected all of it; send it faster, or cut the object out",
                ) from error
            reading = self._readers.submit(self._upload, received, own)
            return await self._awaited(reading, gone, until, "the upload is not read")
        finally:
            self._clean(own, received.size, reading)

    def _upload(self, received: Received, own: Path) -> Upload:
        """In a thread of its own: what was received, as the model can be shown it."""
        upload = self.answerer.as_learned(
            read_upload(received, own, self.answerer.wanted, self.limits)
        )
        return replace(upload, notes=(*upload.notes, *self._frame(upload)))

    def _clean(self, own: Path, size: int, reading: "Future[Upload] | None") -> None:
        """Removes a folder; one that a thread still works in when that is done."""
        loop = asyncio.get_running_loop()
        if reading is None or reading.done():
            shutil.rmtree(own, ignore_errors=True)
            self.room.give(size)
            return

        def done(_: object) -> None:
            shutil.rmtree(own, ignore_errors=True)
            with suppress(RuntimeError):  # the loop is closed: so is the account
                loop.call_soon_threadsafe(self.room.give, size)

        reading.add_done_callback(done)

    async def _awaited(self, future: "Future[R]", gone: Gone, until: float, what: str) -> R:
        """The result of a thread, unless time is up or nobody waits for it any more."""
        waiting = asyncio.wrap_future(future)
        leaving = gone()
        try:
            await asyncio.wait(
                {waiting, leaving},
                timeout=max(0.0, until - time.monotonic()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if waiting.done() and not waiting.cancelled():
                return waiting.result()
            if leaving.done():
                raise Left
            raise Refused(
                504,
                f"{what} after {self.limits.seconds:g} s; the server is busy: ask again later",
                retry_after=5,
            )
        finally:
            leaving.cancel()
            waiting.cancel()  # and with it the future, if its turn has not come

    def _compute(self, key: Hashable, questions: "Sequence[_Question]") -> "list[_Told]":
        """In the thread of the model: answers to questions of one sensor."""
        assert isinstance(key, tuple) and isinstance(key[0], Sensor), "as `answer` asks"
        sensor = key[0]
        verdicts = self.answerer.answer(sensor, [question.upload for question in questions])
        return [
            _Told(
                verdict,
                self.answerer.explain(sensor, question.upload) if question.explain else None,
            )
            for verdict, question in zip(verdicts, questions, strict=True)
        ]

    def _answer(self, verdict: Verdict, upload: Upload) -> dict[str, Any]:
        answerer, said = self.answerer, verdict.probabilities
        classes = answerer.config.classes
        order = np.argsort(-said, kind="stable").tolist()
        inside = verdict.inside
        return {
            "class": classes[order[0]],
            "probability": rounded(said[order[0]]),
            "probabilities": {name: rounded(p) for name, p in zip(classes, said, strict=True)},
            "calibrated": inside is not None,
            "set": None if inside is None else [classes[k] for k in order if inside[k]],
            "rejected": verdict.rejected,
            "strangeness": None if verdict.strangeness is None else rounded(verdict.strangeness),
            "views": verdict.shown,
            "model": {"name": answerer.name, "fingerprint": answerer.fingerprint},
            "notes": [
                *[MODEL] * answerer.learned.simulated,
                *upload.notes,
                *self._units(upload),
                *verdict.notes,
            ],
        }

    def _units(self, upload: Upload) -> list[str]:
        """Spectra in another unit than those learned from are told of, even where scaling helps."""
        learned = self.answerer.learned.unit
        found = None if upload.spectra is None else upload.spectra.unit
        if not learned or not found or learned == found:
            return []
        return [f"hs: these are {found}, but the model learned from {learned}"]

    def _frame(self, upload: Upload) -> list[str]:
        """How a picture is unlike those learned from: without colours, or with a background."""
        rgb, learned = upload.rgb, self.answerer.learned
        if rgb is None:
            return []
        if is_grey(rgb) and "grey" not in learned.rgb:
            return [
                "rgb: red, green and blue are the same in every pixel of this picture, and the "
                f"model learned from colours: the answer is {UNRELIABLE}"
            ]
        if not learned.cut:
            return []
        border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
        if (border.min(axis=1) >= WHITE).mean() >= MOSTLY:
            return []
        seeds = len(segment(rgb).objects) if min(rgb.shape[:2]) >= COUNTED else 0
        if seeds > 1:
            return [
                f"rgb: this picture shows {seeds} objects, and one seed is answered for: the "
                f"answer is {UNRELIABLE}; bimae predict cuts a tray apart and answers for each"
            ]
        return [
            "rgb: the model learned from seeds that were cut out of trays and lie on white, but "
            "this picture has a background; cut the seed out (bimae predict cuts whole trays), as "
            f"the answer is {UNRELIABLE}"
        ]


def _refused(error: BimaeError) -> Refused:
    """What a model does not look at, as a refusal of HTTP."""
    return error if isinstance(error, Refused) else Refused(422, "; ".join(str(error).splitlines()))
