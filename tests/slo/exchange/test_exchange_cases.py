"""Specs of others, a file for each kind: everything that is approximated or lost is told with its place, and the rest is carried."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from slo.errors import InvalidInput
from slo.exchange.ledger import Fate
from slo.exchange.read import Imported, import_specs
from slo.spec import SLO, CompositeSLI, Direction, EventsSLI, LatencySLI, RawSLI, Severity, TimeSliceSLI
from slo.window_table import load_policy

CASES = Path(__file__).parent / "cases"
EXPECT = re.compile(r'^# expect: (\w+), (\S+), "(.+)"$', re.MULTILINE)
POLICY = load_policy()


def imported(name: str, **options: Any) -> Imported:
    return import_specs([(name, (CASES / name).read_bytes())], POLICY, **options)


def slos(name: str) -> dict[str, SLO]:
    return {slo.id: slo for sheet in imported(name).sheets for slo in sheet.spec.slos}


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_everything_that_is_not_carried_is_told(name: str) -> None:
    """A file says what is approximated or lost in it: that and nothing else is found, each with a line and what to do."""
    text = (CASES / name).read_text(encoding="utf-8")
    found = [entry for entry in imported(name).findings if entry.fate is not Fate.CARRIED]
    expected = EXPECT.findall(text)
    assert expected
    for fate, path, words in expected:
        assert [
            entry for entry in found if (entry.fate, entry.path or "-") == (fate, path) and words in entry.message
        ], (path, found)
    assert len(found) == len(expected), [str(entry) for entry in found]
    assert all(entry.line and entry.advice for entry in found)


def test_counters_become_selectors() -> None:
    """Sums over counters are carried as the counters themselves; percent, window, labels and runbook come along."""
    slo = slos("openslo-occurrences.yaml")["orders"]
    assert slo.sli == EventsSLI("orders_total", bad='orders_total{outcome="failed"}')
    assert (slo.objective, slo.window, slo.title) == (Decimal("0.9995"), 28 * 86400, "Orders taken")
    assert slo.tags == (("area", "front"), ("team", "shop,till"))
    assert slo.runbook == "https://runbooks.example/orders"


def test_labels_of_one_severity_are_carried() -> None:
    """What only Sloth's pages or tickets have stays on ours; a severity that says what ours say is no loss, and the alerts' owner is ours."""
    found = slos("sloth-alerts-of-one-severity.yaml")
    both = {"category": "availability", "team": "pay", "tier": "1"}
    assert found["requests"].tags_of(Severity.PAGE) == {**both, "routing_key": "pay-oncall"}
    assert found["requests"].tags_of(Severity.TICKET) == {**both, "slack_channel": "#alerts-pay"}
    assert (found["requests"].owner, found["loud"].owner) == ("pay-team", "pay-night")
    assert found["loud"].own_tags == ((Severity.TICKET, (("queue", "pay"),)),)


def test_a_description_stays_as_a_comment() -> None:
    """Our SLOs have no description: beside a display name it stands above the SLO for people to read."""
    (sheet,) = imported("openslo-occurrences.yaml").sheets
    assert sheet.remarks == {"orders": ("What customers pay for.",)}
    assert imported("openslo-by-reference.yaml").sheets[0].remarks[""] == ("The till", "Cash and cards.")


def test_references_are_resolved() -> None:
    """SLI, data source, policy and condition are found by name over all documents; a bucket beside its count is a latency."""
    slo = slos("openslo-by-reference.yaml")["paying"]
    assert slo.sli == LatencySLI("pay_seconds", Decimal("0.5"))
    assert slo.calendar
    (window,) = slo.windows
    assert (window.severity, window.budget_share, window.long, window.hold) == (
        Severity.PAGE,
        Decimal("0.02"),
        3600,
        120,
    )


def test_time_slices() -> None:
    """Slices keep their length, limit and grouping; windows that are shorter than a slice grow with it."""
    slo = slos("openslo-time-slices.yaml")["doors"]
    inner = EventsSLI("opened_total", good='opened_total{ok="yes"}')
    assert slo.sli == TimeSliceSLI(Decimal(600), inner, Direction.AT_LEAST, Decimal("0.95"))
    assert slo.group_by == ("door",)
    assert slo.windows
    assert min(window.short for window in slo.windows) >= 600


def test_the_mean_of_slices_is_an_expression() -> None:
    """The unweighted mean of slices' ratios is what RatioTimeslices says, and slices without failures are in it."""
    sli = slos("openslo-mean-of-slices.yaml")["doors"].sli
    assert isinstance(sli, RawSLI)
    assert sli.error_ratio == (
        "avg_over_time(((sum(increase(stuck_total[5m])) or 0 * (sum(increase(opened_total[5m]))))"
        " / (sum(increase(opened_total[5m])) > 0))[$window:5m])"
    )


