"""Conversations of the caller: make, list, read, delete, and take the citations along."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from service.api.wire import Json, NewConversation, conversation_fields, message_fields, read_body
from service.chat.citations import EXPORT_FORMATS, load_citations
from service.errors import FieldError, InvalidRequest
from service.services import enter, services_of
from service.store.conversations import (
    Conversation,
    Message,
    delete_conversation,
    find_conversation,
    insert_conversation,
    list_conversations,
    list_messages,
)
from service.store.work import Work

router = APIRouter(prefix="/v1/conversations")

_UNTITLED = "Percakapan baru"
_DEFAULT_LIMIT = 20
_LARGEST_LIMIT = 100


@router.post("", status_code=201)
async def create(request: Request) -> Response:
    """Make an empty conversation."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    body = await read_body(request, NewConversation, services.deployment.limits.body_bytes)
    surroundings = services.surroundings
    made = Conversation(surroundings.new_id(), body.title or _UNTITLED, surroundings.wall_clock(), 0)
    await services.store.write(lambda: insert_conversation(caller.account_id, made))
    return Json(conversation_fields(made), status_code=201)


@router.get("")
async def list_own(request: Request) -> Response:
    """The caller's conversations, newest first."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    limit = _limit(request)
    found = await services.store.read(lambda: list_conversations(caller.account_id, limit))
    return Json({"conversations": [{**conversation_fields(one), "messages": one.messages} for one in found]})


@router.get("/{conversation_id}")
async def show(request: Request, conversation_id: str) -> Response:
    """One conversation with its messages."""
    found, messages = await _read(request, conversation_id)
    return Json({**conversation_fields(found), "messages": [message_fields(message) for message in messages]})


@router.delete("/{conversation_id}", status_code=204)
async def delete(request: Request, conversation_id: str) -> Response:
    """Remove one conversation with its messages."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    await services.store.write(lambda: delete_conversation(caller.account_id, conversation_id))
    return Response(status_code=204)


@router.get("/{conversation_id}/citations")
async def export(request: Request, conversation_id: str) -> Response:
    """Every source that the conversation cites, each once, in the form that is asked for."""
    wanted = request.query_params.get("format", "ma_indonesia")
    _, messages = await _read(request, conversation_id)
    write = EXPORT_FORMATS.get(wanted)
    if write is None:
        known = ", ".join(sorted(EXPORT_FORMATS))
        raise InvalidRequest("Unknown format", errors=[FieldError("format", f"Must be one of: {known}")])
    lines = dict.fromkeys(write(one) for message in messages for one in load_citations(message.citations))
    return Json({"format": wanted, "citations": list(lines)})


async def _read(request: Request, conversation_id: str) -> tuple[Conversation, Sequence[Message]]:
    """The caller's conversation and its messages; a stranger's looks missing."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")

    def both() -> Work[tuple[Conversation, Sequence[Message]]]:
        found = yield from find_conversation(caller.account_id, conversation_id)
        return found, (yield from list_messages(conversation_id))

    return await services.store.read(both)


def _limit(request: Request) -> int:
    raw = request.query_params.get("limit", str(_DEFAULT_LIMIT))
    if not (raw.isascii() and raw.isdigit() and len(raw) < 5 and 1 <= int(raw) <= _LARGEST_LIMIT):
        raise InvalidRequest(
            "Invalid limit", errors=[FieldError("limit", f"Must be a whole number from 1 to {_LARGEST_LIMIT}")]
        )
    return int(raw)
