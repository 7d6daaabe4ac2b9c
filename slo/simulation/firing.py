"""When an alert fires: both windows over the limit, for as long as its `for`, at the evaluations of its group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from slo.budget import firing_ratio
from slo.simulation.courses import Course, Evaluation
from slo.simulation.history import Floats, Grid, Truths
from slo.spec import SLO, Window

HAIR = 1e-9
"""Relative: a ratio that is exactly the limit is not over it, whatever the last digit of many sums says."""


@dataclass(frozen=True, slots=True)
class Span:
    """One time that an alert fired.

    Attributes:
        start: First evaluation at which it fired, seconds since the epoch.
        end: First evaluation at which it did not any more; where `open`, the end of the history.
        pending: First evaluation at which its expression held; `for` runs from there.
        looked_back: Seconds that its long window reached back.
        open: It still fired when the history ended.
    """

    start: float
    end: float
    pending: float
    looked_back: float
    open: bool = False

    @property
    def seconds(self) -> float:
        """How long it fired, as far as the history goes."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to hold for an alert, whoever thought of it.

    Attributes:
        holds: Whether its expression yields something, at every instant of the grid.
        interval: Seconds between two evaluations.
        hold: `for` in seconds.
        looked_back: Seconds that its longest window reaches back.
    """

    holds: Truths
    interval: float
    hold: float
    looked_back: float


def pair_condition(slo: SLO, window: Window, course: Course, evaluation: Evaluation) -> Condition:
    """The condition of a burn-rate alert of ours: long and short window over the limit, and enough events."""
    long, short = float(window.long), float(window.short)
    limit = float(firing_ratio(slo, window))
    holds = over(course.recorded(long), limit) & over(course.recorded(short), limit)
    events = course.events(long) if slo.least_events else None
    if events is not None:
        holds &= events >= slo.least_events
    return Condition(holds, evaluation.interval(long), float(window.hold), long)


def over(ratio: Floats, limit: float) -> Truths:
    """Where an error ratio lies over a limit. NaN does not: a window without events fires nothing."""
    with np.errstate(invalid="ignore"):
        return np.asarray(ratio > limit * (1 + HAIR), dtype=np.bool_)


def firing(condition: Condition, grid: Grid) -> tuple[Span, ...]:
    """The times at which an alert with this condition fires."""
    every = max(1, round(condition.interval / grid.interval))
    # Prometheus evaluates at multiples of the interval; a history begins where it likes.
    skipped = round((-grid.start % (every * grid.interval)) / grid.interval) % every
    holds = condition.holds[skipped::every]
    step, start = every * grid.interval, grid.start + skipped * grid.interval
    waits = math.ceil(condition.hold / step - 1e-9)
    found = []
    for first, last in runs(holds):
        if last - first < waits:
            continue
        cut = last == len(holds) - 1
        end = grid.end if cut else start + (last + 1) * step
        begin = start + first * step
        found.append(Span(begin + waits * step, end, begin, condition.looked_back, open=cut))
    return tuple(found)


def runs(holds: Truths) -> list[tuple[int, int]]:
    """First and last place of each stretch that is true throughout."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], holds, [False])).astype(np.int8)))
    return [(int(first), int(after) - 1) for first, after in zip(edges[::2], edges[1::2], strict=True)]


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans of several alerts as one person lives through them: what overlaps or touches is one."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if found and span.start <= found[-1].end:
            last = found[-1]
            longest = max(last.looked_back, span.looked_back)
            since = min(last.pending, span.pending)
            found[-1] = Span(last.start, max(last.end, span.end), since, longest, last.open or span.open)
        else:
            found.append(span)
    return tuple(found)


def within(spans: Sequence[Span], start: float) -> tuple[Span, ...]:
    """The spans that reach past a time; what lies before it is the lead-in of a simulation."""
    return tuple(span for span in spans if span.end > start)
