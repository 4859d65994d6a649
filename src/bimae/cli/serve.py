"""`bimae serve`: a classifier that answers over HTTP, and a page to try it."""

import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bimae.cli.parse import parse
from bimae.errors import ConfigError

if TYPE_CHECKING:
    from bimae.serve.answering import Answerer

ABOUT = (
    "Serves a fine-tuned classifier on this machine: POST /predict takes the RGB image and the "
    "spectra of one seed and answers with class, probabilities and, of a calibrated model, the set "
    "that holds the truth and whether the seed is like anything learned. GET / is a page to drop "
    "files on, /docs describes the rest (docs/serve.md). There is no authentication: whoever can "
    "reach the port can ask. Ctrl-C stops it."
)
EXAMPLE = "bimae serve runs/b --port 8000"
NEEDED = ("fastapi", "uvicorn", "python_multipart")
MEBI = 1 << 20
BACKLOG = 1024


@dataclass(frozen=True)
class ServeOptions:
    """Options of serving."""

    model: Path
    """Fine-tuning run, or its model folder."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0: all of this machine, for everybody who can reach it."""
    port: int = 8000
    """Port to listen on; 0: a free one, which is printed."""
    allow_host: list[str] = field(default_factory=list)
    """Further names by which the server may be asked, as in a browser's address bar."""
    max_request_mb: int = 64
    """Largest body of a request, in MiB."""
    seconds: float = 30.0
    """Time for one request, from its first byte to its answer."""
    max_requests: int = 512
    """Requests at the same time; more are asked to come again (503)."""
    batch_size: int = 32
    """Samples that the model is shown at once, at most."""
    wait_ms: float = 4.0
    """How long a sample waits for others to be shown with, in milliseconds."""

    def problems(self) -> Iterator[str]:
        """Everything that cannot be carried out."""
        if not 0 <= self.port <= 65535:
            yield f"port is {self.port}; expected 0 to 65535"
        if not self.host:
            yield "host is empty; expected an address, such as 127.0.0.1"
        for name in ("max_request_mb", "max_requests", "batch_size"):
            if getattr(self, name) < 1:
                yield f"{name} is {getattr(self, name)}; it must be at least 1"
        if not 0 < self.seconds < 86400:
            yield f"seconds is {self.seconds:g}; expected more than 0, and less than a day"
        if not 0 <= self.wait_ms <= 10_000:
            yield f"wait_ms is {self.wait_ms:g}; expected 0 to 10000"


def main(argv: list[str], prog: str) -> None:
    """Runs the verb."""
    run(parse(ServeOptions, argv, prog=prog, about=ABOUT, example=EXAMPLE, positionals=("model",)))


def run(options: ServeOptions) -> None:
    """Serves until it is told to stop."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"serving needs packages that are not there ({', '.join(missing)}); install them with "
            "pip install 'bimae[serve]'"
        )
    from bimae.serve.answering import Answerer
    from bimae.serve.app import make_app
    from bimae.serve.front import LOOPBACK, Hosts
    from bimae.serve.limits import Limits
    from bimae.serve.service import Service

    with _listening(options) as listener:
        answerer = Answerer(options.model)
        limits = Limits(
            request_bytes=options.max_request_mb * MEBI,
            seconds=options.seconds,
            requests=options.max_requests,
            batch=options.batch_size,
            wait_ms=options.wait_ms,
        )
        service = Service(answerer, limits)
        app = make_app(service, Hosts(options.host, options.allow_host))
        if options.host not in LOOPBACK:
            print(
                f"warning: listening on {options.host}, and there is no authentication: everybody "
                "who can reach this port can ask, and see what the model knows",
                file=sys.stderr,
            )
        _tell(answerer, listener)
        try:
            _serve(app, listener, options)
        finally:
            service.discard()
    print("stopped")


def _listening(options: ServeOptions) -> socket.socket:
    """A socket with the address; told at once if that is taken, before a model is loaded."""
    try:
        found = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"host {options.host!r} is no address of a machine ({error}); use --host 127.0.0.1"
        ) from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)  # who asks while the model is loaded waits for it
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"{options.host}:{options.port}: cannot be listened on ({error.strerror}); stop what "
            "uses it, or choose another --port (0: a free one)"
        ) from error
    return listener


def _tell(answerer: "Answerer", listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    simulated = "SIMULATED " * answerer.learned.simulated
    learned = f", learned from {simulated}seeds" if simulated else ""
    known = f"{len(answerer.config.classes)} classes, {' and '.join(answerer.wanted.views)}"
    print(f"model    {answerer.name} ({answerer.fingerprint}): {known}{learned}")
    shown = f"[{host}]" if ":" in host else host
    print(f"serving  http://{shown}:{port}/  (API: http://{shown}:{port}/docs; Ctrl-C stops)")


def _serve(app: Any, listener: socket.socket, options: ServeOptions) -> None:
    import signal
    import warnings

    import uvicorn

    # What strangers send is refused or answered; what Pillow thinks of it is nobody's to read here.
    warnings.filterwarnings("ignore", module="PIL")
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="on",
        backlog=BACKLOG,
        timeout_graceful_shutdown=int(options.seconds) + 5,
    )
    # uvicorn raises the signal again once it has stopped: having stopped is all that was wanted.
    kept = {one: signal.signal(one, _stopped) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        for one, handler in kept.items():
            signal.signal(one, handler)


def _stopped(number: int, frame: object) -> None:
    """A signal that has been obeyed already."""
