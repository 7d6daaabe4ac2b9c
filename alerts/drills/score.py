"""How well the alerts of all drills did together: precision and recall of the pages, and how they agree with the arithmetic. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.drills.expectation import Expectation
from alerts.drills.record import DrillResult
from alerts.drills.watching import Sighting
from slo.evidence import Item, judged
from slo.spec import Severity, Spec
from slo.statistics import Measurement, extreme, ratio

RECALL_GATE = "page-recall"
PRECISION_GATE = "page-precision"
DELIVERY_GATE = "page-delivery"


@dataclass(frozen=True, slots=True)
class Score:
    """The alerts of a set of drills.

    Attributes:
        drills: Drills that were played to their end; one in trouble says nothing.
        expected: Pages that had to fire.
        fired: Those of them that did, before their deadline.
        explained: Further pages that a fault explains.
        false: Pages that nothing explains, the quiet phase included.
        tickets: Tickets that had to fire, and those that did.
        delays: Seconds from firing to delivery, of the pages that are told at once.
        differences: Measured minus predicted, in seconds, pages and tickets.
        quiet_seconds: How long a stack without a fault was listened to.
    """

    drills: int
    expected: int
    fired: int
    explained: int
    false: int
    tickets: tuple[int, int]
    delays: tuple[float, ...]
    differences: tuple[float, ...]
    quiet_seconds: float

    @property
    def recall(self) -> Measurement:
        """Share of the pages that had to fire which did."""
        return ratio(self.fired, self.expected)

    @property
    def precision(self) -> Measurement:
        """Share of the pages that fired which a fault explains."""
        right = self.fired + self.explained
        return ratio(right, right + self.false)


def score(results: Sequence[DrillResult]) -> Score:
    """The score of these drills."""
    pairs = list(_played(results))
    pages = [(wanted, seen) for _, wanted, seen in pairs if wanted.severity is Severity.PAGE]
    tickets = [seen for _, wanted, seen in pairs if wanted.severity is Severity.TICKET]
    played = [result.observation for result in results if result.observation is not None]
    return Score(
        drills=len(played),
        expected=len(pages),
        fired=sum(seen.fired is not None for _, seen in pages),
        explained=sum(loud.severity == Severity.PAGE for seen in played for loud in seen.others),
        false=sum(loud.severity == Severity.PAGE for seen in played for loud in seen.false_alarms),
        tickets=(len(tickets), sum(seen.fired is not None for seen in tickets)),
        delays=tuple(
            seen.delivered - seen.fired
            for wanted, seen in pages
            if wanted.at_once and seen.fired is not None and seen.delivered is not None
        ),
        differences=tuple(
            measured - wanted.predicted
            for result, wanted, _ in pairs
            if (measured := result.measured(wanted)) is not None
        ),
        quiet_seconds=sum(
            result.observation.ended - result.observation.warm_from
            for result in results
            if result.drill.quiet and result.observation is not None
        ),
    )


def items_of(found: Score, spec: Spec) -> tuple[Item, ...]:
    """The score as items of the gates that the spec has for it."""
    measured = {
        RECALL_GATE: found.recall,
        PRECISION_GATE: found.precision,
        DELIVERY_GATE: extreme(found.delays, largest=True),
    }
    return tuple(judged(gate, {}, measured[gate.id]) for gate in spec.gates if gate.id in measured)


def details_of_score(found: Score) -> dict[str, Any]:
    """The score for readers."""
    return {
        "drills": found.drills,
        "pages": {"expected": found.expected, "fired": found.fired, "explained": found.explained, "false": found.false},
        "tickets": {"expected": found.tickets[0], "fired": found.tickets[1]},
        "precision": found.precision.value,
        "recall": found.recall.value,
        "largest_difference_seconds": _largest(found.differences),
        "largest_page_delay_seconds": _largest(found.delays),
        "quiet_seconds": round(found.quiet_seconds, 1),
    }


def _largest(values: Sequence[float]) -> float | None:
    return round(max(map(abs, values)), 3) if values else None


def _played(results: Sequence[DrillResult]) -> Iterator[tuple[DrillResult, Expectation, Sighting]]:
    """Expected alerts of drills that were played to the fault; where an earlier alarm stopped the fault, nothing was seen of them."""
    for result in results:
        if result.observation is None:
            continue
        for wanted, seen in result.pairs():
            yield result, wanted, seen or Sighting()
