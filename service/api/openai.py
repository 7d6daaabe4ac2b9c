"""The routes that clients of OpenAI's API call: the same questions, in other words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response

from service import __version__
from service.api.asking import Asking, respond
from service.api.chat import wants_own
from service.api.completion import Completion, Heading
from service.api.cutting import Cutting
from service.api.openai_wire import CompletionRequest, asked_in
from service.api.routing import router_of
from service.api.wire import Json, parsed, read_raw
from service.errors import FieldError, ModelNotFound
from service.services import Services, enter, services_of
from service.telemetry.record import record_of

router = router_of("/v1")

_CREATED = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp())
"""Since when there are these models."""
_EXTRACTIVE = "-extractive"


@router.post("/chat/completions")
async def complete(request: Request) -> Response:
    """Answer the last question of a conversation that the client keeps."""
    services = services_of(request)
    record = record_of(request.scope)
    caller = await enter(request, services)
    caller.require("read")
    limits = services.deployment.limits
    raw = await read_raw(request, limits.history_bytes)
    wanted = parsed(raw, CompletionRequest)
    model = _known(services, wanted.model, "model")
    asked = asked_in(wanted, limits.message_characters)
    await services.turnstile.count_session(record, caller, wanted.conversation_id)
    services.metrics.received.inc()
    turn = await services.turns.open(
        caller,
        asked.text,
        wanted.conversation_id,
        record.request_id,
        cacheable=not wants_own(request),
        filters=wanted.filters,
        trace_id=record.trace_id,
        earlier=asked.earlier,
        extractive=model.endswith(_EXTRACTIVE),
    )
    heading = Heading(f"chatcmpl-{turn.id}", int(turn.asked_at), model, _versions(services))
    stops = [wanted.stop] if isinstance(wanted.stop, str) else wanted.stop or ()
    caps = [cap for cap in (wanted.max_tokens, wanted.max_completion_tokens) if cap is not None]
    with_usage = wanted.stream_options is not None and wanted.stream_options.include_usage is True
    form = Completion(heading, asked.text, Cutting(min(caps, default=None), stops), include_usage=with_usage)
    return await respond(request, Asking(services, record, turn, form), raw, stream=wanted.stream is True)


@router.get("/models")
async def list_models(request: Request) -> Response:
    """The models that a client may name: who writes is decided by us, or is the extractive engine."""
    services = services_of(request)
    (await enter(request, services)).require("read")
    return Json({"object": "list", "data": [_model(name) for name in _names(services)]})


@router.get("/models/{model}")
async def show_model(request: Request, model: str) -> Response:
    """One model."""
    services = services_of(request)
    (await enter(request, services)).require("read")
    return Json(_model(_known(services, model, None)))


def _names(services: Services) -> tuple[str, str]:
    name = services.deployment.name
    return name, name + _EXTRACTIVE


def _known(services: Services, model: str, member: str | None) -> str:
    """One of our own names, so that no label, answer or log ever holds a client's.

    Raises:
        ModelNotFound: it is none of them.
    """
    names = _names(services)
    for name in names:
        if name == model:
            return name
    errors = [FieldError(member, f"Must be one of: {', '.join(names)}")] if member else []
    raise ModelNotFound("There is no such model; GET /v1/models lists them", errors=errors)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "courtsight"}


def _versions(services: Services) -> str:
    """What an answer depends on: the service, the deployment and the state of its corpus."""
    return f"courtsight-{__version__}_{services.deployment.name}_{services.shelf.current.holdings.hash[:12]}"
