"""Wires the service together. This is the only place where parts meet."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from service import __version__
from service.answering import Answerer
from service.api import auth, chat, conversations, operations, tools
from service.api.problems import from_http, problem_response
from service.deployments.load import deployment_file, load_deployment
from service.deployments.model import Deployment
from service.errors import InvalidRequest, Problem
from service.llm.engine import AnswerEngine
from service.llm.extractive import ExtractiveEngine
from service.retrieval.analysis import Analyser
from service.retrieval.corpus import load_corpus
from service.retrieval.embedded import EmbeddedRetriever
from service.retrieval.index import Index
from service.retrieval.lending import Shelf
from service.retrieval.retriever import Holdings
from service.security.access import Gate
from service.security.passwords import PasswordCheck
from service.security.tokens import TokenSigner
from service.services import Services, Surroundings
from service.settings import CORPORA, Settings
from service.store.database import Database
from service.telemetry.logging import EventLog
from service.telemetry.metrics import Metrics
from service.telemetry.middleware import Telemetry, TelemetryMiddleware
from service.telemetry.record import record_of
from service.telemetry.tracing import Tracing, stderr_processor
from service.telemetry.watching import Watching
from service.tools.toolbox import all_tools
from service.turns import Turns

_ROUTERS = (auth.router, chat.router, conversations.router, tools.router, operations.router)
_NO_BUILT_IN_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own OpenTelemetry switches itself on once a global provider exists, beside our spans."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is built before the app starts and does not change while it runs."""

    secret: str
    deployment: Deployment
    shelf: Shelf
    metrics: Metrics
    engine: AnswerEngine
    tracing: Tracing
    around: Surroundings


def surroundings_of(settings: Settings) -> Surroundings:
    """The surroundings of a real process: its clocks, random ids, and lines on standard error."""
    log = EventLog(sys.stderr.buffer, settings.log_level, time.time)
    spans = stderr_processor() if settings.trace_export == "stderr" else None
    return Surroundings(time.perf_counter, time.time, lambda: uuid.uuid4().hex, log, spans)


def create_app(
    settings: Settings, surroundings: Surroundings | None = None, engine: AnswerEngine | None = None
) -> FastAPI:
    """An app ready to be served; its database opens when it starts.

    Args:
        settings: what to build.
        surroundings: time, ids and log; those of a real process when left out.
        engine: what writes answers; the extractive engine when left out.

    Raises:
        ConfigurationError: the settings, the deployment or the corpus do not allow a start.
    """
    around = surroundings or surroundings_of(settings)
    writer = engine or ExtractiveEngine()
    secret = settings.signing_secret
    deployment = load_deployment(deployment_file(settings.deployment))
    corpus = load_corpus(settings.corpus or CORPORA / deployment.corpus)
    index = Index(corpus.documents, Analyser(), around.clock, corpus.hash)
    shelf = Shelf(EmbeddedRetriever(index), lambda: None)
    metrics = Metrics(_routes(), writer.models, around.clock)
    metrics.build.info(_build(deployment, index.holdings, writer))
    tracing = Tracing(__version__, around.spans)

    parts = _Parts(secret, deployment, shelf, metrics, writer, tracing, around)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database(settings.database, settings.database_timeout_seconds, around.wall_clock())
        passwords = PasswordCheck()
        app.state.services = _services(parts, database, passwords)
        around.log.write(
            "info",
            "started",
            version=__version__,
            deployment=deployment.name,
            documents=shelf.current.holdings.documents,
        )
        try:
            yield
        finally:
            app.state.services = None
            passwords.close()
            database.close()
            tracing.close()
            around.log.write("info", "stopped")

    app = FastAPI(
        title=deployment.title,
        version=__version__,
        lifespan=lifespan,
        telemetry=_NO_BUILT_IN_TELEMETRY,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in _ROUTERS:
        app.include_router(router)
    _handle_problems(app)
    telemetry = Telemetry(metrics, around.log, tracing, around.clock, around.new_id)
    app.add_middleware(TelemetryMiddleware, telemetry=telemetry)
    return app


def _services(parts: _Parts, database: Database, passwords: PasswordCheck) -> Services:
    deployment, around = parts.deployment, parts.around
    signer = TokenSigner(parts.secret, deployment.limits.token_seconds)
    toolbox = all_tools()
    watching = Watching(parts.metrics, around.log, parts.tracing.tracer, around.wall_clock)
    return Services(
        deployment=deployment,
        shelf=parts.shelf,
        database=database,
        gate=Gate(database, signer, deployment, around.wall_clock),
        passwords=passwords,
        signer=signer,
        tools=toolbox,
        answerer=Answerer(
            deployment=deployment,
            shelf=parts.shelf,
            tools=toolbox,
            engine=parts.engine,
            watcher=watching,
            clock=around.clock,
        ),
        turns=Turns(database, deployment.limits.remembered_questions, around.new_id, around.wall_clock),
        metrics=parts.metrics,
        watching=watching,
        surroundings=around,
        log_key=parts.secret,
    )


def _routes() -> list[tuple[str, str]]:
    """Template and method of every route."""
    return [
        (str(getattr(route, "path", "")), method)
        for router in _ROUTERS
        for route in router.routes
        for method in sorted(getattr(route, "methods", None) or ())
    ]


def _build(deployment: Deployment, holdings: Holdings, engine: AnswerEngine) -> dict[str, str]:
    return {
        "version": __version__,
        "deployment": deployment.name,
        "engine": engine.name,
        "corpus": holdings.hash[:12],
    }


def _handle_problems(app: FastAPI) -> None:
    """Every error that the routes or the framework raise leaves as a problem."""

    @app.exception_handler(Problem)
    async def on_problem(request: Request, problem: Problem) -> Response:
        return problem_response(problem, record_of(request.scope))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        return problem_response(from_http(error, request), record_of(request.scope))

    @app.exception_handler(RequestValidationError)
    async def on_validation(request: Request, _: RequestValidationError) -> Response:
        return problem_response(InvalidRequest("The request does not have the expected form"), record_of(request.scope))
