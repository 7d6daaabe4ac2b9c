"""Every rule of every SLO as it is committed, against the requirements' limits and the workbook's numbers typed by hand.

`tests/alerts/promtool` asks Prometheus what a few rules do; here no rule of any SLO escapes, and the failure names it.
"""

from __future__ import annotations

import pytest

from alerts.model import AlertRule, RecordingRule, RuleFile

CHAT = "chatbot_request_duration_seconds"
OUTCOMES = 'chatbot_requests_total{job="courtsight",outcome=~"%s"}'

LATENCY = {
    # SLO: (histogram, its labels, the edge at the limit, what singles the SLO out)
    "latency-complexity-simple": (
        CHAT,
        'complexity="simple",job="courtsight"',
        'le=~"4(\\\\.0)?"',
        "complexity simple",
    ),
    "latency-complexity-medium": (
        CHAT,
        'complexity="medium",job="courtsight"',
        'le=~"6(\\\\.0)?"',
        "complexity medium",
    ),
    "latency-complexity-complex": (
        CHAT,
        'complexity="complex",job="courtsight"',
        'le=~"10(\\\\.0)?"',
        "complexity complex",
    ),
    "latency-role-judge": (CHAT, 'job="courtsight",role="judge"', 'le=~"8(\\\\.0)?"', "role judge"),
    "latency-role-lawyer": (CHAT, 'job="courtsight",role="lawyer"', 'le=~"6(\\\\.0)?"', "role lawyer"),
    "latency-role-public": (CHAT, 'job="courtsight",role="public"', 'le=~"4(\\\\.0)?"', "role public"),
    "latency-role-admin": (CHAT, 'job="courtsight",role="admin"', 'le=~"8(\\\\.0)?"', "role admin"),
    "latency-role-researcher": (CHAT, 'job="courtsight",role="researcher"', 'le=~"8(\\\\.0)?"', "role researcher"),
    "ttft": ("chatbot_ttft_seconds", 'job="courtsight"', 'le=~"2(\\\\.0)?"', ""),
    "retrieval": ("chatbot_retrieval_duration_seconds", 'job="courtsight",stage="total"', 'le="0.5"', ""),
}
SLOS = ("availability", *LATENCY)
BURN = {
    # long window: (short window, factor, for in seconds, severity, share of the budget)
    "1h": ("5m", "14.4", 120, "page", "2%"),
    "6h": ("30m", "6", 900, "page", "5%"),
    "1d": ("2h", "3", 3600, "ticket", "10%"),
    "3d": ("6h", "1", 10800, "ticket", "10%"),
}
BURN_95 = {
    # pages come within 10 and 30 minutes of a total outage instead of 43 and 108; the tickets are the workbook's
    "30m": ("5m", "6.624", 120, "page", "0.46%"),
    "3h": ("15m", "3.12", 480, "page", "1.3%"),
    "1d": ("2h", "3", 3600, "ticket", "10%"),
    "3d": ("6h", "1", 10800, "ticket", "10%"),
}
OBJECTIVE = {"availability": ("0.999", "0.001", "99.9")}
WITHIN_95 = ("0.95", "0.05", "95")


def summed(selector: str, among: str, window: str) -> str:
    """The increase of counters, and all of one that was born on a target whose other counters are older."""
    return (
        f"sum(\n  (max_over_time({selector}[{window}]) unless {selector} offset {window})\n"
        f"  and on (job, instance) (timestamp({among}) == on (job, instance) group_left max by (job, instance) (timestamp({among}))"
        f" and {among} offset {window})\n  or\n  increase({selector}[{window}])\n)"
    )


EVERY = OUTCOMES % "ok|abstained|refused|timeout|error"


def valid(slo: str, window: str) -> str:
    if slo == "availability":
        return summed(EVERY, EVERY, window)
    metric, labels, _, _ = LATENCY[slo]
    return f"sum(increase({metric}_count{{{labels}}}[{window}]))"


def bad(slo: str, window: str) -> str:
    if slo == "availability":
        return f"{summed(OUTCOMES % 'timeout|error', EVERY, window)}\nor\n0 * sum(increase({EVERY}[{window}]))"
    metric, labels, edge, _ = LATENCY[slo]
    return f"clamp_min(({valid(slo, window)} - sum(increase({metric}_bucket{{{labels},{edge}}}[{window}]))), 0)"


