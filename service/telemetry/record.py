"""What one request turns out to be; the middleware makes it, the routes fill it in, and it is counted once at the end."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from service.telemetry.metrics import ANONYMOUS, UNCLASSIFIED

SCOPE_KEY = "courtsight.record"


@dataclass(slots=True)
class RequestRecord:
    """One request. `started` and `first_content` are monotonic seconds; `outcome` is set where a status cannot say it."""

    request_id: str
    trace_id: str
    started: float
    role: str = ANONYMOUS
    complexity: str = UNCLASSIFIED
    outcome: str | None = None
    user: str | None = None
    problem: str | None = None
    first_content: float | None = None
    stream_end: str | None = None


def record_of(scope: Scope) -> RequestRecord:
    """The record of the request that a scope belongs to."""
    record: RequestRecord = scope[SCOPE_KEY]
    return record
