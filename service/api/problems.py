"""Errors as RFC 9457 problems, all of one form."""

from __future__ import annotations

import math
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.api.openai_problems import openai_error, openai_status
from service.errors import (
    EncodedBody,
    KeyBusy,
    NotFound,
    Problem,
    ProviderUnavailable,
    StorageUnavailable,
    TooBusy,
    Unauthenticated,
)

if TYPE_CHECKING:
    from service.telemetry.record import RequestRecord

MEDIA_TYPE = "application/problem+json"


class MethodNotAllowed(Problem):
    """The route exists, and not for this method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"

    def __init__(self, detail: str, allowed: Iterable[str]) -> None:
        """Refuse; `allowed` are the methods of the path, which RFC 9110 (section 15.5.6) wants told."""
        super().__init__(detail)
        self.allowed = sorted(allowed)


def problem_fields(problem: Problem, record: RequestRecord) -> dict[str, Any]:
    """The members of a problem."""
    fields: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": record.request_id,
        "trace_id": record.trace_id,
    }
    if problem.errors:
        fields["errors"] = [{"path": error.path, "message": error.message} for error in problem.errors]
    return fields


def problem_body(problem: Problem, record: RequestRecord) -> bytes:
    """A problem as JSON."""
    return orjson.dumps(problem_fields(problem, record))


def problem_response(problem: Problem, record: RequestRecord) -> Response:
    """A problem as a response, noted in the request's record."""
    record.problem = problem.code
    headers = {}
    if isinstance(problem, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(problem, StorageUnavailable | KeyBusy):
        headers["Retry-After"] = "1"
    if isinstance(problem, ProviderUnavailable | TooBusy):
        headers["Retry-After"] = str(max(1, math.ceil(problem.retry_after_seconds)))
    if isinstance(problem, MethodNotAllowed):
        headers["Allow"] = ", ".join(problem.allowed)
    if isinstance(problem, EncodedBody):
        # RFC 9110, 12.5.3: in a 415, what the service takes of encodings.
        headers["Accept-Encoding"] = "identity"
    if record.speaks_openai:
        return Response(
            orjson.dumps(openai_error(problem, record)), openai_status(problem), headers, "application/json"
        )
    return Response(problem_body(problem, record), problem.status.value, headers, MEDIA_TYPE)


def from_http(error: HTTPException, allowed: Iterable[str]) -> Problem:
    """What Starlette refuses by itself, in our words; `allowed` are the methods of the path."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed("The route exists, and does not take this method", allowed)
    return NotFound("There is no such route")
