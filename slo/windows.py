"""Alert windows that work for an objective: the workbook's where they do, and derived ones where they come too late or never.

A constant fault that fails everything fires after `share x SLO window x error budget` seconds, whatever the long window is. At 99.9 %
and 2 % of 30 days that is 52 s; at 95 % it is 43 min, and at 90 % the factor 14.4 asks for 144 % bad events. Hence, for each pair:

- the factor is at most what still fires in time, at most what a share of bad events under 100 % can reach, and at most the
  workbook's budget share over this window;
- the long window is the longest, from the workbook's down a ladder, whose factor does not fall under the pair's floor.

Objectives of about 99 % and better over 28 to 30 days keep the workbook's numbers exactly, as nothing binds there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache

from slo.spec import Severity, Window

MINUTE = Decimal(60)
SHORTS_IN_LONG = 12
"""The workbook's short windows are a twelfth of the long ones."""
SHORTEST_HOLD = 2 * MINUTE
SLACK = Decimal("0.9")
"""Part of the highest factor that a pair may keep to, so that rounding its share down does not put it out of reach."""
DIGITS = 2
"""Significant digits of a derived budget share: people read 0.46 %, not 0.462962 %."""


@dataclass(frozen=True, slots=True)
class Row:
    """A pair of windows of the standard table, and what must hold when it is fitted.

    Attributes:
        latest: Seconds of a total outage within which it fires, `for` not counted.
        least_factor: Burn-rate factor below which its long window is shortened instead.
    """

    standard: Window
    latest: Decimal
    least_factor: Decimal


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """The standard table, and how its pairs are fitted to an objective.

    Attributes:
        highest_ratio: Largest share of bad events that an alert may wait for.
        shortest: Least short window in seconds.
        page_factor: Least factor of a page; a pair that cannot keep it is left out.
        ticket_factor: The same of a ticket.
        ladder: Long windows to choose from, in seconds.
    """

    rows: tuple[Row, ...]
    highest_ratio: Decimal
    shortest: Decimal
    page_factor: Decimal
    ticket_factor: Decimal
    ladder: tuple[Decimal, ...]

    @property
    def standard(self) -> tuple[Window, ...]:
        """The standard table as it is."""
        return tuple(row.standard for row in self.rows)

    def least_factor(self, severity: Severity) -> Decimal:
        """Factor under which no alert of this severity exists."""
        return self.page_factor if severity is Severity.PAGE else self.ticket_factor


@lru_cache(maxsize=4096)
def alert_windows(objective: Decimal, period: Decimal, policy: WindowPolicy) -> tuple[Window, ...]:
    """Pairs of windows for an objective over a period of so many seconds, loudest and fastest first.

    A pair is left out where no window lets it fire in time on a fast enough burn: under about 75 % there is no page, because
    even a total outage burns less than four times too fast.
    """
    budget = 1 - objective
    found = (_fitted(row, budget, period, policy) for row in policy.rows)
    return tuple(dict.fromkeys(window for window in found if window is not None))


def outage_seconds(window: Window, budget: Decimal, period: Decimal) -> Decimal:
    """Seconds of a total outage until the budget share is spent, which is when the long window passes the limit."""
    return window.budget_share * period * budget


def _fitted(row: Row, budget: Decimal, period: Decimal, policy: WindowPolicy) -> Window | None:
    reachable = policy.highest_ratio / budget
    floor = min(row.least_factor, SLACK * reachable)
    if floor < policy.least_factor(row.standard.severity):
        return None
    longs = sorted({row.standard.long, *policy.ladder}, reverse=True)
    for long in (length for length in longs if length <= min(row.standard.long, period)):
        in_time = row.latest / (budget * long)
        share = _share(min(reachable, in_time) * long / period, row.standard.budget_share)
        if share * period / long >= floor:
            return _window(row.standard, share, long, policy)
    return None


def _share(wanted: Decimal, standard: Decimal) -> Decimal:
    """The standard share, or what is wanted, rounded down to two digits, where that is less."""
    if wanted >= standard:
        return standard
    return wanted.quantize(Decimal(1).scaleb(wanted.adjusted() - DIGITS + 1), rounding=ROUND_FLOOR).normalize()


def _window(standard: Window, share: Decimal, long: Decimal, policy: WindowPolicy) -> Window:
    if long == standard.long:
        return replace(standard, budget_share=share)
    hold = (standard.hold * long / standard.long / MINUTE).to_integral_value(ROUND_CEILING) * MINUTE
    short = max(policy.shortest, long / SHORTS_IN_LONG)
    return replace(standard, budget_share=share, long=long, short=short, hold=max(SHORTEST_HOLD, hold))
