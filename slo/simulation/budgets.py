"""The error budget over time: how much of it is spent, and when it ran out.

Spent at an instant are the bad events of the SLO window that ends there, as a share of what a whole window's traffic may have. While
the history is younger than a window, a whole window has the events of the first one; a history shorter than that is taken to go on
alike. So a burn-down only falls until its window moves on, and on its last day says what `slo:period_error_budget_remaining:ratio` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from slo.simulation.history import Floats, Grid, Sums
from slo.spec import SLO

DAY = 86400.0
FAR = 3660 * DAY


@dataclass(frozen=True, slots=True, eq=False)
class Budget:
    """The budget of one SLO (of one group) at each instant of a grid.

    Attributes:
        begin: Place on the grid at which the simulated time begins; what lies before is lead-in.
        allowed: Bad events that a whole window may have.
        spent: Share of them that is used up; over 1 when overspent, NaN while nothing is known.
        calendar: Whether it begins anew with each calendar month.
    """

    grid: Grid
    begin: int
    allowed: Floats
    spent: Floats
    calendar: bool = False

    @property
    def left(self) -> float:
        """Share that is left at the end; negative when overspent, NaN without events."""
        return 1.0 - float(self.spent[-1])

    @property
    def lowest(self) -> float:
        """Least share that was left at any time: a window that moves on forgets what was spent."""
        known = self.spent[self.begin :]
        return float("nan") if np.isnan(known).all() else 1.0 - float(np.nanmax(known))

    @property
    def exhausted(self) -> float | None:
        """When it ran out for the first time, seconds since the epoch; None if it did not."""
        with np.errstate(invalid="ignore"):
            over = np.flatnonzero(self.spent[self.begin :] >= 1.0 - 1e-12)
        return self.grid.start + self.grid.interval * (self.begin + int(over[0])) if len(over) else None

    @property
    def projected(self) -> float | None:
        """When it would run out at the mean pace of the last day; None when it has, or would not within ten years.

        A calendar month's budget runs out in this month or, begun anew, in the next one; or not at all.
        """
        day = max(self.begin, self.grid.count - 1 - round(DAY / self.grid.interval))
        seconds = (self.grid.count - 1 - day) * self.grid.interval
        pace = float(self.spent[-1] - self.spent[day]) / seconds if seconds else 0.0
        if self.exhausted is not None or not pace > 0:
            return None
        seconds = self.left / pace
        if self.calendar:
            following = month_of(self.grid.end)[1]
            begin, until = following - self.grid.end, month_of(following)[1] - self.grid.end
            seconds = next((end for end, by in ((seconds, begin), (begin + 1 / pace, until)) if end < by), FAR)
        return self.grid.end + seconds if seconds < FAR else None


def budget(slo: SLO, weights: Sums, begin: int) -> Budget:
    """The budget of an SLO over what counts against it, from a place on the grid on."""
    bad, valid = weights.bad - weights.bad[begin], weights.valid - weights.valid[begin]
    window = float(slo.window)
    spent, whole = _by_month(weights.grid, begin, bad, valid) if slo.calendar else _rolling(weights, begin, window)
    allowed = whole * float(slo.error_budget)
    known = allowed > 0
    shares = np.where(known, np.clip(spent, 0.0, None) / np.where(known, allowed, 1.0), np.nan)
    return Budget(weights.grid, begin, allowed, shares, slo.calendar)


def _rolling(weights: Sums, begin: int, window: float) -> tuple[Floats, Floats]:
    """Bad events of the window that ends at each instant, and valid ones of a whole window."""
    grid = weights.grid
    lag = max(1, round(window / grid.interval))
    places = np.arange(grid.count)
    since = np.clip(places - lag, begin, None)
    bad, valid = (total - total[since] for total in (weights.bad, weights.valid))
    full = begin + lag
    if full < grid.count:
        first = float(weights.valid[full] - weights.valid[begin])
        return bad, np.where(places < full, first, valid)
    held = max(1, grid.count - 1 - begin)
    first = float(weights.valid[-1] - weights.valid[begin]) * lag / held
    return bad, np.full(grid.count, first)


def _by_month(grid: Grid, begin: int, bad: Floats, valid: Floats) -> tuple[Floats, Floats]:
    """The same since the first of each calendar month, UTC; a month that is only partly there is taken to go on alike."""
    spent, whole = np.zeros(grid.count), np.zeros(grid.count)
    start = grid.start + grid.interval * begin
    while start < grid.end:
        first, following = month_of(start)
        here, after = grid.place(max(start, grid.start + grid.interval * begin)), grid.place(following)
        last = after if following <= grid.end else grid.count - 1
        held = (last - here) * grid.interval
        month = slice(here, last + 1)
        spent[month] = bad[month] - bad[here]
        whole[month] = (valid[last] - valid[here]) * (following - first) / held if held else 0.0
        start = following
    return spent, whole


def month_of(at: float) -> tuple[float, float]:
    """Begin of the calendar month of this time, and of the next one; UTC, seconds since the epoch."""
    day = datetime.fromtimestamp(at, UTC)
    first = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first.timestamp(), following.timestamp()
