"""Rules at a drill's pace: durations are divided, and nothing else changes."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.alertmanager import alertmanager_config
from alerts.emit import rules_yaml
from alerts.model import AlertRule, Group, Rule, RuleFile
from alerts.pace import Pace
from alerts.rules import rule_file
from slo.quantities import parse_duration
from slo.spec import Spec

RANGE = re.compile(r"(?:\[|offset )(\w+)")


def without_durations(rules: RuleFile) -> RuleFile:
    """The file with every range, `for` and interval replaced by one word."""

    def stripped(rule: Rule) -> Rule:
        expr = RANGE.sub("[some time", rule.expr)
        return replace(rule, expr=expr, hold=Decimal(1)) if isinstance(rule, AlertRule) else replace(rule, expr=expr)

    groups = (Group(group.name, Decimal(1), tuple(map(stripped, group.rules))) for group in rules.groups)
    return RuleFile(rules.service, tuple(groups))


@given(scale=st.integers(min_value=1, max_value=3600))
def test_a_scaled_file_differs_in_durations_only(spec: Spec, scale: int) -> None:
    """With durations taken out, the scaled file equals the real one: names, labels, thresholds and texts are the same."""
    small = replace(spec, slos=spec.slos[:2])
    assert without_durations(rule_file(small, scale=scale)) == without_durations(rule_file(small))


def test_the_whole_file_differs_in_durations_only(spec: Spec, made: RuleFile) -> None:
    """The same for every SLO at the pace of the drills, and there the durations do differ."""
    scaled = rule_file(spec, scale=60)
    assert without_durations(scaled) == without_durations(made)
    assert rules_yaml(scaled) != rules_yaml(made)


def test_an_hour_becomes_a_minute_at_scale_60(spec: Spec) -> None:
    """Ranges and `for` are divided by the scale; series and labels keep saying 1h."""
    scaled = rule_file(spec, scale=60)
    hour = next(rule for rule in scaled.recordings() if rule.record == "slo:sli_error:ratio_rate1h")
    page = next(rule for rule in scaled.alerts() if dict(rule.labels).get("long_window") == "1h")
    month = next(rule for rule in scaled.recordings() if rule.record == "slo:sli_error:ratio_rate30d")
    assert set(RANGE.findall(hour.expr)) == {"1m"}
    assert dict(hour.labels)["sloth_window"] == "1h"
    assert page.hold == 2
    assert set(RANGE.findall(month.expr)) == {"12h"}
    assert {group.interval for group in scaled.groups} == {1, 2, 4, 5}


def test_every_duration_is_divided_by_the_scale(spec: Spec, made: RuleFile) -> None:
    """Range by range, the scaled duration is the sixtieth part, and never under a second."""
    for real, scaled in zip(made.rules(), rule_file(spec, scale=60).rules(), strict=True):
        pairs = zip(RANGE.findall(real.expr), RANGE.findall(scaled.expr), strict=True)
        assert all(parse_duration(fast) == max(1, parse_duration(slow) / 60) for slow, fast in pairs)
        if isinstance(real, AlertRule) and isinstance(scaled, AlertRule):
            assert scaled.hold == (max(1, real.hold / 60) if real.hold else 0)


@pytest.mark.parametrize(
    ("seconds", "scale", "expected"),
    [("300", 60, "5"), ("30", 60, "1"), ("120", 1, "120"), ("300", 7, "42.857"), ("0", 60, "0")],
)
def test_durations_stay_whole_milliseconds_and_at_least_a_second(seconds: str, scale: int, expected: str) -> None:
    """What Prometheus cannot write is rounded to milliseconds; what would vanish stays a second; nothing stays nothing."""
    assert Pace(scale).seconds(Decimal(seconds)) == Decimal(expected)


def test_a_scale_under_one_is_refused(spec: Spec) -> None:
    """Rules are never slowed down."""
    with pytest.raises(ValueError, match="give 1 or more"):
        rule_file(spec, scale=0)
    with pytest.raises(ValueError, match="give 1 or more"):
        alertmanager_config(spec, scale=Decimal("0.5"))
