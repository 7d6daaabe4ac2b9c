"""Which alerts a drill waits for, and when they should fire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from alerts.drills.drill import Crossing, Delivery, Drill, Expected
from alerts.drills.expectation import Expectation, expectations, told
from alerts.model import RuleFile
from slo.errors import InvalidInput
from slo.quantities import parse_duration
from slo.spec import Severity, Spec

HOUR = parse_duration("1h")

Expecting = Callable[..., Expectation]


@pytest.fixture
def expecting(drill: Drill, spec: Spec, rules: RuleFile) -> Expecting:
    def expect(**changes: object) -> Expectation:
        entry = replace(drill.expects[0], **changes)  # type: ignore[arg-type] # keywords of the dataclass, checked at run time
        (only,) = expectations(replace(drill, expects=(entry,)), spec, rules)
        return only

    return expect


def test_the_prediction_is_the_workbooks_arithmetic(wanted: Expectation) -> None:
    """14.4 x 0.1 % of a minute, less the second in which nothing ends, is 0.85 s; 2 s of `for`, 1 s to fail, 1 s of looks."""
    assert wanted.predicted == pytest.approx(0.0144 * 59 + 2 + 1 + 1)
    assert wanted.long_window == 60.0


def test_a_prediction_tells_its_parts(wanted: Expectation) -> None:
    """Readers see what takes the time, and the parts add up."""
    assert sum(part.seconds for part in wanted.parts) == pytest.approx(wanted.predicted)
    assert wanted.parts[0].what == "a question waits for the lock until it fails"


def test_the_expected_alert_is_one_of_the_rules(wanted: Expectation, rules: RuleFile) -> None:
    """Exactly one rule carries the expected labels: the pair of an hour and five minutes."""
    found = [rule for rule in rules.alerts() if wanted.met_by({"alertname": rule.alert, **dict(rule.labels)})]
    assert [(rule.alert, dict(rule.labels)["long_window"]) for rule in found] == [("AvailabilityBudgetBurnPage", "1h")]


def test_another_window_is_not_the_expected_alert(wanted: Expectation) -> None:
    """The same alert of the longer pair, or of another SLO, does not pass the drill."""
    assert not wanted.met_by({**wanted.labels, "long_window": "6h"})
    assert not wanted.met_by({**wanted.labels, "sloth_id": "courtsight-ttft"})


def test_half_of_the_failures_take_twice_as_long(expecting: Expecting) -> None:
    """The limit is passed after factor x budget / share of the window."""
    assert expecting(share=Decimal("0.5"), after=0.0).predicted == pytest.approx(0.0144 / 0.5 * 60 + 2 + 1)


def test_counts_of_five_minutes_lag(expecting: Expecting) -> None:
    """3 x 0.1 % of 24 minutes is 4.32 s, of which the second without an end takes 3 ms; recorded counts lag by 2.5 s, `for` is a minute."""
    ticket = expecting(alert="AvailabilityBudgetBurnTicket", long=parse_duration("1d"))
    burn = next(part.seconds for part in ticket.parts if "bad within" in part.what)
    assert burn == pytest.approx(0.003 * (1440 - 1) + 2.5)
    assert ticket.severity is Severity.TICKET


def test_what_was_not_recorded_comes_sooner(drill: Drill, spec: Spec, rules: RuleFile) -> None:
    """Ten seconds of a day's 24 minutes that hold no count make its limit fall due sooner, by factor x budget of them; the counters of an hour go on."""
    day = replace(drill.expects[0], alert="AvailabilityBudgetBurnTicket", long=parse_duration("1d"))
    both = replace(drill, expects=(drill.expects[0], day))
    hour, whole = expectations(both, spec, rules)
    same, sooner = expectations(both, spec, rules, (10.0, 10.0))
    assert same == hour
    assert sooner.predicted == pytest.approx(whole.predicted - 0.003 * 10)
    assert sooner.parts[2].what == "of the 1d, scaled, 10.0 s were not recorded"


