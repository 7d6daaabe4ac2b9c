"""The audit trail: what was done to accounts, access and conversations, by whom and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.store.work import Work, rows, run


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line of the trail.

    `at` is in seconds since the epoch. `actor` is an account's id, or who acted without one: `command line`, a keyed hash of a
    name that nobody logged in with. `times` counts equal events of a minute that were not written one by one.
    """

    at: float
    action: str
    subject: str
    actor: str = ""
    request_id: str = ""
    conversation_id: str = ""
    times: int = 1


OF_ACCOUNTS = "account_"
"""Actions that begin so have the account's name as the first word of their subject; no other subject holds a name."""
_COLUMNS = "at, action, subject, actor, request_id, conversation_id, times"
_INSERT = f"INSERT INTO audit ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)"


def note(
    now: float,
    action: str,
    subject: str,
    *,
    actor: str = "",
    request_id: str = "",
    conversation_id: str = "",
) -> Work[None]:
    """Write one line of the audit trail."""
    yield from write_events([AuditEvent(now, action, subject, actor, request_id, conversation_id)])


def write_events(events: Iterable[AuditEvent]) -> Work[None]:
    """Write lines of the audit trail."""
    for one in events:
        yield from run(
            _INSERT, one.at, one.action, one.subject, one.actor, one.request_id, one.conversation_id, one.times
        )


def events_of(conversation_id: str) -> Work[Sequence[AuditEvent]]:
    """The events of one conversation, the oldest first."""
    sql = f"SELECT {_COLUMNS} FROM audit WHERE conversation_id = $1 ORDER BY seq"
    return [AuditEvent(*row) for row in (yield from rows(sql, conversation_id))]


def audit_since(moment: float, limit: int) -> Work[Sequence[AuditEvent]]:
    """The newest events from a moment on, at most `limit`, the oldest first."""
    sql = f"SELECT {_COLUMNS} FROM audit WHERE at >= $1 ORDER BY seq DESC LIMIT $2"
    return [AuditEvent(*row) for row in reversed((yield from rows(sql, moment, limit)))]
