"""One message: how its answer came about, and what its reader thinks of it."""

from __future__ import annotations

from fastapi import Request, Response

from service.api.routing import router_of
from service.api.shapes import examined_fields, feedback_fields
from service.api.wire import Json, NewFeedback, read_body
from service.errors import InvalidRequest
from service.examination import examine_message
from service.sanitising import cleaned
from service.services import enter, services_of
from service.store.conversations import find_message
from service.store.feedback import Feedback, put_feedback
from service.store.work import Work

router = router_of("/v1/messages")


@router.get("/{message_id}")
async def show(request: Request, message_id: str) -> Response:
    """One message of the caller, with passages, versions, steps and tools of an answer."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    return Json(examined_fields(await services.store.read(lambda: examine_message(caller.account_id, message_id))))


@router.put("/{message_id}/feedback")
async def rate(request: Request, message_id: str) -> Response:
    """Say what one thinks of an answer of one's own conversation; again replaces it."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("read")
    body = await read_body(request, NewFeedback, services.deployment.limits.body_bytes)
    given = Feedback(message_id, body.score, cleaned(body.comment or "").strip(), services.surroundings.wall_clock())

    def job() -> Work[None]:
        _, message = yield from find_message(caller.account_id, message_id)
        if message.author != "assistant":
            raise InvalidRequest("Only an answer can be rated: send the id of the assistant's message")
        yield from put_feedback(given)

    await services.store.write(job)
    services.metrics.feedback.observe(caller.role.name, value=given.score)
    return Json(feedback_fields(given))
