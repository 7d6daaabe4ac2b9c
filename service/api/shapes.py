"""What is kept, as the contract shows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeVar

import orjson

from service.api.wire import conversation_fields, message_fields, moment
from service.chat.citations import Citation
from service.chat.citing import add_sources
from service.examination import EXPORT_SCHEMA, Examined, ExaminedConversation, Seal, passages_of
from service.store.answers import SavedAnswer
from service.store.audit import AuditEvent
from service.store.feedback import Feedback

Thing = TypeVar("Thing")

_AT_ONCE = 8
"""Messages of an export, half of them answers with their passages: a millisecond or two."""
_ANSWERS_AT_ONCE = 16
"""Answers whose citations are read: a millisecond."""
_PIECES_AT_ONCE = 50
"""Sources that are written out: a millisecond."""


def feedback_fields(feedback: Feedback) -> dict[str, Any]:
    """What a reader thinks of an answer."""
    return {
        "message_id": feedback.message_id,
        "score": feedback.score,
        "comment": feedback.comment or None,
        "created_at": moment(feedback.created_at),
    }


def examined_fields(examined: Examined) -> dict[str, Any]:
    """A message with how its answer came about."""
    return {
        **message_fields(examined.message),
        "conversation_id": examined.conversation_id,
        "response": _response_fields(examined.answer, examined) if examined.answer else None,
        "feedback": feedback_fields(examined.feedback) if examined.feedback else None,
    }


async def export_body(examined: ExaminedConversation, now: float) -> bytes:
    """A whole conversation as JSON, sealed with its digest; after a few messages others have their turn."""
    rest = {
        "schema": EXPORT_SCHEMA,
        "exported_at": moment(now),
        **conversation_fields(examined.conversation),
        "audit": [_event_fields(event) for event in examined.events],
    }
    seal = Seal(rest)
    written: list[bytes] = []
    async for one in _in_turns(examined.messages, _AT_ONCE):
        fields = examined_fields(one)
        seal.take(fields)
        written.append(orjson.dumps(fields))
    begin = orjson.dumps(rest).removesuffix(b"}")
    return b'%b,"messages":[%b],"digest":"%b"}' % (begin, b",".join(written), seal.digest().encode())


async def sources_of(stored: Iterable[str]) -> list[Citation]:
    """The sources that answers cite, each once, as it was cited first; after a few answers others have their turn.

    Args:
        stored: the citations of each answer, as JSON text.
    """
    first: dict[str, Citation] = {}
    async for one in _in_turns(stored, _ANSWERS_AT_ONCE):
        add_sources(first, one)
    return list(first.values())


async def pieces_of(pieces: Iterable[str]) -> list[str]:
    """What is written source by source; after some of them others have their turn."""
    return [piece async for piece in _in_turns(pieces, _PIECES_AT_ONCE)]


async def _in_turns(things: Iterable[Thing], at_once: int) -> AsyncIterator[Thing]:
    """Each of these; after every `at_once` of them the event loop turns."""
    for number, thing in enumerate(things, start=1):
        yield thing
        if number % at_once == 0:
            await asyncio.sleep(0)


def _response_fields(answer: SavedAnswer, examined: Examined) -> dict[str, Any]:
    record: dict[str, Any] = orjson.loads(answer.record)
    return {
        "request_id": answer.request_id,
        "trace_id": answer.trace_id,
        "asked_at": moment(answer.asked_at),
        "answered_at": moment(answer.answered_at),
        "role": answer.role,
        "complexity": answer.complexity,
        "outcome": answer.outcome,
        "refusal_reason": answer.refusal_reason,
        "confidence_score": answer.confidence,
        "confidence_features": record["confidence"],
        "model": answer.model,
        "cached": bool(answer.cached),
        "usage": {
            "input_tokens": answer.input_tokens,
            "output_tokens": answer.output_tokens,
            "source": answer.usage_source,
        },
        "cost_usd": answer.cost_usd,
        "versions": orjson.loads(answer.versions),
        "reasoning_steps": record["steps"],
        "tool_calls": record["tool_calls"],
        "notices": record["notices"],
        # Answers from before languages were kept have none.
        "language": record.get("language"),
        "passages": passages_of(answer, examined.passages),
    }


def _event_fields(event: AuditEvent) -> dict[str, Any]:
    return {
        "at": moment(event.at),
        "action": event.action,
        "subject": event.subject,
        "actor": event.actor,
        "request_id": event.request_id,
        "times": event.times,
    }
