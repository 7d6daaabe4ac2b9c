"""Which alert a drill waits for, and when it should fire."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from alerts.drills.drill import Drill
from alerts.drills.expectation import Expectation, expectation
from alerts.rules import rule_file
from slo.errors import InvalidInput
from slo.spec import Severity, Spec


def test_the_prediction_is_the_workbooks_arithmetic(wanted: Expectation) -> None:
    """14.4 x 0.1 % of a minute is 0.864 s; then 2 s of `for`, 1 s until a question fails, 1 s of scrape and evaluation."""
    assert wanted.predicted == pytest.approx(0.864 + 2 + 1 + 1)
    assert wanted.long_window == 60.0


def test_the_expected_alert_is_one_of_the_rules(wanted: Expectation, spec: Spec, drill: Drill) -> None:
    """Exactly one rule carries the expected labels: the pair of an hour and five minutes."""
    found = [
        rule
        for rule in rule_file(spec, drill.scale).alerts()
        if wanted.met_by({"alertname": rule.alert, **dict(rule.labels)})
    ]
    assert [(rule.alert, dict(rule.labels)["long_window"]) for rule in found] == [("AvailabilityBudgetBurnPage", "1h")]


def test_another_window_is_not_the_expected_alert(wanted: Expectation) -> None:
    """The same alert of the longer pair, or of another SLO, does not pass the drill."""
    assert not wanted.met_by({**wanted.labels, "long_window": "6h"})
    assert not wanted.met_by({**wanted.labels, "sloth_id": "courtsight-ttft"})


def test_a_ticket_is_expected_later_than_a_page(drill: Drill, spec: Spec, wanted: Expectation) -> None:
    """The quickest ticket on a total outage: 3 x 0.1 % of 24 minutes is 4.32 s, then a minute of `for`."""
    ticket = expectation(replace(drill, severity=Severity.TICKET), spec)
    assert ticket.predicted == pytest.approx(4.32 + 60 + 1 + 1)
    assert ticket.labels["severity"] == "ticket"


def test_a_drill_needs_its_slo(drill: Drill, spec: Spec) -> None:
    """An SLO that the spec lacks is refused before anything is started."""
    with pytest.raises(InvalidInput, match="no SLO 'avialability'"):
        expectation(replace(drill, slo="avialability"), spec)


def test_a_drill_needs_its_gate(drill: Drill, spec: Spec) -> None:
    """A drill that no gate asks for would decide nothing, and is refused."""
    with pytest.raises(InvalidInput, match="does not ask for it"):
        expectation(replace(drill, id="disk-full"), spec)


def test_an_alert_that_cannot_fire_is_no_drill(drill: Drill, spec: Spec) -> None:
    """At an objective of 80 % no page can fire, even when everything fails, and the drill says so instead of waiting."""
    loose = tuple(replace(slo, objective=Decimal("0.8")) for slo in spec.slos)
    with pytest.raises(InvalidInput, match="even when everything fails"):
        expectation(drill, replace(spec, slos=loose))
