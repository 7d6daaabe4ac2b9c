"""The JSON of docs/http-api.md as it arrives, turned into the values of `target.chat`. Unknown fields are ignored: an API may grow."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from target.chat import MALFORMED, Answer, Citation, Message, Passage, Reply, ToolCall, ToolReply


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Citation(_Wire):
    number: int
    id: str
    title: str = ""
    law: str | None = None
    article: str | None = None
    year: int | None = None
    status: str | None = None
    as_of: str | None = None
    source: str | None = None
    kind: str = ""
    quote: str = ""
    demo: bool
    verified: bool


class _ToolCall(_Wire):
    tool_name: str
    outcome: str = ""
    results: int | None = None
    duration_seconds: float | None = None


class _Step(_Wire):
    title: str


class _Answer(_Wire):
    id: str
    conversation_id: str
    answer: str
    outcome: str
    refusal_reason: str | None = None
    citations: list[_Citation]
    confidence_score: float | None = None
    complexity: str
    role: str
    tool_calls: list[_ToolCall]
    reasoning_steps: list[_Step]
    notices: list[str]
    processing_time: float | None = None
    model: str = ""


class _Problem(_Wire):
    code: str = ""
    detail: str = ""
    status: int = 0


class _Message(_Wire):
    author: str
    content: str


class _Messages(_Wire):
    messages: list[_Message]


class _Export(_Wire):
    citations: list[str]


class _Passage(_Wire):
    id: str
    title: str = ""
    text: str = ""
    kind: str = ""
    demo: bool = False


class _ToolReply(_Wire):
    outcome: str
    results: list[_Passage]


class Token(_Wire):
    """The answer of `POST /v1/auth/token`."""

    access_token: str = Field(repr=False)


class Opened(_Wire):
    """The answer of `POST /v1/conversations`."""

    conversation_id: str


class _Delta(_Wire):
    text: str


def problem_of(content: bytes) -> tuple[str, str]:
    """Code and detail of a problem+json body; empty where it is none."""
    try:
        problem = _Problem.model_validate_json(content)
    except ValidationError:
        return "", ""
    return problem.code, problem.detail


def reply_of(status: int, content: bytes, duration_seconds: float) -> Reply:
    """The reply that a body makes: an answer for 2xx, else the problem's code."""
    if not 200 <= status < 300:
        code, detail = problem_of(content)
        return Reply(status, code, duration_seconds, None, detail)
    try:
        answer = _Answer.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return Reply(status, MALFORMED, duration_seconds, None, f"{place}: {first['msg']}")
    return Reply(status, "", duration_seconds, _answer(answer))


def error_event_of(content: bytes, duration_seconds: float) -> Reply:
    """The reply that a stream's `error` event makes; its status is the problem's, not the 200 that the stream began with."""
    try:
        problem = _Problem.model_validate_json(content)
    except ValidationError:
        return Reply(200, MALFORMED, duration_seconds, None, "the error event is no problem")
    return Reply(problem.status or 500, problem.code or "internal", duration_seconds, None, problem.detail)


def delta_of(content: bytes) -> str:
    """The words of a `delta` event; none when it is malformed, which the joined text then shows."""
    try:
        return _Delta.model_validate_json(content).text
    except ValidationError:
        return ""


def messages_of(content: bytes) -> tuple[Message, ...]:
    """The history in the body of a conversation; raises pydantic's ValidationError."""
    return tuple(Message(entry.author, entry.content) for entry in _Messages.model_validate_json(content).messages)


def export_of(content: bytes) -> tuple[str, ...]:
    """The citations in the body of an export; raises pydantic's ValidationError."""
    return tuple(_Export.model_validate_json(content).citations)


def tool_reply_of(status: int, content: bytes, duration_seconds: float) -> ToolReply:
    """The reply of a tool run alone."""
    if not 200 <= status < 300:
        return ToolReply(status, problem_of(content)[0], duration_seconds)
    try:
        wire = _ToolReply.model_validate_json(content)
    except ValidationError:
        return ToolReply(status, MALFORMED, duration_seconds)
    passages = tuple(Passage(entry.id, entry.title, entry.text, entry.kind, entry.demo) for entry in wire.results)
    return ToolReply(status, "", duration_seconds, wire.outcome, passages)


def json_or_none(content: bytes) -> object:
    """The JSON value of a body, or None; one that is nested too deeply to be read is none."""
    try:
        value: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value


def _answer(wire: _Answer) -> Answer:
    return Answer(
        id=wire.id,
        conversation_id=wire.conversation_id,
        text=wire.answer,
        outcome=wire.outcome,
        refusal_reason=wire.refusal_reason,
        citations=tuple(_citations(wire)),
        confidence_score=wire.confidence_score,
        complexity=wire.complexity,
        role=wire.role,
        tool_calls=tuple(
            ToolCall(call.tool_name, call.outcome, call.results, call.duration_seconds) for call in wire.tool_calls
        ),
        reasoning_steps=tuple(step.title for step in wire.reasoning_steps),
        notices=tuple(wire.notices),
        processing_time=wire.processing_time,
        model=wire.model,
    )


def _citations(wire: _Answer) -> Iterator[Citation]:
    for entry in wire.citations:
        yield Citation(
            number=entry.number,
            id=entry.id,
            title=entry.title,
            law=entry.law,
            article=entry.article,
            year=entry.year,
            status=entry.status,
            as_of=entry.as_of,
            source=entry.source,
            kind=entry.kind,
            quote=entry.quote,
            demo=entry.demo,
            verified=entry.verified,
        )