def test_values_against_limits() -> None:
    """A threshold metric becomes slices whose worst value keeps the limit."""
    sli = slos("openslo-threshold.yaml")["queue"].sli
    worst = "max_over_time((max(queue_age_seconds))[$window:])"
    assert sli == TimeSliceSLI(Decimal(60), worst, Direction.AT_MOST, Decimal(30))


def test_ratios_that_are_there_already() -> None:
    """A stored share of successes is averaged over each window and turned round."""
    assert slos("openslo-raw.yaml")["reached"].sli == RawSLI('1 - (avg_over_time(probe_success{job="probe"}[$window]))')


def test_each_objective_is_an_slo() -> None:
    """Several targets of one SLI are several SLOs, called by what people call them."""
    found = slos("openslo-several-objectives.yaml")
    assert {name: str(slo.objective) for name, slo in found.items()} == {
        "orders-as-promised": "0.99",
        "orders-as-we-wish": "0.999",
    }


def test_composites_have_parts() -> None:
    """Each part is an SLO of its own, and the whole weighs them."""
    found = slos("openslo-composite.yaml")
    assert found["journey"].sli == CompositeSLI((("journey-search", Decimal(5)), ("journey-pay", Decimal(1))))
    assert found["journey-pay"].objective == Decimal("0.99")


def test_what_cannot_be_asked_is_not_made_up() -> None:
    """An SLO that asks another source leaves no spec behind."""
    assert imported("openslo-foreign-sources.yaml").sheets == ()


def test_alert_conditions_become_windows() -> None:
    """A condition that can be met is a pair of windows with the same burn rate."""
    (window,) = slos("openslo-alerts.yaml")["orders"].windows
    assert (window.severity, window.long, window.short) == (Severity.PAGE, 3600, 300)
    assert window.budget_share == Decimal("0.008333")


def test_queries_that_can_be_asked_are_kept() -> None:
    """One SLO's loss does not take the others with it."""
    found = slos("openslo-queries.yaml")
    assert set(found) == {"a", "b"}
    assert found["a"].sli == EventsSLI("a_total", bad='a_total{code="5"}')
    assert found["b"].sli == EventsSLI(
        "sum_over_time((sum(jobs))[$window:])", bad="sum_over_time((sum(stuck))[$window:])"
    )


def test_sloth_events() -> None:
    """Events, latency and raw ratios of Sloth, with labels that all alerts share, and severities that are switched off."""
    found = slos("sloth-events.yaml")
    orders = found["orders-taken"]
    assert orders.sli == EventsSLI('orders_total{job="shop"}', bad='orders_total{job="shop",code=~"(5..|429)"}')
    assert (orders.owner, orders.runbook) == ("shop-team", "https://runbooks.example/orders")
    assert orders.tags == (("area", "front"), ("channel", "orders"), ("tier", "2"))
    assert found["orders-in-time"].sli == LatencySLI("order_seconds", Decimal("0.4"), (("job", "shop"),))
    assert {window.severity for window in found["orders-in-time"].windows} == {Severity.PAGE}
    assert (found["mood"].windows, type(found["mood"].sli)) == ((), RawSLI)
    assert isinstance(found["odd"].sli, EventsSLI)


def test_sloth_resource() -> None:
    """The Kubernetes resource is read like the file; a ratio of two sums becomes events."""
    assert slos("sloth-resource.yaml")["ratio"].sli == EventsSLI("orders_total", bad='orders_total{code="500"}')


def test_owner_and_window_may_be_given() -> None:
    """Sloth knows no window, and many files no owner: both can be said."""
    (sheet,) = imported("sloth-resource.yaml", owner="web-team", period="28d").sheets
    assert (sheet.spec.slos[0].owner, sheet.spec.window) == ("web-team", 28 * 86400)


def test_files_of_one_service_make_one_spec() -> None:
    """Services are told apart, and an SLO that stands twice is lost, not doubled."""
    names = ("openslo-occurrences.yaml", "openslo-raw.yaml", "openslo-by-reference.yaml", "sloth-resource.yaml")
    files = [(name, (CASES / name).read_bytes()) for name in names]
    made = import_specs(files, POLICY)
    assert [sheet.spec.service for sheet in made.sheets] == ["shop", "till"]
    assert [slo.id for slo in made.sheets[0].spec.slos] == ["orders", "reached", "ratio"]
    with pytest.raises(InvalidInput, match=r"there is another SLO 'ratio' in sloth-resource\.yaml"):
        import_specs([*files, ("again.yaml", files[3][1])], POLICY)


