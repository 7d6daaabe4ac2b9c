"""The generated rules, against the Site Reliability Workbook's numbers typed by hand and Sloth's names."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.burn import board_link, burn_alert_name
from alerts.model import AlertRule, Group, RecordingRule, RuleFile
from alerts.recording import windows_of
from alerts.rules import rule_file
from alerts.stories import filled
from slo import names
from slo.load import examine_spec, parse_spec
from slo.quantities import format_duration
from slo.spec import Severity, Spec, cell
from tests.shop import shop

WORKBOOK = {
    # long window: (short window, factor, for in seconds, severity)
    "1h": ("5m", "14.4", 120, "page"),
    "6h": ("30m", "6", 900, "page"),
    "1d": ("2h", "3", 3600, "ticket"),
    "3d": ("6h", "1", 10800, "ticket"),
}
FITTED_TO_95 = {
    "30m": ("5m", "6.624", 120, "page"),
    "3h": ("15m", "3.12", 480, "page"),
    "1d": ("2h", "3", 3600, "ticket"),
    "3d": ("6h", "1", 10800, "ticket"),
}
AVAILABILITY = "courtsight-availability"


def burn_alerts_of(rules: RuleFile, sloth_id: str) -> list[AlertRule]:
    return [
        rule
        for rule in rules.alerts()
        if dict(rule.labels).get("sloth_id") == sloth_id and "burn_rate_factor" in dict(rule.labels)
    ]


def recorded_in(group: Group, record: str) -> bool:
    return any(isinstance(rule, RecordingRule) and rule.record == record for rule in group.rules)


def recording(rules: RuleFile, record: str, sloth_id: str) -> RecordingRule:
    return next(
        rule for rule in rules.recordings() if rule.record == record and dict(rule.labels)["sloth_id"] == sloth_id
    )


@pytest.mark.parametrize(
    ("sloth_id", "wanted"),
    [(AVAILABILITY, WORKBOOK), ("courtsight-latency-role-judge", FITTED_TO_95), ("courtsight-ttft", FITTED_TO_95)],
)
def test_each_pair_of_windows_is_an_alert(rules: RuleFile, sloth_id: str, wanted: dict[str, tuple[str, ...]]) -> None:
    """Four alerts per SLO: at 99.9 % with the workbook's numbers and kubernetes-mixin's `for`, at 95 % with pages that come in time."""
    found = {
        dict(rule.labels)["long_window"]: (
            dict(rule.labels)["short_window"],
            dict(rule.labels)["burn_rate_factor"],
            int(rule.hold),
            dict(rule.labels)["severity"],
        )
        for rule in burn_alerts_of(rules, sloth_id)
    }
    assert found == wanted


def test_the_expression_shows_factor_and_budget_apart(rules: RuleFile) -> None:
    """A person reads 14.4 and 0.001 in the fast page's expression, once for each window."""
    fast = next(rule for rule in burn_alerts_of(rules, AVAILABILITY) if dict(rule.labels)["long_window"] == "1h")
    assert fast.alert == "AvailabilityBudgetBurnPage"
    assert fast.expr == (
        '(slo:sli_error:ratio_rate1h{sloth_id="courtsight-availability"} > (14.4 * 0.001))\n'
        "and ignoring (sloth_window)\n"
        '(slo:sli_error:ratio_rate5m{sloth_id="courtsight-availability"} > (14.4 * 0.001))'
    )


def test_a_latency_alert_has_the_budget_of_95_percent(rules: RuleFile) -> None:
    """An objective of 95 % leaves a budget of 0.05, written without float noise."""
    slow = burn_alerts_of(rules, "courtsight-latency-complexity-simple")[0]
    assert slow.alert == "LatencyComplexityBudgetBurnPage"
    assert slow.expr.count("> (6.624 * 0.05)") == 2


def test_alerts_carry_what_singles_their_slo_out(rules: RuleFile) -> None:
    """Group labels stand on every series and alert of the SLO, so that Prometheus never sees duplicates (sloth#277)."""
    judge = [rule for rule in rules.rules() if dict(rule.labels).get("sloth_id") == "courtsight-latency-role-judge"]
    assert judge
    assert {dict(rule.labels).get("role") for rule in judge} == {"judge"}
    assert {dict(rule.labels)["sloth_slo"] for rule in judge} == {"latency-role-judge"}
    assert {dict(rule.labels)["sloth_service"] for rule in judge} == {"courtsight"}


