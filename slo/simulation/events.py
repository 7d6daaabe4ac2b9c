"""What a person would call an event, found in a history: a stretch in which the error budget burns too fast, and what it cost.

The Site Reliability Workbook (chapter 5) calls an event significant when it consumes a large fraction of the error budget. Here an event is
a stretch in which more than the error budget's share of the events is bad; two that are at most an hour apart are one event if each of them,
together with the time between, still burns too fast: a single failure long before an outage is not its begin. Its cost is its bad events as a share of the whole window's budget.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slo.simulation.budgets import Budget
from slo.simulation.firing import HAIR, runs
from slo.simulation.history import Sums
from slo.spec import SLO

JOINED_WITHIN = 3600.0
"""Seconds between two stretches that may still be one event."""


@dataclass(frozen=True, slots=True)
class Event:
    """A stretch that burned the budget too fast.

    Attributes:
        start: Seconds since the epoch.
        end: The same.
        cost: Share of the whole window's error budget that it spent.
        open: It still went on when the history ended.
    """

    start: float
    end: float
    cost: float
    open: bool = False


def events(slo: SLO, weights: Sums, budget: Budget) -> tuple[Event, ...]:
    """The events of a history, oldest first."""
    grid, limit = weights.grid, float(slo.error_budget) * (1 + HAIR)
    bad, valid = (np.diff(total[budget.begin :]) for total in (weights.bad, weights.valid))
    gap = JOINED_WITHIN / grid.interval
    stretches: list[tuple[int, int]] = []
    for first, last in runs(bad > limit * valid + HAIR):
        begin, end = first + budget.begin, last + 1 + budget.begin
        before = stretches[-1] if stretches else None
        if (
            before is not None
            and begin - before[1] <= gap
            and _burns(weights, limit, before[0], begin)
            and _burns(weights, limit, before[1], end)
        ):
            stretches[-1] = (before[0], end)
        else:
            stretches.append((begin, end))
    return tuple(
        Event(
            grid.start + grid.interval * begin,
            grid.start + grid.interval * end,
            float((weights.bad[end] - weights.bad[begin]) / budget.allowed[end]) if budget.allowed[end] > 0 else 0.0,
            open=end == grid.count - 1,
        )
        for begin, end in stretches
    )


def _burns(weights: Sums, limit: float, begin: int, end: int) -> bool:
    return bool(weights.bad[end] - weights.bad[begin] > limit * (weights.valid[end] - weights.valid[begin]))