def test_a_spec_without_alerts_is_carried_whole() -> None:
    """Sloth's way to record without alerting has a word here, and an owner among the labels is the owner."""
    text = (
        "version: prometheus/v1\nservice: shop\nlabels: {owner: shop-team}\nslos:\n  - name: orders\n    objective: 99.99\n"
        '    sli:\n      events:\n        error_query: sum(rate(orders_total{code=~"5.."}[{{.window}}]))\n'
        "        total_query: sum(rate(orders_total[{{.window}}]))\n"
        "    alerting: {page_alert: {disable: true}, ticket_alert: {disable: true}}\n"
    )
    made = import_specs([("x.yaml", text.encode())], POLICY)
    assert [entry.fate for entry in made.findings] == [Fate.CARRIED]
    assert (made.sheets[0].spec.owner, made.sheets[0].spec.slos[0].windows) == ("shop-team", ())


def test_a_zero_that_stands_in_for_nothing_is_no_obstacle() -> None:
    """`or vector(0)` and parentheses around a sum leave it a sum over one counter: missing errors are none here as well."""
    slo = slos("sloth-or-vector-zero.yaml")["requests-availability"]
    base = 'http_request_duration_seconds_count{job="myservice"'
    assert slo.sli == EventsSLI(base + "}", bad=base + ',code=~"(5..|429)"}')
    assert {window.severity for window in slo.windows} == {Severity.PAGE}


@pytest.mark.parametrize(
    ("bad", "total", "sli"),
    [
        (
            "(sum(rate(a_total[{{.window}}]))) OR vector(0)",
            "((sum(rate(b_total[{{.window}}]))))",
            EventsSLI("b_total", bad="a_total"),
        ),
        (
            "sum(rate(a_total[{{.window}}])) * 2 or on() vector(0.0)",
            "sum(rate(b_total[{{.window}}]))",
            EventsSLI("sum(rate(b_total[$window]))", bad="sum(rate(a_total[$window])) * 2"),
        ),
        (
            "sum(rate(a_total[{{.window}}]) or vector(0))",
            "sum(rate(b_total[{{.window}}]))",
            EventsSLI("sum(rate(b_total[$window]))", bad="sum(rate(a_total[$window]) or vector(0))"),
        ),
    ],
)
def test_both_queries_are_reduced_or_none(bad: str, total: str, sli: EventsSLI) -> None:
    """A rate never stands beside an increase: where one query is more than a sum of rates, the other stays as it is too."""
    text = (
        "version: prometheus/v1\nservice: a\nlabels: {owner: a}\nslos:\n  - name: x\n    objective: 99\n    sli:\n"
        f"      events: {{error_query: '{bad}', total_query: '{total}'}}\n"
    )
    (sheet,) = import_specs([("a.yaml", text.encode())], POLICY).sheets
    assert sheet.spec.slos[0].sli == sli


def test_a_quantile_takes_its_buckets_up() -> None:
    """The label of the buckets is no group of a quantile over them."""
    found = slos("openslo-quantile.yaml")
    assert {slo.group_by for slo in found.values()} == {()}
    assert set(found) == {"lat-fast", "lat-fast-2"}


def test_what_our_reader_refuses_was_not_carried() -> None:
    """An objective of 100 % is lost, and nothing says that its SLO was carried."""
    found = imported("sloth-plugins-and-ranges.yaml").findings
    assert {entry.message.split(":")[0] for entry in found if entry.fate is Fate.CARRIED} == {
        "SLO windowed",
        "SLO nowindow",
    }


def test_what_means_nothing_beside_another_method_is_told() -> None:
    """Targets of slices beside Occurrences, and the weight of a single SLI, are ignored by the specification, and said to be."""
    text = (
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: x, labels: {owner: a}}\nspec:\n  service: a\n"
        "  indicator: {metadata: {name: i}, spec: {ratioMetric: {counter: true,\n"
        "    bad: {metricSource: {type: Prometheus, spec: {query: a_total}}},\n"
        "    total: {metricSource: {type: Prometheus, spec: {query: b_total}}}}}}\n"
        "  timeWindow: [{duration: 30d, isRolling: true}]\n  budgetingMethod: Occurrences\n"
        "  objectives: [{target: 0.9, timeSliceTarget: 0.5, compositeWeight: 3}]\n"
    )
    said = [entry.message for entry in import_specs([("a.yaml", text.encode())], POLICY).findings]
    assert any("timeSliceTarget" in message for message in said)
    assert any("weighs parts of a composite" in message for message in said)
