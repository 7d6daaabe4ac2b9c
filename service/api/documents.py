"""Documents for the library that the service answers from: send, list, see what became of them. For administrators."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from fastapi import Request, Response

from service.api.paging import cursor_of, moment_and_id, page, told_once, whole_number
from service.api.routing import router_of
from service.api.wire import Json, moment, read_raw
from service.errors import FieldError, InvalidRequest, NoLibrary
from service.intake import Intake, checked_name
from service.services import Services, enter, services_of
from service.store.audit import note
from service.store.documents import SentDocument, find_document, insert_document, list_documents
from service.store.work import Work
from service.telemetry.record import record_of

router = router_of("/v1/documents")

_BODY_SECONDS = 120.0
_DEFAULT_LIMIT = 20
_LARGEST_LIMIT = 100
_LONGEST_TYPE = 100


@router.post("", status_code=202)
async def send(request: Request) -> Response:
    """Take a document; it is read and published by a job beside the requests."""
    services = services_of(request)
    caller = await enter(request, services)
    caller.require("admin")
    intake = _intake(services)
    name = checked_name(told_once(request, "name") or "")
    content = await read_raw(request, services.deployment.limits.document_bytes, _BODY_SECONDS)
    if not content:
        raise InvalidRequest("The body is empty", errors=[FieldError("body", "Must hold the document itself")])
    around = services.surroundings
    sent = SentDocument(
        around.new_id(),
        name,
        request.headers.get("content-type", "application/octet-stream")[:_LONGEST_TYPE],
        len(content),
        sha256(content).hexdigest(),
        "queued",
        "",
        caller.account_id,
        around.wall_clock(),
        None,
    )
    request_id = record_of(request.scope).request_id

    def job() -> Work[None]:
        yield from insert_document(sent)
        yield from note(sent.created_at, "send document", sent.id, actor=caller.account_id, request_id=request_id)

    await intake.store_bytes(sent.id, content)
    await services.store.write(job)
    return Json(_fields(sent), status_code=202, headers={"Location": f"/v1/documents/{sent.id}"})


@router.get("")
async def list_sent(request: Request) -> Response:
    """Documents that were sent, the newest first, a page at a time."""
    services = services_of(request)
    (await enter(request, services)).require("admin")
    limit = whole_number(request, "limit", _DEFAULT_LIMIT, 1, _LARGEST_LIMIT)
    behind = moment_and_id(request)
    found = await services.store.read(lambda: list_documents(limit + 1, behind))
    shown, following = page(found, limit, lambda last: cursor_of(last.created_at, last.id))
    return Json({"documents": [_fields(one) for one in shown], "next_cursor": following})


@router.get("/{document_id}")
async def show(request: Request, document_id: str) -> Response:
    """One document, and what became of it."""
    services = services_of(request)
    (await enter(request, services)).require("admin")
    return Json(_fields(await services.store.read(lambda: find_document(document_id))))


def _intake(services: Services) -> Intake:
    if services.intake is None:
        raise NoLibrary(
            "This installation does not answer from a library: make one with `make ingest` and set COURTSIGHT_CORPUS to it"
        )
    return services.intake


def _fields(sent: SentDocument) -> dict[str, Any]:
    return {
        "document_id": sent.id,
        "name": sent.name,
        "media_type": sent.media_type,
        "bytes": sent.bytes,
        "digest": sent.digest,
        "state": sent.state,
        "detail": sent.detail or None,
        "created_at": moment(sent.created_at),
        "finished_at": moment(sent.finished_at) if sent.finished_at is not None else None,
    }
