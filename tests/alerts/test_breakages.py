"""Thirteen things that break in other generators, one test each: none may break here.

Rules are made of small specs, and promtool evaluates them over made-up traffic.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from alerts.emit import rules_yaml
from alerts.lint import Weight, lint
from alerts.model import RecordingRule
from alerts.rules import rule_file
from reports.readiness import decide
from reports.trust import EvidenceSet
from slo.errors import InvalidInput
from slo.load import parse_spec
from slo.quantities import parse_duration
from slo.spec import Phase, Spec
from slo.statistics import Measurement
from slo.verdict import Readiness, Verdict, judge
from slo.window_table import load_policy
from tests.alerts.story import BAD, GOOD, HEAD, ORDERS, RATIO, Story, Tell, cumulative, shop

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("busy_bad", "quiet_bad"), [("0.01", "0"), ("0", "0.05")], ids=["busy", "quiet"])
def test_01_averages_of_ratios_lie_and_sums_of_counts_do_not(told: Tell, busy_bad: str, quiet_bad: str) -> None:
    """Errors in busy or in quiet hours: the ratio of the whole window is within 0.1 % of the truth, where a mean would be far off."""
    minutes = [
        (20_000, busy_bad) if minute // 60 % 24 in range(9, 17) else (200, quiet_bad)
        for minute in range(0, 4 * 1440, 5)
    ]
    bad = [int(count * Decimal(share)) for count, share in minutes]
    good = [count - wrong for (count, _), wrong in zip(minutes, bad, strict=True)]
    truth = sum(bad) / sum(bad + good)
    mean = sum(wrong / count for (count, _), wrong in zip(minutes, bad, strict=True)) / len(minutes)
    assert abs(mean - truth) / truth > 0.5
    # Two samples in five minutes: from Prometheus 3 on, a range does not hold its first moment.
    halves = {
        name: [half for count in counts for half in [count // 2] * 2] for name, counts in ((GOOD, good), (BAD, bad))
    }
    story = Story(shop(window="4d"), {name: cumulative(counts) for name, counts in halves.items()}, step="2m30s")
    told(
        story.near("4d", f"{RATIO}4d{ORDERS}", truth, within=0.001).near(
            "3d", f"{RATIO}3d{ORDERS}", truth, within=0.001
        )
    )


def test_02_idle_time_gives_no_nan_and_ages_out_of_nothing(told: Tell) -> None:
    """Idle minutes, also half an hour and more, leave the short ratios empty, and the long ratio and the remaining budget as they were."""
    story = Story(shop(), {GOOD: "0+999x60 59940+0x45 60000+999x30", BAD: "0+1x60 60+0x45 60+1x30"})
    story.sees("80m", f"{RATIO}5m{ORDERS}").sees("100m", f"{RATIO}5m{ORDERS}").sees("100m", f"{RATIO}30m{ORDERS}")
    for at in ("80m", "100m", "120m"):
        story.near(at, f"{RATIO}30d{ORDERS}", 0.001, within=0.1)
        story.near(at, f"slo:period_error_budget_remaining:ratio{ORDERS} + 1", 1, within=0.1)
    for rule in rule_file(story.spec).recordings():
        for at in ("80m", "100m", "120m"):
            story.sees(at, f"{rule.record}{ORDERS} != {rule.record}{ORDERS}")
    told(story)


def test_03_a_total_outage_pages_although_its_series_are_gone(told: Tell) -> None:
    """When the target is down ServiceDown fires, and when it has vanished ServiceUnwatched; the burn rates see neither."""
    up, others = 'up{job="shop",instance="a"}', 'up{job="bank",instance="b"}'
    story = Story(shop(), {GOOD: "0+100x20 _x60", up: "1x20 0x20 _x40", others: "1x80"})
    story.sees(
        "30m", 'count by (alertname) (ALERTS{alertstate="firing",severity="page"})', ('{alertname="ServiceDown"}', 1)
    )
    story.sees(
        "55m",
        'count by (alertname) (ALERTS{alertstate="firing",severity="page"})',
        ('{alertname="ServiceUnwatched"}', 1),
    )
    told(story.sees("40m", 'count(ALERTS{alertname="SLISeriesAbsent",alertstate="firing"})', ("{}", 1)))


def test_04_counters_that_begin_with_their_first_error_count_whole(told: Tell) -> None:
    """Without a 5xx ever the ratio is zero; a 5xx series born at 5,000 and flat since is 5,000 errors, and pages."""
    story = Story(shop(), {GOOD: "0+1000x120", BAD: "_x90 5000x30"})
    story.sees(
        "80m",
        f"{RATIO}5m{ORDERS}",
        (f'{RATIO}5m{{sloth_id="shop-orders",sloth_service="shop",sloth_slo="orders",sloth_window="5m"}}', 0),
    )
    story.near("92m", f"slo:sli_bad_events:increase5m{ORDERS}", 5000, within=1e-9)
    story.near("92m", f"{RATIO}1h{ORDERS}", 5000 / 65000, within=0.001)
    told(story.firing("93m", "page"))


def test_04_what_a_new_target_brings_along_is_not_taken_for_news(told: Tell) -> None:
    """A process that ran unwatched for days begins with its counters high; they are its past, not errors of this minute."""
    told(
        Story(shop(), {GOOD: "_x90 900000+1000x30", BAD: "_x90 50000x30"})
        .firing("93m")
        .firing("100m")
        .sees("92m", f"{RATIO}5m{ORDERS} > 0")
        .sees("100m", f"{RATIO}5m{ORDERS} > 0")
        .sees("100m", f"{RATIO}1h{ORDERS} > 0")
    )


@pytest.mark.parametrize("end", [" stale", ""])
def test_04_a_target_with_another_label_is_a_new_one(told: Tell, end: str) -> None:
    """A label that the scrape configuration adds makes every series of a process new: its errors of weeks are none of this minute.

    Prometheus marks the old series as gone two scrapes later, and never where it is restarted with the label; so they stay for a while.
    """
    good, bad = (series.replace("}", ',env="prod"}') for series in (GOOD, BAD))
    told(
        Story(
            shop(),
            {GOOD: f"0+1000x90{end}", BAD: f"50000x90{end}", good: "_x91 91000+1000x30", bad: "_x91 50000x30"},
        )
        .firing("93m")
        .firing("100m")
        .near("93m", f"slo:sli_bad_events:increase5m{ORDERS}", 0, within=1e-9)
        .near("100m", f"{RATIO}1h{ORDERS}", 0, within=1e-9)
    )


@pytest.mark.parametrize("objective", ["99%", "95%", "90%", "80%"])
def test_05_every_objective_has_a_page_that_comes_in_time(told: Tell, objective: str) -> None:
    """A total outage after a clean time pages within twelve minutes; the workbook's own windows are linted where they cannot."""
    spec = shop(objective)
    told(Story(spec, {GOOD: "0+1000x400 400000+0x60", BAD: "0x400 1000+1000x60"}).firing("400m").firing("413m", "page"))
    assert {finding.severity for finding in lint(spec)} == {Weight.NOTICE}
    policy = load_policy()
    standard = replace(spec, slos=(replace(spec.slos[0], windows=policy.standard),))
    worst = {finding.severity for finding in lint(standard, policy)} - {Weight.NOTICE}
    assert bool(worst) == (objective != "99%")
    assert all(
        "'windows: reachable' gives" in finding.advice
        for finding in lint(standard, policy)
        if finding.severity in worst
    )


