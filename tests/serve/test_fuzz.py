"""Requests made up from the description of the API: no mistake of the server, only what it says."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from bimae.serve.receive import BARE
from tests.serve.conftest import Served

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
"""Not that whatever fits the description is answered: random bytes are no picture."""
EXAMPLES = 40  # of each address, beside those that cover the description


@schemathesis.serializer(*(kind for kind in BARE if kind != "application/octet-stream"))
def as_it_is(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


class Running:
    """A server that runs already: it is not started again for each request."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self.app(scope, receive, send)
            return
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})


@pytest.fixture(scope="module")
def api(client_of: Served) -> Any:
    client, _ = client_of("any")
    return schemathesis.openapi.from_asgi(
        "/openapi.json", Running(client.app), headers={"host": "localhost"}
    )


def validate(case: Any, service: Any) -> None:
    case.call_and_validate(checks=CHECKS, headers={"host": "localhost"})
    assert list(service.folder.iterdir()) == []
    assert (service.room.requests, service.room.spooled) == (0, 0)


@pytest.mark.parametrize("address", ["POST /predict", "GET /model", "GET /health"])
def test_the_server_does_what_it_says(api: Any, client_of: Served, address: str) -> None:
    """Requests at random, such as fit the description and such as do not."""
    _, service = client_of("any")
    verb, path = address.split()
    modes = list(schemathesis.GenerationMode)
    requests = st.one_of(*(api[path][verb].as_strategy(mode) for mode in modes))

    @settings(max_examples=EXAMPLES if verb == "POST" else 10, derandomize=True, deadline=None,
              suppress_health_check=list(HealthCheck), database=None)  # fmt: skip
    @given(case=requests)
    def fuzz(case: Any) -> None:
        validate(case, service)

    fuzz()


def test_every_corner_of_the_description(api: Any, client_of: Served) -> None:
    """Each keyword of the description once at its limits, and once broken."""
    _, service = client_of("any")
    asked = 0
    for found in api.get_all_operations():
        operation = found.ok()
        for case in api.iter_coverage_cases(
            operation,
            generation_modes=list(schemathesis.GenerationMode),
            generation_config=api.config.generation_for(operation=operation, phase="coverage"),
        ):
            validate(case, service)
            asked += 1
    assert asked > 20
