"""The application: its addresses, and how each refusal becomes an answer of HTTP."""

import asyncio
from importlib.resources import files
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from bimae import __version__
from bimae.serve.answering import facts_of
from bimae.serve.docs_page import draw_docs
from bimae.serve.front import Front, Hosts
from bimae.serve.limits import Refused
from bimae.serve.schema import BODY, Answer, Health, ModelFacts, problems
from bimae.serve.service import Left, Service

PAGE = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
GONE = 499  # what nobody gets to see


def make_app(service: Service, hosts: Hosts) -> Front:
    """The application behind its front door.

    Args:
        service: What answers; it is started and stopped with the application.
        hosts: Names by which it may be asked.
    """
    return Front(_make_api(service), hosts, start=service.start, stop=service.stop)


def _make_api(service: Service) -> FastAPI:

    app = FastAPI(
        title="bimae serve",
        version=__version__,
        description=f"Answers of the model {service.answerer.name} for single seeds.",
        docs_url=None,  # these load their scripts from a CDN; /docs is a page of our own
        redoc_url=None,
    )
    _add_answers(app, service)
    _add_pages(app, service)
    _add_refusals(app)
    return app


def _add_answers(app: FastAPI, service: Service) -> None:
    common = problems(403, 421, 500)

    @app.post(
        "/predict",
        response_model=Answer,
        responses=common | problems(408, 413, 415, 422, 503, 504),
        openapi_extra=BODY,
        summary="Classify one seed",
    )
    async def predict(
        request: Request,
        explain: Annotated[
            bool, Query(description="Tell what carried the answer; takes a second or more.")
        ] = False,
        show: Annotated[
            bool, Query(description="Send small pictures and the mean spectrum too.")
        ] = False,
    ) -> dict[str, Any]:
        """Answers for one object, from a form of files, or from one file as the body."""
        headers = request.headers
        return await service.answer(
            request.stream(),
            headers.get("content-type", ""),
            headers.get("content-length"),
            lambda: asyncio.ensure_future(_gone(request)),
            explain=explain,
            show=show,
        )

    @app.get("/model", response_model=ModelFacts, responses=common, summary="About the model")
    async def model() -> dict[str, Any]:
        """Classes, views, sizes, calibration and test of the model; limits of the server."""
        limits = vars(service.limits)
        return {**facts_of(service.answerer), "version": __version__, "limits": limits}

    @app.get("/health", response_model=Health, responses=common | problems(503), summary="Is it up")
    async def health() -> dict[str, Any]:
        """200 where the thread that computes answers."""
        await service.healthy()
        return {
            "status": "ok",
            "waiting": service.room.requests,
            "answered": service.batcher.answered,
            "batches": service.batcher.batches,
        }


async def _gone(request: Request) -> None:
    """Returns when the client is gone; the body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _add_pages(app: FastAPI, service: Service) -> None:
    for address, (name, kind) in PAGE.items():
        text = files("bimae.serve").joinpath(name).read_text(encoding="utf-8")
        app.add_api_route(
            address,
            _constant(Response(text, media_type=kind)),
            include_in_schema=False,
            response_class=Response,
        )

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        url = str(request.base_url).rstrip("/")
        return HTMLResponse(draw_docs(app.openapi(), facts_of(service.answerer), url))


def _constant(response: Response) -> Any:
    async def give() -> Response:
        return response

    return give


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        return _problem(error.status, str(error), headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        told = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())
        return _problem(422, f"{told}; see /docs")

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        told = f"{request.method} {request.url.path[:80]}: {error.detail}; see /docs"
        return _problem(error.status_code, told, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> JSONResponse:
        return _problem(500, "the server failed on this request; its log says more: report it")

    @app.exception_handler(Left)
    @app.exception_handler(ClientDisconnect)
    async def left(_: Request, __: Exception) -> Response:
        return Response(status_code=GONE)


def _problem(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status_code=status, headers=headers)
