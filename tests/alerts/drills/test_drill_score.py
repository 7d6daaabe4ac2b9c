"""Precision and recall over all drills: what counts, and what nobody may count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.drills.drill import Delivery, Drill
from alerts.drills.expectation import Expectation
from alerts.drills.record import DrillResult
from alerts.drills.score import details_of_score, items_of, score
from alerts.drills.watching import Loud, Observation, Sighting
from slo.spec import Phase, Severity, Spec
from slo.verdict import Verdict, judge

PAGE = Loud("ServiceDown", "ServiceDown", "page", 1003.0)
TICKET = Loud("InstanceDown", "InstanceDown", "ticket", 1003.0)


def played(drill: Drill, *pairs: tuple[Expectation, Sighting], **seen: tuple[Loud, ...]) -> DrillResult:
    observation = Observation(990.0, 1000.0, tuple(sighting for _, sighting in pairs), 1006.0, 1010.0, **seen)
    return DrillResult(drill, tuple(wanted for wanted, _ in pairs), observation)


def fired(wanted: Expectation, late: float = 0.0) -> tuple[Expectation, Sighting]:
    at = 1000.0 + wanted.predicted + late
    return wanted, Sighting(at, at + 0.2, at + 5, at + 6)


def test_ten_right_pages_are_a_hundred_percent(drill: Drill, wanted: Expectation, spec: Spec) -> None:
    """Ten pages that fired and arrived: recall and precision 100 %, which a launch accepts."""
    found = score([played(drill, fired(wanted)) for _ in range(10)])
    assert (found.recall.value, found.precision.value, found.recall.n) == (1.0, 1.0, 10)
    items = items_of(found, spec)
    assert {item.gate for item in items} == {"page-recall", "page-precision", "page-delivery"}
    assert {judge(spec.gate(item.gate), (), Phase.SOFT, item.measurement).verdict for item in items} == {Verdict.PASS}


def test_few_pages_decide_nothing(drill: Drill, wanted: Expectation, spec: Spec) -> None:
    """Nine right pages are too few for a share of 100 %."""
    found = score([played(drill, fired(wanted)) for _ in range(9)])
    assert {item.verdict for item in items_of(found, spec)} == {Verdict.INCONCLUSIVE}


def test_a_page_that_did_not_fire_costs_recall(drill: Drill, wanted: Expectation, spec: Spec) -> None:
    """One of ten that stayed silent: 90 %, which fails."""
    silent = played(drill, (wanted, Sighting()))
    found = score([*(played(drill, fired(wanted)) for _ in range(9)), silent])
    assert (found.recall.value, found.precision.value) == (0.9, 1.0)
    assert {item.gate for item in items_of(found, spec) if item.verdict is Verdict.FAIL} == {"page-recall"}


def test_a_false_page_costs_precision(drill: Drill, wanted: Expectation) -> None:
    """A page in the quiet phase, or without a fault that explains it, is a false one; a ticket is none."""
    quiet = played(replace(drill, expects=()), false_alarms=(PAGE, TICKET))
    found = score([played(drill, fired(wanted)), quiet])
    assert (found.precision.value, found.false, found.quiet_seconds) == (0.5, 1, 20.0)


def test_a_page_that_the_fault_explains_is_right(drill: Drill, wanted: Expectation) -> None:
    """Another page of the same fault is a right one, and was not asked for."""
    found = score([played(drill, fired(wanted), others=(PAGE, TICKET))])
    assert (found.precision.value, found.explained, found.expected) == (1.0, 1, 1)


def test_an_alarm_before_the_fault_costs_both(drill: Drill, wanted: Expectation) -> None:
    """A drill that was ended by a false alarm saw nothing of its page: that counts as silence."""
    calm = Observation(990.0, None, ended=995.0, false_alarms=(PAGE,))
    found = score([DrillResult(drill, (wanted,), calm)])
    assert (found.recall.value, found.precision.value) == (0.0, 0.0)


def test_a_drill_in_trouble_says_nothing(drill: Drill, wanted: Expectation) -> None:
    """What could not be played is neither a page that fired nor one that did not."""
    found = score([played(drill, fired(wanted)), DrillResult(drill, (wanted,), None, "no Redis")])
    assert (found.drills, found.expected) == (1, 1)


def test_tickets_are_counted_apart(drill: Drill, wanted: Expectation) -> None:
    """Tickets are no part of precision and recall of the pages, and their delivery waits by design."""
    ticket = replace(wanted, severity=Severity.TICKET, delivery=Delivery.HELD)
    found = score([played(drill, fired(wanted), fired(ticket, late=1.5))])
    assert (found.expected, found.tickets, found.delays) == (1, (1, 1), (pytest.approx(0.2),))
    assert details_of_score(found)["largest_difference_seconds"] == pytest.approx(1.5)
