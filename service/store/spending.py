"""What models cost, by UTC day, role and process. A process only ever writes its own rows, and whole sums: writing twice is harmless."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping


def write_spending(connection: sqlite3.Connection, process: str, usd: Mapping[tuple[str, str], float]) -> None:
    """Set the sums of a process, by day and role."""
    connection.executemany(
        "INSERT INTO spending (day, role, process, usd) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (day, role, process) DO UPDATE SET usd = excluded.usd",
        [(day, role, process, spent) for (day, role), spent in usd.items()],
    )


def spent_by_others(connection: sqlite3.Connection, day: str, process: str) -> dict[str, float]:
    """US dollars by role that all other processes spent on a day, those that have ended too."""
    rows = connection.execute(
        "SELECT role, sum(usd) FROM spending WHERE day = ? AND process <> ? GROUP BY role", (day, process)
    )
    return {role: float(usd) for role, usd in rows}