def own(slo: str) -> dict[str, str]:
    """Labels of everything that belongs to the SLO."""
    name, _, value = LATENCY[slo][3].partition(" ") if slo in LATENCY else ("", "", "")
    ids = {"sloth_id": f"courtsight-{slo}", "sloth_service": "courtsight", "sloth_slo": slo}
    return ids | ({name: value} if name else {})


def of(rules: RuleFile, slo: str) -> list[RecordingRule | AlertRule]:
    return [rule for rule in rules.rules() if dict(rule.labels).get("sloth_slo") == slo]


@pytest.mark.parametrize("slo", SLOS)
def test_counts_and_ratios_are_those_of_the_limit(rules: RuleFile, slo: str) -> None:
    """Counts and the ratios up to an hour read the counters at the SLO's limit; longer ones sum the counts, then divide."""
    recorded = {rule.record: rule for rule in of(rules, slo) if isinstance(rule, RecordingRule)}
    assert recorded["slo:sli_bad_events:increase5m"].expr == bad(slo, "5m")
    assert recorded["slo:sli_valid_events:increase5m"].expr == valid(slo, "5m")
    mark = f'{{sloth_id="courtsight-{slo}"}}'
    base = (f"slo:sli_{kind}_events:increase5m{mark}" for kind in ("bad", "valid"))
    assert recorded["slo:sli_error:ratio_rate5m"].expr == "{}\n/\n({} > 0)".format(*base)
    for window in ("30m", "1h"):
        over = f"(\n{bad(slo, window)}\n)" if slo == "availability" else bad(slo, window)
        assert recorded[f"slo:sli_error:ratio_rate{window}"].expr == f"{over}\n/\n({valid(slo, window)} > 0)"
    for window in ("2h", "6h", "1d", "3d", "30d"):
        kept = "increase5m_sampled" if window == "30d" else "increase5m"
        assert recorded[f"slo:sli_error:ratio_rate{window}"].expr == (
            f"sum_over_time(slo:sli_bad_events:{kept}{mark}[{window}])\n/\n"
            f"(sum_over_time(slo:sli_valid_events:{kept}{mark}[{window}]) > 0)"
        )
    for kind in ("bad", "valid"):
        count = f"slo:sli_{kind}_events:increase5m"
        assert recorded[f"{count}_sampled"].expr == count + mark


@pytest.mark.parametrize("slo", SLOS)
def test_objective_budget_and_burn_rates_are_recorded(rules: RuleFile, slo: str) -> None:
    """99.9 % of the questions and 95 % of every latency, over 30 days; burn rates are the ratio over the budget."""
    recorded = {rule.record: rule for rule in of(rules, slo) if isinstance(rule, RecordingRule)}
    objective, budget, percent = OBJECTIVE.get(slo, WITHIN_95)
    mark = f'{{sloth_id="courtsight-{slo}"}}'
    assert recorded["slo:objective:ratio"].expr == f"vector({objective})"
    assert recorded["slo:error_budget:ratio"].expr == f"vector({budget})"
    assert recorded["slo:time_period:days"].expr == "vector(30)"
    assert recorded["sloth_slo_info"].expr == "vector(1)"
    assert dict(recorded["sloth_slo_info"].labels)["sloth_objective"] == percent
    for record, window in (("slo:current_burn_rate:ratio", "5m"), ("slo:period_burn_rate:ratio", "30d")):
        assert recorded[record].expr == f"slo:sli_error:ratio_rate{window}{mark} / {budget}"
    assert recorded["slo:period_error_budget_remaining:ratio"].expr == f"1 - slo:period_burn_rate:ratio{mark}"


@pytest.mark.parametrize("slo", SLOS)
def test_recorded_series_carry_their_slo_and_window(rules: RuleFile, slo: str) -> None:
    """Eighteen series and the info, at 95 % two windows more, with the SLO's own labels, and the window on each error ratio alone."""
    recorded = [rule for rule in of(rules, slo) if isinstance(rule, RecordingRule)]
    assert len(recorded) == (19 if slo == "availability" else 21)
    for rule in recorded:
        _, is_ratio, window = rule.record.partition("slo:sli_error:ratio_rate")
        labels = dict(rule.labels)
        if rule.record == "sloth_slo_info":
            labels = {name: labels[name] for name in own(slo)}
        assert labels == own(slo) | ({"sloth_window": window} if is_ratio else {}), rule.record


