"""What models cost, by UTC day, role and process. A process only ever writes its own rows, and whole sums: writing twice is harmless."""

from __future__ import annotations

from collections.abc import Mapping

from service.store.work import Work, rows, run


def write_spending(process: str, usd: Mapping[tuple[str, str], float]) -> Work[None]:
    """Set the sums of a process, by day and role."""
    for (day, role), spent in usd.items():
        yield from run(
            "INSERT INTO spending (day, role, process, usd) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (day, role, process) DO UPDATE SET usd = excluded.usd",
            day,
            role,
            process,
            spent,
        )


def spent_by_others(day: str, process: str) -> Work[dict[str, float]]:
    """US dollars by role that all other processes spent on a day, those that have ended too."""
    found = yield from rows(
        "SELECT role, sum(usd) FROM spending WHERE day = $1 AND process <> $2 GROUP BY role", day, process
    )
    return {role: float(usd) for role, usd in found}