def test_labels_of_one_severity_stand_on_its_alerts_only(spec: Spec) -> None:
    """Pages carry theirs, tickets theirs, the missing series of the SLI is a ticket; what both have is overruled, and other SLOs have none."""
    base = spec.slo("availability")
    own = (
        (Severity.PAGE, cell({"routing_key": "oncall", "area": "night"})),
        (Severity.TICKET, cell({"queue": "shop"})),
    )
    slo = replace(base, tags=cell({"area": "front"}), own_tags=own)
    made = rule_file(replace(spec, slos=(slo, spec.slo("ttft"))))
    wanted = {"area", "routing_key", "queue"}
    found = [
        (labels[names.SEVERITY], labels[names.SLO_NAME], {name: labels[name] for name in wanted & labels.keys()})
        for labels in (dict(rule.labels) for rule in made.alerts())
        if names.SLO_NAME in labels
    ]
    own_of = {"page": {"area": "night", "routing_key": "oncall"}, "ticket": {"area": "front", "queue": "shop"}}
    assert {severity for severity, _, _ in found} == {"page", "ticket"}
    assert all(labels == (own_of[severity] if name == "availability" else {}) for severity, name, labels in found)


def test_every_name_that_sloths_dashboards_read_is_recorded(rules: RuleFile) -> None:
    """Grafana dashboards 14348 and 14643 find all their series."""
    windows = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
    wanted = {f"slo:sli_error:ratio_rate{window}" for window in windows} | {
        "slo:objective:ratio",
        "slo:error_budget:ratio",
        "slo:time_period:days",
        "slo:current_burn_rate:ratio",
        "slo:period_burn_rate:ratio",
        "slo:period_error_budget_remaining:ratio",
        "sloth_slo_info",
    }
    recorded = {rule.record for rule in rules.recordings() if dict(rule.labels)["sloth_id"] == AVAILABILITY}
    assert wanted <= recorded
    counts = {f"slo:sli_{kind}_events:increase5m" for kind in ("bad", "valid")}
    assert recorded - wanted == counts | {f"{count}_sampled" for count in counts}


def test_no_two_rules_record_the_same_series(rules: RuleFile) -> None:
    """Name and labels of a recording rule are unique in the file."""
    keys = [(rule.record, rule.labels) for rule in rules.recordings()]
    assert len(keys) == len(set(keys))


def test_no_two_alerts_of_one_name_share_their_labels(rules: RuleFile) -> None:
    """An alert is told apart by its name and labels."""
    keys = [(rule.alert, rule.labels) for rule in rules.alerts()]
    assert len(keys) == len(set(keys))


def test_long_windows_sum_counts_and_divide_last(rules: RuleFile) -> None:
    """A day's ratio is a sum of bad events over a sum of valid ones, never a mean of ratios (sloth#241)."""
    expr = recording(rules, "slo:sli_error:ratio_rate1d", AVAILABILITY).expr
    assert expr == (
        'sum_over_time(slo:sli_bad_events:increase5m{sloth_id="courtsight-availability"}[1d])\n/\n'
        '(sum_over_time(slo:sli_valid_events:increase5m{sloth_id="courtsight-availability"}[1d]) > 0)'
    )
    assert not any("avg_over_time" in rule.expr for rule in rules.rules())


def test_every_ratio_is_empty_without_valid_events(rules: RuleFile) -> None:
    """The denominator of each error ratio is filtered by `> 0`, so that an idle window yields no NaN."""
    ratios = [rule for rule in rules.recordings() if rule.record.startswith("slo:sli_error:")]
    assert len(ratios) == 8 + 10 * 10
    assert all(re.search(r"/\n\((?:(?!\n/\n).)*> 0\)$", rule.expr, re.DOTALL) for rule in ratios)


