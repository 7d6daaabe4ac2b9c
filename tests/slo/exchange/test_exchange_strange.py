"""Specs of others as they turn up: valid in their own format, and unlike the examples."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from slo.errors import InvalidInput
from slo.exchange.ledger import Fate
from slo.exchange.read import Imported, import_specs
from slo.spec import SLO, EventsSLI, RawSLI
from slo.window_table import load_policy

POLICY = load_policy()
BAD, TOTAL = 'sum(rate(a_total{code="500"}[{{.window}}]))', "sum(rate(a_total[{{.window}}]))"
RATIO = {"counter": True, "good": 'sum(a_total{code="200"})', "total": "sum(a_total)"}


def sloth(sli: dict[str, Any], *, objective: float = 99.9) -> Imported:
    slo = {"name": "asked", "objective": objective, "sli": sli, "alerting": {"page_alert": {}}}
    return read({"version": "prometheus/v1", "service": "web", "labels": {"owner": "web"}, "slos": [slo]})


def events(bad: str, total: str) -> Imported:
    return sloth({"events": {"error_query": bad, "total_query": total}})


def openslo(
    *conditions: dict[str, Any], ratio: dict[str, Any] | None = None, method: str = "Occurrences", **objective: Any
) -> Imported:
    """One SLO of a week, 99 % good without more said, with an inline policy for each condition."""
    queries = RATIO if ratio is None else ratio
    metric = {
        key: {"metricSource": {"type": "Prometheus", "spec": {"query": value}}} if isinstance(value, str) else value
        for key, value in queries.items()
        if key != "rawType"
    }
    if "rawType" in queries:
        metric["rawType"] = queries["rawType"]
    policies = [
        {
            "kind": "AlertPolicy",
            "metadata": {"name": f"p{number}"},
            "spec": {"alertWhenBreaching": True, "conditions": [one]},
        }
        for number, one in enumerate(conditions)
    ]
    spec = {
        "service": "web",
        "indicator": {"metadata": {"name": "i"}, "spec": {"ratioMetric": metric}},
        "timeWindow": [{"duration": "7d", "isRolling": True}],
        "budgetingMethod": method,
        "objectives": [{"target": 0.99, **objective}],
        "alertPolicies": policies,
    }
    return read(
        {
            "apiVersion": "openslo/v1",
            "kind": "SLO",
            "metadata": {"name": "asked", "labels": {"owner": "web"}},
            "spec": spec,
        }
    )


def condition(threshold: float, lookback: str, after: str) -> dict[str, Any]:
    burn = {"kind": "burnrate", "op": "gte", "threshold": threshold, "lookbackWindow": lookback, "alertAfter": after}
    return {"kind": "AlertCondition", "metadata": {"name": "c"}, "spec": {"severity": "page", "condition": burn}}


def read(plain: dict[str, Any]) -> Imported:
    return import_specs([("asked.json", json.dumps(plain).encode())], POLICY)


def only(imported: Imported) -> SLO:
    ((slo,),) = (sheet.spec.slos for sheet in imported.sheets)
    return slo


def told(imported: Imported, fate: Fate) -> list[str]:
    return [finding.message for finding in imported.findings if finding.fate is fate]


@pytest.mark.parametrize("objective", [100, 100.0])
def test_an_objective_of_everything_is_lost_beside_alerts_too(objective: float) -> None:
    """Sloth takes 100; it leaves no budget by which windows could be chosen, so the SLO is lost with that reason."""
    imported = sloth({"events": {"error_query": BAD, "total_query": TOTAL}}, objective=objective)
    assert imported.sheets == ()
    assert any("100%" in message for message in told(imported, Fate.LOST))


@pytest.mark.parametrize(
    ("word", "places"), [("page", []), ("pageteam", ["slos.0.alerting.page_alert.labels.severity"])]
)
def test_a_severity_of_the_only_alert_is_told_where_it_stands(word: str, places: list[str]) -> None:
    """Where tickets are disabled, a severity of the pages that says what ours say is no loss, and another has its place."""
    alerting = {"page_alert": {"labels": {"severity": word, "team": "a"}}, "ticket_alert": {"disable": True}}
    slo = {"name": "asked", "objective": 99, "sli": {"events": {"error_query": BAD, "total_query": TOTAL}}}
    imported = read(
        {
            "version": "prometheus/v1",
            "service": "web",
            "labels": {"owner": "web"},
            "slos": [{**slo, "alerting": alerting}],
        }
    )
    assert [finding.path for finding in imported.findings if finding.fate is Fate.LOST] == places
    assert only(imported).tags == (("team", "a"),)


@pytest.mark.parametrize("number", ["1", "100 * 2", "time()", "scalar(a_total)"])
def test_a_number_counts_nothing(number: str) -> None:
    """A query that is a number, without any series behind it, is lost, and does not end the import."""
    imported = events(BAD, number)
    assert imported.sheets == ()
    assert told(imported, Fate.LOST) == ["is a number, of which no series tell"]
    assert openslo(ratio={**RATIO, "total": number, "counter": False}).sheets == ()


def test_the_order_of_groups_means_nothing() -> None:
    """`by (a, b)` beside `by (b, a)`, and a label that stands twice, are the same groups."""
    made = only(events(f"sum by (zone, region) ({BAD[4:-1]})", f"sum by (region, zone, zone) ({TOTAL[4:-1]})"))
    assert made.sli == EventsSLI("a_total", bad='a_total{code="500"}')
    assert set(made.group_by) == {"zone", "region"}


@pytest.mark.parametrize("outer", ["sum without (instance) {}", "topk(3, {})", "{}"])
def test_series_that_are_summed_are_told(outer: str) -> None:
    """Where a query keeps labels that nobody can know from it, their ratios become one: that is told, not only without any aggregation."""
    bad, total = (outer.replace("{}", query[3:] if "without" in outer else query[4:-1]) for query in (BAD, TOTAL))
    assert sum("its series are summed" in message for message in told(events(bad, total), Fate.APPROXIMATED)) == 2


@pytest.mark.parametrize(
    ("query", "sli"),
    [
        (f"1 - ({TOTAL} / {BAD})", EventsSLI('a_total{code="500"}', good="a_total")),
        (f"1 - {BAD} / {TOTAL}", EventsSLI("a_total", good='a_total{code="500"}')),
        (f"(1.0 - (({BAD}) / ({TOTAL}))) or vector(0)", EventsSLI("a_total", good='a_total{code="500"}')),
        (f"({BAD}) / ({TOTAL})", EventsSLI("a_total", bad='a_total{code="500"}')),
    ],
)
def test_what_is_left_of_a_ratio_is_counted(query: str, sli: EventsSLI) -> None:
    """One less a ratio of two sums is that of the other events: counts are summed before they are divided, as for the ratio itself."""
    assert only(sloth({"raw": {"error_ratio_query": query}})).sli == sli


def test_a_ratio_that_is_more_stays_as_it_is() -> None:
    """One less a ratio, and more behind it, is no ratio of counts."""
    assert isinstance(only(sloth({"raw": {"error_ratio_query": f"1 - {BAD} / {TOTAL} / 2"}})).sli, RawSLI)


def test_a_ratio_over_a_range_of_its_own_is_counted() -> None:
    """A ratio of two rates over five minutes becomes events over each window, and the range is told."""
    query = f"{BAD} / {TOTAL}".replace("{{.window}}", "5m")
    imported = openslo(ratio={"rawType": "success", "raw": query})
    assert only(imported).sli == EventsSLI("a_total", good='a_total{code="500"}')
    assert "its own range became [$window]" in told(imported, Fate.APPROXIMATED)


def test_metrics_may_be_named_by_a_pattern() -> None:
    """A query over several metrics at once reads series, though none is named by a word."""
    pattern = 'sum(increase({__name__=~"(a|b)_total"%s}[{{.window}}]))'
    made = only(events(pattern % ',code="500"', pattern % ""))
    assert made.sli == EventsSLI(
        'sum(increase({__name__=~"(a|b)_total"}[$window]))',
        bad='sum(increase({__name__=~"(a|b)_total",code="500"}[$window]))',
    )


def test_a_short_window_that_is_added_holds_a_slice() -> None:
    """OpenSLO's alerts have one window: the second is chosen so that a slice fits into it, else our reader would refuse the SLO."""
    imported = openslo(condition(5, "1h", "5m"), method="Timeslices", timeSliceTarget=0.9, timeSliceWindow="15m")
    assert [(window.long, window.short) for window in only(imported).windows] == [(3600, 900)]