def test_06_one_failure_in_little_traffic_is_linted_and_guarded(told: Tell) -> None:
    """At ten requests an hour one failure pages; the notice names the traffic, and with `least_events` nothing fires."""
    plain, guarded = shop(), shop(more="    least_events: 100\n")
    ten_an_hour = " ".join(f"{count}x5" for count in range(1, 60))
    series = {GOOD: ten_an_hour, BAD: "0x200 1x140"}
    told(Story(plain, series).firing("204m", "page"))
    told(Story(guarded, series).firing("204m").firing("330m"))
    notice = next(finding for finding in lint(plain) if "single bad event" in finding.message)
    assert "69 in 1h" in notice.message
    assert "69 in 1h" not in "".join(finding.message for finding in lint(guarded))


def test_06_a_young_prometheus_does_not_take_hours_for_a_day(told: Tell) -> None:
    """Two failures are all that there was: under a guard of five no ticket is opened, though they came within the first hours of recording."""
    guarded = shop(more="    least_events: 5\n")
    told(Story(guarded, {GOOD: "0x240", BAD: "0x100 1x39 2x100"}).firing("3h").firing("235m"))


def test_06_a_guard_does_not_hide_a_fault_in_enough_traffic(told: Tell) -> None:
    """With a thousand requests a minute the guarded alerts fire as the others do."""
    spec = shop(more="    least_events: 100\n")
    told(
        Story(spec, {GOOD: "0+1000x100 100000+500x400", BAD: "0x100 500+500x400"})
        .firing("110m", "page")
        .firing("300m", "page", "ticket")
    )


