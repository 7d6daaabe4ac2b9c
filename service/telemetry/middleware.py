"""One pure-ASGI layer around everything: request id, trace, the last line of defence, counting and the log line.

Pure ASGI, because BaseHTTPMiddleware costs a request 190 us and a stream of 200 chunks sixteen times its time. What a request
needs is made once and reused; of a trace that is not recorded only the id exists.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.openai_problems import speaks_openai
from service.api.problems import problem_response
from service.edge.answer_headers import Header, dressed
from service.errors import NotReady, Problem
from service.telemetry.genai import UNTOLD
from service.telemetry.labels import OwnLabel
from service.telemetry.logging import EventLog
from service.telemetry.metrics import GOOD_OUTCOMES, Metrics
from service.telemetry.record import CURRENT, HEADERS_KEY, SCOPE_KEY, RequestRecord
from service.telemetry.recording import Recording
from service.telemetry.route_series import UNMATCHED
from service.telemetry.tracing import Tracing
from service.telemetry.unhandled import Reports, note_unhandled

CHAT_ROUTE = "/v1/chat"
CHAT_ROUTES = frozenset({CHAT_ROUTE, "/v1/chat/completions"})
_CLIENT_ID = re.compile(r"(?!(?:[._-]*\d){7,16}[._-]*\Z)[A-Za-z0-9._-]{1,128}")
"""An id that a client may give a request. Seven to sixteen digits and no letter are what identity cards, telephones and accounts have: it would go into logs, traces and to providers."""
_QUIET = frozenset({"/health/live", "/health/ready", "/metrics"})
_KNOWN_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
"""Those of RFC 9110 and PATCH: all others are one to OpenTelemetry's conventions."""
_CLIENT_LEFT = 499
_SERVER_ERROR = 500
_BY_STATUS = {401: "unauthorized", 429: "rate_limited", 504: "timeout"}


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What the layer needs: instruments, log, traces, monotonic seconds, a maker of ids, the headers that every answer carries, and who is told of what nobody foresaw.

    `label` is the label of its own that the deployment adds to requests and tokens.
    """

    metrics: Metrics
    log: EventLog
    tracing: Tracing
    clock: Callable[[], float]
    new_id: Callable[[], str]
    fixed: tuple[Header, ...]
    reports: Reports | None = None
    label: OwnLabel | None = None


class TelemetryMiddleware:
    """Wraps the app; see the module."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of connection pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        telemetry = self._telemetry
        started = telemetry.clock()
        is_chat = scope["path"] in CHAT_ROUTES and scope["method"] == "POST"
        record = self._record(scope, started)
        record.speaks_openai = speaks_openai(scope["path"])
        scope[SCOPE_KEY] = record
        sender = _Sender(send, record, telemetry.fixed)
        if is_chat:
            telemetry.metrics.in_flight.inc()
        # What runs for this request finds its record here, and with it trace and parent.
        current = CURRENT.set(record)
        try:
            await self._guarded(scope, receive, sender)
        finally:
            if is_chat:
                telemetry.metrics.in_flight.dec()
            self._count(scope, record, sender.status, is_chat=is_chat)
            CURRENT.reset(current)

    def _record(self, scope: Scope, started: float) -> RequestRecord:
        """Read what the caller says of itself, and leave the headers where others find them by name."""
        named: dict[bytes, bytes] = dict(scope["headers"])
        scope[HEADERS_KEY] = named
        telemetry = self._telemetry
        sent = named.get(b"x-request-id", b"").decode("latin-1")
        request_id = sent if sent and _CLIENT_ID.fullmatch(sent) else telemetry.new_id()
        trace_id, span = telemetry.tracing.begin(named.get(b"traceparent"))
        record = RequestRecord(request_id, trace_id, started, span=span)
        if telemetry.label:
            label = named.get(telemetry.label.header.encode())
            record.label = telemetry.label.fold(None if label is None else label.decode("latin-1"))
        return record

    async def _guarded(self, scope: Scope, receive: Receive, sender: _Sender) -> None:
        """Whatever was not foreseen becomes a problem without the exception's text, which may hold what somebody asked."""
        try:
            await self._app(scope, receive, sender)
        except ClientDisconnect:
            # The client left before its body was whole: nobody is there to answer, and nothing of ours failed.
            scope[SCOPE_KEY].outcome = "client_closed"
        except asyncio.CancelledError:
            # Only the end of the service cancels a request: whoever still waits is told, and may ask the next instance.
            await self._cut(scope, receive, sender)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            record: RequestRecord = scope[SCOPE_KEY]
            record.outcome, record.problem = "error", "internal"
            note_unhandled(self._telemetry.log, self._telemetry.reports, error, record)
            if sender.status is None:
                problem = Problem("Something went wrong on our side. Quote the request id when you report it.")
                await problem_response(problem, record)(scope, receive, sender)

    async def _cut(self, scope: Scope, receive: Receive, sender: _Sender) -> None:
        record: RequestRecord = scope[SCOPE_KEY]
        record.outcome = record.outcome or "error"
        if sender.status is None:
            problem = NotReady("The service is stopping, and the answer was not ready in time. Ask again.")
            record.problem = problem.code
            await problem_response(problem, record)(scope, receive, sender)

    def _count(self, scope: Scope, record: RequestRecord, status: int | None, *, is_chat: bool) -> None:
        telemetry = self._telemetry
        seconds = telemetry.clock() - record.started
        code = _code(record, status)
        template = getattr(scope.get("route"), "path", UNMATCHED)
        route, method = telemetry.metrics.count_http(template, scope["method"], code, seconds)
        if record.problem:
            telemetry.metrics.count_problem(record.problem, route)
        outcome = None
        if is_chat:
            outcome = record.outcome or _outcome_of(code)
            self._count_chat(record, outcome, seconds)
        if record.span is not None:
            _describe(record.span, record, route, scope["method"], code)
            telemetry.tracing.end(record.span)
        members = members_of(record, route, method, code, seconds, outcome)
        telemetry.log.write_members("debug" if route in _QUIET else "info", members)

    def _count_chat(self, record: RequestRecord, outcome: str, seconds: float) -> None:
        metrics = self._telemetry.metrics
        metrics.count_chat(record.role, record.complexity, outcome, record.label)
        if record.stream_end:
            metrics.stream_end.inc(record.stream_end)
        if outcome in GOOD_OUTCOMES:
            exemplar = record.exemplar
            metrics.request_duration.observe(record.role, record.complexity, value=seconds, exemplar=exemplar)
            if record.stream_end and record.first_content is not None:
                first = record.first_content - record.started
                metrics.ttft.observe(record.role, record.complexity, value=first, exemplar=exemplar)


