"""What keeps a run's decision from GO, for who sees only the end of a test's output."""

from __future__ import annotations

from typing import Any

import alerts.drills.record
import benchmarks.doubt

MOST_LINES = 20
ASKING = (benchmarks.doubt.AGAIN, alerts.drills.record.AGAIN)
"""How reasons end that ask for another measurement, because the machine was too busy for this one."""


def shortfalls(decision: dict[str, Any]) -> list[str]:
    """A line each: evidence that cannot be used, cells of gates without a PASS, then what else is in the way."""
    refused = {source["kind"]: source["reason"] for source in decision["sources"] if source["reason"]}
    unusable = [f"{kind}: {reason}" for kind, reason in refused.items()]
    rows = [row for row in decision["rows"] if row["verdict"] != "PASS"]
    cells = [f"{_cell(row)}: {row['verdict'] or 'not measured'}, {row['reason']}" for row in rows]
    told = {*refused, *(row["gate"] for row in rows)}
    others = [f"{one['subject']}: {one['text']}" for one in decision["blocking"] if one["subject"] not in told]
    return [" ".join(line.split()) for line in (*unusable, *cells, *others)]


def asks_again(decision: dict[str, Any]) -> bool:
    """Whether all that keeps a decision from GO is the machine's, by the decision's own words."""
    lines = shortfalls(decision)
    return bool(lines) and all(is_the_machines(line) for line in lines)


def is_the_machines(reason: str) -> bool:
    """Whether a reason asks for another measurement."""
    return any(words in reason for words in ASKING)


def told(decision: dict[str, Any]) -> str:
    """The decision and what keeps it from GO, the first twenty lines of it."""
    lines = shortfalls(decision)
    beyond = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join([f"{decision['readiness']} for phase {decision['phase']}", *lines[:MOST_LINES], *beyond])


def _cell(row: dict[str, Any]) -> str:
    return " ".join((row["gate"], *(f"{name}={value}" for name, value in sorted(row["labels"].items()))))
