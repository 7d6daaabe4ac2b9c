"""Asking a question, as JSON or as a stream of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import Request, Response

from service.accepting import JSON, preferred
from service.api.asking import Asking, respond
from service.api.problems import problem_fields
from service.api.routing import router_of
from service.api.streaming import MEDIA_TYPE, frame
from service.api.wire import ChatQuestion, checked_length, headers_of, parsed, read_raw
from service.doings import step_fields
from service.errors import Problem
from service.exchange import Classified, Delta, Step
from service.services import enter, services_of
from service.telemetry.record import RequestRecord, record_of

router = router_of("/v1")
_OWN = frozenset({"no-store", "no-cache"})


@router.post("/chat")
async def chat(request: Request) -> Response:
    """Answer one question of the caller."""
    services = services_of(request)
    record = record_of(request.scope)
    caller = await enter(request, services)
    caller.require("read")
    raw = await read_raw(request, services.deployment.limits.body_bytes)
    asked = parsed(raw, ChatQuestion)
    text = checked_length(asked.message, services.deployment.limits.message_characters, "message")
    await services.turnstile.count_session(record, caller, asked.conversation_id)
    services.metrics.received.inc()
    turn = await services.turns.open(
        caller,
        text,
        asked.conversation_id,
        record.request_id,
        cacheable=not wants_own(request),
        filters=asked.filters,
        trace_id=record.trace_id,
    )
    stream = asked.stream
    if stream is None:
        accept = headers_of(request, b"accept")
        stream = preferred(accept[0] if accept else "", (JSON, MEDIA_TYPE)) == MEDIA_TYPE
    asking = Asking(services, record, turn, Native(turn.conversation_id, record.request_id))
    return await respond(request, asking, raw, stream=stream)


def wants_own(request: Request) -> bool:
    """Whether a reader asks for an answer of their own (RFC 9111, 5.2.1): neither taken from the cache nor kept there."""
    wishes = headers_of(request, b"cache-control")
    return bool(wishes) and not _OWN.isdisjoint(part.strip() for part in wishes[0].lower().split(","))


class Native:
    """Our own form: named events, and the body as docs/http-api.md has it."""

    __slots__ = ("_conversation_id", "_request_id")
    hears = False

    def __init__(self, conversation_id: str, request_id: str) -> None:
        self._conversation_id = conversation_id
        self._request_id = request_id

    def told(self, event: Classified | Step | Delta) -> bytes:
        """`start`, `step` or `delta`."""
        match event:
            case Classified():
                return self._start(event.complexity)
            case Step():
                return frame("step", step_fields(event))
            case Delta():
                return frame("delta", {"text": event.text})

    def _start(self, complexity: str) -> bytes:
        start = {
            "conversation_id": self._conversation_id,
            "request_id": self._request_id,
            "complexity": complexity,
        }
        return frame("start", start)

    def heard(self, delta: Delta) -> None:
        """Nothing: the answer itself holds its whole text."""

    def whole(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The members as they are."""
        return fields

    def last(self, body: dict[str, Any]) -> bytes:
        """`done`."""
        return frame("done", body)

    def again(self, body: dict[str, Any]) -> Iterator[bytes]:
        """The events of an answer that was given before, its text in one piece; ids are those of the first time."""
        self._conversation_id, self._request_id = body["conversation_id"], body["request_id"]
        yield self._start(body["complexity"])
        for step in body["reasoning_steps"]:
            yield frame("step", step)
        yield frame("delta", {"text": body["answer"]})
        yield frame("done", body)

    def failed(self, problem: Problem, record: RequestRecord) -> bytes:
        """`error`."""
        return frame("error", problem_fields(problem, record))

    def ending(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body itself."""
        return body
