"""The front door: who may ask at all, and what every answer carries.

A server on this machine can be reached by every page that a browser here has open. A page of
another site is refused (its Origin), and so is one whose name was made to point here (DNS
rebinding: its Host). No page elsewhere may read answers: there is no CORS.
"""

import asyncio
import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANYWHERE = ("0.0.0.0", "::", "")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+))(?::\d{1,5})?", re.ASCII)
LINGER_BYTES = 16 << 20
LINGER_S = 1.0


class Hosts:
    """Names by which the server may be asked."""

    def __init__(self, bound: str, also: Collection[str] = ()) -> None:
        """Knows where it listens.

        Args:
            bound: Name or address that the server listens on.
            also: Further names.
        """
        self._names = {name.lower() for name in (*LOOPBACK, bound, *also)}
        self._any_address = bound in ANYWHERE

    def allows(self, header: str) -> bool:
        """Whether a Host header names this server."""
        name = _name_of(header)
        if name is None:
            return False
        return name in self._names or (self._any_address and _is_address(name))

    @property
    def words(self) -> str:
        """The names, for a message."""
        return ", ".join(sorted(name for name in self._names if name not in ANYWHERE))


class Front:
    """The application with its front door; pure ASGI, so that bodies pass through unbuffered."""

    def __init__(
        self, app: App, hosts: Hosts, *, start: Callable[[], None], stop: Callable[[], None]
    ) -> None:
        """Stands before an application.

        Args:
            app: What answers.
            hosts: Names by which it may be asked.
            start: Is called before the first request.
            stop: Is called after the last one; may take its time.
        """
        self._app, self._hosts, self._start, self._stop = app, hosts, start, stop

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """An ASGI call."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                with suppress(asyncio.CancelledError):  # a second Ctrl-C: nothing is to be told
                    await self._live(receive, send)
            return  # there is nothing here for anything else, such as a web socket
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        guarded = _Guarded(headers, receive, send)
        refusal = self._refusal(headers)
        if refusal is not None:
            await guarded.refuse(*refusal)
            return
        try:
            await self._app(scope, guarded.receive, guarded.send)
        except asyncio.CancelledError:  # a second Ctrl-C, which waits for nobody
            await guarded.give_up()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.to_thread(self._stop)
        await send({"type": "lifespan.shutdown.complete"})

    def _refusal(self, headers: MutableMapping[bytes, str]) -> tuple[int, str] | None:
        host = headers.get(b"host", "")
        if not self._hosts.allows(host):
            return 421, (
                f"found the host {host[:80]!r}, expected {self._hosts.words}; ask by one of these, "
                "or start the server with --allow-host NAME"
            )
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return 403, (
                f"found a request from a page of {origin[:80]!r}, expected one of {host[:80]!r}; "
                "open the page of this server"
            )
        return None


class _Guarded:
    """A request and its answer: headers are added, and a body that nobody read is drained."""

    def __init__(self, headers: MutableMapping[bytes, str], receive: Receive, send: Send) -> None:
        self._receive, self._send, self._begun = receive, send, False
        self._unread = b"transfer-encoding" in headers or headers.get(b"content-length", "0") != "0"

    async def receive(self) -> Message:
        message = await self._receive()
        if not message.get("more_body", False):
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            own = [*message.get("headers", []), *HEADERS]
            if self._unread:
                own.append((b"connection", b"close"))
            message = {**message, "headers": own}
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if last and self._unread:
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _drain(self) -> None:
        """Reads on for a moment: a connection closed on data unread takes the answer with it."""
        left = LINGER_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while self._unread and left > 0:
                    message = await self.receive()
                    left -= len(message.get("body", b""))

    async def give_up(self) -> None:
        """Answers for a server that ends now, if nothing is said yet."""
        self._unread = False
        if not self._begun:
            await self.refuse(503, "found a server that stops; ask again when it is up")

    async def refuse(self, status: int, sentence: str) -> None:
        body = json.dumps({"detail": sentence}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _name_of(header: str) -> str | None:
    found = _HOST.fullmatch(header)
    return None if found is None else (found[1] or found[2]).lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
