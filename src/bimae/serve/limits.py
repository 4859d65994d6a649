"""How much a request may ask for, and how it is told that it asks for too much.

Uploads come from strangers: whatever they can make large, many or slow has a bound here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bimae.errors import BimaeError

MEBI = 1 << 20


class Refused(BimaeError):  # noqa: N818 - it is no mistake of ours
    """A request that is not answered: a status of HTTP, and one sentence that says why.

    Attributes:
        status: 4xx where the request has to change, 503 and 504 where it may come again.
        retry_after: Seconds after which it may; None: not said.
    """

    def __init__(self, status: int, sentence: str, *, retry_after: int | None = None) -> None:
        """Refuses a request."""
        super().__init__(sentence)
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True)
class Limits:
    """Bounds of a server.

    Attributes:
        request_bytes: Of a request's body.
        parts: Files and fields in one form.
        members: Files in one archive.
        inflated_bytes: Of all members of an archive together, inflated.
        ratio: How many times larger than packed they may be inflated.
        side: Pixels along an RGB image or a cube, which is padded to a square; and bands.
        values: Numbers of a cube: pixels times bands.
        seconds: From a request's first byte to its answer.
        requests: At the same time; more are asked to come again.
        spooled_bytes: On disk for all requests together.
        readers: Uploads that are decoded at the same time, which bounds the memory that takes.
        batch: Samples that a model is shown at once.
        wait_ms: How long a sample waits for others that come with it.
    """

    request_bytes: int = 64 * MEBI
    parts: int = 24
    members: int = 16
    inflated_bytes: int = 256 * MEBI
    ratio: int = 200
    side: int = 4096
    values: int = 32 * MEBI
    seconds: float = 30.0
    requests: int = 512
    spooled_bytes: int = 2048 * MEBI
    readers: int = 2
    batch: int = 32
    wait_ms: float = 4.0


@dataclass
class Room:
    """What all requests share: how many there are, and what they hold on disk.

    Used by the event loop alone, so that it needs no lock.

    Attributes:
        limits: Of the server.
        requests: That are being answered.
        spooled: Bytes on disk.
    """

    limits: Limits
    requests: int = field(default=0, init=False)
    spooled: int = field(default=0, init=False)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """A place among the requests that are answered at the same time.

        Raises:
            Refused: There is none (503).
        """
        if self.requests >= self.limits.requests:
            raise Refused(
                503,
                f"found {self.requests} requests being answered, at most {self.limits.requests} "
                "are taken at the same time; ask again in a moment",
                retry_after=1,
            )
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    def take(self, count: int) -> None:
        """Bytes on disk, to be given back with `give`.

        Raises:
            Refused: The disk holds enough already (503).
        """
        if self.spooled + count > self.limits.spooled_bytes:
            raise Refused(
                503,
                f"found {self.spooled} bytes of uploads being read, at most "
                f"{self.limits.spooled_bytes} are taken at the same time; ask again in a moment",
                retry_after=2,
            )
        self.spooled += count

    def give(self, count: int) -> None:
        """Gives bytes back."""
        self.spooled -= count
