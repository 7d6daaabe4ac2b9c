"""Switches that operators turn while the service runs. They are kept in SQL, so that every worker and the next start sees them."""

from __future__ import annotations

from service.store.audit import note
from service.store.work import Work, one, run

EXTRACTIVE_ONLY = "extractive-only"
"""On: every answer is written by the extractive engine, and nothing is sent to a provider."""
SWITCHES: tuple[str, ...] = (EXTRACTIVE_ONLY,)


def is_on(name: str) -> Work[bool]:
    """Whether a switch is on; one that nobody ever turned is off."""
    row = yield from one("SELECT state FROM switches WHERE name = $1", name)
    return row is not None and row[0] == "on"


def turn(name: str, *, on: bool, now: float, by: str) -> Work[None]:
    """Turn a switch, and write down who did."""
    state = "on" if on else "off"
    yield from run(
        "INSERT INTO switches (name, state, changed_at, changed_by) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (name) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at,"
        " changed_by = excluded.changed_by",
        name,
        state,
        now,
        by,
    )
    yield from note(now, "switch_turned", f"{name} {state}", actor=by)
