"""Asking a question, as JSON or as a stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from service.api.problems import problem_fields
from service.api.streaming import MEDIA_TYPE, EventStream, cancel, frame, gone
from service.api.wire import ChatQuestion, Json, answer_fields, checked_length, read_body, step_fields
from service.errors import AnswerTimeout, Problem
from service.exchange import Answer, Classified, Delta, Step
from service.llm.extractive import MODEL as EXTRACTIVE
from service.services import Services, enter, services_of
from service.telemetry.record import RequestRecord, record_of
from service.turns import Turn

router = APIRouter(prefix="/v1")

_TOO_LATE = "No answer was found in time. Ask something narrower, or try again."


@router.post("/chat")
async def chat(request: Request) -> Response:
    """Answer one question of the caller."""
    services = services_of(request)
    record = record_of(request.scope)
    caller = await enter(request, services)
    caller.require("read")
    asked = await read_body(request, ChatQuestion, services.deployment.limits.body_bytes)
    text = checked_length(asked.message, services.deployment.limits.message_characters, "message")
    await services.turnstile.count_session(record, caller, asked.conversation_id)
    services.metrics.received.inc()
    # A reader may ask for an answer of their own (RFC 9111, 5.2.1): it is neither taken from the cache nor kept there.
    own = {"no-store", "no-cache"} & {
        part.strip() for part in request.headers.get("cache-control", "").lower().split(",")
    }
    turn = await services.turns.open(
        caller,
        text,
        asked.conversation_id,
        record.request_id,
        cacheable=not own,
        filters=asked.filters,
        trace_id=record.trace_id,
    )
    if asked.stream or MEDIA_TYPE in request.headers.get("accept", ""):
        return EventStream(
            _frames(services, record, turn),
            services.deployment.limits.answer_seconds,
            on_closed=lambda: _left(record),
            on_late=lambda: _broken(record, AnswerTimeout(_TOO_LATE)),
        )
    return Json(await _attended(request, _answer(services, record, turn)))


async def _attended(request: Request, work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Work for somebody who waits for it: when they leave it ends, and with it what it costs.

    Raises:
        ClientDisconnect: nobody waits any more.
    """
    task = asyncio.create_task(work)
    left = asyncio.create_task(gone(request.receive))
    try:
        await asyncio.wait({task, left}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        await cancel(task)
        await cancel(left)


async def _answer(services: Services, record: RequestRecord, turn: Turn) -> dict[str, Any]:
    """The whole body of a chat response."""
    answer: Answer | None = None
    try:
        async with asyncio.timeout(services.deployment.limits.answer_seconds):
            # To the end: a generator that is left half-way has to be closed by the event loop later.
            async with aclosing(_events(services, record, turn)) as events:
                async for event in events:
                    answer = event if isinstance(event, Answer) else answer
    except TimeoutError as error:
        raise AnswerTimeout(_TOO_LATE) from error
    if answer is None:
        raise Problem("The answer ended before it was whole. Try again.")
    return _done(services, record, turn, answer)


async def _events(
    services: Services, record: RequestRecord, turn: Turn
) -> AsyncGenerator[Classified | Step | Delta | Answer, None]:
    today = datetime.fromtimestamp(turn.asked_at, UTC).date()
    answer = services.answerer.answer(turn.question, today, lambda answer: services.turns.keep(turn, answer))
    # Closed at once when the reader leaves, down to the provider: what nobody reads should cost nothing.
    async with aclosing(answer) as events:
        async for event in events:
            if isinstance(event, Classified):
                record.complexity = event.complexity
            yield event


async def _frames(services: Services, record: RequestRecord, turn: Turn) -> AsyncGenerator[bytes, None]:
    """The events of a stream; one that fails ends with `error`, and only a saved answer with `done`."""
    try:
        async with aclosing(_events(services, record, turn)) as events:
            async for event in events:
                yield _frame(services, record, turn, event)
        record.stream_end = "complete"
    except Problem as problem:
        yield _broken(record, problem)
    except Exception as error:  # noqa: BLE001 - the status has gone out: the reader learns of any failure by an event
        services.surroundings.log.write(
            "error", "unhandled", exception=type(error).__name__, request_id=record.request_id
        )
        yield _broken(record, Problem("Something went wrong on our side. Quote the request id when you report it."))


def _frame(services: Services, record: RequestRecord, turn: Turn, event: Classified | Step | Delta | Answer) -> bytes:
    match event:
        case Classified():
            start = {
                "conversation_id": turn.conversation_id,
                "request_id": record.request_id,
                "complexity": event.complexity,
            }
            return frame("start", start)
        case Step():
            return frame("step", step_fields(event))
        case Delta():
            if record.first_content is None:
                record.first_content = services.surroundings.clock()
            return frame("delta", {"text": event.text})
        case Answer():
            return frame("done", _done(services, record, turn, event))


def _done(services: Services, record: RequestRecord, turn: Turn, answer: Answer) -> dict[str, Any]:
    """Count a saved answer and give its body."""
    record.outcome = answer.outcome
    _count(services, record, turn, answer)
    return {
        "id": turn.id,
        "conversation_id": turn.conversation_id,
        "request_id": record.request_id,
        "role": record.role,
        "processing_time": services.surroundings.clock() - record.started,
        "model": answer.written.model,
        **answer_fields(answer),
    }


def _count(services: Services, record: RequestRecord, turn: Turn, answer: Answer) -> None:
    metrics = services.metrics
    metrics.processed.inc()
    metrics.active.touch(turn.conversation_id)
    metrics.reasoning_steps.observe(len(answer.steps))
    written = answer.written
    if written.model == EXTRACTIVE:
        # Calls of language models are counted as they end, also those that failed before the extractive engine wrote.
        own, calls = written.usage, written.calls
        metrics.count_tokens(record.role, EXTRACTIVE, "input", own.input_tokens - calls.input_tokens)
        metrics.count_tokens(record.role, EXTRACTIVE, "output", own.output_tokens - calls.output_tokens)


def _broken(record: RequestRecord, problem: Problem) -> bytes:
    record.problem = problem.code
    late = isinstance(problem, AnswerTimeout)
    record.outcome = "timeout" if late else _outcome_of(problem)
    record.stream_end = "timeout" if late else "upstream_error"
    return frame("error", problem_fields(problem, record))


def _outcome_of(problem: Problem) -> str:
    return "error" if problem.status >= 500 else "client_error"


def _left(record: RequestRecord) -> None:
    """The reader went away before the end."""
    record.outcome = "client_closed"
    record.stream_end = "client_closed"
