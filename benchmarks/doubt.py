"""What makes a whole measurement doubtful, whatever its numbers say: answers from a cache or of somebody else, faults that were ordered, late tokens.

A doubtful measurement keeps its numbers and loses its verdicts: each item is ERROR with the reason, which decides nothing and never passes.
Lateness alone makes answers come later, never sooner: it excuses what failed, and what passed in spite of it passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.truth import Truth
from slo.evidence import Evidence, Item
from slo.verdict import Verdict

AGAIN = "the machine was too busy; measure again"
"""How a reason ends that is the machine's and not the service's."""


def void(evidence: Evidence, reasons: Sequence[str], details: Mapping[str, Any] | None = None) -> Evidence:
    """The evidence with further details; with reasons, every item that was judged becomes ERROR and says why."""
    told = {**evidence.details, **(details or {}), **({"void": list(reasons)} if reasons else {})}
    if not reasons:
        return replace(evidence, details=told)
    said = "; ".join(reasons)
    items = tuple(
        item
        if item.verdict is Verdict.ERROR
        else replace(item, verdict=Verdict.ERROR, reason=f"{said} ({item.reason})")
        for item in evidence.items
    )
    return replace(evidence, items=items, details=told)


def excuse(evidence: Evidence, late: str) -> Evidence:
    """The evidence with every FAIL as ERROR, and `late` as the reason; nothing changes where that is empty."""
    if not late:
        return evidence
    items = tuple(excused(item, late) for item in evidence.items)
    return replace(evidence, items=items, details={**evidence.details, "late": late})


def excused(item: Item, late: str) -> Item:
    """An item that failed as ERROR, with `late` as the reason; any other as it is, and each where that is empty."""
    if not late or item.verdict is not Verdict.FAIL:
        return item
    return replace(item, verdict=Verdict.ERROR, reason=f"{late} ({item.reason})")


def doubts_of_cache(before: float | None, after: float | None) -> list[str]:
    """Why answers may come from a cache: its hits before and after; a service that counts none has none."""
    hits = (after or 0.0) - (before or 0.0)
    return [f"{hits:g} answers came from the cache, although none was asked for"] if hits > 0 else []


def doubts_of_simulator(truth: Truth, answered: int) -> list[str]:
    """Why the simulator's side does not carry the measurement.

    Args:
        truth: What the simulator says of this measurement.
        answered: Answers that the client counted.
    """
    found = []
    if truth.late_p95_seconds is None:
        found.append("the simulator sent no token")
    if truth.complete < answered:
        found.append(f"the simulator wrote {truth.complete} answers, {answered} came: the rest is somebody else's")
    if truth.faults:
        found.append(f"{truth.faults} questions met a fault that somebody ordered of the simulator")
    return found


def lateness_of_simulator(truth: Truth, longest_lateness: float) -> str:
    """Why answers may have come too late, or nothing: more than a twentieth of the tokens left later than so many seconds."""
    late = truth.late_p95_seconds
    if late is None or late <= longest_lateness:
        return ""
    return f"the simulator's tokens left {late * 1000:.0f} ms late (p95), at most {longest_lateness * 1000:.0f} ms are allowed: {AGAIN}"