def test_07_the_alert_says_which_windows_fired(told: Tell) -> None:
    """Each pair is an alert of its own and carries long window, short window and factor."""
    story = Story(shop(), {GOOD: "0+1000x100 100000+500x60", BAD: "0x100 500+500x60"})
    look = 'count by (long_window, short_window, burn_rate_factor) (ALERTS{alertstate="firing",severity="page",long_window!=""})'
    told(
        story.sees("105m", look, ('{long_window="1h",short_window="5m",burn_rate_factor="14.4"}', 1)).sees(
            "140m",
            look,
            ('{long_window="1h",short_window="5m",burn_rate_factor="14.4"}', 1),
            ('{long_window="6h",short_window="30m",burn_rate_factor="6"}', 1),
        )
    )


def test_08_groups_are_kept_through_every_rule(told: Tell) -> None:
    """Two tiers in one SLO: each has ratios, budgets and alerts of its own, and only the one that fails is alerted."""
    spec = shop(more="    group_by: tier\n")
    good, bad = (f'http_requests_total{{{{job="shop",instance="a",tier="{{}}",code="{code}"}}}}' for code in (200, 500))
    series = {
        good.format("gold"): "0+1000x60 60000+500x60",
        bad.format("gold"): "0x60 500+500x60",
        good.format("iron"): "0+1000x120",
        bad.format("iron"): "0x120",
    }
    story = Story(spec, series)
    story.sees(
        "110m",
        'count by (tier) (ALERTS{alertstate="firing",burn_rate_factor!="",severity="page"})',
        ('{tier="gold"}', 2),
    )
    recorded = [rule.record for rule in rule_file(spec).recordings() if not rule.expr.startswith("vector(")]
    for record in recorded:
        story.sees("110m", f"count by (tier) ({record}{ORDERS})", ('{tier="gold"}', 1), ('{tier="iron"}', 1))
    told(story)


LATENCY = """
  slow:
    title: Fast enough
    objective: 95%
    latency: {{metric: request_seconds, threshold: {threshold}}}
"""


@pytest.mark.parametrize(
    ("threshold", "edge"),
    [
        ("2s", "2"),
        ("2s", "2.0"),
        ("0.25ms", "0.00025"),
        ("0.25ms", "2.5E-4"),
        ("0.05ms", "5e-05"),
        ("0.05ms", "5.0E-5"),
        ("0.0125ms", "1.25e-05"),
    ],
)
def test_09_a_bucket_edge_is_found_however_it_is_written(told: Tell, threshold: str, edge: str) -> None:
    """`le="2"` and `le="2.0"` are the same edge, and `5e-05` is 0.00005; where there is none the ratio is unknown, and a ticket says so."""
    spec = shop(more=LATENCY.format(threshold=threshold))
    slow = '{sloth_id="shop-slow"}'
    count = 'request_seconds_count{job="shop"}'
    told(
        Story(spec, {f'request_seconds_bucket{{job="shop",le="{edge}"}}': "0+90x30", count: "0+100x30"}).near(
            "20m", f"{RATIO}5m{slow}", 0.1, within=1e-9
        )
    )
    absent = 'count(ALERTS{alertname="SLISeriesAbsent",alertstate="firing",sloth_slo="slow"})'
    story = Story(spec, {'request_seconds_bucket{job="shop",le="2.5"}': "0+90x30", count: "0+100x30"})
    told(story.sees("20m", f"{RATIO}5m{slow}").sees("20m", absent, ("{}", 1)))