def test_only_an_absent_series_of_bad_outcomes_counts_as_zero(rules: RuleFile) -> None:
    """Outcomes that never happened are zero; a missing bucket edge is unknown and gets no fallback."""
    ratio = recording(rules, "slo:sli_bad_events:increase5m", AVAILABILITY).expr
    latency = recording(rules, "slo:sli_bad_events:increase5m", "courtsight-ttft").expr
    assert "\nor\n0 * sum(" in ratio
    assert " or " not in latency.replace("\n", " ")
    assert latency.startswith("clamp_min(")


def test_bad_events_are_timeouts_and_errors_only(rules: RuleFile) -> None:
    """What the client did wrong, and what was limited or refused, is no bad event of availability."""
    bad = recording(rules, "slo:sli_bad_events:increase5m", AVAILABILITY).expr.split("\nor\n0 * ", maxsplit=1)[0]
    assert 'increase(chatbot_requests_total{job="courtsight",outcome=~"timeout|error"}[5m])' in bad
    assert set(re.findall(r'outcome=~"([^"]*)"', bad.split("and on")[0])) == {"timeout|error"}


@pytest.mark.parametrize(
    ("sloth_id", "edge"),
    [
        ("courtsight-latency-complexity-simple", r'le=~"4(\\.0)?"'),
        ("courtsight-latency-complexity-complex", r'le=~"10(\\.0)?"'),
        ("courtsight-latency-role-lawyer", r'le=~"6(\\.0)?"'),
        ("courtsight-retrieval", 'le="0.5"'),
    ],
)
def test_latency_rules_look_at_the_edge_of_their_limit(rules: RuleFile, sloth_id: str, edge: str) -> None:
    """The bucket edge is the requirement's limit, written as clients write it."""
    assert edge in recording(rules, "slo:sli_bad_events:increase5m", sloth_id).expr


def test_thirty_day_ranges_are_evaluated_less_often(rules: RuleFile) -> None:
    """Long ranges stand in groups of their own with a longer interval that stays under Prometheus' look-back."""
    period = [group for group in rules.groups if any("[30d]" in rule.expr for rule in group.rules)]
    day = [group for group in rules.groups if any("[1d]" in rule.expr for rule in group.rules)]
    assert {group.interval for group in rules.groups if recorded_in(group, "slo:sli_error:ratio_rate5m")} == {30}
    assert {group.interval for group in day} == {120}
    assert {group.interval for group in period} == {240}


def test_each_window_is_looked_at_as_often_as_its_alerts(rules: RuleFile) -> None:
    """An hour is recorded in the group of the alert that reads it; where none does, and what never changes, seldom."""
    for group in rules.groups:
        quick = any(isinstance(rule, AlertRule) and "ratio_rate1h" in rule.expr for rule in group.rules)
        assert not quick or recorded_in(group, "slo:sli_error:ratio_rate1h")
        assert group.interval == 240 or not recorded_in(group, "slo:objective:ratio")
    hours = {group.interval for group in rules.groups if recorded_in(group, "slo:sli_error:ratio_rate1h")}
    halves = {group.interval for group in rules.groups if recorded_in(group, "slo:sli_error:ratio_rate30m")}
    assert hours == {30, 120}
    assert 120 in halves


def test_an_alert_stands_behind_the_recording_of_its_long_window(rules: RuleFile) -> None:
    """An alert reads a sample of the same evaluation, not of the one before."""
    _behind_their_long_windows(rules)


@pytest.mark.parametrize(
    ("window", "long", "short"),
    [
        ("28d", "5d", "10h"),
        ("28d", "28d", "4d"),
        ("7d", "3d", "6h"),
        ("3d", "3d", "6h"),
        ("6h", "6h", "30m"),
        ("1h", "1h", "5m"),
    ],
)
@pytest.mark.parametrize(
    "sli", ["events: {valid: a_total, bad: b_total}", "raw: {error_ratio: 'avg(avg_over_time(a[$window]))'}"]
)
def test_no_window_is_too_long_to_be_looked_at_at_once(window: str, long: str, short: str, sli: str) -> None:
    """Windows past three days, and the SLO window itself, are alerted on where they are recorded: elsewhere an alert reads what was true minutes ago."""
    pair = f"{{severity: page, budget_share: 50%, long: {long}, short: {short}, for: 2m}}"
    text = f"spec: courtsight/slo/v1\nservice: shop\nowner: shop\nwindow: {window}\nselector: {{job: shop}}\nslos:\n"
    text += f"  own: {{title: Own, objective: 99%, {sli}, alerting: {{windows: [{pair}]}}}}\n"
    made = rule_file(parse_spec(text.encode(), "shop.yaml"))
    assert any(
        isinstance(rule, AlertRule) and rule.alert == "OwnBudgetBurnPage"
        for group in made.groups
        for rule in group.rules
    )
    _behind_their_long_windows(made)


