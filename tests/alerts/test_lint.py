"""Lint lines: alerts that cannot fire, fire late, or fire on a single failure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from alerts.lint import Finding, Weight, lint, lonely_failure_events
from slo.budget import firing_ratio
from slo.load import load_windows, parse_spec
from slo.spec import Severity, Spec, Window
from slo.window_table import load_policy

STANDARD = load_windows()
KINDS = """
spec: courtsight/slo/v1
service: shop
owner: shop-team
window: 30d
selector: {job: shop}
slos:
  orders:
    title: Orders taken
    objective: 99.9%
    events: {valid: orders_total, bad: 'orders_total{outcome="error"}'}
  probed:
    title: Reached
    objective: 99.9%
    raw: {error_ratio: '1 - avg(avg_over_time(probe_success[$window]))'}
  sliced:
    title: Good minutes
    objective: 99%
    time_slices: {slice: 1m, at_least: 99%, events: {valid: orders_total, bad: 'orders_total{outcome="error"}'}}
  whole:
    title: All of it
    objective: 99%
    composite: {components: {orders: 2, sliced: 1}}
"""


def at_objective(spec: Spec, objective: str, windows: tuple[Window, ...] = STANDARD) -> Spec:
    slo = replace(spec.slo("availability"), objective=Decimal(objective), windows=windows)
    return replace(spec, slos=(slo,))


def of_weight(findings: tuple[Finding, ...], weight: Weight) -> list[Finding]:
    return [finding for finding in findings if finding.severity is weight]


def test_at_95_percent_a_total_outage_pages_after_43_minutes(spec: Spec) -> None:
    """The finding names 43.2 minutes, the arithmetic behind it, and the factor that would do."""
    late = of_weight(lint(at_objective(spec, "0.95")), Weight.WARNING)
    assert len(late) == 1
    assert "43.2 min" in late[0].message
    assert "14.4 x 5% = 72% of 1h" in late[0].message
    assert "a factor up to 5 pages within 15m" in late[0].advice


def test_at_90_percent_the_fast_page_never_fires(spec: Spec) -> None:
    """14.4 times a budget of 10 % is more than everything: an error, and the slow page is late besides."""
    findings = lint(at_objective(spec, "0.9"))
    errors = of_weight(findings, Weight.ERROR)
    assert len(errors) == 1
    assert "AvailabilityBudgetBurnPage (1h/5m) can never fire" in errors[0].message
    assert "144%" in errors[0].message
    assert "factor under 10" in errors[0].advice
    assert "216 min" in of_weight(findings, Weight.WARNING)[0].message


def test_just_everything_never_fires_either(spec: Spec) -> None:
    """A threshold of 100 % is one that no error ratio passes: an error, and nothing that pages."""
    whole = replace(STANDARD[0], long=Decimal(25_920), short=Decimal(2_160), budget_share=Decimal("0.1"))
    assert whole.severity is Severity.PAGE
    assert firing_ratio(at_objective(spec, "0.9", (whole,)).slo("availability"), whole) == 1
    findings = lint(at_objective(spec, "0.9", (whole,)))
    assert [finding.message.count("can never fire") for finding in of_weight(findings, Weight.ERROR)] == [1]
    assert any("no burn rate pages" in finding.message for finding in of_weight(findings, Weight.NOTICE))


def test_at_50_percent_no_page_fires_at_all(spec: Spec) -> None:
    """Where no page can fire there is no time to warn of, only errors: three pairs need 100 % or more."""
    findings = lint(at_objective(spec, "0.5"))
    assert len(of_weight(findings, Weight.ERROR)) == 3
    assert not of_weight(findings, Weight.WARNING)


def test_pages_that_nobody_asked_for_are_not_laid_to_the_objective(spec: Spec) -> None:
    """Where the objective lets a burn rate page and the spec's own windows do not, that is said, with the windows that would."""
    tickets = tuple(window for window in STANDARD if window.severity is Severity.TICKET)
    for own in (tickets, ()):
        (found,) = (
            finding
            for finding in lint(at_objective(spec, "0.999", own), load_policy())
            if "no burn rate pages" in finding.message
        )
        assert found.message == "no burn rate pages: none of its windows does"
        assert found.advice.startswith("'windows: reachable' gives 2% in 1h/5m for 2m")
    sliced = parse_spec(
        KINDS.replace("slice: 1m", "slice: 10m")
        .replace(
            "    time_slices",
            "    alerting: {windows: [{severity: ticket, budget_share: 2%, long: 12h, short: 1h, for: 10m}]}\n    time_slices",
        )
        .encode(),
        "slices.yaml",
    )
    told = [finding.advice for finding in lint(sliced, load_policy()) if "no burn rate pages" in finding.message]
    assert told == ["add a pair with severity: page"]


