"""Wires the service together. This is the only place where parts meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

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
    page,
    switches,
    tools,
    usage,
)
from service.api.routing import DirectApp
from service.assembly import Around, language_models
from service.beside import begin_rounds, keep_together, look_at_itself, tell_when_empty
from service.chosen import (
    dressing_of,
    embedder_of,
    huge_pages_of,
    open_sources,
    providers_of,
    surroundings_of,
    tracing_of,
    writers_of,
)
from service.dependencies import Dependencies
from service.deployments.load import deployment_file, load_deployment
from service.deployments.model import Deployment
from service.edge.answer_headers import fixed_headers
from service.edge.middleware import EdgeMiddleware, EdgeRules
from service.edge.origins import OriginRules
from service.intake import Intake
from service.leaning import dependencies_of, watch_pools
from service.llm.engine import AnswerEngine
from service.llm.extractive import ExtractiveEngine
from service.minutes import MinuteTaker, Versions
from service.parts import Parts, build_of
from service.quotas.limits import QuotaStore
from service.quotas.turnstile import Turnstile
from service.retrieval.opening import Opened
from service.retrieval.postgres.opening import OpenedDatabase
from service.rounds import ended
from service.security.access import Gate
from service.security.addresses import Proxies, trusted_proxies
from service.security.audit import AuditTrail
from service.security.carriers import Page
from service.security.keyring import RotatingRing
from service.security.logins import LoginCounts
from service.security.passwords import PasswordCheck
from service.security.tokens import TokenSigner
from service.services import OpenMetrics, Services, Surroundings
from service.serving.life import Life
from service.serving.warming import warm_until_ready
from service.settings import Settings, refuse_weak_secrets
from service.sharing.opening import open_sharing
from service.store.opening import open_store
from service.store.store import Store
from service.switches import SwitchBoard, Switches
from service.telemetry.dependency_notes import DependencyNotes
from service.telemetry.figures import Figures
from service.telemetry.metrics import Metrics
from service.telemetry.middleware import Telemetry, TelemetryMiddleware
from service.telemetry.tracing import Tracing
from service.telemetry.unread import Unread
from service.telemetry.watching import Watching
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
    page.router,
)
_NO_BUILT_IN_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own OpenTelemetry switches itself on once a global provider exists, beside our spans."""


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
    running = _running(settings, around, engine, life or Life(), quotas)
    app = DirectApp(
        title=running.parts.deployment.title,
        version=__version__,
        lifespan=lambda app: _lifespan(app, running),
        telemetry=_NO_BUILT_IN_TELEMETRY,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in _ROUTERS:
        # Flat: an included router is asked route by route through several layers, which costs a request more than all that is ours.
        app.router.routes.extend(router.routes)
    _surround(app, running)
    return app


@dataclass(frozen=True, slots=True)
class _Running:
    """What a run of the app is made of."""

    settings: Settings
    parts: Parts
    opened: Opened | OpenedDatabase
    tracing: Tracing
    life: Life


def _running(
    settings: Settings, around: Surroundings, engine: AnswerEngine | None, life: Life, quotas: QuotaStore | None
) -> _Running:
    """Make the parts, each of those before it."""
    refuse_weak_secrets(settings)
    ring = RotatingRing(settings.signing_secrets, settings.signing_files, around.wall_clock, around.log)
    page = Page(settings.public_origin, secure=settings.environment == "production")
    proxies = trusted_proxies(settings.trusted_proxies)
    deployment = load_deployment(deployment_file(settings.deployment))
    opened = open_sources(settings, deployment, around)
    providers = None if engine else providers_of(settings)
    metrics = Metrics(
        _routes(), writers_of(engine, providers, deployment.label), around.clock, around.drops, deployment.label
    )
    embedder = embedder_of(settings, around)
    dress = dressing_of(settings, embedder, metrics)
    shelf = opened.shelf(dress)
    tracing = tracing_of(settings, deployment, around)
    watching = Watching(metrics, around.log, tracing, around.wall_clock, deployment.name)
    switches = Switches()
    redis = settings.redis_url.get_secret_value() if settings.redis_url else None
    notes = DependencyNotes(metrics, around.log)
    sharing = open_sharing(redis, ring.current.secret, deployment, partial(notes.noted, "redis"), quotas)
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
    metrics.build.info(build_of(deployment, shelf.current.holdings, writer))
    parts = Parts(
        ring,
        page,
        proxies,
        deployment,
        shelf,
        metrics,
        notes,
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
    return _Running(settings, parts, opened, tracing, life)


def _surround(app: FastAPI, running: _Running) -> None:
    """Put the edge around the routes, and telemetry around both, so that whoever is turned away at the edge is counted too."""
    settings, parts = running.settings, running.parts
    around, label = parts.around, parts.deployment.label
    edge = _edge_rules(settings, parts.deployment, parts.proxies)
    app.add_middleware(EdgeMiddleware, rules=edge, turnstile=lambda: _turnstile_of(app))
    fixed = fixed_headers(production=settings.environment == "production")
    telemetry = Telemetry(
        parts.metrics, around.log, running.tracing, around.clock, around.new_id, fixed, around.reports, label
    )
    app.add_middleware(TelemetryMiddleware, telemetry=telemetry)
    app.state.unread = Unread(telemetry)
    # Before the app has started: each request asks, and a member that is missing is looked for in three places.
    app.state.services = None


@asynccontextmanager
async def _lifespan(app: FastAPI, running: _Running) -> AsyncIterator[None]:
    """From the opened database to the last line of the log."""
    settings, parts, life = running.settings, running.parts, running.life
    around, shelf = parts.around, parts.shelf
    store = await open_store(settings, around.wall_clock())
    passwords, audit = PasswordCheck(), AuditTrail(store)
    await tell_when_empty(store, around.log)
    board = SwitchBoard(parts.switches, store, around.log)
    intake = _intake(running.opened, store, around)
    await board.look()
    rounds = await begin_rounds(parts, running.opened, store, board, audit, intake)
    services = app.state.services = _services(parts, store, passwords, board, audit, life, intake)
    watch_pools(parts, store)
    await look_at_itself(rounds, services)
    if life.siblings:
        await life.siblings.open(parts.metrics, services.figures, around.clock)
    pages = huge_pages_of(settings, around) if life.questions else None
    warming = asyncio.create_task(warm_until_ready(life, parts.deployment, shelf, store, around, pages))
    rounds.push_async_callback(ended, warming)
    if pages:
        keep_together(rounds, pages, around.log)
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


def _intake(opened: Opened | OpenedDatabase, store: Store, around: Surroundings) -> Intake | None:
    """Where documents can be sent to: the library that is answered from, if it is one."""
    library = opened.library if isinstance(opened, Opened) else None
    return Intake(library.folder, store, around.wall_clock) if library else None


def _edge_rules(settings: Settings, deployment: Deployment, proxies: Proxies) -> EdgeRules:
    return EdgeRules(
        hosts=settings.hosts,
        proxies=proxies,
        load_test_networks=settings.measuring_networks,
        origins=OriginRules.of(settings.origins, credentials=settings.cors_credentials),
        exempt=deployment.quotas.exempt,
    )


def _turnstile_of(app: FastAPI) -> Turnstile | None:
    services: Services | None = app.state["services"]
    return services.turnstile if services else None


def _services(
    parts: Parts,
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
        dependencies=Dependencies(dependencies_of(parts, store), around.clock, parts.dependency_notes.found),
        open_metrics=parts.open_metrics,
        figures=Figures(parts.metrics.http_durations, parts.metrics.in_flight_now, around.clock),
    )


def _versions(parts: Parts) -> Versions:
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