def members_of(record: RequestRecord, route: str, method: str, code: int, seconds: float, outcome: str | None) -> str:
    """The line of a request. Nothing in it needs escaping: templates, closed lists, numbers, and ids of a checked form."""
    members = (
        f'"event":"request","route":"{route}","method":"{method}","code":{code},"duration_seconds":{seconds:.6f},'
        f'"request_id":"{record.request_id}","trace_id":"{record.trace_id}"'
    )
    if outcome:
        members += f',"role":"{record.role}","complexity":"{record.complexity}","outcome":"{outcome}"'
    if record.problem:
        members += f',"problem":"{record.problem}"'
    if record.user:
        members += f',"user":"{record.user}"'
    return members


class _Sender:
    """Passes messages on with our headers, and remembers the status."""

    def __init__(self, send: Send, record: RequestRecord, fixed: tuple[Header, ...]) -> None:
        self._send = send
        self._record = record
        self._fixed = fixed
        self.status: int | None = None

    def __call__(self, message: Message) -> Awaitable[None]:
        # What the server gives to be awaited is given on: a coroutine of our own around it would cost every message one more.
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = dressed(message.get("headers", ()), self._record, self._fixed)
        return self._send(message)


def _code(record: RequestRecord, status: int | None) -> int:
    """The status that was sent; when none was, 499 for a client that left (as proxies count it) and 500 for us."""
    if status is not None:
        return status
    return _CLIENT_LEFT if record.outcome == "client_closed" else 500


def _outcome_of(code: int) -> str:
    """The outcome that a status stands for. A chat request without an outcome of its own never succeeded."""
    if code in _BY_STATUS:
        return _BY_STATUS[code]
    return "client_error" if 400 <= code < 500 else "error"


def _describe(span: Recording, record: RequestRecord, route: str, method: str, code: int) -> None:
    """What the span of a request says once it has ended, by OpenTelemetry's HTTP conventions: where it went and how, never what was in it."""
    known = method in _KNOWN_METHODS
    matched = route != UNMATCHED
    span.name = (method if known else "HTTP") + (f" {route}" if matched else "")
    attributes: dict[str, str | int | float] = {
        "http.request.method": method if known else UNTOLD,
        "http.response.status_code": code,
        "courtsight.request_id": record.request_id,
        "role": record.role,
        "complexity": record.complexity,
    }
    if not known:
        # The server's parser lets its own list of methods through and nothing else, so that this is nobody's text.
        attributes["http.request.method_original"] = method
    if matched:
        attributes["http.route"] = route
    if record.outcome:
        attributes["outcome"] = record.outcome
    if code >= _SERVER_ERROR or record.outcome in ("error", "timeout"):
        attributes["error.type"] = record.problem or str(code)
        span.fail()
    span.attributes.update(attributes)
