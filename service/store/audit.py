"""The audit trail: what was done to accounts, access and conversations, by whom and when."""

from __future__ import annotations

from service.store.work import Work, run


def note(now: float, action: str, subject: str) -> Work[None]:
    """Write one line of the audit trail."""
    yield from run("INSERT INTO audit (at, action, subject) VALUES ($1, $2, $3)", now, action, subject)
