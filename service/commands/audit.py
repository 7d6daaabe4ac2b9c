"""`python -m service audit show`: what was done to accounts, access and conversations."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import orjson

from service.commands.accounts import Desk, kept, moment
from service.errors import ConfigurationError
from service.store.audit import AuditEvent, audit_since

_AGO = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": 60.0, "h": 3_600.0, "d": 86_400.0}


def shown(desk: Desk, since: str | None, limit: int, *, json: bool = False) -> list[str]:
    """The newest lines of the trail, the oldest of them first.

    Args:
        desk: whose trail.
        since: `30m`, `24h`, `7d`, or a moment like 2026-11-20T08:00Z; all when left out.
        limit: at most so many.
        json: JSON lines instead of columns.

    Raises:
        ConfigurationError: `since` is none, or the database cannot be used.
    """
    moment_from = 0.0 if since is None else _moment(since, desk.now)
    found = kept(desk, lambda: audit_since(moment_from, limit))
    return [_json(event) if json else _columns(event) for event in found]


def _moment(text: str, now: float) -> float:
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--since {text!r}: write 30m, 24h, 7d or 2026-11-20T08:00Z") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _columns(event: AuditEvent) -> str:
    times = f" ({event.times} times)" if event.times > 1 else ""
    who = event.actor or "-"
    # A line stays a line, whatever a name holds.
    subject = " ".join(event.subject.split()) + times
    return "\t".join((moment(event.at), event.action, who, subject, event.request_id, event.conversation_id)).rstrip()


def _json(event: AuditEvent) -> str:
    return orjson.dumps(
        {
            "at": moment(event.at),
            "action": event.action,
            "subject": event.subject,
            "actor": event.actor,
            "request_id": event.request_id,
            "conversation_id": event.conversation_id,
            "times": event.times,
        }
    ).decode()
