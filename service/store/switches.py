"""Switches that operators turn while the service runs. They are kept in SQL, so that every worker and the next start sees them."""

from __future__ import annotations

import sqlite3

from service.store.accounts import note

EXTRACTIVE_ONLY = "extractive-only"
"""On: every answer is written by the extractive engine, and nothing is sent to a provider."""
SWITCHES: tuple[str, ...] = (EXTRACTIVE_ONLY,)


def is_on(connection: sqlite3.Connection, name: str) -> bool:
    """Whether a switch is on; one that nobody ever turned is off."""
    row = connection.execute("SELECT state FROM switches WHERE name = ?", (name,)).fetchone()
    return row is not None and row[0] == "on"


def turn(connection: sqlite3.Connection, name: str, *, on: bool, now: float, by: str) -> None:
    """Turn a switch, and write down who did."""
    state = "on" if on else "off"
    connection.execute(
        "INSERT INTO switches (name, state, changed_at, changed_by) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at,"
        " changed_by = excluded.changed_by",
        (name, state, now, by),
    )
    note(connection, now, f"switch {name} {state}", by)