def _behind_their_long_windows(rules: RuleFile) -> None:
    for group in rules.groups:
        recorded: set[str] = set()
        for rule in group.rules:
            if isinstance(rule, RecordingRule):
                recorded.add(rule.record)
            elif "burn_rate_factor" in dict(rule.labels):
                assert f"slo:sli_error:ratio_rate{dict(rule.labels)['long_window']}" in recorded


def test_an_outage_pages_although_every_series_is_gone(rules: RuleFile) -> None:
    """Service down, service not scraped and missing SLI series have alerts of their own; the watchdog always fires."""
    alerts = {rule.alert: rule for rule in rules.alerts()}
    assert alerts["ServiceDown"].expr == 'max(up{job="courtsight"}) == 0'
    assert alerts["ServiceDown"].hold == 60
    assert dict(alerts["ServiceDown"].labels)["severity"] == "page"
    assert alerts["ServiceUnwatched"].expr == 'absent(up{job="courtsight"})'
    assert dict(alerts["InstanceDown"].labels)["severity"] == "ticket"
    assert alerts["Watchdog"].expr == "vector(1)"
    watched = {dict(rule.labels)["sloth_id"] for rule in rules.alerts() if rule.alert == "SLISeriesAbsent"}
    assert len(watched) == 11


def test_annotations_say_what_how_bad_and_where_to_look(rules: RuleFile) -> None:
    """Each alert has a summary, a description and its runbook; burn rates add the measured share and the board."""
    for rule in rules.alerts():
        notes = dict(rule.annotations)
        assert notes["summary"]
        assert notes["description"]
        assert notes["runbook"] == notes["runbook_url"] == f"docs/runbooks/{rule.alert}.md"
        assert notes["dashboard"] == notes["dashboard_url"]
    judge = dict(burn_alerts_of(rules, "courtsight-latency-role-judge")[0].annotations)
    assert "{{ $value | humanizePercentage }}" in judge["description"]
    assert "0.46% of the error budget of 30d" in judge["description"]
    assert judge["dashboard"] == "/d/courtsight-overview?var-role=judge"


def test_what_a_board_is_narrowed_to_ends_no_address(spec: Spec) -> None:
    """A member with spaces and an ampersand is one value of the address, and so is whatever Prometheus finds in the series."""
    slo = replace(spec.slo("ttft"), labels=cell({"court": "Jakarta Pusat & Selatan"}), group_by=("region",))
    told = board_link(spec, slo)
    assert told.endswith("?var-court=Jakarta+Pusat+%26+Selatan&var-region={{ $labels.region | urlquery }}")
    assert filled(told, {"region": "a&b=c d"}).endswith("&var-region=a%26b%3Dc+d")


def test_a_family_and_severity_share_a_name(spec: Spec) -> None:
    """All roles of a family have one alert name, and so one runbook."""
    assert burn_alert_name(spec.slo("latency-role-judge"), Severity.PAGE) == "LatencyRoleBudgetBurnPage"
    assert burn_alert_name(spec.slo("latency-role-public"), Severity.TICKET) == "LatencyRoleBudgetBurnTicket"


def test_a_shorter_slo_window_lowers_the_factors(spec: Spec) -> None:
    """28 days give the factors 13.44, 5.6, 2.8 and 0.933333, computed from the budget shares."""
    month = replace(spec, slos=(replace(spec.slo("availability"), window=Decimal(28 * 86400)),))
    factors = [dict(rule.labels)["burn_rate_factor"] for rule in burn_alerts_of(rule_file(month), AVAILABILITY)]
    assert factors == ["13.44", "5.6", "2.8", "0.933333"]