def test_counts_of_five_minutes_begin_slowly(expecting: Expecting) -> None:
    """A limit that is passed while the first count still fills is passed after the root of twice range and need."""
    page = expecting(long=parse_duration("6h"))
    burn = next(part.seconds for part in page.parts if "bad within" in part.what)
    assert burn == pytest.approx((2 * 5 * 0.006 * (360 - 1)) ** 0.5)


def test_a_hold_ends_at_an_evaluation(expecting: Expecting) -> None:
    """`for` of 15 s, looked at every 2 s, has lasted long enough after 16 s."""
    page = expecting(long=parse_duration("6h"))
    assert page.looks == 2.0
    assert next(part.seconds for part in page.parts if "`for`" in part.what) == 16.0


def test_a_threshold_alert_has_no_budget(drill: Drill, spec: Spec, rules: RuleFile) -> None:
    """ServiceDown: a look that fails, a second of scaled `for`, half a scrape and half an evaluation."""
    (down,) = expectations(replace(drill, expects=(Expected("ServiceDown"),)), spec, rules)
    assert (down.predicted, down.slo, down.long_window) == (2.0, None, None)
    assert down.runbook == "docs/runbooks/ServiceDown.md"


def test_a_rate_passes_its_limit(drill: Drill, spec: Spec, rules: RuleFile) -> None:
    """A limit of 5 % under a fault of 50 % is passed after a tenth of the scaled window."""
    crossing = Crossing(Decimal("0.05"), Decimal("0.5"), parse_duration("5m"))
    (down,) = expectations(replace(drill, expects=(Expected("ServiceDown", crossing=crossing),)), spec, rules)
    assert down.predicted == pytest.approx(2.0 + 0.5)


def test_a_silenced_alert_is_not_told(drill: Drill, spec: Spec, rules: RuleFile) -> None:
    """An alert that an outage explains is expected to fire, and to reach nobody."""
    entry = Expected("InstanceDown", delivery=Delivery.SILENCED)
    (instance,) = expectations(replace(drill, expects=(entry,)), spec, rules)
    assert not instance.at_once


def test_series_labels_narrow_an_alert(drill: Drill, spec: Spec, rules: RuleFile) -> None:
    """Of the alerts of one name, the labels asked for choose the SLO."""
    entry = Expected("SLISeriesAbsent", labels={"sloth_slo": "ttft"})
    (absent,) = expectations(replace(drill, expects=(entry,)), spec, rules)
    assert absent.name == "SLISeriesAbsent (ttft)"


def test_a_drill_needs_its_slo(expecting: Expecting) -> None:
    """An SLO that the spec lacks is refused before anything is started."""
    with pytest.raises(InvalidInput, match="no rules are AvailabilityBudgetBurnPage slo avialability"):
        expecting(slo="avialability")


def test_a_drill_needs_one_rule(drill: Drill, spec: Spec, rules: RuleFile) -> None:
    """A name that several rules have is refused: a drill says which one it means."""
    with pytest.raises(InvalidInput, match="rules are SLISeriesAbsent"):
        expectations(replace(drill, expects=(Expected("SLISeriesAbsent"),)), spec, rules)


def test_a_fault_that_is_too_small_is_no_drill(expecting: Expecting) -> None:
    """One failure in a hundred never pages at 99.9 %, and the drill says so instead of waiting."""
    with pytest.raises(InvalidInput, match=r"never fires it: it begins at 0\.0144"):
        expecting(share=Decimal("0.01"))


def test_alerts_are_named_with_slo_and_window(wanted: Expectation) -> None:
    """A reader can tell the pairs of windows of one alert apart."""
    assert wanted.name == "AvailabilityBudgetBurnPage (availability, 1h)"
    assert told({"alertname": "ServiceDown"}) == "ServiceDown"
