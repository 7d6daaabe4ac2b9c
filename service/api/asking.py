"""One question on its way to its answer, whichever route it came by: the same run, accounting and outcomes for every dialect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from service.api.idempotency import REPLAYED, WAIT_SECONDS, Keys, fingerprint, key_of
from service.api.streaming import EventStream, Limits
from service.api.wire import Json, answer_fields
from service.errors import AnswerTimeout, NotReady, Problem
from service.exchange import Answer, Classified, Delta, Event, Step, Turn
from service.llm.extractive import MODEL as EXTRACTIVE
from service.services import Services
from service.store.idempotency import Claim, Stored, fulfil
from service.telemetry.logging import pseudonym
from service.telemetry.record import RequestRecord
from service.telemetry.unhandled import note_unhandled
from service.values import value

Result = TypeVar("Result")

_STOPPING = "The service is stopping, and the answer was not ready in time. Ask again."
_TOO_LATE = "No answer was found in time. Ask something narrower, or try again."
_CLAIMING_SECONDS = 2 * WAIT_SECONDS
"""Nothing that waits for a key takes as long by itself."""
_INTERNAL = "Something went wrong on our side. Quote the request id when you report it."


class Form(Protocol):
    """How a route shows one answer; made for one request, and told everything in order. `hears` is whether it is told the pieces of an answer that nobody streams."""

    hears: bool

    def told(self, event: Classified | Step | Delta) -> bytes:
        """The frame of an event in a stream; empty when this form shows nothing of it."""

    def heard(self, delta: Delta) -> None:
        """Take note of a piece of an answer that nobody streams."""

    def whole(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The body of a response, made of the members of the native one."""

    def last(self, body: dict[str, Any]) -> bytes:
        """The frames that end a stream whose pieces were shown."""

    def again(self, body: dict[str, Any]) -> Iterable[bytes]:
        """A whole stream of an answer that was given before."""

    def failed(self, problem: Problem, record: RequestRecord) -> bytes:
        """The frames that end a stream that failed."""

    def ending(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The part of a body that holds `outcome` and `complexity`."""


@value
class Asking:
    """A question, its place, and the form of its answer; `claim` when it came with an idempotency key."""

    services: Services
    record: RequestRecord
    turn: Turn
    form: Form
    claim: Claim | None = None

    @property
    def keys(self) -> Keys:
        """Where keys are claimed."""
        return Keys(self.services.store, self.services.surroundings.wall_clock)


async def respond(request: Request, asking: Asking, raw: bytes, *, stream: bool) -> Response:
    """The response to a question: fresh, or the one that its idempotency key got before.

    Raises:
        Problem: it cannot be answered, and nothing was kept.
        ClientDisconnect: nobody waits any more.
    """
    key = key_of(request)
    if key is not None:
        turn = asking.turn
        claim = Claim(turn.owner, key, fingerprint(request.url.path, raw), turn.id)
        stored = await _attended(request, asking.keys.claim(claim), _CLAIMING_SECONDS)
        if stored is not None:
            return _replayed(asking, stored, stream=stream)
        asking = Asking(asking.services, asking.record, turn, asking.form, claim)
    if stream:
        return _stream(asking, _frames(asking))
    return Json(await _attended(request, _answer(asking), asking.services.deployment.limits.answer_seconds))


def _stream(asking: Asking, frames: AsyncGenerator[bytes, None]) -> EventStream:
    return EventStream(
        frames,
        asking.services.deployment.limits.answer_seconds,
        on_closed=lambda: _left(asking.record),
        on_late=lambda: _broken(asking, AnswerTimeout(_TOO_LATE)),
        on_cut=lambda: _broken(asking, NotReady(_STOPPING)),
    )


def _replayed(asking: Asking, stored: Stored, *, stream: bool) -> Response:
    """An answer that was given before. It is counted as a request, and not as an answer, its tokens or its cost."""
    body = orjson.loads(stored.body)
    ending, record = asking.form.ending(body), asking.record
    record.outcome, record.complexity = ending["outcome"], ending["complexity"]
    response = _stream(asking, _frames_again(asking, body)) if stream else Json(body)
    response.headers[REPLAYED] = "true"
    return response


async def _frames_again(asking: Asking, body: dict[str, Any]) -> AsyncGenerator[bytes, None]:
    for data in asking.form.again(body):
        asking.record.first_content = asking.record.first_content or asking.services.surroundings.clock()
        yield data
    asking.record.stream_end = "complete"


async def _attended(request: Request, work: Awaitable[Result], seconds: float) -> Result:
    """Work for somebody who waits for it: when they leave, or the time is over, it ends, and with it what it costs.

    Raises:
        ClientDisconnect: nobody waits any more.
        AnswerTimeout: it took longer.
    """
    limits = Limits(request.receive, seconds)
    try:
        return await work
    except asyncio.CancelledError as error:
        # Somebody else's cancellation, the end of the service first, goes before ours.
        match limits.lifted():
            case "left":
                raise ClientDisconnect from error
            case "late":
                raise AnswerTimeout(_TOO_LATE) from error
        raise
    finally:
        limits.lifted()


async def _answer(asking: Asking) -> dict[str, Any]:
    """The whole body of a response."""
    kept, record, form = _Kept(asking), asking.record, asking.form
    body: dict[str, Any] | None = None
    # To the end: a generator that is left half-way has to be closed by the event loop later. Not by `aclosing`, whose two coroutines every
    # answer would pay, where only one that is broken off needs them.
    events = _events(asking, kept, pieces=form.hears)
    try:
        async for event in events:
            if isinstance(event, Delta):
                form.heard(event)
            elif isinstance(event, Answer):
                body = kept.told(event)
            elif isinstance(event, Classified):
                record.complexity = event.complexity
    except BaseException:
        await events.aclose()
        raise
    if body is None:
        raise Problem("The answer ended before it was whole. Try again.")
    return body


async def _frames(asking: Asking) -> AsyncGenerator[bytes, None]:
    """The frames of a stream; one that fails ends as its form says, and only a saved answer ends well."""
    kept, record, form = _Kept(asking), asking.record, asking.form
    try:
        async with aclosing(_events(asking, kept)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    yield form.last(kept.told(event))
                    continue
                if isinstance(event, Classified):
                    record.complexity = event.complexity
                data = form.told(event)
                if data:
                    if record.first_content is None and isinstance(event, Delta):
                        record.first_content = asking.services.surroundings.clock()
                    yield data
        record.stream_end = "complete"
    except Problem as problem:
        yield _broken(asking, problem)
    except Exception as error:  # noqa: BLE001 - the status has gone out: the reader learns of any failure by an event
        around = asking.services.surroundings
        note_unhandled(around.log, around.reports, error, record)
        yield _broken(asking, Problem(_INTERNAL))


def _events(asking: Asking, kept: _Kept, *, pieces: bool = True) -> AsyncGenerator[Event, None]:
    """What happens, in order, last the answer once it is saved.

    Closed at once when the reader leaves, down to the provider: what nobody reads should cost nothing.
    """
    turn, record = asking.turn, asking.record
    if record.span is not None:
        # Traces leave for somebody else's house: the id itself would find the conversation in ours.
        record.conversation = pseudonym(asking.services.log_key, turn.conversation_id)
    today = datetime.fromtimestamp(turn.asked_at, UTC).date()
    events = asking.services.answerer.answer(turn.question, today, kept.save, pieces=pieces)
    return events if asking.claim is None else _held(asking.keys.holding(asking.claim), events)


async def _held(
    claim: AbstractAsyncContextManager[None], events: AsyncGenerator[Event, None]
) -> AsyncGenerator[Event, None]:
    """The events while a claim is held."""
    async with claim, aclosing(events):
        async for event in events:
            yield event


class _Kept:
    """Keeps the answer of a question, counts it, and makes its body."""

    __slots__ = ("_asking", "_body")

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._body: dict[str, Any] | None = None

    async def save(self, answer: Answer) -> None:
        """Keep it, durably; under its idempotency key too, where it came with one."""
        asking = self._asking
        turn, turns, claim = asking.turn, asking.services.turns, asking.claim
        if claim is None:
            await turns.keep(turn, answer)
            return
        # Made before it is kept: what a retry gets is this very body.
        body = asking.form.whole(_fields(asking, answer))
        await turns.keep(turn, answer, lambda: fulfil(claim, turn.id, orjson.dumps(body).decode()))
        self._body = body

    def told(self, answer: Answer) -> dict[str, Any]:
        """The body of an answer that was kept."""
        _count(self._asking, answer)
        return self._body or self._asking.form.whole(_fields(self._asking, answer))


def _fields(asking: Asking, answer: Answer) -> dict[str, Any]:
    """The members of a native response."""
    turn, record = asking.turn, asking.record
    return {
        "id": turn.id,
        "conversation_id": turn.conversation_id,
        "request_id": record.request_id,
        "role": record.role,
        "processing_time": asking.services.surroundings.clock() - record.started,
        "model": answer.written.model,
        **answer_fields(answer),
    }


def _count(asking: Asking, answer: Answer) -> None:
    """Count a saved answer."""
    metrics, record = asking.services.metrics, asking.record
    record.outcome = answer.outcome
    metrics.processed.inc()
    metrics.active.touch(asking.turn.conversation_id)
    metrics.reasoning_steps.observe(len(answer.steps))
    written = answer.written
    if written.model == EXTRACTIVE:
        # Calls of language models are counted as they end, also those that failed before the extractive engine wrote.
        own, calls = written.usage, written.calls
        metrics.count_tokens(record.role, EXTRACTIVE, "input", own.input_tokens - calls.input_tokens)
        metrics.count_tokens(record.role, EXTRACTIVE, "output", own.output_tokens - calls.output_tokens)


def _broken(asking: Asking, problem: Problem) -> bytes:
    record = asking.record
    record.problem = problem.code
    late = isinstance(problem, AnswerTimeout)
    record.outcome = "timeout" if late else _outcome_of(problem)
    record.stream_end = "timeout" if late else "upstream_error"
    return asking.form.failed(problem, record)


def _outcome_of(problem: Problem) -> str:
    return "error" if problem.status >= 500 else "client_error"


def _left(record: RequestRecord) -> None:
    """The reader went away before the end."""
    record.outcome = "client_closed"
    record.stream_end = "client_closed"