def test_no_alert_looks_at_less_than_a_slice_of_a_mean() -> None:
    """The mean of slices has a sample a slice: a window that is shorter would be empty most of the time."""
    made = only(openslo(method="RatioTimeslices", timeSliceWindow="1h"))
    assert isinstance(made.sli, RawSLI)
    assert min(window.short for window in made.windows) == 3600


@pytest.mark.parametrize(
    ("lookback", "after", "said"),
    [("5m", "1h", "waits 1h of the 5m"), ("5m", "5m", "waits 5m of the 5m"), ("1m", "0m", "looks back 1m")],
)
def test_a_policy_that_ours_cannot_be_is_lost_alone(lookback: str, after: str, said: str) -> None:
    """A policy without a pair of windows like it is lost; its SLO stays, with the other policies."""
    imported = openslo(condition(2, lookback, after), condition(3, "6h", "15m"))
    assert [window.long for window in only(imported).windows] == [6 * 3600]
    assert [message for message in told(imported, Fate.LOST) if said in message]


def test_small_numbers_may_have_an_exponent() -> None:
    """JSON writes a billionth as 1e-09, which YAML takes for a text."""
    assert only(openslo(target=1e-9)).objective == Decimal("1e-9")


def test_several_conditions_are_refused_with_a_mend() -> None:
    """The specification allows one condition in a policy: more are a problem that says so and what to do."""
    policy = {"kind": "AlertPolicy", "apiVersion": "openslo/v1", "metadata": {"name": "p"}}
    both = [condition(3, "6h", "15m"), condition(2, "1d", "1h")]
    with pytest.raises(InvalidInput) as raised:
        read({**policy, "spec": {"alertWhenBreaching": True, "conditions": both}})
    (problem,) = raised.value.problems
    assert (problem.path, problem.advice) == ("spec.conditions", "keep only so many")