def test_at_999_per_mille_the_windows_work(spec: Spec) -> None:
    """The workbook's windows at the workbook's objective bring neither errors nor warnings."""
    assert {finding.severity for finding in lint(at_objective(spec, "0.999"))} == {Weight.NOTICE}


def test_seventy_requests_an_hour_are_needed_at_three_nines(spec: Spec) -> None:
    """One failure among 69 is over 1.44 %, among 70 it is not; the notice says 69, 166, 333 and 999."""
    notice = of_weight(lint(at_objective(spec, "0.999")), Weight.NOTICE)[0]
    assert all(
        f"{count} in {window}" in notice.message
        for count, window in [(69, "1h"), (166, "6h"), (333, "1d"), (999, "3d")]
    )


def test_every_slo_of_the_shipped_spec_is_looked_at(spec: Spec) -> None:
    """Derived windows page in time at 95 % too: every SLO has its notice about little traffic, and none a warning."""
    findings = lint(spec)
    assert {finding.severity for finding in findings} == {Weight.NOTICE}
    assert {finding.slo for finding in findings} == {slo.id for slo in spec.slos}


def test_a_finding_reads_as_a_sentence(spec: Spec) -> None:
    """Weight, SLO, message and advice stand in one line."""
    line = str(lint(at_objective(spec, "0.9"))[0])
    assert line.startswith("error: availability: ")
    assert line.endswith(")")


def test_without_pages_nothing_is_late(spec: Spec) -> None:
    """A window table of tickets only is not warned about for its pages."""
    first = at_objective(spec, "0.5", STANDARD[:1])
    assert [finding.severity for finding in lint(first)] == [Weight.ERROR, Weight.NOTICE]
    tickets = tuple(window for window in STANDARD if window.severity is Severity.TICKET)
    assert not of_weight(lint(at_objective(spec, "0.95", tickets)), Weight.WARNING)


@given(thousandths=st.integers(min_value=1, max_value=999), pair=st.integers(min_value=0, max_value=3))
def test_one_failure_fires_up_to_the_named_traffic_and_not_beyond(spec: Spec, thousandths: int, pair: int) -> None:
    """At the named number of events one failure exceeds the limit; with one event more it does not."""
    slo = replace(spec.slo("availability"), objective=Decimal(thousandths) / 1000)
    limit, events = firing_ratio(slo, STANDARD[pair]), lonely_failure_events(slo, STANDARD[pair])
    if events:
        assert Decimal(1) / events > limit
    assert Decimal(1) / (events + 1) <= limit


def test_the_advised_factor_pages_in_time(spec: Spec) -> None:
    """Following the advice, a factor of 5 over an hour, ends the warning."""
    late = at_objective(spec, "0.95")
    advised = replace(STANDARD[0], budget_share=Decimal(5) * 3600 / (30 * 86400))
    assert of_weight(lint(late), Weight.WARNING)
    assert not of_weight(lint(at_objective(spec, "0.95", (advised, *STANDARD[1:]))), Weight.WARNING)


def test_little_traffic_is_told_in_the_words_of_the_kind() -> None:
    """Advice that a spec would refuse is none: slices and raw ratios take no `least_events`, and a composite has no events of its own."""
    spec = parse_spec(KINDS.encode(), "kinds.yaml")
    told = {finding.slo: finding for finding in lint(spec) if "a single bad" in finding.message}
    assert set(told) == {"orders", "sliced"}
    assert "least_events" in told["orders"].advice
    assert "valid slices: 6 in 1h" in told["sliced"].message
    assert "least_events" not in told["sliced"].advice


def test_windows_that_hold_no_slice_are_not_advised() -> None:
    """Slices of ten minutes with a page that comes late: 'reachable' has windows of five minutes, which the reader refuses for them."""
    text = """
spec: courtsight/slo/v1
service: shop
owner: shop-team
window: 30d
selector: {job: shop}
slos:
  queue:
    title: Fresh
    objective: 95%
    time_slices: {slice: SLICE, value: 'max(max_over_time(queue_age_seconds[$window]))', at_most: 30s}
    alerting: {windows: [{severity: page, budget_share: 2%, long: 6h, short: 30m, for: 10m}]}
"""
    told = {}
    for length in ("5m", "10m"):
        spec = parse_spec(text.replace("SLICE", length).encode(), "shop.yaml")
        (late,) = of_weight(lint(spec, load_policy()), Weight.WARNING)
        told[length] = late.advice
    assert "'windows: reachable' gives" in told["5m"]
    assert told["10m"] == "a factor up to 0.8 pages within 15m"
