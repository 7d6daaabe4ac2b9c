"""Wires the service together. This is the only place where parts meet."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from service import __version__
from service.answering import Answerer
from service.api import (
    auth,
    chat,
    conversations,
    description,
    documents,
    keys,
    messages,
    openai,
    operations,
    switches,
    tools,
    usage,
)
from service.api.problems import from_http, problem_response
from service.assembly import Around, LanguageModels, language_models
from service.dependencies import Dependencies, Dependency
from service.deployments.load import deployment_file, load_deployment
from service.deployments.model import Deployment
from service.edge.answer_headers import fixed_headers
from service.edge.middleware import EdgeMiddleware, EdgeRules
from service.edge.origins import OriginRules
from service.errors import InvalidRequest, NotReady, PermissionRequired, Problem, StorageUnavailable
from service.intake import Intake
from service.ledger import Ledger
from service.llm.embedding import ProviderEmbedder
from service.llm.endpoints import Providers
from service.llm.engine import AnswerEngine
from service.llm.extractive import ExtractiveEngine
from service.llm.providers import KeySource, load_providers
from service.minutes import MinuteTaker, Versions
from service.quotas.limits import QuotaStore
from service.quotas.turnstile import Turnstile
from service.retention import ROUND_SECONDS, RetentionRound
from service.retrieval.dense import DenseReranker, DenseRules, QueryVectors
from service.retrieval.lending import Shelf
from service.retrieval.opening import LOOKING_SECONDS, Dress, Opened, as_it_is, open_corpus
from service.retrieval.postgres.connecting import Address
from service.retrieval.postgres.opening import OpenedDatabase, open_database
from service.retrieval.retriever import Holdings
from service.rounds import ended, repeat
from service.security.access import Gate
from service.security.addresses import Proxies, trusted_proxies
from service.security.audit import AuditTrail
from service.security.carriers import Page
from service.security.keyring import RotatingRing
from service.security.logins import LoginCounts
from service.security.passwords import PasswordCheck
from service.security.tokens import TokenSigner
from service.services import OpenMetrics, Services, Surroundings, services_of
from service.serving.life import Life
from service.serving.warming import warm_up
from service.settings import CORPORA, Settings, provider_key, refuse_weak_secrets
from service.sharing.opening import Sharing, open_sharing
from service.store.accounts import has_accounts
from service.store.opening import open_store
from service.store.store import Store
from service.store.usage import settle, unsettled
from service.switches import SwitchBoard, Switches
from service.telemetry.figures import Figures
from service.telemetry.logging import EventLog
from service.telemetry.metrics import Metrics
from service.telemetry.middleware import Telemetry, TelemetryMiddleware
from service.telemetry.outlets import outlets_of
from service.telemetry.record import record_of
from service.telemetry.tracing import Sampling, Tracing
from service.telemetry.watching import Publications, Watching
from service.tools.toolbox import all_tools
from service.turns import Turns

_ROUTERS = (
    auth.router,
    keys.router,
    chat.router,
    openai.router,
    conversations.router,
    messages.router,
    tools.router,
    usage.router,
    documents.router,
    switches.router,
    operations.router,
    description.router,
)
_NO_BUILT_IN_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own OpenTelemetry switches itself on once a global provider exists, beside our spans."""
_SWITCHES_SECONDS = 0.5
_LEDGER_SECONDS = 1.0
_KEYS_SECONDS = 0.5
_AUDIT_SECONDS = 0.5
_SETTLING_SECONDS = 60.0
_DOCUMENTS_SECONDS = 0.5
_HEALTH_SECONDS = 10.0
_FIGURES_SECONDS = 60.0
_WARMING_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is built before the app starts and does not change while it runs."""

    ring: RotatingRing
    page: Page
    proxies: Proxies
    deployment: Deployment
    shelf: Shelf
    metrics: Metrics
    watching: Watching
    engine: AnswerEngine
    models: LanguageModels | None
    switches: Switches
    around: Surroundings
    embedder: ProviderEmbedder | None
    dress: Dress
    sharing: Sharing
    open_metrics: OpenMetrics


def surroundings_of(settings: Settings) -> Surroundings:
    """The surroundings of a real process: its clocks, random ids, and lines on standard error."""
    out = outlets_of(settings, sys.stderr.buffer)
    return Surroundings(
        time.perf_counter, time.time, lambda: os.urandom(16).hex(), out.log, out.spans, out.reports, out.drops
    )


def create_app(
    settings: Settings,
    surroundings: Surroundings | None = None,
    engine: AnswerEngine | None = None,
    life: Life | None = None,
    quotas: QuotaStore | None = None,
) -> FastAPI:
    """An app ready to be served; its database opens when it starts.

    Args:
        settings: what to build.
        surroundings: time, ids and log; those of a real process when left out.
        engine: what writes answers; when left out, the models that the settings name, or else the extractive engine.
        life: how the process warms up and who serves beside it; when left out it is warm at once, and alone.
        quotas: counts requests; this process by itself when left out.

    Raises:
        ConfigurationError: the settings, the deployment or the corpus do not allow a start.
    """
    around = surroundings or surroundings_of(settings)
    life = life or Life()
    refuse_weak_secrets(settings)
    ring = RotatingRing(settings.signing_secrets, settings.signing_files, around.wall_clock, around.log)
    page = Page(settings.public_origin, secure=settings.environment == "production")
    proxies = trusted_proxies(settings.trusted_proxies)
    deployment = load_deployment(deployment_file(settings.deployment))
    opened = _opened(settings, deployment, around)
    providers = None if engine else _providers(settings)
    metrics = Metrics(_routes(), _writers(engine, providers), around.clock, around.drops, deployment.label)
    embedder = _embedder(settings, around)
    dress = _dressing(settings, embedder, metrics)
    shelf = opened.shelf(dress)
    tracing = _tracing(settings, deployment, around)
    watching = Watching(metrics, around.log, tracing, around.wall_clock, deployment.name)
    switches = Switches()
    redis = settings.redis_url.get_secret_value() if settings.redis_url else None
    sharing = open_sharing(redis, ring.current.secret, deployment, metrics, around.log, quotas)
    models = None
    if providers:
        beside = Around(
            deployment=deployment,
            surroundings=around,
            metrics=metrics,
            watching=watching,
            switches=switches,
            fallback=settings.fallback == "extractive",
            answers=sharing.answers,
        )
        models = language_models(providers, beside)
    writer = engine or (models.engine if models else ExtractiveEngine())
    metrics.build.info(_build(deployment, shelf.current.holdings, writer))
    parts = _Parts(
        ring,
        page,
        proxies,
        deployment,
        shelf,
        metrics,
        watching,
        writer,
        models,
        switches,
        around,
        embedder,
        dress,
        sharing,
        OpenMetrics(settings.metrics_secret, settings.environment == "production"),
    )

    running = _Running(settings, parts, opened, switches, tracing, life)

    app = FastAPI(
        title=deployment.title,
        version=__version__,
        lifespan=lambda app: _lifespan(app, running),
        telemetry=_NO_BUILT_IN_TELEMETRY,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in _ROUTERS:
        # Flat: an included router is asked route by route through several layers, which costs a request more than all that is ours.
        app.router.routes.extend(router.routes)
    _handle_problems(app)
    app.add_middleware(
        EdgeMiddleware, rules=_edge_rules(settings, deployment, proxies), turnstile=lambda: _turnstile_of(app)
    )
    fixed = fixed_headers(production=settings.environment == "production")
    telemetry = Telemetry(
        metrics, around.log, tracing, around.clock, around.new_id, fixed, around.reports, deployment.label
    )
    app.add_middleware(TelemetryMiddleware, telemetry=telemetry)
    return app


@dataclass(frozen=True, slots=True)
class _Running:
    """What a run of the app is made of."""

    settings: Settings
    parts: _Parts
    opened: Opened | OpenedDatabase
    switches: Switches
    tracing: Tracing
    life: Life


@asynccontextmanager
async def _lifespan(app: FastAPI, running: _Running) -> AsyncIterator[None]:
    """From the opened database to the last line of the log."""
    settings, parts, life = running.settings, running.parts, running.life
    around, shelf = parts.around, parts.shelf
    store = await open_store(settings, around.wall_clock())
    passwords, audit = PasswordCheck(), AuditTrail(store)
    await _tell_when_empty(store, around.log)
    board = SwitchBoard(running.switches, store, around.log)
    intake = _intake(running.opened, store, around)
    await board.look()
    rounds = await _begin_rounds(parts, running.opened, store, board, audit, intake)
    services = app.state.services = _services(parts, store, passwords, board, audit, life, intake)
    looking = asyncio.create_task(repeat("health", _HEALTH_SECONDS, services.dependencies.watch, around.log))
    rounds.push_async_callback(ended, looking)
    marking = asyncio.create_task(repeat("figures", _FIGURES_SECONDS, services.figures.mark, around.log))
    rounds.push_async_callback(ended, marking)
    if life.siblings:
        await life.siblings.open(services)
    warming = asyncio.create_task(_warm(parts, store, life))
    rounds.push_async_callback(ended, warming)
    if life.hold or not life.questions:
        await warming
    around.log.write(
        "info",
        "started",
        version=__version__,
        deployment=parts.deployment.name,
        documents=shelf.current.holdings.documents,
    )
    try:
        yield
    finally:
        app.state.services = None
        if life.siblings:
            await life.siblings.close()
        await rounds.aclose()
        passwords.close()
        await store.close()
        _deliver_the_rest(running.tracing, around)


def _deliver_the_rest(tracing: Tracing, around: Surroundings) -> None:
    """Spans, reports and lines that still wait here go out, or are counted as lost, within seconds."""
    tracing.close()
    if around.reports:
        around.reports.close()
    around.log.write("info", "stopped")
    around.log.flush()


def _tracing(settings: Settings, deployment: Deployment, around: Surroundings) -> Tracing:
    resource = {
        "service.name": "courtsight",
        "service.version": __version__,
        "service.instance.id": around.new_id(),
        "deployment.environment.name": settings.environment,
        "courtsight.deployment": deployment.name,
    }
    # What a developer prints is printed whole.
    share = 1.0 if settings.trace_export == "stderr" else settings.trace_share
    return Tracing(resource, around.spans, Sampling(share, settings.trace_content), around.clock)


async def _begin_rounds(
    parts: _Parts,
    opened: Opened | OpenedDatabase,
    store: Store,
    board: SwitchBoard,
    audit: AuditTrail,
    intake: Intake | None,
) -> AsyncExitStack:
    """Begin what is done beside the requests; closing the stack ends it, keeps what was spent and closes the providers."""
    around = parts.around
    ending = AsyncExitStack()
    await parts.sharing.begin(ending, around.log)
    if parts.models:
        ledger = Ledger(store, parts.models.budgets, around.new_id())
        await ledger.learn()
        ending.push_async_callback(parts.models.chain.close)
        ending.push_async_callback(_last_time, "ledger", ledger.keep, around.log)
        ending.push_async_callback(
            ended, asyncio.create_task(repeat("ledger", _LEDGER_SECONDS, ledger.keep, around.log))
        )
    ending.push_async_callback(opened.close)
    if parts.embedder:
        ending.push_async_callback(parts.embedder.close)
    watch = opened.watch(parts.shelf, _publications(parts), parts.dress)
    if watch:
        looking = repeat("library", LOOKING_SECONDS, watch.look, around.log)
        ending.push_async_callback(ended, asyncio.create_task(looking))
    ending.push_async_callback(_last_time, "audit", audit.close, around.log)
    auditing = repeat("audit", _AUDIT_SECONDS, lambda: audit.keep(around.wall_clock()), around.log)
    ending.push_async_callback(ended, asyncio.create_task(auditing))
    turning = repeat("signing keys", _KEYS_SECONDS, _looked(parts.ring), around.log)
    ending.push_async_callback(ended, asyncio.create_task(turning))
    if intake:
        ending.push_async_callback(
            ended, asyncio.create_task(repeat("documents", _DOCUMENTS_SECONDS, intake.work, around.log))
        )
        ending.callback(intake.stop)
    settling = repeat("usage", _SETTLING_SECONDS, _settler(store, around), around.log)
    ending.push_async_callback(ended, asyncio.create_task(settling))
    keeping = RetentionRound(store, parts.deployment.retention, around.wall_clock, around.log)
    letting_go = asyncio.create_task(repeat("retention", ROUND_SECONDS, keeping.look, around.log))
    ending.push_async_callback(ended, letting_go)
    watching = asyncio.create_task(repeat("switches", _SWITCHES_SECONDS, board.look, around.log))
    ending.push_async_callback(ended, watching)
    return ending


def _intake(opened: Opened | OpenedDatabase, store: Store, around: Surroundings) -> Intake | None:
    """Where documents can be sent to: the library that is answered from, if it is one."""
    library = opened.library if isinstance(opened, Opened) else None
    return Intake(library.folder, store, around.wall_clock) if library else None


def _settler(store: Store, around: Surroundings) -> Callable[[], Awaitable[None]]:
    """Sums up the hours that are over; asks first, so that a round with nothing to do writes nothing."""

    async def settle_usage() -> None:
        now = around.wall_clock()
        if await store.read(lambda: unsettled(now)):
            await store.write(lambda: settle(now))

    return settle_usage


async def _tell_when_empty(store: Store, log: EventLog) -> None:
    """No account is made by itself, not even in development: whoever installs the service makes the first one."""
    with suppress(StorageUnavailable):
        if await store.read(has_accounts):
            return
        make = "python -m service accounts create --username NAME --role admin --password-file -"
        log.write("warning", "no_accounts", make_one_with=make)


def _looked(ring: RotatingRing) -> Callable[[], Awaitable[None]]:
    async def look() -> None:
        ring.look()

    return look


def _edge_rules(settings: Settings, deployment: Deployment, proxies: Proxies) -> EdgeRules:
    return EdgeRules(
        hosts=settings.hosts,
        proxies=proxies,
        load_test_networks=settings.measuring_networks,
        origins=OriginRules.of(settings.origins, credentials=settings.cors_credentials),
        exempt=deployment.quotas.exempt,
    )


def _turnstile_of(app: FastAPI) -> Turnstile | None:
    services: Services | None = getattr(app.state, "services", None)
    return services.turnstile if services else None


def _publications(parts: _Parts) -> Publications:
    """Notes what is published while the service runs."""

    def taken(holdings: Holdings) -> None:
        parts.metrics.build.info(_build(parts.deployment, holdings, parts.engine))

    return Publications(parts.metrics, parts.around.log, taken)


def _opened(settings: Settings, deployment: Deployment, around: Surroundings) -> Opened | OpenedDatabase:
    """What to answer from: the retrieval database when one is named, else a library or JSON lines."""
    url = settings.retrieval_database_url
    if url is None:
        return open_corpus(settings.corpus or CORPORA / deployment.corpus, around.clock)
    address = Address(
        url.get_secret_value(), settings.retrieval_database_connections, settings.retrieval_database_timeout_seconds
    )
    return open_database(address, around.clock)


def _embedder(settings: Settings, around: Surroundings) -> ProviderEmbedder | None:
    providers = _loaded(settings, settings.embeddings)
    return ProviderEmbedder(providers, around.wall_clock) if providers else None


def _dressing(settings: Settings, embedder: ProviderEmbedder | None, metrics: Metrics) -> Dress:
    """Dense re-ranking around each retriever, where an embedding model is named."""
    if embedder is None:
        return as_it_is
    queries = QueryVectors(embedder)
    rules = DenseRules(weight=settings.embeddings_weight, seconds=settings.embeddings_timeout_seconds)
    return lambda retriever, vectors: DenseReranker(retriever, vectors, queries, rules, metrics.dense.inc)


async def _last_time(name: str, work: Callable[[], Awaitable[None]], log: EventLog) -> None:
    """Keep what was spent and seen; a database that takes no writes must not hold up the end."""
    try:
        await work()
    except Problem as problem:
        log.write("warning", "round_failed", round=name, problem=problem.code)


def _providers(settings: Settings) -> Providers | None:
    return _loaded(settings, settings.providers)


def _loaded(settings: Settings, wanted: str | None) -> Providers | None:
    keys = KeySource(provider_key, private_files=settings.environment == "production")
    return load_providers(wanted, keys, external_allowed=settings.external_providers == "allowed")


def _writers(engine: AnswerEngine | None, providers: Providers | None) -> dict[str, str]:
    """Every model that may write, and its provider."""
    if engine:
        return dict(engine.models)
    called = {model.name: model.provider for model in providers.models} if providers else {}
    return {**called, **ExtractiveEngine.models}


def _dependencies(parts: _Parts, store: Store) -> list[Dependency]:
    """What answers lean on. A language model is judged by its circuit, which the last real calls drew: never by a call of its own."""
    shelf, models = parts.shelf, parts.models

    async def index() -> None:
        await shelf.current.check()
        if not shelf.current.holdings.documents:
            raise NotReady("The index is empty.")

    called = [name for name in parts.engine.models if name not in ExtractiveEngine.models]
    found = [Dependency("database", store.check, essential=True), Dependency("index", index, essential=True)]
    if models:

        async def provider() -> None:
            if not any(models.chain.circuit(name).state(parts.around.clock()) == "closed" for name in called):
                raise NotReady("No language model answers.")

        found.append(Dependency("language_models", provider, essential=False))
    link = parts.sharing.link
    if link:

        async def redis() -> None:
            if not link.up:
                raise NotReady("Redis does not answer.")

        found.append(Dependency("redis", redis, essential=False))
    return found


async def _warm(parts: _Parts, store: Store, life: Life) -> None:
    """Warm up until it succeeds: what is not there yet keeps the process from being ready, and not from living."""
    around = parts.around
    failed = ""
    life.warm = not life.questions
    while not life.warm:
        today = datetime.fromtimestamp(around.wall_clock(), UTC).date()
        try:
            await warm_up(life.questions, parts.deployment, parts.shelf, store, around.clock, today)
            life.warm = True
        except Exception as error:  # noqa: BLE001 - a process that gives up here would never be ready
            why = error.code if isinstance(error, Problem) else type(error).__name__
            if why != failed:
                around.log.write("warning", "warming_failed", problem=why)
            failed = why
            await asyncio.sleep(_WARMING_PAUSE_SECONDS)


def _services(
    parts: _Parts,
    store: Store,
    passwords: PasswordCheck,
    board: SwitchBoard,
    audit: AuditTrail,
    life: Life,
    intake: Intake | None,
) -> Services:
    deployment, around = parts.deployment, parts.around
    signer = TokenSigner(parts.ring, deployment.limits.token_seconds)
    toolbox = all_tools()
    return Services(
        deployment=deployment,
        shelf=parts.shelf,
        store=store,
        gate=Gate(store, signer, deployment, around.wall_clock, parts.page, parts.sharing.news.known),
        passwords=passwords,
        signer=signer,
        proxies=parts.proxies,
        logins=LoginCounts(parts.sharing.quotas),
        audit=audit,
        tools=toolbox,
        answerer=Answerer(
            deployment=deployment,
            shelf=parts.shelf,
            tools=toolbox,
            engine=parts.engine,
            watcher=parts.watching,
            clock=around.clock,
        ),
        intake=intake,
        free_models=parts.models.free if parts.models else frozenset(),
        turns=Turns(
            store,
            deployment.limits.remembered_questions,
            around.new_id,
            around.wall_clock,
            MinuteTaker(_versions(parts)),
            parts.sharing.memory,
        ),
        turnstile=Turnstile(
            deployment.quotas, parts.sharing.quotas, around.wall_clock, parts.metrics.quota_decisions.inc
        ),
        sharing=parts.sharing,
        switches=board,
        metrics=parts.metrics,
        watching=parts.watching,
        surroundings=around,
        log_key=parts.ring.current.secret,
        life=life,
        dependencies=Dependencies(_dependencies(parts, store), around.clock, parts.metrics.dependency),
        open_metrics=parts.open_metrics,
        figures=Figures(parts.metrics.http_durations, parts.metrics.in_flight_now, around.clock),
    )


def _versions(parts: _Parts) -> Versions:
    prompt = parts.models.prompt if parts.models else ""
    return Versions(__version__, parts.deployment.name, parts.engine.name, prompt)


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
        if isinstance(problem, PermissionRequired):
            services_of(request).note(record_of(request.scope), "permission_denied", problem.detail)
        return problem_response(problem, record_of(request.scope))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        return problem_response(from_http(error), record_of(request.scope))

    @app.exception_handler(RequestValidationError)
    async def on_validation(request: Request, _: RequestValidationError) -> Response:
        return problem_response(InvalidRequest("The request does not have the expected form"), record_of(request.scope))
