"""Histories out of a Prometheus, by range queries: what it does not know stays a gap."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Protocol

import numpy as np

from slo.errors import InvalidInput, Problem
from slo.quantities import format_duration
from slo.simulation.history import Floats, Groups, History
from slo.sli import bad_or_none, by_group, counted, over, valid_of
from slo.spec import SLO, Cell, Direction, RawSLI, TimeSliceSLI, cell
from target.prometheus import Series

POINTS_PER_QUERY = 2_000
"""Prometheus answers 11,000 at most; less at once shows progress and leaves it time for others."""
LEAST_STEP = 60
SCRAPES_PER_STEP = 4
"""`increase()` needs two samples in its range, and is the truer the more there are."""


class Asked(Protocol):
    """What is asked of a Prometheus; `target.prometheus.Prometheus` answers."""

    url: str

    def range(self, query: str, start: float, end: float, step_seconds: float) -> tuple[Series, ...]:
        """A query evaluated at every step."""

    def scrape_interval(self, selector: Cell) -> float | None:
        """Seconds between two looks at the instances with these labels."""


def step_for(prometheus: Asked, slo: SLO) -> int:
    """A step that holds enough scrapes, in whole minutes."""
    interval = prometheus.scrape_interval(slo.selector) or 0.0
    return max(LEAST_STEP, math.ceil(SCRAPES_PER_STEP * interval / 60) * 60)


def asked(
    prometheus: Asked, slo: SLO, start: float, end: float, step: int, progress: Callable[[float], object]
) -> Groups:
    """The history of an SLO from `start` to `end`, for each value of its `group_by`.

    Args:
        prometheus: Who is asked.
        slo: Whose history.
        start: Seconds since the epoch.
        end: The same.
        step: Seconds of a step.
        progress: Called with the share that is done.

    Raises:
        PrometheusDown: It gives no answer.
        InvalidInput: It knows no series of this SLO.
    """
    bad_query, valid_query = queries(slo, step)
    count = int((end - start) / step + 1e-9)
    bad: dict[Cell, Floats] = {}
    valid: dict[Cell, Floats] = {}
    for query, into, done in ((valid_query, valid, 0.0), (bad_query, bad, 0.5)):
        for first, last in _parts(count):
            # The value at an instant is that of the step which ends there.
            found = prometheus.range(query, start + (first + 1) * step, start + last * step, step)
            for series in found:
                group = cell({name: series.labels.get(name, "") for name in slo.group_by})
                _fill(into.setdefault(group, np.full(count, np.nan)), series, start, step)
            progress(done + last / count / 2)
    if not valid:
        said = f"has no series of {slo.id} in this time"
        raise InvalidInput(
            (Problem(prometheus.url, None, "", said, f"ask it for {valid_query}, or take a longer --step"),)
        )
    return {
        group: History(start, float(step), events, np.minimum(bad.get(group, np.full(count, np.nan)), events))
        for group, events in valid.items()
    }


def queries(slo: SLO, step: int) -> tuple[str, str]:
    """Bad and valid events of a step in PromQL, or what stands for them.

    Raises:
        ValueError: It is a composite, which is known by its components.
    """
    window = format_duration(Decimal(step))
    sli = slo.sli.of if isinstance(slo.sli, TimeSliceSLI) else counted(slo)
    if isinstance(slo.sli, RawSLI):
        ratio = f"max{by_group(slo)}({over(slo.sli.error_ratio, window)}) >= 0"
        return ratio, f"({ratio}) >= bool 0"
    if isinstance(sli, str) and isinstance(slo.sli, TimeSliceSLI):
        least = slo.sli.direction is Direction.AT_LEAST
        value = f"{'min' if least else 'max'}{by_group(slo)}({over(sli, window)})"
        return f"{value} {'<' if least else '>'} bool {slo.sli.limit}", f"{value} == bool {value}"
    if sli is None or isinstance(sli, str):
        raise ValueError(f"{slo.id}: it has no events of its own; ask for its components")
    return bad_or_none(sli, slo, window), valid_of(sli, slo, window)


def _parts(count: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, POINTS_PER_QUERY):
        yield first, min(count, first + POINTS_PER_QUERY)


def _fill(events: Floats, series: Series, start: float, step: float) -> None:
    for at, value in series.points:
        place = round((at - start) / step) - 1
        if value is not None and 0 <= place < len(events):
            events[place] = max(0.0, value)