@pytest.mark.parametrize(
    ("objective", "window"), [("99.95%", "7d"), ("99.7%", "28d"), ("92.37%", "90d"), ("99.999%", "30d")]
)
def test_10_numbers_are_written_as_people_write_them(objective: str, window: str) -> None:
    """No number in a rule has float noise, whatever objective and window; a typo in the spec is an error that names it, of a key that may be left away too."""
    text = rules_yaml(rule_file(shop(objective, window))).decode()
    assert max(len(digits) for digits in re.findall(r"\d+\.(\d+)", text)) <= 7
    with pytest.raises(InvalidInput, match="objective"):
        parse_spec(
            HEAD.replace("objective:", "objctive:").format(objective=objective, window=window).encode(), "shop.yaml"
        )
    with pytest.raises(InvalidInput, match=r"unknown key 'least_evnts' .did you mean 'least_events'"):
        shop(objective, window, more="    least_evnts: 20\n")


def test_11_a_warm_start_pages_when_arithmetic_says(told: Tell) -> None:
    """Two percent errors after a clean hour page after 14.4 x 0.1 % / 2 % of it and `for`; on empty windows `for` alone would hold them back."""
    warm = Story(shop(), {GOOD: "0+1000x70 70000+980x90", BAD: "0x70 20+20x90"})
    predicted = math.ceil(70 + 14.4 * 0.001 / 0.02 * 60)
    told(warm.firing("75m").firing(f"{predicted}m").firing(f"{predicted + 4}m", "page"))
    cold = Story(shop(), {GOOD: "0+980x90", BAD: "0+20x90"})
    told(cold.firing("1m").firing("5m", "page"))


KINDS = """
  late:
    title: Fast enough
    objective: 95%
    latency: {metric: request_seconds, threshold: 2s}
  probed:
    title: Probes answered
    objective: 99%
    raw: {error_ratio: '1 - avg_over_time(probe_success[$window])'}
  sliced:
    title: Minutes without trouble
    objective: 99%
    window: month
    time_slices: {slice: 1m, at_least: 99%, events: {valid: 'http_requests_total{job="shop"}', bad: 'http_requests_total{job="shop",code=~"5.."}'}}
  whole:
    title: The shop as a whole
    objective: 99%
    window: 90d
    composite: {components: {orders: 2, late: 1}}
"""


def test_12_no_rule_reads_weeks_of_raw_counters() -> None:
    """Counters are read over an hour at most; days and weeks are sums of recorded counts, in groups of a longer interval."""
    read = 0
    for group in rule_file(shop(more=KINDS)).groups:
        for rule in group.rules:
            for metric, length in re.findall(r"([a-z_:0-9]+)(?:\{[^}]*\})?\[(\w+)\]", rule.expr):
                seconds = parse_duration(length)
                if not metric.startswith("slo:"):
                    assert seconds <= 3600, rule
                elif seconds > 3 * 86400:
                    read += 1
                    assert metric.endswith(("_sampled", "_month")) or "slices" in metric, rule
                    assert group.interval >= 240
                elif seconds > 3600:
                    assert group.interval >= 120
            assert not isinstance(rule, RecordingRule) or "30d" not in rule.expr or group.interval >= 240
    assert read, "some rules do look at weeks"


def test_13_a_gate_without_measurements_never_passes(spec: Spec) -> None:
    """No file, no events, too few events, a NaN: none of them passes, and a readiness decision on nothing is UNDECIDED."""
    at = datetime(2026, 11, 21, 9, tzinfo=UTC)
    assert decide(spec, EvidenceSet(), Phase.BUILD, at).readiness is Readiness.UNDECIDED
    gate = spec.gate("slo")
    cell = gate.cells[0]
    for measurement in (
        Measurement(None, 0, None),
        Measurement(math.nan, 5000, None),
        Measurement(1.0, 0, None),
        Measurement(1.0, 3, None),
    ):
        assert judge(gate, cell, Phase.BUILD, measurement).verdict is not Verdict.PASS
