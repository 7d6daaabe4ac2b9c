"""What one request turns out to be; the middleware makes it, the routes fill it in, and it is counted once at the end."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.types import Scope

if TYPE_CHECKING:
    from service.quotas.limits import Decision
    from service.telemetry.recording import Recording

ANONYMOUS = "anonymous"
"""The role before authentication."""
UNCLASSIFIED = "none"
"""The complexity before classification."""
SCOPE_KEY = "courtsight.record"
HEADERS_KEY = "courtsight.headers"
"""A request's headers by their names, of several with one name the last: half a dozen places look for one that most requests do not have."""


@dataclass(slots=True)
class RequestRecord:
    """One request. `started` and `first_content` are monotonic seconds; `outcome` is set where a status cannot say it.

    `quota` names the quota of the network that it came from, `rate` is the limit that is nearest to its end, `rate_policy` all that were counted;
    `speaks_openai` says in whose form errors are told; `headers` go out with the answer.
    `conversation` is a keyed hash of the conversation's id, for spans alone. It, `span` and `agent` are there only where the request's trace is recorded: nearly all requests carry ids and nothing else.
    """

    request_id: str
    trace_id: str
    started: float
    role: str = ANONYMOUS
    complexity: str = UNCLASSIFIED
    outcome: str | None = None
    user: str | None = None
    account_id: str | None = None
    problem: str | None = None
    first_content: float | None = None
    stream_end: str | None = None
    speaks_openai: bool = False
    quota: str | None = None
    rate: Decision | None = None
    rate_policy: str = ""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    span: Recording | None = None
    agent: Recording | None = None
    conversation: str | None = None
    label: str | None = None

    @property
    def exemplar(self) -> dict[str, str] | None:
        """What joins an observation with the trace of its request; None where nobody could look that trace up."""
        return {"trace_id": self.trace_id} if self.span is not None else None


CURRENT: ContextVar[RequestRecord | None] = ContextVar("courtsight.record", default=None)
"""The request that is being served; tasks that are begun for it inherit it."""


def record_of(scope: Scope) -> RequestRecord:
    """The record of the request that a scope belongs to."""
    record: RequestRecord = scope[SCOPE_KEY]
    return record


def current_exemplar() -> dict[str, str] | None:
    """The exemplar of the request that is being served."""
    record = CURRENT.get()
    return record.exemplar if record is not None else None