@pytest.mark.parametrize(
    ("slo", "long"), [(slo, long) for slo in SLOS for long in (BURN if slo == "availability" else BURN_95)]
)
def test_burn_rate_alerts_are_the_workbooks_or_fitted_to_95_percent(rules: RuleFile, slo: str, long: str) -> None:
    """Expression, `for`, labels and texts of each pair of windows; both windows have to burn faster than the factor."""
    short, factor, hold, severity, share = (BURN if slo == "availability" else BURN_95)[long]
    (alert,) = (
        rule for rule in of(rules, slo) if isinstance(rule, AlertRule) and dict(rule.labels).get("long_window") == long
    )
    budget = OBJECTIVE.get(slo, WITHIN_95)[1]
    mark = f'{{sloth_id="courtsight-{slo}"}}'
    family = "".join(part.capitalize() for part in slo.split("-")[:2])
    assert alert.alert == f"{family}BudgetBurn{severity.capitalize()}"
    assert alert.expr == (
        f"(slo:sli_error:ratio_rate{long}{mark} > ({factor} * {budget}))\nand ignoring (sloth_window)\n"
        f"(slo:sli_error:ratio_rate{short}{mark} > ({factor} * {budget}))"
    )
    assert alert.hold == hold
    assert dict(alert.labels) == own(slo) | {
        "burn_rate_factor": factor,
        "long_window": long,
        "owner": "courtsight-operations",
        "severity": severity,
        "short_window": short,
        "sloth_severity": severity,
    }
    notes = dict(alert.annotations)
    assert notes["runbook"] == notes["runbook_url"] == f"docs/runbooks/{alert.alert}.md"
    assert notes["dashboard_url"] == notes["dashboard"]
    assert notes["summary"].endswith(f"{slo} burns its error budget over {factor} times too fast")
    assert f"{share} of the error budget of 30d is spent within {long}." in notes["description"]
    assert notes["dashboard"].startswith("/d/courtsight-overview")


@pytest.mark.parametrize("slo", SLOS)
def test_a_missing_indicator_opens_a_ticket(rules: RuleFile, slo: str) -> None:
    """Ten minutes without the series at the limit, and somebody is told that the SLO is blind."""
    (alert,) = (rule for rule in of(rules, slo) if isinstance(rule, AlertRule) and rule.alert == "SLISeriesAbsent")
    metric, labels, edge, _ = LATENCY.get(slo, ("", "", "", ""))
    series = f"{metric}_bucket{{{labels},{edge}}}" if metric else EVERY
    assert alert.expr == f"absent({series})"
    assert alert.hold == 600
    assert dict(alert.labels) == own(slo) | {
        "owner": "courtsight-operations",
        "severity": "ticket",
        "sloth_severity": "ticket",
    }


def test_the_service_is_watched_as_a_whole(rules: RuleFile) -> None:
    """Down after one minute and unwatched after five are pages, one instance after five is a ticket; the watchdog waits for nothing."""
    found = {
        rule.alert: (rule.expr, int(rule.hold), dict(rule.labels)["severity"])
        for rule in rules.groups[0].rules
        if isinstance(rule, AlertRule)
    }
    assert found == {
        "ServiceDown": ('max(up{job="courtsight"}) == 0', 60, "page"),
        "ServiceUnwatched": ('absent(up{job="courtsight"})', 300, "page"),
        "InstanceDown": ('up{job="courtsight"} == 0', 300, "ticket"),
        "Watchdog": ("vector(1)", 0, "none"),
    }


def test_there_are_rules_for_these_slos_and_no_others(rules: RuleFile) -> None:
    """Eleven SLOs with their series, four burn-rate alerts and one absence alert each, and the four of the service."""
    assert {dict(rule.labels).get("sloth_slo") for rule in rules.rules()} == {*SLOS, None}
    assert len(list(rules.rules())) == 19 + 21 * len(LATENCY) + len(SLOS) * (4 + 1) + 4
