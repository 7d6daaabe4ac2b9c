"""The verdict on a drill, and what readers see of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from alerts.drills.drill import Delivery, Drill
from alerts.drills.expectation import Expectation
from alerts.drills.record import AGAIN, DrillResult, details_of, failure_of, item_of
from alerts.drills.traffic import Sent
from alerts.drills.watching import Loud, Moment, Observation, Sighting
from slo.evidence import Evidence, Item, RunContext, to_json
from slo.spec import Kind, Phase, Spec
from slo.verdict import Verdict, judge

SEEN = Sighting(fired=1004.5, delivered=1004.75, cleared=1010.0, resolved=1011.25)
GREEN = Observation(
    warm_from=990.0,
    fault=1000.0,
    sightings=(SEEN,),
    released=1005.6,
    ended=1011.4,
    moments=(Moment(1004.75, "page delivered"), Moment(1000.0, "fault: lock-database")),
)
ALARM = Loud("ServiceDown", "ServiceDown", "page", 995.0)


def seen(**changes: float | None) -> Observation:
    return replace(GREEN, sightings=(replace(SEEN, **changes),), ended=1075.2)


def result(drill: Drill, wanted: Expectation, observed: Observation | None, trouble: str = "") -> DrillResult:
    asked = (Sent(995.0, 0.1, ""), Sent(1001.0, 1.0, "503 storage_unavailable"), Sent(1006.0, 0.1, ""))
    return DrillResult(drill, (wanted,), observed, trouble, asked, "http://127.0.0.1:8000")


BROKEN = {
    "false alarm": replace(GREEN, false_alarms=(ALARM,)),
    "calm broken": Observation(990.0, None, ended=1000.0, false_alarms=(ALARM,)),
    "never fired": seen(fired=None, delivered=None, cleared=None, resolved=None),
    "not delivered": seen(delivered=None, cleared=None, resolved=None),
    "not resolved": seen(resolved=None),
}


def judged_item(one: DrillResult, spec: Spec) -> Item:
    item = item_of(one, spec)
    assert item is not None
    return item


def entry(one: DrillResult) -> Mapping[str, Any]:
    (only,) = details_of(one)
    return only


def test_a_closed_cycle_in_time_passes(drill: Drill, wanted: Expectation, spec: Spec) -> None:
    """The value is the time from the fault to the delivered resolution."""
    item = judged_item(result(drill, wanted, GREEN), spec)
    assert (item.verdict, item.measurement.value, item.measurement.n) == (Verdict.PASS, 11.25, 1)


def test_a_cycle_that_took_too_long_fails(drill: Drill, wanted: Expectation, spec: Spec) -> None:
    """A resolution after 75 seconds is measured as it was, and fails."""
    item = judged_item(result(drill, wanted, seen(resolved=1075.5)), spec)
    assert (item.verdict, item.measurement.value) == (Verdict.FAIL, 75.5)


def test_a_false_alarm_on_a_machine_too_busy_to_be_scraped_is_no_measurement(
    drill: Drill, wanted: Expectation, spec: Spec
) -> None:
    """ERROR, never PASS, and the reason names both: the service may have been gone for a while. Where scrapes come in time it is FAIL."""
    alarm = BROKEN["false alarm"]
    assert AGAIN not in failure_of(result(drill, wanted, alarm))
    assert judged_item(result(drill, wanted, replace(alarm, scrape_seconds=0.1)), spec).verdict is Verdict.FAIL
    item = judged_item(result(drill, wanted, replace(alarm, scrape_seconds=0.6)), spec)
    assert item.verdict is Verdict.ERROR
    assert item.reason.endswith(AGAIN)
    assert "an alert that cries wolf" in item.reason


@pytest.mark.parametrize("case", BROKEN)
def test_a_cycle_that_did_not_close_fails(drill: Drill, wanted: Expectation, spec: Spec, case: str) -> None:
    """A false alarm, silence, a lost page and a page that stays are each FAIL with their own reason."""
    item = judged_item(result(drill, wanted, BROKEN[case]), spec)
    assert item.verdict is Verdict.FAIL
    assert item.reason == failure_of(result(drill, wanted, BROKEN[case])) != ""


@pytest.mark.parametrize("case", BROKEN)
def test_a_failure_stays_one_when_judged_again(drill: Drill, wanted: Expectation, spec: Spec, case: str) -> None:
    """The report judges the number itself, in every phase, and comes to FAIL as well; also for a drill with a short deadline."""
    item = judged_item(result(replace(drill, deadline=8.0), wanted, BROKEN[case]), spec)
    gate = spec.gate("drill-cycle")
    assert {judge(gate, item.labels, phase, item.measurement).verdict for phase in Phase} == {Verdict.FAIL}


def test_trouble_of_the_stack_is_an_error(drill: Drill, wanted: Expectation, spec: Spec) -> None:
    """A drill that could not be played says nothing about the alert: ERROR with the reason, never PASS and never FAIL."""
    item = judged_item(result(drill, wanted, None, "A drill needs prometheus: make setup fetches them"), spec)
    assert (item.verdict, item.measurement.value) == (Verdict.ERROR, None)
    assert "make setup" in item.reason


def test_details_compare_prediction_and_measurement(drill: Drill, wanted: Expectation) -> None:
    """Readers see predicted and measured detection, and the difference of the two."""
    details = entry(result(drill, wanted, GREEN))
    assert details["predicted_seconds"] == pytest.approx(4.85, abs=0.001)
    assert (details["measured_seconds"], details["difference_seconds"]) == (4.5, pytest.approx(-0.35, abs=0.001))
    assert (details["delivered_seconds"], details["delivery_delay_seconds"]) == (4.75, 0.25)
    assert (details["resolved_seconds"], details["cycle_seconds"]) == (11.25, 11.25)
    assert sum(part["seconds"] for part in details["prediction"]) == pytest.approx(details["predicted_seconds"])


def test_details_say_that_the_baseline_is_synthetic(drill: Drill, wanted: Expectation) -> None:
    """Nobody may take the written history for measured traffic."""
    assert entry(result(drill, wanted, GREEN))["baseline"] == "synthetic, 75 minutes"


def test_the_timeline_is_in_order(drill: Drill, wanted: Expectation) -> None:
    """Events are told in the order of their own times, counted from the fault."""
    timeline = entry(result(drill, wanted, GREEN))["timeline"]
    assert timeline == [
        {"seconds": 0.0, "event": "fault: lock-database"},
        {"seconds": 4.75, "event": "page delivered"},
    ]


def test_questions_show_that_the_fault_was_felt(drill: Drill, wanted: Expectation) -> None:
    """The questions before, during and after the fault are counted apart, with those that failed."""
    questions = entry(result(drill, wanted, GREEN))["questions"]
    assert questions["before"] == {"asked": 1, "failed": 0}
    assert questions["during"] == {"asked": 1, "failed": 1}
    assert questions["after"] == {"asked": 1, "failed": 0}


@pytest.mark.parametrize("observed", [GREEN, None, *BROKEN.values()])
def test_every_outcome_can_be_written(
    drill: Drill, wanted: Expectation, spec: Spec, context: RunContext, observed: Observation | None
) -> None:
    """Whatever happened fits into an evidence file."""
    one = result(drill, wanted, observed, "" if observed else "no Prometheus")
    at = datetime(2026, 11, 20, tzinfo=UTC)
    details = {"drills": details_of(one)}
    evidence = Evidence(Kind.DRILL, context, at, at, complete=True, items=(judged_item(one, spec),), details=details)
    assert json.loads(to_json(evidence))["details"]["drills"][0]["alert"] == "AvailabilityBudgetBurnPage"


def test_a_longer_drill_is_judged_by_its_prediction(drill: Drill, wanted: Expectation, spec: Spec) -> None:
    """Of drills that a build does not wait for, the largest difference from the prediction counts, in either direction."""
    longer = replace(drill, id="service-killed", quick=False)
    item = judged_item(result(longer, wanted, GREEN), spec)
    assert (item.gate, dict(item.labels)) == ("drill-prediction", {"full_drill": "service-killed"})
    assert (item.verdict, item.measurement.value) == (Verdict.PASS, pytest.approx(0.35, abs=0.001))
    late = judged_item(result(longer, wanted, seen(fired=1008.0)), spec)
    assert (late.verdict, late.measurement.value) == (Verdict.FAIL, pytest.approx(3.15, abs=0.001))


@pytest.mark.parametrize(
    ("fired", "scrapes", "verdict"),
    [
        (1009.0, 0.4, Verdict.ERROR),
        (1009.0, 0.1, Verdict.FAIL),
        (1009.0, None, Verdict.FAIL),
        (1004.5, 0.4, Verdict.PASS),
    ],
)
def test_a_time_taken_on_a_machine_too_busy_to_be_scraped_is_no_measurement(
    drill: Drill, wanted: Expectation, spec: Spec, fired: float, scrapes: float | None, verdict: Verdict
) -> None:
    """A wrong time is ERROR while every tenth scrape is slow, because counts over few scrapes are then off; else it is FAIL."""
    other = replace(drill, id="redis-killed")
    item = judged_item(result(other, wanted, replace(seen(fired=fired), scrape_seconds=scrapes)), spec)
    assert item.verdict is verdict
    assert (verdict is Verdict.ERROR) == ("0.40 s" in item.reason)


def test_an_alert_that_was_to_be_silenced_and_spoke_fails(drill: Drill, wanted: Expectation) -> None:
    """An outage that does not silence what it explains is a finding, not a success."""
    silenced = replace(wanted, delivery=Delivery.SILENCED)
    assert "should have silenced it" in failure_of(result(drill, silenced, GREEN))
    assert failure_of(result(drill, silenced, seen(delivered=None, resolved=None))) == ""


def test_the_quiet_phase_has_no_item(drill: Drill, spec: Spec) -> None:
    """It wakes nothing, so that only the false alarms count; its details tell that it was listened."""
    quiet = DrillResult(replace(drill, expects=()), (), replace(GREEN, sightings=()))
    assert item_of(quiet, spec) is None
    assert entry(quiet)["watched_seconds"] == pytest.approx(21.4)
