"""Errors in the form that clients of OpenAI's API read: the same problems, in other words."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from service.errors import InvalidRequest, Problem

if TYPE_CHECKING:
    from service.telemetry.record import RequestRecord

_BEGIN = "/v1/"
_CHAT = "/v1/chat/completions"
_NAMES = frozenset(
    {
        "agents", "assistants", "audio", "batches", "chatkit", "completions", "containers", "content_provenance_checks", "embeddings",
        "engines", "evals", "files", "fine_tuning", "images", "live", "models", "moderations", "organization", "projects", "realtime",
        "responses", "safety", "skills", "threads", "uploads", "vaults", "vector_stores", "videos", "webhook_endpoints",
        "webhook_event_types",
    }
)  # fmt: skip
"""What follows `/v1/` in the routes of OpenAI's API, whether we have them or not; but `chat` and `conversations`, which are ours too."""
_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


def speaks_openai(path: str) -> bool:
    """Whether a path is one of OpenAI's API: its clients read their own form, also of a route that there is not."""
    if not path.startswith(_BEGIN):
        return False
    name, slash, _ = path[len(_BEGIN) :].partition("/")
    return name in _NAMES or (bool(slash) and (path == _CHAT or path.startswith(f"{_CHAT}/")))


def openai_status(problem: Problem) -> HTTPStatus:
    """The problem's own status; what is wrong with a body is 400, as OpenAI has it."""
    return HTTPStatus.BAD_REQUEST if isinstance(problem, InvalidRequest) else problem.status


def openai_error(problem: Problem, record: RequestRecord) -> dict[str, Any]:
    """The body of an error. `param` is the first member that is wrong, and the message says what is wrong with it."""
    first = problem.errors[0] if problem.errors else None
    status = openai_status(problem)
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    return {
        "error": {
            "message": f"{problem.detail}. {first.path}: {first.message}" if first else problem.detail,
            "type": _TYPES.get(status, kind),
            "code": problem.code,
            "param": first.path if first else None,
            "request_id": record.request_id,
            "trace_id": record.trace_id,
        }
    }