@given(millionths=st.integers(min_value=1, max_value=999_999))
def test_no_objective_brings_float_noise(spec: Spec, millionths: int) -> None:
    """Any objective is written with the digits that people gave, and its budget with no more."""
    objective = Decimal(millionths) / 1_000_000
    slo = replace(spec.slo("availability"), objective=objective)
    rules = rule_file(replace(spec, slos=(slo,)))
    numbers = [number for rule in rules.rules() for number in re.findall(r"\d+\.\d+", rule.expr)]
    assert all(len(number.split(".")[1]) <= 6 for number in numbers)
    budget = recording(rules, "slo:error_budget:ratio", AVAILABILITY).expr
    assert Decimal(budget.removeprefix("vector(").removesuffix(")")) == 1 - objective


@given(days=st.integers(min_value=1, max_value=90))
def test_every_window_that_an_alert_reads_is_recorded(spec: Spec, days: int) -> None:
    """Whatever the SLO window, no alert reads a ratio that no rule records."""
    slo = replace(spec.slo("availability"), window=Decimal(days * 86400))
    rules = rule_file(replace(spec, slos=(slo,)))
    recorded = {rule.record for rule in rules.recordings()}
    read = {name for rule in rules.alerts() for name in re.findall(r"slo:sli_error:ratio_rate\w+", rule.expr)}
    assert read <= recorded
    assert format_duration(slo.window) in {format_duration(window) for window in windows_of(slo)}


def test_an_slo_window_among_the_alert_windows_is_recorded_once(spec: Spec) -> None:
    """An SLO window of three days coincides with the longest alert window and is still recorded only once."""
    slo = replace(spec.slo("availability"), window=Decimal(3 * 86400))
    rules = rule_file(replace(spec, slos=(slo,)))
    assert [rule.record for rule in rules.recordings()].count("slo:sli_error:ratio_rate3d") == 1


def test_a_service_without_selector_still_gets_rules(spec: Spec) -> None:
    """Without labels that single the service out, expressions have no empty braces."""
    slo = replace(spec.slo("availability"), selector=cell({}))
    rules = rule_file(replace(spec, slos=(slo,), selector=cell({})))
    assert not any("{}" in rule.expr for rule in rules.rules())


def test_a_spec_that_names_no_targets_watches_nobody_elses() -> None:
    """Without a selector `up` would be that of all targets: one exporter that is away would page; the watchdog stands alone."""
    text = (
        "spec: courtsight/slo/v1\nservice: shop\nowner: shop-team\nwindow: 30d\nslos:\n  orders:\n    title: Orders\n"
        "    objective: 99%\n    events: {valid: 'orders_total{job=\"shop\"}', bad: 'failed_total{job=\"shop\"}'}\n"
    )
    examined = examine_spec(text.encode(), "shop.yaml")
    assert examined.spec is not None
    assert [warning.path for warning in examined.warnings] == ["selector"]
    service = rule_file(examined.spec).groups[0]
    assert [rule.alert for rule in service.rules if isinstance(rule, AlertRule)] == ["Watchdog"]


def test_a_composite_stands_behind_what_it_reads() -> None:
    """Wherever it stands in the spec: a composite of composites would else see what they recorded an evaluation ago."""
    slos = """
  whole: {title: Whole, objective: 98%, composite: {components: {half: 1, third: 1}}}
  half: {title: Half, objective: 98%, composite: {components: {first: 1, second: 1}}}
  first: {title: First, objective: 99%, ratio: {metric: a_total, label: ok, good: ["yes"], bad: ["no"]}}
  second: {title: Second, objective: 99%, ratio: {metric: b_total, label: ok, good: ["yes"], bad: ["no"]}}
  third: {title: Third, objective: 99%, ratio: {metric: c_total, label: ok, good: ["yes"], bad: ["no"]}}
"""
    named = [group.name for group in rule_file(parse_spec(shop(slos).encode(), "shop.yaml")).groups]
    fast = [name.removeprefix("shop-") for name in named if name.removeprefix("shop-").count("-") == 0]
    assert fast == ["service", "first", "second", "third", "half", "whole"]
