"""Conversations of the caller: make, list, read, rename, delete, and take along the citations or everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import Request, Response

from service.accepting import JSON, preferred
from service.api.paging import choice, cursor_of, moment_and_id, page, sequence, whole_number
from service.api.routing import router_of
from service.api.shapes import export_body, pieces_of, sources_of
from service.api.wire import (
    Json,
    NewConversation,
    NewTitle,
    checked_length,
    conversation_fields,
    message_fields,
    read_body,
)
from service.chat.citing import FORMS, Form
from service.examination import examine_conversation
from service.sanitising import cleaned_line
from service.security.access import Caller
from service.services import enter, services_of
from service.store.answers import records_behind
from service.store.audit import note
from service.store.conversations import (
    Conversation,
    Message,
    citations_of,
    delete_conversation,
    find_conversation,
    insert_conversation,
    list_conversations,
    messages_behind,
    rename_conversation,
)
from service.store.work import Work
from service.telemetry.record import RequestRecord, record_of

router = router_of("/v1/conversations")

_UNTITLED = "Percakapan baru"
_DEFAULT_LIMIT = 20
_LARGEST_LIMIT = 100
_DEFAULT_MESSAGES = 200
_MOST_MESSAGES = 500
_LONGEST_TITLE = 200
_PLAIN = "text/plain"
_FILES = {form.media_type: name for name, form in FORMS.items() if form.line is None}
"""The forms that a reader may name by a media type instead of by `format`."""


@router.post("", status_code=201)
async def create(request: Request) -> Response:
    """Make an empty conversation."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    body = await read_body(request, NewConversation, services.deployment.limits.body_bytes)
    surroundings = services.surroundings
    made = Conversation(
        surroundings.new_id(), cleaned_line(body.title or "") or _UNTITLED, surroundings.wall_clock(), 0
    )
    await services.store.write(lambda: insert_conversation(caller.account_id, made))
    return Json(conversation_fields(made), status_code=201)


@router.get("")
async def list_own(request: Request) -> Response:
    """The caller's conversations, newest first, a page at a time."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    limit = whole_number(request, "limit", _DEFAULT_LIMIT, 1, _LARGEST_LIMIT)
    behind = moment_and_id(request)
    found = await services.store.read(lambda: list_conversations(caller.account_id, limit + 1, behind))
    shown, following = page(found, limit, lambda last: cursor_of(last.created_at, last.id))
    listed = [{**conversation_fields(one), "messages": one.messages} for one in shown]
    return Json({"conversations": listed, "next_cursor": following})


@router.get("/{conversation_id}")
async def show(request: Request, conversation_id: str) -> Response:
    """One conversation with its messages, the first ones first, a page at a time."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    limit = whole_number(request, "limit", _DEFAULT_MESSAGES, 1, _MOST_MESSAGES)
    place = sequence(request)

    def all_three() -> Work[tuple[Conversation, Sequence[tuple[int, Message]], dict[str, tuple[str, str]]]]:
        found = yield from find_conversation(caller.account_id, conversation_id)
        said = yield from messages_behind(conversation_id, place, limit + 1)
        return found, said, (yield from records_behind(conversation_id, place, limit))

    found, said, records = await services.store.read(all_three)
    shown, following = page(said, limit, lambda last: cursor_of(last[0]))
    known = {message.id: _known(*records[message.id]) for _, message in said if message.id in records}
    messages = [{**message_fields(message), **known.get(message.id, {})} for _, message in shown]
    # A question is in the language in which it was answered; the answer to the last one may stand on the next page.
    for asked, (_, answered) in zip(messages, said[1:], strict=False):
        if asked["author"] == "user" and "language" in known.get(answered.id, {}):
            asked["language"] = known[answered.id]["language"]
    return Json({**conversation_fields(found), "messages": messages, "next_cursor": following})


def _known(model: str, record: str) -> dict[str, Any]:
    """What the reader of an answer must know of it, and in whose words it is read aloud."""
    told = orjson.loads(record)
    # Answers from before languages were kept have none.
    spoken = {"language": told["language"]} if told.get("language") else {}
    return {"notices": told["notices"], **spoken, "model": model}


@router.patch("/{conversation_id}")
async def rename(request: Request, conversation_id: str) -> Response:
    """Give one conversation another title."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    body = await read_body(request, NewTitle, services.deployment.limits.body_bytes)
    title = cleaned_line(checked_length(body.title, _LONGEST_TITLE, "title"))
    renamed = await services.store.write(lambda: rename_conversation(caller.account_id, conversation_id, title))
    # The title is part of what a follow-up may lean on.
    await services.sharing.memory.forget(caller.account_id, conversation_id)
    return Json(conversation_fields(renamed))


@router.delete("/{conversation_id}", status_code=204)
async def delete(request: Request, conversation_id: str) -> Response:
    """Remove one conversation with its messages; the audit trail keeps that it was removed, and nothing of it."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    now, record = services.surroundings.wall_clock(), record_of(request.scope)

    def job() -> Work[None]:
        yield from delete_conversation(caller.account_id, conversation_id)
        yield from _taken_down("delete conversation", conversation_id, caller, record, now)

    await services.store.write(job)
    await services.sharing.memory.forget(caller.account_id, conversation_id)
    return Response(status_code=204)


@router.get("/{conversation_id}/citations")
async def cited(request: Request, conversation_id: str) -> Response:
    """Every source that the conversation cites, each once, in the form that is asked for."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")

    def both() -> Work[Sequence[str]]:
        yield from find_conversation(caller.account_id, conversation_id)
        return (yield from citations_of(conversation_id))

    stored = await services.store.read(both)
    accepted = preferred(request.headers.get("accept", ""), (JSON, *_FILES, _PLAIN))
    wanted = choice(request, "format", _FILES.get(accepted or "", "ma_indonesia"), tuple(FORMS))
    form = FORMS[wanted]
    sources = await sources_of(stored)
    if form.line and accepted != _PLAIN:
        lines = dict.fromkeys(await pieces_of(map(form.line, sources)))
        return Json({"format": wanted, "citations": list(lines)})
    return _file(form, "".join(await pieces_of(form.write(sources))))


@router.get("/{conversation_id}/export")
async def export(request: Request, conversation_id: str) -> Response:
    """Everything that is known of one conversation, for whoever examines an answer; that it was taken is noted and part of it."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    now, record = services.surroundings.wall_clock(), record_of(request.scope)

    def taken() -> Work[None]:
        yield from find_conversation(caller.account_id, conversation_id)
        yield from _taken_down("export conversation", conversation_id, caller, record, now)

    # Apart: who writes need not wait until a long conversation is read.
    await services.store.write(taken)
    examined = await services.store.read(lambda: examine_conversation(caller.account_id, conversation_id))
    return Response(await export_body(examined, now), media_type="application/json")


def _file(form: Form, text: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{form.filename}"'}
    # Starlette adds the charset to text alone; JSON is UTF-8 by itself.
    return Response(text.encode(), headers=headers, media_type=form.media_type)


def _taken_down(action: str, conversation_id: str, caller: Caller, record: RequestRecord, now: float) -> Work[None]:
    """Note in the audit trail what was done with a conversation, by whom and in which request."""
    yield from note(
        now,
        action,
        conversation_id,
        actor=caller.account_id,
        request_id=record.request_id,
        conversation_id=conversation_id,
    )
