"""Everything that a running app holds, as the routes see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from opentelemetry.sdk.trace import SpanProcessor
from starlette.requests import Request

from service.answering import Answerer
from service.dependencies import Dependencies
from service.deployments.model import Deployment
from service.errors import AmbiguousCredentials, NotReady, OriginRefused, Unauthenticated
from service.intake import Intake
from service.quotas.turnstile import Turnstile
from service.retrieval.lending import Shelf
from service.security.access import Caller, Gate
from service.security.addresses import Proxies
from service.security.audit import AuditTrail
from service.security.logins import LoginLimits
from service.security.passwords import PasswordCheck
from service.security.tokens import TokenSigner
from service.serving.life import Life
from service.sharing.opening import Sharing
from service.store.audit import AuditEvent
from service.store.store import Store
from service.switches import SwitchBoard
from service.telemetry.drops import Drops
from service.telemetry.figures import Figures
from service.telemetry.logging import EventLog, pseudonym
from service.telemetry.metrics import Metrics
from service.telemetry.record import RequestRecord, record_of
from service.telemetry.unhandled import Reports
from service.telemetry.watching import Watching
from service.tools.tool import Tool
from service.turns import Turns


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What differs between a real process and a test: time, ids, the log, where spans and errors go (None: nowhere).

    `drops` counts what log and spans could not deliver.
    """

    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    new_id: Callable[[], str]
    log: EventLog
    spans: SpanProcessor | None = None
    reports: Reports | None = None
    drops: Drops = field(default_factory=Drops)


@dataclass(frozen=True, slots=True)
class OpenMetrics:
    """Who may see metrics and detailed health: with a `token` only who shows it; `detailed_closed` asks for rights without one."""

    token: str | None = None
    detailed_closed: bool = True


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a started app."""

    deployment: Deployment
    shelf: Shelf
    store: Store
    gate: Gate
    passwords: PasswordCheck
    signer: TokenSigner
    proxies: Proxies
    logins: LoginLimits
    audit: AuditTrail
    tools: Mapping[str, Tool]
    answerer: Answerer
    turns: Turns
    free_models: frozenset[str]
    intake: Intake | None
    turnstile: Turnstile
    sharing: Sharing
    switches: SwitchBoard
    metrics: Metrics
    watching: Watching
    surroundings: Surroundings
    log_key: str
    life: Life
    dependencies: Dependencies
    open_metrics: OpenMetrics
    figures: Figures

    def note(self, record: RequestRecord, action: str, subject: str) -> None:
        """Take a security event of a request down, by its caller where one is known."""
        moment = self.surroundings.wall_clock()
        self.audit.note(AuditEvent(moment, action, subject, record.account_id or "", record.request_id))


def services_of(request: Request) -> Services:
    """The services of the app that got the request.

    Raises:
        NotReady: the app has not started, or is stopping.
    """
    services: Services | None = request.app.state["services"]
    if services is None:
        raise NotReady("The service is starting or stopping. Try again in a moment.")
    return services


# Only ids of accounts come here, never what somebody typed.
_user = lru_cache(maxsize=4096)(pseudonym)


async def enter(request: Request, services: Services) -> Caller:
    """The caller of a request, noted in its record.

    Raises:
        Unauthenticated: no valid credential; the gate says what else.
        QuotaExceeded: the account or its key has asked too often.
    """
    record = record_of(request.scope)
    try:
        caller = await services.gate.enter(request.scope)
    except (Unauthenticated, AmbiguousCredentials, OriginRefused) as problem:
        refused = f"{problem.code}: {problem.detail}"
        services.note(record, "credential_refused", refused)
        raise
    record.account_id = caller.account_id
    record.role = caller.role.name
    record.user = _user(services.log_key, caller.account_id)
    await services.turnstile.count_caller(record, caller)
    return caller
