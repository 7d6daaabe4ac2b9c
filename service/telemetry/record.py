"""What one request turns out to be; the middleware makes it, the routes fill it in, and it is counted once at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.types import Scope

from service.telemetry.metrics import ANONYMOUS, UNCLASSIFIED

if TYPE_CHECKING:
    from service.quotas.limits import Decision

SCOPE_KEY = "courtsight.record"


@dataclass(slots=True)
class RequestRecord:
    """One request. `started` and `first_content` are monotonic seconds; `outcome` is set where a status cannot say it.

    `quota` names the quota of the network that it came from, `rate` is the limit that is nearest to its end, `rate_policy` all that were counted;
    `headers` go out with the answer.
    """

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
    quota: str | None = None
    rate: Decision | None = None
    rate_policy: str = ""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


def record_of(scope: Scope) -> RequestRecord:
    """The record of the request that a scope belongs to."""
    record: RequestRecord = scope[SCOPE_KEY]
    return record
