"""The six ways to alert that the Site Reliability Workbook compares (chapter 5, "Alerting on SLOs"), as data.

Windows are divided plainly, as the book's rules do, and evaluated as often as our fastest group. Factors follow from the budget
share: 5 % of 30 days within an hour is 36, 2 % is 14.4.
"""

from __future__ import annotations

from dataclasses import dataclass

from slo.simulation.courses import Course
from slo.simulation.firing import HAIR, Condition, Span, firing, joined, over
from slo.simulation.history import Truths
from slo.spec import SLO

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Term:
    """One alert of an approach: error ratio over a long (and a short) window against a limit.

    Attributes:
        long: Long window in seconds; None for the window in which the budget share is spent at the budget's own rate.
        short: Short window in seconds, if there is one.
        share: Budget share that is spent in the long window at the limit; None where the limit is the error budget itself.
        equal: Whether an error ratio at the limit fires too.
    """

    long: float | None
    share: float | None = None
    short: float | None = None
    equal: bool = False


@dataclass(frozen=True, slots=True)
class Approach:
    """A way to alert: its number and name in the book, its alerts, and their `for` in seconds."""

    number: int
    title: str
    terms: tuple[Term, ...]
    hold: float = 0.0


APPROACHES = (
    Approach(1, "error ratio over 10m at the objective", (Term(10 * MINUTE, equal=True),)),
    Approach(2, "longer window (5% of the budget)", (Term(None, share=0.05),)),
    Approach(3, "error ratio over 1m, for 1h", (Term(MINUTE),), hold=HOUR),
    Approach(4, "burn rate over 1h (5%)", (Term(HOUR, share=0.05),)),
    Approach(5, "several burn rates (1h, 6h, 3d)", (Term(HOUR, 0.02), Term(6 * HOUR, 0.05), Term(3 * DAY, 0.10))),
    Approach(
        6,
        "several burn rates, two windows each",
        (
            Term(HOUR, 0.02, 5 * MINUTE),
            Term(6 * HOUR, 0.05, 30 * MINUTE),
            Term(DAY, 0.10, 2 * HOUR),
            Term(3 * DAY, 0.10, 6 * HOUR),
        ),
    ),
)


def approach_spans(approach: Approach, slo: SLO, course: Course, interval: float) -> tuple[Span, ...]:
    """When an approach would have alerted, its alerts joined."""
    grid = course.weights.grid
    spans: list[Span] = []
    for term in approach.terms:
        long = term.long if term.long is not None else float(slo.window) * (term.share or 0.0)
        spans += firing(Condition(_holds(term, long, slo, course), interval, approach.hold, long), grid)
    return joined(spans)


def _holds(term: Term, long: float, slo: SLO, course: Course) -> Truths:
    budget = float(slo.error_budget)
    limit = budget if term.long is None or term.share is None else term.share * float(slo.window) / long * budget
    ratio = course.plain(long)
    # What `>=` lets through is what lies over all that is smaller.
    holds = over(ratio, limit * (1 - 2 * HAIR) if term.equal else limit)
    return holds if term.short is None else holds & over(course.plain(term.short), limit)
